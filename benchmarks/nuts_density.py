"""The filter's model as one joint density for NUTS, nothing merged or approximated (`model.observation`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax.scipy.special import log_ndtr, logsumexp

from turnpoint.model import parameters as fixed
from turnpoint.model.dynamics import RESTING_PER_WEEK
from turnpoint.model.prior import Prior
from turnpoint.model.series import Series

numpyro.enable_x64()
_LOG_2PI = float(np.log(2.0 * np.pi))


def log_density_terms(series: Series, prior: Prior, width: int) -> dict[str, Any]:
    """One patient's series and prior as arrays, padded to `width` readings."""
    length = int(series.length[0])

    def padded(values: np.ndarray) -> np.ndarray:
        known = values[0, :length].astype(float)
        return np.concatenate([known, np.full(width - length, known[-1])])

    day, value = padded(series.day), padded(series.value)
    repeat = np.concatenate([[False], value[1:] == value[:-1]])
    quantity = prior.quantities[0]
    return {
        "mean": prior.mean,
        "root": np.linalg.cholesky(prior.covariance),
        "persistence": prior.floor_persistence[quantity],
        "known": np.arange(width) < length,
        "gap_weeks": np.maximum(np.diff(day, prepend=day[0]) / 7.0, 1.0 / 7.0),
        "on": padded(series.on_weeks),
        "off": padded(series.off_weeks),
        "log_value": padded(series.log_value),
        "sign": padded(series.censoring),
        "log_step": padded(series.log_step),
        "is_repeat": repeat,  # of the reading before it
    }


def model_of(*, is_diameter: bool) -> Callable[[dict[str, Any]], None]:
    """The model of one series: z of the prior's parameters, v of the steps of the level."""

    def model(data: dict[str, Any]) -> None:
        z = numpyro.sample("z", dist.Normal(0.0, 1.0).expand([data["mean"].shape[0]]).to_event(1))
        v = numpyro.sample("v", dist.Normal(0.0, 1.0).expand([data["on"].shape[0]]).to_event(1))
        numpyro.factor(
            "readings", log_likelihood(data["mean"] + data["root"] @ z, v, data, is_diameter=is_diameter)
        )

    return model


def log_likelihood(theta: jax.Array, v: jax.Array, data: dict[str, Any], *, is_diameter: bool) -> jax.Array:
    """Log density of the readings and of the level's steps, less that of standard normal steps."""
    d, off_growth = jnp.exp(theta[0]), jnp.exp(theta[3])
    g = jnp.where(theta[fixed.DORMANCY] > 0.0, RESTING_PER_WEEK, jnp.exp(theta[1]))
    log_phi, log_rest = -jax.nn.softplus(-theta[2]), -jax.nn.softplus(theta[2])
    burden = jnp.logaddexp(
        log_rest - d * data["on"] + off_growth * data["off"], log_phi + g * (data["on"] + data["off"])
    )
    block = theta[len(fixed.DYNAMICS_NAMES) :]
    drift, noise_sd, odds = jnp.exp(block[1]), jnp.exp(block[2]), jnp.exp(block[3])
    window, log_jump, log_calm = jnp.exp(block[4]), -jax.nn.softplus(-block[5]), -jax.nn.softplus(block[5])
    sd_jump = jnp.exp(block[6])
    if is_diameter:
        window = jnp.minimum(window, fixed.WIDEST_REPEAT_WINDOW)
        scar = jax.nn.sigmoid(block[0])
        signal = jnp.logaddexp(jnp.log1p(-scar) + burden, jnp.log(scar)) / 3.0
    else:
        signal = jnp.logaddexp(burden, block[0])
    share = jnp.maximum(data["on"] + data["off"], 0.0) / fixed.SURGE_PEAK_WEEKS
    signal = signal + jnp.exp(block[7]) * share * jnp.exp(1.0 - share)

    y, sign = data["log_value"], data["sign"]
    last = jnp.concatenate([y[:1], y[:-1]])
    drifts, repeats = jnp.full_like(y, drift), jnp.full_like(y, odds / (1.0 + odds))
    if is_diameter:
        size = jnp.clip(last - jnp.log(fixed.REFERENCE_DIAMETER_MM), -2.0, 2.0)
        was_repeat = jnp.concatenate([jnp.zeros(1), data["is_repeat"][:-1]])
        now = odds * jnp.exp(fixed.REPEAT_AFTER_REPEAT * was_repeat - fixed.REPEAT_BY_SIZE * size)
        drifts, repeats = drift * jnp.exp(-fixed.DRIFT_BY_SIZE * size), now / (1.0 + now)

    noise = noise_sd**2 + jnp.exp(2.0 * data["log_step"]) / 12.0
    first = jnp.where(sign[0] == 0, y[0] + jnp.sqrt(noise[0]) * v[0], y[0] + sign[0] + v[0]) - signal[0]
    scale = drifts * jnp.sqrt(data["gap_weeks"])
    level = first + jnp.cumsum(jnp.where(jnp.arange(len(v)) == 0, 0.0, scale * v))
    wide = 1.0 + (sd_jump / scale) ** 2
    steps = jnp.logaddexp(log_calm, log_jump - 0.5 * jnp.log(wide) + 0.5 * v**2 * (1.0 - 1.0 / wide))
    read = _reading(level + signal, data, (noise, repeats, window, last))
    later = (jnp.arange(len(v)) > 0) & data["known"]
    return jnp.where(later, steps + read, 0.0).sum()


def _reading(true: jax.Array, data: dict[str, Any], how: tuple[jax.Array, ...]) -> jax.Array:
    """Log probability of each reading given the noise-free log value."""
    noise, repeats, window, last = how
    y, sign = data["log_value"], data["sign"]
    was_at_floor = jnp.concatenate([jnp.zeros(1, bool), sign[:-1] < 0])
    density = -0.5 * (_LOG_2PI + jnp.log(noise) + (y - true) ** 2 / noise) + data["log_step"]
    tempted = repeats * jnp.exp(-0.5 * (y - last) ** 2 / window**2)
    fresh = density + jnp.where(was_at_floor, jnp.log1p(-data["persistence"]), jnp.log1p(-tempted))
    together = noise + window**2
    again = jnp.log(repeats) + 0.5 * (jnp.log(window**2 / together) - (last - true) ** 2 / together)
    same = (y == last) & (sign == 0) & ~was_at_floor
    number = jnp.where(same, logsumexp(jnp.stack([fresh, again]), axis=0), fresh)
    side = jnp.where(sign > 0, -1.0, 1.0)
    beyond = log_ndtr(side * (y - true) / jnp.sqrt(noise))
    stays = jnp.logaddexp(jnp.log(data["persistence"]), jnp.log1p(-data["persistence"]) + beyond)
    censored = jnp.where(was_at_floor & (sign < 0), stays, beyond)
    return jnp.where(sign == 0, number, censored)
