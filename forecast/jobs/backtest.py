"""Backtests on request: forecasts of a family from given origins, trained or not, and their scores.

The engine looks from all origins of all series in one pass over the panel of their kind. It sees observations only:
those of the series itself as they were when the value of the cutoff was due (the end of its period plus the release
lag). Where one of them was revised later, that origin is forecast again from what was known. What the panel teaches
(common volatility, weights of models, calibration) comes from periods up to the cutoff, in their present values. Other
families are given the view of each origin, which holds the effects of the events known then, and are estimated anew
every so many origins.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from forecast import metrics
from forecast.answers.backtests import BacktestPaths, paths
from forecast.catalog import Catalog
from forecast.effects import EffectRecord
from forecast.errors import ForecastError
from forecast.forecasters import FORECASTERS, fittable
from forecast.forecasters.calibration import Calibration
from forecast.forecasters.ensemble import Ensemble
from forecast.forecasters.grid.engine import Grid
from forecast.forecasters.grid.spot import Bridge, NoBridge
from forecast.forecasters.origins import Origin, PooledStatistics
from forecast.jobs.processes import in_parallel
from forecast.names import MeasureClass
from forecast.registry import PastForecasts
from forecast.seeds import seed_of
from forecast.settings import Settings
from forecast.timeseries.frequency import Days
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats, History, Series
from forecast.training.backtest import Backtest, at_origin, backtest, fit, outcomes, scores
from forecast.training.information import TEST_DRAWS, InformationSet, RealTimeData
from forecast.training.origins import Origins, OriginsLeftOut, known_at, target_history, usable
from forecast.training.panel import HistoryPanel, PanelSet, panels
from forecast.training.selection import BASELINE_FAMILIES

#: Called with how many more series are done.
Progress = Callable[[int], None]


@dataclass(frozen=True)
class BacktestQuestion:
    """``as_of``: the UTC day whose catalogue is looked at; ``calibrated``: whether the engine's intervals are those
    that the panel has earned, or a Student-t's; ``compared``: whether the baseline is made beside."""

    as_of: dt.date
    horizon: int
    family: str = Grid.family
    calibrated: bool = True
    compared: bool = True


@dataclass(frozen=True, eq=False)
class SeriesBacktest:
    """One series: its backtest, the baseline's at the same origins if it was wanted, and the scale of the MASE at
    each of them (O,), in the series' unit."""

    test: Backtest
    baseline: Backtest | None
    scale: Floats
    series: Series


@dataclass(frozen=True, eq=False)
class BacktestAnswer:
    """What could be backtested, in the order of the ids, and what could not."""

    tested: tuple[SeriesBacktest, ...]
    left_out: tuple[OriginsLeftOut, ...]


@dataclass(frozen=True)
class HorizonScores:
    """Scores of all series of a class of measures at horizon ``h``, 0 for all horizons together.

    ``rel_crps``: CRPS as a ratio to the baseline's, ``mase``: error of the median in units of the MASE's scale, both
    geometric means over series; ``coverage``: share of outcomes inside the central interval, by level in percent.
    """

    measure_class: MeasureClass
    h: int
    rel_crps: float
    mase: float
    coverage: Mapping[int, float]


def run(
    catalog: Catalog,
    settings: Settings,
    origins: Origins,
    question: BacktestQuestion,
    progress: Progress = lambda done: None,
) -> BacktestAnswer:
    """Forecast ``question.horizon`` periods from every origin.

    Raises ``NotFound`` for an unknown family or series, ``MissingExtra`` for a family whose libraries are not installed
    and ``InvalidInput`` for a series that is never forecast, before any work; what else is wrong with a series or an
    origin leaves it out.
    """
    fittable(question.family)
    histories = {series_id: target_history(catalog, series_id, question.as_of) for series_id in sorted(origins)}
    can, left_out = {}, []
    for series_id, history in histories.items():
        can[series_id], without = usable(catalog, history, origins[series_id], question.as_of)
        left_out += without
    can = {series_id: cutoffs for series_id, cutoffs in can.items() if len(cutoffs)}
    work = _in_one_pass if question.family in (Grid.family, Ensemble.family) else _by_origins
    tested: dict[str, SeriesBacktest] = {}
    for result in work(catalog, settings, can, question):
        if isinstance(result, OriginsLeftOut):
            left_out.append(result)
        else:
            tested[result.test.series_id] = result
        progress(1)
    return BacktestAnswer(tuple(tested[series_id] for series_id in can if series_id in tested), tuple(left_out))


