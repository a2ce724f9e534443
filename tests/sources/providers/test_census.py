"""The US Census Bureau as a source: lines that add up, units that are what they say, and what it says of mistakes."""

from __future__ import annotations

import csv
import json
from datetime import date

import pytest

from forecast.errors import LayoutChanged, SourceFailed
from forecast.settings import data_dir
from forecast.sources.portions import months
from forecast.sources.providers.census import Census
from forecast.sources.samples import samples_folder
from forecast.sources.source import Quote
from tests.support.feeds.census import INVALID, Feed, row, table
from tests.support.publishers import Answer, Handler, Request, published, web_for
from tests.support.quotes import values

THIS_MONTH = months(date.today(), date.today())[0]
LAST_MONTH = months(date.fromordinal(THIS_MONTH.toordinal() - 1), date.today())[0]
TIME = f"{LAST_MONTH:%Y-%m}"
WEIGHT, VALUE, PRICE, DUTY = (
    f"imports/2846/5700/{field}" for field in ("quantity", "value", "unit_value", "duty_rate")
)
WORLD = "imports/2846/-/quantity"


def fetched(
    handler: Handler, *keys: str, since: date = LAST_MONTH, key: str = "secret"
) -> tuple[list[Quote], list[Request]]:
    """What the source gives of an answering publisher, and what it asked."""
    with published(handler) as publisher, web_for(Census(), publisher, key=key) as web:
        return list(Census().fetch(web, keys, since)), publisher.requests


def came(handler: Handler, *keys: str, since: date = LAST_MONTH) -> tuple[list[Quote], str]:
    """What the source gives before it fails, and why it does."""
    found: list[Quote] = []
    with (
        published(handler) as publisher,
        web_for(Census(), publisher, key="secret") as web,
        pytest.raises(SourceFailed) as caught,
    ):
        found.extend(Census().fetch(web, keys, since))
    return found, caught.value.why


def always(*rows: dict[str, str]) -> Handler:
    return lambda request: Answer(table(request.params, list(rows)), "application/json")


def lines(
    value: float = 900, quantity: float = 3000, duty: float = 0, code: str = "2846902040", **other: str
) -> list[dict[str, str]]:
    """A line that is imported from China alone."""
    return [row(code, country, TIME, value, quantity, duty, **other) for country in ("-", "5700")]


def test_a_sample_gives_the_figures_it_has() -> None:
    sample = (samples_folder() / "census" / "imports.json").read_bytes()
    answers = iter([Answer(sample, "application/json")])
    empty = Answer(b"", "application/json", 204)
    quotes, _ = fetched(lambda request: next(answers, empty), WEIGHT, VALUE, PRICE, DUTY, WORLD, since=date(2024, 5, 1))
    may, june = date(2024, 5, 1), date(2024, 6, 1)
    assert set(quotes) == {
        Quote(WEIGHT, may, 52000.0 + 160000, "KG"),
        Quote(WEIGHT, june, 57200.0 + 176000, "KG"),
        Quote(VALUE, may, 310000.0 + 1450000, "USD"),
        Quote(VALUE, june, 341000.0 + 1595000, "USD"),
        Quote(PRICE, may, 1760000 / 212000, "USD/KG"),
        Quote(PRICE, june, 1936000 / 233200, "USD/KG"),
        Quote(DUTY, may, 5.5, "percent"),
        Quote(DUTY, june, 5.5, "percent"),
        Quote(WORLD, may, 313000.0, "KG"),
        Quote(WORLD, june, 344300.0, "KG"),
    }


def test_samples_of_exports_and_of_chapters_give_the_figures_they_have() -> None:
    folder, may = samples_folder() / "census", date(2024, 5, 1)
    exports, chapters = "exports/2846/5700/quantity", "imports/all-27-71-98-99/-/duty_rate"
    answers = {"exports": (folder / "exports.json").read_bytes(), "imports": (folder / "chapters.json").read_bytes()}

    def handler(request: Request) -> Answer:
        first = request.params["time"].startswith("from 2024-05")
        body = answers[request.path.partition("/")[0]] if first else b""
        return Answer(body, "application/json", 200 if first else 204)

    quotes, _ = fetched(handler, exports, chapters, since=may)
    counted = [number for number in range(1, 98) if number not in (27, 71, 77)]
    rate = (
        100 * sum(300_000 + number * 10 for number in counted) / sum(10_000_000 + number * 1000 for number in counted)
    )
    assert set(quotes) == {
        Quote(exports, may, 3050000.0, "KG"),
        Quote(chapters, may, round(rate, 4), "percent"),
    }


