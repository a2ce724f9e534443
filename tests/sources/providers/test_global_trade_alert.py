"""Global Trade Alert's API as a source: what is asked, what comes of its interventions, and how its faults are told."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from forecast.errors import LayoutChanged, SourceFailed
from forecast.events.candidate import Candidate
from forecast.settings import data_dir
from forecast.sources.providers.global_trade_alert import GlobalTradeAlert
from tests.support.publishers import Answer, Handler, Publisher, Request, published, web_for

SAMPLE: list[dict[str, object]] = json.loads(
    (data_dir() / "sources" / "samples" / "global-trade-alert" / "data.json").read_text(encoding="utf-8")
)
LICENCE, DUTY = SAMPLE[1], SAMPLE[2]


def answer(content: object) -> Handler:
    return lambda request: Answer(json.dumps(content).encode(), "application/json")


def fetched(handler: Handler, key: str = "secret") -> tuple[list[Candidate], Publisher]:
    with published(handler) as publisher, web_for(GlobalTradeAlert, publisher, key=key) as web:
        return list(GlobalTradeAlert().fetch(web, dt.date(2025, 1, 1))), publisher


def only(intervention: dict[str, object]) -> Candidate:
    (found,), _ = fetched(answer([intervention]))
    return found


def test_the_documented_answer_gives_candidates_for_what_is_about_minerals() -> None:
    found, publisher = fetched(answer(SAMPLE))
    assert [(one.document, one.event.kind, one.event.actor) for one in found] == [
        ("900001", "licence", "CHN"),
        ("900002", "tariff", "USA"),
    ]
    licence, duty = found
    assert licence.event.minerals == ("rare-earths", "ndfeb-magnets")
    assert (licence.event.targets, licence.event.flows) == (("WLD",), (("CHN", "WLD"),))
    assert (licence.event.announced, licence.event.effective) == (dt.date(2025, 4, 4), dt.date(2025, 4, 4))
    assert (duty.event.value_before, duty.event.value_after) == (0, 116)
    assert duty.event.flows == (("ZAF", "USA"),)
    assert duty.event.sources == (
        "https://www.globaltradealert.org/intervention/900002",
        "https://www.federalregister.gov/documents/2025/03/01/2025-00001/x",
    )
    assert duty.published == dt.date(2025, 3, 3)
    (request,) = publisher.requests
    assert (request.method, request.path) == ("POST", "data/")
    assert request.headers["Authorization"] == "APIKey secret"
    asked = json.loads(request.body)
    assert asked["request_data"] == {"submission_period": ["2025-01-01", None]}


def test_all_pages_are_asked_for() -> None:
    many = [{**DUTY, "intervention_id": number} for number in range(1, 1302)]

    def handler(request: Request) -> Answer:
        asked = json.loads(request.body)
        some = many[asked["offset"] : asked["offset"] + asked["limit"]]
        return Answer(json.dumps(some).encode(), "application/json")

    found, publisher = fetched(handler)
    assert len(found) == 1301
    assert [json.loads(request.body)["offset"] for request in publisher.requests] == [0, 1000]


def test_members_of_the_union_act_as_the_union() -> None:
    copper = {**SAMPLE[0], "affected_products": [740311]}
    assert only(copper).event.actor == "EU"


def test_what_is_liberalising_is_relief() -> None:
    assert only({**DUTY, "gta_evaluation": "Green"}).event.kind == "tariff_relief"
    relaxed = only({**LICENCE, "gta_evaluation": "Green"})
    assert relaxed.event.kind == "truce"
    assert any("is it a truce?" in doubt for doubt in relaxed.doubts)


def test_a_remedy_that_is_looked_into_is_a_threat() -> None:
    opened = only({**DUTY, "gta_evaluation": "Amber", "date_implemented": None})
    assert (opened.event.kind, opened.event.status, opened.event.effective) == ("threat", "threatened", None)


def test_what_it_does_not_say_is_a_doubt() -> None:
    levels = [{"product_id": 720292, "prior_level": "0", "new_level": str(new), "unit": None} for new in (10, 20)]
    one = only({**DUTY, "affected_products": levels, "date_removed": "2026-01-01", "date_implemented": "2025-03-01"})
    assert one.event.value_after is None
    assert set(one.doubts) == {"its levels differ by product", "since when its end was known is not told"}
    strange = only({**DUTY, "affected_jurisdictions": [{"id": 1, "name": "Atlantis", "iso": "ATL"}]})
    assert "places that are not known: Atlantis" in strange.doubts
    assert only({**DUTY, "intervention_type": "Import ban"}).doubts[0].startswith("an import ban has no kind")


@pytest.mark.parametrize("kind", ["Financial grant", "Public procurement access", "A new type"])
def test_other_types_suggest_nothing(kind: str) -> None:
    assert fetched(answer([{**DUTY, "intervention_type": kind}]))[0] == []


def test_a_new_field_is_no_fault_and_a_missing_one_is_told_with_its_place() -> None:
    assert len(fetched(answer([{**DUTY, "new": 1}]))[0]) == 1
    lacking = {name: value for name, value in DUTY.items() if name != "date_announced"}
    with pytest.raises(LayoutChanged, match=r"data: 1\.date_announced: nothing; expected Field required"):
        fetched(answer([DUTY, lacking]))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (Answer(b'{"detail": "Invalid API key."}', "application/json", 401), "Invalid API key"),
        (Answer(b'{"detail": "Invalid API key."}', "application/json"), "Invalid API key"),
        (Answer(b'{"results": []}', "application/json"), "a dict; expected a list of interventions"),
        (Answer(b"<html>maintenance</html>", "text/html"), "a page of HTML, not json"),
        (Answer(b"[{]", "application/json"), "no JSON"),
    ],
)
def test_what_is_no_answer_is_told_and_the_key_is_not(said: Answer, told: str) -> None:
    with pytest.raises(SourceFailed, match=told) as failure:
        fetched(lambda request: said)
    assert "secret" not in str(failure.value)
