"""The imports of the European Union, met over a socket."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

import pytest

from forecast.errors import LayoutChanged, SourceFailed
from forecast.settings import data_dir
from forecast.sources.providers.eurostat import MOST_WAITS, WAIT, Eurostat
from forecast.sources.series_table import read_series_table
from forecast.sources.source import Quote
from forecast.sources.web import Web
from tests.support.feeds.eurostat import NO_RESULTS, Feed, fault
from tests.support.publishers import NOT_FOUND, Answer, Handler, Publisher, Request, published, web_for

SINCE = dt.date(2026, 1, 1)
SAMPLE = (data_dir() / "sources" / "samples" / "eurostat" / "imports.csv").read_text("utf-8")
CHINA, WORLD = "M.EU27_2020.CN.2846.1", "M.EU27_2020.EXT_EU27_2020.2846.1"
GALLIUM, GERMANIUM = "M.EU27_2020.CN.81129289.1.QUANTITY_IN_100KG", "M.EU27_2020.CN.81129295.1.QUANTITY_IN_100KG"
JULY, AUGUST = dt.date(2026, 7, 1), dt.date(2026, 8, 1)
TOO_BIG = fault(413, "EXTRACTION_TOO_BIG: The requested extraction is too big, max authorised is 5000000", 413)


def data(text: str = SAMPLE) -> Answer:
    return Answer(text.encode(), "application/vnd.sdmx.data+csv")


def promise(state: str) -> Answer:
    body = (
        '<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"><env:Body>'
        '<ns0:syncResponse xmlns:ns0="http://estat.ec.europa.eu/disschain/asynchronous">'
        f"<queued><id>98de05ea-540a-43d3-903b-7c9e14faf808</id><status>{state}</status></queued>"
        "</ns0:syncResponse></env:Body></env:Envelope>"
    )
    return Answer(body.encode(), "application/xml")


def fetched(publisher: Publisher, keys: Collection[str], since: dt.date = SINCE) -> list[Quote]:
    with web_for(Eurostat, publisher) as web:
        return list(Eurostat().fetch(web, keys, since))


def later(*states: str) -> Handler:
    """A publisher that promises the sample, and is in these states when it is asked for it."""
    left = list(states)

    def answer(request: Request) -> Answer:
        if request.path.startswith("sdmx/"):
            return promise("SUBMITTED")
        if request.path.startswith("1.0/async/status/"):
            return promise(left.pop(0) if len(left) > 1 else left[0])
        return data() if request.path == "1.0/async/data/98de05ea-540a-43d3-903b-7c9e14faf808" else NOT_FOUND

    return answer


def test_the_sample_gives_weights_in_hundreds_of_kilograms_and_values_in_euros() -> None:
    keys = [f"{CHINA}.QUANTITY_IN_100KG", f"{CHINA}.VALUE_IN_EUROS", f"{WORLD}.VALUE_IN_EUROS"]
    with published(lambda request: data()) as publisher:
        quotes = fetched(publisher, keys, AUGUST)
    assert quotes == [
        Quote(keys[0], AUGUST, 8692.09, "100 kg"),
        Quote(keys[1], AUGUST, 2070472.0, "EUR"),
        Quote(keys[2], AUGUST, 4408803.0, "EUR"),
    ]


def test_units_are_told_in_the_words_of_the_table() -> None:
    table = read_series_table("eurostat", data_dir() / "sources" / "eurostat.csv", {}, {})
    feed = Feed({one.key: {AUGUST: 25.0} for one in table})
    with published(feed) as publisher:
        units = {quote.key: quote.unit for quote in fetched(publisher, [one.key for one in table])}
    assert units == {one.key: one.delivered for one in table}


def test_all_series_of_the_table_are_asked_for_at_once() -> None:
    keys = [one.key for one in read_series_table("eurostat", data_dir() / "sources" / "eurostat.csv", {}, {})]
    with published(Feed({key: {AUGUST: 2.5} for key in keys})) as publisher:
        fetched(publisher, keys)
        (request,) = publisher.requests
    assert request.path.startswith("sdmx/2.1/data/DS-045409/M.EU27_2020.CN+EXT_EU27_2020.250410+")
    assert request.path.endswith(".1.QUANTITY_IN_100KG+VALUE_IN_EUROS")
    assert request.params == {"format": "SDMX-CSV", "compressed": "false", "startPeriod": "2025"}


def test_imports_from_the_world_are_those_from_outside_the_union() -> None:
    table = read_series_table("eurostat", data_dir() / "sources" / "eurostat.csv", {}, {})
    partners = {one.series.partner: one.key.split(".")[2] for one in table}
    assert partners == {"WLD": "EXT_EU27_2020", "CHN": "CN"}


def test_a_unit_value_is_made_of_value_and_weight_where_the_load_is_no_sample() -> None:
    key, weight, value = (f"{CHINA}.{name}" for name in ("EUR_PER_KG", "QUANTITY_IN_100KG", "VALUE_IN_EUROS"))
    feed = Feed({weight: {JULY: 9.9, AUGUST: 20.0}, value: {JULY: 50_000.0, AUGUST: 7_000.0}})
    with published(feed) as publisher:
        quotes = fetched(publisher, [key])
        (request,) = publisher.requests
    assert quotes == [Quote(key, AUGUST, 3.5, "EUR/kg", "derived")]
    assert request.path.endswith(".CN.2846.1.QUANTITY_IN_100KG+VALUE_IN_EUROS")


def test_unit_values_come_even_if_another_key_fails() -> None:
    key = f"{CHINA}.EUR_PER_KG"
    given: list[Quote] = []
    with (
        published(Feed({key: {AUGUST: 3.5}})) as publisher,
        web_for(Eurostat, publisher) as web,
        pytest.raises(SourceFailed, match=GALLIUM),
    ):
        given.extend(Eurostat().fetch(web, [key, GALLIUM], SINCE))
    assert given == [Quote(key, AUGUST, 3.5, "EUR/kg", "derived")]


def test_a_value_that_is_kept_secret_is_no_observation() -> None:
    with published(lambda request: data()) as publisher, pytest.raises(SourceFailed, match=GERMANIUM):
        fetched(publisher, [GALLIUM, GERMANIUM])


def test_a_code_that_is_no_more_does_not_take_the_others() -> None:
    feed = Feed({GALLIUM: {JULY: 12.5}, GERMANIUM: {JULY: 3.0}})
    words = "INVALID_QUERY_DIMENSION_VALUE: Query is invalid as per its structure&apos;s definition. PRODUCT=81129200"

    def answer(request: Request) -> Answer:
        return fault(150, words, 400) if "81129200" in request.path else feed(request)

    given: list[Quote] = []
    gone = GALLIUM.replace("81129289", "81129200")
    with (
        published(answer) as publisher,
        web_for(Eurostat, publisher) as web,
        pytest.raises(SourceFailed, match=rf"^eurostat: {gone}: INVALID_QUERY_DIM.*structure's.*81129200$"),
    ):
        given.extend(Eurostat().fetch(web, [GALLIUM, GERMANIUM, gone], SINCE))
    assert [quote.key for quote in given] == [GALLIUM, GERMANIUM]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (NO_RESULTS, "NO_RESULTS: The query did not return any results."),
        (TOO_BIG, "EXTRACTION_TOO_BIG: .*max authorised is 5000000"),
        (fault(100, "ERR_NOT_FOUND_2: DATA_SET:DS-045409 is not available for dissemination.", 404), "ERR_NOT_FOUND_2"),
        (fault(500, "The webservice failed", 200), "The webservice failed"),
    ],
)
def test_a_fault_is_told_in_the_words_of_the_publisher(answer: Answer, words: str) -> None:
    with published(lambda request: answer) as publisher, pytest.raises(SourceFailed, match=f"{GALLIUM}: {words}"):
        fetched(publisher, [GALLIUM])


def test_a_promised_answer_is_waited_for() -> None:
    waits: list[float] = []
    with published(later("PROCESSING", "AVAILABLE")) as publisher:
        with Web("eurostat", publisher.url, sleep=waits.append, accept=Eurostat.accept) as web:
            quotes = list(Eurostat().fetch(web, [GALLIUM], SINCE))
        paths = [request.path.rpartition("/")[0] for request in publisher.requests]
    assert quotes == [Quote(GALLIUM, AUGUST, 12.5, "100 kg")]
    assert paths[1:] == ["1.0/async/status", "1.0/async/status", "1.0/async/data"]
    assert waits.count(WAIT) == 2


def test_a_promise_that_is_not_kept_fails() -> None:
    with published(later("PROCESSING")) as publisher:
        with pytest.raises(SourceFailed, match="not there after 300 s"):
            fetched(publisher, [GALLIUM])
        assert len(publisher.requests) == 1 + MOST_WAITS


@pytest.mark.parametrize("state", ["EXPIRED", "UNKNOWN_REQUEST"])
def test_a_promise_that_is_withdrawn_fails(state: str) -> None:
    with published(later(state)) as publisher, pytest.raises(SourceFailed, match=f"the promised answer is {state}"):
        fetched(publisher, [GALLIUM])


def test_a_promise_without_a_state_is_a_changed_layout() -> None:
    def answer(request: Request) -> Answer:
        first = request.path.startswith("sdmx/")
        return promise("SUBMITTED") if first else Answer(b"<answer>soon</answer>", "application/xml")

    with published(answer) as publisher, pytest.raises(LayoutChanged, match="no status; expected SUBMITTED"):
        fetched(publisher, [GALLIUM])


def test_another_unit_is_handed_on_under_its_own_name() -> None:
    moved = SAMPLE.replace("QUANTITY_IN_100KG", "QUANTITY_IN_TONS")
    key = GALLIUM.replace("QUANTITY_IN_100KG", "QUANTITY_IN_TONS")
    with published(lambda request: data(moved)) as publisher:
        assert fetched(publisher, [key]) == [Quote(key, AUGUST, 12.5, "QUANTITY_IN_TONS")]


def test_a_renamed_column_is_a_changed_layout() -> None:
    renamed = data(SAMPLE.replace("indicators", "indicator", 1))
    with published(lambda request: renamed) as publisher, pytest.raises(LayoutChanged, match="indicators among them"):
        fetched(publisher, [GALLIUM])


def test_a_new_dimension_is_a_changed_layout() -> None:
    """Two means of transport under one key are not two values of the series."""
    lines = SAMPLE.replace("\n", ",SEA\n").replace("CONF_STATUS,SEA", "CONF_STATUS,transport")
    doubled = data(lines + lines[lines.index("\n") + 1 :].replace(",12.5,", ",7.5,").replace("SEA", "AIR"))
    with published(lambda request: doubled) as publisher, pytest.raises(LayoutChanged, match="a second value of"):
        fetched(publisher, [GALLIUM])
