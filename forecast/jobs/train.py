"""Train: backtest every family on a series, let the best one serve, keep a card of how it was done.

Everything is checked before anything is computed; a series that fails is reported and the others finish; a run is
written once, whole, and becomes the champion by one atomic write. Processes that compute only store what they made;
who serves is decided by the one that was asked, so that nothing is promoted after its death.
"""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from forecast.answers.event_priors import refresh
from forecast.answers.promotion import promote
from forecast.catalog import Catalog
from forecast.errors import Fault, FitFailed, ForecastError, InvalidInput, TooShort, Unservable
from forecast.forecasters import FORECASTERS, fittable, known
from forecast.forecasters.grid.engine import MIN_GRID_OBSERVATIONS
from forecast.jobs.card import make_card
from forecast.jobs.diversion import estimate_diversion
from forecast.jobs.evidence import NOT_FORECAST, evidence_run, too_few
from forecast.jobs.processes import in_parallel
from forecast.names import unservable
from forecast.registry import PastForecasts, Payload, Registry
from forecast.settings import Settings
from forecast.timeseries.frequency import Days
from forecast.timeseries.quality import check_usable, is_constant, remarks
from forecast.timeseries.series import History, Series
from forecast.training.backtest import Backtest, BacktestScores, backtest, fit, scores
from forecast.training.information import InformationSet, RealTimeData
from forecast.training.origins import rolling
from forecast.training.panel import PanelSet
from forecast.training.selection import BASELINE_FAMILIES, Selection, choose, forced, untested

#: Horizons that a backtest scores, by the unit of the frequency: two weeks of days, a quarter of weeks, a year of
#: months, two years of quarters, five years.
TEST_HORIZON = {"D": 14, "B": 10, "W": 13, "M": 12, "Q": 8, "Y": 5}
#: Origins that a backtest looks from; a family that takes long looks from every third.
BACKTEST_ORIGINS, SLOW_FAMILY_STRIDE, SLOW_FAMILIES = 24, 3, frozenset({"prophet", "pretrained"})

#: A log beyond this is no number in single precision.
MAX_LOG = 85.0

Progress = Callable[["TrainingResult"], None]


@dataclass(frozen=True)
class TrainingResult:
    """The result of training one series: ``status`` is trained, held, current, left out (evidence of too few values) or
    failed; ``detail`` says why."""

    series_id: str
    status: str
    run_id: str = ""
    family: str = ""
    detail: str = ""


@dataclass(frozen=True)
class TrainingReport:
    """The results of training, in the order of the series asked for."""

    outcomes: tuple[TrainingResult, ...]

    def of(self, *status: str) -> tuple[TrainingResult, ...]:
        return tuple(outcome for outcome in self.outcomes if outcome.status in status)


@dataclass(frozen=True)
class CandidateRun:
    """A stored run that may be promoted: the series, its id, the family selected, and those that were scored."""

    series: Series
    run_id: str
    selection: Selection
    scored: frozenset[str]
    plan: TrainingPlan


@dataclass(frozen=True)
class TrainingPlan:
    """The plan of a training: ``as_of`` the day whose knowledge counts; ``families`` to backtest, None for all.

    A single family serves even where it loses. With ``kept`` a series that has a champion keeps the families that this
    was chosen from.
    """

    as_of: dt.date
    families: tuple[str, ...] | None = None
    force: bool = False
    kept: bool = False

    @property
    def forced(self) -> str | None:
        """The family that serves whatever the backtest says."""
        return self.families[0] if self.families and len(self.families) == 1 else None

    def for_series(self, registry: Registry, series: Series) -> TrainingPlan:
        """The plan for one series: with ``kept``, the families of its champion; evidence has none to choose from."""
        if series.is_evidence:
            return replace(self, families=None)
        if not self.kept or registry.champion_id(series.series_id) is None:
            return self
        try:
            return replace(self, families=registry.champion(series.series_id).card.families)
        except ForecastError:
            return self

    def rivals(self, series: Series) -> tuple[str, ...]:
        """The families of a backtest, the baseline first; of a series without a season, one of the naive ones."""
        baseline = BASELINE_FAMILIES[series.measure_class]
        same = BASELINE_FAMILIES.values() if series.calendar.season == 1 else (baseline,)
        return (baseline, *(name for name in self.families or FORECASTERS if name not in same))


