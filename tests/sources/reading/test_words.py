"""Words of notices: minerals, places and codes are found where they are meant, and nowhere else."""

from __future__ import annotations

import csv

import pytest

from forecast.names import place
from forecast.settings import data_dir
from forecast.sources.reading.words import codes_in
from tests.support.notices import words


@pytest.mark.parametrize(
    ("text", "minerals"),
    [
        ("Adjusting Imports of Aluminum Into the United States", ["aluminium"]),
        ("neodymium-iron-boron magnets", ["ndfeb-magnets"]),
        ("NdFeB permanent magnets and rare earth magnets", ["ndfeb-magnets"]),
        ("rare-earth elements; Rare Earths", ["rare-earths"]),
        ("copper ores, copper concentrates and refined copper", ["copper-ore", "copper-refined"]),
        ("copper in all forms, refined copper among them", ["copper"]),
        ("small diameter graphite electrodes", ["graphite-synthetic"]),
        ("dysprosium and yttrium", ["dysprosium", "yttrium"]),
        ("europium and thulium", ["europium", "rare-earths-heavy"]),
        ("lead and zinc", ["lead", "zinc"]),
        ("unwrought lead", ["lead"]),
        ("tin mill products", ["steel"]),
        ("iron ore", ["iron-ore"]),
        ("iron and steel", ["steel"]),
        ("gold bullion", ["gold"]),
        ("potassium chloride", ["potash"]),
    ],
)
def test_a_mineral_is_found_by_its_names(text: str, minerals: list[str]) -> None:
    assert list(words().minerals_in(text)) == minerals


@pytest.mark.parametrize(
    "text",
    [
        "revocation would be likely to lead to continuation; the lead agency; lead time; leading producers",
        "Gold Coast, a gold standard, Gold Star families, the Trump Gold Card",
        "Silver Spring, Maryland; a silver lining",
        "zinc oxide, titanium dioxide, aluminum hydroxide, copper sulfate and magnesium chloride",
        "lithium-ion batteries with nickel-plated contacts in tin cans",
        "gallium arsenide wafers",
        "tungstenite, coppersmith, steelhead trout, martin, platinumize",
        "cadmium telluride cells",
    ],
)
def test_what_only_sounds_like_a_mineral_is_none(text: str) -> None:
    assert words().minerals_in(text) == ()


def test_a_part_is_not_told_beside_the_whole() -> None:
    assert words().minerals_in("graphite, natural graphite and synthetic graphite") == ("graphite",)


def test_every_word_means_minerals_of_the_tree_and_every_name_a_place() -> None:
    lexicon = words()
    assert {one for meaning in lexicon.minerals.meanings.values() for one in meaning} <= lexicon.tree.parents.keys()
    with (data_dir() / "sources" / "place_names.csv").open(encoding="utf-8", newline="") as stream:
        codes = [row["place"] for row in csv.DictReader(stream) if row["place"]]
    assert [place(code) for code in codes] == codes


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("From the People's Republic of China (China)", ["CHN"]),
        ("From the Lao People's Democratic Republic and Papua New Guinea", ["LAO", "PNG"]),
        ("the Republic of Korea, not North Korea", ["KOR", "PRK"]),
        ("New Mexico and Mexico City", ["MEX"]),
        ("all countries except Canada", ["WLD", "CAN"]),
        ("Nigerian and Chinatown", []),
    ],
)
def test_a_place_is_found_by_its_names(text: str, places: list[str]) -> None:
    assert list(words().places_in(text)) == places


def test_codes_are_found_by_their_dots_and_mean_the_good_of_the_most_digits() -> None:
    text = "2504.10.5000 and 8101.99.80, 9903.91.05, $1234.56, 19 CFR 351.218, 2846.10 percent 1234.5"
    assert codes_in(text) == ("250410", "810199", "284610")
    assert words().minerals_of(["250410", "810199", "280461", "999999"]) == (
        "graphite-natural",
        "tungsten",
        "polysilicon",
    )


@pytest.mark.parametrize(
    ("code", "minerals"),
    [
        ("280530", ["rare-earths"]),
        ("280540", []),  # mercury, under the same heading
        ("720241", ["chromium"]),
        ("811231", []),  # hafnium
        ("310210", []),  # urea, under the chapter of fertilisers
        ("310590", ["potash", "phosphate"]),
    ],
)
def test_a_good_is_not_taken_for_what_its_heading_also_holds(code: str, minerals: list[str]) -> None:
    assert list(words().minerals_of([code])) == minerals
