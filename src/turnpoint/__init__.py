"""Turnpoint: is chemotherapy still shrinking the tumour, has it reached its plateau, or is it growing back?

    import turnpoint as tp

    study = tp.read("study/")              # a study folder, one table, or any of formats.FORMATS
    tp.respond(study).best_responses       # response by RECIST 1.1
    assessment = tp.assess(study)          # state, cause and turning point at every visit
    tp.report(assessment, "P001").save("P001.html")

A verb is loaded when it is first used, so that importing the package, and `turnpoint --help`, cost nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from turnpoint._version import __version__
from turnpoint.errors import (
    MeasurementError,
    MissingExtraError,
    PriorError,
    Problem,
    StudyError,
    SurvivalLinkError,
    TurnpointError,
    UsageError,
)

if TYPE_CHECKING:
    from turnpoint.study.study import Study
    from turnpoint.workflows.ahead import ahead
    from turnpoint.workflows.assess import assess
    from turnpoint.workflows.by_parts import by_parts
    from turnpoint.workflows.check import check
    from turnpoint.workflows.convert import convert
    from turnpoint.workflows.demo import demo
    from turnpoint.workflows.diagnose import diagnose
    from turnpoint.workflows.fit import fit
    from turnpoint.workflows.fit_survival import fit_survival
    from turnpoint.workflows.forecast import forecast
    from turnpoint.workflows.harm import harm
    from turnpoint.workflows.inference_data import inference_data
    from turnpoint.workflows.metrics import metrics
    from turnpoint.workflows.opening import read
    from turnpoint.workflows.partition import partition
    from turnpoint.workflows.picture import picture
    from turnpoint.workflows.prior_from import prior_from
    from turnpoint.workflows.priors import priors
    from turnpoint.workflows.report import report
    from turnpoint.workflows.respond import respond
    from turnpoint.workflows.settle import settle
    from turnpoint.workflows.simulate import simulate
    from turnpoint.workflows.survival import survival
    from turnpoint.workflows.trial import trial
    from turnpoint.workflows.watch import watch

__all__ = [
    "MeasurementError",
    "MissingExtraError",
    "PriorError",
    "Problem",
    "Study",
    "StudyError",
    "SurvivalLinkError",
    "TurnpointError",
    "UsageError",
    "__version__",
    "ahead",
    "assess",
    "by_parts",
    "check",
    "convert",
    "demo",
    "diagnose",
    "fit",
    "fit_survival",
    "forecast",
    "harm",
    "inference_data",
    "metrics",
    "partition",
    "picture",
    "prior_from",
    "priors",
    "read",
    "report",
    "respond",
    "settle",
    "simulate",
    "survival",
    "trial",
    "watch",
]

# Where each lazily loaded name lives; the imports above say the same to type checkers.
_HOMES = {
    "Study": "turnpoint.study.study",
    "ahead": "turnpoint.workflows.ahead",
    "assess": "turnpoint.workflows.assess",
    "by_parts": "turnpoint.workflows.by_parts",
    "check": "turnpoint.workflows.check",
    "convert": "turnpoint.workflows.convert",
    "demo": "turnpoint.workflows.demo",
    "diagnose": "turnpoint.workflows.diagnose",
    "fit": "turnpoint.workflows.fit",
    "fit_survival": "turnpoint.workflows.fit_survival",
    "forecast": "turnpoint.workflows.forecast",
    "harm": "turnpoint.workflows.harm",
    "inference_data": "turnpoint.workflows.inference_data",
    "metrics": "turnpoint.workflows.metrics",
    "partition": "turnpoint.workflows.partition",
    "picture": "turnpoint.workflows.picture",
    "prior_from": "turnpoint.workflows.prior_from",
    "priors": "turnpoint.workflows.priors",
    "read": "turnpoint.workflows.opening",
    "report": "turnpoint.workflows.report",
    "respond": "turnpoint.workflows.respond",
    "settle": "turnpoint.workflows.settle",
    "simulate": "turnpoint.workflows.simulate",
    "survival": "turnpoint.workflows.survival",
    "trial": "turnpoint.workflows.trial",
    "watch": "turnpoint.workflows.watch",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'turnpoint' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
