"""Virtual patients, policies and trials: would an early switch have helped?"""
