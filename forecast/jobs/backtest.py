"""A backtest as somebody asks for it: what a family would have said from chosen periods, trained or not.

The engine looks from all origins of all series in one pass over the panel of their kind. It sees observations only:
those of the series itself as they were when the value of the cutoff was due (the end of its period plus the release
lag). Where one of them was revised later, that origin is forecast again from what was known. What the panel teaches
(common volatility, weights of models, calibration) comes from periods up to the cutoff, in their present values. Other
families are given the view of each origin, which holds the effects of the events known then, and are estimated anew
every so many origins.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import joblib
import numpy as np

from forecast import metrics
from forecast.backtest import Backtest, View, backtest, outcomes, scores
from forecast.calendars import Days
from forecast.calibration import Calibration
from forecast.catalog import Catalog
from forecast.config import Settings
from forecast.effects import EffectRecord
from forecast.errors import Fault, ForecastError, InvalidInput, NotFound, TooShort
from forecast.forecasters import FORECASTERS
from forecast.forecasters.base import Sample
from forecast.forecasters.grid import LEAST, Grid
from forecast.past import TEST_DRAWS, Past, seed_of
from forecast.peers import Company, Peers, panels
from forecast.predict import rounded
from forecast.selection import BASELINES
from forecast.series import Floats, History, Series
from forecast.tables import Reading, Row, day, read_rows

#: Columns of the quantiles in a file, by ``metrics.LEVELS``: q025 is the 2.5 % quantile, q10 the 10 % quantile.
QUANTILES = tuple("q" + f"{level:.3f}"[2:].removesuffix("0") for level in metrics.LEVELS.tolist())
_TARGET = "a target; this is a comparison, never a forecast"
HEADER = ("method", "series_id", "cutoff", "ds", *QUANTILES)

#: Cutoffs by id of series: starts of the last periods seen, ascending.
Origins = Mapping[str, Days]
#: Called with how many more series are done.
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Question:
    """``as_of``: the UTC day whose catalogue is looked at; ``calibrated``: whether the engine's intervals are those
    that the panel has earned, or a Student-t's; ``compared``: whether the baseline is made beside."""

    as_of: dt.date
    horizon: int
    family: str = Grid.family
    calibrated: bool = True
    compared: bool = True


@dataclass(frozen=True)
class LeftOut:
    """Origins of a series that could not be forecast from; all of them if ``cutoffs`` is empty."""

    series_id: str
    cutoffs: tuple[dt.date, ...]
    why: str

    def __str__(self) -> str:
        if not self.cutoffs:
            return f"{self.series_id}: left out: {self.why}"
        which = f"{self.cutoffs[0]}" if len(self.cutoffs) == 1 else f"{len(self.cutoffs)} from {self.cutoffs[0]} on"
        return f"{self.series_id}: origins left out ({which}): {self.why}"


@dataclass(frozen=True, eq=False)
class Tested:
    """One series: its backtest, the baseline's at the same origins if it was wanted, and the scale of the MASE at
    each of them (O,), in the series' unit."""

    test: Backtest
    baseline: Backtest | None
    scale: Floats
    series: Series


@dataclass(frozen=True, eq=False)
class Answer:
    """What could be backtested, in the order of the ids, and what could not."""

    tested: tuple[Tested, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True)
class Line:
    """Scores of all prices, or of all the rest, at horizon ``h``, 0 for all horizons together.

    ``rel_crps``: CRPS as a ratio to the baseline's, ``mase``: error of the median in units of the MASE's scale, both
    geometric means over series; ``coverage``: share of outcomes inside the central interval, by level in percent.
    """

    is_price: bool
    h: int
    rel_crps: float
    mase: float
    coverage: Mapping[int, float]


def last(catalog: Catalog, series_ids: Iterable[str], count: int, question: Question) -> tuple[Origins, list[LeftOut]]:
    """The last ``count`` origins of each series, and the series that have none. Raises ``NotFound``."""
    found: dict[str, Days] = {}
    without = []
    for series_id in series_ids:
        try:
            history = _history(catalog, series_id, question.as_of)
        except TooShort as error:
            without.append(LeftOut(series_id, (), str(error)))
            continue
        cutoffs = _last(history, count, question.horizon)
        if len(cutoffs):
            found[series_id] = cutoffs
        else:
            seen = int(history.used.sum())
            without.append(LeftOut(series_id, (), f"{seen} observations; {LEAST} and one to judge by are needed"))
    return found, without


