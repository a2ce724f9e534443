"""Units that headers name: which are those of a series, which are others, and which are in doubt."""

from __future__ import annotations

import pytest

from forecast.intake.unit_names import Likeness, is_same, likeness, named_in

SAME, OTHER, UNSURE = Likeness


@pytest.mark.parametrize(
    ("header", "unit", "expected"),
    [
        ("Copper ($/mt)", "USD/t", SAME),
        ("Copper (US$ per metric ton)", "USD/t", SAME),
        ("Copper (USD)", "USD/t", SAME),
        ("Gold [$/oz]", "USD/troy oz", SAME),
        ("Gold (US$/troy ounce)*", "USD/troy oz", SAME),
        ("Exports, tonnes", "t", SAME),
        ("Exports (thousand kg)", "t", SAME),
        ("Trade value (US$)", "USD", SAME),
        ("Copper (CNY/t)", "USD/t", OTHER),
        ("Copper (CNY)", "USD/t", OTHER),
        ("Copper (cents/lb)", "USD/t", OTHER),
        ("Copper (US cents per pound)", "USD/lb", OTHER),
        ("Exports, thousand tonnes", "t", OTHER),
        ("Exports ('000 metric tons)", "t", OTHER),
        ("Exports (kt)", "t", OTHER),
        ("Quantity (kg)", "t", OTHER),
        ("Value (US$ million)", "USD", OTHER),
        ("Exports (Mt)", "t", UNSURE),
        ("Exports (million)", "t", UNSURE),
        ("Copper (kg)", "USD/t", UNSURE),
        ("Iron ore (USD/t)", "USD/dmt", UNSURE),
        ("Copper (USD/t)", "2010=100", UNSURE),
    ],
)
def test_the_unit_of_a_header_is_compared_whatever_its_spelling(header: str, unit: str, expected: Likeness) -> None:
    named = named_in(header)
    assert named is not None
    assert likeness(named, unit) is expected


@pytest.mark.parametrize(
    "header",
    [
        *("Copper, Grade A", "Copper (LME)", "Exports, Germany", "Index (2015=100)", "value", "kg", "Nickel (N/A)"),
        *("x ()", "x (/)", "x (-)", "Aluminium (c)", "Length (m)", "Copper (USD/t CIF)", "x, "),
    ],
)
def test_what_is_not_clearly_a_unit_is_none(header: str) -> None:
    assert named_in(header) is None


def test_cells_say_the_same_unit_in_other_words_but_not_a_part_of_it() -> None:
    assert is_same("$/mt", "USD/t")
    assert is_same("Index", "index")
    assert not is_same("USD", "USD/t")
    assert not is_same("EUR/t", "USD/t")
    assert not is_same("Mt", "t")
