"""Which events touch which series."""

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.events import Event
from forecast.exposure import Minerals, exposure
from forecast.series import Series

MINERALS = Minerals.from_rows(
    [
        ("rare-earths", "", "mineral"),
        ("rare-earths-heavy", "rare-earths", "mineral"),
        ("yttrium", "rare-earths-heavy", "mineral"),
        ("samarium", "rare-earths", "mineral"),
        ("ndfeb-magnets", "", "mineral"),
        ("coal", "", "mineral"),
        ("thermal-coal", "coal", "mineral"),
        ("coking-coal", "coal", "mineral"),
        ("copper", "", "mineral"),
        ("all-non-exempt", "", "basket"),
    ]
)


def series(mineral: str, flow: str = "world", reporter: str = "WLD", partner: str = "WLD") -> Series:
    measure = "price" if flow == "world" else "volume"
    return Series("x", mineral, measure, "target", flow, reporter, partner, "t", "M", 20)


def event(minerals: str, flows: str) -> Event:
    day = dt.date(2025, 4, 4)
    return Event(
        event_id="e", title="", kind="licence", actor="CHN", targets=(), announced=day, effective=day, ended=None,
        end_known=None, date_precision="day", status="enacted", status_as_of=None, status_note="", instrument="",
        value_before=None, value_after=None, value_unit="", value_text="", intensity="",
        minerals=tuple(minerals.split()), scope_note="", flows=tuple(tuple(f.split(">")) for f in flows.split()),
        price_world="up", price_local="", local_market="", volume="down", mechanism="", acts=(), certainty="verified",
        sources=(), needs_recheck=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("minerals", "mineral", "touches"),
    [
        ("yttrium samarium", "rare-earths", True),  # children of the aggregate
        ("rare-earths", "yttrium", True),  # an ancestor
        ("samarium", "rare-earths-heavy", False),  # siblings
        ("rare-earths", "ndfeb-magnets", False),
        ("coal", "thermal-coal", True),
        ("coking-coal", "thermal-coal", False),
        ("copper", "copper", True),
        ("unheard-of", "copper", False),
        ("all-non-exempt", "copper", False),  # no basket touches a world price
    ],
)
def test_minerals_match_what_contains_them_and_what_they_contain(minerals: str, mineral: str, touches: bool) -> None:
    assert (exposure(event(minerals, "CHN>WLD"), series(mineral), MINERALS) > 0) is touches


@pytest.mark.parametrize(
    ("flow", "flows", "touches"),
    [
        (("export", "CHN", "WLD"), "CHN>USA", True),
        (("export", "CHN", "USA"), "CHN>WLD", True),
        (("export", "CHN", "USA"), "CHN>JPN", False),
        (("export", "CHN", "USA"), "USA>CHN", False),
        (("import", "USA", "WLD"), "CHN>USA", True),
        (("import", "USA", "CHN"), "WLD>USA", True),
        (("import", "USA", "CAN"), "CHN>USA", False),
        (("import", "USA", "CAN"), "WLD>WLD", True),
        (("export", "CHN", "WLD"), "MMR>CHN", False),
        (("world", "WLD", "WLD"), "ZAF>CHN", True),
    ],
)
def test_a_flow_touches_exports_of_its_origin_and_imports_of_its_destination(
    flow: tuple[str, str, str], flows: str, touches: bool
) -> None:
    assert (exposure(event("copper", flows), series("copper", *flow), MINERALS) > 0) is touches


def test_this_mineral_and_this_flow_is_the_strongest_exposure() -> None:
    exact = exposure(event("copper", "CHN>WLD"), series("copper", "export", "CHN"), MINERALS)
    one_buyer = exposure(event("copper", "CHN>USA"), series("copper", "export", "CHN"), MINERALS)
    basket = exposure(event("all-non-exempt", "CHN>WLD"), series("copper", "export", "CHN"), MINERALS)
    assert exact == 1.0
    assert 0 < one_buyer < exact
    assert 0 < basket < exact


def test_all_goods_of_a_country_are_touched_by_baskets_more_than_by_one_mineral() -> None:
    goods = series("", "import", "USA")
    basket = exposure(event("all-non-exempt", "WLD>USA"), goods, MINERALS)
    assert basket > exposure(event("copper", "WLD>USA"), goods, MINERALS) > 0


def test_a_price_of_no_mineral_is_touched_by_nothing() -> None:
    assert exposure(event("copper all-non-exempt", "WLD>WLD"), series(""), MINERALS) == 0


@given(st.sampled_from(sorted(MINERALS.parents)), st.sampled_from(sorted(MINERALS.parents)))
def test_relation_is_symmetric(a: str, b: str) -> None:
    assert MINERALS.related(a, b) == MINERALS.related(b, a)
    assert MINERALS.related(a, a)


@given(st.sampled_from(["CHN>WLD", "CHN>USA", "WLD>USA", "WLD>WLD", "USA>CHN"]), st.sampled_from(["export", "import"]))
def test_more_flows_never_touch_less(flow: str, side: str) -> None:
    one = event("copper", flow)
    more = replace(one, flows=(*one.flows, ("ZAF", "CHN")))
    target = series("copper", side, "CHN")
    assert 0 <= exposure(one, target, MINERALS) <= exposure(more, target, MINERALS) <= 1
