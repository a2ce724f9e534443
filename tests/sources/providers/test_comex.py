"""What comes of the API of Comex Stat, months without trade and faults included."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Collection
from dataclasses import replace
from itertools import chain, repeat
from typing import TypedDict

import pytest

from forecast.errors import LayoutChanged, SourceFailed
from forecast.settings import data_dir
from forecast.sources.providers.comex import Comex
from forecast.sources.source import Quote
from tests.support.feeds.comex import Feed
from tests.support.publishers import Answer, Request, published, web_for

SAMPLE = (data_dir() / "sources" / "samples" / "comex" / "general.json").read_bytes()
NIOBIUM, PRICE, ORE = "export/720293/*/kg", "export/720293/*/usd-per-kg", "export/2601/*/kg"
TODAY = dt.datetime.now(dt.UTC).date()
MAY, JUNE, JULY = dt.date(2026, 5, 1), dt.date(2026, 6, 1), dt.date(2026, 7, 1)


def fetched(
    handler: Callable[[Request], Answer], keys: Collection[str], since: dt.date = dt.date(2026, 1, 1)
) -> tuple[list[Quote], list[Request]]:
    with published(handler) as publisher, web_for(Comex(), publisher) as web:
        return list(Comex().fetch(web, keys, since)), publisher.requests


def values(quotes: list[Quote], key: str) -> dict[dt.date, float]:
    return {quote.ds: quote.value for quote in quotes if quote.key == key}


class Question(TypedDict):
    flow: str
    period: dict[str, str]
    filters: list[dict[str, object]]
    details: list[str]


def asked(requests: list[Request]) -> list[Question]:
    return [json.loads(request.body) for request in requests]


def answering(*rows: dict[str, object], **fields: object) -> Callable[[Request], Answer]:
    body = json.dumps({"data": {"list": rows}, "success": True, **fields}).encode()
    return lambda request: Answer(body, "application/json")


ROW: dict[str, object] = {
    "year": "2026",
    "monthNumber": "05",
    "coNcm": "72029300",
    "metricFOB": "200",
    "metricKG": "10",
}


def test_the_sample_is_read_in_its_units() -> None:
    quotes, _ = fetched(lambda request: Answer(SAMPLE, "application/json"), [NIOBIUM, PRICE, "export/720293/*/usd"])
    assert values(quotes, NIOBIUM) == {MAY: 7804500, JUNE: 8642100}
    assert values(quotes, PRICE)[MAY] == pytest.approx(198450011 / 7804500)
    assert values(quotes, "export/720293/*/usd") == {MAY: 198450011, JUNE: 221304587}
    assert {quote.key: quote.unit for quote in quotes}[PRICE] == "USD/kg"


def test_a_question_is_of_one_year_one_flow_one_level_and_one_partner() -> None:
    months = (dt.date(TODAY.year - 1, 2, 1), dt.date(TODAY.year, 1, 1))
    keys = (NIOBIUM, ORE, "export/2601/160/kg", "import/850511/*/usd")
    quotes, requests = fetched(Feed({key: dict.fromkeys(months, 3.0) for key in keys}), keys, months[0])
    assert {key: set(values(quotes, key)) for key in keys} == {key: set(months) for key in keys}
    questions = asked(requests)
    assert len(questions) == 2 * 4
    assert questions[0]["period"] == {"from": f"{months[0]:%Y-%m}", "to": f"{months[0].year}-12"}
    assert questions[-1]["period"] == {"from": f"{TODAY.year}-01", "to": f"{TODAY:%Y-%m}"}
    assert {"filter": "country", "values": [160]} in [one for of in questions for one in of["filters"]]
    assert {str(of["filters"][0]["filter"]) for of in questions} == {"heading", "subHeading"}
    assert {tuple(of["details"]) for of in questions} == {("ncm",)}


def test_codes_of_a_level_are_asked_for_together_and_as_text_with_their_zeros() -> None:
    keys = {"export/0901/*/kg": {MAY: 1.0}, "export/2601/*/kg": {MAY: 2.0}, "export/2603+2604/*/kg": {MAY: 3.0}}
    quotes, requests = fetched(Feed(keys), list(keys))
    assert {quote.key: quote.value for quote in quotes} == {key: amounts[MAY] for key, amounts in keys.items()}
    (question,) = asked(requests)
    assert question["filters"] == [{"filter": "heading", "values": ["0901", "2601", "2603", "2604"]}]


def test_lines_of_eight_digits_are_summed_over_the_codes_of_a_key_whatever_their_level() -> None:
    def handler(request: Request) -> Answer:
        level = json.loads(request.body)["filters"][0]["filter"]
        codes = {"heading": ("26011100", "26011200", "26020090"), "subHeading": ("72029300",)}[level]
        return answering(*({**ROW, "coNcm": code} for code in codes))(request)

    quotes, _ = fetched(handler, ["export/2601+720293/*/kg", "export/2602/*/kg"])
    assert values(quotes, "export/2601+720293/*/kg") == {MAY: 30}
    assert values(quotes, "export/2602/*/kg") == {MAY: 10}


def test_a_published_month_without_a_row_is_one_without_trade_and_has_no_unit_value() -> None:
    feed = Feed({ORE: {MAY: 1.0, JUNE: 1.0, JULY: 1.0}, NIOBIUM: {MAY: 8.0}, PRICE: {MAY: 25.0}})
    quotes, _ = fetched(feed, [ORE, NIOBIUM, PRICE])
    assert values(quotes, NIOBIUM) == {MAY: 8.0, JUNE: 0.0, JULY: 0.0}
    assert values(quotes, PRICE) == {MAY: 25.0}


def test_a_line_is_not_without_trade_before_its_first_row() -> None:
    years = [dt.date(year, 1, 1) for year in (2023, 2024, 2025)]
    quotes, _ = fetched(Feed({ORE: dict.fromkeys(years, 1.0), NIOBIUM: {years[1]: 8.0}}), [ORE, NIOBIUM], years[0])
    assert values(quotes, NIOBIUM) == {years[1]: 8.0, years[2]: 0.0}


def test_an_amount_that_is_not_told_is_left_out() -> None:
    quotes, _ = fetched(
        answering({**ROW, "metricKG": None}, {**ROW, "monthNumber": "6"}), [NIOBIUM, "export/720293/*/usd"]
    )
    assert values(quotes, NIOBIUM) == {JUNE: 10}
    assert values(quotes, "export/720293/*/usd") == {MAY: 200, JUNE: 200}


def test_what_was_not_asked_for_is_not_handed_on() -> None:
    other, early = {**ROW, "coNcm": "72029200"}, {**ROW, "year": "2025"}
    quotes, _ = fetched(answering(ROW, other, early), [NIOBIUM])
    assert [(quote.key, quote.ds, quote.value) for quote in quotes] == [(NIOBIUM, MAY, 10)]


def test_nothing_is_asked_before_the_statistics_begin() -> None:
    _, requests = fetched(Feed({ORE: {MAY: 1.0}}), [ORE], dt.date(1980, 1, 1))
    assert asked(requests)[0]["period"] == {"from": "1997-01", "to": "1997-12"}


def test_a_new_field_is_no_fault_and_one_that_is_gone_is() -> None:
    assert fetched(answering({**ROW, "noNcm": "1"}, aviso="manutenção"), [NIOBIUM])[0]
    for field in ROW:
        gone = {name: value for name, value in ROW.items() if name != field}
        with pytest.raises(LayoutChanged, match=f"no field '{field}'"):
            fetched(answering(gone), [NIOBIUM])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"monthNumber": "maio"}, "monthNumber = 'maio'; expected a month"),
        ({"monthNumber": "13"}, "monthNumber = '13'"),
        ({"coNcm": "ferro"}, "coNcm = '000ferro'; expected a code of eight digits"),
        ({"metricFOB": "1.234,5"}, "metricFOB = '1.234,5'; expected a number"),
    ],
)
def test_what_is_no_month_or_no_number_is_a_changed_layout(changed: dict[str, object], words: str) -> None:
    with pytest.raises(LayoutChanged, match=words):
        fetched(answering({**ROW, **changed}), [NIOBIUM])


@pytest.mark.parametrize(
    ("body", "media", "words"),
    [
        (b'{"error": {"code": 400, "message": "Filtro inexistente"}}', "application/json", "Filtro inexistente"),
        (b'{"data": null, "success": false, "message": "Erro interno"}', "application/json", "Erro interno"),
        (b'{"data": null, "success": false}', "application/json", "success is false"),
        (b'{"data": null, "success": true}', "application/json", "no data.list"),
        (b'{"data": {"list": {}}, "success": true}', "application/json", "data.list is a dict"),
        (b"<html><body>Cloudflare</body></html>", "text/html", "a page of HTML"),
        (b"Too many requests", "text/plain", "no JSON"),
    ],
)
def test_an_answer_that_is_no_data_says_so_whatever_its_status(body: bytes, media: str, words: str) -> None:
    with pytest.raises(SourceFailed, match=words):
        fetched(lambda request: Answer(body, media), [NIOBIUM])


def test_an_answer_that_did_not_work_is_asked_for_again_once() -> None:
    failed = Answer(b'{"success": false, "data": null}', "application/json")
    left = chain([failed], repeat(Answer(SAMPLE, "application/json")))
    quotes, requests = fetched(lambda request: next(left), [NIOBIUM])
    assert len(quotes) == len(requests) == 2


def test_too_many_questions_and_a_cut_answer_are_failures() -> None:
    many = Answer(b'{"error": {"code": 429, "message": "Tente novamente em 10 segundos"}}', "application/json", 429)
    with pytest.raises(SourceFailed, match="429"):
        fetched(lambda request: many, [NIOBIUM])
    with pytest.raises(SourceFailed, match="comex: "):
        fetched(lambda request: replace(Answer(SAMPLE, "application/json"), cut=60), [NIOBIUM])


def test_nothing_at_all_for_months_is_a_failure_and_for_weeks_is_none() -> None:
    with pytest.raises(SourceFailed, match="no row of any of 1 lines since 2024-01-01"):
        fetched(answering(), [NIOBIUM], dt.date(2024, 1, 1))
    assert fetched(answering(), [NIOBIUM], TODAY - dt.timedelta(days=40))[0] == []
