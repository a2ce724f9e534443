"""What comes of the API of HM Revenue and Customs, suppressed months, pages and faults included."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Collection
from dataclasses import replace

import pytest

from forecast.errors import InvalidInput, LayoutChanged, SourceFailed
from forecast.settings import data_dir
from forecast.sources.providers.hmrc import Hmrc
from forecast.sources.source import Quote
from forecast.sources.trade_lines import trade_lines
from tests.support.feeds.hmrc import Feed
from tests.support.publishers import Answer, Request, published, web_for

SAMPLE = (data_dir() / "sources" / "samples" / "hmrc" / "ots.json").read_bytes()
RARE_EARTHS, WEIGHT = "import/280530+2846/*/gbp", "import/280530+2846/*/kg"
SINCE = dt.date(2025, 5, 1)
MAY, JUNE, JULY = dt.date(2025, 5, 1), dt.date(2025, 6, 1), dt.date(2025, 7, 1)


def fetched(
    handler: Callable[[Request], Answer], keys: Collection[str], since: dt.date = SINCE
) -> tuple[list[Quote], list[Request]]:
    with published(handler) as publisher, web_for(Hmrc(), publisher) as web:
        return list(Hmrc().fetch(web, keys, since)), publisher.requests


def values(quotes: list[Quote], key: str) -> dict[dt.date, float]:
    return {quote.ds: quote.value for quote in quotes if quote.key == key}


def answering(*rows: dict[str, object], **fields: object) -> Callable[[Request], Answer]:
    return lambda request: Answer(json.dumps({"value": rows, **fields}).encode(), "application/json")


def row(month: int, code: int, value: float | None, mass: float | None, hidden: int = 0) -> dict[str, object]:
    return {
        "MonthId": month,
        "CommodityId": code,
        "SuppressionIndex": hidden,
        "TotalValue": value,
        "TotalMass": mass,
    }


def refuse(request: Request) -> Answer:
    raise AssertionError("nothing is asked")


def sampled(request: Request) -> Answer:
    """The sample, for everything that was from everywhere."""
    of_partner = "Country" in request.params["$apply"]
    return Answer(b'{"value": []}' if of_partner else SAMPLE, "application/json")


def test_lines_of_eight_digits_are_summed_over_the_codes_of_a_key() -> None:
    quotes, _ = fetched(sampled, [RARE_EARTHS, "import/2846/*/kg"])
    assert values(quotes, RARE_EARTHS) == {MAY: 812044 + 301220 + 195870, JUNE: 1904000 + 411300 + 1150532 + 64000}
    assert values(quotes, "import/2846/*/kg") == {MAY: 61400 + 8210}, "June has a line whose weight is not told"
    assert {(quote.key, quote.unit) for quote in quotes} == {(RARE_EARTHS, "GBP"), ("import/2846/*/kg", "kg")}


def test_the_question_asks_for_flows_with_the_union_and_others_and_for_lines_without_leading_zeros() -> None:
    _, requests = fetched(Feed({"export/0901/*/kg": {MAY: 1.0}}), ["export/0901/*/kg"])
    (asked,) = (request.params["$apply"] for request in requests)
    assert "(FlowTypeId eq 2 or FlowTypeId eq 4)" in asked
    assert "(CommodityId ge 9010000 and CommodityId le 9019999)" in asked
    assert asked.startswith("filter(MonthId ge 202505 and MonthId le ")
    assert asked.endswith(
        "/groupby((MonthId,CommodityId,SuppressionIndex),"
        "aggregate(Value with sum as TotalValue,NetMass with sum as TotalMass))"
    )


def test_a_month_that_is_published_and_has_no_row_of_a_line_is_a_month_without_trade() -> None:
    keys = {"import/850511/*/kg": {MAY: 5.0, JUNE: 6.0, JULY: 7.0}, "import/811292/*/kg": {MAY: 3.0}}
    quotes, _ = fetched(Feed(keys), list(keys))
    assert values(quotes, "import/811292/*/kg") == {MAY: 3.0, JUNE: 0.0, JULY: 0.0}
    assert max(quote.ds for quote in quotes) == JULY, "what is not published is not 0"


def test_a_line_is_not_without_trade_before_its_first_row_since_its_codes_may_not_have_been_there() -> None:
    years = [dt.date(year, 1, 1) for year in (2018, 2021, 2023, 2024)]
    keys = {"import/8103/*/kg": dict.fromkeys(years, 5.0), "import/810391/CN/kg": {years[2]: 2.0}}
    quotes, _ = fetched(Feed(keys), list(keys), years[0])
    assert values(quotes, "import/810391/CN/kg") == {years[2]: 2.0, years[3]: 0.0}


def test_what_came_from_a_partner_is_asked_for_by_its_code_and_comes_under_its_key() -> None:
    keys = {"import/850511/*/kg": {MAY: 50.0, JUNE: 60.0}, "import/850511/CN/kg": {MAY: 41.0}}
    quotes, requests = fetched(Feed(keys), list(keys))
    assert values(quotes, "import/850511/*/kg") == {MAY: 50.0, JUNE: 60.0}
    assert values(quotes, "import/850511/CN/kg") == {MAY: 41.0, JUNE: 0.0}
    assert sum("Country/CountryCodeAlpha eq 'CN'" in request.params["$apply"] for request in requests) == 1


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (0, {"*/gbp", "*/kg", "CN/gbp", "CN/kg"}),
        (2, {"*/gbp", "*/kg"}),
        (3, {"*/gbp"}),
        (4, {"*/gbp", "*/kg", "CN/gbp"}),
        (5, {"*/gbp", "CN/gbp"}),
    ],
)
def test_a_month_is_left_out_where_a_part_of_what_a_key_says_is_suppressed(kind: int, told: set[str]) -> None:
    everywhere = [row(202505, 28469030, 900.0, 80.0, kind), row(202505, 28461000, 100.0, 10.0)]

    def handler(request: Request) -> Answer:
        rows = [row(202505, 28461000, 60.0, 6.0)] if "Country" in request.params["$apply"] else everywhere
        return answering(*rows)(request)

    quotes, _ = fetched(handler, [f"import/2846/{rest}" for rest in ("*/gbp", "*/kg", "CN/gbp", "CN/kg")])
    assert {quote.key.removeprefix("import/2846/") for quote in quotes} == told


@pytest.mark.parametrize(("value", "weight", "told"), [(100.0, None, "gbp"), (None, 10.0, "kg")])
def test_an_amount_that_is_null_is_none_of_zero(value: float | None, weight: float | None, told: str) -> None:
    rows = (row(202505, 28461000, value, weight), row(202505, 28469030, 5.0, 5.0))
    quotes, _ = fetched(answering(*rows), ["import/2846/*/kg", "import/2846/*/gbp"])
    assert [quote.key for quote in quotes] == [f"import/2846/*/{told}"]


def test_all_pages_are_read_from_where_the_first_was() -> None:
    months = [dt.date(2024 + index // 12, index % 12 + 1, 1) for index in range(20)]
    amounts = {month: float(place) for place, month in enumerate(months, start=1)}
    quotes, requests = fetched(Feed({WEIGHT: amounts}, page=8), [WEIGHT], dt.date(2024, 1, 1))
    assert values(quotes, WEIGHT) == amounts
    assert [request.params.get("$skip") for request in requests] == [None, "8", "16"]
    assert len({request.params["$apply"] for request in requests}) == 1


def test_a_link_to_a_page_that_was_read_already_is_a_fault() -> None:
    again = answering(row(202505, 28461000, 1.0, 1.0), **{"@odata.nextLink": "https://x/OTS?$skip=1"})
    with pytest.raises(LayoutChanged, match="nextLink"):
        fetched(again, [WEIGHT])


def test_long_spans_are_asked_for_in_parts_and_many_codes_in_groups() -> None:
    keys = {f"import/{code}/*/kg": {dt.date(2012, 3, 1): float(code)} for code in range(2601, 2617)}
    quotes, requests = fetched(Feed(keys), list(keys), dt.date(2012, 3, 1))
    assert {quote.key: quote.value for quote in quotes if quote.value} == {key: float(key[7:11]) for key in keys}
    spans = sorted({request.params["$apply"].split(" and (")[0] for request in requests})
    assert len(requests) == 2 * len(spans), "16 codes are two groups"
    assert spans[0] == "filter(MonthId ge 201203 and MonthId le 201502"
    assert spans[1].startswith("filter(MonthId ge 201503 and ")
    assert all(request.params["$apply"].count("CommodityId ge") <= 12 for request in requests)


def test_nothing_is_asked_before_the_statistics_begin() -> None:
    key = "import/74/*/gbp"
    quotes, requests = fetched(Feed({key: {dt.date(2000, 1, 1): 7.0}}), [key], dt.date(1970, 1, 1))
    assert values(quotes, key) == {dt.date(2000, 1, 1): 7.0}
    assert min(request.params["$apply"] for request in requests).startswith("filter(MonthId ge 200001")


def test_only_keys_that_were_asked_for_come_and_only_since_the_day() -> None:
    feed = Feed({RARE_EARTHS: {MAY: 1.0, JUNE: 2.0}, "import/850511/*/gbp": {JUNE: 3.0}})
    quotes, _ = fetched(feed, [RARE_EARTHS], dt.date(2025, 6, 15))
    assert [(quote.key, quote.ds) for quote in quotes] == [(RARE_EARTHS, JUNE)]
    assert fetched(refuse, [])[0] == []


def test_a_field_that_is_not_needed_is_no_fault() -> None:
    first = {**row(202505, 28461000, 5.0, 1.0), "@odata.id": None, "SuppUnit": 3}
    quotes, _ = fetched(answering(first, **{"@odata.count": 1}), [RARE_EARTHS])
    assert values(quotes, RARE_EARTHS) == {MAY: 5.0}


@pytest.mark.parametrize("field", ["MonthId", "CommodityId", "SuppressionIndex", "TotalValue", "TotalMass"])
def test_a_field_under_another_name_is_a_changed_layout(field: str) -> None:
    renamed = {
        ("x" + name if name == field else name): value for name, value in row(202505, 28461000, 5.0, 1.0).items()
    }
    with pytest.raises(LayoutChanged, match=f"no field '{field}'"):
        fetched(answering(renamed), [RARE_EARTHS])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"MonthId": "2025-05"}, "MonthId = '2025-05'; expected a month such as 202505"),
        ({"MonthId": 202513}, "MonthId = '202513'"),
        ({"CommodityId": "2846.10"}, "CommodityId = '2846.10'"),
        ({"TotalValue": "a lot"}, "TotalValue = 'a lot'; expected a number"),
        ({"SuppressionIndex": "none"}, "SuppressionIndex = 'none'"),
    ],
)
def test_what_is_no_month_no_code_or_no_number_is_a_changed_layout(changed: dict[str, object], words: str) -> None:
    with pytest.raises(LayoutChanged, match=words):
        fetched(answering({**row(202505, 28461000, 5.0, 1.0), **changed}), [RARE_EARTHS])


@pytest.mark.parametrize(
    ("body", "media", "words"),
    [
        (b'{"error": {"code": "", "message": "The query is invalid"}}', "application/json", "The query is invalid"),
        (b"<!DOCTYPE html><html>maintenance</html>", "text/html", "a page of HTML"),
        (b'{"values": []}', "application/json", "no value"),
        (b'{"value": [1]}', "application/json", "value is a list; expected a list of objects"),
        (b"[]", "application/json", "a list; expected an object"),
        (b'{"value": [{"MonthId"', "application/json", "no JSON"),
        (b"", "application/json", "an empty answer"),
    ],
)
def test_an_answer_that_is_no_data_says_so_whatever_its_status(body: bytes, media: str, words: str) -> None:
    with pytest.raises(SourceFailed, match=words):
        fetched(lambda request: Answer(body, media), [RARE_EARTHS])


def test_an_error_and_a_cut_answer_are_failures_that_say_what_was_said() -> None:
    said = Answer(b'{"error":{"code":"","message":"An error has occurred."}}', "application/json", 500)
    with pytest.raises(SourceFailed, match="500"):
        fetched(lambda request: said, [RARE_EARTHS])
    with pytest.raises(SourceFailed, match="hmrc: "):
        fetched(lambda request: replace(Answer(SAMPLE, "application/json"), cut=100), [RARE_EARTHS])


def test_nothing_at_all_for_years_is_a_failure_and_for_weeks_is_none() -> None:
    with pytest.raises(SourceFailed, match="no row of any of 1 lines since 2025-05-01"):
        fetched(answering(), [RARE_EARTHS])
    assert fetched(answering(), [RARE_EARTHS], dt.datetime.now(dt.UTC).date() - dt.timedelta(days=40))[0] == []


def test_a_publisher_that_goes_away_takes_nothing_of_what_came_before() -> None:
    feed = Feed({RARE_EARTHS: {dt.date(2016, 1, 1): 4.0}})

    def handler(request: Request) -> Answer:
        gone = "ge 2016" not in request.params["$apply"]
        return Answer(b"gone", "text/plain", 404) if gone else feed(request)

    came: list[Quote] = []
    with published(handler) as publisher, web_for(Hmrc(), publisher) as web:
        quotes = Hmrc().fetch(web, [RARE_EARTHS], dt.date(2016, 1, 1))
        with pytest.raises(SourceFailed, match="404"):
            came.extend(quotes)
    assert [quote.value for quote in came] == [4.0]


def test_a_key_that_says_nothing_is_refused_with_what_would_have_been_right() -> None:
    keys = ["import/2846/*/tonnes", "re-export/2846/*/kg", "import/284/*/kg", "import/2846/China/kg", "copper"]
    with pytest.raises(InvalidInput) as refused:
        trade_lines(keys, ("gbp", "kg"))
    assert [fault.value for fault in refused.value.faults] == keys
    assert "measure one of gbp, kg" in str(refused.value)
