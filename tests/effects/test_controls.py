"""Comparison series: which may speak, and when they may not."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from forecast.effects.controls import controls_for
from forecast.events import Event, Events
from forecast.events.exposure import Minerals
from forecast.names import Place
from forecast.timeseries.frequency import Freq
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import History, Series
from tests.support.records import NOTHING_SAID, a_series, changed, like

T = 60
DS = Freq("M").range("2015-01-01", T)
MINERALS = Minerals.from_rows([(name, "", "mineral") for name in ("copper", "tin", "zinc")])
PLAIN = a_series("price.copper", "copper", "price", "target", "world", "WLD", "WLD", "USD/t", "M", 5)
EXPORT = like(PLAIN, series_id="volume.copper.export.cn", measure="volume", flow="export", reporter="CHN")


def history(series: Series, seen: slice = slice(None)) -> History:
    y = np.full(T, np.nan)
    y[seen] = np.arange(1.0, T + 1)[seen]
    return History(series, DS, y, np.where(np.isfinite(y), "reported", ""))


def event(announced: str, effective: str = "", minerals: tuple[str, ...] = ("copper",), actor: str = "CHN") -> Event:
    day = dt.date.fromisoformat(announced)
    return changed(
        replace(NOTHING_SAID, event_id="e"), kind="export_ban", actor=actor, announced=day,
        effective=dt.date.fromisoformat(effective) if effective else None, status="enacted", minerals=minerals,
        flows=[("CHN", "WLD")], price_world="up", volume="down",
    )  # fmt: skip


def usable(other: Series, *events: Event, of: Series = PLAIN) -> list[int] | None:
    """Rows in which a series may be compared with; None where it never may."""
    found = controls_for(of, Sample.of(history(of)), {other.series_id: history(other)}, MINERALS, Events(events))
    if found is None:
        return None
    assert found.shape == (T, 1)
    rows = np.flatnonzero(np.isfinite(found[:, 0]))
    np.testing.assert_array_equal(found[rows, 0], np.log(1.0 + rows))
    return rows.tolist()


def without(first: int, last: int) -> list[int]:
    return [t for t in range(T) if not first <= t <= last]


TIN = like(PLAIN, series_id="price.tin", mineral="tin")


@pytest.mark.parametrize(
    ("announced", "effective", "silent"),
    [
        ("2016-03-31", "", (14, 25)),  # a year from the month of the announcement
        ("2016-03-31", "2016-05-01", (14, 27)),  # to a year after it takes effect
        ("2016-05-01", "2016-03-31", (14, 27)),  # whichever comes first
        ("2014-06-01", "", (0, 4)),  # begun before the sample
        ("2013-06-01", "", (0, -1)),
        ("2019-06-01", "", (53, 59)),
    ],
)
def test_what_the_event_touches_too_is_silent_for_a_year(
    announced: str, effective: str, silent: tuple[int, int]
) -> None:
    assert usable(TIN, event(announced, effective, ("copper", "tin"))) == without(*silent)


def test_an_event_that_does_not_touch_the_series_or_not_the_other_silences_nothing() -> None:
    assert usable(TIN, event("2016-03-31", minerals=("tin",))) == list(range(T))
    assert usable(TIN, event("2016-03-31", minerals=("copper",))) == list(range(T))
    assert usable(TIN) == list(range(T))


@pytest.mark.parametrize(
    ("reporter", "partner", "silent"), [("CHN", "WLD", True), ("USA", "CHN", True), ("USA", "WLD", False)]
)
def test_the_flows_of_the_acting_country_are_silent(reporter: str, partner: str, silent: bool) -> None:
    tin = like(EXPORT, series_id="v", mineral="tin", flow="import", reporter=reporter, partner=partner)
    assert usable(tin, event("2016-03-31"), of=EXPORT) == (without(14, 25) if silent else list(range(T)))


def test_a_month_without_trade_compares_with_nothing() -> None:
    other = history(like(EXPORT, series_id="v", mineral="tin"))
    other.y[[7, 30]] = 0.0
    found = controls_for(EXPORT, Sample.of(history(EXPORT)), {"v": other}, MINERALS)
    assert found is not None
    assert np.flatnonzero(np.isnan(found[:, 0])).tolist() == [7, 30]


def test_a_price_of_no_country_is_not_the_actor_s() -> None:
    assert usable(like(TIN, reporter="CHN"), event("2016-03-31")) == list(range(T))


@pytest.mark.parametrize(
    ("of", "other", "may"),
    [
        (PLAIN, TIN, True),
        (PLAIN, like(TIN, series_id=PLAIN.series_id), False),
        (like(PLAIN, spot="price.tin"), TIN, False),
        (like(PLAIN, parent="price.tin"), TIN, False),
        (PLAIN, like(TIN, parent="price.copper"), False),
        (like(TIN, series_id="a", parent="all"), like(PLAIN, parent="all"), True),
        (PLAIN, like(TIN, mineral="copper"), False),
        (PLAIN, like(TIN, mineral=""), True),
        (PLAIN, like(TIN, measure="index"), False),
        (PLAIN, like(TIN, measure="value"), False),
        (PLAIN, like(TIN, freq="Q"), False),
        (EXPORT, like(EXPORT, series_id="v", mineral="tin"), True),
        (EXPORT, like(EXPORT, series_id="v", mineral=""), False),  # all goods of the country
        (EXPORT, like(EXPORT, series_id="v", mineral="", partner="USA"), False),
        (like(EXPORT, partner="JPN"), like(EXPORT, series_id="v", mineral="", partner="USA"), True),
        (like(EXPORT, partner="JPN"), like(EXPORT, series_id="v", mineral="", partner="JPN"), False),
        (EXPORT, like(EXPORT, series_id="v", mineral="", flow="import"), True),
        (EXPORT, like(EXPORT, series_id="v", mineral="", reporter="USA"), True),
    ],
)
def test_part_and_whole_and_other_kinds_are_no_comparison(of: Series, other: Series, may: bool) -> None:
    assert (usable(other, of=of) is not None) is may


@pytest.mark.parametrize(("seen", "kept"), [(36, True), (35, False)])
def test_a_control_is_usable_in_three_fifths_of_the_sample(seen: int, kept: bool) -> None:
    found = controls_for(PLAIN, Sample.of(history(PLAIN)), {"price.tin": history(TIN, slice(0, seen))}, MINERALS)
    assert (found is not None) is kept


def test_controls_are_on_the_periods_of_the_sample_in_order_of_their_name() -> None:
    sample = Sample.of(history(PLAIN).until(DS[39]))
    zinc = replace(history(like(PLAIN, series_id="price.zinc", mineral="zinc")), ds=Freq("M").range("2015-03-01", T))
    found = controls_for(PLAIN, sample, {"price.zinc": zinc, "price.tin": history(TIN)}, MINERALS)
    assert found is not None
    np.testing.assert_array_equal(found[:, 0], np.log(np.arange(1.0, 41)))
    np.testing.assert_array_equal(found[:, 1], [np.nan, np.nan, *np.log(np.arange(1.0, 39))])


def test_what_may_carry_the_diversion_of_an_event_on_another_partner_is_no_comparison() -> None:
    canada = like(EXPORT, series_id="volume.copper.import.us.ca", flow="import", reporter="USA", partner="CAN")
    other = like(canada, series_id="volume.tin.import.us.ca", mineral="tin")
    both = replace(event("2016-03-31", minerals=("copper", "tin")), flows=((Place("CHN"), Place("USA")),))
    histories = {other.series_id: history(other)}
    sample = Sample.of(history(canada))
    free = controls_for(canada, sample, histories, MINERALS, Events([both]))
    assert free is not None
    assert np.isfinite(free).all(), "it touches neither of them"
    found = controls_for(canada, sample, histories, MINERALS, Events([both]), diverting=[both])
    assert found is not None
    assert np.flatnonzero(np.isfinite(found[:, 0])).tolist() == without(14, 25)
