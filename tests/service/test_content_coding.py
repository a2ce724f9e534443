"""How answers travel: packed with a tag of its own, in part, in a type that the client takes, past cache-busters."""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import io

import pytest
from flask.testing import FlaskClient

from tests.service.conftest import JSON_FORECAST, get
from tests.support.trained_home import COPPER

EVENTS, OBSERVATIONS = "/v1/events?format=csv", f"/v1/series/{COPPER}/observations?format=csv"
PACKED = {"Accept-Encoding": "gzip, br"}
LARGE = [EVENTS, OBSERVATIONS, "/v1/events", JSON_FORECAST]


@pytest.mark.parametrize("path", LARGE)
def test_a_client_that_takes_gzip_has_the_same_bytes_packed_under_a_tag_of_their_own(
    client: FlaskClient, path: str
) -> None:
    plain, packed = client.get(path), client.get(path, headers=PACKED)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data)
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert "Content-Encoding" not in plain.headers
    for response in (plain, packed):
        assert {"Accept", "Accept-Encoding"} <= set(response.vary)


@pytest.mark.parametrize("path", LARGE)
def test_what_a_client_holds_packed_or_not_is_not_sent_again(client: FlaskClient, path: str) -> None:
    for headers in ({}, PACKED):
        etag = client.get(path, headers=headers).headers["ETag"]
        again = client.get(path, headers=headers | {"If-None-Match": etag})
        assert (again.status_code, again.headers["ETag"], again.data) == (304, etag, b"")
    packed = client.get(path, headers=PACKED).headers["ETag"]
    assert client.get(path, headers={"If-None-Match": packed}).status_code == 200, "it takes no gzip now"


def test_the_digests_of_a_packed_table_are_of_the_bytes_sent_and_of_the_table(client: FlaskClient) -> None:
    def digest(data: bytes) -> str:
        return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"

    packed = client.get(EVENTS, headers=PACKED)
    assert packed.headers["Repr-Digest"] == digest(packed.data)
    assert packed.headers["Unencoded-Digest"] == digest(gzip.decompress(packed.data))


def test_a_small_answer_is_not_packed_and_neither_is_one_for_which_gzip_is_refused(client: FlaskClient) -> None:
    assert "Content-Encoding" not in client.get("/healthz", headers=PACKED).headers
    assert "Content-Encoding" not in client.get(EVENTS, headers={"Accept-Encoding": "gzip;q=0"}).headers


def test_a_table_comes_in_parts_that_make_it_whole(client: FlaskClient) -> None:
    head = client.head(OBSERVATIONS)
    size = int(head.headers["Content-Length"])
    assert head.headers["Accept-Ranges"] == "bytes"
    parts, step = [], size // 3 + 1
    for start in range(0, size, step):
        part = client.get(OBSERVATIONS, headers={"Range": f"bytes={start}-{start + step - 1}"} | PACKED)
        assert part.status_code == 206
        assert part.headers["Content-Range"] == f"bytes {start}-{min(start + step, size) - 1}/{size}"
        parts.append(part.data)
    whole = client.get(OBSERVATIONS)
    assert whole.status_code == 200
    assert b"".join(parts) == whole.data
    assert list(csv.DictReader(io.StringIO(whole.text)))


def test_a_part_of_a_table_that_changed_meanwhile_is_the_whole_of_it(client: FlaskClient) -> None:
    etag = client.get(OBSERVATIONS).headers["ETag"]
    asked = {"Range": "bytes=0-9"}
    assert client.get(OBSERVATIONS, headers=asked | {"If-Range": etag}).status_code == 206
    assert client.get(OBSERVATIONS, headers=asked | {"If-Range": '"another"'}).status_code == 200


def test_a_part_that_there_is_not_is_refused(client: FlaskClient) -> None:
    response = client.get(OBSERVATIONS, headers={"Range": "bytes=99999999-"})
    assert (response.status_code, response.mimetype) == (416, "application/problem+json")
    assert response.headers["Content-Range"].startswith("bytes */")


@pytest.mark.parametrize("asked", ["lines=0-9", "bytes=abc", "bytes=9-0", "bytes=0-1,5-6", "bytes"])
def test_what_is_not_one_range_of_bytes_gets_the_whole_table(client: FlaskClient, asked: str) -> None:
    response = client.get(OBSERVATIONS, headers={"Range": asked})
    assert (response.status_code, response.headers["Accept-Ranges"]) == (200, "bytes")
    assert response.data == client.get(OBSERVATIONS).data


@pytest.mark.parametrize(
    "path", ["/v1/events", f"/v1/series/{COPPER}", JSON_FORECAST, "/v1/events/cn-7ree-licence-2025"]
)
def test_a_type_that_there_is_not_is_refused(client: FlaskClient, path: str) -> None:
    refused = client.get(path, headers={"Accept": "application/xml"})
    assert (refused.status_code, refused.mimetype) == (406, "application/problem+json")
    for accept in ("*/*", "application/*", "application/json", "text/html,application/xml;q=0.9,*/*;q=0.8"):
        assert client.get(path, headers={"Accept": accept}).status_code == 200, accept


def test_a_format_that_is_asked_for_by_name_goes_before_accept(client: FlaskClient) -> None:
    for name, type_ in (("json", "application/json"), ("csv", "text/csv")):
        response = client.get(f"/v1/events?format={name}", headers={"Accept": "application/xml"})
        assert (response.status_code, response.mimetype) == (200, type_)


def test_what_browsers_and_newsletters_add_to_an_address_changes_nothing(client: FlaskClient) -> None:
    for path in ("/v1/events?limit=3", JSON_FORECAST, "/healthz?", "/v1/runs/2026-06-01-a?"):
        added = f"{path}&_=1785000000&utm_source=letter&utm_medium=mail&_=2"
        assert get(client, added) == get(client, path)
    cursor = get(client, "/v1/events?limit=3&_=1")["next"]
    assert get(client, f"/v1/events?limit=3&cursor={cursor}&_=2")["data"]
    assert get(client, "/v1/events?utm=1", 422)["errors"][0]["where"] == "query.utm"
    assert get(client, "/v1/events?__=1", 422)