def test_a_commodity_is_asked_for_by_its_lines_and_their_totals_in_spans_of_25_months() -> None:
    since = date(THIS_MONTH.year - 3, THIS_MONTH.month, 1)
    _, requests = fetched(Feed({WORLD: dict.fromkeys(months(since, date.today()), 5.0)}), WORLD, WEIGHT, since=since)
    assert [request.path for request in requests] == ["imports/hs"] * 2
    spans = [request.params["time"].split() for request in requests]
    asked = months(since, date.today())
    assert spans == [
        ["from", f"{asked[0]:%Y-%m}", "to", f"{asked[24]:%Y-%m}"],
        ["from", f"{asked[25]:%Y-%m}", "to", f"{asked[36]:%Y-%m}"],
    ]
    assert {name: text for name, text in requests[0].params.items() if name != "time"} == {
        "get": "I_COMMODITY,CTY_CODE,CON_VAL_MO,CON_QY1_MO,CON_QY1_MO_FLAG,UNIT_QY1,CAL_DUT_MO",
        "SUMMARY_LVL": "DET",
        "COMM_LVL": "HS10",
        "I_COMMODITY": "2846*",
        "key": "secret",
    }


def test_the_history_begins_in_2010() -> None:
    first = "imports/8112921000/-/quantity"
    _, requests = fetched(
        Feed({first: dict.fromkeys(months(date(2010, 1, 1), date.today()), 5.0)}), first, since=date(1990, 1, 1)
    )
    assert requests[0].params["time"].startswith("from 2010-01 to ")
    assert requests[0].params["I_COMMODITY"] == "8112921000"


def test_a_country_without_a_line_traded_nothing_in_a_month_in_which_others_did() -> None:
    quotes, _ = fetched(Feed({"imports/2846/5570/quantity": {LAST_MONTH: 800.0}}), WEIGHT, VALUE, PRICE, DUTY, WORLD)
    assert values(quotes) == {WEIGHT: {LAST_MONTH: 0.0}, VALUE: {LAST_MONTH: 0.0}, WORLD: {LAST_MONTH: 800.0}}


def test_nothing_comes_of_a_key_that_is_not_asked_for() -> None:
    quotes, _ = fetched(Feed({WORLD: {LAST_MONTH: 800.0}, WEIGHT: {LAST_MONTH: 300.0}}), WEIGHT)
    assert values(quotes) == {WEIGHT: {LAST_MONTH: 300.0}}


def test_a_cut_answer_is_told_and_is_no_zero() -> None:
    rows = [*lines(), row("2846100000", "-", TIME, 50, 10), row("2846100000", "5570", TIME, 50, 10)]
    assert values(fetched(always(*rows), WEIGHT)[0]) == {WEIGHT: {LAST_MONTH: 3000.0}}
    quotes, why = came(always(*rows[:1], *rows[2:]), WEIGHT)
    assert quotes == []
    assert f"imports of 2846: the countries of 2846902040 in {TIME} add up to 900 USD less than the total" in why
    assert "the answer is cut" in why


def test_a_line_without_its_total_is_told() -> None:
    quotes, why = came(always(lines()[1]), WEIGHT)
    assert quotes == []
    assert "900 USD more than the total" in why


def test_a_line_that_is_there_twice_is_told() -> None:
    quotes, why = came(always(*lines(), *lines()), WEIGHT)
    assert quotes == []
    assert why == f"imports of 2846: 2846902040 of - in {TIME} is there twice"


def test_groups_of_countries_are_not_counted_beside_their_members() -> None:
    quotes, why = came(always(*lines(), row("2846902040", "0014", TIME, 900, 3000)), WEIGHT)
    assert quotes == []
    assert "900 USD more than the total" in why


def test_headings_are_not_counted_beside_their_lines() -> None:
    rows = [*lines(), *lines(code="2846"), *lines(code="284690"), *lines(code="2847000000")]
    quotes, _ = fetched(always(*rows), WEIGHT, VALUE)
    assert values(quotes) == {WEIGHT: {LAST_MONTH: 3000.0}, VALUE: {LAST_MONTH: 900.0}}


