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
    TurnpointError,
    UsageError,
)

if TYPE_CHECKING:
    from turnpoint.study.study import Study
    from turnpoint.workflows.assess import assess
    from turnpoint.workflows.check import check
    from turnpoint.workflows.convert import convert
    from turnpoint.workflows.demo import demo
    from turnpoint.workflows.diagnose import diagnose
    from turnpoint.workflows.fit import fit
    from turnpoint.workflows.forecast import forecast
    from turnpoint.workflows.harm import harm as benefit_and_harm
    from turnpoint.workflows.inference_data import inference_data
    from turnpoint.workflows.metrics import metrics
    from turnpoint.workflows.opening import read
    from turnpoint.workflows.priors import priors
    from turnpoint.workflows.progression_ahead import progression_ahead
    from turnpoint.workflows.report import report
    from turnpoint.workflows.respond import respond
    from turnpoint.workflows.settle import what_would_settle
    from turnpoint.workflows.simulate import simulate
    from turnpoint.workflows.trial import trial

__all__ = [
    "MeasurementError",
    "MissingExtraError",
    "PriorError",
    "Problem",
    "Study",
    "StudyError",
    "TurnpointError",
    "UsageError",
    "__version__",
    "assess",
    "benefit_and_harm",
    "check",
    "convert",
    "demo",
    "diagnose",
    "fit",
    "forecast",
    "inference_data",
    "metrics",
    "priors",
    "progression_ahead",
    "read",
    "report",
    "respond",
    "simulate",
    "trial",
    "what_would_settle",
]

# Where each lazily loaded name lives; the imports above say the same to type checkers.
_HOMES = {
    "Study": "turnpoint.study.study",
    "assess": "turnpoint.workflows.assess",
    "benefit_and_harm": "turnpoint.workflows.harm",
    "check": "turnpoint.workflows.check",
    "convert": "turnpoint.workflows.convert",
    "demo": "turnpoint.workflows.demo",
    "diagnose": "turnpoint.workflows.diagnose",
    "fit": "turnpoint.workflows.fit",
    "forecast": "turnpoint.workflows.forecast",
    "inference_data": "turnpoint.workflows.inference_data",
    "metrics": "turnpoint.workflows.metrics",
    "priors": "turnpoint.workflows.priors",
    "progression_ahead": "turnpoint.workflows.progression_ahead",
    "read": "turnpoint.workflows.opening",
    "report": "turnpoint.workflows.report",
    "respond": "turnpoint.workflows.respond",
    "simulate": "turnpoint.workflows.simulate",
    "trial": "turnpoint.workflows.trial",
    "what_would_settle": "turnpoint.workflows.settle",
}

# `harm` is a room of the package too, so that the verb has another name here.
_OWN_NAMES = {"benefit_and_harm": "harm"}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'turnpoint' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), _OWN_NAMES.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
