"""Small batches for the model's tests."""

import numpy as np
import polars as pl

from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.series import READINGS_SCHEMA, batches

NO_DOSES = pl.DataFrame(
    schema={"patient_id": pl.String, "day": pl.Int64, "drug": pl.String, "action": pl.String}
)


def readings(days, values, quantity=SUM_OF_DIAMETERS, patient_id="P1", censoring=None):
    limit = 5.0 if quantity == SUM_OF_DIAMETERS else 0.0
    return pl.DataFrame(
        {
            "patient_id": [patient_id] * len(days),
            "day": days,
            "quantity": [quantity] * len(days),
            "part": [""] * len(days),
            "value": [float(value) for value in values],
            "limit": [limit] * len(days),
            "censoring": censoring or [0] * len(days),
        },
        schema=READINGS_SCHEMA,
    )


def batch_of(frame, quantities=(SUM_OF_DIAMETERS,), doses=NO_DOSES):
    return next(iter(batches(frame, doses, list(quantities), 1000)))


def particle(quantity=SUM_OF_DIAMETERS, **natural):
    """One particle (transformed) from natural values."""
    p = natural_values(**natural)

    def logit(x):
        return np.log(x / (1 - x))

    background = logit(p["background"]) if quantity == SUM_OF_DIAMETERS else np.log(p["background"])
    return np.array(
        [
            np.log(p["d"]),
            np.log(p["g"]),
            logit(p["fraction"]),
            np.log(p["off"]),
            p["dormancy"],
            background,
            np.log(p["sd_drift"]),
            np.log(p["sd_reading"]),
            logit(p["repeat"]),
            np.log(p["window"]),
            logit(p["jump"]),
            np.log(p["sd_jump"]),
            np.log(p["surge"]),
        ]
    )


def natural_values(**changes):
    return {
        "d": 0.1,
        "g": 0.03,
        "fraction": 0.3,
        "off": 0.1,
        "dormancy": -8.0,
        "background": 0.1,
        "sd_drift": 0.02,
        "sd_reading": 0.04,
        "repeat": 0.4,
        "window": 0.08,
        "jump": 0.08,
        "sd_jump": 0.3,
        "surge": 0.02,
    } | changes