def test_what_is_wrong_with_one_commodity_takes_no_other() -> None:
    feed = Feed({"imports/8110/-/quantity": {LAST_MONTH: 70.0}, "imports/2846/-/quantity": {LAST_MONTH: 7.0}})

    def handler(request: Request) -> Answer:
        refused = Answer(b"error: unknown/unsupported predicate", "text/plain", 400)
        return refused if request.params["I_COMMODITY"] == "2846*" else feed(request)

    quotes, why = came(handler, WEIGHT, "imports/8110/-/quantity")
    assert values(quotes) == {"imports/8110/-/quantity": {LAST_MONTH: 70.0}}
    assert "imports of 2846: " in why
    assert "status 400: error: unknown/unsupported predicate" in why


def test_all_goods_are_all_chapters_but_those_left_out() -> None:
    key = "imports/all-27-71-98-99/-/value"
    quotes, requests = fetched(Feed({key: {LAST_MONTH: 9.3e9}}), key)
    assert values(quotes) == {key: {LAST_MONTH: pytest.approx(9.3e9, rel=1e-12)}}
    assert (requests[0].params["COMM_LVL"], requests[0].params["CTY_CODE"]) == ("HS2", "-")
    assert "I_COMMODITY" not in requests[0].params


def test_a_missing_chapter_is_told() -> None:
    key = "imports/all-27-71-98-99/-/value"
    feed = Feed({key: {LAST_MONTH: 9.3e9}})

    def handler(request: Request) -> Answer:
        document = json.loads(feed(request).body)
        return Answer(json.dumps([cells for cells in document if cells[0] != "44"]).encode(), "application/json")

    quotes, why = came(handler, key)
    assert quotes == []
    assert why == f"imports of all-27-71-98-99: no chapter 44 in {TIME}; the answer is cut"


@pytest.mark.parametrize(
    ("rows", "quantity"),
    [
        (lines(unit="T", quantity=3), (3000.0, "KG")),
        (lines(unit="NO"), (3000.0, "NO")),
        ([*lines(unit="T", quantity=3), *lines(code="2846100000")], (6000.0, "KG")),
        ([*lines(unit="NO"), *lines(code="2846100000")], None),
        (lines(flag="M", quantity=0), None),
        (lines(flag="", quantity=0), (0.0, "KG")),
        (lines(unit="X", quantity=0), None),
        ([*lines(), *lines(code="2846100000", unit="-", quantity=0)], None),
        ([*lines(), *lines(code="2846100000", unit="NO", value=0, quantity=0)], (3000.0, "KG")),
    ],
)
def test_quantities_add_up_only_in_one_unit_and_only_if_no_line_lacks_one(
    rows: list[dict[str, str]], quantity: tuple[float, str] | None
) -> None:
    quotes, _ = fetched(always(*rows), WEIGHT)
    assert [(quote.value, quote.unit) for quote in quotes] == ([quantity] if quantity else [])


@pytest.mark.parametrize(
    ("rows", "price"),
    [
        (lines(quantity=249), []),
        (lines(quantity=250), [3.6]),
        (lines(unit="NO"), []),
        (lines(flag="M", quantity=0), []),
    ],
)
def test_a_tiny_lot_and_pieces_have_no_unit_value(rows: list[dict[str, str]], price: list[float]) -> None:
    quotes, _ = fetched(always(*rows), PRICE)
    assert [quote.value for quote in quotes] == price


def test_no_content_is_nothing_published_yet() -> None:
    assert fetched(lambda request: Answer(b"", "application/json", 204), WEIGHT)[0] == []


def test_no_content_for_long_is_told() -> None:
    since = date(THIS_MONTH.year - 1, THIS_MONTH.month, 1)
    quotes, why = came(Feed({"imports/8110/-/quantity": {since: 70.0}}), WEIGHT, "imports/8110/-/quantity", since=since)
    assert values(quotes) == {"imports/8110/-/quantity": {since: 70.0}}
    assert why == f"imports of 2846: nothing since {since:%Y-%m}"


def test_a_span_without_content_after_one_with_it_is_told() -> None:
    since = date(THIS_MONTH.year - 4, THIS_MONTH.month, 1)
    asked = months(since, date.today())
    quotes, why = came(Feed({WORLD: {since: 70.0}}), WORLD, since=since)
    assert values(quotes) == {WORLD: {since: 70.0}}
    assert why == f"imports of 2846: nothing from {asked[25]:%Y-%m} to {asked[-1]:%Y-%m}"


