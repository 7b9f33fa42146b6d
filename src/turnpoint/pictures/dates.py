"""A date that is known as an interval only."""

from __future__ import annotations

from dataclasses import dataclass

HORIZON_WEEKS = 24.0  # what lies further ahead than the forecasts shown is of no use at a clinic visit
_EVERYTHING = 0.9  # an interval over this share of the course and the horizon says nothing


@dataclass(frozen=True, slots=True)
class DateInterval:
    """A date that is known only as an interval, in weeks since the start.

    Attributes:
        q05, q50, q95: quantiles in weeks; None where there is none.
        last_week: the last visit, from where the horizon is counted.
    """

    q05: float | None
    q50: float | None
    q95: float | None
    last_week: float

    @classmethod
    def from_days(
        cls, q05: float | None, q50: float | None, q95: float | None, last_day: float
    ) -> DateInterval:
        """The interval from quantiles in days."""
        weeks = [None if day is None or day != day else day / 7.0 for day in (q05, q50, q95)]  # noqa: PLR0124 - nan
        return cls(weeks[0], weeks[1], weeks[2], last_day / 7.0)

    @property
    def bounds(self) -> tuple[float, float, float] | None:
        """The three quantiles, or None when the interval says next to nothing.

        That is: a quantile is missing, or the interval covers 90 % or more of the time from the start to 24
        weeks after the last visit.
        """
        if self.q05 is None or self.q50 is None or self.q95 is None:
            return None
        window = max(self.last_week, 0.0) + HORIZON_WEEKS
        covered = min(self.q95, window) - max(self.q05, 0.0)
        return None if covered >= _EVERYTHING * window else (self.q05, self.q50, self.q95)
