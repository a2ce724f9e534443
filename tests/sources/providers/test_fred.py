"""FRED without a key: joined where its answer is one table, one by one where it is not."""

from __future__ import annotations

import datetime as dt

import pytest

from forecast.errors import InvalidInput, LayoutChanged, SourceFailed
from forecast.sources.providers.fred import Fred
from forecast.sources.samples import samples_folder
from forecast.sources.source import Quote
from tests.support.feeds.fred import Feed
from tests.support.publishers import Answer, Handler, Publisher, Request, published, web_for

SAMPLE = (samples_folder() / "fred" / "fredgraph.csv").read_bytes()
SINCE = dt.date(2026, 1, 1)
FRED = Fred.from_section("dollar", {}, "sources.toml")
_VALUES = {f"S{number}": {dt.date(2026, 1, 1): 1.5, dt.date(2026, 2, 1): 2.5} for number in range(30)}


def fetched(handler: Handler, *keys: str, since: dt.date = SINCE) -> tuple[list[Quote], SourceFailed | None, Publisher]:
    """What came, what was wrong, and what was asked for."""
    found: list[Quote] = []
    with published(handler) as publisher, web_for(FRED, publisher) as web:
        try:
            found.extend(FRED.fetch(web, keys, since))
        except SourceFailed as error:
            return found, error, publisher
    return found, None, publisher


def answering(body: bytes) -> Handler:
    return lambda request: Answer(body, "application/csv")


def ids(publisher: Publisher) -> list[str]:
    return [request.params["id"] for request in publisher.requests]


def test_the_sample_is_read_without_points_and_empty_cells() -> None:
    found, wrong, publisher = fetched(answering(SAMPLE), "WPU1017", "WPU102501", since=dt.date(2026, 1, 20))
    assert wrong is None
    assert {(quote.key, quote.ds): quote.value for quote in found} == {
        ("WPU102501", dt.date(2026, 1, 1)): 398.4,
        ("WPU102501", dt.date(2026, 2, 1)): 402.15,
        ("WPU1017", dt.date(2026, 1, 1)): 308.7,
        ("WPU1017", dt.date(2026, 3, 1)): 312.1,
    }
    assert [dict(request.params) for request in publisher.requests] == [
        {"id": "WPU1017,WPU102501", "cosd": "2026-01-01"}
    ]


def test_the_header_that_it_had_until_2024_is_read() -> None:
    assert fetched(answering(SAMPLE.replace(b"observation_date", b"DATE")), "WPU1017")[0]


def test_more_columns_than_were_asked_for_stay_out() -> None:
    found, wrong, _ = fetched(answering(SAMPLE), "WPU1017")
    assert {quote.key for quote in found} == {"WPU1017"}
    assert wrong is None


def test_many_series_are_asked_for_in_few_requests() -> None:
    found, wrong, publisher = fetched(Feed(_VALUES), *_VALUES)
    assert wrong is None
    assert len(found) == 60
    assert [len(one.split(",")) for one in ids(publisher)] == [20, 10]


def test_a_series_that_is_not_known_takes_no_other_with_it() -> None:
    found, wrong, publisher = fetched(Feed(_VALUES), "S1", "S2", "UNKNOWN")
    assert {quote.key for quote in found} == {"S1", "S2"}
    assert isinstance(wrong, LayoutChanged)
    assert "UNKNOWN: status 404, no such series" in str(wrong)
    assert ids(publisher) == ["S1,S2,UNKNOWN", "S1", "S2", "UNKNOWN"]


def test_series_of_several_frequencies_are_asked_for_one_by_one() -> None:
    feed = Feed(_VALUES)

    def by_frequency(request: Request) -> Answer:
        together = "," in request.params["id"]
        return Answer(b"PK\x03\x04 daily.csv monthly.csv", "application/zip") if together else feed(request)

    found, wrong, publisher = fetched(by_frequency, "S1", "S2")
    assert wrong is None
    assert {quote.key for quote in found} == {"S1", "S2"}
    assert ids(publisher) == ["S1,S2", "S1", "S2"]


def test_a_publisher_that_is_down_is_not_asked_for_each_series() -> None:
    def down(request: Request) -> Answer:
        return Answer(b"down", "text/plain", 403)

    _, wrong, publisher = fetched(down, *_VALUES)
    assert "status 403" in str(wrong)
    assert len(publisher.requests) == 1


def test_an_answer_that_has_been_read_is_not_read_again() -> None:
    with published(answering(SAMPLE)) as publisher:
        with web_for(FRED, publisher) as web:
            assert list(FRED.fetch(web, ["WPU1017"], SINCE))
        with web_for(FRED, publisher, known=web.seen) as again:
            assert not list(FRED.fetch(again, ["WPU1017"], SINCE))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            SAMPLE.replace(b"observation_date", b"day"),
            "header: day,WPU102501,WPU1017; expected observation_date,…,WPU1017",
        ),
        (SAMPLE.replace(b"WPU1017", b"WPU1017_20260301"), "expected observation_date,…,WPU1017"),
        (SAMPLE.replace(b"2026-01-01", b"01/01/2026"), "line 2, WPU1017: 01/01/2026,308.7"),
        (SAMPLE.replace(b"308.7", b"n.a."), "line 2, WPU1017: 2026-01-01,n.a.; expected a date, and a number or a ."),
        (SAMPLE.replace(b"398.400,", b"398,400,"), "line 2: 4 cells; expected 3"),
        (b"observation_date,WPU1017\n", "WPU1017: no rows"),
        (b"<html>Access denied</html>", "a page of HTML"),
        (b'{"error_code": 400}', "JSON"),
        (b"PK\x03\x04 archive", "fredgraph.csv"),
    ],
)
def test_what_is_not_where_it_was_is_told_with_its_place(body: bytes, told: str) -> None:
    _, wrong, _ = fetched(answering(body), "WPU1017")
    assert isinstance(wrong, LayoutChanged)
    assert told in str(wrong)


def test_an_answer_that_breaks_off_fails() -> None:
    cut = Answer(SAMPLE, "application/csv", cut=40)
    found, wrong, _ = fetched(lambda request: cut, "WPU1017")
    assert not found
    assert wrong is not None


def test_a_section_needs_nothing_and_says_what_the_terms_are() -> None:
    assert FRED.address.startswith("https://fred.stlouisfed.org")
    assert "no training of software without permission" in FRED.licence


def test_a_field_that_is_none_is_told_with_the_nearest() -> None:
    with pytest.raises(InvalidInput) as caught:
        Fred.from_section("dollar", {"license": "mine", "address": "ftp://x"}, "sources.toml")
    told = str(caught.value)
    assert "sources.toml: dollar.license = 'mine': expected one of" in told
    assert "nearest: licence" in told
    assert "dollar.address = 'ftp://x': expected an address that begins with http:// or https://" in told
