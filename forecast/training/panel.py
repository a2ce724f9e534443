"""Panels of series that are pooled: model weights, volatility and the calibration of intervals."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from forecast.catalog import Catalog
from forecast.forecasters.calibration import Calibration, Margins
from forecast.forecasters.grid.engine import FilteredPanel, Grid, Panel, calibrate, standardised
from forecast.forecasters.grid.price import FilteredPrices
from forecast.forecasters.grid.spot import Bridge, CompanionPrices, NoBridge, Starts
from forecast.forecasters.origins import PooledStatistics
from forecast.metrics import QUANTILE_LEVELS
from forecast.names import Measure, MeasureClass
from forecast.timeseries.frequency import Days, Freq
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats, History, Series

#: More monthly series of a kind than this teach nothing more, and cost memory; of longer ones fewer are enough.
MAX_MONTHLY_SERIES = 400
#: Horizons that are calibrated.
CALIBRATED_HORIZON = 24

PanelKey = tuple[MeasureClass, Freq]


def max_panel_series(freq: Freq) -> int:
    """The largest number of series of a frequency in a panel: as many periods as monthly ones have, at least 24."""
    return min(max(round(MAX_MONTHLY_SERIES * 12 / freq.per_year), 24), MAX_MONTHLY_SERIES)


def panel_key(series: Series) -> PanelKey:
    """Measure class and frequency: series that share both may be pooled."""
    return series.measure_class, series.calendar


@dataclass(frozen=True, eq=False)
class HistoryPanel:
    """A panel of series of one class and frequency; ``histories`` by id; ``horizon``: periods ahead that are forecast
    and calibrated; ``companions``: the daily or weekly prices that some of them name as their spot, by id of the one
    that names it."""

    histories: Mapping[str, History]
    horizon: int = CALIBRATED_HORIZON
    companions: Mapping[str, History] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Ids of all series of the panel, companions included."""
        return (*self.histories, *(companion.series.series_id for companion in self.companions.values()))

    @cached_property
    def digest(self) -> str:
        """Hex digest of all their observations and, where companions are named, of what these had seen at past origins:
        a new daily price changes the forecasts of the series that names it, and teaches the others nothing."""
        sha = hashlib.sha256()
        for series_id, history in self.histories.items():
            sha.update(series_id.encode())
            for array in (history.ds, history.y, history.used, history.scored):
                sha.update(array.tobytes())
        for start in self._panel.starts.values() if self.companions else ():
            for array in (start.center, start.ratio, start.noise):
                sha.update(array.tobytes())
        return sha.hexdigest()

    def statistics(self, series_id: str, cutoff: np.datetime64) -> PooledStatistics:
        """The statistics of the panel for ``series_id``, of it or not, at the end of the period that starts at
        ``cutoff``."""
        t = int(np.searchsorted(self._panel.ds, cutoff, side="right")) - 1
        source = self._filtered.source
        pooled = source.pooled(self._rows.get(series_id, -1)) if isinstance(source, FilteredPrices) else None
        return PooledStatistics(pooled, self._calibration(t))

    def bridge(self, series_id: str, sample: Sample) -> Bridge | NoBridge | None:
        """What the companion of a series had seen when the last value of ``sample`` was published; None without one."""
        if series_id not in self._prices:
            return None
        return self._prices[series_id].bridge(sample, self.histories[series_id].published(sample.ds[-1:])[0])

    def quantiles(self, cutoffs: Mapping[str, Days], *, calibrated: bool = True) -> dict[str, Floats]:
        """(O, horizon, 15) quantiles of the log at ``QUANTILE_LEVELS``, for each of these series from each of its O
        cutoffs.

        One pass for all, over the observations as they are now; only what lies in or before a cutoff enters, and with
        ``calibrated`` the outcomes of all series known in it. NaN where a series was not observed in the cutoff or
        fewer than 18 times up to it; what the panel observes is trade, so that a zero is missing.
        """
        out = {name: np.full((len(days), self.horizon, len(QUANTILE_LEVELS)), np.nan) for name, days in cutoffs.items()}
        asked: dict[int, list[tuple[str, int]]] = {}
        for name, days in cutoffs.items():
            for o, t in enumerate(np.searchsorted(self._panel.ds, days).tolist()):
                asked.setdefault(t, []).append((name, o))
        forecasts = self._filtered.forecasts
        for t, places in sorted(asked.items()):
            rows = [self._rows[name] for name, _ in places]
            margins = Margins(
                forecasts.mean[rows, t], forecasts.sd[rows, t], forecasts.still[rows, t], forecasts.anchor[rows, t]
            )
            calibration = self._calibration(t) if calibrated else Calibration.neutral(self.horizon)
            for (name, o), q in zip(places, margins.quantiles(calibration), strict=True):
                out[name][o] = q
        return out

    def _calibration(self, t: int) -> Calibration:
        if t not in self._calibrations:
            self._calibrations[t] = calibrate(
                self._panel, self._filtered.trusted(self._standardised, t), t, self.horizon
            )
        return self._calibrations[t]

    def prepare(self) -> None:
        """Compute now what ``statistics`` needs, once and not in every process that gets a copy."""
        _ = self._standardised

    @cached_property
    def _calibrations(self) -> dict[int, Calibration]:
        # by cutoff: the same for all series
        return {}

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {series_id: row for row, series_id in enumerate(self.histories)}

    @cached_property
    def _panel(self) -> Panel:
        histories = list(self.histories.values())
        panel = Panel.of([Sample.of(history) for history in histories])
        scored = np.zeros(panel.x.shape, dtype=bool)
        for row, history in zip(scored, histories, strict=True):
            known = history.until(history.last)
            row[np.searchsorted(panel.ds, known.ds)] = known.scored
        return replace(panel, scored=scored, starts=self._starts(panel))

    @cached_property
    def _prices(self) -> dict[str, CompanionPrices]:
        # of the companion that each series names
        return {
            series_id: CompanionPrices.of(companion, self.histories[series_id].series.calendar)
            for series_id, companion in self.companions.items()
        }

    def _starts(self, panel: Panel) -> dict[int, Starts]:
        # what each companion had seen when the value of a period was published
        found = {}
        for series_id, prices in self._prices.items():
            row, published = self._rows[series_id], self.histories[series_id].published(panel.ds)
            sample = Sample(panel.ds, panel.x[row], panel.freq, panel.is_price)
            found[row] = Starts.of(sample, prices, published, self.horizon)
        return found

    @cached_property
    def _filtered(self) -> FilteredPanel:
        return Grid(horizon=self.horizon).filtered(self._panel)

    @cached_property
    def _standardised(self) -> Floats:
        return standardised(self._panel, self._filtered)


