"""The effect record: joint draws of the episodes' effects on one series; numpy only.

Draw i of every episode belongs together. A draw is a way of acting (one of the episode's candidates) and a size on
the log, so that its path is known on any dates, past or future.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from forecast.effects.candidates import columns, product
from forecast.effects.documents import EpisodeDocument, RecordDocument
from forecast.effects.episodes import Episode, Omission
from forecast.events import InForceInterval, KindFamily, Stringency
from forecast.interventions import Intervention, parse_shape, shape_word
from forecast.timeseries.frequency import Days, Freq, parse_freq
from forecast.timeseries.series import Floats

#: Months over which an effect without an end is averaged.
WINDOW_MONTHS = 12
#: How stringent an episode is of which an older card tells only the family.
_OLD_CARDS = {
    each.family: each
    for each in (Stringency.LICENCE, Stringency.TARIFF, Stringency.RELIEF, Stringency.THREAT, Stringency.SHOCK)
}
#: A column that moves less than this after the last observation does not move.
_STILL = 1e-6


@dataclass(frozen=True, eq=False)
class EpisodeEffect:
    """Draws of one episode's effect: path i on the log is the sum over its components c of ``size[c, i]`` times the
    column of ``candidates[choice[c, i]]``; both (C, n), and of one component if they are given as (n,).

    ``prior``: mean and sd of the main scale of the size. ``likelihood``: estimate and standard error of the best
    guess without any prior, for pooling; None where the sample holds no information. ``placebo_rank``: share of dates
    without events at which the same estimate comes out smaller in size. ``prior_dominated``: the data say little;
    ``identified`` False: they say nothing, and the effect is the prior. ``detectable``: average effect on the log that
    this sample would have shown (its 90 % interval without 0) four times in five; None where there is no window.
    """

    episode: Episode
    candidates: tuple[Intervention, ...]
    choice: npt.NDArray[np.int16]
    size: npt.NDArray[np.float32]
    prior_dominated: bool
    identified: bool
    prior: tuple[float, float] = (0.0, 0.2)
    likelihood: tuple[float, float] | None = None
    placebo_rank: float | None = None
    detectable: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "choice", np.atleast_2d(self.choice))
        object.__setattr__(self, "size", np.atleast_2d(self.size))

    @property
    def n(self) -> int:
        return len(self.size[0])

    @property
    def acts(self) -> float:
        """Probability that it did anything at all: the share of draws in which some component has a size."""
        return float(np.mean((self.size != 0).any(axis=0)))

    def paths(self, rows: Floats) -> Floats:
        """(n, T) draws of a path from what each candidate is at full strength, (K, T)."""
        paths = sum(size[:, None] * rows[choice] for choice, size in zip(self.choice, self.size, strict=True))
        return np.asarray(paths, dtype=float)

    def columns(self, ds: Days, freq: Freq) -> Floats:
        """(K, T): each candidate at full strength."""
        return columns(self.candidates, ds, freq)

    def draws(self, ds: Days, freq: Freq) -> Floats:
        """(n, T) paths on the log."""
        return self.paths(self.columns(ds, freq))

    def mean(self, ds: Days, freq: Freq) -> Floats:
        """(T,) mean path on the log."""
        return np.asarray(self.weights @ self.columns(ds, freq), dtype=float)

    def held(self, ds: Days, freq: Freq, last: np.datetime64) -> Floats:
        """(K, H): each candidate at full strength after the period ``last``, if only its known dates move it.

        What has worn off by ``last`` stays off, what has not stays: an end, a suspension or another rate takes it
        away, not a shape; what licences give back comes on top. Shapes cannot be told apart well enough to forecast
        by: letting them wear off made the CRPS of prices 4 % and of import values 10 % worse.
        """
        return columns(self.candidates, ds, freq, held=last)

    @cached_property
    def weights(self) -> Floats:
        """(K,) mean size that falls to each candidate."""
        total = np.bincount(self.choice.ravel(), weights=self.size.ravel(), minlength=len(self.candidates))
        return np.asarray(total / self.n, dtype=float)

    def window(self, freq: Freq, last: np.datetime64) -> Days:
        """Periods that the average effect is taken over; see ``window``."""
        return window(self.episode, freq, last)

    def clear(self, freq: Freq, last: np.datetime64) -> bool:
        """Whether the central 90 % of the average effect lie on one side of zero: only such an effect moves forecasts.

        One that the data cannot tell from none is published with its interval, and a scenario may take it away; but
        a forecast that took the noise of quiet months for an effect, and gave it back on the day a measure ends,
        was worse than one that did not (CRPS of prices + 2 %, of import values + 4 %).
        """
        draws = self.average(freq, last)
        if not draws.size or not self.identified:
            return False
        low, high = np.quantile(draws, [0.05, 0.95])
        return bool(low > 0 or high < 0)

    def average(self, freq: Freq, last: np.datetime64) -> Floats:
        """(n,) mean effect over the window, on the log; empty if the window is."""
        periods = self.window(freq, last)
        if not len(periods):
            return np.zeros(0)
        return self.paths(self.columns(periods, freq).mean(axis=1, keepdims=True))[:, 0]


def together(effects: Sequence[EpisodeEffect]) -> EpisodeEffect:
    """One effect of several episodes: the sum of their paths, by the dates of the first, which leads."""
    if len(effects) == 1:
        return effects[0]
    leader, episodes = effects[0], [effect.episode for effect in effects]
    announced = [e.announced for e in episodes if e.announced is not None]
    directions = {e.direction for e in episodes if e.direction}
    lead, strength = leader.episode, sum(e.strength for e in episodes)
    alike = [e for e in episodes if (e.stringency, e.direction) == (lead.stringency, lead.direction)]
    episode = replace(
        leader.episode,
        events=tuple(event for e in episodes for event in e.events),
        direction=directions.pop() if len(directions) == 1 else 0,
        announced=min(announced) if announced else None,
        in_force={event: times for e in episodes for event, times in e.in_force.items()},
        share=sum(e.share * e.strength for e in alike) / strength if strength else 1.0,
    )
    offsets = np.cumsum([0, *(len(effect.candidates) for effect in effects[:-1])])
    return replace(
        leader,
        episode=episode,
        candidates=tuple(c for effect in effects for c in effect.candidates),
        choice=np.concatenate([effect.choice + offset for effect, offset in zip(effects, offsets, strict=True)]),
        size=np.concatenate([effect.size for effect in effects]),
        identified=any(effect.identified for effect in effects),
        prior_dominated=all(effect.prior_dominated for effect in effects),
    )


def window(episode: Episode, freq: Freq, last: np.datetime64) -> Days:
    """Period starts from an episode's start to its end, at most a year, none after the period ``last``."""
    intervention = episode.intervention
    first = int(freq.ordinal(intervention.start))
    stop = min(first + freq.months(WINDOW_MONTHS), int(freq.ordinal(last)) + 1)
    end = intervention.end
    if end is None and intervention.intensity and intervention.intensity[-1][1] == 0.0:
        end = intervention.intensity[-1][0]
    if end is not None:
        stop = min(stop, int(freq.begun(end)) + 1)
    return np.asarray(freq.start(np.arange(first, max(first, stop))))


