"""What a source meets on the web: what passes is waited for, what is no data is told, and no key is."""

from __future__ import annotations

import datetime as dt
import email.utils
import gzip
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from forecast.errors import LayoutChanged, SourceFailed
from forecast.sources.web import ATTEMPTS, Validators, Web
from tests.support.publishers import Answer, Publisher, Request, pages, published

DATA = Answer(b'{"value": 1}', "application/json")


@pytest.fixture(autouse=True)
def usual_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """As they are outside tests, whatever other tests of the same process have made of them."""
    monkeypatch.setattr("forecast.sources.web.FIRST_PAUSE", 1.0)


@contextmanager
def asking(handler: Callable[[Request], Answer], **facts: object) -> Iterator[tuple[Web, Publisher, list[float]]]:
    """The web, the publisher, and what was waited for in seconds."""
    slept: list[float] = []
    with published(handler) as publisher, Web("prices", publisher.url, sleep=slept.append, **facts) as web:  # type: ignore[arg-type]
        yield web, publisher, slept


def in_turn(answers: Sequence[Answer]) -> Callable[[Request], Answer]:
    left = iter(answers)
    return lambda request: next(left)


def test_an_answer_comes_with_its_media_type_and_the_parameters_that_were_asked() -> None:
    with asking(pages({"v1/data": DATA})) as (web, publisher, _):
        page = web.get("v1/data", {"period": "202405,202406"}, media=("json",))
    assert (page.body, page.media) == (DATA.body, "application/json")
    assert publisher.requests[0].params == {"period": "202405,202406"}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_passes_is_asked_again_and_longer_waited_for_each_time(status: int) -> None:
    passing = Answer(b"later", "text/plain", status)
    with asking(in_turn([passing, passing, DATA])) as (web, publisher, slept):
        assert web.get("data").body == DATA.body
    assert len(publisher.requests) == 3
    waits = [seconds for seconds in slept if seconds]
    assert 0.7 < waits[0] < 1.3 < waits[1] < 2.6


def test_a_publisher_that_says_how_long_to_wait_is_heard() -> None:
    seconds = Answer(b"", "text/plain", 429, {"Retry-After": "17"})
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=40)
    dated = Answer(b"", "text/plain", 503, {"Retry-After": email.utils.format_datetime(moment, usegmt=True)})
    with asking(in_turn([seconds, dated, DATA])) as (web, _, slept):
        web.get("data")
    waits = [seconds for seconds in slept if seconds]
    assert waits[0] == 17
    assert 35 < waits[1] <= 40


def test_a_wait_of_an_hour_is_a_failure_that_says_so() -> None:
    with (
        asking(pages({"data": Answer(b"", "text/plain", 429, {"Retry-After": "3600"})})) as (web, publisher, slept),
        pytest.raises(SourceFailed, match=r"prices: .*status 429; asks to wait 3600 s"),
    ):
        web.get("data")
    assert len(publisher.requests) == 1
    assert not any(slept)


def test_a_body_that_is_cut_is_no_answer() -> None:
    cut = Answer(b'{"value": 1, "rest": 2}', "application/json", cut=9)
    with asking(in_turn([cut, DATA])) as (web, _, _):
        assert web.get("data").body == DATA.body
    with (
        asking(lambda request: cut) as (web, publisher, _),
        pytest.raises(SourceFailed, match=f"prices: .*; {ATTEMPTS} attempts"),
    ):
        web.get("data")
    assert len(publisher.requests) == ATTEMPTS


def test_a_publisher_that_is_down_is_told_by_name() -> None:
    with published(pages({})) as publisher:
        url = publisher.url
    with Web("prices", url, sleep=lambda seconds: None) as web, pytest.raises(SourceFailed, match=r"prices: .*Connect"):
        web.get("data")


def test_what_is_refused_is_told_at_once_with_the_words_of_the_publisher() -> None:
    refused = Answer(b'{"message": "period is invalid"}', "application/json", 400)
    with (
        asking(pages({"data": refused})) as (web, publisher, _),
        pytest.raises(SourceFailed, match=r"status 400: .*period is invalid"),
    ):
        web.get("data")
    assert len(publisher.requests) == 1


@pytest.mark.parametrize("body", [b"<!DOCTYPE html><p>Maintenance", b"\xef\xbb\xbf\n <html lang='en'>"])
def test_a_page_with_status_200_is_no_data(body: bytes) -> None:
    with (
        asking(pages({"data": Answer(body, "application/json")})) as (web, _, _),
        pytest.raises(LayoutChanged, match="a page of HTML, not json"),
    ):
        web.get("data", media=("json",))


def test_an_empty_answer_is_no_data() -> None:
    with asking(pages({"data": Answer(b" \n", "text/csv")})) as (web, _, _), pytest.raises(SourceFailed, match="empty"):
        web.get("data")


