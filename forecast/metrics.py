"""Forecast accuracy: quantile scores, coverage, scales and ratios; numpy only.

The protocol of every table in this project: fifteen quantiles a forecast, the CRPS as the average quantile score,
ratios to a baseline as geometric means over series (means would let sticky and chaotic series decide).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from forecast.timeseries.series import Floats

#: The quantile levels of every stored or scored forecast; symmetric, so that central intervals of 50, 60, 80, 90 and
#: 95 % are among them.
QUANTILE_LEVELS: Floats = np.array([0.025, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.975])
QUANTILE_LEVELS.setflags(write=False)

#: So few numbers are rounded one by one.
_FEW = 64


def quantiles(draws: npt.NDArray[np.floating], levels: Floats = QUANTILE_LEVELS) -> Floats:
    """Quantiles (..., L) of draws (n, ...), each the middle of its share; they nest because the levels ascend."""
    return np.moveaxis(np.quantile(draws, levels, axis=0, method="hazen"), 0, -1)


def crps_from_quantiles(q: Floats, y: Floats) -> Floats:
    """CRPS of quantiles ``q`` (..., 15) at ``QUANTILE_LEVELS`` against outcomes ``y`` (...), in the unit of ``y``;
    shape (...).

    Twice the mean pinball loss over the levels, each with the same weight: the quantile-score form of the CRPS
    (Gneiting and Raftery, JASA 102, 2007; Gneiting and Ranjan, JBES 29, 2011), as an average over these fifteen
    levels instead of the integral, so that scores compare with each other and not with closed forms. NaN where ``y``
    is NaN.
    """
    error = np.asarray(y, dtype=float)[..., None] - q
    pinball = np.maximum(QUANTILE_LEVELS * error, (QUANTILE_LEVELS - 1.0) * error)
    return np.asarray(2.0 * pinball.mean(axis=-1))


def coverage(q: Floats, y: Floats, level: float) -> float:
    """Share of outcomes ``y`` (...) inside the central interval of ``level`` (0.5, 0.8, 0.95) of ``q`` (..., 15).

    Missing outcomes do not count; NaN without any outcome. Raises ``ValueError`` for an interval that
    ``QUANTILE_LEVELS`` does not hold.
    """
    lo, hi = (np.flatnonzero(np.isclose(QUANTILE_LEVELS, (1.0 + side * level) / 2.0)) for side in (-1, 1))
    if not lo.size or not hi.size:
        raise ValueError(f"no central interval of {level} among the quantile levels")
    known = np.isfinite(y)
    inside = (q[..., lo[0]] <= y) & (y <= q[..., hi[0]])
    return float(inside[known].mean()) if known.any() else float("nan")


def pit(q: Floats, y: Floats) -> Floats:
    """Share of outcomes ``y`` (...) that fell below, between and above the quantiles ``q`` (..., 15); shape (16,).

    The probability integral transform as the levels see it (Dawid, JRSS A 147, 1984): what ``QUANTILE_LEVELS`` promise
    is the distance of neighbouring levels. An outcome that several quantiles equal, as where a price stands still or a
    month has no trade, is spread over what it touches, by the probability that each holds. NaN without any outcome.
    """
    known = np.isfinite(y)
    below, upto = ((np.less, np.less_equal)[i](q[known], y[known][:, None]).sum(axis=-1) for i in (0, 1))
    bins = np.arange(len(QUANTILE_LEVELS) + 1)
    touched = (below[:, None] <= bins) & (bins <= upto[:, None])
    weight = touched * np.diff(QUANTILE_LEVELS, prepend=0.0, append=1.0)
    shares = weight / weight.sum(axis=1, keepdims=True)
    return np.asarray(shares.mean(axis=0)) if len(shares) else np.full(len(bins), np.nan)


def mase_scale(x: Floats, season: int = 1, window: int = 120) -> float:
    """Mean absolute change over ``season`` periods in the last ``window`` periods of ``x`` (T,), missing ones left out.

    The scale of the MASE (Hyndman and Koehler, IJF 22, 2006): ``season`` is 1 for prices and the seasonal cycle
    otherwise. NaN when no pair of values is there.
    """
    recent = x[-(window + season) :]
    changes = np.abs(recent[season:] - recent[:-season])
    changes = changes[np.isfinite(changes)]
    return float(changes.mean()) if changes.size else float("nan")


def relative(scores: Floats, baseline: Floats, axis: int | None = None) -> Floats:
    """Geometric mean over ``axis`` of the ratios ``scores / baseline``; pairs that are not both positive are left out.

    Below 1 is better than the baseline. NaN where no pair is left.
    """
    good = (scores > 0) & (baseline > 0) & np.isfinite(scores) & np.isfinite(baseline)
    logs = np.where(good, np.log(np.where(good, scores, 1.0) / np.where(good, baseline, 1.0)), 0.0)
    count = good.sum(axis=axis)
    return np.asarray(np.where(count > 0, np.exp(logs.sum(axis=axis) / np.maximum(count, 1)), np.nan))


def rounded(values: Floats) -> Floats:
    """Six significant digits: the doubles nearest to those decimals, so that they print as short as they are.

    A whole number of at most six digits and a power of ten up to the 22nd are exact, and so their quotient or product
    is nearest. Beyond, and where the product is so near the middle between two whole numbers that its own rounding may
    have moved it across, the decimals are written out and read; and where there are so few values that this is faster.
    """
    if values.size <= _FEW:
        return np.array([float(f"{value:.5e}") for value in values.ravel().tolist()]).reshape(values.shape)
    size = np.abs(values)
    shift = 5 - np.floor(np.log10(size, where=size > 0, out=np.zeros_like(size)))
    exact = np.abs(shift) <= 22
    up, down = 10.0 ** np.where(exact, np.maximum(shift, 0), 0), 10.0 ** np.where(exact, np.maximum(-shift, 0), 0)
    scaled = np.where(exact, values, 0.0) * up / down
    out = np.asarray(np.rint(scaled) * down / up)
    doubtful = ~exact | (np.abs(np.abs(scaled - np.trunc(scaled)) - 0.5) < 1e-9)
    out[doubtful] = [float(f"{value:.5e}") for value in values[doubtful].tolist()]
    return out
