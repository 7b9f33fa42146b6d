"""What a person may see and do: an admin everything, others what their role in a study says.

Where a team signs in, their provider says the most that a person may do: whoever is a viewer there edits nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.db.models import QuerySet

from turnpoint.app import trail
from turnpoint.app.models import Access, Patient, Study
from turnpoint.errors import UsageError

Role = Literal["viewer", "editor"]


def studies_for(user: AbstractUser) -> QuerySet[Study]:
    """The studies that this person may see."""
    if user.is_superuser:
        return Study.objects.all()
    return Study.objects.filter(access__user=user)


def patients_for(user: AbstractUser) -> QuerySet[Patient]:
    """The patients that this person may see."""
    return Patient.objects.filter(removed=False, study__in=studies_for(user)).select_related("study")


def may_edit(user: AbstractUser, study: Study) -> bool:
    """Whether this person may change the study's patients."""
    own = Access.objects.filter(user=user, study=study, role="editor")
    return user.is_superuser or own.exclude(user__groups__name="viewer").exists()


def may_add(user: AbstractUser) -> bool:
    """Whether this person may bring studies, and see the whole trail."""
    return bool(user.is_superuser)


OPERATOR = "whoever has the store"  # gives access by command, on the machine itself


@dataclass(frozen=True, slots=True)
class Person:
    """Who signed in.

    Attributes:
        name: at the provider, at the first sign-in.
        most: that they may do, as the provider said last.
        studies: identifier and role of each study they may see.
    """

    name: str
    most: str
    studies: tuple[tuple[str, str], ...]


def people() -> Iterator[Person]:
    """Everybody who signed in, by name."""
    for user in get_user_model().objects.order_by("username"):
        groups = ", ".join(user.groups.order_by("name").values_list("name", flat=True))
        own = Access.objects.filter(user=user).order_by("study").values_list("study", "role")
        yield Person(user.get_username(), groups or ("admin" if user.is_superuser else "none"), tuple(own))


def give(person: str, role: str, studies: Sequence[str]) -> None:
    """Let a person into studies.

    Raises:
        UsageError: the person, the role or a study is not known; everything wrong at once, and nothing is changed.
    """
    wrong = [] if role in ("viewer", "editor") else [f"ROLE={role}: is neither viewer nor editor"]
    user, found = _known(person, studies, wrong)
    with transaction.atomic():
        for study in found:
            before = Access.objects.filter(user=user, study=study).values_list("role", flat=True).first()
            Access.objects.update_or_create(user=user, study=study, defaults={"role": role})
            _note("access given", study, person, before, role)


def take(person: str, studies: Sequence[str]) -> None:
    """Shut a person out of studies.

    Raises:
        UsageError: the person or a study is not known; nothing is changed then.
    """
    user, found = _known(person, studies, [])
    with transaction.atomic():
        for study in found:
            before = Access.objects.filter(user=user, study=study).values_list("role", flat=True).first()
            Access.objects.filter(user=user, study=study).delete()
            _note("access taken", study, person, before, None)


def _known(person: str, studies: Sequence[str], wrong: list[str]) -> tuple[AbstractUser, list[Study]]:
    user = get_user_model().objects.filter(username=person).first()
    if user is None:
        wrong.append("PERSON: has not signed in yet. `turnpoint access list` names those who have")
    found = list(Study.objects.filter(id__in=studies))
    wrong += [
        f"--study {study}: is not in this store"
        for study in studies
        if study not in {own.id for own in found}
    ]
    if wrong or user is None:
        raise UsageError(". ".join(wrong) + ".")
    return user, found


def _note(action: str, study: Study, person: str, before: str | None, after: str | None) -> None:
    entry = trail.Entry(
        action,
        study.id,
        before=before and {"person": person, "role": before},
        after=after and {"person": person, "role": after},
    )
    trail.write([entry], OPERATOR)
