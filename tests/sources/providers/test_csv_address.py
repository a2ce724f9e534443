"""A table at an address of the user's choice: read as the section says, and refused where it is not as it says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import pytest

from forecast.errors import InvalidInput, LayoutChanged, SourceFailed
from forecast.sources.providers.csv_address import CsvAddress
from forecast.sources.source import Quote
from forecast.sources.web import Web
from tests.support.publishers import Answer, Publisher, pages, published

SINCE = dt.date(2024, 1, 1)
WIDE = "Date,Copper,Zinc\n2024-01,8344.9,2515.4\n2024-02,8310.7,2366.0\n"
LONG = "code;period;amount;unit\nCU;2024M01;8344,9;USD/t\nZN;2024M01;2515,4;USD/t\nCU;2024M02;8310,7;USD/t\n"
_LONG = {"date": "period", "key": "code", "value": "amount", "unit": "unit", "decimal": ","}


def section(**told: object) -> dict[str, object]:
    """A section with everything that is needed."""
    facts = {"address": "https://prices.example/table.csv?of=metals", "publisher": "Prices Ltd", "freq": "M"}
    return {**facts, **({} if "year" in told else {"date": "Date"}), **told}


def fetched(
    body: str | Answer, told: Mapping[str, object], *keys: str, since: dt.date = SINCE
) -> tuple[list[Quote], SourceFailed | None, Publisher]:
    """What came, what was wrong, and what was asked for."""
    answer = body if isinstance(body, Answer) else Answer(body.encode(), "text/csv")
    source, found = CsvAddress.from_section("mine", told, "sources.toml"), list[Quote]()
    with (
        published(pages({"table.csv": answer})) as publisher,
        Web("mine", publisher.url + "table.csv?of=metals", sleep=lambda seconds: None) as web,
    ):
        try:
            found.extend(source.fetch(web, keys, since))
        except SourceFailed as error:
            return found, error, publisher
    return found, None, publisher


def values(quotes: list[Quote]) -> dict[tuple[str, str], float]:
    return {(quote.key, str(quote.ds)): quote.value for quote in quotes}


def test_each_series_has_a_column_that_is_called_as_its_key() -> None:
    found, wrong, publisher = fetched(WIDE, section(), "Copper", "Zinc")
    assert wrong is None
    assert values(found) == {
        ("Copper", "2024-01-01"): 8344.9,
        ("Copper", "2024-02-01"): 8310.7,
        ("Zinc", "2024-01-01"): 2515.4,
        ("Zinc", "2024-02-01"): 2366.0,
    }
    [request] = publisher.requests
    assert (request.path, dict(request.params)) == ("table.csv", {"of": "metals"})


def test_with_a_column_of_keys_each_row_is_of_the_series_that_it_names() -> None:
    found, wrong, _ = fetched(LONG, section(**_LONG), "CU")
    assert wrong is None
    assert values(found) == {("CU", "2024-01-01"): 8344.9, ("CU", "2024-02-01"): 8310.7}
    assert {quote.unit for quote in found} == {"USD/t"}


def test_years_and_months_in_columns_of_their_own_are_a_period() -> None:
    body = "Year,Month,Copper\n2024,1,8344.9\n2024,February,8310.7\n2024,12,9000\n"
    found, wrong, _ = fetched(body, section(year="Year", month="Month"), "Copper")
    assert wrong is None
    assert [str(quote.ds) for quote in found] == ["2024-01-01", "2024-02-01", "2024-12-01"]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("2024-02-29", {}),
        ("29/02/2024", {}),
        ("01/02/2024", {"dates": "dmy"}),
        ("02/01/2024", {"dates": "mdy"}),
        ("Feb-24", {}),
        ("2024M02", {}),
    ],
)
def test_a_month_is_read_however_it_is_written(written: str, told: dict[str, object]) -> None:
    found, wrong, _ = fetched(f"Date,Copper\n{written},8310.7\n", section(**told), "Copper")
    assert wrong is None
    assert [quote.ds for quote in found] == [dt.date(2024, 2, 1)]


def test_quarters_and_weeks_are_read_where_the_section_says_so() -> None:
    found, _, _ = fetched("Date,Copper\n2024-Q2,9000\n", section(freq="Q"), "Copper")
    assert [quote.ds for quote in found] == [dt.date(2024, 4, 1)]
    found, _, _ = fetched("Date,Copper\n2024-01-08,9000\n", section(freq="W"), "Copper")
    assert [quote.ds for quote in found] == [dt.date(2024, 1, 8)]


def test_titles_above_the_header_and_notes_below_are_passed_over() -> None:
    body = f"Prices of metals\n\nUSD/t\n{WIDE}\nSource: the exchange\n"
    found, wrong, _ = fetched(body, section(), "Copper")
    assert wrong is None
    assert len(found) == 2


def test_what_was_not_published_is_left_out() -> None:
    found, wrong, _ = fetched("Date,Copper\n2024-01,..\n2024-02,\n2024-03,n/a\n2024-04,9000\n", section(), "Copper")
    assert wrong is None
    assert [quote.ds for quote in found] == [dt.date(2024, 4, 1)]


def test_periods_before_that_of_the_first_day_stay_out() -> None:
    found, _, _ = fetched(WIDE, section(), "Copper", since=dt.date(2024, 2, 20))
    assert [quote.ds for quote in found] == [dt.date(2024, 2, 1)]


def test_an_encoding_and_a_separator_are_taken_as_they_are_named() -> None:
    body = Answer("Date|Prix du cuivre, négocié\n2024-01|9000\n".encode("cp1252"), "text/csv")
    found, wrong, _ = fetched(body, section(encoding="cp1252", separator="pipe"), "Prix du cuivre, négocié")
    assert wrong is None
    assert len(found) == 1


def test_an_answer_that_has_been_read_is_not_read_again() -> None:
    source = CsvAddress.from_section("mine", section(), "sources.toml")
    with published(pages({"table.csv": Answer(WIDE.encode(), "text/csv")})) as publisher:
        address = publisher.url + "table.csv"
        with Web("mine", address) as web:
            assert list(source.fetch(web, ["Copper"], SINCE))
        with Web("mine", address, known=web.seen) as again:
            assert not list(source.fetch(again, ["Copper"], SINCE))


def test_a_column_that_was_renamed_is_named_and_takes_no_other_with_it() -> None:
    found, wrong, _ = fetched(WIDE.replace("Copper", "Copper A"), section(), "Copper", "Zinc")
    assert {quote.key for quote in found} == {"Zinc"}
    assert isinstance(wrong, LayoutChanged)
    assert "Copper: no column Copper; nearest: Copper A" in str(wrong)


@pytest.mark.parametrize(
    ("body", "told", "key", "expected"),
    [
        (WIDE.replace("Date", "Month"), {}, "Copper", "header: line 1: Month, Copper, Zinc; expected a line with"),
        (LONG, _LONG, "PB", "PB: no rows of PB"),
        (WIDE.replace("2024-02", "2/2024/x"), {}, "Copper", "line 3, Copper: 2/2024/x, 8310.7; expected"),
        (WIDE.replace("8310.7", "high"), {}, "Copper", "line 3, Copper: 2024-02, high; expected a number"),
        ("Date,Copper\n03/04/2024,1\n", {"freq": "D"}, "Copper", "say their order"),
        (WIDE.replace("2024-02", "2024-01"), {}, "Copper", "8310.7 for 2024-01-01 after 8344.9; expected one value"),
        (WIDE.replace("Zinc", "Copper"), {}, "Copper", "header: 2 columns Copper; expected one"),
        ("Date,Copper\n2024-01,8,344\n", {"separator": ","}, "Copper", "line 2: 3 cells; expected 2"),
        ("<html>Please log in</html>", {}, "Copper", "a page of HTML"),
        ('{"error": "no such table"}', {}, "Copper", "JSON"),
        ("Date,Copper\n", {}, "Copper", "no rows below the header"),
    ],
)
def test_what_is_not_as_the_section_says_is_told_with_its_place(
    body: str, told: dict[str, object], key: str, expected: str
) -> None:
    _, wrong, _ = fetched(body, section(**told), key)
    assert isinstance(wrong, SourceFailed)
    assert expected in str(wrong)


def test_an_answer_that_breaks_off_fails() -> None:
    found, wrong, _ = fetched(Answer(WIDE.encode(), "text/csv", cut=30), section(), "Copper")
    assert not found
    assert wrong is not None


def wrong_in(told: dict[str, object]) -> str:
    with pytest.raises(InvalidInput) as caught:
        CsvAddress.from_section("mine", told, "/home/sources.toml")
    return str(caught.value)


def test_everything_that_is_wrong_in_a_section_is_told_at_once() -> None:
    told = wrong_in({"adress": "https://prices.example", "freq": "often", "decimal": ";", "date": "Date"})
    assert "/home/sources.toml: mine.address: it is missing; an address that begins with http:// or https://" in told
    assert "mine.publisher: it is missing; whom to cite" in told
    assert "mine.adress = 'https://prices.example': expected one of" in told
    assert "nearest: address" in told
    assert "mine.freq = 'often': expected how often there is a value: D, B, W-SUN" in told
    assert "mine.decimal = ';': expected the decimal sign: . or ," in told


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"date": ""}, "mine.date = ''"),
        ({"year": "Year"}, "mine.date = 'year': expected either date, or both year and month"),
        ({"month": "Month"}, "mine.date = 'date, month': expected either date, or both year and month"),
        ({"key": "code"}, "mine.key = 'code': expected key and value together, or neither"),
        ({"value": "amount"}, "mine.value = 'amount': expected key and value together, or neither"),
        ({"separator": "blank"}, "mine.separator = 'blank': expected comma, semicolon, tab, pipe, or the character"),
        ({"encoding": "hex"}, "mine.encoding = 'hex': expected the name of an encoding, such as cp1252"),
        ({"dates": "ymd"}, "mine.dates = 'ymd': expected the order of day and month: dmy or mdy"),
        ({"freq": 12}, "mine.freq = 12: expected how often"),
    ],
)
def test_columns_that_do_not_go_together_and_words_that_are_none_are_told(
    told: dict[str, object], expected: str
) -> None:
    assert expected in wrong_in(section(**told))


def test_what_a_section_says_of_the_publisher_is_cited() -> None:
    source = CsvAddress.from_section("mine", section(licence="CC BY 4.0"), "sources.toml")
    assert (source.publisher, source.licence) == ("Prices Ltd", "CC BY 4.0")
    assert source.page == source.address == "https://prices.example/table.csv?of=metals"