# -- the engine --------------------------------------------------------------------------------------------------------


def _in_one_pass(
    catalog: Catalog, settings: Settings, origins: Origins, question: BacktestQuestion
) -> Iterator[SeriesBacktest]:
    for panel in panels(catalog, origins, question.as_of, question.horizon):
        of_these = {series_id: origins[series_id] for series_id in panel.histories if series_id in origins}
        logs = panel.quantiles(of_these, calibrated=question.calibrated)
        for series_id, cutoffs in of_these.items():
            history = panel.histories[series_id]
            known = known_at(catalog, history, cutoffs, question.as_of)
            samples = [Sample.of(each) for each in known if each is not None]
            q = np.exp(logs[series_id][:, : question.horizon])
            for o in _apart(history, samples):
                q[o] = _alone(panel, samples[o], history, question, seed_of(settings.seed, series_id))
            if question.family == Ensemble.family:
                plain = [o for o, each in enumerate(samples) if not _drawn(each, panel.bridge(series_id, each))]
                looks = [Origin(samples[o], np.datetime64(cutoffs[o], "D")) for o in plain]
                q[plain] = np.exp(Ensemble().averaged(np.log(q[plain]), looks))
            test = Backtest(series_id, question.family, cutoffs, q, outcomes(history, cutoffs, question.horizon))
            yield _tested(test, history, [_bare(sample) for sample in samples], settings, question)


def _apart(history: History, samples: Sequence[Sample]) -> Iterator[int]:
    """Numbers of the samples that are not what the history says now, or that have periods without trade."""
    present = Sample.of(history)
    for o, sample in enumerate(samples):
        first = int(np.searchsorted(present.ds, sample.ds[0]))
        earlier, now = np.isfinite(present.trade[:first]).any(), present.x[first : first + len(sample)]
        if earlier or sample.zeros or not np.array_equal(sample.x, now, equal_nan=True):
            yield o


def _drawn(sample: Sample, companion: Bridge | NoBridge | None) -> bool:
    """Whether quantiles are those of draws: of trade and none, or of what a companion bridges."""
    return bool(sample.zeros) or isinstance(companion, Bridge)


def _alone(panel: HistoryPanel, sample: Sample, history: History, question: BacktestQuestion, seed: int) -> Floats:
    """(horizon, 15) quantiles in the series' unit from a sample of its own."""
    statistics = panel.statistics(history.series.series_id, sample.ds[-1])
    if not question.calibrated:
        statistics = replace(statistics, calibration=Calibration.neutral(panel.horizon))
    companion = panel.bridge(history.series.series_id, sample)
    grid = Grid(horizon=panel.horizon)
    if _drawn(sample, companion):
        information = replace(_bare(sample, statistics), companion=companion)
        forecaster = grid if question.family == Grid.family else Ensemble(first=grid)
        return fit(forecaster, information).quantiles(question.horizon, at_origin(seed, information.cutoff))
    grid = grid.with_statistics(statistics)
    return np.exp(grid.fit_each([sample])[0].quantiles(panel.horizon)[: question.horizon])


def _bare(sample: Sample, statistics: PooledStatistics | None = None) -> InformationSet:
    last_seen = np.datetime64(sample.ds[-1], "D")
    return InformationSet(sample, EffectRecord.none(TEST_DRAWS, sample.freq, last_seen), statistics)


# -- other families ----------------------------------------------------------------------------------------------------


def _by_origins(
    catalog: Catalog, settings: Settings, origins: Origins, question: BacktestQuestion
) -> Iterator[SeriesBacktest | OriginsLeftOut]:
    panel_set = PanelSet.of(catalog, question.as_of)
    if len(origins) == 1:
        ((series_id, cutoffs),) = origins.items()
        yield _one_by_origins(catalog, settings, (series_id, cutoffs), question, panel_set)
        return
    for series_id in origins:
        if panel := panel_set.like(catalog.get(series_id)):
            panel.prepare()
    calls = ((settings, origin, question, panel_set) for origin in origins.items())
    yield from in_parallel(_in_own_process, calls, settings.jobs)


