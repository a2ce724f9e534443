"""The Pink Sheet: found by its page, read by its names and units, and refused where these have moved."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable

import pytest
from openpyxl import Workbook, load_workbook

from forecast.catalog.bundle import read_bundle
from forecast.errors import LayoutChanged, SourceFailed
from forecast.settings import data_dir
from forecast.sources.providers.worldbank import WorldBank
from forecast.sources.samples import samples_folder
from forecast.sources.series_table import read_series_table
from forecast.sources.source import Quote
from tests.support.feeds.worldbank import SAMPLE, Feed
from tests.support.publishers import Answer, Handler, Publisher, Request, pages, published, web_for

SINCE = dt.date(2026, 4, 1)
_LINK = "doc/1-0050012026/related/CMO-Historical-Data-Monthly.xlsx"
_PAGE = Answer(f'<!DOCTYPE html><a href="{_LINK}">Monthly prices</a>'.encode(), "text/html")
_PRICES, _INDICES = "Monthly Prices", "Monthly Indices"


def serving(book: bytes, page: Answer = _PAGE) -> Handler:
    return pages({"commodity-markets": page, _LINK: Answer(book, "application/octet-stream")})


def changed(change: Callable[[Workbook], object]) -> bytes:
    """The sample after a change of it."""
    book, stream = load_workbook(SAMPLE), io.BytesIO()
    change(book)
    book.save(stream)
    return stream.getvalue()


def fetched(handler: Handler, *keys: str, since: dt.date = SINCE) -> tuple[list[Quote], SourceFailed | None, Publisher]:
    """What came, what was wrong, and what was asked for."""
    found: list[Quote] = []
    with published(handler) as publisher, web_for(WorldBank, publisher) as web:
        try:
            found.extend(WorldBank().fetch(web, keys, since))
        except SourceFailed as error:
            return found, error, publisher
    return found, None, publisher


def values(quotes: list[Quote]) -> dict[tuple[str, str], tuple[float, str]]:
    return {(quote.key, f"{quote.ds:%Y-%m}"): (quote.value, quote.unit) for quote in quotes}


def test_prices_and_indices_come_by_name_with_the_units_of_the_workbook() -> None:
    book = Feed(
        {
            "Copper": {dt.date(2026, 5, 1): 13543.0, dt.date(2026, 6, 1): 13552.0},
            "Metals & Minerals": {dt.date(2026, 6, 1): 144.6},
            "Gold": {dt.date(2026, 6, 1): 4228.0},
        }
    )
    found, wrong, publisher = fetched(book, "Copper", "Metals & Minerals")
    assert wrong is None
    assert values(found) == {
        ("Copper", "2026-05"): (13543.0, "$/mt"),
        ("Copper", "2026-06"): (13552.0, "$/mt"),
        ("Metals & Minerals", "2026-06"): (144.6, "2010=100"),
    }
    assert [request.path.rpartition("/")[2] for request in publisher.requests] == [
        "commodity-markets",
        "CMO-Historical-Data-Monthly.xlsx",
    ]


def test_every_series_of_the_table_is_in_the_sample_in_the_unit_of_the_table() -> None:
    source = WorldBank()
    cite = {"publisher": source.publisher, "source_url": source.page, "licence": source.licence}
    known = {series.series_id: series for series in read_bundle(data_dir(), dt.datetime.now(dt.UTC)).series}
    table = read_series_table(source.name, data_dir() / "sources" / "worldbank.csv", cite, known)
    found, wrong, _ = fetched(serving(SAMPLE.read_bytes()), *(one.key for one in table))
    assert wrong is None
    assert {quote.key: quote.unit for quote in found} == {one.key: one.delivered for one in table}


def test_marks_of_footnotes_are_no_part_of_a_name() -> None:
    found, _, _ = fetched(serving(SAMPLE.read_bytes()), "Potassium chloride", "Urea", "Non-energy")
    assert {quote.key for quote in found} == {"Potassium chloride", "Urea", "Non-energy"}


def test_months_before_the_first_that_is_asked_for_stay_out() -> None:
    found, _, _ = fetched(serving(SAMPLE.read_bytes()), "Copper", since=dt.date(2026, 5, 20))
    assert [quote.ds for quote in found] == [dt.date(2026, 5, 1), dt.date(2026, 6, 1)]


def test_a_month_without_a_value_is_left_out() -> None:
    found, wrong, _ = fetched(serving(SAMPLE.read_bytes()), "Sunflower oil")
    assert [quote.ds for quote in found] == [dt.date(2026, 5, 1), dt.date(2026, 6, 1)]
    assert wrong is None


def test_only_the_last_month_is_known_since_the_day_of_the_update() -> None:
    found, _, _ = fetched(serving(SAMPLE.read_bytes()), "Copper")
    assert [quote.known for quote in found] == [None, None, dt.datetime(2026, 7, 2, tzinfo=dt.UTC)]


def test_an_edition_that_has_been_read_is_not_read_again() -> None:
    with published(serving(SAMPLE.read_bytes())) as publisher:
        with web_for(WorldBank, publisher) as web:
            assert list(WorldBank().fetch(web, ["Copper"], SINCE))
        with web_for(WorldBank, publisher, known=web.seen) as again:
            assert not list(WorldBank().fetch(again, ["Copper"], SINCE))


def test_the_page_as_it_is_kept_leads_to_the_monthly_workbook() -> None:
    page = (samples_folder() / "worldbank" / "commodity-markets.html").read_bytes()
    here = page.replace(
        b"https://thedocs.worldbank.org/en/doc/74e8be41ceb20fa0da750cda2f6b9e4e-0050012026/related", b"x"
    )
    handler = pages(
        {
            "commodity-markets": Answer(here, "text/html"),
            "x/CMO-Historical-Data-Monthly.xlsx": Answer(SAMPLE.read_bytes(), "application/octet-stream"),
        }
    )
    assert fetched(handler, "Copper")[0]


def test_a_page_without_the_link_is_another_layout() -> None:
    _, wrong, _ = fetched(serving(b"", Answer(b"<html>moved</html>", "text/html")), "Copper")
    assert isinstance(wrong, LayoutChanged)
    assert "a link to CMO-Historical-Data-Monthly.xlsx" in str(wrong)


def test_a_column_that_was_renamed_is_named_and_takes_no_other_with_it() -> None:
    book = changed(lambda book: rename(book, _PRICES, "Copper", "Copper, LME grade A"))
    found, wrong, _ = fetched(serving(book), "Copper", "Zinc")
    assert {quote.key for quote in found} == {"Zinc"}
    assert isinstance(wrong, LayoutChanged)
    assert wrong.place == "Copper"
    assert "no such column" in wrong.found


def test_every_column_that_is_gone_is_named() -> None:
    found, wrong, _ = fetched(serving(SAMPLE.read_bytes()), "Unobtainium", "Zinc", "Kryptonite")
    assert {quote.key for quote in found} == {"Zinc"}
    assert "Unobtainium" in str(wrong)
    assert "Kryptonite" in str(wrong)


def test_another_unit_comes_as_it_is_told() -> None:
    book = changed(lambda book: rename(book, _PRICES, "($/mt)", "($/kg)"))
    found, _, _ = fetched(serving(book), "Coal, Australian")
    assert {quote.unit for quote in found} == {"$/kg"}


def test_another_base_of_the_indices_comes_as_it_is_told() -> None:
    def rebase(book: Workbook) -> None:
        book[_INDICES]["A2"] = "monthly indices based on nominal US dollars, 2020=100, 1960 to present"

    found, _, _ = fetched(serving(changed(rebase)), "Total Index")
    assert {quote.unit for quote in found} == {"2020=100"}


def drop_units(book: Workbook) -> None:
    book[_PRICES].delete_rows(6)


def drop_base(book: Workbook) -> None:
    book[_INDICES]["A2"] = "monthly indices"


def move_months(book: Workbook) -> None:
    for sheet in book.worksheets:
        sheet.insert_cols(1)


def write_months_in_words(book: Workbook) -> None:
    book[_PRICES]["A8"] = "May 2026"


def write_a_word(book: Workbook) -> None:
    sheet = book[_PRICES]
    for column in range(2, sheet.max_column + 1):
        sheet.cell(8, column, "see note 4")


@pytest.mark.parametrize(
    ("change", "key", "told"),
    [
        (drop_units, "Copper", "Monthly Prices, Copper: nothing below it; expected a unit in brackets"),
        (drop_base, "Total Index", "Monthly Indices, Total Index: nothing below it"),
        (move_months, "Copper", "no row of a month; expected months in the first column"),
        (write_months_in_words, "Copper", "Monthly Prices, row 8: 'May 2026'; expected a month, as 1960M01"),
        (write_a_word, "Copper", "Monthly Prices, row 8, Copper: 'see note 4'; expected a number"),
        (lambda book: book.remove(book[_INDICES]), "Copper", "sheet = 'Monthly Indices'"),
        (lambda book: rename(book, _PRICES, "Copper", "Zinc"), "Zinc", "Zinc: 2 columns; expected one column"),
    ],
)
def test_what_is_not_where_it_was_is_told_with_its_place(
    change: Callable[[Workbook], None], key: str, told: str
) -> None:
    _, wrong, _ = fetched(serving(changed(change)), key)
    assert isinstance(wrong, LayoutChanged)
    assert told in str(wrong)


def test_more_columns_and_notes_below_the_months_are_no_fault() -> None:
    def add(book: Workbook) -> None:
        sheet = book[_PRICES]
        at = sheet.max_column + 1
        column: tuple[str | float, ...] = ("Lithium carbonate", "($/mt)", 10.0, 11.0, 12.0)
        for row, value in enumerate(column, start=5):
            sheet.cell(row, at, value)
        sheet.append(["** the source changed in 2026"])

    found, wrong, _ = fetched(serving(changed(add)), "Copper", "Lithium carbonate")
    assert wrong is None
    assert {quote.key for quote in found} == {"Copper", "Lithium carbonate"}


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"<!DOCTYPE html><html>Service unavailable</html>", "text/html"),
        Answer(b"PK\x03\x04 no workbook", "application/octet-stream"),
        Answer(SAMPLE.read_bytes()[:4000], "application/octet-stream"),
    ],
)
def test_what_is_no_workbook_is_told(answer: Answer) -> None:
    _, wrong, _ = fetched(pages({"commodity-markets": _PAGE, _LINK: answer}), "Copper")
    assert isinstance(wrong, LayoutChanged)
    assert "CMO-Historical-Data-Monthly.xlsx" in str(wrong)


def test_a_workbook_that_breaks_off_fails() -> None:
    body = SAMPLE.read_bytes()
    cut = Answer(body, "application/octet-stream", cut=len(body) // 2)
    found, wrong, _ = fetched(pages({"commodity-markets": _PAGE, _LINK: cut}), "Copper")
    assert not found
    assert wrong is not None


def test_a_page_that_is_gone_fails_with_its_status() -> None:
    def gone(request: Request) -> Answer:
        return Answer(b"gone", "text/plain", 410)

    _, wrong, _ = fetched(gone, "Copper")
    assert "status 410" in str(wrong)


def rename(book: Workbook, sheet: str, before: str, after: str) -> None:
    cells = [cell for row in book[sheet].iter_rows() for cell in row if cell.value == before]
    assert cells
    for cell in cells:
        cell.value = after
