"""What it helps to know that an event was announced, when nobody has seen it act yet.

    python benchmarks/unseen_events.py [--quick] [--seed S] [--extra DIR] [--json FILE]

Every past event is hidden together with everything from its month on, and the next six months are forecast: as if there
were no event; with a variance that takes no notice of its kind; and with the prior of its kind and expected direction,
learnt from all other events (leave one out) or only from those whose six months had passed by then (past only). The
same forecasts at dates without events show how the intervals do when nothing happens. All on the log; CRPS as ratio
to ignoring the event, with a standard error clustered by event.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from support.panel import Panel, read_panel
from support.report import Report, arguments

from forecast.answers.paths import CommonRandomNumbers
from forecast.effects.controls import controls_for
from forecast.effects.episodes import episodes
from forecast.effects.estimate import ModelAveraging, estimate
from forecast.effects.event_classes import BUILD_UP, Likelihood, Size, class_priors, full_exposure_likelihood
from forecast.events import KindFamily
from forecast.forecasters import FORECASTERS
from forecast.interventions import Design
from forecast.metrics import QUANTILE_LEVELS, crps_from_quantiles, quantiles
from forecast.names import MeasureClass
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats, History

HORIZON, BEFORE, DRAWS = 6, 60, 1000
CENTRAL = (50, 80, 90)
TODAY = dt.date(2026, 10, 9)
NOTHING = Size(0.0, 0.0)


@dataclass(frozen=True, eq=False)
class Case:
    """One event on one series, forecast from the month before it was known: ``base`` (n, H), ``actual`` (H,).

    ``exposure``: how squarely the event hits the series.
    """

    likelihood: Likelihood
    exposure: float
    origin: int
    base: Floats
    actual: Floats


def cases(history: History, panel: Panel, rng: np.random.Generator) -> tuple[list[Case], list[Case]]:
    """The events of a series with five years before and six months after them, and as many dates without events."""
    sample, freq = Sample.of(history), history.series.calendar
    known = panel.events.known_on(TODAY)
    found, _ = episodes(known, history.series, panel.minerals, sample.ds, limit=10_000, known_on=TODAY)
    if not found:
        return [], []
    controls = controls_for(history.series, sample, panel.histories, panel.minerals, known)
    record = estimate(sample, found, controls=controls, n=200, seed=0, settings=ModelAveraging(placebo=False))
    first = int(freq.ordinal(sample.ds[0]))
    events, busy = [], np.zeros(len(sample), dtype=bool)
    for effect in record.effects:
        row = int(freq.ordinal(effect.episode.intervention.start)) - effect.episode.gap(freq) - first - 1
        busy[max(row - HORIZON, 0) : max(row + HORIZON, 0)] = True
        if effect.likelihood is None or not _complete(sample, row):
            continue
        message = full_exposure_likelihood(effect, history.series.series_id, history.series.measure_class)
        events.append(_case(sample, message, effect.episode.exposure, row, first))
    free = [int(row) for row in np.flatnonzero(~busy) if _complete(sample, int(row))]
    picked = rng.permutation(free)[: len(events)]
    nothing = Likelihood(history.series.series_id, (), KindFamily.SHOCK, 0, history.series.measure_class, 0.0, 1.0)
    return events, [_case(sample, nothing, 1.0, int(row), first) for row in picked]


def _complete(sample: Sample, row: int) -> bool:
    enough = row < len(sample) - HORIZON and int(np.isfinite(sample.x[: max(row, 0)]).sum()) >= BEFORE
    return enough and bool(np.isfinite(sample.x[row : row + HORIZON + 1]).all())


def _case(sample: Sample, likelihood: Likelihood, exposure: float, row: int, first: int) -> Case:
    past = Sample(sample.ds[: row + 1], sample.x[: row + 1], sample.freq, sample.is_price)
    fitted = FORECASTERS["grid"].fit(past, Design.empty(past.ds))
    base = fitted.simulate(Design.empty(past.future(HORIZON)), DRAWS, seed=row)
    return Case(likelihood, exposure, first + row, base, sample.x[row + 1 : row + 1 + HORIZON])


def alone(pool: Sequence[Case], case: Case) -> Size:
    return NOTHING


def wider(pool: Sequence[Case], case: Case) -> Size:
    """One spread for all events, whatever they are."""
    others = (replace(c.likelihood, family=KindFamily.SHOCK) for c in pool if c.likelihood.direction)
    prior = class_priors(others, without=case.likelihood.events)[KindFamily.SHOCK, case.likelihood.measure_class]
    return prior.towards(0)


def all_others(pool: Sequence[Case], case: Case) -> Size:
    return _kind((c.likelihood for c in pool), case)


def past_only(pool: Sequence[Case], case: Case) -> Size:
    return _kind((c.likelihood for c in pool if c.origin + HORIZON <= case.origin), case)


def _kind(others: Iterable[Likelihood], case: Case) -> Size:
    message = case.likelihood
    priors = class_priors((other for other in others if other.direction), without=message.events)
    return priors[message.family, message.measure_class].towards(message.direction)


METHODS = (
    ("the event ignored", alone),
    ("wider variance, the same for all", wider),
    ("prior of its kind, leave one out", all_others),
    ("prior of its kind, past events only", past_only),
)


@dataclass(frozen=True, eq=False)
class Outcome:
    """CRPS (C, H) of the cases, and whether the central intervals held the outcome (C, H, 3)."""

    crps: Floats
    hits: Floats

    @classmethod
    def of(cls, pool: Sequence[Case], priors: Iterable[Size]) -> Outcome:
        rows = list(_scored(pool, priors))
        return cls(np.array([crps for crps, _ in rows]), np.array([hits for _, hits in rows]))

    def row(self, name: str, ignored: Outcome, pool: Sequence[Case]) -> dict[str, object]:
        ratio = float(self.crps.mean() / ignored.crps.mean())
        difference = (self.crps - ratio * ignored.crps).mean(axis=1) / ignored.crps.mean()
        cluster: dict[str, float] = {}
        for case, d in zip(pool, difference, strict=True):
            leader = (*case.likelihood.events, case.likelihood.series_id)[0]
            cluster[leader] = cluster.get(leader, 0.0) + float(d)
        se = float(np.sqrt(np.sum(np.square(list(cluster.values())))) / len(pool))
        cover = [f"{100 * self.hits[:, :, k].mean():.0f}" for k in range(len(CENTRAL))]
        return {
            "forecast": name,
            "pairs": len(pool),
            "crps_ratio": ratio,
            "se": se,
            **{f"cover{q}": c for q, c in zip(CENTRAL, cover, strict=True)},
        }


def _scored(pool: Sequence[Case], priors: Iterable[Size]) -> Iterator[tuple[Floats, Floats]]:
    build = BUILD_UP.response(np.arange(HORIZON, dtype=float))
    for case, size in zip(pool, priors, strict=True):
        luck = CommonRandomNumbers(0, case.likelihood.series_id, DRAWS).sizes(" ".join(case.likelihood.events), size)
        draws = case.base + case.exposure * luck[:, None] * build
        crps = crps_from_quantiles(quantiles(draws, QUANTILE_LEVELS), case.actual)
        ends = [np.quantile(draws, [(100 - q) / 200, (100 + q) / 200], axis=0) for q in CENTRAL]
        hits = np.stack([(lo <= case.actual) & (case.actual <= hi) for lo, hi in ends], axis=1)
        yield crps, hits.astype(float)


def main() -> None:
    options = arguments(__doc__)
    panel, report = read_panel(options.extra), Report("unseen_events", options)
    rng = np.random.default_rng(options.seed)
    for measure_class in MeasureClass:
        kind = {MeasureClass.PRICES: "prices", MeasureClass.FLOWS: "volumes and values"}[measure_class]
        targets = [h for h in panel.histories.values() if h.series.is_target]
        chosen = [h for h in targets if h.series.measure_class is measure_class]
        gathered = [cases(history, panel, rng) for history in (chosen[:4] if options.quick else chosen)]
        pool, quiet = [c for events, _ in gathered for c in events], [c for _, free in gathered for c in free]
        if not pool:
            report.note(f"{kind}: no series has an event with {BEFORE} months before and {HORIZON} after it")
            continue
        outcomes = [(name, Outcome.of(pool, [method(pool, case) for case in pool])) for name, method in METHODS]
        rows = [outcome.row(name, outcomes[0][1], pool) for name, outcome in outcomes]
        policy = [case for case in pool if case.likelihood.family is not KindFamily.SHOCK]
        if policy:
            ignored = Outcome.of(policy, [NOTHING] * len(policy))
            ours = Outcome.of(policy, [all_others(pool, case) for case in policy])
            rows.append(ours.row("policy measures only, leave one out", ignored, policy))
        if quiet:
            nothing = Outcome.of(quiet, [NOTHING] * len(quiet))
            rows.append(nothing.row("(dates without events)", nothing, quiet))
        report.table(f"Events never seen: {kind}", rows)
        priors = class_priors(c.likelihood for c in pool if c.likelihood.direction)
        report.table(
            f"What events of a kind do to {kind}, towards the expected direction, on the log",
            [
                {"family": str(p.family), "n": p.n, "mean": p.mean, "se": p.se, "spread": p.spread,
                 "mean is": "identified" if p.identified else "not identified: variance only"}
                for p in priors.values() if p.measure_class is measure_class
            ],
        )  # fmt: skip
        events = len({c.likelihood.events[0] for c in pool})
        report.note("The directions expected of shocks were written after the fact; those of measures were argued.")
        report.note(f"{kind}: {events} events on {len(chosen)} series; seed {options.seed}")
    report.finish(("numpy", "scipy"))


if __name__ == "__main__":
    main()