def _in_own_process(
    settings: Settings, origins: tuple[str, Days], question: BacktestQuestion, panel_set: PanelSet
) -> SeriesBacktest | OriginsLeftOut:
    catalog = Catalog.open(settings)
    try:
        return _one_by_origins(catalog, settings, origins, question, panel_set)
    finally:
        catalog.close()


def _one_by_origins(
    catalog: Catalog, settings: Settings, origins: tuple[str, Days], question: BacktestQuestion, panel_set: PanelSet
) -> SeriesBacktest | OriginsLeftOut:
    series_id, cutoffs = origins
    real_time = RealTimeData(catalog, settings, series_id, panel_set)
    try:
        information_sets = [real_time.information(cutoff) for cutoff in cutoffs]
        test = backtest(
            FORECASTERS[question.family], information_sets, real_time.history, question.horizon, real_time.seed
        )
        return _tested(test, real_time.history, information_sets, settings, question)
    except ForecastError as error:
        return OriginsLeftOut(series_id, (), f"{question.family}: {error}")


# -- scores ------------------------------------------------------------------------------------------------------------


def _tested(
    test: Backtest,
    history: History,
    information_sets: Sequence[InformationSet],
    settings: Settings,
    question: BacktestQuestion,
) -> SeriesBacktest:
    baseline = None
    if question.compared:
        forecaster = FORECASTERS[BASELINE_FAMILIES[history.series.measure_class]]
        seed = seed_of(settings.seed, test.series_id)
        baseline = backtest(forecaster, information_sets, history, question.horizon, seed)
    season = 1 if history.series.is_price else history.series.calendar.season
    scale = [metrics.mase_scale(information.sample.values, season) for information in information_sets]
    return SeriesBacktest(test, baseline, np.array(scale), history.series)


def summary(answer: BacktestAnswer) -> list[HorizonScores]:
    """Scores by horizon of what was compared: prices, then the rest."""
    lines: list[HorizonScores] = []
    for measure_class in MeasureClass:
        tested = [each for each in answer.tested if each.series.measure_class is measure_class]
        group = [each for each in tested if each.baseline is not None]
        if group:
            lines += _lines(group, measure_class)
    return lines


def _lines(group: Sequence[SeriesBacktest], measure_class: MeasureClass) -> Iterator[HorizonScores]:
    horizon = group[0].test.actual.shape[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = np.array([scores(one.test, one.baseline).rel_crps for one in group if one.baseline is not None])
        errors = [_scaled(one) for one in group]
    q = np.concatenate([one.test.quantiles for one in group])
    actual = np.concatenate([one.test.actual for one in group])
    for h in (*range(1, horizon + 1), 0):
        at = slice(h - 1, h) if h else slice(None)
        yield HorizonScores(
            measure_class,
            h,
            _geometric([_mean(ratio[at]) for ratio in ratios]),
            _geometric([_mean(error[:, at]) for error in errors]),
            {level: metrics.coverage(q[:, at], actual[:, at], level / 100) for level in (50, 80, 95)},
        )


def _scaled(one: SeriesBacktest) -> Floats:
    """(O, H) errors of the median over the scale; NaN where there is no outcome, or the series stood still."""
    median = one.test.quantiles[..., len(metrics.QUANTILE_LEVELS) // 2]
    scale = np.where(one.scale > 0, one.scale, np.nan)
    return np.asarray(np.abs(one.test.actual - median) / scale[:, None])


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def _geometric(values: Sequence[float]) -> float:
    return float(metrics.relative(np.array(values), np.ones(len(values))))


def past_forecasts(answer: BacktestAnswer, levels: tuple[int, ...]) -> Iterator[BacktestPaths]:
    """What was forecast of each series from its origins, series by series, as there may be many lines."""
    for one in answer.tested:
        past = PastForecasts(one.test.cutoffs, one.test.quantiles, one.test.actual)
        yield paths(one.series, one.test.family, past, levels)
