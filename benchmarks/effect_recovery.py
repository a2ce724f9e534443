"""How well effects are found that were put into real series: the method of orecast against what one would pick instead.

    python benchmarks/effect_recovery.py [--quick] [--trials N] [--seed S] [--extra DIR] [--json FILE]

Each trial takes a real series, a date around which no event hits it, and a known effect: a step, a six-month
change, a decay or a ramp whose size on the log is N(0, .2²). The series ends 12, 6 or 3 months after the start, and the
question is the average effect over those months. Flows whose single months are off by more than the effects are left
out (their number is printed): no method finds much in them. Reported: root mean square error with its
standard error, coverage of the 50, 80 and 90 % intervals, seconds a trial; slow peers get fewer trials, the first ones.

Then the same with neighbours: an idle event 0 to 12 months before the real one, and a third one before that which has
an effect of its own; effects from a few percent to a tenfold change. Reported by size, by third of the sample, and
apart for what the series could hardly have shown: coverage and error of the real effect with and without neighbours,
how often the idle one's interval leaves out 0, and how wide it is.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from prophet import Prophet
from prophet.utilities import regressor_coefficients
from statsmodels.tsa.statespace.sarimax import SARIMAX
from statsmodels.tsa.statespace.structural import UnobservedComponents
from support import neighbours
from support.panel import Panel, read_panel
from support.report import Report, arguments

from forecast.effects.candidates import columns, every_shape
from forecast.effects.controls import controls_for
from forecast.effects.episodes import Episode
from forecast.effects.estimate import ModelAveraging, estimate, quiet_periods, regress
from forecast.effects.profile import profile
from forecast.events import Stringency
from forecast.events.exposure import exposure
from forecast.interventions import Decay, Intervention, Ramp, Shape, Step, Temporary, design
from forecast.timeseries.frequency import Freq
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats, History

LEVELS = (0.5, 0.8, 0.9)
SD = 0.2  # of the effects put in, on the log
SHAPES: tuple[Shape, ...] = (Step(), Temporary(6), Decay(0.8), Ramp(3))
WINDOWS = (12, 6, 3)
BEFORE = 60  # months of history that a trial needs
EARLY = 24  # of those with neighbours, which may lie anywhere in the sample
NOISE = SD  # on the log, of a single month
STRONG = 0.5  # exposure from which a real event would spoil a trial
DRAWS = 1000
NORMAL = {0.5: 0.6745, 0.8: 1.2816, 0.9: 1.6449}


@dataclass(frozen=True, eq=False)
class Trial:
    """A real series with an effect put in: ``truth`` is its average over the last ``window`` periods of the sample."""

    sample: Sample
    controls: Floats | None
    episode: Episode
    window: int
    truth: float

    @property
    def column(self) -> Floats:
        return self.episode.intervention.column(self.sample.ds, self.sample.freq)

    def average(self, path: Floats) -> Floats:
        return np.asarray(path[..., -self.window :].mean(axis=-1))


@dataclass(frozen=True)
class Answer:
    """Estimated average effect, and the central intervals at ``LEVELS``; no intervals where a method gives none."""

    mean: float
    intervals: tuple[tuple[float, float], ...] = ()

    @classmethod
    def normal(cls, mean: float, sd: float) -> Answer:
        return cls(mean, tuple((mean - NORMAL[q] * sd, mean + NORMAL[q] * sd) for q in LEVELS))

    @classmethod
    def drawn(cls, draws: Floats) -> Answer:
        ends = [np.quantile(draws, [(1 - q) / 2, (1 + q) / 2]) for q in LEVELS]
        return cls(float(draws.mean()), tuple((float(lo), float(hi)) for lo, hi in ends))


Method = Callable[[Trial], Answer]


def trials(panel: Panel, price: bool, n: int, rng: np.random.Generator, *, early: bool = False) -> list[Trial]:
    """``n`` trials on prices or flows; with ``early`` the effect starts 0 to 3 months before the effective date."""
    pool = [h for h in usable(panel, price) if price or _noise(h) <= NOISE]
    return [_trial(panel, pool[rng.integers(len(pool))], rng, early) for _ in range(n)]


def usable(panel: Panel, price: bool) -> list[History]:
    return [h for h in panel.histories.values() if h.series.is_price == price and _long_enough(h, panel)]


def _noise(history: History) -> float:
    sample = Sample.of(history)
    return float(np.median(profile(sample, None, np.ones(len(sample), dtype=bool)).scale))


def _long_enough(history: History, panel: Panel) -> bool:
    known = not history.series.is_price or bool(history.series.mineral)
    return (
        known
        and history.series.freq == "M"
        and history.series.measure != "index"
        and len(_starts(history, panel)) >= 12
    )


def _starts(history: History, panel: Panel, before: int = BEFORE) -> list[int]:
    """Rows on which an effect may start: enough history, nothing missing and no event that hits the series around."""
    freq, n = history.series.calendar, len(history)
    free = np.zeros(n, dtype=bool)
    free[before : n - max(WINDOWS)] = True
    missing = np.flatnonzero(~history.used)
    events = [
        int(freq.ordinal(day)) - int(freq.ordinal(history.ds[0]))
        for event in panel.events.values()
        for day in (event.announced, event.effective)
        if day is not None and exposure(event, history.series, panel.minerals) >= STRONG
    ]
    for row in [*missing, *events]:
        free[max(row - max(WINDOWS), 0) : max(row + 4, 0)] = False
    return list(np.flatnonzero(free))


def _trial(panel: Panel, history: History, rng: np.random.Generator, early: bool) -> Trial:
    start, window = int(rng.choice(_starts(history, panel))), int(rng.choice(WINDOWS))
    lead = int(rng.integers(4)) if early else 0
    sample = Sample.of(history.until(history.ds[start + window - 1]))
    shape = SHAPES[rng.integers(len(SHAPES))]
    acting = Intervention(shape, sample.ds[start], lead=lead)
    path = float(rng.normal(0, SD)) * acting.column(sample.ds, sample.freq)
    controls = controls_for(history.series, sample, panel.histories, panel.minerals)
    day: dt.date = sample.ds[start].item()
    announced: dt.date = sample.freq.shift(sample.ds[start], -3).item() if early else day
    episode = Episode("put-in", ("put-in",), Stringency.BAN, 0, announced, day, None, 1.0, replace(acting, lead=0))
    spoiled = replace(sample, x=sample.x + path)
    return Trial(spoiled, controls, episode, window, float(path[-window:].mean()))


def known(trial: Trial) -> Answer:
    return _regression(trial, trial.controls)


def alone(trial: Trial) -> Answer:
    return _regression(trial, None)


def _regression(trial: Trial, controls: Floats | None) -> Answer:
    columns = design([trial.episode], trial.sample.ds, trial.sample.freq)
    found = regress(trial.sample, columns, controls=controls)
    level = float(trial.average(trial.column))
    return Answer.normal(float(found.mean[0]) * level, float(found.cov[0, 0]) ** 0.5 * abs(level))


def averaged(trial: Trial) -> Answer:
    return Answer.drawn(trial.average(_averaged(trial, trial.episode)))


def without_leads(trial: Trial) -> Answer:
    return Answer.drawn(trial.average(_averaged(trial, replace(trial.episode, announced=trial.episode.effective))))


def _averaged(trial: Trial, episode: Episode) -> Floats:
    record = estimate(
        trial.sample, [episode], controls=trial.controls, n=DRAWS, seed=0, settings=ModelAveraging(placebo=False)
    )
    return record.effects[0].draws(trial.sample.ds, trial.sample.freq)


def best(trial: Trial) -> Answer:
    """The shape of highest posterior weight, as if it had been known."""
    record = estimate(
        trial.sample, [trial.episode], controls=trial.controls, n=DRAWS, seed=0, settings=ModelAveraging(placebo=False)
    )
    effect = record.effects[0]
    winner = effect.candidates[int(np.argmax(np.bincount(effect.choice[0])))]
    return known(replace(trial, episode=replace(trial.episode, intervention=winner)))


def sarimax(trial: Trial) -> Answer:
    """Differenced first and its variance concentrated out: the same estimate, several times faster."""
    seasonal = (0, 0, 0, 0) if trial.sample.is_price else (0, 1, 1, 12)
    model = SARIMAX(
        trial.sample.x, exog=trial.column, order=(0, 1, 1), seasonal_order=seasonal, simple_differencing=True,
        concentrate_scale=True,
    )  # fmt: skip
    return _coefficient(trial, model.fit(disp=False))


def ucm(trial: Trial) -> Answer:
    season = None if trial.sample.is_price else 12
    model = UnobservedComponents(trial.sample.x, level="local level", seasonal=season, exog=trial.column)
    return _coefficient(trial, model.fit(disp=False))


def _coefficient(trial: Trial, fit: object) -> Answer:
    names = list(fit.model.param_names)  # type: ignore[attr-defined]
    at = next(k for k, name in enumerate(names) if name in ("x1", "beta.x1"))
    level = float(trial.average(trial.column))
    return Answer.normal(float(fit.params[at]) * level, float(fit.bse[at]) * abs(level))  # type: ignore[attr-defined]


def prophet(trial: Trial) -> Answer:
    frame = pd.DataFrame({"ds": trial.sample.ds, "y": trial.sample.x, "event": trial.column})
    model = Prophet(weekly_seasonality=False, daily_seasonality=False, yearly_seasonality=not trial.sample.is_price)
    model.add_regressor("event", standardize=False)
    model.fit(frame, seed=0)
    return Answer(float(regressor_coefficients(model)["coef"].iloc[0]) * float(trial.average(trial.column)))


def zero(trial: Trial) -> Answer:
    return Answer(0.0)


#: Name, method, and how many times fewer trials it gets.
PEERS: tuple[tuple[str, Method, int], ...] = (
    ("SARIMAX + dummy", sarimax, 2),
    ("UCM + dummy", ucm, 2),
    ("Prophet + regressor", prophet, 4),
)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a method made of some trials: errors (n,), whether each interval held the truth, seconds a trial."""

    errors: Floats
    hits: list[list[bool]]
    seconds: float

    @classmethod
    def of(cls, method: Method, cases: Sequence[Trial]) -> Outcome:
        began = time.perf_counter()
        answers = [method(trial) for trial in cases]
        seconds = (time.perf_counter() - began) / len(cases)
        truths = [trial.truth for trial in cases]
        hits = [[lo <= t <= hi for lo, hi in a.intervals] for a, t in zip(answers, truths, strict=True)]
        return cls(np.array([a.mean for a in answers]) - truths, hits, seconds)

    def rmse(self, first: int | None = None) -> float:
        return float(np.sqrt(np.mean(self.errors[:first] ** 2)))

    def row(self, name: str) -> dict[str, object]:
        square, n = self.errors**2, len(self.errors)
        cover = np.mean(self.hits, axis=0) if self.hits[0] else None
        return {
            "method": name,
            "trials": n,
            "rmse": self.rmse(),
            "se": float(square.std() / (2 * self.rmse() * np.sqrt(n))),
            **{
                f"cover{int(100 * q)}": None if cover is None else f"{100 * cover[i]:.0f}" for i, q in enumerate(LEVELS)
            },
            "seconds": self.seconds,
        }


