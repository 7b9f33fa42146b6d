"""The small print: where the numbers come from, and what this is not."""

from __future__ import annotations

from turnpoint.charts.language import Language
from turnpoint.reports.views import Provenance


def provenance_lines(provenance: Provenance, language: Language) -> list[str]:
    """Version, day, prior and what it was fitted to."""
    return [
        language.text(
            "Turnpoint {version}, {date}.", version=provenance.version, date=language.date(provenance.created)
        ),
        language.plural(
            "Population prior {name}, fitted to {count} patient: {data}.",
            "Population prior {name}, fitted to {count} patients: {data}.",
            provenance.prior_patients,
            name=provenance.prior_name,
            data=provenance.prior_data.rstrip("."),
        ),
    ]


def not_a_device(language: Language) -> str:
    """Said once, calmly."""
    return language.text(
        "Turnpoint informs a conversation between patient and doctor. It is not a medical device and recommends no "
        "treatment."
    )
