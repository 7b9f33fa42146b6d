"""What a person may see and do: an admin everything, others what their role in a study says.

Where a team signs in, their provider says the most that a person may do: whoever is a viewer there edits nowhere.
"""

from __future__ import annotations

from typing import Literal

from django.contrib.auth.models import AbstractUser
from django.db.models import QuerySet

from turnpoint.app.models import Access, Patient, Study

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