@dataclass(frozen=True, eq=False)
class PanelSet:
    """The panels of all series, by measure class and frequency, as known at the end of the UTC day ``as_of``."""

    as_of: dt.date
    by_key: Mapping[PanelKey, HistoryPanel]

    @classmethod
    def of(cls, catalog: Catalog, as_of: dt.date) -> PanelSet:
        by_kind: dict[PanelKey, list[str]] = {}
        for series in sorted(catalog.series().values(), key=_shuffled):
            if _teaches(series):
                by_kind.setdefault(panel_key(series), []).append(series.series_id)
        return cls(
            as_of,
            {key: _history_panel(catalog, ids[: max_panel_series(key[1])], as_of) for key, ids in by_kind.items()},
        )

    def like(self, series: Series) -> HistoryPanel | None:
        """The panel of series like one, itself among them unless they are too many; None where there are none."""
        found = self.by_key.get(panel_key(series))
        return found if found is not None and found.histories else None


def panels(
    catalog: Catalog, series_ids: Iterable[str], as_of: dt.date, horizon: int = CALIBRATED_HORIZON
) -> Iterator[HistoryPanel]:
    """Panels that hold these series among their like: each of bounded size, none with a series without an
    observation."""
    known = catalog.series()
    like: dict[PanelKey, list[str]] = {}
    for series in sorted(known.values(), key=_shuffled):
        if _teaches(series):
            like.setdefault(panel_key(series), []).append(series.series_id)
    asked: dict[PanelKey, list[str]] = {}
    for series_id in dict.fromkeys(series_ids):
        asked.setdefault(panel_key(known[series_id]), []).append(series_id)
    for key, ids in asked.items():
        most = max_panel_series(key[1])
        for start in range(0, len(ids), most):
            some = dict.fromkeys([*ids[start : start + most], *like.get(key, ())])
            yield replace(_history_panel(catalog, list(some)[:most], as_of), horizon=max(horizon, CALIBRATED_HORIZON))


def _history_panel(catalog: Catalog, series_ids: Iterable[str], as_of: dt.date) -> HistoryPanel:
    histories = catalog.histories(sorted(series_ids), as_of)
    usable = {series_id: history for series_id, history in histories.items() if history.used.any()}
    prices = {series_id: history.series for series_id, history in usable.items() if history.series.is_price}
    named = {series_id: series.spot for series_id, series in prices.items() if series.spot}
    spots = catalog.histories(sorted(set(named.values())), as_of) if named else {}
    return HistoryPanel(
        usable, companions={series_id: spots[name] for series_id, name in named.items() if name in spots}
    )


def _teaches(series: Series) -> bool:
    # An index is made of other series, and evidence may be short, out of date or of single lots.
    return series.measure is not Measure.INDEX and not series.is_evidence


def _shuffled(series: Series) -> str:
    # An order that has nothing to do with names, so that the first so many are a sample and not one country's.
    return hashlib.sha256(series.series_id.encode()).hexdigest()