def chosen_families(only: Sequence[str] = (), without: Sequence[str] = ()) -> tuple[str, ...] | None:
    """The families of a plan: ``only`` these if any are named, less those ``without``; None where nothing is asked.

    Raises ``NotFound`` for an unknown one, ``MissingExtra`` for one of ``only`` whose libraries are not installed, and
    ``InvalidInput`` where none is left.
    """
    for family in without:
        known(family)
    for family in only:
        fittable(family)
    if not only and not without:
        return None
    left = tuple(dict.fromkeys(name for name in only or FORECASTERS if name not in without))
    if not left:
        raise InvalidInput(Fault("--without", ", ".join(without), "a family to be left"))
    return left


def train(
    catalog: Catalog,
    registry: Registry,
    settings: Settings,
    series_ids: Sequence[str] | None,
    plan: TrainingPlan,
    progress: Progress = lambda outcome: None,
) -> TrainingReport:
    """Train these series (all targets and all evidence if None), ``settings.jobs`` at a time.

    ``progress`` is called as each is done.

    Raises ``NotFound`` for an unknown series or family, ``MissingExtra``, ``Retired``, ``Unservable``, and
    ``InvalidInput`` for a comparison, before any work.
    """
    ids = _checked(catalog, series_ids, plan)
    registry.sweep()
    panel_set = PanelSet.of(catalog, plan.as_of)
    made: Iterable[TrainingResult | CandidateRun]
    if len(ids) == 1:
        made = [_compute(catalog, registry, settings, ids[0], plan, panel_set)]
    else:
        for series_id in ids:
            series = catalog.get(series_id)
            if series.is_target and (panel := panel_set.like(series)):
                panel.prepare()
        made = in_parallel(_in_own_process, ((settings, one, plan, panel_set) for one in ids), settings.jobs)
    done = {}
    try:
        for one in made:
            outcome = _settled(catalog, registry, one)
            done[outcome.series_id] = outcome
            progress(outcome)
    except FitFailed as error:
        for series_id in ids:
            if series_id not in done:
                done[series_id] = TrainingResult(series_id, "failed", detail=str(error))
                progress(done[series_id])
    finally:
        refresh(registry, catalog.retired())
    estimate_diversion(catalog, registry, settings, ids, panel_set)
    return TrainingReport(tuple(done[series_id] for series_id in ids))


def due(catalog: Catalog, registry: Registry, settings: Settings, as_of: dt.date) -> tuple[str, ...]:
    """The targets and the evidence whose observations, events, settings or method are not those of their champion.

    One without an observation is not due, nor is evidence with too few: there is nothing to train on.
    """
    plan, panel_set = TrainingPlan(as_of, kept=True), PanelSet.of(catalog, as_of)
    found = []
    for series_id in trainable(catalog):
        real_time = RealTimeData(catalog, settings, series_id, panel_set)
        families = plan.for_series(registry, real_time.series).families
        with suppress(TooShort):
            if not too_few(real_time.history) and not _is_current(registry, series_id, real_time.run_id(families)):
                found.append(series_id)
    return tuple(found)


def train_one(
    catalog: Catalog,
    registry: Registry,
    settings: Settings,
    series_id: str,
    plan: TrainingPlan,
    panel_set: PanelSet | None = None,
) -> TrainingResult:
    """Train one series; never raises for a fault of the series, which becomes the outcome ``failed``."""
    return _settled(catalog, registry, _compute(catalog, registry, settings, series_id, plan, panel_set))


def _compute(
    catalog: Catalog,
    registry: Registry,
    settings: Settings,
    series_id: str,
    plan: TrainingPlan,
    panel_set: PanelSet | None = None,
) -> TrainingResult | CandidateRun:
    """A run that is stored and serves nobody yet, or what became of the series without one."""
    try:
        real_time = RealTimeData(catalog, settings, series_id, panel_set or PanelSet.of(catalog, plan.as_of))
        return _train(real_time, registry, settings, plan.for_series(registry, real_time.series))
    except ForecastError as error:
        return TrainingResult(series_id, "failed", detail=str(error))


