"""Settings of all tests."""

from hypothesis import settings

# A test says what is right, not how fast it is: the machine may be busy.
settings.register_profile("turnpoint", deadline=None)
settings.load_profile("turnpoint")
