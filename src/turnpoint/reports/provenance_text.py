"""The small print: where the numbers come from, and what this is not."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from turnpoint.charts.language import Language, mark
from turnpoint.pictures.patient import Provenance

# who the patients of each shipped prior were
PEOPLE: Mapping[str, str] = MappingProxyType(
    {
        "chemotherapy-colorectal-ct": mark("people with bowel cancer who had chemotherapy"),
        "docetaxel-nsclc-ct": mark("people with lung cancer who had docetaxel"),
        "docetaxel-prostate-psa": mark("people with prostate cancer who had docetaxel"),
        "immunotherapy-nsclc-ct": mark("people with lung cancer who had an immune therapy"),
        "generic": mark("people with lung or prostate cancer who had docetaxel"),
    }
)


# in whom what followed an alert was counted: where it is not one of these, in all of them together
ALL_COUNTED = mark("people with lung, bowel or prostate cancer")


def alerted_people(counted_in: str) -> str:
    """Who they are in whom alerts were counted (`model.prior.Alert.data`), to be translated."""
    return ALL_COUNTED if counted_in == "generic" else PEOPLE.get(counted_in, ALL_COUNTED)


def provenance_lines(provenance: Provenance, language: Language) -> list[str]:
    """Version, day, prior and what it was fitted to; and a choice of the criteria, where it is not the usual one."""
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
        *(
            [
                language.text(
                    "A confirmed partial response is shown as PR until progression, by the answer of the RECIST group; "
                    "by each time point alone, a sum above 70 % of the baseline would be SD."
                )
            ]
            if provenance.continuing_response == "group"
            else []
        ),
    ]


def compared_with(provenance: Provenance, language: Language) -> list[str]:
    """For the patient: who the people are that the page compares with, and whether they are like this patient."""
    known = [language.text(PEOPLE[name]) for name in provenance.parts if name in PEOPLE]
    everyone = language.text("Everyone is different.")
    if not known:
        said = language.plural(
            "This page compares you with {count} person of another study.",
            "This page compares you with {count} people of another study.",
            provenance.prior_patients,
        )
        return [said, everyone]
    said = language.text(
        "This page compares you with {count} {people}.",
        people=known[0],
        count=language.number(provenance.prior_patients),
    )
    others = [
        language.text("For what they were not measured by, it compares you with {people}.", people=people)
        for people in known[1:]
    ]
    caveats = {
        "other_tumour": mark("They had another kind of cancer than you. So it is less sure for you."),
        "parts": mark("No group of them was measured in just the way you are. So it is less sure for you."),
        "generic": mark("None of them had just your cancer and your treatment. So it is less sure for you."),
    }
    caveat = caveats.get(provenance.fit)
    return [said, *others, language.text(caveat) if caveat else everyone]


def fit_sentence(provenance: Provenance, language: Language) -> list[str]:
    """For the clinician: that the prior's patients are not like this one; nothing where they are."""
    said = {
        "other_tumour": mark(
            "The prior is of patients with another tumour: it is less sure for this patient."
        ),
        "parts": mark(
            "The prior is put together from priors of different patients: it is less sure for this patient."
        ),
        "generic": mark("No shipped prior is of patients like this one: the generic one is wide on purpose."),
    }.get(provenance.fit)
    return [language.text(said)] if said else []


def not_a_device(language: Language) -> str:
    """Said once, calmly."""
    return language.text(
        "Turnpoint informs a conversation between patient and doctor. It is not a medical device and recommends no "
        "treatment."
    )
