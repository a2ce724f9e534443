"""What comes of the Mineral Commodity Summaries of the US Geological Survey, marks and changed editions included."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections.abc import Callable, Collection
from dataclasses import replace

import pytest

from forecast.errors import LayoutChanged, SourceFailed
from forecast.settings import data_dir
from forecast.sources.providers.usgs import PARENT, Usgs
from forecast.sources.source import Quote
from tests.support.feeds.usgs import Feed
from tests.support.publishers import NOT_FOUND, Answer, Request, published, web_for

FOLDER = data_dir() / "sources" / "samples" / "usgs"
FILE = "MCS2026_Commodities_Data.csv"
CSV = (FOLDER / FILE).read_bytes()
ITEM = "696a75d5d4be0228872d3bf8"
NEODYMIUM = "RARE EARTHS: Price, average, dollars per kilogram: Neodymium oxide, 99.5% minimum"
TERBIUM = "RARE EARTHS (Heavy): Price, average, dollars per kilogram: Terbium oxide, 99.99% minimum"
ANTIMONY = "ANTIMONY: Price, metal, average, dollars per pound"
SINCE = dt.date(2010, 1, 1)


def publisher_of(
    body: bytes = CSV, items: bytes = b"", item: bytes = b"", media: str = "text/csv"
) -> Callable[[Request], Answer]:
    answers = {
        "items": Answer(items or (FOLDER / "items.json").read_bytes(), "application/json"),
        f"item/{ITEM}": Answer(item or (FOLDER / "item.json").read_bytes(), "application/json"),
        f"file/get/{ITEM}": Answer(body, media),
    }
    return lambda request: answers.get(request.path, NOT_FOUND)


def fetched(
    handler: Callable[[Request], Answer], keys: Collection[str], since: dt.date = SINCE
) -> tuple[list[Quote], list[Request]]:
    with published(handler) as publisher, web_for(Usgs(), publisher) as web:
        return list(Usgs().fetch(web, keys, since)), publisher.requests


def until_it_fails(handler: Callable[[Request], Answer], keys: Collection[str]) -> tuple[list[Quote], str]:
    came: list[Quote] = []
    with published(handler) as publisher, web_for(Usgs(), publisher) as web:
        quotes = Usgs().fetch(web, keys, SINCE)
        with pytest.raises(LayoutChanged) as failed:
            came.extend(quotes)
    return came, str(failed.value)


def changed(before: str, after: str) -> bytes:
    text = CSV.decode("cp1252")
    assert before in text
    return text.replace(before, after).encode("cp1252")


def test_prices_are_read_with_their_unit_and_the_last_year_is_an_estimate() -> None:
    quotes, requests = fetched(publisher_of(), [NEODYMIUM, TERBIUM, ANTIMONY])
    year = {2024: dt.date(2024, 1, 1), 2025: dt.date(2025, 1, 1)}
    assert quotes == [
        Quote(ANTIMONY, year[2024], 10.24, "dollars per pound"),
        Quote(ANTIMONY, year[2025], 25, "dollars per pound", "derived_approx"),
        Quote(NEODYMIUM, year[2024], 56, "dollars per kilogram"),
        Quote(NEODYMIUM, year[2025], 73, "dollars per kilogram", "derived_approx"),
        Quote(TERBIUM, year[2024], 812, "dollars per kilogram"),
        Quote(TERBIUM, year[2025], 1010, "dollars per kilogram", "derived_approx"),
    ]
    assert [request.path for request in requests] == ["items", f"item/{ITEM}", f"file/get/{ITEM}"]
    assert requests[0].params["parentId"] == PARENT
    assert requests[2].params == {"name": FILE}


def test_every_key_of_the_table_is_in_the_release_in_the_unit_that_the_table_says() -> None:
    with (data_dir() / "sources" / "usgs.csv").open(newline="") as file:
        delivered = {row["key"]: row["delivered"] for row in csv.DictReader(file)}
    quotes, _ = fetched(publisher_of(), delivered)
    assert {quote.key: quote.unit for quote in quotes} == delivered


def test_the_newest_edition_is_read_whatever_its_number() -> None:
    values = {dt.date(2025, 1, 1): 2025.0, dt.date(2026, 1, 1): 2026.0}
    quotes, requests = fetched(Feed({NEODYMIUM: values, ANTIMONY: values}), [NEODYMIUM])
    assert [(quote.ds, quote.value, quote.flag) for quote in quotes] == [
        (dt.date(2025, 1, 1), 2025, "reported"),
        (dt.date(2026, 1, 1), 2026, "derived_approx"),
    ]
    assert requests[2].params == {"name": "MCS2027_Commodities_Data.csv"}


def test_an_edition_that_is_what_it_was_gives_nothing_and_a_corrected_one_everything() -> None:
    with published(publisher_of()) as publisher:
        with web_for(Usgs(), publisher) as web:
            assert len(list(Usgs().fetch(web, [NEODYMIUM], SINCE))) == 2
            seen = web.seen
        with web_for(Usgs(), publisher, known=seen) as web:
            assert list(Usgs().fetch(web, [NEODYMIUM], SINCE)) == []
        publisher.handler = publisher_of(changed(",56,", ",57,"))
        with web_for(Usgs(), publisher, known=seen) as web:
            assert [quote.value for quote in Usgs().fetch(web, [NEODYMIUM], SINCE)] == [57, 73]


def test_years_before_the_day_are_left_out() -> None:
    quotes, _ = fetched(publisher_of(), [NEODYMIUM], dt.date(2025, 11, 27))
    assert [quote.ds.year for quote in quotes] == [2025]


@pytest.mark.parametrize("mark", ["W", "NA", "—", "--", "XX", "", "<1", ">50", "500–17,000", "s"])
def test_what_is_withheld_a_bound_or_a_range_is_no_value(mark: str) -> None:
    quotes, _ = fetched(
        publisher_of(changed("dollars per pound,2024,10.24", f'dollars per pound,2024,"{mark}"')), [ANTIMONY]
    )
    assert [quote.ds.year for quote in quotes] == [2025]


@pytest.mark.parametrize("estimate", ["e10.24", "10.24e", "10.24 E"])
def test_a_letter_at_a_number_says_that_it_is_estimated(estimate: str) -> None:
    quotes, _ = fetched(publisher_of(changed("10.24", estimate)), [ANTIMONY])
    assert (quotes[0].value, quotes[0].flag) == (10.24, "derived_approx")


def test_a_year_that_is_called_estimated_is_that_year() -> None:
    quotes, _ = fetched(
        publisher_of(changed("dollars per pound,2025,25", "dollars per pound,2025_estimated,25")), [ANTIMONY]
    )
    assert (quotes[1].ds.year, quotes[1].flag) == (2025, "derived_approx")


def test_another_unit_is_handed_on_as_it_is_said() -> None:
    body = changed("dollars per pound,2025,25", "dollars per metric ton,2025,25")
    quotes, _ = fetched(publisher_of(body), [ANTIMONY])
    assert [quote.unit for quote in quotes] == ["dollars per pound", "dollars per metric ton"]


def test_a_statistic_under_another_name_is_told_with_the_one_like_it_and_takes_no_other_with_it() -> None:
    body = changed("Neodymium oxide, 99.5% minimum", "Neodymium oxide, 99.9% minimum")
    came, told = until_it_fails(publisher_of(body), [NEODYMIUM, TERBIUM])
    assert {quote.key for quote in came} == {TERBIUM}
    assert f"no '{NEODYMIUM}', but '{NEODYMIUM.replace('99.5', '99.9')}'" in told


def test_a_value_that_is_no_number_is_told_with_its_line_and_takes_no_other_with_it() -> None:
    came, told = until_it_fails(publisher_of(changed("10.24", "about ten")), [ANTIMONY, NEODYMIUM])
    assert [(quote.key, quote.ds.year) for quote in came] == [(ANTIMONY, 2025), (NEODYMIUM, 2024), (NEODYMIUM, 2025)]
    assert f"{FILE}: line 3: Value = 'about ten'; expected a number" in told


@pytest.mark.parametrize(
    "column", ["MCS chapter", "Section", "Statistics", "Statistics_detail", "Unit", "Year", "Value", "Notes"]
)
def test_a_column_under_another_name_is_a_changed_layout(column: str) -> None:
    head, rest = CSV.decode("cp1252").split("\r\n", 1)
    names = ["Renamed" if name == column else name for name in head.split(",")]
    with pytest.raises(LayoutChanged, match=f"no column {column} among "):
        fetched(publisher_of(f"{','.join(names)}\r\n{rest}".encode("cp1252")), [NEODYMIUM])


def test_columns_in_another_order_and_new_ones_are_no_fault() -> None:
    rows = list(csv.reader(CSV.decode("cp1252").splitlines()))
    turned = [[*reversed(row), "new"] for row in rows]
    body = "\r\n".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in turned)
    quotes, _ = fetched(publisher_of(body.encode("utf-8-sig")), [NEODYMIUM])
    assert [quote.value for quote in quotes] == [56, 73]


def test_sections_under_another_name_are_a_changed_layout() -> None:
    with pytest.raises(LayoutChanged, match="sections Import Sources, US data, World Mine"):
        fetched(publisher_of(changed("Salient Statistics—United States", "US data")), [NEODYMIUM])


def test_a_catalogue_without_an_edition_or_an_edition_without_the_file_says_what_there_is() -> None:
    with pytest.raises(LayoutChanged, match="no item of an edition"):
        fetched(publisher_of(items=b'{"total": 1, "items": [{"id": "1", "title": "Yale stocks"}]}'), [NEODYMIUM])
    item = json.loads((FOLDER / "item.json").read_bytes())
    item["files"] = item["files"][:2]
    with pytest.raises(LayoutChanged, match=r"files MCS2026_Fig3_Major_Import_Sources.csv, MCS2026_T7.*; expected one"):
        fetched(publisher_of(item=json.dumps(item).encode()), [NEODYMIUM])


@pytest.mark.parametrize("body", [b'{"items": null}', b'{"errors": []}', b"[]", b"{"])
def test_a_catalogue_in_another_layout_says_so(body: bytes) -> None:
    with pytest.raises(LayoutChanged, match="usgs: the layout changed: http"):
        fetched(publisher_of(items=body), [NEODYMIUM])


def test_a_page_and_a_cut_file_are_no_data() -> None:
    with pytest.raises(LayoutChanged, match="a page of HTML"):
        fetched(publisher_of(b"<html>ScienceBase is down</html>", media="text/html"), [NEODYMIUM])

    def cut(request: Request) -> Answer:
        answer = publisher_of()(request)
        return replace(answer, cut=900) if request.path.startswith("file") else answer

    with pytest.raises(SourceFailed, match="usgs: "):
        fetched(cut, [NEODYMIUM])
