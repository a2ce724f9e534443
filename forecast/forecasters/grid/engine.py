"""The grid engine: filtered forecasts from all origins of all series in one pass over a grid of weighted models.

``Panel`` in, quantiles at any cutoffs out (``panel_quantiles``), or one fitted value a series (``Grid.fit_panel``).
A series alone is a panel of one; what a panel shares is passed to it as values: ``Pooled`` statistics of prices, and
a ``Calibration``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from forecast.coupling import couple, middles
from forecast.forecasters.base import Coefficients, check, refuse_columns
from forecast.forecasters.calibration import Calibration, Conformal, Margins
from forecast.forecasters.grid.price import FilteredPrices, Pooled, PriceGrid, PriceSettings, PriceStates, filter_prices
from forecast.forecasters.grid.spot import Starts, started
from forecast.forecasters.grid.volume import FilteredVolumes, VolumeGrid, VolumeSettings, VolumeState, filter_volumes
from forecast.forecasters.occurrence import Few, few
from forecast.forecasters.origins import Origin, PooledStatistics
from forecast.interventions import Design
from forecast.metrics import QUANTILE_LEVELS
from forecast.timeseries.frequency import Days, Freq
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats
from forecast.wording import counted

#: Observations before the first forecast.
MIN_GRID_OBSERVATIONS = 18
_PRICES = PriceGrid.default()
_PRICE_CONFORMAL = Conformal(window=360, smooth=2, symmetric=1.0, delay=1)
# Flows fall farther than they rise on the log, so that symmetric intervals are too wide above: 1 % of the CRPS in the
# unit of the series.
_VOLUME_CONFORMAL = Conformal(window=84, smooth=1, symmetric=0.0, prior=30.0, delay=1, widen=1.03)


@dataclass(frozen=True, eq=False)
class Panel:
    """Series of one kind and frequency on one calendar: logs ``x`` (N, T), NaN where missing, period starts ``ds``.

    ``scored`` (N, T): outcomes by which a forecast may be judged, and intervals calibrated. ``starts``: where
    companions say that forecasts start, by row.
    """

    ds: Days
    x: Floats
    freq: Freq
    is_price: bool
    scored: npt.NDArray[np.bool_]
    starts: Mapping[int, Starts] = field(default_factory=dict)

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> Panel:
        """From the first to the last period of any sample. Raises ``ValueError`` for mixed kinds or frequencies."""
        kinds = {(sample.freq, sample.is_price) for sample in samples}
        if len(kinds) != 1:
            raise ValueError(f"a panel needs samples of one frequency and one kind, not {len(kinds)}")
        freq, is_price = kinds.pop()
        ds = freq.between(min(s.ds[0] for s in samples), max(s.ds[-1] for s in samples))
        x = np.full((len(samples), len(ds)), np.nan)
        for row, sample in zip(x, samples, strict=True):
            row[np.searchsorted(ds, sample.ds)] = sample.x
        return cls(ds, x, freq, is_price, np.isfinite(x))

    def __len__(self) -> int:
        return len(self.x)

    @property
    def outcomes(self) -> Floats:
        """``x`` where it may be scored, NaN elsewhere."""
        return np.where(self.scored, self.x, np.nan)


@dataclass(frozen=True, eq=False)
class Grid:
    """Settings of the grid engine. ``pooled`` and ``calibration``: statistics of other series, none by default;
    horizons up to ``horizon`` are calibrated."""

    horizon: int = 24
    pooled: Pooled | None = None
    calibration: Calibration | None = None
    price_grid: PriceGrid | None = None
    volume_grid: VolumeGrid | None = None
    price_settings: PriceSettings | None = None
    volume_settings: VolumeSettings | None = None

    family: ClassVar[str] = "grid"
    estimates_effects: ClassVar[bool] = False

    def fit(self, y: Sample, design: Design) -> GridFitted:
        """Learn from one sample. Raises ``TooShort`` below 18 observations, ``ValueError`` for a design's columns."""
        refuse_columns(self.family, design)
        return self.fit_each([y])[0]

    def with_statistics(self, statistics: PooledStatistics) -> Grid:
        """The same settings, pooled and calibrated with what a panel says."""
        return replace(self, pooled=statistics.pooled, calibration=statistics.calibration)

    def fit_origins(self, origins: Sequence[Origin]) -> Iterator[GridFitted | Few]:
        """A fitted model for each origin of one series, oldest first, all in one pass: that costs as much as for one.

        The statistics of the last origin hold those of all, as they are dated; each origin is calibrated by its own,
        or, where one has none, all by the last.
        """
        known = [origin.statistics for origin in origins if origin.statistics is not None]
        grid = self.with_statistics(known[-1]) if known else self
        rich = [
            origin
            for origin in origins
            if not origin.sparse or np.isfinite(origin.sample.x).sum() >= MIN_GRID_OBSERVATIONS
        ]
        own = [origin.statistics.calibration for origin in rich if origin.statistics]
        calibrations = own if len(known) == len(origins) else None
        fits = iter(grid.fit_each([origin.sample for origin in rich], calibrations) if rich else ())
        for origin in origins:
            if origin in rich:
                yield next(fits)
            else:
                yield few(origin.sample, origin.cutoff)

    def fit_each(
        self, samples: Sequence[Sample], calibrations: Sequence[Calibration] | None = None
    ) -> tuple[GridFitted, ...]:
        """Learn from each sample as if alone, all in one pass: origins of one series, say, with what was known at each.

        ``calibrations``: one a sample instead of the grid's own. Raises what ``fit`` raises.
        """
        for sample in samples:
            check(sample, MIN_GRID_OBSERVATIONS)
        panel = Panel.of(samples)
        alone = replace(self, pooled=self.pooled or Pooled.nothing(panel.ds, len((self.price_grid or _PRICES).phi)))
        filtered = alone._pass(panel, horizon=0)
        own = calibrations or [self.calibration or Calibration.neutral(self.horizon)] * len(samples)
        return tuple(self._fitted(panel, filtered, i, calibration) for i, calibration in enumerate(own))

    def fit_panel(self, panel: Panel) -> tuple[GridFitted | None, ...]:
        """Learn from all series at once, each calibrated by all; None for a series below 18 observations."""
        filtered = self.filtered(panel)
        z, T = standardised(panel, filtered), len(panel.ds)
        calibration = self.calibration or calibrate(panel, filtered.trusted(z, T - 1), T - 1, self.horizon)
        fits: list[GridFitted | None] = []
        for i, enough in enumerate(np.isfinite(panel.x).sum(axis=1) >= MIN_GRID_OBSERVATIONS):
            pooled = filtered.source.pooled(i) if isinstance(filtered.source, FilteredPrices) else None
            with_pooled = replace(self, pooled=self.pooled or pooled)
            fits.append(with_pooled._fitted(panel, filtered, i, calibration) if enough else None)
        return tuple(fits)

    def filtered(self, panel: Panel) -> FilteredPanel:
        """The pass over a panel, with forecasts from every period."""
        return self._pass(panel, self.horizon)

    def _pass(self, panel: Panel, horizon: int) -> FilteredPanel:
        if panel.is_price:
            grid, settings = self.price_grid or _PRICES, self.price_settings or PriceSettings.of(panel.freq)
            filtered = filter_prices(panel.ds, panel.x, grid, settings, pooled=self.pooled, least=MIN_GRID_OBSERVATIONS)
            return FilteredPanel(panel, filtered, horizon)
        models, gains = self.volume_grid or VolumeGrid.default(panel.freq), self.volume_settings or VolumeSettings()
        return FilteredPanel(
            panel,
            filter_volumes(panel.ds, panel.x, panel.freq, models, gains, (horizon, MIN_GRID_OBSERVATIONS)),
            horizon,
        )

    def _fitted(self, panel: Panel, filtered: FilteredPanel, i: int, calibration: Calibration) -> GridFitted:
        last = int(np.flatnonzero(np.isfinite(panel.x[i]))[-1])
        source = filtered.source
        state = source.state(i, last) if isinstance(source, FilteredPrices) else source.last[i]
        assert state is not None
        known = np.isfinite(panel.x[i]) & (source.slips[i] <= last)
        slips = tuple(panel.freq.in_words(day) for day in panel.ds[known].tolist())
        return GridFitted(np.datetime64(panel.ds[last], "D"), state, calibration, self, slips)


