"""What Django knows this room by."""

from django.apps import AppConfig


class App(AppConfig):
    """Turnpoint's app."""

    name = "turnpoint.app"
    label = "turnpoint"
