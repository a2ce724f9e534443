"""A world small enough to work out by hand: one series, a few events, draws that all stand still at 1.

The last observation is that of June 2030; what is known is known in the middle of July.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import TypedDict, Unpack

import numpy as np
import pytest
from scipy import stats

from forecast import seeds
from forecast.answers.event_priors import Evidence
from forecast.answers.event_versions import EventScenario
from forecast.answers.future import Future
from forecast.answers.scenarios import Question
from forecast.answers.scenarios.build import build
from forecast.effects import EffectRecord, EpisodeEffect
from forecast.effects.affected import Affected
from forecast.effects.episodes import Episode
from forecast.effects.event_classes import Likelihood
from forecast.errors import InvalidInput
from forecast.events import Event, Events, Stringency
from forecast.events.exposure import Minerals
from forecast.interventions import Intervention, Shape, Step
from forecast.registry import Run
from forecast.registry.card import Card, DataSummary, RunSettings
from forecast.timeseries.frequency import parse_freq
from forecast.timeseries.series import Floats, Series
from tests.support.records import NOTHING_SAID, EventFacts, a_series, changed

N, H = 400, 12
HALF = float(np.log(0.5))
LAST, TRAINED, AS_OF = np.datetime64("2030-06-01"), date(2030, 7, 10), date(2030, 7, 15)
BAN, LICENCE, TARIFF = Stringency.BAN, Stringency.LICENCE, Stringency.TARIFF
MONTHS = [f"2030-{month:02d}" for month in range(7, 13)] + [f"2031-{month:02d}" for month in range(1, 7)]
MINERALS = Minerals({"metal": frozenset(), "ore": frozenset({"metal"}), "gem": frozenset()})
FLOW = a_series("volume.ore.export.cn", "ore", "volume", "target", "export", "CHN", "WLD", "tonne", "M", 0)
OTHER = a_series("volume.gem.export.cn", "gem", "volume", "target", "export", "CHN", "WLD", "tonne", "M", 0)
PRICE = a_series("price.ore", "ore", "price", "target", "world", "WLD", "WLD", "USD/t", "M", 0)
WEEKLY = a_series("volume.ore.weekly", "ore", "volume", "target", "export", "CHN", "WLD", "tonne", "W-SUN", 0)


def an_event(event_id: str, message: EventFacts | None = None, **more: Unpack[EventFacts]) -> Event:
    """A tariff announced on 10 January 2030, effective from February on, unless told otherwise."""
    usual = changed(
        replace(NOTHING_SAID, event_id=event_id, title=event_id),
        kind="tariff",
        announced=date(2030, 1, 10),
        effective=date(2030, 2, 1),
        status="enacted",
    )
    return changed(usual, message, **more)


def a_ban(event_id: str, message: EventFacts | None = None, **more: Unpack[EventFacts]) -> Event:
    """An export ban on the ore of the small world, which is to lower volumes and to raise prices."""
    usual: EventFacts = {"kind": "export_ban", "minerals": ("ore",), "flows": (("CHN", "WLD"),), "volume": "down"}
    return an_event(event_id, usual | {"price_world": "up"} | (message or {}), **more)


#: Who gave a probability, and on which day: with it a branch is drawn.
SOURCED: EventFacts = {"probability_source": "A. Forecaster", "probability_date": date(2030, 1, 10)}
#: A tariff that may come in September, with a probability of 30 %.
THREAT = a_ban(
    "threat",
    SOURCED,
    kind="threat",
    status="threatened",
    effective=date(2030, 9, 1),
    value_unit="ad valorem %",
    probability=0.3,
)


class Dates(TypedDict, total=False):
    """When an ``Intervention`` acts, beside its start."""

    end: np.datetime64
    lead: int
    intensity: tuple[tuple[np.datetime64, float], ...]


def an_effect(
    *events: Event,
    size: float | Floats = -0.5,
    shape: Shape | None = None,
    series: Series = FLOW,
    **dates: Unpack[Dates],
) -> EpisodeEffect:
    """A certain effect of an episode of these events, led by the first; ``dates``: of its ``Intervention``."""
    lead, ids = events[0], tuple(event.event_id for event in events)
    assert lead.effective is not None
    guess = Intervention(shape or Step(), np.datetime64(lead.effective, "D"), **dates)
    episode = Episode(ids[0], ids, lead.stringency, -1, lead.announced, lead.effective, lead.ended, 1.0, guess)
    sizes = np.broadcast_to(np.asarray(size, dtype=np.float32), N).copy()
    return EpisodeEffect(episode, (guess,), np.zeros(N, dtype=np.int16), sizes, False, True)


def a_run(series: Series = FLOW, effects: Iterable[EpisodeEffect] = (), last: np.datetime64 = LAST) -> Run:
    """A run whose paths less the effects end on 0 on the log and stay there."""
    record = EffectRecord(tuple(effects), "drawn", N, parse_freq(series.freq), last, series.series_id)
    ended = last.item()
    assert isinstance(ended, date)
    card = Card(
        series=series,
        run="run-a",
        trained_at=datetime.combine(TRAINED, time(), UTC),
        as_of=TRAINED,
        events_known_to=date(2030, 7, 1),
        data=DataSummary(ended, ended, observations=1, scored=1, missing=0),
        champion_family="drawn",
        score=1.0,
        why="drawn for a test",
        backtest={},
        settings=RunSettings(draws=N, horizon=H, seed=0),
        notes=("of the run",),
    )
    return Run(series.series_id, "run-a", card, np.zeros((N, H), dtype=np.float32), record, last)


def a_future(
    *events: Event,
    series: Series = FLOW,
    effects: Iterable[EpisodeEffect] = (),
    as_of: date = AS_OF,
    evidence: Evidence | None = None,
    last: np.datetime64 = LAST,
) -> Future:
    """The future of a series with such events, asked in the middle of July 2030."""
    known = Events(events).known_on(as_of)
    return Future(a_run(series, effects, last), series, MINERALS, known, as_of, evidence or Evidence())


def generator(*words: str) -> np.random.Generator:
    """The numbers that hang on these words and on the seed 0."""
    return seeds.generator(0, *words)


def chances(key: str) -> Floats:
    """(N,) by which each draw decides of an event."""
    return generator(key).permutation((np.arange(N) + 0.5) / N)


def random_numbers(event_id: str, series: Series = FLOW, *, heavy: bool = False) -> Floats:
    """(N,) numbers of mean 0 and sd 1 that size an event: normal, or t of four degrees of freedom."""
    p = (np.arange(N) + 0.5) / N
    scores = stats.t.ppf(p, 4, scale=0.5**0.5) if heavy else stats.norm.ppf(p)
    return generator(series.series_id, event_id).permutation(scores)


def seen(stringency: Stringency, effect: float, *, on: Affected = Affected.VOLUMES) -> tuple[Likelihood, ...]:
    """Forty events of a class, each of which did about this much in the expected direction."""
    return tuple(
        Likelihood("s", (f"{stringency}-{k}",), stringency, sign, on, sign * effect, 0.02)
        for k, sign in enumerate([1, -1] * 20)
    )


EVIDENCE = Evidence((*seen(BAN, 0.2), *seen(LICENCE, 0.25), *seen(TARIFF, 0.1)), "x")


def column(**at: float) -> Floats:
    """(H,) levels by month (``m2030_09=1.0``), each holding until the next."""
    level, found = 0.0, []
    for month in MONTHS:
        level = at.get("m" + month.replace("-", "_"), level)
        found.append(level)
    return np.array(found)


def unseen(event_id: str, stringency: Stringency = BAN, *, direction: int = -1, series: Series = FLOW) -> Floats:
    """(N,) what an event of a class does that nobody has seen, if it hits the series squarely."""
    mean, sd, heavy = EVIDENCE.prior(stringency, series).towards(direction)
    assert heavy
    return mean + sd * random_numbers(event_id, series, heavy=True)


def licensed(effect: Floats | float, approved: float) -> Floats:
    """What is left of an effect on the log if such a share of the trade that it takes is approved."""
    return np.log(1 - (1 - approved) * (1 - np.exp(effect)))


def logs(future: Future) -> Floats:
    """(H, N) the draws on the log."""
    return np.asarray(np.log(future.draws.astype(float)))


def same(found: Floats, expected: Floats | float) -> None:
    """Equal to seven digits, in each period and draw."""
    np.testing.assert_allclose(found, np.broadcast_to(np.asarray(expected), found.shape), atol=5e-7)


def event_scenario_of(future: Future, **scenario: object) -> EventScenario:
    """The world of a scenario, asked of one series."""
    question = Question.read(
        json.dumps({"series": [future.series.series_id], "scenarios": [{"name": "s"} | scenario]}, default=str)
    )
    (event_scenario,) = build(question, future.known, future.open_branches, MINERALS)
    return event_scenario


def change(future: Future, **scenario: object) -> Floats:
    """(H, N) what a scenario changes of the log of the draws."""
    return future.given(event_scenario_of(future, **scenario)).change


def percent(mean: float, sd: float = 0.0, on: str = "volume") -> dict[str, dict[str, float]]:
    """A stated effect."""
    return {on: {"percent": mean, "plus_minus": sd}}


def refused(future: Future, **scenario: object) -> dict[str, str]:
    """Where a scenario is at fault, and what would have been right."""
    with pytest.raises(InvalidInput) as error:
        event_scenario_of(future, **scenario)
    return {fault.where: fault.expected for fault in error.value.faults}
