"""What a protocol may set in the criteria."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from turnpoint.errors import UsageError

ContinuingResponse = Literal["time-point", "group"]
CONTINUING_RESPONSES: Final[tuple[ContinuingResponse, ...]] = get_args(ContinuingResponse)


@dataclass(frozen=True, slots=True)
class ProtocolRules:
    """What a protocol may set; the defaults are those of RECIST 1.1 and of most protocols.

    Attributes:
        minimum_stable_days: days from the start (day 0) from which SD counts; 6 weeks is usual.
        confirmation_days: days from a response to its confirmation; RECIST 1.1 asks for at least 4 weeks.
        most_not_evaluable_between: visits not evaluable that may lie between the two.
        most_stable_between: visits of SD that may lie between a PR and its confirmation.
        most_missed_visits: progression or death after more missed visits in a row is no event of progression-free
            survival, which is then censored at the last evaluable visit before them; None counts every event.
            "Two or more missed visits", the usual rule of regulators, is 1.
        visit_interval_days: days planned between visits; None takes the median of the study.
        continuing_response: what a visit of SD after a confirmed PR is: SD, by its own sum (`time-point`, as in the
            paper's tables), or PR until progression (`group`, the RECIST group's answer; `recist.continuing_response`).

    Raises:
        UsageError: a number is out of range, or a choice unknown.
    """

    minimum_stable_days: int = 42
    confirmation_days: int = 28
    most_not_evaluable_between: int = 1
    most_stable_between: int = 0
    most_missed_visits: int | None = None
    visit_interval_days: int | None = None
    continuing_response: ContinuingResponse = "time-point"

    def __post_init__(self) -> None:
        if self.continuing_response not in CONTINUING_RESPONSES:
            raise UsageError(
                f"continuing_response={self.continuing_response}: unknown. Choose one of: "
                f"{', '.join(CONTINUING_RESPONSES)}."
            )
        for name in self.__slots__:
            if name == "continuing_response":
                continue
            value, least = getattr(self, name), 1 if name == "visit_interval_days" else 0
            if value is not None and value < least:
                raise UsageError(f"{name}={value}: less than {least}. Write a whole number from {least}.")