def _last(history: History, count: int, horizon: int) -> Days:
    """The last periods whose whole horizon has passed or, where those are fewer, of all that leave an outcome."""
    anchors = history.ds[history.used & (np.cumsum(history.used) >= LEAST)]
    anchors = anchors[anchors < history.last]
    whole = anchors[anchors <= history.series.calendar.shift(history.last, -horizon)]
    return np.asarray((whole if len(whole) >= count else anchors)[-count:])


def read(path: Path, catalog: Catalog, as_of: dt.date) -> Origins:
    """The origins of a CSV file with columns ``series_id`` and ``cutoff``, the first day of the last period seen.

    Raises ``InvalidInput`` with every row that names no series with observations, or no period of it.
    """
    reading, known = Reading(), catalog.series()
    histories = catalog.histories(as_of=as_of)
    found: dict[str, set[dt.date]] = {}
    for row in read_rows(path, ("series_id", "cutoff"), (), reading):
        name = row["series_id"]
        if name not in known:
            nearest = NotFound("series", name, known).nearest
            reading.note(row, "series_id", "the id of a series" + (f"; nearest: {nearest[0]}" if nearest else ""))
        elif not known[name].is_target:
            reading.note(row, "series_id", _TARGET)
        elif name not in histories or not histories[name].used.any():
            reading.note(row, "series_id", f"a series with observations known on {as_of}")
        else:
            _note_origin(row, histories[name], found.setdefault(name, set()), reading)
    reading.finish()
    return {name: np.array(sorted(days), dtype="datetime64[D]") for name, days in found.items()}


def _note_origin(row: Row, history: History, found: set[dt.date], reading: Reading) -> None:
    freq, text = history.series.calendar, row["cutoff"]
    try:
        cutoff = day(f"{text}-01" if len(text) == 7 else text)
    except ValueError:
        reading.note(row, "cutoff", "YYYY-MM-DD (or YYYY-MM)")
        return
    start = freq.floor(np.datetime64(cutoff))
    if start != np.datetime64(cutoff):
        reading.note(row, "cutoff", f"the first day of a period of frequency {freq}: {start}")
    elif not history.ds[0] <= start <= history.last:
        reading.note(row, "cutoff", f"a period from {history.ds[0]} to {history.last}, as {row['series_id']} has")
    elif cutoff in found:
        reading.note(row, "cutoff", "each origin of a series once")
    found.add(cutoff)


def run(
    catalog: Catalog, settings: Settings, origins: Origins, question: Question, progress: Progress = lambda done: None
) -> Answer:
    """Forecast ``question.horizon`` periods from every origin.

    Raises ``NotFound`` for an unknown family or series and ``InvalidInput`` for a series that is never forecast,
    before any work; what else is wrong with a series or an origin leaves it out.
    """
    if question.family not in FORECASTERS:
        raise NotFound("family", question.family, FORECASTERS)
    histories = {series_id: _history(catalog, series_id, question.as_of) for series_id in sorted(origins)}
    usable, left_out = {}, []
    for series_id, history in histories.items():
        usable[series_id], without = _usable(catalog, history, origins[series_id], question.as_of)
        left_out += without
    usable = {series_id: cutoffs for series_id, cutoffs in usable.items() if len(cutoffs)}
    work = _in_one_pass if question.family == Grid.family else _by_views
    tested: dict[str, Tested] = {}
    for result in work(catalog, settings, usable, question):
        if isinstance(result, LeftOut):
            left_out.append(result)
        else:
            tested[result.test.series_id] = result
        progress(1)
    return Answer(tuple(tested[series_id] for series_id in usable if series_id in tested), tuple(left_out))


def _history(catalog: Catalog, series_id: str, as_of: dt.date) -> History:
    if not catalog.get(series_id).is_target:
        raise InvalidInput(Fault("series_id", series_id, _TARGET))
    return catalog.history(series_id, as_of)


