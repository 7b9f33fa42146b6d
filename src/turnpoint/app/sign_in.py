"""Who signed in with the team's provider, and as what; django-allauth speaks with the provider."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.models import AbstractUser, Group
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from turnpoint.app.shell import language_of, shell_of, show
from turnpoint.app.team import PROVIDER

log = logging.getLogger("turnpoint.app")


class Adapter(DefaultSocialAccountAdapter):
    """A person comes in with the role that the provider's claim says, each time anew."""

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """The role of this sign-in; nobody without one comes in."""
        role = settings.TURNPOINT.team.role_of(_claims(sociallogin.account.extra_data))
        if role is None:
            raise ImmediateHttpResponse(_refusal(request, has_account=True))
        sociallogin.email_addresses = []  # a person is who the provider says by its `sub`; addresses change hands
        sociallogin.state["next"] = "/"
        request.turnpoint_role = role
        if sociallogin.is_existing:
            _become(sociallogin.user, role)

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> AbstractUser:
        """A person who comes for the first time."""
        user = super().save_user(request, sociallogin, form)
        _become(user, request.turnpoint_role)
        return user

    def populate_user(self, request: HttpRequest, sociallogin: Any, data: Any) -> AbstractUser:
        """Their name at the provider, and nothing else of them."""
        return super().populate_user(
            request, sociallogin, {"username": data.get("username") or data.get("name")}
        )

    def on_authentication_error(self, request: HttpRequest, *_: Any, **__: Any) -> None:
        """The provider did not let them in, or cannot be reached."""
        raise ImmediateHttpResponse(_refusal(request, has_account=False))


@require_GET
def door(request: HttpRequest) -> HttpResponse:
    """Where one signs in."""
    if request.user.is_authenticated:
        return HttpResponseRedirect("/")
    _, words = language_of(request)
    shell = shell_of(request, words.text("Sign in"))
    return show(request, "sign_in.html", shell, said=None, way=_way())


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Sign out here; the session at the provider is its own."""
    logout(request)
    return HttpResponseRedirect("/sign-in")


def _way() -> str:
    return f"/sign-in/oidc/{PROVIDER}/login/"


def _claims(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of the ID token and of the user-info address; both are the provider's."""
    return {**(given.get("id_token") or {}), **(given.get("userinfo") or {})}


def _become(user: AbstractUser, role: str) -> None:
    """What the provider says now holds, not what it said before."""
    user.is_superuser = role == "admin"
    user.save(update_fields=["is_superuser"])
    user.groups.set([Group.objects.get_or_create(name=role)[0]])


def _refusal(request: HttpRequest, *, has_account: bool) -> HttpResponse:
    log.info("sign-in refused: %s", "no role" if has_account else "not let in by the provider")
    _, words = language_of(request)
    said = (
        words.text("You are known, but have no role in Turnpoint. Ask whoever looks after the sign-in.")
        if has_account
        else words.text("The sign-in did not work. Try again, or ask whoever looks after it.")
    )
    shell = shell_of(request, words.text("Sign in"))
    return show(request, "sign_in.html", shell, 403, said=said, way=_way())
