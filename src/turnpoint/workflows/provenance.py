"""Where the numbers of a patient come from: the small print of a prior."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from turnpoint._version import __version__
from turnpoint.criteria.protocol import ContinuingResponse
from turnpoint.model.prior import GENERIC, Prior, diseases_of, shipped_priors
from turnpoint.pictures.patient import PriorFit, Provenance
from turnpoint.study.diseases import diseases_in


def _prior_fit(parts: Sequence[str], tumour_type: str | None) -> PriorFit:
    """Whether the prior's patients are like one with this tumour."""
    if parts[0] == GENERIC:
        return "unmeasured" if tumour_type is not None and not _measured(tumour_type) else "generic"
    if len(parts) > 1:
        return "parts"
    shipped = shipped_priors()
    if parts[0] not in shipped or tumour_type is None:
        return "unknown"
    return "like" if diseases_in(tumour_type) & diseases_of(shipped[parts[0]]) else "other_tumour"


def _measured(tumour_type: str) -> bool:
    """Whether a shipped prior is of patients with this tumour, by whatever they were followed."""
    named = diseases_in(tumour_type)
    return any(named & diseases_of(prior) for prior in shipped_priors().values())


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
        simulated=prior.card.simulated,
        continuing_response=continuing_response,
    )
