"""Where the numbers of a patient come from: the small print of a prior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from turnpoint._version import __version__
from turnpoint.criteria.protocol import ContinuingResponse
from turnpoint.model.prior import GENERIC, Prior
from turnpoint.pictures.patient import PriorFit, Provenance
from turnpoint.study.clinical_words import clinical_words

# The tumours of the shipped priors, as studies name them; the other keywords of a prior are its drugs.
_TUMOURS: Mapping[str, tuple[str, ...]] = {
    "chemotherapy-colorectal-ct": ("colorectal", "colon", "rectal", "rectum", "bowel"),
    "docetaxel-nsclc-ct": ("lung", "nsclc"),
    "docetaxel-prostate-psa": ("prostate",),
    "immunotherapy-nsclc-ct": ("lung", "nsclc"),
}


def _prior_fit(parts: Sequence[str], tumour_type: str | None) -> PriorFit:
    """Whether the prior's patients are like one with this tumour."""
    if parts[0] == GENERIC:
        return "generic"
    if len(parts) > 1:
        return "parts"
    if parts[0] not in _TUMOURS or tumour_type is None:
        return "unknown"
    words = clinical_words(tumour_type)
    return "like" if any(word in words for word in _TUMOURS[parts[0]]) else "other_tumour"


def provenance(
    prior: Prior, tumour_type: str | None = None, continuing_response: ContinuingResponse = "time-point"
) -> Provenance:
    """The small print of a prior, for a patient with this tumour; and by which choice responses are shown."""
    parts = tuple(prior.name.split("+"))
    return Provenance(
        version=__version__,
        created=datetime.now(tz=UTC).date(),
        prior_name=prior.name,
        prior_data=prior.card.data,
        prior_patients=prior.card.patients,
        alert=prior.alert,
        fit=_prior_fit(parts, tumour_type),
        parts=parts,
        prior_warnings=tuple(prior.card.warnings),
        continuing_response=continuing_response,
    )
