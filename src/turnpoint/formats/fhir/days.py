"""When something happened, in days of the course.

The rules:

1. The date counts as it is written, whatever its time zone: the laboratory's day is the patient's.
2. Of a period its start, or else its end, is the date.
3. Tumour sizes and markers need a full date; one with 2014-02 alone is left out, since its place in the course would be
   made up. A partial first date of a drug or an event is the earliest day that it may be (day 0 if that may be), a
   partial last date the latest.
4. Turnpoint's own extension gives the day itself, for a study that has no dates.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from turnpoint.formats.fhir.elements import Json, Span, child, children, own_integer, span, text
from turnpoint.study.schema import FARTHEST_DAY

DAY_EXTENSION: Final = "day"


@dataclass(frozen=True, slots=True)
class When:
    """When something happened.

    Attributes:
        first, last: of a period; `first` alone otherwise.
        day, end_day: from Turnpoint's own extension.
        is_period: true when it was given as a period, even without an end.
        is_wrong: true when something stands where a date should that is none.
    """

    first: Span | None = None
    last: Span | None = None
    day: int | None = None
    end_day: int | None = None
    is_period: bool = False
    is_wrong: bool = False

    @property
    def order(self) -> str:
        """The date and time as text, for choosing the last of a day."""
        return self.first.text if self.first else ""


def when(body: Json, stem: str) -> When:
    """The date of an element with a choice of types, such as `effective`.

    Args:
        body: the resource.
        stem: the element's name without its type.
    """
    for ending in ("DateTime", "Instant", "Date"):
        found = point(body, stem + ending)
        if found != When():
            return found
    period = child(body, f"{stem}Period")
    if period:
        return of_period(period)
    events = child(body, f"{stem}Timing").get("event")
    if isinstance(events, list) and events:
        first = span(events[0])
        return When(first, is_wrong=first is None)
    return When()


def point(body: Json, name: str) -> When:
    """The date of one element."""
    written = body.get(name)
    day = own_integer(child(body, f"_{name}"), DAY_EXTENSION)
    found = span(written)
    return When(found, day=day, is_wrong=written is not None and found is None)


def of_period(period: Json) -> When:
    """The first and the last date of a Period."""
    start, end = point(period, "start"), point(period, "end")
    wrong = start.is_wrong or end.is_wrong
    if start.first is None and start.day is None:
        return When(end.first, end.first, end.day, end.day, is_period=True, is_wrong=wrong)
    return When(start.first, end.first, start.day, end.day, is_period=True, is_wrong=wrong)


def first_period(body: Json, name: str) -> When:
    """The earliest of the periods of `repeat.boundsPeriod` of dosage instructions."""
    found = [
        of_period(child(child(child(dosage, "timing"), "repeat"), "boundsPeriod"))
        for dosage in children(body, name)
    ]
    dated = [moment for moment in found if moment.first is not None]
    return min(dated, key=lambda moment: moment.order) if dated else When()


def exact_day(moment: When, start: date | None) -> int | None:
    """The day of something that needs a full date (rule 3)."""
    if moment.day is not None:
        return moment.day
    if moment.first is None or not moment.first.is_full or start is None:
        return None
    return (moment.first.first - start).days


def full_date(moment: When) -> date | None:
    """The date of something that has a full one."""
    return moment.first.first if moment.first is not None and moment.first.is_full else None


def earliest_day(moment: When, start: date | None) -> int | None:
    """The first day of something that may last (rule 3)."""
    if moment.day is not None or moment.first is None or start is None:
        return moment.day
    first, last = moment.first.first, moment.first.last
    return 0 if first <= start <= last else (first - start).days


def latest_day(moment: When, start: date | None) -> int | None:
    """The last day of something that may last; None when it does not say."""
    if moment.end_day is not None or moment.last is None or start is None:
        return moment.end_day
    return (moment.last.last - start).days


def is_within_reach(day: int | None) -> bool:
    """False for a day so far from the start of the course that it is no part of it."""
    return day is None or abs(day) <= FARTHEST_DAY


def issued(body: Json) -> When:
    """When a result was made available; the date of last resort."""
    return When(span(text(body, "issued")))