@dataclass(frozen=True, eq=False)
class EffectRecord:
    """The effects of all episodes on one series: n joint draws.

    ``last``: the last period of the sample; ``method``: ``averaged`` (over shapes and leads), ``none`` where nothing
    was estimated, in older runs also the family that estimated the columns itself. ``latent``: of periods (start) that
    reported 0 while an episode may have acted, the log that the model puts there; a 0 is less than the series can
    report, and data.
    """

    effects: tuple[EpisodeEffect, ...]
    method: str
    n: int
    freq: Freq
    last: np.datetime64
    series_id: str = ""
    omitted: tuple[Omission, ...] = ()
    notes: tuple[str, ...] = ()
    latent: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def none(cls, n: int, freq: Freq, last: np.datetime64) -> EffectRecord:
        """The record of a series that no episode touches."""
        return cls((), "none", n, freq, last)

    def of(self, series_id: str, omitted: tuple[Omission, ...] = ()) -> EffectRecord:
        """The same record with the series it is about and the episodes that it leaves out."""
        return replace(self, series_id=series_id, omitted=omitted)

    @property
    def events(self) -> frozenset[str]:
        """Ids of all events whose effect is in the record."""
        return frozenset(event for effect in self.effects for event in effect.episode.events)

    @cached_property
    def reported(self) -> tuple[EpisodeEffect, ...]:
        """What is reported: each episode with those that are ``told_with`` it, in order of their start."""
        groups: dict[str, list[EpisodeEffect]] = {}
        for effect in sorted(self.effects, key=lambda e: bool(e.episode.told_with)):
            if not (effect.episode.apart or effect.episode.told_with):
                continue
            groups.setdefault(effect.episode.told_with or effect.episode.episode_id, []).append(effect)
        found = [together(group) for group in groups.values()]
        return tuple(sorted(found, key=lambda e: (e.episode.intervention.start.astype(int), e.episode.episode_id)))

    @cached_property
    def clear(self) -> frozenset[str]:
        """Ids of the episodes whose effect, with those told with them, is clear enough to move forecasts."""
        clear_ids = {e.episode.episode_id for e in self.reported if e.clear(self.freq, self.last)}
        episodes = (e.episode for e in self.effects)
        return frozenset(e.episode_id for e in episodes if (e.told_with or e.episode_id) in clear_ids)

    def mean_path(self, ds: Days, freq: Freq) -> Floats:
        """(T,) what a family's sample is less: the mean of the clear effects together, on the log."""
        clear = (effect for effect in self.effects if effect.episode.episode_id in self.clear)
        return sum((effect.mean(ds, freq) for effect in clear), np.zeros(len(ds)))

    def forward(self, ds: Days, freq: Freq, last: np.datetime64, without: Collection[str] = ()) -> Floats:
        """(n, H) what a forecast adds back to the paths of a sample that was ``less`` the mean path.

        ``ds``: the H future period starts; ``last``: T, the period a forecast starts from. Draw i adds
        mean(T) + Σ path_i(T+h) − path_i(T): the level at T was observed with the effect in it, so how large a step
        that is still in force once was adds no uncertainty, and only what changes after T does. Known dates change it,
        no shape does (``EpisodeEffect.held``). An episode in
        ``without`` (episode ids) never was: it adds mean(T) − path_i(T), which takes its part of the level at T out.
        """
        dates = np.concatenate([np.array([last], dtype="datetime64[D]"), ds])
        total = np.zeros((self.n, len(ds)))
        for effect in self.effects:
            gone, clear = effect.episode.episode_id in without, effect.episode.episode_id in self.clear
            if not (gone or clear):
                continue
            path = effect.held(dates, freq, last)
            now, future = path[:, :1], path[:, 1:]
            change = (0.0 if gone else future) - np.broadcast_to(now, future.shape)
            if np.abs(change).max(initial=0.0) > _STILL:
                total += effect.paths(change)
            if clear:
                total += effect.weights @ now
        return total

    def describe(self) -> RecordDocument:
        """The record in words and numbers, for the card; with ``to_arrays`` it holds everything."""
        return {
            "series_id": self.series_id,
            "method": self.method,
            "draws": self.n,
            "freq": self.freq.code,
            "last": str(self.last),
            "episodes": [_describe(effect, self.freq, self.last) for effect in self.effects],
            "omitted": [{"episode": o.episode_id, "events": list(o.events), "reason": o.reason} for o in self.omitted],
            "notes": list(self.notes),
            "latent": dict(self.latent),
        }

    def to_arrays(self) -> dict[str, npt.NDArray[np.number]]:
        """``choice`` (E, C, n) int16 and ``size`` (E, C, n) float32, in the order of the episodes; 0 for a component
        that an episode does not have."""
        components = max((len(effect.size) for effect in self.effects), default=1)
        shape = len(self.effects), components, self.n
        choice, size = np.zeros(shape, dtype=np.int16), np.zeros(shape, dtype=np.float32)
        for e, effect in enumerate(self.effects):
            choice[e, : len(effect.size)], size[e, : len(effect.size)] = effect.choice, effect.size
        return {"choice": choice, "size": size}

    @classmethod
    def from_arrays(cls, described: RecordDocument, arrays: Mapping[str, npt.NDArray[np.number]]) -> EffectRecord:
        """The same record again, from ``describe()`` (also after JSON) and ``to_arrays()``."""
        effects = tuple(
            _read(row, choice, size)
            for row, choice, size in zip(described["episodes"], arrays["choice"], arrays["size"], strict=True)
        )
        omitted = tuple(Omission(o["episode"], tuple(o["events"]), o["reason"]) for o in described["omitted"])
        return cls(
            effects,
            described["method"],
            described["draws"],
            parse_freq(described["freq"]),
            np.datetime64(described["last"], "D"),
            described["series_id"],
            omitted,
            tuple(described["notes"]),
            described.get("latent", {}),
        )