@dataclass(frozen=True, eq=False)
class FilteredPanel:
    """The filtered states of a panel, and the forecasts from every period of it."""

    panel: Panel
    source: FilteredPrices | FilteredVolumes
    horizon: int

    @cached_property
    def forecasts(self) -> Margins:
        """(N, T, H); NaN where the period was not observed or fewer than 18 observations had been seen."""
        starts, source = self.panel.starts, self.source
        if not starts or isinstance(source, FilteredVolumes):
            return self._plain
        return started(self._plain, starts, source.states.pull(self.horizon))

    @cached_property
    def _plain(self) -> Margins:
        source = self.source
        if isinstance(source, FilteredVolumes):
            nowhere = np.full(source.seen.shape, np.nan)
            return Margins(source.mean, source.sd, np.zeros_like(source.mean), nowhere)
        margins = source.margins(self.horizon)
        return replace(margins, mean=np.where((source.seen >= MIN_GRID_OBSERVATIONS)[..., None], margins.mean, np.nan))

    def trusted(self, z: Floats, cutoff: int) -> Floats:
        """The ``standardised`` outcomes without those that were known in the period numbered ``cutoff`` to be slips of
        the data, and without those of forecasts made from a slip."""
        z = z.copy()
        for i, t in np.argwhere(self.source.slips <= cutoff):
            z[i, t] = np.nan
            h = np.arange(1, min(z.shape[2], t) + 1)
            z[i, t - h, h - 1] = np.nan
        return z


