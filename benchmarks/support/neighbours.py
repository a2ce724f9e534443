"""Effects with neighbours: what is left of an effect, and what an idle event is given, where two or three overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from forecast.effects.controls import controls_for
from forecast.effects.episodes import Episode
from forecast.effects.estimate import ModelAveraging, estimate
from forecast.effects.record import EffectRecord
from forecast.events import Stringency
from forecast.interventions import Decay, Intervention, Ramp, Shape, Step, Temporary
from forecast.timeseries.frequency import Days
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats, History
from support.panel import Panel

SHAPES: tuple[Shape, ...] = (Step(), Temporary(6), Decay(0.8), Ramp(3))
WINDOWS = (12, 6, 3)
#: Sizes on the log that are put in: a share of the trials, and a normal sd or the size itself.
SPREADS, FIXED = (0.05, 0.2, 0.5), tuple(np.log([0.1, 0.3, 0.5, 0.8, 1.3, 3.0]).tolist())
#: Average effects in size groups: up to 10 %, up to 30 %, more.
GROUPS = (("up to 10 %", 0.0, 0.1), ("10 to 30 %", 0.1, 0.3), ("more", 0.3, np.inf))
DRAWS = 1000
_QUICK = ModelAveraging(placebo=False)


@dataclass(frozen=True, eq=False)
class Pair:
    """A real series with an effect put in, and one or two neighbours: ``real``, ``idle`` and perhaps ``third``.

    ``truth``: average of the real effect over the ``window``, the periods that are asked about; ``third``: which third
    of the sample the real effect starts in.
    """

    sample: Sample
    controls: Floats | None
    episodes: tuple[Episode, ...]
    truth: float
    window: Days
    third: int


def pairs(
    panel: Panel, pool: Sequence[tuple[History, Sequence[int]]], n: int, rng: np.random.Generator, *, triples: bool
) -> list[Pair]:
    """``n`` trials on series of the pool, each with the rows on which an effect may start.

    Every size group and every third of the sample is asked about equally often.
    """
    cells = [(group, third) for group in GROUPS for third in range(3)]
    return [_pair(panel, pool, *cells[k % len(cells)], rng, triples) for k in range(n)]


def _pair(
    panel: Panel,
    pool: Sequence[tuple[History, Sequence[int]]],
    group: tuple[str, float, float],
    third: int,
    rng: np.random.Generator,
    triples: bool,
) -> Pair:
    window = int(rng.choice(WINDOWS))
    history, row, length = _place(pool, window, third, rng)
    sample = Sample.of(history.until(history.ds[length - 1]))
    asked = slice(row, row + window)
    real = _episode(sample, row, "real", rng)
    unit = real.intervention.column(sample.ds, sample.freq)
    size = _size(group, float(unit[asked].mean()), rng)
    effects = size * unit
    before = row - int(rng.integers(0, 13))
    episodes = [real, replace(_episode(sample, before, "idle", rng), strength=1.0)]
    if triples:
        other = _episode(sample, max(before - int(rng.integers(2, 7)), 1), "third", rng)
        effects += float(rng.normal(0, 0.2)) * other.intervention.column(sample.ds, sample.freq)
        episodes.append(other)
    controls = controls_for(history.series, sample, panel.histories, panel.minerals)
    spoiled = replace(sample, x=sample.x + effects)
    return Pair(spoiled, controls, tuple(episodes), size * float(unit[asked].mean()), sample.ds[asked], third)


def _place(
    pool: Sequence[tuple[History, Sequence[int]]], window: int, third: int, rng: np.random.Generator
) -> tuple[History, int, int]:
    """A history, the row of a start in this third of the sample, and how long the sample is."""
    while True:
        history, rows = pool[int(rng.integers(len(pool)))]
        row = int(rng.choice(rows))
        shortest = max(row + window, 3 * row // (third + 1) + 1)
        longest = min(len(history), 3 * row // third if third else len(history))
        if shortest <= longest:
            length = int(rng.integers(shortest, longest + 1))
            if history.used[length - 1]:
                return history, row, length


def _size(group: tuple[str, float, float], level: float, rng: np.random.Generator) -> float:
    """A size on the log whose average, ``level`` times as large, falls into the group."""
    _, low, high = group
    while True:
        size = float(rng.choice(FIXED)) if rng.random() < 0.2 else float(rng.normal(0, rng.choice(SPREADS)))
        if low <= abs(np.expm1(size * level)) < high:
            return size


def _episode(sample: Sample, row: int, name: str, rng: np.random.Generator) -> Episode:
    start = sample.ds[row]
    shape = SHAPES[rng.integers(len(SHAPES))]
    announced = sample.freq.shift(start, -int(rng.integers(0, 4))).item()
    acting = Intervention(shape, start)
    return Episode(name, (name,), Stringency.BAN, 0, announced, start.item(), None, 1.0, acting)


@dataclass(frozen=True, eq=False)
class Answers:
    """Of n trials: truths, mean and 90 % interval of the real effect (n, 3), of it without neighbours and of the idle
    one; and what each series could have shown at all (n,)."""

    truth: Floats
    real: Floats
    alone: Floats
    idle: Floats
    detectable: Floats


def answers(cases: Sequence[Pair]) -> Answers:
    """Two estimates a trial: with and without the neighbours. Equal months count as one episode: the idle one is then
    the real one, and only the latter is judged."""
    rows = [_answer(case) for case in cases]
    return Answers(*(np.array(column) for column in zip(*rows, strict=True)))


def _answer(case: Pair) -> tuple[float, Floats, Floats, Floats, float]:
    real, *others = case.episodes
    apart = [e for e in others if e.intervention.start != real.intervention.start]
    joint = estimate(case.sample, [real, *apart], controls=case.controls, n=DRAWS, seed=0, settings=_QUICK)
    single = estimate(case.sample, [real], controls=case.controls, n=DRAWS, seed=0, settings=_QUICK)
    detectable = single.effects[0].detectable
    idle = _average(case, joint, "idle") if any(e.episode_id == "idle" for e in apart) else np.zeros(3)
    return (
        case.truth,
        _average(case, joint, "real"),
        _average(case, single, "real"),
        idle,
        np.inf if detectable is None else detectable,
    )


def _average(case: Pair, record: EffectRecord, name: str) -> Floats:
    effect = next(e for e in record.effects if e.episode.episode_id == name)
    draws = effect.draws(case.window, case.sample.freq).mean(axis=1)
    return np.array([draws.mean(), *np.quantile(draws, [0.05, 0.95])])


def rows(cases: Sequence[Pair], found: Answers) -> list[dict[str, object]]:
    """One row for all trials, each size group, each third of the sample, and what the series could hardly show."""
    percent = np.abs(np.expm1(found.truth))
    third = np.array([case.third for case in cases])
    parts = [("all", np.ones(len(percent), dtype=bool))]
    parts += [(name, (percent >= low) & (percent < high)) for name, low, high in GROUPS]
    parts += [(name, third == k) for k, name in enumerate(("first third", "middle third", "last third"))]
    parts += [("detectable", np.abs(found.truth) >= found.detectable), ("not", np.abs(found.truth) < found.detectable)]
    return [_row(name, found, keep) for name, keep in parts if keep.any()]


def _row(name: str, found: Answers, keep: np.ndarray) -> dict[str, object]:
    truth, real, alone, idle = (v[keep] for v in (found.truth, found.real, found.alone, found.idle))
    return {
        "effects": name,
        "trials": len(truth),
        "cover90": f"{100 * _holds(real, truth):.0f}",
        "rmse": _rmse(real, truth),
        "alone cover90": f"{100 * _holds(alone, truth):.0f}",
        "alone rmse": _rmse(alone, truth),
        "ratio": _rmse(real, truth) / _rmse(alone, truth),
        "idle without 0": f"{100 * (1 - _holds(idle, np.zeros(len(idle)))):.0f}",
        "idle width": float(np.median(idle[:, 2] - idle[:, 1])),
    }


def _holds(answer: Floats, truth: Floats) -> float:
    return float(np.mean((answer[:, 1] <= truth) & (truth <= answer[:, 2])))


def _rmse(answer: Floats, truth: Floats) -> float:
    return float(np.sqrt(np.mean((answer[:, 0] - truth) ** 2)))
