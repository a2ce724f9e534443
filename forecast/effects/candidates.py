"""Candidate models of an episode: shapes and leads, with their prior weights.

The response to a measure may be a pulse, a step, temporary, a decay or a ramp (Box and Tiao, Intervention analysis
with applications to economic and environmental problems, JASA 70, 1975), and it may begin as early as the
announcement. No monthly series tells these apart reliably, so the estimate averages over all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from forecast.effects.episodes import Episode
from forecast.interventions import (
    Decay,
    Forestalled,
    Hump,
    Intervention,
    Licence,
    Pulse,
    Ramp,
    Shape,
    Step,
    Temporary,
    mean_intensity,
)
from forecast.timeseries.frequency import Days, Freq
from forecast.timeseries.series import Floats

#: Families of shapes with their prior weight, split evenly among their members; numbers are months.
SHAPE_FAMILIES: tuple[tuple[float, tuple[Shape, ...]], ...] = (
    (0.05, (Pulse(),)),
    (0.30, (Step(),)),
    (0.15, (Temporary(2), Temporary(3), Temporary(6), Temporary(9))),
    (0.10, (Hump(3), Hump(5), Hump(9))),
    (0.25, (Decay(0.5), Decay(0.6), Decay(0.7), Decay(0.8), Decay(0.9))),
    (0.15, (Ramp(3), Ramp(6), Ramp(12))),
)

#: Of flows also the dates that traders see coming, announced or not, and are ahead of (Coglianese, Davis, Kilian and
#: Stock, Anticipation, tax avoidance, and the price elasticity of gasoline demand, Journal of Applied Econometrics 32,
#: 2017); its weight is taken evenly from the others, and small, for a shape that goes both ways is well suited to
#: cancel a neighbour.
FORESTALLED: tuple[float, tuple[Shape, ...]] = (
    0.05,
    tuple(Forestalled(months, rate) for months in (1, 2, 3) for rate in (0.8, 1.0)),
)

#: Months by which an effect may come early; and the announcement itself may start it, if it is at most a year earlier.
LEAD_MONTHS, MAX_LEAD_MONTHS = (1, 2, 3), 12
#: Chance that an effect that might have come early did not.
NO_LEAD_PROBABILITY = 0.5


@dataclass(frozen=True, eq=False)
class Candidates:
    """Every shape with every lead: ``shapes`` × ``leads``, shapes outermost; ``log_prior`` (K,): log weights."""

    shapes: tuple[Shape, ...]
    leads: tuple[int, ...]
    log_prior: Floats

    def of(self, intervention: Intervention) -> tuple[Intervention, ...]:
        """The candidates, with the start, end and intensity of one intervention."""
        return product(intervention, self.shapes, self.leads)


def product(intervention: Intervention, shapes: Sequence[Shape], leads: Sequence[int]) -> tuple[Intervention, ...]:
    """Every shape with every lead on the dates of one intervention, shapes outermost."""
    start, end, intensity = intervention.start, intervention.end, intervention.intensity
    return tuple(Intervention(shape, start, end, lead, intensity) for shape in shapes for lead in leads)


def columns(candidates: Sequence[Intervention], ds: Days, freq: Freq, held: np.datetime64 | None = None) -> Floats:
    """(K, T) columns of candidates, as ``Intervention.column`` gives them.

    ``held``: a response that has begun by this period stays after it as it is in it.
    """
    dated = [list(same) for _, same in groupby(candidates, key=lambda c: (c.start, c.end, c.intensity))]
    return np.vstack([_columns(same, ds, freq, held) for same in dated])


def _columns(candidates: Sequence[Intervention], ds: Days, freq: Freq, held: np.datetime64 | None) -> Floats:
    """The same of candidates that share their start, end and intensity."""
    one = candidates[0]
    ordinals = np.asarray(freq.ordinal(ds), dtype=np.int64)
    start = int(freq.ordinal(one.start))
    k = ordinals - start
    every = np.arange(k.min(), k.max() + max(c.lead for c in candidates) + 1)
    shapes = [c.brought_forward for c in candidates]
    response = {shape: shape.response(every.astype(float)) for shape in dict.fromkeys(shapes)}
    rows = np.array([response[shape][k - every[0] + c.lead] for shape, c in zip(shapes, candidates, strict=True)])
    if held is not None:
        last = int(freq.ordinal(held))
        for row, c in zip(rows, candidates, strict=True):
            if last - start + c.lead >= 0:
                row[ordinals > last] = c.shape.response(np.array([float(last - start + c.lead)]))
    if one.end is not None:
        rows[:, ordinals > int(freq.begun(one.end))] = 0.0
    return rows * mean_intensity(one.intensity, ds, freq) if one.intensity else rows


def leads(episode: Episode, freq: Freq) -> tuple[int, ...]:
    """No lead, up to three months of it but none before the announcement, and the announcement within a year."""
    gap = episode.gap(freq)
    early = (lead for lead in anticipations(freq) if lead <= gap)
    return tuple(sorted({*early, gap if gap <= freq.months(MAX_LEAD_MONTHS) else 0}))


def anticipations(freq: Freq) -> tuple[int, ...]:
    """Periods by which an effect may come early, none among them."""
    return tuple(sorted({0, *(freq.months(n) for n in LEAD_MONTHS)}))


def every_shape(leads: Sequence[int], freq: Freq, *, flows: bool = False) -> Candidates:
    """All shapes, as long in periods as they are in months, with these leads: none half the time, the others alike.

    ``flows``: those of trade, which may be brought forward; a price that knows of a measure has its effect already.
    The terms of a licence are no shape of its own: what is granted is a share of the trade, and no fixed share of an
    effect on the log. Where it was, others tell of the recovery; where it will be, a forecast knows the day.
    """
    weights: dict[Shape, float] = {}
    families = (*((weight * (1 - FORESTALLED[0]), shapes) for weight, shapes in SHAPE_FAMILIES), FORESTALLED)
    for weight, members in families if flows else SHAPE_FAMILIES:
        for shape in members:
            long = in_periods(shape, freq)
            weights[long] = weights.get(long, 0.0) + weight / len(members)
    early = len(leads) - 1
    of_lead = [
        1.0 if not early else NO_LEAD_PROBABILITY if lead == 0 else (1 - NO_LEAD_PROBABILITY) / early for lead in leads
    ]
    log_prior = np.log(np.outer(list(weights.values()), of_lead)).ravel()
    return Candidates(tuple(weights), tuple(leads), log_prior)


def in_periods(shape: Shape, freq: Freq) -> Shape:
    """A shape whose numbers are months, for periods of another length."""
    match shape:
        case Temporary(n) | Hump(n):
            return type(shape)(freq.months(n)) if freq.months(n) > 1 else Pulse()
        case Ramp(n):
            return Ramp(freq.months(n)) if freq.months(n) > 1 else Step()
        case Decay(rate):
            return Decay(round(rate ** (12 / freq.per_year), 4))
        case Forestalled(n, rate):
            return Forestalled(max(freq.months(n), 1), round(rate ** (12 / freq.per_year), 4))
        case Licence(delay, approval):
            return Licence(freq.months(delay), approval)
        case _:
            return shape
