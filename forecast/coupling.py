"""Joint draws with given margins: the order of simulated paths, the values of a known distribution at each horizon.

Ensemble copula coupling (Schefzik, Thorarinsdottir and Gneiting, Statistical Science 28, 2013). The quantiles of n
draws at random are off by a few hundredths of the spread, and by another few in the next period; those of coupled
draws are the quantiles of the margin. numpy only. Shapes: H horizons, n draws; a margin is its quantiles at the
``middles`` of N equal shares, ascending.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from forecast.timeseries.series import Floats

#: Cells of the axis on which distributions are convolved: of the bundled series no quantile is off by more than .5 % of
#: the 80 % interval, and by half of that with twice as many.
_CELLS = 2048

#: Weights are added up: what is left of 1 beyond this is rounding.
_NO_WEIGHT = 1e-9

Bools = npt.NDArray[np.bool_]


@lru_cache(maxsize=8)
def middles(n: int) -> Floats:
    """(n,) the middles of n equal shares of probability. Not to be written to."""
    found = (np.arange(n) + 0.5) / n
    found.setflags(write=False)
    return found


def couple(
    paths: Floats,
    margins: npt.NDArray[np.floating],
    where: Bools | None = None,
    ties: np.random.Generator | None = None,
) -> Floats:
    """(H, n) draws in the order of ``paths`` (H, n) at each horizon, whose values are those of ``margins`` (H, N).

    With ``where`` (H, n) only those draws are coupled, as a sample of their own; the others stay as they are. ``ties``
    breaks ties at random instead of by the number of the draw.
    """
    out = np.array(paths, dtype=float)
    tossed = None if ties is None else ties.random(out.shape)
    for h, (row, values) in enumerate(zip(out, margins, strict=True)):
        at = slice(None) if where is None else np.flatnonzero(where[h])
        chosen = row[at]
        order = _ascending(chosen) if tossed is None else np.lexsort((tossed[h][at], chosen))
        if len(order):
            chosen[order] = thinned(values, len(order))
            row[at] = chosen
    return out


def added_to(draws: npt.NDArray[np.floating], added: Floats, where: Bools | None = None) -> Floats:
    """(H, n) ``draws`` (H, n) with what is ``added`` (H, n) to each, in the margins of the sum of both.

    The two are independent. Which meets which is one throw of n; the margin of their sum is the convolution of both,
    that is all n² sums. With ``where`` (H, n) only those draws count, as a sample of their own.
    """
    return couple(draws + added, convolved(draws, added, where), where)


def convolved(draws: npt.NDArray[np.floating], added: npt.NDArray[np.floating], where: Bools | None = None) -> Floats:
    """(H, N) quantiles of the sum of one of the ``draws`` (H, N) and, independent of it, one of the n that are
    ``added`` (H, n); of those ``where`` (H, n) says so."""
    out = np.array(draws, dtype=float)
    for h, (values, row) in enumerate(zip(out, added, strict=True)):
        out[h] = _sum(values, row if where is None else row[where[h]])
    return out


def thinned(values: npt.NDArray[np.floating], n: int) -> Floats:
    """(n,) the quantiles of a margin at other middles."""
    return np.asarray(values, dtype=float) if n == len(values) else np.interp(middles(n), middles(len(values)), values)


def quantiles_of(margins: npt.NDArray[np.floating], at: Sequence[float]) -> Floats:
    """(Q, H) quantiles of margins (H, N), linear between theirs."""
    n = margins.shape[1]
    position = np.clip(np.asarray(at) * n - 0.5, 0, n - 1)
    below = position.astype(np.int64)
    above = np.minimum(below + 1, n - 1)
    low, high = margins[:, below].astype(float), margins[:, above].astype(float)
    return np.asarray((low + (high - low) * (position - below)).T)


def pooled(samples: Sequence[tuple[float, npt.NDArray[np.floating]]], at: Sequence[float]) -> Floats:
    """(Q, H) quantiles of a mixture of margins (H, N), each with its weight; the weights sum to 1.

    Each margin has its share of 2 N values, so that no weight is off by more than a quarter of one in N.
    """
    weights, margins = zip(*((weight, margin) for weight, margin in samples if weight > _NO_WEIGHT), strict=True)
    if len(margins) == 1:
        return quantiles_of(margins[0], at)
    ends = np.rint(np.cumsum([0.0, *weights]) * 2 * margins[0].shape[1]).astype(np.int64)
    counts = np.diff(ends).tolist()
    values = [_shortened(margin, count) for margin, count in zip(margins, counts, strict=True)]
    return quantiles_of(np.sort(np.concatenate(values, axis=1), axis=1), at)


def _shortened(margins: npt.NDArray[np.floating], n: int) -> npt.NDArray[np.floating]:
    """(H, n) of margins (H, N) the values in whose shares the n middles are."""
    return np.asarray(np.take(margins, (middles(n) * margins.shape[1]).astype(np.int64), axis=1))


def _sum(values: Floats, added: npt.NDArray[np.floating]) -> Floats:
    """(N,) quantiles of the sum of one of N ``values`` and one of the m ``added`` (m,), if there are any."""
    if not added.size:
        return np.sort(values)
    least, most, low, high = (float(x) for x in (values.min(), values.max(), added.min(), added.max()))
    if low == high:
        return np.asarray(np.sort(values) + low)
    if least == most:
        return np.asarray(least + thinned(np.sort(added), len(values)))
    width = (most - least + high - low) / (_CELLS - 3)
    own, other = (np.fft.rfft(_binned((x - first) / width)) for x, first in ((values, least), (added, low)))
    mass = np.maximum(np.fft.irfft(own * other, n=_CELLS), 0.0)
    below = np.cumsum(mass) - mass / 2
    at = middles(len(values)) * mass.sum()
    return np.asarray(least + low + width * np.interp(at, below, np.arange(_CELLS)))


def _binned(places: npt.NDArray[np.floating]) -> Floats:
    """(cells,) how many points are at ``places`` (n,), counted in cells; each is shared by the two next to it, which
    keeps the mean."""
    whole = places.astype(np.int64)
    right = places - whole
    return np.asarray(np.bincount(whole, 1 - right, _CELLS) + np.bincount(whole + 1, right, _CELLS), dtype=float)


def _ascending(values: Floats) -> npt.NDArray[np.int64]:
    """(n,) places of values in ascending order, equal ones by their number.

    Sorted are whole numbers that are in order as the values are, their last bits being the place: half the time of a
    stable sort, and on every processor the same.
    """
    places = (1 << (len(values) - 1).bit_length()) - 1
    keys = np.ascontiguousarray(values, dtype=float).view(np.int64)
    keys = np.where(keys < 0, keys ^ np.iinfo(np.int64).max, keys)
    return np.asarray(np.sort(keys & ~places | np.arange(len(values))) & places)
