"""Samples of what publishers answer: each says where it is from, and an answer beside it differs by what changed."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from forecast.settings import data_dir
from forecast.sources.providers import NOTICES, SOURCES
from forecast.sources.samples import Difference, compare, outline, samples, samples_folder
from forecast.sources.web import Web
from tests.support.publishers import Answer, Handler, Request, published

NAMES = [provider.name for provider in (*SOURCES, *NOTICES)]


@contextmanager
def asking(source: str, handler: Handler) -> Iterator[Web]:
    with published(handler) as publisher, Web(source, publisher.url, sleep=lambda seconds: None) as web:
        yield web


def kept(source: str, file: str) -> bytes:
    return (samples_folder() / source / file).read_bytes()


def differing(source: str, body: bytes) -> list[Difference]:
    """What differs where every request has this answer."""
    with asking(source, lambda request: Answer(body, "text/plain")) as web:
        return list(compare(web, source))


@pytest.mark.parametrize("name", NAMES)
def test_every_source_has_samples_that_say_where_they_are_from(name: str) -> None:
    found = samples(name)
    assert found
    assert all(sample.reference for sample in found)
    assert all(outline(kept(name, sample.file)) for sample in found if sample.request)


def test_no_sample_lies_about_that_is_of_no_row() -> None:
    with (data_dir() / "sources" / "samples.csv").open(encoding="utf-8") as file:
        rows = {(row["source"], row["file"]) for row in csv.DictReader(file)}
    files = {(path.parent.name, path.name) for path in samples_folder().glob("*/*")}
    assert files == rows


@pytest.mark.parametrize("name", ["imf", "eurostat", "comtrade"])
def test_an_answer_like_the_sample_differs_in_nothing(name: str) -> None:
    (sample,) = samples(name)
    (found,) = differing(name, kept(name, sample.file))
    assert (found.gone, found.new, found.fault) == ((), (), "")


def test_a_column_that_has_another_name_is_gone_and_new() -> None:
    (found,) = differing("imf", kept("imf", "pcps.csv").replace(b"OBS_VALUE", b"VALUE"))
    assert (found.gone, found.new) == (("column OBS_VALUE",), ("column VALUE",))


def test_a_page_in_place_of_data_differs_in_everything() -> None:
    (found,) = differing("comtrade", b"<!doctype html><a href='data.csv'>moved</a>")
    assert any("netWgt" in name for name in found.gone)
    assert found.new == ("a link to data.csv",)


def test_a_source_that_is_down_is_told_for_each_sample() -> None:
    with asking("comtrade", lambda request: Answer(b"", "text/plain", 404)) as web:
        (found,) = compare(web, "comtrade")
    assert "status 404" in found.fault


def test_a_workbook_is_found_by_the_link_to_it() -> None:
    workbook = kept("worldbank", "CMO-Historical-Data-Monthly.xlsx")
    page = kept("worldbank", "commodity-markets.html").replace(b"https://thedocs.worldbank.org", b"")

    def answer(request: Request) -> Answer:
        return Answer(workbook, "sheet") if request.path.endswith(".xlsx") else Answer(page, "text/html")

    with asking("worldbank", answer) as web:
        found = list(compare(web, "worldbank"))
    assert [(each.sample.file, each.gone, each.fault) for each in found] == [
        ("commodity-markets.html", (), ""),
        ("CMO-Historical-Data-Monthly.xlsx", (), ""),
    ]