def test_a_wrong_key_is_told_without_the_key() -> None:
    quotes, why = came(Feed({WORLD: {LAST_MONTH: 1.0}}, key="right"), WORLD)
    assert quotes == []
    assert "Invalid Key" in why
    assert "secret" not in why
    _, why = came(lambda request: Answer(INVALID, "text/html"), WORLD)
    assert "Invalid Key" in why


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (Answer(b"<!DOCTYPE html><html>down</html>", "text/html"), "a page of HTML, not data"),
        (Answer(b"there was an error", "text/plain", 500), "status 500"),
        (Answer(b'[["I_COMMODITY","CTY', "application/json"), "no JSON, or cut"),
        (Answer(b'[["I_COMMODITY"]]', "application/json", cut=9), "attempts"),
        (Answer(b"", "application/json"), "an empty answer"),
        (Answer(b'{"error": "no"}', "application/json"), "expected a list of lists"),
        (Answer(b"[]", "application/json"), "expected a list of lists"),
    ],
)
def test_what_is_no_answer_is_told(wrong: Answer, said: str) -> None:
    _, why = came(lambda request: wrong, WORLD)
    assert said in why


def changed(old: bytes, new: bytes) -> Handler:
    return lambda request: Answer(table(request.params, lines()).replace(old, new), "application/json")


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        (b'"CON_QY1_MO"', b'"CON_QTY_MO"', "header"),
        (b'"time"', b'"TIME"', "header"),
        (b'"3000"', b'"3,000"', "CON_QY1_MO"),
        (b'"900"', b'"(D)"', "CON_VAL_MO"),
        (b'"900"', b"null", "CON_VAL_MO"),
        (b'"900"', b'"-900"', "CON_VAL_MO"),
        (f'"{TIME}"'.encode(), b'"May 2024"', "time"),
        (b'"3000", ', b"", "row 1"),
    ],
)
def test_another_layout_is_named(old: bytes, new: bytes, place: str) -> None:
    with pytest.raises(LayoutChanged) as caught:
        fetched(changed(old, new), WORLD)
    assert caught.value.place == place


def test_a_quantity_that_is_null_is_not_told() -> None:
    quotes, _ = fetched(changed(b'"3000"', b"null"), WORLD, VALUE)
    assert values(quotes) == {VALUE: {LAST_MONTH: 900.0}}


def test_a_new_column_is_no_fault() -> None:
    def handler(request: Request) -> Answer:
        document = [[*cells, "1"] for cells in json.loads(table(request.params, lines()))]
        document[0][-1] = "CARBON"
        return Answer(json.dumps(document).encode(), "application/json")

    assert values(fetched(handler, WORLD)[0]) == {WORLD: {LAST_MONTH: 3000.0}}


@pytest.mark.parametrize(
    "text",
    [
        "2846",
        "imports/2846/5700",
        "imports/2846/5700/weight",
        "imports/28465/5700/value",
        "exports/2846/5700/duty_rate",
        "imports/all-27/5700/value",
        "imports/all-27/-/quantity",
        "imports/2846/CN/value",
    ],
)
def test_a_key_that_names_nothing_is_told_with_what_one_is(text: str) -> None:
    _, why = came(Feed({}), text)
    assert why.startswith(f"key = {text!r}: expected imports or exports/HS code/country")


def test_every_series_of_the_table_can_be_had_in_the_unit_that_the_table_says() -> None:
    with (data_dir() / "sources" / "census.csv").open(encoding="utf-8", newline="") as table_of_series:
        delivered = {cells["key"]: cells["delivered"] for cells in csv.DictReader(table_of_series)}
    given = {key: {LAST_MONTH: 1000.0 + place} for place, key in enumerate(delivered)}
    quotes, requests = fetched(Feed(given), *delivered)
    assert len(requests) == len({tuple(key.split("/")[:2]) for key in delivered})
    assert {quote.key: quote.unit for quote in quotes} == delivered
    assert {key: found[LAST_MONTH] for key, found in values(quotes).items()} == {
        key: pytest.approx(found[LAST_MONTH], rel=1e-9) for key, found in given.items()
    }