def test_an_answer_is_asked_for_only_if_it_changed() -> None:
    def answer(request: Request) -> Answer:
        if request.headers.get("If-None-Match") == '"7"':
            return Answer(b"", "application/json", 304)
        return Answer(DATA.body, "application/json", headers={"ETag": '"7"'})

    with asking(answer) as (web, publisher, _):
        assert web.get_changed("data") is not None
        seen = {place: Validators(*marks) for place, marks in web.marks.items()}
        address = publisher.url
        with Web("prices", address, known=seen, sleep=lambda seconds: None) as again:
            assert again.get_changed("data") is None
            assert again.marks == web.marks
            assert again.get("data").body == DATA.body, "asked for without condition it comes"


def test_the_same_bytes_again_are_no_news_where_a_publisher_has_no_validators() -> None:
    with asking(pages({"data": DATA})) as (web, publisher, _):
        web.get_changed("data", {"key": "1"})
        seen = {place: Validators(*marks) for place, marks in web.marks.items()}
        with Web("prices", publisher.url, known=seen, sleep=lambda seconds: None) as again:
            assert again.get_changed("data", {"key": "1"}) is None
            assert again.get_changed("data", {"key": "2"}) is not None


def test_a_key_is_part_of_no_error_and_of_no_address_that_is_kept() -> None:
    with (
        asking(pages({}), key="s3cret") as (web, _, _),
        pytest.raises(SourceFailed) as caught,
    ):
        web.get("data", {"key": "s3cret"})
    assert "s3cret" not in str(caught.value)
    assert "KEY" in str(caught.value)


def test_requests_are_as_far_apart_as_the_publisher_asks() -> None:
    with asking(pages({"data": DATA}), pause=1.5) as (web, _, slept):
        web.get("data")
        web.get("data")
    assert slept == [1.5]


def test_a_redirect_is_followed_and_the_address_that_answered_is_told() -> None:
    moved = Answer(b"moved", "text/plain", 302, {"Location": "/new/data"})
    with asking(pages({"data": moved, "new/data": DATA})) as (web, _, _):
        assert web.get("data").url.endswith("/new/data")


def test_a_question_is_posted_as_json() -> None:
    with asking(lambda request: Answer(request.body, "application/json")) as (web, publisher, _):
        assert web.post("general", {"flow": "export"}).body == b'{"flow":"export"}'
    assert publisher.requests[0].method == "POST"


def test_a_key_goes_to_no_other_host_by_a_redirect() -> None:
    with published(pages({"data": DATA})) as other:
        elsewhere = other.url.replace("127.0.0.1", "localhost") + "data"
        moved = Answer(b"moved", "text/plain", 302, {"Location": elsewhere})
        with asking(pages({"data": moved}), key="s3cret") as (web, publisher, _):
            assert web.get("data", headers={"X-Key": "s3cret"}).body == DATA.body
    assert publisher.requests[0].headers["X-Key"] == "s3cret"
    assert "s3cret" not in str(other.requests[0])


def test_redirects_that_never_end_are_told() -> None:
    again = Answer(b"", "text/plain", 302, {"Location": "/data"})
    with asking(pages({"data": again})) as (web, _, _), pytest.raises(SourceFailed, match="more than 5 redirects"):
        web.get("data")


def test_an_answer_without_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecast.sources.web.MOST_BYTES", 1 << 20)
    large = Answer(b"0" * (3 << 20), "text/csv")
    with asking(pages({"data": large})) as (web, _, _), pytest.raises(SourceFailed, match="larger than"):
        web.get("data")


def test_a_key_is_left_out_as_addresses_write_it_too() -> None:
    key = "s3c/ret+=="
    with asking(pages({}), key=key) as (web, _, _), pytest.raises(SourceFailed) as caught:
        web.get("data", {"key": key})
    assert "s3c" not in str(caught.value)
    assert "key=KEY" in str(caught.value)


@pytest.mark.parametrize("text", ["Fri, 31 Dec 9999 23:59:59 -2359", "\xb2", "-5", "soon"])
def test_a_wait_that_is_none_is_not_heard(text: str) -> None:
    busy = Answer(b"", "text/plain", 429, {"Retry-After": text})
    with asking(in_turn([busy, DATA])) as (web, _, _):
        assert web.get("data").body == DATA.body


def test_nothing_changed_is_no_answer_to_who_did_not_ask_that() -> None:
    with (
        asking(pages({"data": Answer(b"", "text/plain", 304)})) as (web, _, _),
        pytest.raises(SourceFailed, match="status 304"),
    ):
        web.get("data")


def test_what_is_packed_more_than_once_is_left() -> None:
    packed = Answer(gzip.compress(gzip.compress(b"0" * 1000)), "text/csv", 200, {"Content-Encoding": "gzip, gzip"})
    with asking(pages({"data": packed})) as (web, _, _), pytest.raises(SourceFailed, match="packed more than once"):
        web.get("data")