def _describe(effect: EpisodeEffect, freq: Freq, last: np.datetime64) -> EpisodeDocument:
    episode, guess = effect.episode, effect.episode.intervention
    average = effect.average(freq, last)
    window = effect.window(freq, last)
    return {
        "episode": episode.episode_id,
        "events": list(episode.events),
        "family": str(episode.family),
        "stringency": str(episode.stringency),
        "direction": episode.direction,
        "announced": _iso(episode.announced),
        "effective": _iso(episode.effective),
        "ended": _iso(episode.ended),
        "strength": episode.strength,
        "exposure": episode.exposure,
        "dose": episode.dose,
        "share": episode.share,
        "start": str(guess.start),
        "end": None if guess.end is None else str(guess.end),
        "intensity": [[str(day), level] for day, level in guess.intensity],
        "shape": shape_word(guess.shape),
        "lead": guess.lead,
        "candidates": {
            "shapes": list(dict.fromkeys(shape_word(c.shape) for c in effect.candidates)),
            "leads": list(dict.fromkeys(c.lead for c in effect.candidates)),
        },
        "window": [str(window[0]), str(window[-1])] if len(window) else None,
        "average": _quantiles(average),
        "size": _quantiles(effect.size),
        "prior": {"mean": effect.prior[0], "sd": effect.prior[1]},
        "likelihood": None if effect.likelihood is None else list(effect.likelihood),
        "prior_dominated": effect.prior_dominated,
        "identified": effect.identified,
        "placebo_rank": effect.placebo_rank,
        "apart": episode.apart,
        "told_with": episode.told_with,
        "in_force": {
            event: [[_iso(time.since), _iso(time.until), time.then] for time in times]
            for event, times in episode.in_force.items()
        },
        "detectable": effect.detectable,
    }


