"""What events did by orecast's estimates, beside what others have published about the same events.

    python benchmarks/published_estimates.py [--quick] [--trials N] [--seed S] [--json FILE]

The published numbers with their sources, definitions and spans are in ``published/estimates.csv``; series that the
bundle does not have, so that the comparison is on the same data, are beside them. Of each: the published number; the
change in our series between the same spans, averaged as in the source, without any model; and what the effect record of
that series says of the events, the mean path on the log after less that before, with its 90 % interval. Theirs is a
change against another good, against a year before or in a model; ours is an effect against the past of the series, its
season and series that the events did not touch. All in percent. ``told``: what the number rests on.

Then steps of known size in real series: whether a rise of several times its level is shrunk.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from support.panel import Panel, read_panel
from support.published import FOLDER, PublishedEstimate, read_estimates
from support.report import Report, Row, arguments
from support.steps import BEFORE, NOISY, monthly_noise, step_rows

from forecast.effects.controls import controls_for
from forecast.effects.episodes import episodes
from forecast.effects.estimate import ModelAveraging, estimate
from forecast.effects.record import EffectRecord, EpisodeEffect
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats, History

DRAWS = 4000
TODAY = dt.date(2026, 10, 9)
#: Ends of the central interval.
ENDS = (0.05, 0.95)


@dataclass(frozen=True, eq=False)
class Comparison:
    """A published estimate beside ours: ``raw`` in percent, ``draws`` (n,) of the effect on the log; None of what the
    series does not have."""

    estimate: PublishedEstimate
    raw: float | None = None
    draws: Floats | None = None
    told: str = "no series"

    @property
    def row(self) -> Row:
        theirs, ours = self.estimate.percent(self.estimate.published), self.ours
        interval = [self.estimate.percent(end) for end in (self.estimate.low, self.estimate.high)]
        return {
            "finding": self.estimate.finding,
            "series": self.estimate.series_id or None,
            "published": _percent(theirs),
            "their 95 %": _interval(interval),
            "their raw": _percent(self.estimate.published_raw),
            "raw here": _percent(self.raw),
            "ours": _percent(ours[0]),
            "our 90 %": _interval(ours[1:]),
            "inside": self._holds(theirs),
            "raw inside": self._holds(self.raw),
            "told": self.told,
        }

    @property
    def ours(self) -> tuple[float | None, float | None, float | None]:
        """Mean on the log and ends of the interval, in percent."""
        if self.draws is None:
            return None, None, None
        mean, low, high = 100 * np.expm1([self.draws.mean(), *np.quantile(self.draws, ENDS)])
        return float(mean), float(low), float(high)

    def _holds(self, number: float | None) -> str | None:
        _, low, high = self.ours
        if number is None or low is None or high is None:
            return None
        return "yes" if low <= number <= high else "no"


def comparisons(panel: Panel, estimates: Sequence[PublishedEstimate], seed: int) -> Iterator[Comparison]:
    records: dict[str, EffectRecord] = {}
    for one in estimates:
        if not one.series_id:
            yield Comparison(one)
            continue
        history = panel.histories[one.series_id]
        if one.series_id not in records:
            records[one.series_id] = _record(history, panel, seed)
        yield _comparison(one, history, records[one.series_id])


def _record(history: History, panel: Panel, seed: int) -> EffectRecord:
    sample, known = Sample.of(history), panel.events.known_on(TODAY)
    found, omitted = episodes(known, history.series, panel.minerals, sample.ds, known_on=TODAY)
    controls = controls_for(history.series, sample, panel.histories, panel.minerals, known)
    record = estimate(sample, found, controls=controls, n=DRAWS, seed=seed, settings=ModelAveraging(placebo=False))
    return record.of(history.series.series_id, omitted)


def _comparison(one: PublishedEstimate, history: History, record: EffectRecord) -> Comparison:
    raw = one.raw(history.ds, np.where(history.used, history.y, np.nan))
    effects = [effect for effect in record.effects if set(one.events) & set(effect.episode.events)]
    if not effects:
        return Comparison(one, raw, told="no episode of its sample")
    ds, freq = history.ds, record.freq
    path = sum((effect.draws(ds, freq) for effect in effects), np.zeros((record.n, len(ds))))
    before, after = (span.holds(ds) for span in (one.before, one.after))
    if not before.any() or not after.any():
        return Comparison(one, raw, told="the spans are outside its sample")
    return Comparison(one, raw, path[:, after].mean(axis=1) - path[:, before].mean(axis=1), _told(effects))


def _told(effects: Sequence[EpisodeEffect]) -> str:
    if not any(effect.identified for effect in effects):
        return "prior: the data say nothing"
    little = "little known" if all(effect.prior_dominated for effect in effects) else ""
    apart = [effect for effect in effects if effect.episode.apart and not effect.episode.told_with]
    count = len({event for effect in effects for event in effect.episode.events})
    how = f"{len(effects)} episodes, {count} events" if len(effects) > 1 or count > 1 else "1 event"
    return "; ".join(part for part in (how, "" if apart else "not reported apart", little) if part)


def _percent(number: float | None) -> str | None:
    return None if number is None else f"{number:+.0f}"


def _interval(ends: Sequence[float | None]) -> str | None:
    return None if None in ends else f"{_percent(ends[0])} to {_percent(ends[1])}"


def _steps(panel: Panel, n: int, seed: int) -> list[Row]:
    """Monthly series a year after the step, yearly ones after one more year."""
    long = [
        h for h in panel.histories.values() if h.used.all() and len(h) >= 2 * BEFORE and h.series.measure != "index"
    ]
    pools: dict[str, list[History]] = {name: [] for name in ("monthly prices", "yearly prices", "quiet", "noisy")}
    for history in long:
        if history.series.is_price:
            pools["yearly prices" if history.series.freq == "Y" else "monthly prices"].append(history)
        elif history.series.freq == "M":
            pools["quiet" if monthly_noise(history) <= NOISY else "noisy"].append(history)
    return [
        *step_rows("monthly prices", pools["monthly prices"], 12, panel, n, seed),
        *step_rows("yearly prices and unit values", pools["yearly prices"], 24, panel, n, seed),
        *step_rows("monthly flows, noise up to .3", pools["quiet"], 12, panel, n // 2, seed),
        *step_rows("monthly flows, noise above .3", pools["noisy"], 12, panel, n // 2, seed),
    ]


def main() -> None:
    options = arguments(__doc__, trials=100)
    panel, report = read_panel([FOLDER, *options.extra]), Report("published_estimates", options)
    estimates = read_estimates(FOLDER / "estimates.csv", panel.histories, panel.events)
    found = list(comparisons(panel, estimates[:6] if options.quick else estimates, options.seed))
    report.table("Published estimates and ours, percent", [one.row for one in found])
    known = [one for one in found if one.draws is not None and not one.told.startswith("prior")]
    inside, raw = (sum(one.row[name] == "yes" for one in known) for name in ("inside", "raw inside"))
    report.note(
        f"Of {len(known)} of which the series say anything, our interval holds the published number {inside} times, "
        f"the change in our series {raw} times."
    )
    for one in found:
        it = one.estimate
        spans = f"{it.published_before.text} to {it.published_after.text}"
        report.note(f"{it.finding}: {it.definition} ({spans}). {it.differs} {it.source}, {it.source_url}")
    report.table("Steps put into real series", _steps(panel, 4 if options.quick else options.trials, options.seed))
    report.finish(("numpy", "scipy"))


if __name__ == "__main__":
    main()
