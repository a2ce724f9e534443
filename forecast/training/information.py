"""Real-time data of one series: its information set at any origin, from the observations and events known then."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from forecast import provenance
from forecast.catalog import Catalog
from forecast.effects import EffectRecord, episodes
from forecast.effects.estimate import ModelAveraging, controls_for, estimate
from forecast.events import Branch, Events, branches
from forecast.events.exposure import exposure
from forecast.forecasters.grid.spot import Bridge, CompanionPrices, NoBridge
from forecast.forecasters.occurrence import Occurrence, learn
from forecast.forecasters.origins import Origin, PooledStatistics
from forecast.seeds import generator, seed_of
from forecast.settings import Settings
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats, History, Series
from forecast.timeseries.trade import STOPPING_LOG_EFFECT, Codes, codes
from forecast.training.panel import PanelSet
from forecast.wording import day_in_words

#: Periods between the last value and today are trained besides, in steps of this share of the horizon: so that what is
#: late reaches as far ahead as the rest, and training is not due whenever a period passes.
GAP_STEP = 0.25
#: A series whose last value is older than this, in periods, is not forecast up to today.
MOST_BEHIND = 120

#: Draws at an origin of a backtest.
TEST_DRAWS = 500
#: A mean effect on the log below this stops trade: a twentieth is left at most.
STOPPED_LOG_EFFECT = float(np.log(0.05))


@dataclass(frozen=True, eq=False)
class InformationSet:
    """The information set at the end of the period that ``sample`` ends with: the effects of the events known then, the
    statistics of its panel, and what a daily or weekly companion has seen since (None where there is none)."""

    sample: Sample
    record: EffectRecord
    statistics: PooledStatistics | None = None
    companion: Bridge | NoBridge | None = None

    @property
    def cutoff(self) -> np.datetime64:
        """Start of the last period seen."""
        return np.datetime64(self.sample.ds[-1], "D")

    @property
    def bridge(self) -> Bridge | None:
        """What the companion has seen since, if it bridges anything."""
        return self.companion if isinstance(self.companion, Bridge) else None

    @property
    def bridged(self) -> int:
        """Periods after the last observation that the companion has seen whole."""
        return self.bridge.whole if self.bridge else 0

    @cached_property
    def seen(self) -> Sample:
        """The sample with the nowcasts of the periods that the companion has seen whole."""
        return self.bridge.extend(self.sample) if self.bridge else self.sample

    @cached_property
    def net(self) -> Sample:
        """What was traded, less the mean effects: what a family is fitted to. It ends with the last trade.

        What trickles through a stop is missing: it tells how much leaks, and not how much there would be without it.
        """
        net = self.seen.less(self._mean_path)
        return (replace(net, x=np.where(self._leaking_periods, np.nan, net.x)) if self.sample.zeros else net).sizes

    @property
    def origin(self) -> Origin:
        """What a family is fitted to."""
        return Origin(self.net, self.cutoff, bool(self.sample.zeros), self.statistics)

    @property
    def gap(self) -> int:
        """Periods since the last trade: those at the end of the sample that reported none."""
        return len(self.seen) - len(self.net)

    @property
    def held(self) -> float:
        """The mean effect in the last period seen, on the log."""
        return float(self._mean_path[-1])

    def trade(self, horizon: int, seed: int) -> Codes | None:
        """(n, horizon) which joint draws have trade, as ``timeseries.trade`` reads them; None where all have."""
        if not self.sample.zeros:
            return None
        future, rng = self.sample.future(horizon), generator(seed, "occurrence")
        now, freed = (each.draw(future, self.record.n, rng) for each in self._occurrences)
        return codes(now, freed)

    @cached_property
    def _occurrences(self) -> tuple[Occurrence, Occurrence]:
        """What is known of trade and none: as things are, and of the periods in which no event held it back."""
        sample, trade = self.sample, self.sample.trade
        now = learn(trade, sample.ds, sample.freq)
        free = np.where(self._mean_path < STOPPING_LOG_EFFECT, np.nan, trade)
        return now, learn(free, sample.ds, sample.freq) if self.held < STOPPING_LOG_EFFECT else now

    @cached_property
    def _leaking_periods(self) -> npt.NDArray[np.bool_]:
        """(T,) periods that had trade while events stopped it, if most of those had none."""
        stopped, trade = self._mean_path < STOPPED_LOG_EFFECT, self.sample.trade
        leaks = stopped & (trade == 1)
        return np.asarray(leaks & (2 * leaks.sum() < np.isfinite(trade[stopped]).sum()))

    @cached_property
    def _mean_path(self) -> Floats:
        return self.record.mean_path(self.seen.ds, self.seen.freq)

    def ahead(self, horizon: int) -> Floats:
        """(n, horizon) what effects add to the paths of a family that was fitted to ``net``: nothing to nowcasts."""
        if horizon not in self._ahead:
            added = np.zeros((self.record.n, horizon))
            future = self.sample.future(horizon)[self.bridged :]
            added[:, self.bridged :] = self.record.forward(future, self.sample.freq, self.seen.ds[-1])
            self._ahead[horizon] = added
        return self._ahead[horizon]

    @cached_property
    def _ahead(self) -> dict[int, Floats]:
        # One view serves every family.
        return {}


class RealTimeData:
    """Real-time data of one series: as known by the end of a UTC day and, looking back from there, at the end of any
    period before; ``panel_set``: of the series, as known on that day."""

    def __init__(self, catalog: Catalog, settings: Settings, series_id: str, panel_set: PanelSet) -> None:
        self._catalog, self.settings = catalog, settings
        self.series: Series = catalog.get(series_id)
        self.as_of = panel_set.as_of
        self._panel = panel_set.like(self.series)

    @property
    def seed(self) -> int:
        return seed_of(self.settings.seed, self.series.series_id)

    @cached_property
    def history(self) -> History:
        return self._catalog.history(self.series.series_id, self.as_of)

    @cached_property
    def events_known_to(self) -> dt.date:
        return self._catalog.events_known_to(self.as_of)

    @cached_property
    def known_on(self) -> dt.date:
        """The day on which the newest of all that is known became known: a value of the series or of one that it
        learns from, or a fact about events."""
        names = [self.series.series_id, *(self._panel.names if self._panel else ())]
        names += [self.series.spot] if self.series.spot else []
        return max(self._catalog.known_on(names, self.as_of), self.events_known_to)

    @cached_property
    def branches(self) -> tuple[Branch, ...]:
        """Futures of this series that are no part of its baseline."""
        events, minerals = self._catalog.events(self.as_of), self._catalog.minerals()
        return tuple(
            branch
            for branch in branches(events, self.as_of)
            if any(exposure(events[event_id], self.series, minerals) > 0 for event_id in branch.event_ids)
        )

    @property
    def horizon(self) -> int:
        """Periods after the last value that are trained: those up to today, and those ahead that may be asked for;
        of evidence none."""
        if self.series.is_evidence:
            return 0
        freq, ahead = self.series.calendar, self.settings.horizon
        gap = min(int(freq.begun(self.as_of)) - int(freq.ordinal(self.history.last)), MOST_BEHIND)
        step = max(round(GAP_STEP * ahead), 1)
        return ahead + step * max(-(-gap // step), 0)

    def run_id(self, families: Sequence[str] | None = None) -> str:
        """The id of the run that these data give: the last period seen, and a digest of all that makes its numbers."""
        settings = [self.settings.draws, self.horizon, self.settings.seed]
        digest = provenance.digest(
            self._catalog.fingerprint(self.series.series_id, self.as_of),
            self._panel.digest if self._panel else "",
            [settings, families],
            provenance.code_digest(),
            provenance.libraries(),
        )
        return f"{self.history.last}-{digest[:10]}"

    def information(self, cutoff: np.datetime64) -> InformationSet:
        """The information set at the end of the period that starts on ``cutoff``."""
        end: dt.date = self.series.calendar.end(cutoff).item()
        published: dt.date = min(self.history.published(np.array([cutoff]))[0].item(), self.as_of)
        history = self._catalog.history(self.series.series_id, published).until(cutoff)
        return self._information(history, published, end, ModelAveraging(placebo=False), TEST_DRAWS)

    def now(self, n: int) -> InformationSet:
        """The information set at the end of ``as_of``, with ``n`` draws of the effects."""
        return self._information(self.history, self.as_of, self.as_of, ModelAveraging(), n)

    def _information(
        self, history: History, published: dt.date, known_on: dt.date, averaging: ModelAveraging, n: int
    ) -> InformationSet:
        """``published``: the day by which observations were out; ``known_on``: the day by which events were known."""
        sample, events, minerals = Sample.of(history), self._catalog.events(known_on), self._catalog.minerals()
        touching, omitted = episodes(events, self.series, minerals, sample.ds, known_on=known_on)
        touching = touching if np.isfinite(sample.x).any() else ()  # without any trade there is nothing to move
        controls = self._controls(sample, events, published) if touching else None
        seed = seed_of(self.seed, "effects")
        record = estimate(sample, touching, controls=controls, n=n, seed=seed, settings=averaging)
        pooled = self._panel if self.series.is_target else None  # what only forecasts need
        statistics = pooled.statistics(self.series.series_id, sample.ds[-1]) if pooled else None
        companion = self._companion(sample, published)
        return InformationSet(sample, record.of(self.series.series_id, omitted), statistics, companion)

    def _companion(self, sample: Sample, published: dt.date) -> Bridge | NoBridge | None:
        """What the companion that the series names had seen by the end of a day; None where it names none."""
        spot = self.series.spot
        if not spot or not self.series.is_price or sample.zeros:
            return None
        companions = self._catalog.histories([spot], published)
        if spot not in companions:
            return NoBridge(spot, f"it has no value known by {day_in_words(published)}")
        prices = CompanionPrices.of(companions[spot], sample.freq)
        return prices.bridge(sample, np.datetime64(published, "D"))

    def _controls(self, sample: Sample, events: Events, published: dt.date) -> Floats | None:
        histories = self._catalog.histories(self._panel.histories if self._panel else (), published)
        return controls_for(self.series, sample, histories, self._catalog.minerals(), events)
