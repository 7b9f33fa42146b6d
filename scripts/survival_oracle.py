"""Write `tests/golden/survival/oracle.json`: what lifelines says of the small data set in it.

    pip install --target /tmp/oracle lifelines==0.30.3
    PYTHONPATH=/tmp/oracle python scripts/survival_oracle.py

lifelines pins pandas below 3, so it is no dependency, not of development either. `scores` is from another library
(the README beside the file) and kept as it is.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from lifelines import KaplanMeierFitter, LogNormalAFTFitter, WeibullAFTFitter

HERE = Path(__file__).parents[1] / "tests" / "golden" / "survival" / "oracle.json"
PATIENTS = 60


def data() -> dict[str, list]:
    """Survival times by two covariates, delayed entry, and predictions to be scored; ties only between deaths."""
    rng = np.random.default_rng(20)
    size, growth = rng.normal(0.0, 1.0, (2, PATIENTS))
    death = np.ceil(np.exp(5.8 - 0.4 * size - 0.3 * growth + 0.6 * rng.standard_normal(PATIENTS)))
    end = np.floor(rng.uniform(100.0, 900.0, PATIENTS)) + 0.5
    entry = np.where(rng.random(PATIENTS) < 0.5, 0.0, 40.0)
    time = np.minimum(death, end)
    kept = time > entry
    survival = 1.0 / (1.0 + np.exp(0.9 * size + 0.5 * rng.standard_normal(PATIENTS) - 0.6))
    columns = {
        "size": size.round(6),
        "growth": growth.round(6),
        "time": time,
        "dead": death <= end,
        "entry": entry,
        "survival": survival.round(6),
    }
    return {name: column[kept].tolist() for name, column in columns.items()}


def main() -> None:
    """Write the file."""
    own = data()
    frame = pd.DataFrame(own)
    curve = KaplanMeierFitter().fit(frame["time"], frame["dead"])
    days = [50.0, 150.0, 365.0, 600.0]
    found = {
        "data": own,
        "kaplan_meier": {"day": days, "survival": curve.predict(days).tolist()},
    }
    for name, fitter in (("log-normal", LogNormalAFTFitter()), ("weibull", WeibullAFTFitter())):
        covariates = frame[["size", "growth", "time", "dead", "entry"]]
        fitted = fitter.fit(covariates, "time", "dead", entry_col="entry")
        location, scale = ("mu_", "sigma_") if name == "log-normal" else ("lambda_", "rho_")
        sign = 1.0 if name == "log-normal" else -1.0  # lifelines gives the Weibull's shape, 1/sigma
        order = [(location, "Intercept"), (location, "size"), (location, "growth"), (scale, "Intercept")]
        errors = [fitted.standard_errors_.loc[index] for index in order]
        values = [fitted.params_.loc[index] for index in order]
        found[name] = {
            "parameters": [*values[:3], sign * values[3]],
            "standard_errors": errors,
            "log_likelihood": fitted.log_likelihood_,
        }
    if HERE.exists():
        found["scores"] = json.loads(HERE.read_text(encoding="utf-8")).get("scores")
    HERE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
