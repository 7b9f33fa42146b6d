"""The small print: where the numbers come from, and what this is not."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from turnpoint.charts.language import Language, mark
from turnpoint.pictures.patient import Provenance

# of whom the generic prior is, and in whom what followed an alert was counted where it is not one of those below
ALL_COUNTED = mark("people with lung, bowel or prostate cancer")
# who the patients of each shipped prior were, or whom its virtual ones stand for
PEOPLE: Mapping[str, str] = MappingProxyType(
    {
        "chemotherapy-colorectal-ct": mark("people with bowel cancer who had chemotherapy"),
        "docetaxel-nsclc-ct": mark("people with lung cancer who had docetaxel"),
        "docetaxel-prostate-psa": mark("people with prostate cancer who had docetaxel"),
        "immunotherapy-nsclc-ct": mark("people with lung cancer who had an immune therapy"),
        "platinum-ovarian-ct-ca-125": mark("women with ovarian cancer who had chemotherapy with platinum"),
        "carboplatin-paclitaxel-nsclc-ct": mark("people with lung cancer who had carboplatin and paclitaxel"),
        "chemo-immunotherapy-nsclc-ct": mark(
            "people with lung cancer who had chemotherapy and an immune therapy"
        ),
        "dostarlimab-chemotherapy-nsclc-ct": mark(
            "people with lung cancer who had chemotherapy and an immune therapy"
        ),
        "pembrolizumab-nsclc-ct": mark("people with lung cancer who had an immune therapy"),
        "docetaxel-nsclc-ct-published": mark("people with lung cancer who had docetaxel"),
        "docetaxel-prostate-psa-published": mark("people with prostate cancer who had docetaxel"),
        "generic": ALL_COUNTED,
    }
)


def alerted_people(counted_in: str) -> str:
    """Who they are in whom alerts were counted (`model.prior.Alert.data`), to be translated."""
    return ALL_COUNTED if counted_in == "generic" else PEOPLE.get(counted_in, ALL_COUNTED)


def provenance_lines(provenance: Provenance, language: Language) -> list[str]:
    """Version, day, prior and what it was fitted to; and a choice of the criteria, where it is not the usual one."""
    return [
        language.text(
            "Turnpoint {version}, {date}.", version=provenance.version, date=language.date(provenance.created)
        ),
        _fitted_to(provenance, language),
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


def _fitted_to(provenance: Provenance, language: Language) -> str:
    data = provenance.prior_data.rstrip(".")
    if provenance.simulated:
        return language.text(
            "Population prior {name}, fitted to {count} virtual patients of a published model: {data}.",
            name=provenance.prior_name,
            count=language.number(provenance.prior_patients),
            data=data,
        )
    return language.plural(
        "Population prior {name}, fitted to {count} patient: {data}.",
        "Population prior {name}, fitted to {count} patients: {data}.",
        provenance.prior_patients,
        name=provenance.prior_name,
        data=data,
    )


def compared_with(provenance: Provenance, language: Language) -> list[str]:
    """For the patient: who the people are that the page compares with, and whether they are like this patient."""
    known = [language.text(PEOPLE[name]) for name in provenance.parts if name in PEOPLE]
    everyone = language.text("Everyone is different.")
    if not known:
        of_another = language.plural(
            "This page compares you with {count} person of another study.",
            "This page compares you with {count} people of another study.",
            provenance.prior_patients,
        )
        return [of_another, everyone]
    count = language.number(provenance.prior_patients)
    if provenance.simulated:
        said = [
            language.text(
                "This page compares you with {count} simulated {people}.", people=known[0], count=count
            ),
            language.text("They were made from the numbers of a published study. They are not real people."),
        ]
    else:
        said = [language.text("This page compares you with {count} {people}.", people=known[0], count=count)]
    others = [
        language.text("For what they were not measured by, it compares you with {people}.", people=people)
        for people in known[1:]
    ]
    caveats = {
        "other_tumour": mark("They had another kind of cancer than you. So it is less sure for you."),
        "parts": mark("No group of them was measured in just the way you are. So it is less sure for you."),
        "generic": mark("None of them had just your cancer and your treatment. So it is less sure for you."),
        "unmeasured": mark("Nobody with your kind of cancer is among them. So it is less sure for you."),
    }
    caveat = caveats.get(provenance.fit)
    return [*said, *others, language.text(caveat) if caveat else everyone]


def fit_sentence(provenance: Provenance, language: Language) -> list[str]:
    """For the clinician: whom this patient is compared with, where they are not patients like this one."""
    count = language.number(provenance.prior_patients)
    said: list[str] = []
    if provenance.simulated and (people := PEOPLE.get(provenance.parts[0])):
        said.append(
            language.text(
                "Compared with {count} simulated {people}, drawn from a published model, not with patients.",
                count=count,
                people=language.text(people),
            )
        )
    if provenance.fit == "unmeasured":
        said.append(
            language.text(
                "Nobody with this disease was measured: compared with {count} {people}, all of them together, so it is "
                "less sure for this patient.",
                count=count,
                people=language.text(ALL_COUNTED),
            )
        )
    caveat = {
        "other_tumour": mark(
            "The prior is of patients with another tumour: it is less sure for this patient."
        ),
        "parts": mark(
            "The prior is put together from priors of different patients: it is less sure for this patient."
        ),
        "generic": mark(
            "No shipped prior is of patients like this one: the generic one is wide, as diseases differ."
        ),
    }.get(provenance.fit)
    return [*said, language.text(caveat)] if caveat else said


def not_a_device(language: Language) -> str:
    """Said once, calmly."""
    return language.text(
        "Turnpoint informs a conversation between patient and doctor. It is not a medical device and recommends no "
        "treatment."
    )
