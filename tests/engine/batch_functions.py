"""Functions for workers to make; they live in a module of their own so that a worker can import them."""

import os


def multiplier(factor):
    def multiply(number):
        print("what a function prints must not reach the caller as an answer")
        return factor * number, os.getpid()

    return multiply


def failing():
    def fail(number):
        raise ValueError(f"no {number}")

    return fail


def dying():
    """A function that ends its process, unless it runs in the one named."""
    parent = int(os.environ["TURNPOINT_TEST_PARENT"])

    def die(number):
        if os.getpid() != parent:
            os._exit(3)
        return number, os.getpid()

    return die
