"""Producer prices of the US Bureau of Labor Statistics: within its limits, and as its body says, not its status."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from forecast.errors import LayoutChanged, SourceFailed
from forecast.settings import data_dir
from forecast.sources.providers.bls import Bls
from forecast.sources.samples import samples_folder
from forecast.sources.series_table import read_series_table
from forecast.sources.source import Quote
from tests.support.feeds.bls import Feed
from tests.support.publishers import Answer, Handler, Publisher, published, web_for

SAMPLE = (samples_folder() / "bls" / "producer-prices.json").read_bytes()
SINCE = dt.date(2026, 1, 1)
_VALUES = {f"WPU{number}": {dt.date(year, 6, 1): float(year) for year in range(2005, 2027)} for number in range(30)}


def fetched(handler: Handler, *keys: str, since: dt.date = SINCE) -> tuple[list[Quote], SourceFailed | None, Publisher]:
    """What came, what was wrong, and what was asked for."""
    found: list[Quote] = []
    with published(handler) as publisher, web_for(Bls, publisher) as web:
        try:
            found.extend(Bls().fetch(web, keys, since))
        except SourceFailed as error:
            return found, error, publisher
    return found, None, publisher


def answering(body: bytes) -> Handler:
    return lambda request: Answer(body, "application/json")


def edited(before: str, after: str) -> bytes:
    """The sample with one text in it changed."""
    assert before.encode() in SAMPLE
    return SAMPLE.replace(before.encode(), after.encode())


def asked(publisher: Publisher) -> list[dict[str, object]]:
    return [json.loads(request.body) for request in publisher.requests]


def test_the_sample_is_read_without_the_month_that_is_marked_as_missing() -> None:
    found, wrong, _ = fetched(answering(SAMPLE), "WPU102501", "WPU1017")
    assert wrong is None
    assert {(quote.key, quote.ds): quote.value for quote in found} == {
        ("WPU102501", dt.date(2026, 2, 1)): 402.15,
        ("WPU1017", dt.date(2026, 2, 1)): 310.2,
        ("WPU1017", dt.date(2026, 1, 1)): 308.7,
    }


def test_results_in_a_list_of_one_are_read_as_they_are_documented() -> None:
    told = json.loads(SAMPLE)
    told["Results"] = [told["Results"]]
    assert fetched(answering(json.dumps(told).encode()), "WPU1017")[0]


def test_a_request_has_at_most_25_series_and_10_years() -> None:
    found, wrong, publisher = fetched(Feed(_VALUES), *_VALUES, since=dt.date(2005, 1, 1))
    assert wrong is None
    assert len(found) == 30 * 22
    this_year = dt.datetime.now(dt.UTC).year
    for request in asked(publisher):
        keys, first, last = request["seriesid"], int(str(request["startyear"])), int(str(request["endyear"]))
        assert isinstance(keys, list)
        assert len(keys) <= 25
        assert first <= last <= min(first + 9, this_year)
    assert [request["startyear"] for request in asked(publisher)][:3] == ["2005", "2015", "2025"]


def test_the_few_series_of_two_years_are_one_request() -> None:
    today = dt.datetime.now(dt.UTC).date()
    keys = ["WPU1", "WPU2", "WPU3"]
    _, _, publisher = fetched(Feed(_VALUES), *keys, since=today - dt.timedelta(days=730))
    assert [request["seriesid"] for request in asked(publisher)] == [keys]


def test_only_what_was_asked_for_comes_and_no_month_before() -> None:
    found, _, _ = fetched(answering(SAMPLE), "WPU1017", since=dt.date(2026, 2, 14))
    assert [(quote.key, quote.ds) for quote in found] == [("WPU1017", dt.date(2026, 2, 1))]


def test_a_mean_of_the_year_is_no_month() -> None:
    found, wrong, _ = fetched(
        answering(edited('"M01", "periodName": "January", "value": "308', '"M13", "value": "308')), "WPU1017"
    )
    assert [quote.ds for quote in found] == [dt.date(2026, 2, 1)]
    assert wrong is None


def test_a_series_that_does_not_exist_takes_no_other_with_it() -> None:
    found, wrong, _ = fetched(Feed(_VALUES), "WPU1", "WPU999")
    assert {quote.key for quote in found} == {"WPU1"}
    assert "Series does not exist for Series WPU999" in str(wrong)


def test_more_requests_than_a_day_has_are_told_in_the_words_of_the_publisher() -> None:
    told = "Request could not be serviced, as the daily threshold for total number of requests has been reached."
    body = json.dumps({"status": "REQUEST_NOT_PROCESSED", "responseTime": 0, "message": [told], "Results": {}})
    found, wrong, publisher = fetched(answering(body.encode()), "WPU1017")
    assert not found
    assert not isinstance(wrong, LayoutChanged)
    assert f"REQUEST_NOT_PROCESSED: {told}" in str(wrong)
    assert len(publisher.requests) == 1


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (edited('"seriesID"', '"series_id"'), "Results.series.0.seriesID: Field required"),
        (edited('"value": "310.2"', '"figure": "310.2"'), "Results.series.1.data.0.value: Field required"),
        (edited('"310.2"', '"n.a."'), "WPU1017, 2026 M02: 'n.a.'; expected a number"),
        (edited('"period": "M02"', '"period": "Q01"'), "WPU1017, 2026 Q01: Q01; expected a month"),
        (edited('"2026"', '"20261"'), "20261 M02: M02; expected a month"),
        (b"[" * 100_000, "lists within lists"),
        (edited('"Results"', '"Data"'), "Results: Field required"),
        (b"[1, 2]", "timeseries/data/: "),
        (b"<html>maintenance</html>", "a page of HTML"),
        (b"{", "no JSON"),
        (b'"maintenance"', "timeseries/data/: "),
    ],
)
def test_what_is_not_where_it_was_is_told_with_its_place(body: bytes, told: str) -> None:
    _, wrong, _ = fetched(answering(body), "WPU1017")
    assert isinstance(wrong, LayoutChanged)
    assert told in str(wrong)


def test_more_fields_are_no_fault() -> None:
    assert fetched(answering(edited('"latest"', '"aspects": [], "latest"')), "WPU1017")[1] is None


def test_an_answer_that_breaks_off_fails() -> None:
    cut = Answer(SAMPLE, "application/json", cut=100)
    found, wrong, _ = fetched(lambda request: cut, "WPU1017")
    assert not found
    assert wrong is not None


def test_the_series_of_the_table_are_indices_of_the_us() -> None:
    source = Bls()
    cite = {"publisher": source.publisher, "source_url": source.page, "licence": source.licence}
    table = read_series_table(source.name, data_dir() / "sources" / "bls.csv", cite, {})
    assert {one.series.reporter for one in table} == {"USA"}
    assert {(one.delivered, one.series.unit, one.factor) for one in table} == {("1982=100", "1982=100", 1.0)}