@dataclass(frozen=True, eq=False)
class GridFitted:
    """The filtered state of one series, and the calibration of its intervals; ``grid``: the settings it was filtered
    with; ``slips``: the periods, in words, whose values did not count, as later ones took them back."""

    last: np.datetime64
    state: PriceStates | VolumeState
    calibration: Calibration
    grid: Grid
    slips: tuple[str, ...] = ()

    family: ClassVar[str] = "grid"

    @property
    def coefficients(self) -> Coefficients:
        return Coefficients()

    @property
    def notes(self) -> tuple[str, ...]:
        state = self.state
        far = state.describe_reversion() if isinstance(state, PriceStates) else state.describe_growth()
        return tuple(said for said in (self.calibration.describe(), far, self._not_counted()) if said)

    def _not_counted(self) -> str:
        if not self.slips:
            return ""
        if len(self.slips) == 1:
            return f"the value of {self.slips[0]} lies far out and the next took it back: it does not count"
        many = counted(len(self.slips), "value")
        return f"{many} lie far out and the next took them back (the last: {self.slips[-1]}): they do not count"

    def margins(self, horizon: int) -> Margins:
        """Uncalibrated distribution of the log for the horizons 1..H."""
        return self.state.margins(horizon)

    def quantiles(self, horizon: int, levels: Floats = QUANTILE_LEVELS) -> Floats:
        """(H, L) calibrated quantiles of the log."""
        return self.margins(horizon).quantiles(self.calibration, levels)

    def simulate(self, future: Design, n: int, seed: int) -> Floats:
        """(n, H) joint paths of the log whose quantiles at every horizon are the calibrated ones."""
        rng, horizon = np.random.default_rng(seed), len(future.ds)
        paths = self.state.paths(horizon, n, rng)
        return couple(paths.T, self.quantiles(horizon, middles(n)), ties=rng).T

    def pull(self, horizon: int) -> Floats:
        """(H,) expected log less that without reversion to the long-run mean; 0 for what has none."""
        return self.state.pull(horizon) if isinstance(self.state, PriceStates) else np.zeros(horizon)

    def extend(self, y: Sample, design: Design | None = None) -> GridFitted:
        """The same pass over another sample; what others have taught stays as it was."""
        refuse_columns(self.family, design)
        return replace(self.grid, calibration=self.calibration).fit_each([y])[0]


def standardised(panel: Panel, filtered: FilteredPanel) -> Floats:
    """(N, T, H): outcome at t + h less the forecast made at t, over its sd; NaN where either is missing, where the
    outcome may not be scored, where a price did not move (the chance of that is modelled, not calibrated), or where a
    companion had seen the period whole, which is no forecast.
    """
    forecasts, outcomes, T = filtered.forecasts, panel.outcomes, len(panel.ds)
    still = PriceSettings.of(panel.freq).still if panel.is_price else -1.0
    z = np.full(forecasts.mean.shape, np.nan)
    for h in range(1, min(filtered.horizon, T - 1) + 1):
        moved = np.abs(outcomes[:, h:] - panel.x[:, : T - h]) > still
        error = np.where(moved, outcomes[:, h:] - forecasts.mean[:, : T - h, h - 1], np.nan)
        z[:, : T - h, h - 1] = error / forecasts.sd[:, : T - h, h - 1]
    for row, start in panel.starts.items():
        z[row][start.ratio == 0] = np.nan
    return z


def calibrate(panel: Panel, z: Floats, cutoff: int, horizon: int) -> Calibration:
    """From the ``standardised`` outcomes of a panel that were known in the period numbered ``cutoff``."""
    conformal = _PRICE_CONFORMAL if panel.is_price else _VOLUME_CONFORMAL
    return conformal.calibrate(z, cutoff, horizon)


def panel_quantiles(
    panel: Panel, cutoffs: Days, horizon: int, calibrate: Literal["panel", "none"] = "panel", grid: Grid | None = None
) -> Floats:
    """Quantiles of the log (N, O, H, 15) at ``QUANTILE_LEVELS``, from the O ``cutoffs`` (period starts, the last period
    seen).

    One pass for all. NaN where a series is not observed in the cutoff or has fewer than 18 observations. Only what
    was known in a cutoff enters its quantiles, calibration included.
    """
    filtered = replace(grid or Grid(), horizon=horizon).filtered(panel)
    forecasts, at = filtered.forecasts, np.searchsorted(panel.ds, cutoffs)
    z = standardised(panel, filtered) if calibrate == "panel" else None
    conformal = _PRICE_CONFORMAL if panel.is_price else _VOLUME_CONFORMAL
    q = np.empty((len(panel), len(cutoffs), horizon, len(QUANTILE_LEVELS)))
    for o, t in enumerate(at.tolist()):
        calibration = Calibration.neutral(horizon)
        if z is not None:
            calibration = conformal.calibrate(filtered.trusted(z, t), t, horizon)
        q[:, o] = forecasts.at(t).quantiles(calibration)
    return q
