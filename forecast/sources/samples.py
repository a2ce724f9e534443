"""Samples of what publishers answer: what a live answer is compared with, column by column and field by field."""

from __future__ import annotations

import csv
import io
import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit
from xml.etree import ElementTree

from pydantic import Field

from forecast.catalog.csv_reader import Reading, Row, read_rows, word
from forecast.errors import InvalidInput, LayoutChanged, SourceFailed
from forecast.formats import Limits, open_file
from forecast.settings import data_dir
from forecast.sources.web import Page, Web

#: Where the shape of a sample is from: the publisher's documentation, code of a client, a file of the publisher that is
#: at hand, or nothing better than belief.
ORIGINS = ("documentation", "client", "bundled", "assumed")
#: Rows of a sheet, lines of a text and items of a list that may tell of its layout.
_ROWS, _ITEMS = 12, 50
_FIGURE = re.compile(r"[-+]?[0-9][0-9.,:/TMQ+-]*[a-z]?")


class SampleRow(Row):
    """A line of ``samples.csv``: a sample of a source, the request that fetches its like, and where its shape is from.

    ``request``: an address relative to that of the source, with its parameters, in which ``KEY`` is the user's key;
    ``POST``, an address and JSON, with blanks between; or an address, ``>``, and how a link on its page ends. Nothing
    where the address is another with each edition.
    """

    source: str
    file: str
    request: str = ""
    origin: Annotated[str, word(ORIGINS)]
    reference: Annotated[str, Field(min_length=1, description="an address, or where it is from in words")]


@dataclass(frozen=True)
class Difference:
    """A live answer beside its sample: what the sample has and the answer has not, and the other way round."""

    sample: SampleRow
    gone: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    fault: str = ""


def samples_folder() -> Path:
    """The folder of the samples, one of each source in it."""
    return data_dir() / "sources" / "samples"


def samples(source: str) -> list[SampleRow]:
    """The samples of a source. Raises ``InvalidInput``."""
    reading = Reading()
    found = [sample for _, sample in read_rows(data_dir() / "sources" / "samples.csv", SampleRow, reading)]
    reading.finish()
    return [sample for sample in found if sample.source == source]


def compare(web: Web, source: str) -> Iterator[Difference]:
    """Each sample of a source that has a request, beside the answer of today."""
    for sample in samples(source):
        if not sample.request:
            continue
        kept = (samples_folder() / source / sample.file).read_bytes()
        try:
            before, now = outline(kept), outline(_asked(web, sample.request).body)
        except SourceFailed as error:
            yield Difference(sample, fault=error.why)
            continue
        yield Difference(sample, tuple(sorted(before - now)), tuple(sorted(now - before)))


def outline(body: bytes) -> frozenset[str]:
    """What a document is made of whatever its figures: fields of JSON, elements and attributes of XML, names of sheets,
    columns and units, files that a page leads to."""
    start = body[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if body.startswith(b"PK"):
        return frozenset(_of_workbook(body))
    if start.startswith((b"<!doctype html", b"<html")):
        return frozenset(_of_page(body))
    if start.startswith(b"<"):
        return frozenset(_of_xml(body))
    if start.startswith((b"{", b"[")):
        return frozenset(_of_json(json.loads(body), ""))
    return frozenset(_of_table(body))


def _asked(web: Web, request: str) -> Page:
    if request.startswith("POST "):
        _, url, body = request.split(" ", 2)
        return web.post(url, json.loads(body))
    if " > " in request:
        page, ending = request.split(" > ")
        found = web.get(page, media=("html",))
        links = [urljoin(found.url, link) for link in re.findall(r"""href=["']([^"']+)["']""", found.text)]
        if link := next((link for link in links if link.endswith(ending)), ""):
            return web.get(link)
        raise LayoutChanged(web.source, found.url, "no such link", f"one that ends with {ending}")
    parts = urlsplit(request)
    asked = parse_qsl(parts.query, keep_blank_values=True)  # a parameter may stand there more than once
    params = [(name, web.key if text == "KEY" else text) for name, text in asked]
    return web.get(parts._replace(query=urlencode(params)).geturl())


def _of_json(value: object, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _of_json(member, f"{path}.{'*' if _FIGURE.fullmatch(name) else name}")
    elif isinstance(value, list) and value and all(isinstance(cell, str) for cell in value[0:1]):
        # A list of texts; the first of lists of lists is a header.
        yield f"{path}[]: text"
    elif isinstance(value, list) and value and isinstance(value[0], list):
        yield from (f"{path}[0]: column {name}" for name in value[0])
    elif isinstance(value, list):
        for item in value[:_ITEMS]:
            yield from _of_json(item, f"{path}[]")
    else:
        yield f"{path}: {'text' if isinstance(value, str) else 'a number, yes or no, or nothing'}"


def _of_xml(body: bytes) -> Iterator[str]:
    try:
        events = ElementTree.iterparse(io.BytesIO(body), events=("start",))
        for _, element in events:
            name = element.tag.rpartition("}")[2]
            yield f"<{name}>"
            for attribute in element.attrib:
                yield f"<{name} {attribute.rpartition('}')[2]}>"
    except ElementTree.ParseError as error:
        yield f"no XML: {error}"


def _of_page(body: bytes) -> Iterator[str]:
    for link in re.findall(rb"""href=["']([^"']+\.(?:xlsx|csv|zip|json))["'?]""", body, re.I):
        yield f"a link to {link.decode('utf-8', 'replace').rpartition('/')[2]}"


def _of_table(body: bytes) -> Iterator[str]:
    lines = body.decode("utf-8-sig", "replace").splitlines()[:_ROWS]
    separator = max(",;\t|", key=lines[0].count) if lines else ","
    for name in next(csv.reader(lines, delimiter=separator), []):
        yield f"column {name.strip()}"


def _of_workbook(body: bytes) -> Iterator[str]:
    with tempfile.NamedTemporaryFile(suffix=".xlsx") as file:
        file.write(body)
        file.flush()
        try:
            workbook = open_file(Path(file.name), Limits())
            for sheet in workbook.sheets:
                yield f"sheet {sheet}"
                for _, rows in workbook.chunks(_ROWS, sheet):
                    for cells in rows[:_ROWS]:
                        if sum(map(bool, cells)) > 1:
                            yield from (f"{sheet}: {cell}" for cell in cells if cell and not _FIGURE.fullmatch(cell))
                    break
        except InvalidInput as error:
            yield f"no workbook: {error}"
