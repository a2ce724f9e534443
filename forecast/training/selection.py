"""Selection of the family that serves a series: the best backtest, shrunk towards the family's record elsewhere.

Two dozen overlapping origins of one series are weak evidence: the family that won them by chance is worse next
year. So each family's log score ratio is averaged with what the family did on many other series, which count for
more (an empirical-Bayes shrinkage, James and Stein 1961). The baseline keeps its place unless it is beaten by two
percent with that experience. On 80 prices and 55 flows at every month, choosing so is within .3 % of the best family
throughout; to ask for a better backtest of the series itself as well costs 1.2 %, since two years of one trend decide
it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forecast.forecasters.grid.engine import MIN_GRID_OBSERVATIONS
from forecast.names import MeasureClass
from forecast.timeseries.quality import is_constant
from forecast.timeseries.series import History, Series
from forecast.training.backtest import BacktestScores
from forecast.wording import counted

#: The baseline family of each class of measures.
BASELINE_FAMILIES = {MeasureClass.PRICES: "random-walk", MeasureClass.FLOWS: "seasonal-naive"}

#: What each baseline forecasts, in words.
NAIVE = {"random-walk": "the last value", "seasonal-naive": "the value of a season before"}

#: Gain over the baseline that a champion needs.
MIN_GAIN = 0.02

#: CRPS as a ratio to the baseline over many series and origins: 15 prices from 80 origins since 2005; 49 volumes and
#: values, most of them of partners and industries that are not bundled, from 24 origins each
#: (``orecast backtest --origins N --family NAME``).
EXPECTED_RATIOS: Mapping[str, tuple[float, float]] = {
    "grid": (0.947, 0.712),
    "ets": (1.04, 0.786),
    "sarimax": (1.016, 0.805),
    "ucm": (1.04, 0.773),
    "prophet": (1.03, 0.77),
    "pretrained": (0.99, 0.731),
    "ensemble": (0.943, 0.705),
}

#: Absolute error of the grid engine as a ratio to that of the value of a season before, a year ahead from 20 to 28
#: months: 56 flows at three dates (159 histories, of which the engine is better on three in four).
SHORT_FLOW_RATIO = 0.81

#: The weight of that experience, in origins: a year of outcomes from two dozen origins, which all overlap, says
#: about as much of the next year as a fifth of it.
PRIOR_ORIGINS = 96


@dataclass(frozen=True)
class Selection:
    """The family that serves, its shrunken score (ratio to the baseline), and the reason in words."""

    family: str
    score: float
    reason: str


def shrunken(scores: BacktestScores, series: Series) -> float:
    """Score ratio of one family, averaged on the log with its experience on other series.

    A series without a season is compared to a random walk, as prices are.
    """
    as_prices = series.is_price or series.calendar.season == 1
    expected = EXPECTED_RATIOS[scores.family][0 if as_prices else 1] if scores.family in EXPECTED_RATIOS else 1.0
    weight = scores.origins / (scores.origins + PRIOR_ORIGINS)
    return float(np.exp(weight * np.log(max(scores.score, 1e-9)) + (1 - weight) * np.log(expected)))


def choose(table: Sequence[BacktestScores], series: Series) -> Selection:
    """The champion among the families that were backtested, the baseline among them."""
    baseline = BASELINE_FAMILIES[series.measure_class]
    rivals = {s.family: shrunken(s, series) for s in table if s.family != baseline and np.isfinite(s.score)}
    if not rivals:
        return Selection(baseline, 1.0, f"{NAIVE[baseline]} serves: no other model could be tested on past data")
    own = {s.family: s.score for s in table}
    passing = {family: score for family, score in rivals.items() if score <= 1 - MIN_GAIN}
    # of those, one that also won here is preferred
    best = min(passing or rivals, key=lambda family: (own[family] >= 1, rivals[family]))
    error = f"{own[best]:.3f} of that of {baseline} on this series, {rivals[best]:.3f} weighed with other series"
    if not passing:
        return Selection(
            baseline,
            1.0,
            f"{NAIVE[baseline]} serves: no model was reliably better by {100 * MIN_GAIN:.0f} % (the best, {best}: "
            f"error (CRPS) {error})",
        )
    return Selection(best, rivals[best], f"{best} serves: its error (CRPS) was {error}")


def untested(history: History, families: Collection[str]) -> Selection:
    """What serves a series that nothing could be tested on: the grid engine for a flow with a season of which enough
    was observed, if it is among the ``families``; else the baseline."""
    series, observed = history.series, int(history.scored.sum())
    baseline = BASELINE_FAMILIES[series.measure_class]
    if is_constant(history):
        return Selection(
            baseline,
            1.0,
            f"{NAIVE[baseline]} serves, untested: the series never moved; intervals are those of its kind",
        )
    few = f"{counted(observed, 'observation')} {'is' if observed == 1 else 'are'} too few to test a model on"
    seasonal = not series.is_price and series.calendar.season > 1
    if seasonal and observed >= MIN_GRID_OBSERVATIONS and "grid" in families:
        better = f"on flows as short it errs less than {NAIVE[baseline]} (error {SHORT_FLOW_RATIO:g} of that)"
        return Selection("grid", 1.0, f"grid serves, untested: {few}; {better}")
    return Selection(baseline, 1.0, f"{NAIVE[baseline]} serves, untested: {few}")


def forced(family: str, table: Sequence[BacktestScores], series: Series) -> Selection:
    """The family that was asked for alone, with its score."""
    found = next((s for s in table if s.family == family and np.isfinite(s.score)), None)
    if found is None:
        return Selection(family, 1.0, f"{family} serves, the only one asked for: it could not be tested on past data")
    score, baseline = shrunken(found, series), BASELINE_FAMILIES[series.measure_class]
    against = "" if family == baseline else f": its error (CRPS) was {found.score:.3f} of that of {baseline}"
    return Selection(family, 1.0 if family == baseline else score, f"{family} serves, the only one asked for{against}")
