"""The prices of the International Monetary Fund, met over a socket."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Collection

import pytest

from forecast.errors import LayoutChanged, SourceFailed
from forecast.settings import data_dir
from forecast.sources.providers.imf import Imf
from forecast.sources.series_table import read_series_table
from forecast.sources.source import Quote
from tests.support.feeds.imf import Feed
from tests.support.publishers import Answer, Handler, Publisher, Request, published, web_for

SINCE = dt.date(2026, 1, 1)
SAMPLE = (data_dir() / "sources" / "samples" / "imf" / "pcps.csv").read_text("utf-8")
COBALT, URANIUM = "G001.PCOBA.USD.M", "G001.PURAN.USD.M"
HEADER = SAMPLE.partition("\n")[0]


def sent(text: str, status: int = 200, media: str = "application/vnd.sdmx.data+csv") -> Handler:
    return lambda request: Answer(text.encode(), media, status)


def fetched(publisher: Publisher, keys: Collection[str], since: dt.date = SINCE) -> list[Quote]:
    with web_for(Imf, publisher) as web:
        return list(Imf().fetch(web, keys, since))


def test_the_sample_gives_prices_by_month_and_its_unit_stands_in_the_table() -> None:
    with published(sent(SAMPLE)) as publisher:
        quotes = fetched(publisher, [COBALT, URANIUM])
    assert quotes == [
        Quote(COBALT, dt.date(2026, 8, 1), 55853.75),
        Quote(URANIUM, dt.date(2026, 7, 1), 69.23),
        Quote(URANIUM, dt.date(2026, 8, 1), 71.09),
    ]


def test_all_series_of_the_table_are_asked_for_at_once_as_csv() -> None:
    path = data_dir() / "sources" / "imf.csv"
    keys = [one.key for one in read_series_table("imf", path, {}, {})]
    feed = Feed({key: {dt.date(2026, 8, 1): 7.5} for key in keys})
    with published(feed) as publisher:
        quotes = fetched(publisher, keys)
        (request,) = publisher.requests
    assert {quote.key for quote in quotes} == set(keys)
    assert request.path.startswith("IMF.RES,PCPS/G001.PCHROM+PCOBA+")
    assert request.path.endswith(".USD+INDEX.M")
    assert request.params == {"startPeriod": "2025"}
    assert request.headers["Accept"] == "application/vnd.sdmx.data+csv;version=1.0.0"


def test_every_key_of_the_sample_is_one_of_the_table() -> None:
    path = data_dir() / "sources" / "imf.csv"
    keys = {one.key for one in read_series_table("imf", path, {}, {})}
    assert {".".join(row[1:5]) for row in list(csv.reader(SAMPLE.splitlines()))[1:]} <= keys


def test_only_what_is_asked_for_and_recent_is_given() -> None:
    feed = Feed({COBALT: {dt.date(2025, 12, 1): 1.0, dt.date(2026, 1, 1): 2.0}, URANIUM: {dt.date(2026, 1, 1): 3.0}})
    with published(feed) as publisher:
        assert fetched(publisher, [COBALT]) == [Quote(COBALT, dt.date(2026, 1, 1), 2.0)]


def test_rows_of_the_year_1900_are_left_out_even_if_everything_is_asked_for() -> None:
    stray = f"{HEADER}\nIMF.RES:PCPS(9.0.0),G001,PCOBA,USD,M,1900-M01,1,0\n"
    with published(sent(stray)) as publisher:
        assert fetched(publisher, [COBALT], dt.date(1900, 1, 1)) == []


def test_a_key_that_is_answered_by_nothing_is_told_after_what_came() -> None:
    given: list[Quote] = []
    words = r"^imf: G001.PNONE.USD.M: no value since 2025; is it the key of one series, and still published\?$"
    with (
        published(Feed({COBALT: {dt.date(2026, 8, 1): 2.0}})) as publisher,
        web_for(Imf, publisher) as web,
        pytest.raises(SourceFailed, match=words),
    ):
        given.extend(Imf().fetch(web, [COBALT, "G001.PNONE.USD.M"], SINCE))
    assert [quote.key for quote in given] == [COBALT]


def test_a_header_and_a_row_of_nothing_is_no_answer() -> None:
    with published(Feed({})) as publisher, pytest.raises(SourceFailed, match=r"G001.PCOBA.USD.M: no value since 2025"):
        fetched(publisher, [COBALT])


def test_an_unchanged_answer_is_not_read_again() -> None:
    with published(sent(SAMPLE)) as publisher:
        with web_for(Imf, publisher) as web:
            first = list(Imf().fetch(web, [COBALT], SINCE))
            seen = dict(web.seen)
        with web_for(Imf, publisher, known=seen) as web:
            assert len(first) == 1
            assert list(Imf().fetch(web, [COBALT], SINCE)) == []


def test_scaled_values_are_a_changed_layout() -> None:
    scaled = SAMPLE.replace("55853.75,0", "55.85375,3")
    with published(sent(scaled)) as publisher, pytest.raises(LayoutChanged, match="SCALE = '3'; expected 0"):
        fetched(publisher, [COBALT])


def test_a_renamed_dimension_is_a_changed_layout() -> None:
    renamed = SAMPLE.replace("INDICATOR", "COMMODITY", 1)
    with published(sent(renamed)) as publisher, pytest.raises(LayoutChanged, match="expected INDICATOR among them"):
        fetched(publisher, [COBALT])


def test_a_new_attribute_is_no_fault() -> None:
    lines = [line + (",UNIT" if line == HEADER else ",USD") for line in SAMPLE.splitlines()]
    with published(sent("\n".join(lines))) as publisher:
        assert fetched(publisher, [COBALT]) == [Quote(COBALT, dt.date(2026, 8, 1), 55853.75)]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(b"<!doctype html><title>Maintenance</title>", "text/html"), "a page of HTML, not csv or xml"),
        (Answer(b'{"meta": {}, "data": {"dataSets": []}}', "application/json"), "JSON; expected SDMX-CSV"),
        (Answer(b"access denied", "text/plain", 403), "status 403: access denied"),
        (Answer(b"busy", "text/plain", 503), "status 503; 4 attempts"),
        (Answer(SAMPLE.encode(), "text/csv", cut=200), "4 attempts"),
        (Answer(b" ", "text/csv"), "an empty answer"),
    ],
)
def test_what_is_no_data_fails_and_says_why(answer: Answer, words: str) -> None:
    with published(lambda request: answer) as publisher, pytest.raises(SourceFailed, match=words):
        fetched(publisher, [COBALT, URANIUM])


def test_a_publisher_that_refuses_every_key_is_not_asked_for_all_of_them() -> None:
    keys = [f"G001.P{number}.USD.M" for number in range(9)]
    with published(sent("no such flow", 404, "text/plain")) as publisher:
        with pytest.raises(SourceFailed, match=r"no such flow.*6 more keys were not asked for, as none was answered"):
            fetched(publisher, keys)
        assert len(publisher.requests) == 4


def test_one_refused_key_does_not_take_the_others() -> None:
    feed = Feed({COBALT: {dt.date(2026, 8, 1): 2.0}, URANIUM: {dt.date(2026, 8, 1): 3.0}})

    def answer(request: Request) -> Answer:
        gone = "PGONE" in request.path
        return Answer(b"Bad request: no code PGONE", "text/plain", 400) if gone else feed(request)

    given: list[Quote] = []
    words = r"^imf: G001.PGONE.USD.M: Bad request: no code PGONE$"
    with (
        published(answer) as publisher,
        web_for(Imf, publisher) as web,
        pytest.raises(SourceFailed, match=words),
    ):
        given.extend(Imf().fetch(web, [COBALT, "G001.PGONE.USD.M", URANIUM], SINCE))
    assert [quote.key for quote in given] == [COBALT, URANIUM]