def _read(row: EpisodeDocument, choice: npt.NDArray[np.int16], size: npt.NDArray[np.float32]) -> EpisodeEffect:
    guess = Intervention(
        parse_shape(row["shape"]),
        np.datetime64(row["start"], "D"),
        None if row["end"] is None else np.datetime64(row["end"], "D"),
        row["lead"],
        tuple((np.datetime64(str(day), "D"), float(level)) for day, level in row["intensity"]),
    )
    episode = Episode(
        row["episode"],
        tuple(row["events"]),
        Stringency(row["stringency"]) if "stringency" in row else _OLD_CARDS[KindFamily(row["family"])],
        row["direction"],
        _date(row["announced"]),
        _date(row["effective"]),
        _date(row["ended"]),
        row["strength"],
        guess,
        row.get("apart", True),
        row.get("told_with", ""),
        {event: tuple(map(_time, times)) for event, times in row.get("in_force", {}).items()},
        row.get("exposure", 1.0),
        row.get("dose", 1.0),
        row.get("share", 1.0),
    )
    shapes = [parse_shape(word) for word in row["candidates"]["shapes"]]
    return EpisodeEffect(
        episode,
        product(guess, shapes, row["candidates"]["leads"]),
        choice,
        size,
        row["prior_dominated"],
        row["identified"],
        (row["prior"]["mean"], row["prior"]["sd"]),
        None if row["likelihood"] is None else (row["likelihood"][0], row["likelihood"][1]),
        row["placebo_rank"],
        row.get("detectable"),
    )


def _quantiles(draws: npt.NDArray[np.floating]) -> dict[str, float] | None:
    """Median and central 50/80/90 % intervals of draws on the log; None where there are none."""
    if not draws.size:
        return None
    levels = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
    values = np.quantile(draws.astype(float), levels)
    return {f"q{round(100 * level):02d}": round(float(v), 6) for level, v in zip(levels, values, strict=True)}


def _time(fields: Sequence[str | None]) -> InForceInterval:
    since, until, then = fields
    return InForceInterval(dt.date.fromisoformat(since or ""), _date(until), then or "")


def _iso(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()


def _date(text: str | None) -> dt.date | None:
    return None if text is None else dt.date.fromisoformat(text)
