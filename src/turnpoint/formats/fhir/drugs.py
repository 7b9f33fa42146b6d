"""Names of drugs: which treat cancer, and what is left of a product's name when its strength and form are taken away.

A hospital's export holds every drug that a patient was given. Those that treat the cancer are told from the others by
the mCODE profile, by the condition they were given for, by their ATC class (L01, L02), or by their name.

Source: INN stems (WHO, "The use of stems in the selection of INN", 2018) and generic names in use; ATC/DDD index.
"""

from __future__ import annotations

import re
from typing import Final

from turnpoint.formats.fhir.elements import OWN, Json, child, children, codings, term, text, words

_ATC: Final = frozenset({"http://www.whocc.no/atc", "urn:oid:2.16.840.1.113883.6.73"})
_ATC_CANCER: Final = ("L01", "L02")
# Names whose stem alone would also mean other drugs, or that have none.
_NAMES: Final = frozenset(
    re.findall(
        r"\w+",
        """
    abemaciclib abiraterone aflibercept aldesleukin anastrozole apalutamide arsenic asparaginase
    atezolizumab avelumab azacitidine bcg belinostat bendamustine bevacizumab bicalutamide bleomycin
    bortezomib brentuximab busulfan capecitabine carfilzomib carmustine cemiplimab cetuximab chlorambucil
    cladribine clofarabine cyclophosphamide cytarabine dacarbazine dactinomycin daratumumab darolutamide
    decitabine degarelix docetaxel dostarlimab durvalumab elotuzumab enfortumab enzalutamide eribulin
    estramustine everolimus exemestane fludarabine fluorouracil flutamide fulvestrant gemcitabine glasdegib
    goserelin hydroxycarbamide hydroxyurea ifosfamide ipilimumab isatuximab ixabepilone lenalidomide
    letrozole leuprolide leuprorelin lomustine lurbinectedin megestrol melphalan mercaptopurine methotrexate
    mitomycin mitotane mitoxantrone nelarabine nilutamide nivolumab obinutuzumab palbociclib panitumumab
    pembrolizumab pemetrexed pertuzumab polatuzumab pomalidomide procarbazine raltitrexed ramucirumab
    relugolix ribociclib rituximab romidepsin sacituzumab sonidegib streptozocin tamoxifen tegafur
    temozolomide temsirolimus thalidomide thioguanine thiotepa tipiracil toremifene trabectedin trastuzumab
    tremelimumab trifluridine triptorelin venetoclax vismodegib vorinostat
    """,
    )
)
_STEMS: Final = re.compile(
    "(platin|taxel|rubicin|tecan|tinib|rafenib|metinib|parib|blastine|cristine|relbine|poside|citabine|ciclib|lisib|"
    "zomib|trexed|lutamide)$"
)
_SALTS: Final = re.compile(
    r"\b(hydrochloride|hcl|sodium|disodium|sulfate|sulphate|mesylate|tosylate|ditosylate|tartrate|acetate|citrate|"
    r"phosphate|maleate|fumarate|malate|succinate|monohydrate|anhydrous|calcium|potassium|dihydrochloride)\b"
)
_VOLUME: Final = re.compile(r"^\d[\d.,]{0,8}\s?(ml|hr|actuat)\s+", re.IGNORECASE)
_STRENGTH: Final = re.compile(r"\s+\(?\d.*$|\s*\[.*$|\s+\(.*$")
_FORM: Final = re.compile(r"\s+(injection|injectable|oral|tablet|capsule|solution|infusion|inj|iv)\b.*$")


def drug_name(concept: Json) -> str | None:
    """The drug that a CodeableConcept names, in lower case.

    A coded product loses its volume, strength, form and salt; a text without a code is the name as it is.
    """
    if not any(True for _ in codings(concept)):
        name = text(concept, "text")
        return None if name is None else name.lower()
    name = term(concept)
    return None if name is None else " / ".join(plain_name(part) for part in name.split(" / "))


def plain_name(product: str) -> str:
    """A product's name without volume, strength, form and salt.

    >>> plain_name("10 ML Doxorubicin Hydrochloride 2 MG/ML Injection"), plain_name("PACLitaxel 100 MG Injection")
    ('doxorubicin', 'paclitaxel')
    """
    name = _VOLUME.sub("", product.strip()).lower()
    for pattern in (_STRENGTH, _FORM):
        name = pattern.sub("", name)
    bare = " ".join(_SALTS.sub("", name).split())
    return bare or name or product.lower()


def medication_name(medication: Json) -> str | None:
    """The drug that a Medication resource is: its only ingredient, or else its code."""
    ingredients = children(medication, "ingredient")
    if len(ingredients) == 1:
        found = drug_name(child(ingredients[0], "itemCodeableConcept"))
        if found is not None:
            return found
    return drug_name(child(medication, "code"))


def treats_cancer(name: str | None, concept: Json) -> bool:
    """True for a drug against cancer, by its ATC class or its name."""
    for coding in codings(concept):
        if coding.system == f"{OWN}drug" or (
            coding.system in _ATC and (coding.code or "").startswith(_ATC_CANCER)
        ):
            return True
    names = re.findall(r"[a-z]{3,40}", " ".join((name or "", (words(concept) or "").lower())))
    return any(part in _NAMES or _STEMS.search(part) for part in names)