def _usable(catalog: Catalog, history: History, cutoffs: Days, as_of: dt.date) -> tuple[Days, list[LeftOut]]:
    """The origins that can be looked from, and the others by what is wrong with them."""
    keep: list[np.datetime64] = []
    wrong: dict[str, list[dt.date]] = {}
    lag = history.series.release_lag_days
    observed, seen = history.ds[history.used], np.cumsum(history.used)
    for cutoff in cutoffs:
        known = _known(catalog, history, cutoff, as_of)
        if cutoff not in observed:
            why = "nothing was observed in that period"
        elif seen[np.searchsorted(history.ds, cutoff)] < LEAST:
            why = f"fewer than {LEAST} observations up to there"
        elif known is None or known.used.sum() < LEAST:
            why = f"the values came later than the series' release_lag_days ({lag}) says, and were not known then"
        else:
            keep.append(cutoff)
            continue
        wrong.setdefault(why, []).append(cutoff.item())
    series_id = history.series.series_id
    without = [LeftOut(series_id, tuple(days), why) for why, days in wrong.items()]
    return np.array(keep, dtype="datetime64[D]"), without


def _known(catalog: Catalog, history: History, cutoff: np.datetime64, as_of: dt.date) -> History | None:
    """What was known when the value of ``cutoff`` was due; None if that value was not."""
    series = history.series
    due: dt.date = series.calendar.end(cutoff).item() + dt.timedelta(days=series.release_lag_days)
    try:
        known = catalog.history(series.series_id, min(due, as_of)).until(cutoff)
    except TooShort:
        return None
    return known if len(known) and known.ds[-1] == cutoff and known.used[-1] else None


# -- the engine --------------------------------------------------------------------------------------------------------


def _in_one_pass(catalog: Catalog, settings: Settings, origins: Origins, question: Question) -> Iterator[Tested]:
    for peers in panels(catalog, origins, question.as_of, question.horizon):
        of_these = {series_id: origins[series_id] for series_id in peers.histories if series_id in origins}
        logs = peers.quantiles(of_these, calibrated=question.calibrated)
        for series_id, cutoffs in of_these.items():
            history = peers.histories[series_id]
            samples = [_sample(catalog, history, cutoff, question.as_of) for cutoff in cutoffs]
            q = logs[series_id]
            for o in _revised(history, samples):
                q[o] = _alone(peers, samples[o], history, question)
            test = Backtest(
                *(series_id, Grid.family, cutoffs, np.exp(q[:, : question.horizon])),
                outcomes(history, cutoffs, question.horizon),
            )
            yield _tested(test, history, [_bare(sample) for sample in samples], settings, question)


def _sample(catalog: Catalog, history: History, cutoff: np.datetime64, as_of: dt.date) -> Sample:
    known = _known(catalog, history, cutoff, as_of)
    assert known is not None
    return Sample.of(known)


def _revised(history: History, samples: Sequence[Sample]) -> Iterator[int]:
    """Numbers of the samples that are not what the history says now."""
    present = Sample.of(history)
    for o, sample in enumerate(samples):
        first = int(np.searchsorted(present.ds, sample.ds[0]))
        earlier = np.isfinite(present.x[:first]).any()
        if earlier or not np.array_equal(sample.x, present.x[first : first + len(sample)], equal_nan=True):
            yield o


def _alone(peers: Peers, sample: Sample, history: History, question: Question) -> Floats:
    """(peers.horizon, 15) quantiles of the log from a sample of its own."""
    grid = peers.lessons(history.series.series_id, sample.ds[-1]).teach(Grid(horizon=peers.horizon))
    if not question.calibrated:
        grid = replace(grid, calibration=Calibration.neutral(peers.horizon))
    return grid.fit_each([sample])[0].quantiles(peers.horizon)


def _bare(sample: Sample) -> View:
    last_seen = np.datetime64(sample.ds[-1], "D")
    return View(sample, EffectRecord.none(TEST_DRAWS, sample.freq, last_seen))


# -- other families ----------------------------------------------------------------------------------------------------


