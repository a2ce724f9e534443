"""The Federal Register as a source: what is asked, what comes of its documents, and how its faults are told."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from forecast.errors import LayoutChanged, SourceFailed
from forecast.events.candidate import Candidate
from forecast.settings import data_dir
from forecast.sources.providers.federal_register import AGENCIES, TERMS, FederalRegister
from tests.support.feeds.federal_register import Feed
from tests.support.notices import KnownNotice, notices, told
from tests.support.publishers import Answer, Handler, Publisher, Request, published, web_for

SINCE = dt.date(2014, 1, 1)
DEVELOPMENT = notices("development")
COPPER, TUNGSTEN = (one for one in DEVELOPMENT if one.number in ("2025-14893", "2024-29462"))


def fetched(handler: Handler, since: dt.date = SINCE) -> tuple[list[Candidate], Publisher]:
    with published(handler) as publisher, web_for(FederalRegister, publisher) as web:
        return list(FederalRegister().fetch(web, since)), publisher


def changed(one: KnownNotice, **facts: object) -> KnownNotice:
    return KnownNotice({**one.document, **facts}, one.text, one.truth)


def answering(change: Callable[[dict[str, object]], object]) -> Handler:
    """The Register with the copper proclamation, its search answers changed."""

    def handler(request: Request) -> Answer:
        answer = Feed([COPPER])(request)
        if not request.path.endswith("documents.json"):
            return answer
        return replace(answer, body=json.dumps(change(json.loads(answer.body))).encode())

    return handler


def first(content: dict[str, object]) -> dict[str, object]:
    results = content["results"]
    assert isinstance(results, list)
    found = results[0]
    assert isinstance(found, dict)
    return found


def test_the_answer_of_the_sample_gives_what_it_says() -> None:
    folder = data_dir() / "sources" / "samples" / "federal-register"
    sample = (folder / "documents.json").read_bytes()
    text = (folder / "2025-14893.txt").read_bytes()

    def handler(request: Request) -> Answer:
        if request.path.endswith(".txt"):
            return Answer(text, "text/html")
        return Answer(
            sample.replace(b"https://www.federalregister.gov", f"http://{request.headers['Host']}".encode()),
            "application/json",
        )

    found, _ = fetched(handler)
    assert [(one.document, one.event.kind, one.event.minerals) for one in found] == [
        ("2024-29462", "tariff", ("tungsten", "polysilicon")),
        ("2025-14893", "tariff", ("copper",)),
    ]
    (copper,) = (one for one in found if one.document == "2025-14893")
    assert (copper.published, copper.event.announced) == (dt.date(2025, 8, 5), dt.date(2025, 7, 30))
    assert (copper.event.effective, copper.event.value_after) == (dt.date(2025, 8, 1), 50.0)
    assert (copper.event.actor, copper.event.flows) == ("USA", (("WLD", "USA"),))
    assert copper.event.instrument == "Proclamation 10962"
    assert "Executive Order 14257" in copper.cites


def test_every_notice_of_the_development_set_is_read_as_a_person_read_it() -> None:
    found, _ = fetched(Feed(DEVELOPMENT))
    by_number = {one.document: told(one) for one in found}
    assert by_number == {one.number: one.truth for one in DEVELOPMENT if one.truth}


def test_each_term_is_asked_of_the_agencies_from_a_day_on_and_a_document_is_read_once() -> None:
    found, publisher = fetched(Feed([COPPER]), dt.date(2025, 8, 1))
    searches = [request for request in publisher.requests if request.path.endswith("documents.json")]
    assert [request.params["conditions[term]"] for request in searches] == list(TERMS)
    assert {request.params["conditions[publication_date][gte]"] for request in searches} == {"2025-08-01"}
    assert {request.params["order"] for request in searches} == {"oldest"}
    assert AGENCIES[-1] in {request.params["conditions[agencies][]"] for request in searches}
    assert len(publisher.requests) == len(TERMS) + 1
    assert [one.document for one in found] == ["2025-14893"]


def test_what_was_published_before_is_not_asked_for() -> None:
    assert fetched(Feed(DEVELOPMENT), dt.date(2026, 1, 1))[0] == []


def test_a_text_is_fetched_only_where_title_abstract_and_dates_do_not_say_enough() -> None:
    _, publisher = fetched(Feed(DEVELOPMENT))
    read = {request.path.rpartition("/")[2] for request in publisher.requests if request.path.endswith(".txt")}
    assert {"2025-14893.txt", "2024-12372.txt", "2025-07273.txt"} <= read
    assert not {"2021-07170.txt", "2025-13345.txt", "2019-21065.txt"} & read


def test_all_pages_of_a_search_are_read() -> None:
    many = [changed(TUNGSTEN, document_number=f"2024-{number:05d}") for number in range(230)]
    found, publisher = fetched(Feed(many))
    assert len(found) == 230
    assert {request.params.get("page") for request in publisher.requests} >= {"1", "2", "3"}


def test_a_search_with_more_results_than_are_given_goes_on_from_the_last_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecast.sources.providers.federal_register.MOST_RESULTS", 200)
    days = [dt.date(2024, 12, 1) + dt.timedelta(days=number) for number in range(250)]
    many = [changed(TUNGSTEN, document_number=f"x-{day}", publication_date=str(day)) for day in days]
    found, _ = fetched(Feed(many, most=200))
    assert {one.published for one in found} == set(days)


def test_more_documents_of_one_day_than_are_given_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecast.sources.providers.federal_register.MOST_RESULTS", 200)
    many = [changed(TUNGSTEN, document_number=f"x-{number}") for number in range(300)]
    with pytest.raises(SourceFailed, match="more than 200 documents with tariff on 2024-12-16"):
        fetched(Feed(many, most=200), dt.date(2024, 12, 16))


def test_nothing_found_is_no_fault() -> None:
    assert fetched(Feed())[0] == []


def test_a_field_that_is_not_needed_may_come() -> None:
    found, _ = fetched(answering(lambda content: {**content, "results": [{**first(content), "new": 1}], "more": {}}
                                 if "results" in content else content))  # fmt: skip
    assert [one.document for one in found] == ["2025-14893"]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("effective_on", None, "documents.json: results.0.effective_on: nothing; expected Field required"),
        ("publication_date", "soon", "results.0.publication_date: 'soon'; expected"),
        ("agencies", "Commerce", "results.0.agencies: 'Commerce'"),
        ("html_url", "javascript:alert(1)", "results.0.html_url: 'javascript:alert"),
    ],
)
def test_a_changed_layout_is_told_with_its_place(field: str, value: object, said: str) -> None:
    def change(content: dict[str, object]) -> object:
        if "results" not in content:
            return content
        document = first(content)
        document.pop(field)
        return content if value is None else {**content, "results": [{**document, field: value}]}

    with pytest.raises(LayoutChanged, match=said.replace(".", r"\.")):
        fetched(answering(change))


def test_results_that_are_counted_and_not_there_are_a_changed_layout() -> None:
    with pytest.raises(LayoutChanged, match="results: none; expected 7 of them"):
        fetched(lambda request: Answer(b'{"count": 7, "description": "x"}', "application/json"))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(b'{"errors":{"agencies":"is not valid"}}', "application/json", 400), "is not valid"),
        (Answer(b'{"errors":{"per_page":"is too large"}}', "application/json"), "is too large"),
        (Answer(b'{"status":500,"message":"Internal Server Error"}', "application/json", 500), "500"),
        (Answer(b"<!DOCTYPE html><html>maintenance</html>", "text/html"), "a page of HTML, not json"),
        (Answer(b"[1", "application/json"), "no JSON"),
        (Answer(b"[]", "application/json"), "layout changed"),
        (Answer(b'{"count": 1, "results": []}', "application/json", cut=9), "documents.json"),
    ],
)
def test_what_is_no_answer_is_told_with_what_the_register_says(answer: Answer, said: str) -> None:
    with pytest.raises(SourceFailed, match=said):
        fetched(lambda request: answer)


def test_a_text_that_cannot_be_had_takes_no_other_document_and_is_asked_for_the_next_time() -> None:
    def handler(request: Request) -> Answer:
        if request.path.endswith("2025-14893.txt"):
            return Answer(b"gone", "text/plain", 404)
        return Feed(DEVELOPMENT)(request)

    found: list[Candidate] = []
    with published(handler) as publisher, web_for(FederalRegister, publisher) as web:
        coming = FederalRegister().fetch(web, SINCE)
        with pytest.raises(SourceFailed, match=r"the text of 2025-14893: .*404"):
            found.extend(coming)
    numbers = {one.document for one in found}
    assert "2025-14893" not in numbers
    assert len(numbers) == sum(one.truth is not None for one in DEVELOPMENT) - 1


def test_a_correction_is_a_document_of_its_own_that_says_what_it_corrects() -> None:
    address = "https://www.federalregister.gov/api/v1/documents/2024-29462?publication_date=2024-12-16"
    found, _ = fetched(Feed([TUNGSTEN, changed(TUNGSTEN, document_number="C1-2024-29462", correction_of=address)]))
    by_number = {one.document: one for one in found}
    assert by_number["2024-29462"].corrects == ""
    correction = by_number["C1-2024-29462"]
    assert (correction.corrects, correction.candidate_id) == ("2024-29462", "fr-c1-2024-29462")
    assert "it corrects document 2024-29462" in correction.doubts[0]
