"""From events to episodes."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from forecast.calendars import Freq
from forecast.effects import Episode, episodes, upcoming
from forecast.effects.shapes import columns, every_shape, leads
from forecast.events import Act, Event, Events, KindFamily
from forecast.exposure import Minerals
from forecast.interventions import Step
from forecast.series import Series

MONTHLY = Freq("M")
DS = MONTHLY.range("2015-01-01", 120)
COPPER = Series("price.copper", "copper", "price", "target", "world", "WLD", "WLD", "USD/t", "M", 5)
FLOW = Series("volume.copper.export.cn", "copper", "volume", "target", "export", "CHN", "WLD", "t", "M", 20)
MINERALS = Minerals.from_rows([("copper", "", "mineral")])
TODAY = dt.date(2024, 12, 31)


def event(event_id: str, announced: str, effective: str = "", ended: str = "", **more: object) -> Event:
    def day(text: str) -> dt.date | None:
        return dt.date.fromisoformat(text) if text else None

    plain = Event(
        event_id=event_id, title="", kind="export_ban", actor="CHN", targets=(), announced=day(announced),
        effective=day(effective or announced), ended=day(ended), end_known=day(ended), date_precision="day",
        status="lapsed" if ended else "enacted", status_as_of=None, status_note="", instrument="", value_before=None,
        value_after=None, value_unit="", value_text="", intensity="", minerals=("copper",), scope_note="",
        flows=(("CHN", "WLD"),), price_world="up", price_local="", local_market="", volume="down", mechanism="",
        acts=(), certainty="verified", sources=(), needs_recheck=False,
    )  # fmt: skip
    return replace(plain, **more)  # type: ignore[arg-type]


def kept(events: Sequence[Event], series: Series = COPPER, **more: object) -> tuple[Episode, ...]:
    return episodes(Events(events), series, MINERALS, DS, known_on=TODAY, **more)[0]  # type: ignore[arg-type]


def test_events_of_one_month_and_direction_are_one_episode_led_by_the_one_that_hits_hardest() -> None:
    diverted = event("a-diverts", "2020-03-02", flows=(("CHN", "USA"),))
    withheld = event("b-withholds", "2020-03-30")
    down = event("c-relief", "2020-03-10", price_world="down")
    found = kept([diverted, withheld, down, event("d-later", "2020-04-01")])
    assert [(e.episode_id, e.events, e.direction) for e in found] == [
        ("c-relief", ("c-relief",), -1),
        ("b-withholds", ("b-withholds", "a-diverts"), 1),
        ("d-later", ("d-later",), 1),
    ]


def test_the_direction_is_that_of_the_series_measure() -> None:
    assert kept([event("x", "2020-03-02")])[0].direction == 1
    assert kept([event("x", "2020-03-02")], FLOW)[0].direction == -1
    assert kept([event("x", "2020-03-02", price_world="mixed")])[0].direction == 0


def test_a_sample_bears_one_episode_per_twenty_periods_and_says_what_it_leaves_out() -> None:
    many = [event(f"e{k:02d}", f"20{16 + k // 12}-{k % 12 + 1:02d}-05") for k in range(30)]
    strong = event("strong", "2022-01-10")
    weak = [replace(e, flows=(("CHN", "USA"),)) for e in many]
    found, omitted = episodes(Events([*weak, strong]), COPPER, MINERALS, DS, known_on=TODAY)
    assert len(found) == 6
    assert "strong" in [e.episode_id for e in found]
    assert len(omitted) == 25
    assert all("6 that 120 periods" in o.reason for o in omitted)


def test_what_has_not_begun_in_the_sample_is_left_to_the_future() -> None:
    coming = event("coming", "2024-12-20", "2025-06-01")
    old = event("old", "2009-01-01")
    later = event("later", "2025-02-01")
    found, omitted = episodes(Events([coming, old]), COPPER, MINERALS, DS[:-1], known_on=TODAY)
    assert found == ()
    assert {o.episode_id: o.reason for o in omitted} == {
        "coming": "begins after the sample",
        "old": "began before the sample",
    }
    ahead = upcoming(Events([coming, old, later]), COPPER, MINERALS, DS[-2], known_on=TODAY)
    assert [e.episode_id for e in ahead] == ["coming"]


def test_nothing_is_known_before_its_day() -> None:
    events = Events([event("x", "2020-03-10", ended="2022-05-31")])
    before = episodes(events, COPPER, MINERALS, DS, known_on=dt.date(2020, 3, 9))
    during = episodes(events, COPPER, MINERALS, DS, known_on=dt.date(2020, 3, 10))
    assert before == ((), ())
    assert during[0][0].intervention.end is None
    assert kept([event("x", "2020-03-10", ended="2022-05-31")])[0].intervention.end == np.datetime64("2022-05-31")


def test_an_act_and_the_measure_it_ends_are_one_path() -> None:
    ban = event("ban", "2018-03-01", "2018-06-01")
    relief = event(
        "relief", "2021-02-20", "2021-03-10", kind="tariff_relief", acts=(Act("terminates", "ban"),), price_world="down"
    )
    found, omitted = episodes(Events([ban, relief]), COPPER, MINERALS, DS, known_on=TODAY)
    assert [e.episode_id for e in found] == ["ban"]
    assert found[0].intervention.end == np.datetime64("2021-03-09")
    assert [(o.episode_id, o.reason) for o in omitted] == [("relief", "is in the path of ban, on which it acts")]


def test_a_tariff_acts_at_level_nought_while_suspended_by_days() -> None:
    tariff = event("tariff", "2020-03-01", kind="tariff")
    pause = event("pause", "2020-06-10", "2020-06-16", kind="truce", acts=(Act("suspends", "tariff"),))
    back = event("back", "2020-10-01", kind="tariff", acts=(Act("reinstates", "tariff"),))
    found = kept([tariff, pause, back])
    column = found[0].intervention.column(MONTHLY.range("2020-03-01", 8), MONTHLY)
    assert column == pytest.approx([1, 1, 1, 0.5, 0, 0, 0, 1])


def test_leads_go_back_to_the_announcement_but_not_before() -> None:
    def lead(announced: str, effective: str) -> tuple[int, ...]:
        return leads(kept([event("x", announced, effective)])[0], MONTHLY)

    assert lead("2020-03-01", "2020-03-31") == (0,)
    assert lead("2020-02-01", "2020-03-31") == (0, 1)
    assert lead("2019-09-15", "2020-03-01") == (0, 1, 2, 3, 6)
    assert lead("2017-01-15", "2020-03-01") == (0, 1, 2, 3)


def test_what_never_took_effect_begins_with_its_announcement() -> None:
    talk = event("talk", "2020-03-10", ended="2020-05-20", kind="threat", status="withdrawn", effective=None)
    only = kept([talk])[0]
    assert only.family is KindFamily.THREAT
    assert only.intervention.column(MONTHLY.range("2020-02-01", 6), MONTHLY).tolist() == [0, 1, 1, 1, 0, 0]


def test_candidates_columns_are_those_of_their_interventions() -> None:
    steps = ((np.datetime64("2020-03-10"), 1.0), (np.datetime64("2020-06-16"), 0.5))
    base = replace(kept([event("x", "2020-02-01", "2020-03-10")])[0].intervention, intensity=steps)
    for acting in (base, replace(base, intensity=(), end=np.datetime64("2020-12-05"))):
        assert isinstance(acting.shape, Step)
        candidates = every_shape([0, 1, 3], MONTHLY, flows=True).of(acting)
        expected = np.array([candidate.column(DS, MONTHLY) for candidate in candidates])
        assert np.allclose(columns(candidates, DS, MONTHLY), expected)