def _by_views(catalog: Catalog, settings: Settings, origins: Origins, question: Question) -> Iterator[Tested | LeftOut]:
    company = Company.of(catalog, question.as_of)
    if len(origins) == 1:
        ((series_id, cutoffs),) = origins.items()
        yield _one_by_views(catalog, settings, (series_id, cutoffs), question, company)
        return
    for series_id in origins:
        if peers := company.like(catalog.get(series_id)):
            peers.prepare()
    jobs = (joblib.delayed(_in_own_process)(settings, origin, question, company) for origin in origins.items())
    yield from joblib.Parallel(
        n_jobs=settings.jobs, return_as="generator_unordered", inner_max_num_threads=1, backend="loky"
    )(jobs)


def _in_own_process(
    settings: Settings, origins: tuple[str, Days], question: Question, company: Company
) -> Tested | LeftOut:
    catalog = Catalog.open(settings)
    try:
        return _one_by_views(catalog, settings, origins, question, company)
    finally:
        catalog.close()


def _one_by_views(
    catalog: Catalog, settings: Settings, origins: tuple[str, Days], question: Question, company: Company
) -> Tested | LeftOut:
    series_id, cutoffs = origins
    past = Past(catalog, settings, series_id, company)
    try:
        views = [past.view(cutoff) for cutoff in cutoffs]
        test = backtest(FORECASTERS[question.family], views, past.history, question.horizon, past.seed)
        return _tested(test, past.history, views, settings, question)
    except ForecastError as error:
        return LeftOut(series_id, (), f"{question.family}: {error}")


# -- scores ------------------------------------------------------------------------------------------------------------


def _tested(test: Backtest, history: History, views: Sequence[View], settings: Settings, question: Question) -> Tested:
    is_price, baseline = history.series.is_price, None
    if question.compared:
        forecaster = FORECASTERS[BASELINES[is_price]]
        seed = seed_of(settings, test.series_id)
        baseline = backtest(forecaster, views, history, question.horizon, seed)
    season = 1 if is_price else history.series.calendar.season
    scale = [metrics.mase_scale(np.exp(view.sample.x), season) for view in views]
    return Tested(test, baseline, np.array(scale), history.series)


def summary(answer: Answer) -> list[Line]:
    """Scores by horizon of what was compared: prices, then the rest."""
    lines: list[Line] = []
    for is_price in (True, False):
        group = [each for each in answer.tested if each.series.is_price is is_price and each.baseline is not None]
        if group:
            lines += _lines(group, is_price)
    return lines


def _lines(group: Sequence[Tested], is_price: bool) -> Iterator[Line]:
    horizon = group[0].test.actual.shape[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = np.array([scores(one.test, one.baseline).rel_crps for one in group if one.baseline is not None])
        errors = [_scaled(one) for one in group]
    q = np.concatenate([one.test.quantiles for one in group])
    actual = np.concatenate([one.test.actual for one in group])
    for h in (*range(1, horizon + 1), 0):
        at = slice(h - 1, h) if h else slice(None)
        yield Line(
            is_price,
            h,
            _geometric([_mean(ratio[at]) for ratio in ratios]),
            _geometric([_mean(error[:, at]) for error in errors]),
            {level: metrics.coverage(q[:, at], actual[:, at], level / 100) for level in (50, 80, 95)},
        )


def _scaled(one: Tested) -> Floats:
    """(O, H) errors of the median over the scale; NaN where there is no outcome, or the series stood still."""
    median = one.test.quantiles[..., len(metrics.LEVELS) // 2]
    scale = np.where(one.scale > 0, one.scale, np.nan)
    return np.asarray(np.abs(one.test.actual - median) / scale[:, None])


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def _geometric(values: Sequence[float]) -> float:
    return float(metrics.relative(np.array(values), np.ones(len(values))))


def rows(answer: Answer) -> Iterator[dict[str, str | float]]:
    """Rows of the long table, keys as ``HEADER``: quantiles in the series' unit, rounded here."""
    for one in answer.tested:
        freq, horizon = one.series.calendar, one.test.actual.shape[1]
        for cutoff, ahead in zip(one.test.cutoffs, rounded(one.test.quantiles).tolist(), strict=True):
            names = {"method": one.test.family, "series_id": one.test.series_id, "cutoff": str(cutoff)}
            for ds, q in zip(freq.range(freq.shift(cutoff, 1), horizon), ahead, strict=True):
                yield {**names, "ds": str(ds), **dict(zip(QUANTILES, q, strict=True))}
