"""What is held of a series, and what comes through: slips of a unit, shocks of policy, revisions, odd periods."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.catalog import Observation
from forecast.catalog.quarantine import Held, Reason
from forecast.errors import InvalidInput
from forecast.events.exposure import Minerals
from forecast.intake.judgement import Background, Judged, Onsets, amount, judge, onsets
from forecast.names import Slug
from forecast.timeseries.series import Series
from tests.support.records import NOTHING_SAID, a_series, changed, like

TODAY = dt.date(2026, 11, 24)
NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
PRICE = a_series("price.cobalt", "cobalt", "price", "target", "world", "WLD", "WLD", "USD/t", "M", 0)
FLOW = a_series("volume.cobalt.export.cn", "cobalt", "volume", "target", "export", "CHN", "WLD", "tonne", "M", 0)
MINERALS = Minerals.from_rows([("cobalt", "", "mineral"), ("nickel", "", "mineral")])
BAN = changed(
    replace(NOTHING_SAID, event_id="ban"),
    kind="export_ban",
    announced=dt.date(2026, 7, 1),
    minerals=["cobalt"],
    flows=[("CHN", "WLD")],
)


def months(n: int, last: str = "2026-06") -> list[dt.date]:
    """The first days of the last n months up to one."""
    end = np.datetime64(last, "M")
    days: list[dt.date] = np.arange(end - n + 1, end + 1).astype("datetime64[D]").tolist()
    return days


def wandering(n: int, level: float, sd: float, seed: int = 0) -> list[float]:
    """Values that move by about ``sd`` a month around a level."""
    steps = np.random.default_rng(seed).normal(0, sd, n)
    return [float(value) for value in level * np.exp(steps if sd > 0.1 else np.cumsum(steps) - np.sum(steps))]


def background(
    series: Series = PRICE,
    known: Mapping[dt.date, float] | None = None,
    about: Onsets | None = None,
    held: Sequence[Held] = (),
    today: dt.date = TODAY,
) -> Background:
    """What is known of a series; if nothing else is said five years of a price of 30,000 or a flow of 900."""
    if known is None:
        level, sd = (30000.0, 0.05) if series.is_price else (900.0, 0.2)
        known = dict(zip(months(60), wandering(60, level, sd), strict=True))
    ds, y = np.array(sorted(known), dtype="datetime64[D]"), np.array([known[day] for day in sorted(known)])
    return Background(series, today, ds, y, None, about or Onsets(), tuple(held))


def row(period: str, value: float, source: str = "", unit: str = "", series: Series = PRICE) -> Observation:
    ds = np.datetime64(period, "D").item()
    return Observation(series.series_id, ds, value, "reported", NOW, unit=unit, source=source)


def reasons(judged: Judged) -> dict[str, Reason]:
    """Of each held period, why."""
    return {f"{held.observation.ds:%Y-%m}": held.reason for held in judged.held}


def passed(judged: Judged) -> list[tuple[str, float]]:
    return sorted((f"{one.ds:%Y-%m}", one.value) for one in judged.passed)


def ban_of(series: Series) -> Onsets:
    return onsets([BAN], series, MINERALS)


# -- sizes -------------------------------------------------------------------------------------------------------------


def test_an_honest_next_value_passes() -> None:
    judged = judge(background(), [row("2026-07", 33000.0)])
    assert (passed(judged), judged.held) == ([("2026-07", 33000.0)], ())


@pytest.mark.parametrize(
    ("factor", "says"),
    [
        (1000, "it looks like 1,000 × that: kg for t"),
        (1e-3, "it looks like 1/1,000 of that: kg for t"),
        (1e6, "1,000,000 × that"),
        (2204.62, "2,204.62 × that: lb for t"),
        (1 / 2204.62, "1/2,204.62 of that: lb for t"),
        (31.1035, "31.1035 × that: g for troy ounces"),
        (1 / 31.1035, "1/31.1035 of that: g for troy ounces"),
        (7.33, "7.33 × that: barrels for t, or CNY for USD"),
        (0.1, "1/10 of that: a digit too many or too few"),
        (100, "100 × that: cents for dollars"),
        (12, "12 × that: a year for a month"),
    ],
)
def test_a_price_in_another_unit_is_held_and_the_sentence_says_which(factor: float, says: str) -> None:
    (held,) = judge(background(), [row("2026-07", 30000 * factor)]).held
    assert held.reason is Reason.SLIP
    assert says in held.why
    assert held.why.startswith(f"{amount(30000 * factor)} where about 3")


@pytest.mark.parametrize("factor", [1000.0, 2204.62, 1e-3])
def test_no_event_and_no_repetition_lets_a_price_in_another_unit_in(factor: float) -> None:
    rows = [row("2026-07", 30000 * factor), row("2026-08", 31000 * factor)]
    judged = judge(background(about=ban_of(PRICE)), rows)
    assert reasons(judged) == {"2026-07": Reason.SLIP, "2026-08": Reason.SLIP}


def test_a_flow_of_a_thousandfold_is_held_event_or_no_event() -> None:
    judged = judge(background(FLOW, about=ban_of(FLOW)), [row("2026-07", 900e3, series=FLOW)])
    assert reasons(judged) == {"2026-07": Reason.SLIP}


def test_a_price_that_no_event_makes_is_held_whatever_its_factor() -> None:
    (held,) = judge(background(about=ban_of(PRICE)), [row("2026-07", 30000 * 480)]).held
    assert held.reason is Reason.SLIP
    assert "which no event does to a price" in held.why


def test_a_jump_waits_for_the_next_value_and_an_event_explains_it_at_once() -> None:
    jump = row("2026-07", 30000 * 5.84)
    alone = judge(background(), [jump])
    assert reasons(alone) == {"2026-07": Reason.SIZE}
    assert "outside what was thought possible" in alone.held[0].why
    assert passed(judge(background(about=ban_of(PRICE)), [jump])) == [("2026-07", jump.value)]
    later = judge(background(held=alone.held), [row("2026-08", 30000 * 6.1)])
    assert passed(later) == [("2026-07", jump.value), ("2026-08", 30000 * 6.1)]


def test_what_no_event_did_yet_has_to_be_confirmed() -> None:
    far = judge(background(about=ban_of(PRICE)), [row("2026-07", 30000 * 18.0)])
    assert reasons(far) == {"2026-07": Reason.SIZE}
    later = judge(background(about=ban_of(PRICE), held=far.held), [row("2026-08", 30000 * 17.0)])
    assert [period for period, _ in passed(later)] == ["2026-07", "2026-08"]


def test_an_event_explains_a_year_and_no_more() -> None:
    late = changed(BAN, announced=dt.date(2025, 6, 30))
    about = onsets([late], PRICE, MINERALS)
    assert reasons(judge(background(about=about), [row("2026-07", 175000.0)])) == {"2026-07": Reason.SIZE}
    about = onsets([changed(BAN, announced=dt.date(2025, 7, 1))], PRICE, MINERALS)
    assert passed(judge(background(about=about), [row("2026-07", 175000.0)])) == [("2026-07", 175000.0)]


def test_an_event_on_another_mineral_explains_nothing() -> None:
    about = onsets([changed(BAN, minerals=["nickel"])], PRICE, MINERALS)
    assert reasons(judge(background(about=about), [row("2026-07", 175000.0)])) == {"2026-07": Reason.SIZE}


def test_two_values_of_one_delivery_confirm_each_other() -> None:
    judged = judge(background(), [row("2026-07", 175000.0), row("2026-08", 170000.0)])
    assert [period for period, _ in passed(judged)] == ["2026-07", "2026-08"]


def test_a_next_value_that_is_as_usual_confirms_nothing() -> None:
    jump = judge(background(), [row("2026-07", 175000.0)])
    judged = judge(background(held=jump.held), [row("2026-08", 31000.0)])
    assert passed(judged) == [("2026-08", 31000.0)]


def test_another_source_confirms_and_the_same_one_does_not() -> None:
    held = judge(background(), [row("2026-07", 175000.0, source="LME")]).held
    again = judge(background(held=held), [row("2026-07", 175000.0, source="LME")])
    assert (passed(again), reasons(again)) == ([], {"2026-07": Reason.SIZE})
    other = judge(background(held=held), [row("2026-07", 175100.0, source="Fastmarkets")])
    assert passed(other) == [("2026-07", 175000.0), ("2026-07", 175100.0)]


def test_another_source_does_not_confirm_another_unit() -> None:
    held = judge(background(), [row("2026-07", 3e7, source="LME")]).held
    again = judge(background(held=held), [row("2026-07", 3e7, source="Fastmarkets")])
    assert (passed(again), reasons(again)) == ([], {"2026-07": Reason.SLIP})


def test_a_full_stop_after_a_ban_passes_and_one_out_of_the_blue_waits() -> None:
    stop = row("2026-07", 0.0, series=FLOW)
    assert passed(judge(background(FLOW, about=ban_of(FLOW)), [stop])) == [("2026-07", 0.0)]
    held = judge(background(FLOW), [stop]).held
    assert [one.reason for one in held] == [Reason.SIZE]
    confirmed = judge(background(FLOW, held=held), [row("2026-08", 0.0, series=FLOW)])
    assert passed(confirmed) == [("2026-07", 0.0), ("2026-08", 0.0)]


def test_what_cannot_end_a_trade_does_not_explain_that_nothing_was_traded() -> None:
    tariff = changed(BAN, kind="tariff")
    stop = row("2026-07", 0.0, series=FLOW)
    for about in (onsets([tariff], FLOW, MINERALS), onsets([BAN], replace(FLOW, mineral=Slug("")), MINERALS)):
        (held,) = judge(background(FLOW, about=about), [stop]).held
        assert (held.reason, held.observation) == (Reason.SIZE, stop)
    again = judge(background(FLOW, about=about, held=[held]), [row("2026-08", 0.0, series=FLOW)])
    assert passed(again) == [("2026-07", 0.0), ("2026-08", 0.0)]


def test_what_a_ban_leaves_passes_if_it_is_a_part_in_a_hundred_and_waits_if_it_is_one_in_a_thousand() -> None:
    about = ban_of(FLOW)
    assert passed(judge(background(FLOW, about=about), [row("2026-07", 30.0, series=FLOW)])) == [("2026-07", 30.0)]
    held = judge(background(FLOW, about=about), [row("2026-07", 0.9, series=FLOW)]).held
    assert [one.reason for one in held] == [Reason.SIZE]
    rest = judge(background(FLOW, about=about, held=held), [row("2026-08", 0.7, series=FLOW)])
    assert [period for period, _ in passed(rest)] == ["2026-07", "2026-08"]


def test_a_series_that_often_reports_nothing_may_report_nothing_again() -> None:
    known = {**dict(zip(months(60), wandering(60, 900.0, 0.2), strict=True)), dt.date(2026, 3, 1): 0.0}
    assert passed(judge(background(FLOW, known), [row("2026-07", 0.0, series=FLOW)])) == [("2026-07", 0.0)]


def test_a_season_is_no_slip() -> None:
    """A flow that is a tenth every February."""
    values = {day: 90.0 if day.month == 2 else 900.0 for day in months(36, "2026-01")}
    judged = judge(background(FLOW, values), [row("2026-02", 88.0, series=FLOW), row("2026-03", 910.0, series=FLOW)])
    assert judged.held == ()


# -- revisions, new histories ------------------------------------------------------------------------------------------


def test_a_revision_is_judged_by_the_value_that_it_revises() -> None:
    known = dict(zip(months(60), wandering(60, 30000.0, 0.05), strict=True))
    last = known[dt.date(2026, 6, 1)]
    assert judge(background(known=known), [row("2026-06", last * 1.1)]).held == ()
    assert judge(background(known=known), [row("2026-06", last)]).held == ()
    assert reasons(judge(background(known=known), [row("2026-06", last * 1000)])) == {"2026-06": Reason.SLIP}
    assert reasons(judge(background(known=known), [row("2026-06", last * 1.7)])) == {"2026-06": Reason.SIZE}


def test_a_revision_that_the_next_value_bears_out_passes_unless_it_is_a_slip() -> None:
    known = dict(zip(months(60), wandering(60, 30000.0, 0.05), strict=True))
    rebased = [row(f"2026-0{k}", known[dt.date(2026, k, 1)] * 1.7) for k in (5, 6)]
    assert reasons(judge(background(known=known), rebased)) == {"2026-06": Reason.SIZE}
    rebased.append(row("2026-07", known[dt.date(2026, 6, 1)] * 1.7))
    assert judge(background(known=known), rebased).held == ()
    slipped = [row(f"2026-0{k}", known[dt.date(2026, k, 1)] * 1000) for k in (4, 5, 6)]
    assert set(reasons(judge(background(known=known), slipped)).values()) == {Reason.SLIP}


def test_a_revision_that_puts_a_slip_right_passes() -> None:
    known = dict(zip(months(60), wandering(60, 30000.0, 0.05), strict=True))
    wrong = {**known, dt.date(2026, 3, 1): known[dt.date(2026, 3, 1)] * 1000}
    assert judge(background(known=wrong), [row("2026-03", known[dt.date(2026, 3, 1)])]).held == ()


def test_a_new_history_is_taken_in_but_for_the_point_that_both_neighbours_contradict() -> None:
    values = dict(zip(months(36), wandering(36, 30000.0, 0.05), strict=True))
    rows = [row(str(day), y * (1000 if day == dt.date(2025, 3, 1) else 1)) for day, y in values.items()]
    judged = judge(background(known={}), rows)
    assert reasons(judged) == {"2025-03": Reason.SLIP}
    assert len(judged.passed) == 35


def test_of_a_new_history_whose_unit_changes_the_longer_part_counts() -> None:
    values = dict(zip(months(36), wandering(36, 30000.0, 0.05), strict=True))
    rows = [row(str(day), y * (2204.62 if day >= dt.date(2026, 1, 1) else 1)) for day, y in values.items()]
    judged = judge(background(known={}), rows)
    assert reasons(judged) == dict.fromkeys(["2026-01", "2026-02", "2026-03", "2026-04", "2026-05", "2026-06"], "slip")
    assert len(judged.passed) == 30


def test_of_two_values_nobody_can_say_which_is_wrong() -> None:
    assert judge(background(known={}), [row("2026-05", 30.0), row("2026-06", 30000.0)]).held == ()


def test_of_a_few_values_only_a_slip_between_them_is_held() -> None:
    grown = [row("2026-05", 100.0), row("2026-06", 100.0), row("2026-07", 440.0), row("2026-08", 60.0)]
    assert judge(background(known={}), grown).held == ()
    slipped = [row("2026-05", 100.0), row("2026-06", 1e5), row("2026-07", 99.0), row("2026-08", 102.0)]
    assert reasons(judge(background(known={}), slipped)) == {"2026-06": Reason.SLIP}


def test_a_new_series_of_sparse_trade_is_taken_in_whole() -> None:
    values = [0.0, 12.0, 0.0, 0.0, 31.0, 9.0, 0.0, 55.0, 0.0, 0.0, 0.0, 8.0] * 3
    rows = [row(str(day), y, series=FLOW) for day, y in zip(months(36), values, strict=True)]
    assert judge(background(FLOW, {}), rows).held == ()


@pytest.mark.parametrize("freq", ["D", "B", "W-SUN", "Q", "Y"])
def test_at_every_frequency_an_honest_history_passes_and_a_slip_in_it_is_held(freq: str) -> None:
    series = like(PRICE, freq=freq)
    days = series.calendar.range("1960-01-01" if freq in "QY" else "2023-01-02", 60)
    values = wandering(60, 30000.0, 0.05 * (series.calendar.days / 30.4) ** 0.5)
    values[40] *= 1000
    rows = [Observation(PRICE.series_id, ds, y, "reported", NOW) for ds, y in zip(days.tolist(), values, strict=True)]
    (held,) = judge(background(series, {}), rows).held
    assert held.observation == rows[40]


def test_of_two_vintages_of_a_period_the_slip_is_held() -> None:
    first, second = row("2026-07", 31e6), row("2026-07", 31000.0)
    later = Observation(second.series_id, second.ds, second.value, "reported", NOW + dt.timedelta(days=1))
    judged = judge(background(), [first, later])
    assert (passed(judged), reasons(judged)) == ([("2026-07", 31000.0)], {"2026-07": Reason.SLIP})


# -- whatever the size -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("freq", "period", "today", "open_to"),
    [
        ("M", "2026-11-01", TODAY, "2026-11-30"),
        ("Q", "2026-10-01", TODAY, "2026-12-31"),
        ("Y", "2026-01-01", TODAY, "2026-12-31"),
        ("W-SUN", "2026-11-23", TODAY, "2026-11-29"),
        ("M", "2026-11-01", dt.date(2026, 11, 30), None),
        ("M", "2026-10-01", TODAY, None),
        ("D", "2026-11-24", TODAY, None),
        ("B", "2026-11-24", TODAY, None),
    ],
)
def test_a_period_that_is_not_over_is_held_unless_it_is_a_day(
    freq: str, period: str, today: dt.date, open_to: str | None
) -> None:
    series = like(PRICE, freq=freq)
    judged = judge(background(series, {}, today=today), [row(period, 300.0)])
    assert [held.reason for held in judged.held] == ([Reason.EARLY] if open_to else [])
    assert not open_to or f"not over before {open_to}" in judged.held[0].why


def test_a_row_in_another_unit_is_held_however_plausible_it_is() -> None:
    judged = judge(background(), [row("2026-07", 30500.0, unit="EUR/t"), row("2026-08", 30600.0, unit="usd / t")])
    assert reasons(judged) == {"2026-07": Reason.UNIT}
    assert judged.held[0].why == "its file says EUR/t, and the series is in USD/t"


def test_a_year_before_1900_is_held_and_one_before_1700_refused() -> None:
    assert reasons(judge(background(), [row("1826-07", 30000.0)])) == {"1826-07": Reason.YEAR}
    with pytest.raises(InvalidInput, match=r"price\.cobalt 0001-01-01 = 1: expected a year from 1700 on"):
        judge(background(), [row("0001-01", 30000.0)])


@pytest.mark.parametrize("value", [0.0, -0.0, -1.0, float("nan"), float("inf")])
def test_no_price_is_zero_negative_or_no_number(value: float) -> None:
    with pytest.raises(InvalidInput, match=r"price\.cobalt 2026-07-01"):
        judge(background(), [row("2026-07", value)])


def test_a_negative_zero_of_a_flow_is_a_zero() -> None:
    (one,) = judge(background(FLOW, about=ban_of(FLOW)), [row("2026-07", -0.0, series=FLOW)]).passed
    assert str(one.value) == "0.0"


# -- whatever comes ----------------------------------------------------------------------------------------------------

ROWS = st.lists(
    st.tuples(
        st.integers(0, 30),  # month from January 2025; the last are not over, or still to come
        st.sampled_from([0.0, 1.0, 850.0, 900.0, 1000.0, 9e3, 9e5, 2e6]),
        st.sampled_from(["", "A", "B"]),
        st.integers(0, 2),  # hours after now
    ),
    max_size=25,
    unique_by=lambda cells: (cells[0], cells[3]),
)


@given(ROWS, ROWS, st.integers(0, 40), st.booleans())
def test_every_value_either_counts_or_is_held_and_what_waited_counts_at_most_once(
    first: list[tuple[int, float, str, int]], second: list[tuple[int, float, str, int]], known: int, ban: bool
) -> None:
    days = months(known, "2025-06") if known else []
    values = dict(zip(days, wandering(known, 900.0, 0.2), strict=True))
    about = ban_of(FLOW) if ban else Onsets()
    waiting: tuple[Held, ...] = ()
    for cells in (first, second):
        rows = [
            Observation(
                FLOW.series_id,
                (np.datetime64("2025-01", "M") + month).astype("datetime64[D]").item(),
                value,
                "reported",
                NOW + dt.timedelta(hours=hours),
                source=source,
            )
            for month, value, source, hours in cells
        ]
        judged = judge(background(FLOW, values, about, waiting), rows)
        held = [one.observation for one in judged.held]
        let_in = [one for one in judged.passed if one not in rows]
        assert Counter([*judged.passed, *held]) == Counter([*rows, *let_in])
        assert set(let_in) <= {held.observation for held in waiting}
        assert len(set(let_in)) == len(let_in)
        assert all(held.why for held in judged.held)
        assert not [one for one in judged.passed if one.ds >= dt.date(2026, 11, 1)]
        values |= {one.ds: one.value for one in judged.passed}
        waiting = tuple(held for held in judged.held)


def test_a_tariff_that_multiplies_a_rate_of_duty_is_no_slip_of_a_unit() -> None:
    rate = a_series("index.duty.us", "cobalt", "index", "comparison", "import", "USA", "WLD", "percent", "M", 0)
    days = months(102)
    values = [*wandering(60, 1.0, 0.15), 2.9, *wandering(41, 7.5, 0.03)]
    judged = judge(
        background(rate, known={}),
        [row(f"{day:%Y-%m-%d}", value, series=rate) for day, value in zip(days, values, strict=True)],
    )
    assert not judged.held
    fraction = judge(background(rate, known=dict(zip(days, values, strict=True))), [row("2026-07", 0.075, series=rate)])
    assert reasons(fraction) == {"2026-07": Reason.SLIP}
