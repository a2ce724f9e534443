"""Which events touch which series."""

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.events import Event, Events
from forecast.events.exposure import Minerals, exposure, flows, untouched
from forecast.names import stored_flow
from forecast.timeseries.series import Series
from tests.support.records import NOTHING_SAID, a_series, changed

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
        ("all-cn-origin", "", "basket"),
    ]
)


def series(mineral: str, flow: str = "world", reporter: str = "WLD", partner: str = "WLD") -> Series:
    measure = "price" if flow == "world" else "volume"
    return a_series("x", mineral, measure, "target", flow, reporter, partner, "tonne", "M", 20)


def event(minerals: str, flows: str) -> Event:
    day = dt.date(2025, 4, 4)
    return changed(
        replace(NOTHING_SAID, event_id="e"), kind="licence", actor="CHN", announced=day, effective=day,
        status="enacted", minerals=minerals.split(), flows=map(stored_flow, flows.split()), price_world="up",
        volume="down",
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
    assert basket == 1.0
    assert exposure(event("copper", "WLD>USA"), goods, MINERALS) == 0
    assert exposure(event("copper coal", "WLD>USA"), goods, MINERALS) == pytest.approx(0.3)


def test_parts_of_one_mineral_are_no_wide_measure() -> None:
    """What names four minerals of two kinds hits all goods as one that names two."""
    earths = exposure(
        event("yttrium samarium rare-earths-heavy copper", "WLD>USA"), series("", "import", "USA"), MINERALS
    )
    assert earths == pytest.approx(0.3)
    assert MINERALS.tops("yttrium") == MINERALS.tops("samarium") == {"rare-earths"}
    assert MINERALS.tops("copper") == {"copper"}


def test_a_royalty_on_one_metal_moves_no_other_and_one_on_several_moves_each_of_them() -> None:
    for named, touched in (("coal", 0.0), ("copper", 1.0), ("coal copper", 1.0), ("thermal-coal samarium", 0.0)):
        assert exposure(event(named, "CHN>WLD"), series("copper"), MINERALS) == touched


def test_a_price_of_no_mineral_is_touched_by_nothing() -> None:
    assert exposure(event("copper all-non-exempt", "WLD>WLD"), series(""), MINERALS) == 0


@pytest.mark.parametrize(
    ("minerals", "flows", "one", "why"),
    [
        ("copper", "CHN>USA", ("copper", "export", "CHN"), ""),
        ("", "CHN>USA", ("copper", "export", "CHN"), "it names no mineral"),
        ("coal samarium", "CHN>USA", ("copper",), "it is about coal, samarium, and x is of copper"),
        ("copper", "", ("copper", "export", "CHN"), "it names no flow, such as CHN>WLD"),
        ("copper", "USA>CHN", ("copper", "export", "CHN"), "it acts on USA>CHN, and x is of CHN>WLD"),
        ("copper", "CHN>USA", ("copper", "import", "USA", "CAN"), "it acts on CHN>USA, and x is of CAN>USA"),
        (
            "copper",
            "CHN>USA",
            ("", "import", "USA"),
            "it is about copper, and x is of all goods, of which one mineral is a small part",
        ),
        ("copper", "CHN>USA", ("",), "it is about copper, and x is the price of no mineral"),
    ],
)
def test_why_an_event_does_not_touch_a_series(minerals: str, flows: str, one: tuple[str, ...], why: str) -> None:
    assert untouched(event(minerals, flows), series(*one), MINERALS) == why


@given(st.sampled_from(sorted(MINERALS.parents)), st.sampled_from(sorted(MINERALS.parents)))
def test_relation_is_symmetric(a: str, b: str) -> None:
    assert MINERALS.related(a, b) == MINERALS.related(b, a)
    assert MINERALS.related(a, a)


@given(st.sampled_from(["CHN>WLD", "CHN>USA", "WLD>USA", "WLD>WLD", "USA>CHN"]), st.sampled_from(["export", "import"]))
def test_more_flows_never_touch_less(flow: str, side: str) -> None:
    one = event("copper", flow)
    more = changed(one, flows=(*one.flows, ("ZAF", "CHN")))
    target = series("copper", side, "CHN")
    assert 0 <= exposure(one, target, MINERALS) <= exposure(more, target, MINERALS) <= 1


@pytest.mark.parametrize(
    ("minerals", "mineral", "strength"),
    [
        ("copper", "copper", 1.0),
        ("rare-earths", "yttrium", 0.9),  # what contains it, two levels up
        ("yttrium", "rare-earths", 0.8),  # a part of it
        ("yttrium samarium", "rare-earths", 0.96),  # two parts: 1 - 0.2 · 0.2
        ("copper unheard-of", "copper", 1.0),
        ("", "copper", 0.0),
        ("", "", 0.0),
    ],
)
def test_how_squarely_a_mineral_is_hit(minerals: str, mineral: str, strength: float) -> None:
    everyone = event(minerals, "CHN>WLD")
    assert exposure(everyone, series(mineral), MINERALS) == pytest.approx(strength)
    assert exposure(everyone, series(mineral, "export", "CHN"), MINERALS) == pytest.approx(strength)


@pytest.mark.parametrize(
    ("minerals", "mineral", "strength"),
    [
        ("all-non-exempt", "copper", 0.7),
        ("all-non-exempt", "", 1.0),
        ("all-non-exempt", "all-non-exempt", 1.0),
        ("all-non-exempt all-cn-origin", "copper", 0.7),  # two baskets of the same goods
        ("copper", "", 0.0),  # too small a part of all goods
        ("copper coal", "", 0.3),
        ("copper coal ndfeb-magnets", "", 0.51),  # 1 - 0.7 · 0.7
        ("yttrium samarium", "", 0.0),  # of one mineral
        ("copper", "all-non-exempt", 0.0),
        ("all-non-exempt copper", "coal", 0.7),
        ("all-non-exempt copper", "copper", 1.0),
    ],
)
def test_how_squarely_a_basket_hits_a_flow(minerals: str, mineral: str, strength: float) -> None:
    assert exposure(event(minerals, "WLD>USA"), series(mineral, "import", "USA"), MINERALS) == pytest.approx(strength)
    assert exposure(event(minerals, "CHN>WLD"), series(mineral, "export", "CHN"), MINERALS) == pytest.approx(strength)


@pytest.mark.parametrize(
    ("flow", "flows", "strength"),
    [
        (("world", "WLD", "WLD"), "CHN>WLD", 1.0),
        (("world", "WLD", "WLD"), "WLD>WLD", 1.0),
        (("world", "WLD", "WLD"), "WLD>USA", 0.8),  # kept from one buyer by all
        (("world", "WLD", "WLD"), "CHN>USA", 0.6),  # kept from one buyer by one
        (("world", "WLD", "WLD"), "CHN>USA WLD>USA", 0.8),
        (("world", "WLD", "WLD"), "", 1.0),
        (("export", "CHN", "WLD"), "", 0.0),
        (("export", "CHN", "WLD"), "CHN>WLD", 1.0),
        (("export", "CHN", "WLD"), "WLD>WLD", 1.0),
        (("export", "CHN", "WLD"), "CHN>USA", 0.6),
        (("export", "CHN", "WLD"), "MMR>CHN CHN>USA", 0.6),
        (("export", "CHN", "USA"), "CHN>WLD", 1.0),
        (("export", "CHN", "USA"), "CHN>USA", 1.0),
        (("export", "CHN", "USA"), "CHN>JPN CHN>USA", 1.0),
        (("import", "USA", "WLD"), "CHN>USA", 0.6),
        (("import", "USA", "WLD"), "WLD>USA", 1.0),
        (("import", "USA", "CHN"), "CHN>USA", 1.0),
        (("import", "USA", "CHN"), "CHN>WLD", 1.0),
        (("import", "USA", "CHN"), "MEX>USA", 0.0),
    ],
)
def test_how_squarely_a_flow_is_hit(flow: tuple[str, str, str], flows: str, strength: float) -> None:
    assert exposure(event("copper", flows), series("copper", *flow), MINERALS) == pytest.approx(strength)


def test_mineral_and_flow_multiply() -> None:
    part_of_it_to_one_buyer = event("yttrium", "CHN>USA")
    assert exposure(part_of_it_to_one_buyer, series("rare-earths", "export", "CHN"), MINERALS) == pytest.approx(0.48)
    assert exposure(part_of_it_to_one_buyer, series("rare-earths"), MINERALS) == pytest.approx(0.48)
    assert exposure(event("rare-earths", "WLD>USA"), series("yttrium"), MINERALS) == pytest.approx(0.72)


def test_no_mineral_is_related_to_no_mineral() -> None:
    assert not MINERALS.related("", "")
    assert not MINERALS.related("", "copper")
    assert MINERALS.ancestors("yttrium") == {"rare-earths", "rare-earths-heavy"}


# -- what a basket charges, and exempts --------------------------------------------------------------------------------


def us_import(mineral: str) -> Series:
    return series(mineral, "import", "USA", "CHN")


def test_a_basket_touches_what_is_known_to_pay_wholly_and_what_is_exempt_not_at_all(bundled_events: Events) -> None:
    raised = bundled_events["us-ieepa-cn-reciprocal-125-2025"]
    assert exposure(raised, us_import("ndfeb-magnets"), MINERALS) == 1, "not exempt until September"
    assert exposure(raised, us_import("yttrium"), MINERALS) == 0, "rare earths are exempt, and so are their parts"
    assert 0 < exposure(raised, us_import("thermal-coal"), MINERALS) < 1, "nobody has said"
    assert exposure(bundled_events["us-ieepa-cn-fent-2025-02"], us_import("yttrium"), MINERALS) == 1, "none is exempt"
    void = bundled_events["us-scotus-ieepa-void-2026"]
    assert 0 < exposure(void, us_import("yttrium"), MINERALS) < 1, "it charges nothing, so that nothing is known of it"


def test_why_an_exempt_mineral_is_untouched_names_who_exempts_it(bundled_events: Events) -> None:
    raised = bundled_events["us-ieepa-cn-reciprocal-125-2025"]
    assert untouched(raised, us_import("rare-earths"), MINERALS) == (
        "what it charges exempts rare-earths, as us-ieepa-reciprocal-baseline-2025 says"
    )
    assert untouched(raised, us_import("ndfeb-magnets"), MINERALS) == ""


def test_a_flow_to_the_world_is_exempt_where_the_flow_of_the_event_is(bundled_events: Events) -> None:
    exports = series("rare-earths", "export", "CHN", "WLD")
    assert exposure(bundled_events["us-ieepa-reciprocal-baseline-2025"], exports, MINERALS) == 0
    assert exposure(bundled_events["us-ieepa-cn-fent-2025-02"], exports, MINERALS) == 0.6, "one of its buyers"
    assert flows(bundled_events["us-ieepa-reciprocal-baseline-2025"], exports) == (("CHN", "USA"),)