def _settled(catalog: Catalog, registry: Registry, made: TrainingResult | CandidateRun) -> TrainingResult:
    """Decide whether a new run serves, under the lock of its series."""
    if isinstance(made, TrainingResult):
        return made
    series_id, run_id, family = made.series.series_id, made.run_id, made.selection.family
    try:
        with registry.lock(series_id):
            if run_id in registry.declined(series_id) and not made.plan.force:
                return TrainingResult(series_id, "held", run_id, family, "it was declined while it was being trained")
            if held := _worse_than_before(registry, made):
                if run_id != registry.champion_id(series_id):
                    registry.decline(series_id, run_id)
                return TrainingResult(series_id, "held", run_id, family, held)
            why = f"trained: {made.selection.reason}"
            promote(catalog, registry, series_id, run_id, dt.datetime.now(dt.UTC), why)
    except ForecastError as error:
        return TrainingResult(series_id, "failed", run_id, family, str(error))
    return TrainingResult(series_id, "trained", run_id, family, made.selection.reason)


def _train(
    real_time: RealTimeData, registry: Registry, settings: Settings, plan: TrainingPlan
) -> TrainingResult | CandidateRun:
    series_id, history = real_time.series.series_id, real_time.history
    if why := too_few(history):
        return TrainingResult(series_id, "left out", detail=why)
    check_usable(history)
    run_id = real_time.run_id(plan.families)
    if _is_current(registry, series_id, run_id) and not plan.force:
        return TrainingResult(series_id, "current", run_id, detail="nothing changed since it was trained")
    if history.series.is_evidence:
        registry.save(series_id, run_id, *evidence_run(real_time, run_id))
        return CandidateRun(history.series, run_id, NOT_FORECAST, frozenset(), plan)
    table, notes, tests = ([], [], {}) if is_constant(history) else _contest(real_time, history, settings, plan)
    if plan.forced is not None and not is_constant(history):
        selection = forced(plan.forced, table, history.series)
    else:
        selection = choose(table, history.series) if table else untested(history, plan.rivals(history.series))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = fit(FORECASTERS[selection.family], real_time.now(settings.draws))
        draws, trade = model.baseline(real_time.horizon, real_time.seed)
    if not np.isfinite(draws).all() or np.abs(draws).max() > MAX_LOG:
        raise FitFailed(f"{selection.family} on {series_id} gives paths that leave every bound")
    information = model.information
    said = [information.companion.note] if information.companion else []
    all_notes = [*remarks(history), *([] if table else [selection.reason]), *said, *notes, *model.fitted.notes]
    card = make_card(real_time, run_id, selection, table, all_notes, plan.families)
    card = replace(card, bridged=min(information.bridged, real_time.horizon))
    registry.save(
        series_id, run_id, card, Payload(draws, information.record, model.fitted, trade, _past(tests, selection))
    )
    return CandidateRun(history.series, run_id, selection, frozenset(scores.family for scores in table), plan)


def _contest(
    real_time: RealTimeData, history: History, settings: Settings, plan: TrainingPlan
) -> tuple[list[BacktestScores], list[str], dict[str, Backtest]]:
    """Scores of every family that could be backtested, the baseline first, why others could not, and the backtests."""
    cutoffs = origins(history)
    if not len(cutoffs):
        return [], [], {}
    information_sets, notes = _information_sets(real_time, cutoffs)
    if not information_sets:
        return [], notes, {}
    tests: dict[str, Backtest] = {}
    horizon = TEST_HORIZON[history.series.calendar.unit]
    for family in plan.rivals(history.series):
        chosen = information_sets[::SLOW_FAMILY_STRIDE] if family in SLOW_FAMILIES else information_sets
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tests[family] = backtest(FORECASTERS[family], chosen, history, horizon, real_time.seed)
        except ForecastError as error:
            notes.append(f"{family} was not tested on past data: {error}")
    baseline = tests.get(BASELINE_FAMILIES[history.series.measure_class])
    table = [scores(test, baseline) for test in tests.values()] if baseline is not None else []
    return table, notes, tests


