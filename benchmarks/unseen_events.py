"""What it helps to know that an event was announced, when nobody has seen it act yet.

    python benchmarks/unseen_events.py [--quick] [--seed S] [--extra DIR] [--json FILE]

Every past event is hidden together with everything from its month on, and the next six months are forecast: as if there
were no event; with a variance that takes no notice of its kind; and with the prior of its kind and expected direction,
learnt from all other events (leave one out) or only from those seen long enough by then (past only), on targets alone
and on series of evidence besides. The
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
from forecast.effects.affected import Affected
from forecast.effects.controls import controls_for
from forecast.effects.episodes import episodes
from forecast.effects.estimate import ModelAveraging, estimate
from forecast.effects.event_classes import (
    BUILD_UP,
    Likelihood,
    Size,
    class_prior,
    class_priors,
    full_exposure_likelihood,
)
from forecast.events import Stringency
from forecast.forecasters import FORECASTERS
from forecast.interventions import Design
from forecast.metrics import QUANTILE_LEVELS, crps_from_quantiles, quantiles
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats, History, Series

HORIZON, BEFORE, DRAWS = 6, 60, 1000
CENTRAL = (50, 80, 90)
TODAY = dt.date(2026, 10, 9)
NOTHING = Size(0.0, 0.0)


@dataclass(frozen=True)
class Lesson:
    """What one series says of one event, and the day by which a year of it, or half a one of months, had passed."""

    likelihood: Likelihood
    learnt: dt.date


@dataclass(frozen=True, eq=False)
class Case:
    """One event on one series, forecast from the month before it was known: ``base`` (n, H), ``actual`` (H,).

    ``exact``: how squarely the event hits the series, times the dose of a tariff; ``day``: the last day of the month.
    """

    likelihood: Likelihood
    exact: float
    day: dt.date
    base: Floats
    actual: Floats


@dataclass(frozen=True, eq=False)
class Gathered:
    """Of one series: what it teaches, its events with five years before and six months after them, if it is a target,
    and as many dates without events."""

    lessons: tuple[Lesson, ...] = ()
    events: tuple[Case, ...] = ()
    quiet: tuple[Case, ...] = ()


def gather(history: History, panel: Panel, rng: np.random.Generator) -> Gathered:
    sample, freq = Sample.of(history), history.series.calendar
    known = panel.events.known_on(TODAY)
    found, _ = episodes(known, history.series, panel.minerals, sample.ds, limit=10_000, known_on=TODAY)
    if not found:
        return Gathered()
    controls = controls_for(history.series, sample, panel.histories, panel.minerals, known)
    record = estimate(sample, found, controls=controls, n=200, seed=0, settings=ModelAveraging(placebo=False))
    first, monthly = int(freq.ordinal(sample.ds[0])), freq.unit == "M"
    lessons, events, busy = [], [], np.zeros(len(sample), dtype=bool)
    for effect in record.effects:
        row = int(freq.ordinal(effect.episode.intervention.start)) - effect.episode.gap(freq) - first - 1
        busy[max(row - HORIZON, 0) : max(row + HORIZON, 0)] = True
        if effect.likelihood is None or not effect.identified:
            continue
        message = full_exposure_likelihood(effect, history.series.series_id, Affected.of(history.series))
        learnt = freq.end(freq.shift(sample.ds[0], row + (HORIZON if monthly else 2))).item()
        lessons.append(Lesson(message, learnt))
        if history.series.is_target and monthly and _complete(sample, row):
            events.append(_case(sample, message, effect.episode.exposure * effect.episode.dose, row))
    free = [int(row) for row in np.flatnonzero(~busy) if events and _complete(sample, int(row))]
    picked = rng.permutation(free)[: len(events)]
    nothing = Likelihood(history.series.series_id, (), Stringency.SHOCK, 0, Affected.of(history.series), 0.0, 1.0)
    return Gathered(tuple(lessons), tuple(events), tuple(_case(sample, nothing, 1.0, int(row)) for row in picked))


def _complete(sample: Sample, row: int) -> bool:
    enough = row < len(sample) - HORIZON and int(np.isfinite(sample.x[: max(row, 0)]).sum()) >= BEFORE
    return enough and bool(np.isfinite(sample.x[row : row + HORIZON + 1]).all())


def _case(sample: Sample, likelihood: Likelihood, exact: float, row: int) -> Case:
    past = Sample(sample.ds[: row + 1], sample.x[: row + 1], sample.freq, sample.is_price)
    fitted = FORECASTERS["grid"].fit(past, Design.empty(past.ds))
    base = fitted.simulate(Design.empty(past.future(HORIZON)), DRAWS, seed=row)
    day: dt.date = sample.freq.end(sample.ds[row]).item()
    return Case(likelihood, exact, day, base, sample.x[row + 1 : row + 1 + HORIZON])


def wider(lessons: Sequence[Lesson], case: Case) -> Size:
    """One spread for all events, whatever they are."""
    others = (replace(each.likelihood, stringency=Stringency.SHOCK) for each in lessons if each.likelihood.direction)
    prior = class_priors(others, without=case.likelihood.events)[Stringency.SHOCK, case.likelihood.affected]
    return prior.towards(0)


def all_others(lessons: Sequence[Lesson], case: Case) -> Size:
    return _class((each.likelihood for each in lessons), case)


def past_only(lessons: Sequence[Lesson], case: Case) -> Size:
    return _class((each.likelihood for each in lessons if each.learnt <= case.day), case)


def _class(others: Iterable[Likelihood], case: Case) -> Size:
    of = case.likelihood
    known = (other for other in others if other.direction)
    return class_prior(known, of.stringency, of.affected, without=of.events).towards(of.direction)


METHODS = (
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
        draws = case.base + case.exact * luck[:, None] * build
        crps = crps_from_quantiles(quantiles(draws, QUANTILE_LEVELS), case.actual)
        ends = [np.quantile(draws, [(100 - q) / 200, (100 + q) / 200], axis=0) for q in CENTRAL]
        hits = np.stack([(lo <= case.actual) & (case.actual <= hi) for lo, hi in ends], axis=1)
        yield crps, hits.astype(float)


def main() -> None:
    options = arguments(__doc__)
    panel, report = read_panel(options.extra), Report("unseen_events", options)
    rng = np.random.default_rng(options.seed)
    for prices, words in ((True, "prices"), (False, "volumes and values")):
        chosen = [h for h in panel.histories.values() if h.series.is_price is prices and _speaks(h.series)]
        gathered = {h.series: gather(h, panel, rng) for h in (chosen[:12] if options.quick else chosen)}
        pool = [case for one in gathered.values() for case in one.events]
        if not pool:
            report.note(f"{words}: no series has an event with {BEFORE} months before and {HORIZON} after it")
            continue
        taught = {
            "targets": [lesson for series, one in gathered.items() if series.is_target for lesson in one.lessons],
            "targets and evidence": [lesson for one in gathered.values() for lesson in one.lessons],
        }
        quiet = [case for one in gathered.values() for case in one.quiet]
        report.table(f"Events never seen: {words}", list(_scores(pool, quiet, taught)))
        report.table(f"What events of a class do to {words}, towards the expected direction", _classes(taught, prices))
        events, series = len({c.likelihood.events[0] for c in pool}), len({c.likelihood.series_id for c in pool})
        report.note("The directions expected of shocks were written after the fact; those of measures were argued.")
        report.note(f"{words}: {events} events on {series} series forecast; {len(gathered)} teach; seed {options.seed}")
    report.finish(("numpy", "scipy"))


def _speaks(series: Series) -> bool:
    return series.is_target or series.is_evidence


def _scores(
    pool: Sequence[Case], quiet: Sequence[Case], taught: dict[str, list[Lesson]]
) -> Iterator[dict[str, object]]:
    ignored = Outcome.of(pool, [NOTHING] * len(pool))
    yield ignored.row("the event ignored", ignored, pool)
    for name, method in METHODS:
        for whom, lessons in taught.items():
            yield Outcome.of(pool, [method(lessons, case) for case in pool]).row(f"{name}: {whom}", ignored, pool)
    policy = [case for case in pool if case.likelihood.stringency is not Stringency.SHOCK]
    if policy:
        nothing, lessons = Outcome.of(policy, [NOTHING] * len(policy)), taught["targets and evidence"]
        ours = Outcome.of(policy, [past_only(lessons, case) for case in policy])
        yield ours.row("policy measures only, past events only", nothing, policy)
    if quiet:
        nothing = Outcome.of(quiet, [NOTHING] * len(quiet))
        yield nothing.row("(dates without events)", nothing, quiet)


def _classes(taught: dict[str, list[Lesson]], prices: bool) -> list[dict[str, object]]:
    """The class effects before and after the evidence."""
    before, after = (
        class_priors(each.likelihood for each in lessons if each.likelihood.direction) for lessons in taught.values()
    )
    rows: list[dict[str, object]] = []
    for key, prior in after.items():
        if key[1].is_price is prices:
            row: dict[str, object] = {"class": str(key[0]), "on": str(key[1])}
            for when, one in (("before", before[key]), ("after", prior)):
                row |= {
                    f"n {when}": one.n,
                    f"mean {when}": one.mean,
                    f"se {when}": one.se,
                    f"spread {when}": one.spread,
                }
            row["identified"] = " -> ".join("yes" if one.identified else "no" for one in (before[key], prior))
            rows.append(row)
    return rows


if __name__ == "__main__":
    main()
