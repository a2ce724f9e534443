"""What events did to a series, as its serving run estimated it: an episode each, or an episode and period each.

Effects are in percent of the level without the event, and in the unit of the series, a period and in sum: the median
of joint draws with its central intervals.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field

from forecast.answers.estimate import DAYS, IN_UNIT, PERCENT, PERIODS, PROBABILITY, Estimate, number, six_digits
from forecast.answers.findings import Findings
from forecast.answers.model import LINES, Cell, Column, Listing, Part, in_unit
from forecast.answers.quality import QualityWord, quality
from forecast.answers.words import FreqCode, Sign
from forecast.effects.record import EffectRecord, EpisodeEffect
from forecast.effects.report import RELEVANT_PERCENT, Band, EpisodeReport
from forecast.events import KindFamily, days_in_force
from forecast.events.spells import in_words
from forecast.timeseries.series import Series


class TimeInForce(Part):
    """A time in force."""

    since: dt.date = Field(description="first day in force")
    until: dt.date | None = Field(description="last day in force; null while no end is known")


class OtherEvent(Part):
    """An event of an episode that does not lead it."""

    event_id: str = Field(description="id of the event")
    days_in_force: int | None = Field(
        description="days in force up to the end of the sample; null in a run of an older version",
        json_schema_extra=DAYS,
    )
    standing: str | None = Field(description="how it stands at the end of the sample, in words")


class ShapeWeight(Part):
    """How likely it is, given the data, that the effect has a shape."""

    shape: str = Field(
        description="pulse, step, temporary-N, hump-N, ramp-N, forestalled-N (N periods), decay-R (R: what is left of "
        "it a period later) or licence-N-A (A: share approved after N periods)"
    )
    weight: float = Field(description="posterior probability of the shape", json_schema_extra=PROBABILITY)


class LeadWeight(Part):
    """How likely it is, given the data, that the effect came so many periods early."""

    periods: int = Field(description="periods by which the effect came early", json_schema_extra=PERIODS)
    weight: float = Field(description="posterior probability of so many periods", json_schema_extra=PROBABILITY)


class Window(Part):
    """The periods that the mean effect and the sums are over: from the start on, at most a year."""

    first: dt.date = Field(description="start of its first period")
    last: dt.date = Field(description="start of its last period")


class EpisodeEstimate(Part):
    """What an episode did: events that the data of one series cannot tell apart."""

    episode_id: str = Field(description="id of the leading event, the one that hits the series hardest")
    title: str | None = Field(description="title of the leading event; null where the catalogue has it no more")
    event_ids: tuple[str, ...] = Field(description="ids of the events of the episode, the leading one first")
    family: KindFamily = Field(description="kind of the leading event")
    direction: Sign = Field(description="expected sign of the effect: 1, -1, or 0 where it is mixed or unknown")
    announced: dt.date | None = Field(description="day on which the leading event was announced")
    effective: dt.date | None = Field(description="day from which the leading event takes effect")
    ended: dt.date | None = Field(description="last day of the leading event")
    in_force: tuple[TimeInForce, ...] | None = Field(
        description="when the leading event was in force, as known at the training; empty if it was only announced, "
        "null in a run of an older version"
    )
    days_in_force: int | None = Field(description="days of that up to the end of the sample", json_schema_extra=DAYS)
    standing: str | None = Field(description="the same in words, such as `in force 7 days, then suspended`")
    others: tuple[OtherEvent, ...] = Field(description="how the other events of the episode stand")
    start: dt.date = Field(description="day from which the effect counts")
    window: Window | None = Field(description="what the mean and the sums are over; null while no such period is over")
    shapes: tuple[ShapeWeight, ...] = Field(description="what the data favour, the likeliest first")
    leads: tuple[LeadWeight, ...] = Field(description="by how much the effect came early, the likeliest first")
    average: Estimate | None = Field(
        description="mean effect: by how much the observed periods of the window together are more than there would "
        "have been without the episode",
        json_schema_extra=PERCENT,
    )
    anticipation: Estimate | None = Field(
        description="the same over the periods before the start in which the effect may have been felt; null where "
        "there are none",
        json_schema_extra=PERCENT,
    )
    amount: Estimate | None = Field(
        description="observed less what there would have been without it, mean over the observed periods of the window",
        json_schema_extra=IN_UNIT,
    )
    cumulated: Estimate | None = Field(
        description="observed less what there would have been without it, sum up to the end of the window; null for "
        "prices",
        json_schema_extra=IN_UNIT,
    )
    cumulated_before: Estimate | None = Field(
        description="the part of the sum before the start", json_schema_extra=IN_UNIT
    )
    cumulated_after: Estimate | None = Field(
        description="the part of the sum from the start on", json_schema_extra=IN_UNIT
    )
    observed: int = Field(
        description="periods of the window that were observed, from the start on", json_schema_extra=PERIODS
    )
    missing: int = Field(
        description="periods that were not observed and are in no sum and no mean", json_schema_extra=PERIODS
    )
    any_effect: float = Field(
        description="probability that it had any effect, however small, beside the episodes that overlap it; 1 where "
        "none does",
        json_schema_extra=PROBABILITY,
    )
    placebo_rank: float | None = Field(
        description="unusualness: share of dates without events with a smaller estimate; null where there are too few",
        json_schema_extra=PROBABILITY,
    )
    relevant: float | None = Field(
        description="probability that the mean effect is larger than `relevant_size`, up or down",
        json_schema_extra=PROBABILITY,
    )
    relevant_size: float = Field(description="the smallest mean effect that matters", json_schema_extra=PERCENT)
    detectable: float | None = Field(
        description="the mean effect that these data would have shown, its 90 % interval without 0, four times in five",
        json_schema_extra=PERCENT,
    )
    identified: bool = Field(description="no: the data say nothing of it, and the estimate is its prior")
    prior_dominated: bool = Field(description="yes: the data say little of it")
    apart: bool = Field(description="no: weighed with the others, and told since one of its events was asked for")
    others_of_kind: int = Field(
        description="other events of its kind that there are to compare with", json_schema_extra=in_unit("events")
    )
    given_kind: Estimate = Field(
        description="effect once it has built up, by the data and by what other events of its kind did",
        json_schema_extra=PERCENT,
    )


class EpisodePeriod(Part):
    """A period of an episode: what was observed, what the episode did, and what there would have been without it."""

    episode_id: str = Field(description="id of the leading event of the episode")
    ds: dt.date = Field(description="first day of the period")
    y: float | None = Field(description="observed value; null where there is none", json_schema_extra=IN_UNIT)
    effect: Estimate = Field(description="effect of the episode", json_schema_extra=PERCENT)
    without: Estimate | None = Field(
        description="value without the episode; null where none was observed", json_schema_extra=IN_UNIT
    )


class OmittedEpisode(Part):
    """An episode that is not told."""

    episode_id: str = Field(description="id of the leading event")
    event_ids: tuple[str, ...] = Field(description="ids of the events of the episode, the leading one first")
    why: str = Field(description="why it is not told")
    weighed: bool = Field(
        description="yes: it is in the model all the same, and told if one of its events is asked for"
    )


class EventNotEstimated(Part):
    """An event that a user took in, which touches the series, and of which there is no estimate."""

    event_id: str = Field(description="id of the event")
    why: str = Field(description="why there is no estimate, which is not to say that it had no effect")


#: What holds for all that yearly values tell of events.
COARSE = (
    "yearly values are coarse: what began in the same year is one episode, and a measure that was in force through no "
    "whole year, nor for as long as one, counts as announced only"
)


class EffectsAnswer(Listing):
    """What holds for all that the serving run says of past events."""

    line: ClassVar[tuple[str, ...]] = ("series_id", "run", LINES, "unit")

    series_id: str = Field(description="id of the series")
    run: str = Field(description="id of the run that estimated it")
    data_to: dt.date = Field(description="first day of the last period with data that the run has seen")
    quality: QualityWord
    unit: str = Field(description="unit of the series")
    freq: FreqCode = Field(description="frequency of the series: D, B, W-SUN (the last day of the week), M, Q or Y")
    method: str = Field(
        description="averaged (over shapes and leads); none where there is no event; in older runs the family that "
        "estimated the effects itself"
    )
    omitted: tuple[OmittedEpisode, ...] = Field(description="episodes that are not told, and why")
    not_estimated: tuple[EventNotEstimated, ...] = Field(
        description="events that a user took in, which touch the series, and of which there is no estimate"
    )
    notes: tuple[str, ...] = Field(description="what else is to be said of the estimates")


class Effects(EffectsAnswer):
    """What each episode of events did to a series."""

    data: tuple[EpisodeEstimate, ...] = Field(description="an episode each: clear effects first, then by their start")

    def lines(self) -> Iterator[dict[str, Cell]]:
        """The episodes, and the events without an estimate, of which there is nothing but the reason."""
        yield from super().lines()
        for each in self.not_estimated:
            facts: dict[str, Cell] = {"series_id": self.series_id, "run": self.run, "unit": self.unit}
            yield {**facts, "event_ids": each.event_id, "not_estimated": each.why}

    @classmethod
    def columns(cls, levels: Sequence[int | str] = ()) -> list[Column]:
        why = EventNotEstimated.model_fields["why"].description or ""
        alone = "of the other columns such a line has `series_id`, `run`, `event_ids` and `unit` only"
        return [*super().columns(levels), Column("not_estimated", "text", "", f"{why}; {alone}", "not_estimated")]


class EffectPaths(EffectsAnswer):
    """What each episode of events did to a series, period by period, and the series without it."""

    data: tuple[EpisodePeriod, ...] = Field(description="a period of an episode each")


def effects(found: Findings) -> Effects:
    """What was found, an episode each."""
    return Effects.model_validate({**_facts(found), "data": [_episode(found, each) for each in found.episodes]})


def effect_paths(found: Findings) -> EffectPaths:
    """What was found, a period of an episode each."""
    periods = [period for each in found.episodes for period in _periods(each)]
    return EffectPaths.model_validate({**_facts(found), "data": periods})


def _facts(found: Findings) -> dict[str, object]:
    record = found.run.record
    return {
        "series_id": found.series.series_id,
        "run": found.run.run_id,
        "data_to": found.run.card.data.last,
        "quality": quality(found.run.card),
        "unit": found.series.unit,
        "freq": found.series.freq,
        "method": record.method,
        "omitted": _omitted(record),
        "not_estimated": [EventNotEstimated(event_id=name, why=why) for name, why in found.not_estimated.items()],
        "notes": record.notes + (COARSE,) * (record.freq.per_year == 1),
    }


def _omitted(record: EffectRecord) -> list[OmittedEpisode]:
    """What a record leaves out, less what it tells with another episode."""
    reported = {event for effect in record.reported for event in effect.episode.events}
    weighed = {effect.episode.episode_id for effect in record.effects}
    return [
        OmittedEpisode(episode_id=o.episode_id, event_ids=o.events, why=o.reason, weighed=o.episode_id in weighed)
        for o in record.omitted
        if o.episode_id not in reported
    ]


def _episode(found: Findings, report: EpisodeReport) -> EpisodeEstimate:
    effect, episode = report.effect, report.effect.episode
    kin = found.kin[episode.episode_id]
    return EpisodeEstimate(
        episode_id=episode.episode_id,
        title=found.titles[episode.episode_id],
        event_ids=episode.events,
        family=episode.family,
        direction=episode.direction,
        announced=episode.announced,
        effective=episode.effective,
        ended=episode.ended,
        in_force=_in_force(report, episode.episode_id),
        days_in_force=_days_in_force(report, episode.episode_id),
        standing=_standing(report, episode.episode_id),
        others=tuple(_other(report, event) for event in episode.events if event != episode.episode_id),
        start=episode.intervention.start.item(),
        window=Window(first=report.window[0].item(), last=report.window[-1].item()) if len(report.window) else None,
        shapes=tuple(ShapeWeight(shape=shape, weight=round(weight, 3)) for shape, weight in report.shapes.items()),
        leads=tuple(LeadWeight(periods=lead, weight=round(weight, 3)) for lead, weight in report.leads.items()),
        average=_estimate(report.average),
        anticipation=_estimate(report.early),
        amount=_estimate(report.amount),
        cumulated=_estimate(report.cumulated),
        cumulated_before=_estimate(report.before),
        cumulated_after=_estimate(report.after),
        observed=report.observed,
        missing=report.missing,
        any_effect=six_digits(effect.acts).item(),
        placebo_rank=number(effect.placebo_rank),
        relevant=number(report.relevant),
        relevant_size=RELEVANT_PERCENT,
        detectable=_smallest(effect, found.series),
        identified=effect.identified,
        prior_dominated=effect.prior_dominated,
        apart=episode.apart,
        others_of_kind=kin.others,
        given_kind=Estimate.in_percent(kin.size),
    )


def _smallest(effect: EpisodeEffect, series: Series) -> float | None:
    """The mean effect in percent that the data would have shown, without its sign: a fall where one was expected.

    Where nothing was, a price is told a rise and a flow a fall, since that is what measures do to them.
    """
    if effect.detectable is None:
        return None
    sign = effect.episode.direction or (1 if series.is_price else -1)
    return number(abs(100 * np.expm1(sign * effect.detectable)))


def _in_force(report: EpisodeReport, event_id: str) -> tuple[TimeInForce, ...] | None:
    """When an event was in force, as known at the training; None on an older card."""
    times = report.effect.episode.in_force.get(event_id)
    return None if times is None else tuple(TimeInForce(since=time.since, until=time.until) for time in times)


def _days_in_force(report: EpisodeReport, event_id: str) -> int | None:
    """The days of that up to the end of the sample."""
    times = report.effect.episode.in_force.get(event_id)
    return None if times is None else days_in_force(times, report.record.freq.end(report.record.last).item())


def _standing(report: EpisodeReport, event_id: str) -> str | None:
    """The same in words."""
    episode, record = report.effect.episode, report.record
    times = episode.in_force.get(event_id)
    shock = episode.family is KindFamily.SHOCK and event_id == episode.episode_id
    return None if times is None else in_words(times, record.freq, record.last, "under way" if shock else "in force")


def _other(report: EpisodeReport, event_id: str) -> OtherEvent:
    return OtherEvent(
        event_id=event_id, days_in_force=_days_in_force(report, event_id), standing=_standing(report, event_id)
    )


def _periods(report: EpisodeReport) -> Iterator[dict[str, object]]:
    """The members of ``EpisodePeriod``, by name: there are many, and all are checked at once."""
    effects, without = Estimate.each(report.path.percent()), Estimate.each(report.counterfactual)
    for day, y, effect, level in zip(report.ds.tolist(), report.actual.tolist(), effects, without, strict=True):
        seen = y == y
        yield {
            "episode_id": report.effect.episode.episode_id,
            "ds": day,
            "y": y if seen else None,
            "effect": effect,
            "without": level if seen else None,
        }


def _estimate(band: Band | None) -> Estimate | None:
    return None if band is None else Estimate.of(band)
