"""Pictures are PNGs that say what they show, the same bytes for the same facts, and cost nothing until drawn."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from forecast.answers.branches import branch_facts
from forecast.answers.forecast import Forecast
from forecast.answers.scenarios import Outcome
from forecast.effects import EffectRecord, Episode, EpisodeEffect
from forecast.effects.report import report
from forecast.errors import TooShort
from forecast.events import Branch, Events, Stringency
from forecast.export import plots
from forecast.export.plots import (
    MOST_MARKS,
    UNKNOWN,
    Mark,
    backtest_picture,
    effect_picture,
    forecast_picture,
    marks,
    scenario_picture,
)
from forecast.interventions import Intervention, Step
from forecast.registry.card import FamilyScores
from forecast.timeseries.frequency import Freq
from forecast.timeseries.series import History
from tests.support.records import a_series
from tests.support.trained_home import card as a_card

MONTHLY = Freq("M")
SERIES = a_series(
    "volume.x", "x", "volume", "target", "export", "CHN", "WLD", unit="tonne", freq="M", release_lag_days=9
)
TODAY = dt.date(2026, 7, 15)


def history() -> History:
    """Thirty months with a gap, a value alone in it, and a last month that is no anchor."""
    ds = MONTHLY.range("2024-01-01", 30)
    y = 1000.0 + 50.0 * np.sin(np.arange(30.0))
    y[[5, 7]] = np.nan
    flag = np.where(np.isfinite(y), "reported", "")
    flag[-1] = "imputed"
    return History(SERIES, ds, y, flag.astype(np.str_))


FACTS = {
    "series_id": "volume.x",
    "unit": "tonne",
    "freq": "M",
    "run": "run",
    "levels": (80, 95),
    "notes": (),
    "data_to": dt.date(2026, 5, 1),
    "provenance": "asked on 15 Jul 2026",
    "overdue": 0,
    "quality": "solid",
}


def points(level: float = 1.0) -> list[dict[str, object]]:
    sizes = {"yhat": 1000.0, "lo-80": 900.0, "hi-80": 1100.0, "lo-95": 800.0, "hi-95": 1250.0}
    return [
        {"ds": day, "h": h, "nowcast": False} | {name: size * level for name, size in sizes.items()}
        for h, day in enumerate(MONTHLY.range("2026-06-01", 12).tolist(), start=1)
    ]


def made(level: float = 1.0) -> Forecast:
    known = {"as_of": TODAY, "events_known_to": TODAY, "scenario": "baseline", "branches": (), "origin": "last"}
    return Forecast.model_validate(FACTS | known | {"data": points(level)})


def world(scenario: str, level: float = 1.0) -> Outcome:
    data = [point | {"mean": 1050.0 * level} for point in points(level)]
    return Outcome.model_validate(FACTS | {"scenario": scenario, "data": data})


def effect(event_id: str = "cn-7ree-licence-2025", day: dt.date = dt.date(2025, 4, 4)) -> EpisodeEffect:
    step = Intervention(Step(), np.datetime64(day, "D"), np.datetime64("2025-11-07"))
    episode = Episode(event_id, (event_id,), Stringency.BAN, -1, day, day, dt.date(2025, 11, 7), 1.0, step)
    size = np.random.default_rng(0).normal(-0.5, 0.1, 200).astype(np.float32)
    return EpisodeEffect(episode, (step,), np.zeros(200, dtype=np.int16), size, False, True)


def is_picture(data: bytes) -> bool:
    return data.startswith(b"\x89PNG") and len(data) > 10_000


def test_each_picture_is_drawn_over_gaps_and_without_a_warning() -> None:
    marked = [Mark(dt.date(2025, 4, 4), "a licence"), Mark(dt.date(2025, 4, 20), "another, as close as can be " * 9)]
    assert is_picture(forecast_picture(history(), made(), marked))
    assert is_picture(forecast_picture(history(), made(), periods=5))
    record = EffectRecord((effect(),), "averaged", 200, MONTHLY, np.datetime64("2026-05-01"))
    result = report(history(), record, "cn-7ree-licence-2025")
    alone = effect_picture(history(), result, "China licences rare earths")
    assert is_picture(alone)
    assert effect_picture(history(), result, "China licences rare earths", ["A duty"]) != alone
    assert is_picture(scenario_picture(history(), [world("baseline"), world("controls return", 0.8)]))


def test_an_effect_that_is_not_identified_says_so_in_its_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    message: list[str] = []
    text = Figure.text

    def noted(figure: Figure, x: float, y: float, words: str, fontdict: None = None, **how: object) -> Text:
        message.append(words)
        return text(figure, x, y, words, fontdict, **how)

    monkeypatch.setattr(Figure, "text", noted)
    for identified in (True, False):
        one = replace(effect(), identified=identified)
        record = EffectRecord((one,), "averaged", 200, MONTHLY, history().ds[-2], "volume.x")
        assert is_picture(effect_picture(history(), report(history(), record, one.episode.episode_id), "Licences"))
        assert message == ([] if identified else [UNKNOWN])


def test_an_effect_near_which_nothing_was_observed_is_not_drawn_and_that_is_said() -> None:
    one = effect("early", dt.date(2020, 4, 4))
    record = EffectRecord((one,), "averaged", 200, MONTHLY, history().ds[-2], "volume.x")
    with pytest.raises(TooShort) as caught:
        effect_picture(history(), report(history(), record, "early"), "A ban")
    assert str(caught.value) == "nothing to draw of early: volume.x has no value from 2017-04-01 to 2022-04-01"


def test_a_day_that_was_given_up_before_it_came_is_not_marked_as_effective(monkeypatch: pytest.MonkeyPatch) -> None:
    marked: dict[dt.date, str] = {}
    monkeypatch.setattr(plots, "_mark", lambda axes, day, label, row: marked.setdefault(day, label))
    one = effect()
    for effective, word in ((dt.date(2025, 12, 1), "was to take effect"), (dt.date(2025, 10, 1), "effective")):
        marked.clear()
        planned = replace(one, episode=replace(one.episode, effective=effective))
        record = EffectRecord((planned,), "averaged", 200, MONTHLY, history().ds[-2], "volume.x")
        effect_picture(history(), report(history(), record, one.episode.episode_id), "Licences")
        assert marked[effective] == word


def test_a_backtest_is_drawn_from_a_card() -> None:
    own = FamilyScores(24, 0.9, (0.9, None, 0.95), {80: 0.8}, (1 / 16,) * 16)
    families = ("random-walk", "grid", "ets", "sarimax", "ucm", "prophet", "seasonal-naive", "another", "ninth")
    table = {family: replace(own, rel_crps=(1.0, 1.0, 1.0)) for family in families} | {"grid": own}
    card = replace(a_card(SERIES, "a", np.datetime64("2026-06-01")), champion_family="grid", backtest=table)
    drawn = backtest_picture(card)
    assert is_picture(drawn)
    assert drawn == backtest_picture(card)
    with pytest.raises(ValueError, match="no backtest"):
        backtest_picture(replace(card, backtest={}))


def test_the_same_facts_are_the_same_bytes() -> None:
    assert forecast_picture(history(), made()) == forecast_picture(history(), made())


def test_what_differs_is_seen() -> None:
    assert forecast_picture(history(), made()) != forecast_picture(history(), made(level=0.8))
    assert forecast_picture(history(), made()) != forecast_picture(history(), made(), [Mark(TODAY, "an event")])


@pytest.mark.parametrize("many", [1, 30])
def test_marks_are_what_happened_in_the_picture_and_what_is_open(bundled_events: Events, many: int) -> None:
    ids = list(bundled_events)[:many]
    effects = tuple(effect(event_id, dt.date(2025, 4, 4)) for event_id in ids)
    effects += (effect(list(bundled_events)[-1], dt.date(1999, 1, 1)),)
    record = EffectRecord(effects, "averaged", 200, MONTHLY, np.datetime64("2026-06-01"))
    threat = Branch("t", "threat", ("t",), dt.date(2027, 1, 1), None, False, "a tariff")
    branches = [threat, replace(threat, starts=None), replace(threat, starts=dt.date(2040, 1, 1))]
    told = [branch_facts(branch, bundled_events) for branch in branches]
    found = marks(record, told, bundled_events, dt.date(2024, 1, 1), dt.date(2028, 1, 1))
    assert len(found) == min(many + 1, MOST_MARKS)
    assert [mark.day for mark in found] == sorted(mark.day for mark in found)
    assert found[-1] == Mark(dt.date(2027, 1, 1), "a tariff: may start on 1 Jan 2027")
    assert bundled_events[ids[0]].title in {mark.label for mark in found}


def test_a_mark_names_every_event_of_its_episode_and_ones_own_come_first(bundled_events: Events) -> None:
    named = list(bundled_events)[: MOST_MARKS + 3]
    mine = replace(bundled_events[named[-1]], event_id="mine", title="A strike", own=True)
    events = Events([*bundled_events.values(), mine])
    several = effect(named[0], dt.date(2025, 4, 4))
    several = replace(several, episode=replace(several.episode, events=(*named[:2], "mine")))
    alone = tuple(effect(name, dt.date(2025, 4, 5)) for name in named[2:])
    record = EffectRecord((*alone, several), "averaged", 200, MONTHLY, np.datetime64("2026-06-01"))
    found = marks(record, (), events, dt.date(2024, 1, 1), dt.date(2028, 1, 1))
    assert len(found) == MOST_MARKS
    titles = [bundled_events[name].title for name in named[:2]]
    assert found[0] == Mark(dt.date(2025, 4, 4), "; ".join(["A strike", *titles]))


def test_importing_plots_does_not_import_matplotlib() -> None:
    script = "import sys, forecast.export.plots; print('matplotlib' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert out.stdout.strip() == "False"