def designs(trial: Trial) -> float:
    """Milliseconds of one core to judge 1,000 candidate designs of one series after one whitening."""
    view = profile(trial.sample, trial.controls, quiet_periods(trial.sample, [trial.episode]))
    freq: Freq = trial.sample.freq
    wide = np.concatenate(
        [
            columns(every_shape([0], freq).of(Intervention(Step(), day)), trial.sample.ds, freq)
            for day in trial.sample.ds[-72:]
        ]
    )[:1000]
    best_time = np.inf
    for _ in range(20):
        began = time.process_time()
        view.products(view.whiten(wide.T))
        best_time = min(best_time, time.process_time() - began)
    return 1000 * best_time


def main() -> None:
    options = arguments(__doc__, trials=400)
    warnings.filterwarnings("ignore")
    logging.getLogger("cmdstanpy").disabled = True
    logging.getLogger("prophet").disabled = True
    n = 20 if options.quick else options.trials
    panel, report = read_panel(options.extra), Report("effect_recovery", options)
    for kind, price in (("prices", True), ("volumes and values", False)):
        cases = trials(panel, price, n, np.random.default_rng(options.seed))
        early = trials(panel, price, n, np.random.default_rng(options.seed + 1), early=True)
        ours = Outcome.of(known, cases)
        rows = [
            ours.row("shape known"),
            Outcome.of(alone, cases).row("shape known, no controls"),
            Outcome.of(averaged, cases).row("shape unknown: averaged"),
            Outcome.of(best, cases).row("shape unknown: pick the best"),
            Outcome.of(averaged, early).row("0-3 months early: averaged over leads"),
            Outcome.of(without_leads, early).row("0-3 months early: ignored"),
        ]
        for name, method, share in PEERS:
            size = max(n // share, 10)
            theirs = Outcome.of(method, cases[:size])
            rows.append(theirs.row(name))
            ratio = ours.rmse(size) / theirs.rmse()
            report.note(f"{kind}: the error with the shape known is {ratio:.2f} of that of {name} ({size} trials)")
        report.table(f"Effects put into {kind}, seed {options.seed}", [*rows, Outcome.of(zero, cases).row("no effect")])
        pool = [(h, _starts(h, panel, EARLY)) for h in usable(panel, price) if price or _noise(h) <= NOISE]
        for triples, which in ((False, "pairs"), (True, "triples")):
            put = neighbours.pairs(panel, pool, n, np.random.default_rng(options.seed + 2), triples=triples)
            report.table(f"{which} on {kind}, seed {options.seed}", neighbours.rows(put, neighbours.answers(put)))
        if not price:
            flows = usable(panel, price)
            noisy = sum(_noise(history) > NOISE for history in flows)
            report.note(f"{kind}: {len(flows) - noisy} series; {noisy} noisier ones are left out")
        report.note(f"{kind}: 1,000 designs of one series after one whitening: {designs(cases[0]):.1f} ms")
    report.finish(("numpy", "scipy", "statsmodels", "prophet"))


if __name__ == "__main__":
    main()