def _past(tests: Mapping[str, Backtest], selection: Selection) -> PastForecasts | None:
    """What the chosen family forecast from past periods, if it was tested."""
    test = tests.get(selection.family)
    return None if test is None else PastForecasts(test.cutoffs, test.quantiles, test.actual)


def _information_sets(
    real_time: RealTimeData, cutoffs: Sequence[np.datetime64] | Days
) -> tuple[list[InformationSet], list[str]]:
    """The information sets at these periods, less those with too few observations or none beyond the one before."""
    information_sets: dict[np.datetime64, InformationSet] = {}
    for cutoff in cutoffs:
        try:
            information = real_time.information(cutoff)
        except TooShort:
            continue
        if np.isfinite(information.sample.trade).sum() >= MIN_GRID_OBSERVATIONS:
            information_sets.setdefault(information.cutoff, information)
    missing = len(cutoffs) - len(information_sets)
    notes = [
        f"{missing} of {len(cutoffs)} past moments were left out of the test: the values before them were published "
        "too late to be known then"
    ]
    return list(information_sets.values()), notes if missing else []


def origins(history: History) -> Days:
    """Periods to look from, spread over about a year of days or weeks; none where fewer scored observations than there
    are horizons come after the first: such a series is served untested."""
    freq = history.series.calendar
    horizon = TEST_HORIZON[freq.unit]
    chosen = rolling(history, BACKTEST_ORIGINS, horizon, round(freq.per_year / BACKTEST_ORIGINS))
    if not len(chosen) or (history.scored & (history.ds > chosen[0])).sum() < horizon:
        return chosen[:0]
    return chosen


def _is_current(registry: Registry, series_id: str, run_id: str) -> bool:
    """Whether the run of today's inputs serves, or was made and declined, and its files are sound."""
    if run_id not in (registry.champion_id(series_id), *registry.declined(series_id)):
        return False
    try:
        return registry.get(series_id, run_id).run_id == run_id
    except ForecastError:
        return False


def _worse_than_before(registry: Registry, made: CandidateRun) -> str:
    """Why a new run must not take over: the champion's family failed this time, and its substitute scores worse."""
    selection = made.selection
    try:
        before = registry.champion(made.series.series_id).card
    except ForecastError:
        return ""
    family, score = before.champion_family, before.score
    if family not in made.plan.rivals(made.series):
        return ""
    if family in made.scored or not made.scored or score is None or selection.score <= score * 1.02:
        return ""
    return (
        f"{family}, which serves (error {score:.3f} of the baseline's), could not be tested this time, and "
        f"{selection.family} is worse ({selection.score:.3f})"
    )


def _checked(catalog: Catalog, series_ids: Sequence[str] | None, plan: TrainingPlan) -> list[str]:
    for family in plan.families or ():
        fittable(family)
    if series_ids is None:
        return trainable(catalog)
    for series_id in series_ids:
        if not (one := catalog.get(series_id)).is_trained:
            raise InvalidInput(Fault("series_id", series_id, one.refusal))
        if rule := unservable(series_id):
            raise Unservable(series_id, rule)
    return list(dict.fromkeys(series_ids))


def trainable(catalog: Catalog) -> list[str]:
    """Every target, then all evidence."""
    return [*catalog.targets(), *catalog.evidence()]


def _in_own_process(
    settings: Settings, series_id: str, plan: TrainingPlan, panel_set: PanelSet
) -> TrainingResult | CandidateRun:
    catalog = Catalog.open(settings)
    try:
        return _compute(catalog, Registry(settings.models_dir), settings, series_id, plan, panel_set)
    except Exception as error:  # a bug in one series must not take the others with it
        return TrainingResult(series_id, "failed", detail=f"{type(error).__name__}: {error}")
    finally:
        catalog.close()
