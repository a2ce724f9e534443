"""UN Comtrade as a source: whole answers only, each figure once, and what it says of its mistakes."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from datetime import date

import pytest

from forecast.errors import LayoutChanged, SourceFailed
from forecast.settings import data_dir
from forecast.sources.portions import months
from forecast.sources.providers.comtrade import Comtrade
from forecast.sources.samples import samples_folder
from forecast.sources.source import Quote
from tests.support.feeds.comtrade import PREVIEW, WHOLE, Feed, answer, failed, record, refused
from tests.support.publishers import Answer, Handler, Request, published, web_for
from tests.support.quotes import values

THIS_MONTH = months(date.today(), date.today())[0]
LAST_MONTH = months(date.fromordinal(THIS_MONTH.toordinal() - 1), date.today())[0]
WEIGHT, VALUE, PRICE = "156/X/842/2846/netWgt", "156/X/842/2846/primaryValue", "156/X/842/2846/usd_per_kg"
WORLD = "156/X/0/2846/netWgt"


def fetched(handler: Handler, *keys: str, since: date = LAST_MONTH, key: str = "") -> tuple[list[Quote], list[Request]]:
    """What the source gives of an answering publisher, and what it asked."""
    with published(handler) as publisher, web_for(Comtrade(), publisher, key=key) as web:
        return list(Comtrade().fetch(web, keys, since)), publisher.requests


def always(*records: dict[str, object]) -> Handler:
    return lambda request: Answer(answer(list(records)), "application/json")


def of_last_month(partner: str, weight: float, value: float, **other: object) -> dict[str, object]:
    return record("156", "X", "2846", partner, LAST_MONTH, weight, value, **other)


def test_a_sample_gives_the_figures_it_has() -> None:
    sample = (samples_folder() / "comtrade" / "exports.json").read_bytes()
    keys = (WEIGHT, VALUE, PRICE, WORLD, "156/X/842/280530/netWgt")
    quotes, _ = fetched(lambda request: Answer(sample, "application/json"), *keys, since=date(2024, 5, 1))
    may = date(2024, 5, 1)
    assert set(quotes) == {
        Quote(WEIGHT, may, 410000.0, "kg"),
        Quote(VALUE, may, 2350000.0, "USD"),
        Quote(PRICE, may, 2350000.0 / 410000.0, "USD/kg"),
        Quote(WORLD, may, 5100000.0, "kg"),
        Quote("156/X/842/280530/netWgt", may, 12000.5, "kg"),
    }


def test_without_a_key_the_preview_is_asked_for_one_month_at_a_time() -> None:
    _, requests = fetched(Feed({WORLD: {LAST_MONTH: 1.0}}), WORLD, WEIGHT)
    assert [request.path for request in requests] == [PREVIEW, PREVIEW]
    assert [request.params["period"] for request in requests] == [f"{LAST_MONTH:%Y%m}", f"{THIS_MONTH:%Y%m}"]
    assert dict(requests[0].params) == {
        "reporterCode": "156",
        "flowCode": "X",
        "cmdCode": "2846",
        "partnerCode": "0,842",
        "period": f"{LAST_MONTH:%Y%m}",
        "partner2Code": "0",
        "customsCode": "C00",
        "motCode": "0",
    }


def test_with_a_key_twelve_months_are_asked_for_and_the_key_goes_in_a_header() -> None:
    since = date(THIS_MONTH.year - 2, THIS_MONTH.month, 1)
    _, requests = fetched(Feed({WORLD: {since: 1.0}}, key="secret"), WORLD, since=since, key="secret")
    assert [request.path for request in requests] == [WHOLE] * 3
    assert [len(request.params["period"].split(",")) for request in requests] == [12, 12, 1]
    assert not any("secret" in str(request.params) for request in requests)


def test_the_world_is_asked_for_with_every_partner_so_that_nothing_traded_is_told_from_nothing_published() -> None:
    quotes, requests = fetched(always(of_last_month("842", 70, 700)), WEIGHT)
    assert requests[0].params["partnerCode"] == "0,842"
    assert quotes == [], "a partner without the world is no whole answer"
    quotes, _ = fetched(Feed({"156/X/392/2846/netWgt": {LAST_MONTH: 70.0}}), WEIGHT, VALUE, PRICE)
    assert values(quotes) == {WEIGHT: {LAST_MONTH: 0.0}, VALUE: {LAST_MONTH: 0.0}}


def test_nothing_comes_of_a_key_that_is_not_asked_for() -> None:
    feed = Feed({WORLD: {LAST_MONTH: 70.0}, WEIGHT: {LAST_MONTH: 20.0}, "156/X/0/8110/netWgt": {LAST_MONTH: 5.0}})
    quotes, _ = fetched(feed, WEIGHT)
    assert values(quotes) == {WEIGHT: {LAST_MONTH: 20.0}}
    others = [of_last_month("276", 1, 1)] * 2 + [of_last_month("842", 5, 5, reporterCode=699)]
    others += [of_last_month("842", 6, 6, flowCode="RX")]
    quotes, _ = fetched(always(of_last_month("0", 9, 90), *others), WORLD, WEIGHT)
    assert values(quotes) == {WORLD: {LAST_MONTH: 9.0}, WEIGHT: {LAST_MONTH: 0.0}}


def test_no_question_asks_for_more_figures_than_an_answer_holds() -> None:
    keys = [f"156/X/{partner}/{code}/netWgt" for partner in range(30) for code in range(1000, 1050)]
    feed = Feed({key: {LAST_MONTH: 10.0 + place} for place, key in enumerate(keys)})
    quotes, requests = fetched(feed, *keys)
    for request in requests:
        asked = [len(request.params[name].split(",")) for name in ("cmdCode", "partnerCode", "period")]
        assert asked[0] * asked[1] * asked[2] < 500
    assert values(quotes) == {key: {LAST_MONTH: 10.0 + place} for place, key in enumerate(keys)}


class Breaking:
    """A publisher that gives every total by mode of transport too, until 500 records are full."""

    def __init__(self, weights: Mapping[tuple[str, str], float]) -> None:
        self.weights = weights

    def __call__(self, request: Request) -> Answer:
        records = list(self.records(request))[:500]
        return Answer(answer(records), "application/json")

    def records(self, request: Request) -> Iterator[dict[str, object]]:
        for (code, partner), weight in self.weights.items():
            listed = code in request.params["cmdCode"].split(",") and partner in request.params["partnerCode"].split(
                ","
            )
            if listed and f"{LAST_MONTH:%Y%m}" in request.params["period"]:
                for mode in (2100, 3200, 1000, 0):
                    yield record("156", "X", code, partner, LAST_MONTH, weight, 1.0, motCode=mode)


def test_an_answer_that_is_as_long_as_one_can_be_is_asked_for_again_in_parts() -> None:
    weights = {(str(code), str(partner)): float(code + partner) for code in range(1000, 1040) for partner in range(10)}
    keys = {f"156/X/{partner}/{code}/netWgt": weight for (code, partner), weight in weights.items()}
    quotes, requests = fetched(Breaking(weights), *keys)
    assert values(quotes) == {key: {LAST_MONTH: weight} for key, weight in keys.items()}
    assert len(requests) > 4, "the first answer held a quarter of the figures, and not one of them passes for 0"


def test_an_answer_that_cannot_be_cut_further_is_refused() -> None:
    full = [of_last_month("0", 1, 1, motCode=mode) for mode in range(500)]
    with pytest.raises(SourceFailed, match="500 records for one figure; the answer is cut"):
        fetched(always(*full), WORLD)


def test_an_answer_with_fewer_records_than_it_counts_is_refused() -> None:
    document = json.loads(answer([of_last_month("0", 1, 1)])) | {"count": 7}
    with pytest.raises(SourceFailed, match="1 records of 7; the answer is cut"):
        fetched(lambda request: Answer(json.dumps(document).encode(), "application/json"), WORLD)


def test_parts_of_a_total_are_not_taken_for_it() -> None:
    parts = [
        of_last_month("0", 900, 1, motCode=2100),
        of_last_month("0", 800, 1, customsCode="C01"),
        of_last_month("0", 700, 1, partner2Code=344),
    ]
    quotes, _ = fetched(always(*parts, of_last_month("0", 60, 1)), WORLD)
    assert values(quotes) == {WORLD: {LAST_MONTH: 60.0}}


def test_two_totals_of_one_figure_are_refused() -> None:
    with pytest.raises(SourceFailed, match=f"two totals for {LAST_MONTH:%Y%m} 2846 0; expected one"):
        fetched(always(of_last_month("0", 60, 1), of_last_month("0", 61, 1)), WORLD)


def test_an_estimated_weight_is_flagged_and_gives_no_unit_value() -> None:
    estimated = of_last_month("842", 5000, 90000, isNetWgtEstimated=True)
    quotes, _ = fetched(always(of_last_month("0", 9000, 1), estimated), WEIGHT, VALUE, PRICE)
    assert {quote.key: quote.flag for quote in quotes} == {WEIGHT: "derived_approx", VALUE: "reported"}


@pytest.mark.parametrize("nothing", [None, 0])
def test_a_weight_that_is_not_told_is_none_though_the_value_is(nothing: float | None) -> None:
    weightless = of_last_month("842", 1, 90000, netWgt=nothing)
    quotes, _ = fetched(always(of_last_month("0", 9000, 1), weightless), WEIGHT, VALUE, PRICE)
    assert values(quotes) == {VALUE: {LAST_MONTH: 90000.0}}


def test_a_tiny_lot_has_no_unit_value() -> None:
    world = of_last_month("0", 9000, 1)
    quotes, _ = fetched(always(world, of_last_month("842", 249, 90000)), PRICE)
    assert quotes == []
    quotes, _ = fetched(always(world, of_last_month("842", 250, 90000)), PRICE)
    assert values(quotes) == {PRICE: {LAST_MONTH: 360.0}}


def test_a_month_that_is_not_published_yet_is_none() -> None:
    quotes, requests = fetched(Feed({WORLD: {LAST_MONTH: 70.0}}), WORLD)
    assert len(requests) == 2
    assert values(quotes) == {WORLD: {LAST_MONTH: 70.0}}


def test_nothing_at_all_in_more_than_a_year_is_a_fault() -> None:
    assert fetched(Feed({}), WORLD)[0] == [], "two months may well be unpublished"
    since = date(THIS_MONTH.year - 2, 1, 1)
    with pytest.raises(SourceFailed, match=f"no record of flow X of reporter 156 since {since:%Y-%m}"):
        fetched(Feed({}), WORLD, since=since)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (failed(401, "Access denied due to missing subscription key."), "missing subscription key"),
        (failed(403, "Out of call volume quota. Quota will be replenished in 05:12:44."), "replenished in 05:12:44"),
        (failed(429, "Rate limit is exceeded. Try again in 1 seconds."), "status 429"),
        (failed(500, "Internal server error", shown=200), "Internal server error"),
        (Answer(refused("period"), "application/json", 400), "The field period is invalid"),
        (Answer(refused("cmdCode"), "application/json"), "Invalid parameter value .*The field cmdCode is invalid"),
        (Answer(b"<!DOCTYPE html><html>down for maintenance</html>", "text/html"), "a page of HTML"),
        (Answer(b'{"count": 1, "data": [{"typ', "application/json"), "no JSON, or cut"),
        (Answer(answer([]), "application/json", cut=20), "attempts"),
        (Answer(b"", "application/json"), "an empty answer"),
    ],
)
def test_what_the_publisher_says_of_a_mistake_is_told(wrong: Answer, said: str) -> None:
    with pytest.raises(SourceFailed, match=said):
        fetched(lambda request: wrong, WORLD)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"netWgt": "1,200"}, "netWgt"),
        ({"primaryValue": "12"}, "primaryValue"),
        ({"period": 202405}, "period"),
        ({"motCode": "total"}, "motCode"),
    ],
)
def test_a_field_of_another_kind_is_named(change: dict[str, object], place: str) -> None:
    with pytest.raises(LayoutChanged, match=f"data.0.{place}"):
        fetched(always(of_last_month("0", 1, 1) | change), WORLD)


@pytest.mark.parametrize("gone", ["netWgt", "isNetWgtEstimated", "customsCode", "partnerCode", "primaryValue"])
def test_a_field_that_is_gone_is_named(gone: str) -> None:
    renamed = of_last_month("0", 1, 1)
    renamed[f"{gone}New"] = renamed.pop(gone)
    with pytest.raises(LayoutChanged, match=f"data.0.{gone}"):
        fetched(always(renamed), WORLD)


@pytest.mark.parametrize("document", [b"[]", b'{"data": []}', b'{"count": 0}', b'{"count": 0, "data": {}}'])
def test_another_envelope_is_a_changed_layout(document: bytes) -> None:
    with pytest.raises(LayoutChanged):
        fetched(lambda request: Answer(document, "application/json"), WORLD)


def test_a_new_field_is_no_fault() -> None:
    quotes, _ = fetched(always(of_last_month("0", 60, 1, carbon=12)), WORLD)
    assert values(quotes) == {WORLD: {LAST_MONTH: 60.0}}


def test_a_wrong_key_is_told_without_the_key() -> None:
    with pytest.raises(SourceFailed, match="invalid subscription key") as caught:
        fetched(Feed({}, key="right"), WORLD, key="wrong-one")
    assert "wrong-one" not in str(caught.value)


@pytest.mark.parametrize("text", ["2846", "156/X/0/2846/weight", "156/exports/0/2846/netWgt", "156/X/JPN/2846/netWgt"])
def test_a_key_that_names_nothing_is_told_with_what_one_is(text: str) -> None:
    with pytest.raises(SourceFailed, match="expected reporter/flow/partner/HS code/netWgt"):
        fetched(Feed({}), text)


def test_what_came_before_the_publisher_went_down_is_kept() -> None:
    feed = Feed({WORLD: {LAST_MONTH: 70.0}})

    def handler(request: Request) -> Answer:
        down = request.params["period"] == f"{THIS_MONTH:%Y%m}"
        return Answer(b"", "text/plain", 503) if down else feed(request)

    came: list[Quote] = []
    with published(handler) as publisher, web_for(Comtrade(), publisher) as web:
        quotes = Comtrade().fetch(web, (WORLD,), LAST_MONTH)
        came.append(next(quotes))
        with pytest.raises(SourceFailed, match="status 503"):
            next(quotes)
    assert values(came) == {WORLD: {LAST_MONTH: 70.0}}


def test_every_series_of_the_table_can_be_had_in_the_unit_that_the_table_says() -> None:
    with (data_dir() / "sources" / "comtrade.csv").open(encoding="utf-8", newline="") as table_of_series:
        delivered = {row["key"]: row["delivered"] for row in csv.DictReader(table_of_series)}
    given = {key: {LAST_MONTH: 1000.0 + place} for place, key in enumerate(delivered)}
    quotes, requests = fetched(Feed(given), *delivered)
    assert len(requests) == 2
    assert {quote.key: quote.unit for quote in quotes} == delivered
    assert {key: found[LAST_MONTH] for key, found in values(quotes).items()} == {
        key: pytest.approx(found[LAST_MONTH], rel=1e-12) for key, found in given.items()
    }
