"""Backtests from rolling origins without look-ahead: forecasts of each family from past information sets, and their
scores.

An origin is a period (its cutoff). The view from it holds the observations published by the period's last day plus
the series' release lag, and the events announced by the period's last day with only those ends and states that were
known then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecast import metrics
from forecast.coupling import added_to, couple
from forecast.forecasters.base import Fitted, Forecaster
from forecast.forecasters.ensemble import EnsembleFit
from forecast.forecasters.grid.engine import GridFitted
from forecast.interventions import Design
from forecast.seeds import generator, seed_of
from forecast.timeseries.frequency import Days
from forecast.timeseries.series import Floats, History
from forecast.timeseries.trade import Codes, has_trade
from forecast.training.information import InformationSet


@dataclass(frozen=True, eq=False)
class FittedModel:
    """A fitted family with the information set that it was fitted to: what a run is made of."""

    fitted: Fitted
    information: InformationSet

    def baseline(self, horizon: int, seed: int) -> tuple[Floats, Codes | None]:
        """(n, horizon) joint paths of the log of the series less the mean effects, where there is trade, and which have
        trade, as ``InformationSet.trade`` has it; n as in the effect record.

        Those with trade and those without have the same quantiles: how much is traded does not hang on the throw. The
        first are those of the periods that a companion has seen whole, with the effects in them.
        """
        gap, seen, bridge = self.information.gap, self.information.seen, self.information.bridge
        ds = np.concatenate([seen.ds[len(seen) - gap :], seen.future(max(horizon - self.information.bridged, 1))])
        paths = self.fitted.simulate(Design.empty(ds), self.information.record.n, seed_of(seed, "paths"))[:, gap:].T
        if bridge:
            pull = _pull(self.fitted, len(paths))
            paths = bridge.draws(paths, pull, self.information.held, generator(seed, "bridge"))[:horizon]
        code = self.information.trade(horizon, seed)
        if code is not None:
            margins = np.sort(paths, axis=1)
            for kind in np.unique(code):
                paths = couple(paths, margins, np.equal(code.T, kind))
        return paths.T, code

    def quantiles(self, horizon: int, seed: int) -> Floats:
        """(horizon, 15) quantiles at ``metrics.QUANTILE_LEVELS`` in the series' unit, of draws that are 0 without
        trade."""
        (log, code), added = self.baseline(horizon, seed), self.information.ahead(horizon).T
        if code is None:
            return np.exp(metrics.quantiles(added_to(log.T, added).T))
        trade = has_trade(code.T, self.information.held, added)
        return metrics.quantiles(np.where(trade, np.exp(added_to(log.T, added, trade)), 0.0).T)


def _pull(fitted: Fitted, horizon: int) -> Floats:
    """(H,) expected log less that without reversion; 0 for families that know of none."""
    return fitted.pull(horizon) if isinstance(fitted, GridFitted | EnsembleFit) else np.zeros(horizon)


def fit(forecaster: Forecaster, information: InformationSet) -> FittedModel:
    """Fit a family to the series less the mean effects."""
    return FittedModel(next(iter(forecaster.fit_origins([information.origin]))), information)


@dataclass(frozen=True, eq=False)
class Backtest:
    """Quantiles at the levels of ``metrics.QUANTILE_LEVELS`` for O origins and H horizons, in the series' unit.

    ``cutoffs`` (O,): start of the last period seen; ``quantiles`` (O, H, 15); ``actual`` (O, H): what came, NaN where
    nothing was published or the figure is not one to be judged by.
    """

    series_id: str
    family: str
    cutoffs: Days
    quantiles: Floats
    actual: Floats

    @property
    def crps(self) -> Floats:
        """(O, H) continuous ranked probability scores, in the series' unit; NaN where there is no outcome."""
        return metrics.crps_from_quantiles(self.quantiles, self.actual)

    def at(self, cutoffs: Days) -> Backtest:
        """The same backtest at these origins only."""
        keep = np.isin(self.cutoffs, cutoffs)
        return Backtest(self.series_id, self.family, self.cutoffs[keep], self.quantiles[keep], self.actual[keep])


def outcomes(history: History, cutoffs: Days, horizon: int) -> Floats:
    """(O, H) outcomes after each cutoff, in the series' unit; NaN where they cannot be scored."""
    y = np.where(history.scored, history.y, np.nan)
    at = np.searchsorted(history.ds, cutoffs)[:, None] + np.arange(1, horizon + 1)
    return np.where(at < len(y), y[np.minimum(at, len(y) - 1)], np.nan)


def backtest(
    forecaster: Forecaster, information_sets: Sequence[InformationSet], history: History, horizon: int, seed: int
) -> Backtest:
    """One family at each of the views, oldest first."""
    quantiles = np.empty((len(information_sets), horizon, len(metrics.QUANTILE_LEVELS)))
    fits = forecaster.fit_origins([information.origin for information in information_sets])
    for i, (fitted, information) in enumerate(zip(fits, information_sets, strict=True)):
        quantiles[i] = FittedModel(fitted, information).quantiles(horizon, at_origin(seed, information.cutoff))
    cutoffs = np.array([information.cutoff for information in information_sets], dtype="datetime64[D]")
    return Backtest(
        history.series.series_id, forecaster.family, cutoffs, quantiles, outcomes(history, cutoffs, horizon)
    )


def at_origin(seed: int, cutoff: np.datetime64) -> int:
    """The seed of a series at an origin, whatever the other origins are."""
    return seed_of(seed, "backtest", str(cutoff))


@dataclass(frozen=True, eq=False)
class BacktestScores:
    """A backtest beside the baseline's at the same origins: what the card keeps.

    ``rel_crps`` (H,): mean CRPS as a ratio to the baseline's, per horizon; ``score``: its mean over horizons;
    ``coverage``: share of outcomes inside the central interval, by level in percent; ``pit`` (16,): share of outcomes
    below, between and above the levels of ``metrics.QUANTILE_LEVELS``.
    """

    family: str
    origins: int
    rel_crps: Floats
    coverage: Mapping[int, float]
    pit: Floats

    @property
    def score(self) -> float:
        known = self.rel_crps[np.isfinite(self.rel_crps)]
        return float(known.mean()) if known.size else float("nan")


def scores(test: Backtest, baseline: Backtest, coverage_levels: Sequence[int] = (50, 80, 95)) -> BacktestScores:
    """Score a family against the baseline at the origins that both have."""
    reference = baseline.at(test.cutoffs)
    own, other = test.crps, reference.crps
    both: npt.NDArray[np.bool_] = np.isfinite(own) & np.isfinite(other)
    counts = both.sum(axis=0)
    total, reference_total = (np.where(both, crps, 0.0).sum(axis=0) for crps in (own, other))
    # nothing is better than a certain 0 that came true
    ratio = np.where(reference_total > 0, total / reference_total.clip(min=1e-300), np.where(total > 0, np.nan, 1.0))
    return BacktestScores(
        family=test.family,
        origins=len(test.cutoffs),
        rel_crps=np.where(counts > 0, ratio, np.nan),
        coverage={level: metrics.coverage(test.quantiles, test.actual, level / 100) for level in coverage_levels},
        pit=metrics.pit(test.quantiles, test.actual),
    )
