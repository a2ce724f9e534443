"""Files that cannot be read as they stand: each is refused, and the fault says where and what would be right."""

from __future__ import annotations

import io
import os
import struct
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import InvalidInput
from forecast.formats import Limits
from forecast.intake.layout import Hints, open_table
from tests.support.tables import fault_in, observed, write, write_book

H = "series_id,ds,value\n"
OK = "price.x,2024-01,1\n"
MANY = "".join(f"price.x{n},2024-01,1.5\n" for n in range(6_000))
NONE = Hints()
ONE = Hints(series_id="price.x")

#: What is wrong: the text, what the user says, and of the fault: where, line, part of what was expected.
TEXTS: dict[str, tuple[str | bytes, Hints, str, int | None, str]] = {
    # bytes and characters
    "empty": ("", NONE, "file", None, "a header line and at least one row"),
    "blank lines only": ("\n\n \n", NONE, "file", None, "a header line and at least one row"),
    "a mark and nothing else": ("\ufeff", NONE, "file", None, "a header line and at least one row"),
    "header only": (H, NONE, "file", None, "a header line and at least one row"),
    "header and blank rows": (H + ",,\n,,\n", NONE, "file", None, "a header line and at least one row"),
    "UTF-16 without a mark": ((H + OK).encode("utf-16-le"), NONE, "encoding", 1, "UTF-16 with a byte-order mark"),
    "UTF-16 cut in a character": ((H + OK).encode("utf-16")[:-1], NONE, "encoding", 2, "utf-16 throughout"),
    "bad byte": (H.encode() + b"price.x,2024-01,1\nprice.\xff,2024-02,1\n", NONE, "encoding", 3, "UTF-8 throughout"),
    "bad byte far down": (
        (H + MANY).encode() + b"price.\xe9,2024-02,1\n", NONE, "encoding", 6_002, "--encoding"),
    "NUL byte": (H + "price.x,2024-01,\0\n", NONE, "encoding", 2, "UTF-8"),
    "not that encoding": (H.encode() + b"price.x,2024-01,\x81\n", Hints(encoding="cp1252"), "encoding", 2, "cp1252"),
    "UTF-16 that is named, without a mark": (
        (H + OK).encode("utf-16-le"), Hints(encoding="utf-16"), "encoding", None, "utf-16 throughout"),
    "titles and a header only": ("Prices,monthly\n" + H, NONE, "header", 1, "a header line"),
    "no such encoding": (H + OK, Hints(encoding="latin-99"), "encoding", None, "the name of an encoding"),
    "no encoding of text": (H + OK, Hints(encoding="hex"), "encoding", None, "the name of an encoding"),
    # other formats
    "HTML": ("<html><table><tr><td>1</td></tr></table></html>", NONE, "format", None, "CSV, TSV or XLSX"),
    "JSON": ('{"data": [1, 2]}', NONE, "format", None, "CSV, TSV or XLSX"),
    "list of JSON": ('[["time", "x"], ["2024-01", 1]]', NONE, "format", None, "CSV, TSV or XLSX"),
    "PDF": (b"%PDF-1.7\n1 0 obj\n", NONE, "format", None, "CSV, TSV or XLSX"),
    "gzip": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", NONE, "format", None, "unpack it"),
    "old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, NONE, "format", None, "XLSX"),
    "Parquet": (b"PAR1\x15\x04\x15", NONE, "format", None, "CSV, TSV or XLSX"),
    "SQLite": (b"SQLite format 3\0" + b"\0" * 90, NONE, "format", None, "CSV, TSV or XLSX"),
    # rows
    "quote left open": (H + 'price.x,2024-01,"1\nprice.x,2024-02,2\n', NONE, "line", 2, "pairs of quotes"),
    "text behind a quote": (H + OK + 'price.x,"2024"-02,2\n', NONE, "line", 3, "pairs of quotes"),
    "quote open over a megabyte": (H + OK + '"' + "x,y\n" * 300_000, NONE, "line", 3, "pairs of quotes"),
    "too few cells": (H + OK + "price.x,2024-02\n", NONE, "cells", 3, "3 cells"),
    "cut in the last row": (H + OK + "price.x", NONE, "cells", 3, "3 cells"),
    "too many cells": (H + "price.x,2024-01,1,234\n", NONE, "cells", 2, "3 cells"),
    "unquoted thousands": (H + "price.x,2024-01,1,234\n" + OK, NONE, "cells", 2, "3 cells"),
    "line of a megabyte": (H + "x" * 2_000_000, NONE, "line", None, "lines of fewer than"),
    "huge cell": (H + f"price.x,2024-01,{'9' * 20_000}\n", NONE, "value", 2, "10,000 characters"),
    "cell beyond what a reader holds": (H + f'price.x,2024-01,"{"9" * 200_000}"\n', NONE, "line", 2, "quotes"),
    "rows of different files": (H + OK + "unique_id,ds,y,z\n", NONE, "cells", 3, "3 cells"),
    "header again": (H + OK + H, NONE, "ds", 3, "a month"),
    # header
    "no header": (OK + "price.x,2024-02,2\n", NONE, "header", 1, "a header line"),
    "no period": ("series_id,value\nprice.x,1\n", NONE, "header", 1, "--map COLUMN=ds"),
    "no value": ("series_id,ds\nprice.x,2024-01\n", NONE, "header", 1, "--map COLUMN=value"),
    "no series": ("ds,value\n2024-01,1\n", NONE, "header", 1, "--series-id"),
    "slip in ds": ("series_id,dss,value\nprice.x,x,1\n", NONE, "header", 1, "--map COLUMN=ds"),
    "slip in ds of a file like ours": (
        "series_id,dss,value\nprice.x,2024-01,1\n", NONE, "header", 1, "--map COLUMN=ds"),
    "slip in known_at": ("series_id,ds,value,knwon_at\nprice.x,2024-01,1,\n", NONE, "header", 1, "known_at"),
    "slip in flag": ("series_id,ds,value,flags\nprice.x,2024-01,1,\n", NONE, "header", 1, "--map 'flags=flag'"),
    "header twice the same": ("series_id,ds,value,value\nprice.x,2024-01,1,2\n", NONE, "header", 1, "each column once"),
    "two periods": ("series_id,date,period,value\na.b,2024-01,2024-01,1\n", NONE, "header", 1, "--map 'date=ds'"),
    "several amounts": ("period,netWgt,primaryValue\n202401,1,2\n", ONE, "header", 1, "--map 'netWgt=value'"),
    "column that is no series": ("ds,price.x,Kupfer\n2024-01,1,2\n", NONE, "header", 1, "--column 'Kupfer=ID'"),
    "column of nobody": ("observation_date,PCOPPUSDM\n2024-01-01,1\n", NONE, "header", 1, "--series-id ID"),
    "several columns for one series": ("Date,Bid,Ask\n2024-01,1,2\n", ONE, "header", 1, "--column 'Bid=ID'"),
    "same id in two columns": ("ds,price.x,price.x\n2024-01,1,2\n", NONE, "header", 1, "each column once"),
    "column without a name": ("ds,price.x,\n2024-01,1,2\n", NONE, "header", 1, "merged cells"),
    "no such column to map": (H + OK, Hints(mapping={"vlaue": "value"}), "--map", 1, "nearest: value"),
    "no such field": (H + OK, Hints(mapping={"value": "amount"}), "--map", None, "one of series_id, ds, value"),
    "two columns for a field": (H + OK, Hints(mapping={"value": "ds", "ds": "ds"}), "--map", None, "one column a"),
    "no such column": ("ds,Copper\n2024-01,1\n", Hints(columns={"Coper": "price.x"}), "--column", 1, "nearest: Copper"),
    "column named twice": (
        "ds,Copper,Copper\n2024-01,1,2\n", Hints(columns={"Copper": "price.x"}), "--column", 1, "once"),
    "no such name in its column": (
        "unique_id,ds,y\nzinc,2024-01,1\n", Hints(columns={"znic": "price.x"}), "--column", None, "nearest: zinc"),
    "series twice told": (
        H + OK.replace("price.x", "price.z"), ONE, "--series-id", 1, "nothing, as the column 'series_id'"),
    "rows of several products": (
        "period,cmdCode,primaryValue\n202401,2605,1\n202401,2602,2\n", ONE, "rows", 3, "'VALUE OF cmdCode=ID'"),
    "several rows for one series": (
        "Item,2021,2022\nCopper,1,2\nZinc,3,4\n", ONE, "rows", 1, "--column 'NAME OF A ROW=ID'"),
    "two columns of labels": (
        "Country,Item,2021,2022\nChina,Copper,1,2\nChile,Copper,3,4\n", NONE, "header", 1, "--map COLUMN=series_id"),
    "no such separator": (H + OK, Hints(separator="x"), "separator", None, "comma, semicolon, tab, pipe"),
    "the wrong separator": (H + OK, Hints(separator=";"), "header", 1, "a header line"),
    "a sheet of text": (H + OK, Hints(sheet="Data"), "--sheet", None, "no workbook"),
    "no such decimal sign": (H + OK, Hints(decimal="'"), "--decimal", None, "'.' or ','"),
    "no such order of days": (H + OK, Hints(dates="ymd"), "--dates", None, "dmy or mdy"),
    "a series for two columns": (H + OK, Hints(columns={"a": "price.x", "b": "price.x"}), "--column", None, "once"),
    "a series and columns": (H + OK, Hints(series_id="price.x", columns={"a": "b.c"}), "--series-id", None, "nothing"),
    "amounts that look like years": ("Country,Exports,Imports\nChile,2005,7\n", ONE, "header", 1, "a header line"),
    # periods
    "year 0001": (H + "price.x,0001-01-01,1\n", NONE, "ds", 2, "a month, such as 2024-02"),
    "year 9999": (H + "price.x,9999-01-01,1\n", NONE, "ds", 2, "a month"),
    "month 13": (H + OK + "price.x,2024-13,1\n", NONE, "ds", 3, "a month"),
    "30 February": (H + OK + "price.x,2024-02-30,1\n", NONE, "ds", 3, "a month"),
    "middle of a month": (H + OK + "price.x,2024-02-15,1\n", NONE, "ds", 3, "2024-02-01"),
    "a year in a monthly series": (H + OK + "price.x,2024,1\n", NONE, "ds", 3, "a month"),
    "a quarter in a monthly series": (H + OK + "price.x,2024Q1,1\n", NONE, "ds", 3, "a month"),
    "day and month in doubt": (H + "price.x,03/04/2024,1\nprice.x,04/05/2024,1\n", NONE, "ds", 2, "--dates dmy"),
    "both orders of day and month": (
        H + "price.x,31/01/2024,1\nprice.x,02/29/2024,1\nprice.x,01/03/2024,1\n", NONE, "ds", 4, "--dates"),
    "not the declared order": (H + "price.x,01/31/2024,1\n", Hints(dates="dmy"), "ds", 2, "a month"),
    "a year of two digits": (H + "price.x,01/02/24,1\n", NONE, "ds", 2, "a month"),
    "no year": (H + OK + "price.x,24-Feb,1\n", NONE, "ds", 3, "a month"),
    "a day with hours": (H + OK + "price.x,2024-02-01T08:30:00,1\n", NONE, "ds", 3, "a month"),
    "serial day among months": (H + OK + "price.x,45323,1\n", NONE, "ds", 3, "a month"),
    "no period at all": (H + OK + "price.x,,1\n", NONE, "ds", 3, "a month"),
    "a name of no month": (H + OK + "price.x,Fbe 2024,1\n", NONE, "ds", 3, "a month"),
    "digits of another script": (H + OK + "price.x,２０２４-02,1\n", NONE, "ds", 3, "a month"),
    "years that two calendar years share": (
        "series_id,2010-11,2011-12\nprice.x,1,2\n", NONE, "ds", 1, "months or whole years"),
    "doubtful days as columns": (
        "series_id,01/02/2024,01/03/2024\nprice.x,1,2\n", NONE, "header", 1, "--dates dmy"),
    "a title that is called like a header": (
        "Period,2024\nCountry,Chile\n\nDate,Price\n2024-13,1\n", ONE, "Date", 5, "a month"),
    # numbers
    "infinite": (H + "price.x,2024-01,inf\n", NONE, "value", 2, "a number"),
    "too large": (H + OK + "price.x,2024-02,1e999\n", NONE, "value", 3, "a number"),
    "not a number": (H + OK + "price.x,2024-02,NaN\n", NONE, "value", 3, "leave out"),
    "missing value": (H + OK + "price.x,2024-02,\n", NONE, "value", 3, "leave out"),
    "mark for missing": (H + OK + "price.x,2024-02,..\n", NONE, "value", 3, "leave out"),
    "hexadecimal": (H + OK + "price.x,2024-02,0x1f\n", NONE, "value", 3, "a number"),
    "underscores": (H + OK + "price.x,2024-02,1_000\n", NONE, "value", 3, "a number"),
    "thousands or decimals": (H + 'price.x,2024-01,"1,234"\n', NONE, "value", 2, "--decimal"),
    "thousands or decimals, semicolons": ("ds;value\n2024-01;1.234\n2024-02;5.678\n", ONE, "value", 2, "--decimal"),
    "mixed decimals": (H + 'price.x,2024-01,1.5\nprice.x,2024-02,"1,5"\n', NONE, "value", 3, "decimal point as in"),
    "mixed decimals far down": (
        H + MANY + 'price.x,2024-02,"1,5"\n', NONE, "value", 6_002, "decimal point"),
    "not the declared sign": (H + "price.x,2024-01,1.5\n", Hints(decimal=","), "value", 2, "decimal comma"),
    "wrong groups": (H + 'price.x,2024-01,"12,34,567.5"\n', NONE, "value", 2, "groups of three"),
    "currency": (H + "price.x,2024-01,$5\n", NONE, "value", 2, "a number"),
    "percent": (H + "price.x,2024-01,5%\n", NONE, "value", 2, "a number"),
    "scale": (H + "price.x,2024-01,12 k\n", NONE, "value", 2, "a number"),
    "billions or a break": (H + "price.x,2024-01,12 b\n", NONE, "value", 2, "a number"),
    "more than": (H + "price.x,2024-01,>95\n", NONE, "value", 2, "a number"),
    "accountant's minus": (H + 'price.x,2024-01,"(1,234.5)"\n', NONE, "value", 2, "a number"),
    "full-width digits": (H + "price.x,2024-01,１２\n", NONE, "value", 2, "a number"),
    "error of a formula": (H + "price.x,2024-01,#REF!\n", NONE, "value", 2, "a number"),
    "text for a number": (H + OK + "price.x,2024-02,twelve\n", NONE, "value", 3, "a number"),
}  # fmt: skip


@pytest.mark.parametrize("what", TEXTS)
def test_text_is_refused_with_its_place(tmp_path: Path, what: str) -> None:
    text, hints, where, line, expected = TEXTS[what]
    fault = fault_in(write(tmp_path, text), hints)
    assert (fault.where, fault.line) == (where, line) or (where == "line" and line is None)
    assert expected in fault.expected
    assert len(str(fault)) < 700


#: What is strange and yet has one reading: text, and the values of its months from 2024-01.
UNDERSTOOD: dict[str, tuple[str | bytes, Hints, list[float]]] = {
    "CR only": ("series_id,ds,value\rprice.x,2024-01,1\rprice.x,2024-02,2\r", NONE, [1, 2]),
    "CRLF, mark, no last line end": (b"\xef\xbb\xbf" + (H + OK[:-1]).replace("\n", "\r\n").encode(), NONE, [1]),
    "cells of several lines": ('series_id,ds,value,note\nprice.x,2024-01,1,"a\nb"\nprice.x,2024-02,2,\n', NONE, [1, 2]),
    "RTL marks and hard blanks": (
        H + "price.x,\u200f2024-01\u200e,\u00a01\u202f234.5\u200f\nprice.x,2024-02,\u202b7\u202c\n", NONE, [1234.5, 7]),
    "blank lines and rows": (H + "\n" + OK + "  \n,,\nprice.x,2024-02,2\n\n", NONE, [1, 2]),
    "separators at line ends": ("series_id,ds,value,\nprice.x,2024-01,1,\nprice.x,2024-02,2,,\n", NONE, [1, 2]),
    "numbered rows of a data frame": (",series_id,ds,value\n0,price.x,2024-01,1\n1,price.x,2024-02,2\n", NONE, [1, 2]),
    "a month that repeats its year": ("Year,Month,value\n2024,202401,1\n2024,2024-02,2\n", ONE, [1, 2]),
    "a month in words": ("Year,Month,value\n2024,January,1\n2024,Feb,2\n", ONE, [1, 2]),
    "letter case": ("Series_ID, DS ,VALUE\nprice.x,2024-01,1\n", NONE, [1]),
    "marks of footnotes": (
        H + "price.x,2024-01,567 r\nprice.x,2024-02,5.5 (e)\nprice.x,2024-03,7¹\n", NONE, [567, 5.5, 7]),
    "marks of a header": ("Date ¹,price.x *\n2024-01,5\n", Hints(columns={"price.x": "price.x"}), [5]),
    "titles above, notes below": ("Copper prices\n\nds,value\n2024-01,1\n\nSource: nobody\n", ONE, [1]),
    "units under the header": ("ds,price.x\n,USD/t\n2024-01,1\n", NONE, [1]),
    "thousands that one cell settles": (
        H + 'price.x,2024-01,"1,234"\nprice.x,2024-02,"1,234.5"\n', NONE, [1234, 1234.5]),
    "days that one cell settles": (H + "price.x,01/02/2024,2\nprice.x,31/01/2024,1\n", NONE, [1, 2]),
    "millions": (H + 'price.x,2024-01,"1,234,567"\n', NONE, [1234567]),
    "decimal comma": ("ds;value\n2024-01;1.234.567,8\n2024-02;12,5\n", ONE, [1234567.8, 12.5]),
    "separator that is told": ("ds|value\n2024-01|1\n", Hints(series_id="price.x", separator="|"), [1]),
    "cp1252": ("ds;Größe\n2024-01;1\n".encode("cp1252"), Hints(
        series_id="price.x", encoding="cp1252", mapping={"Größe": "value"}), [1]),
    "commas in cells of tabs": ("name\tds\tvalue\na, b\t2024-01\t1\nc, d\t2024-02\t2\n", ONE, [1, 2]),
}  # fmt: skip


@pytest.mark.parametrize("what", UNDERSTOOD)
def test_what_has_one_reading_is_read(tmp_path: Path, what: str) -> None:
    text, hints, values = UNDERSTOOD[what]
    months = {("price.x", f"2024-{month:02d}-01"): value for month, value in enumerate(values, start=1)}
    assert observed(write(tmp_path, text), hints) == months


_TOKENS = st.sampled_from(
    [
        *("series_id", "ds", "value", "date", "Year", "Month", "Jan", "Feb", "2024", "2023-11", "2024Q1", "03/04/2024"),
        *("price.x", "1,5", "1.234", "..", "1 p", "\n", "\n", "\r\n", "\ufeff", "\u200f", "", "Source: z", "é"),
        *",;\t\n\r\"'",
    ]
)
_HINTS = [
    NONE,
    ONE,
    Hints(series_id="price.x", mapping={"Year": "year", "Jan": "value"}, decimal=","),
    Hints(columns={"price.x": "price.x"}, encoding="cp1252"),
    Hints(columns={"Jan": "price.x", "Feb": "price.y"}, dates="dmy", separator=";"),
]


@given(st.lists(_TOKENS, max_size=40), st.sampled_from(_HINTS), st.sampled_from(["utf-8", "utf-16", "utf-16-le"]))
def test_any_text_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, tokens: list[str], hints: Hints, encoding: str
) -> None:
    path = write(tmp_path_factory.mktemp("any"), "".join(tokens).encode(encoding))
    with suppress(InvalidInput):
        for batch in open_table(path, hints, {}, Limits()).batches():
            assert {*map(len, batch.cells.values())} == {len(batch.lines)}


# -- workbooks ---------------------------------------------------------------------------------------------------------

ROWS: list[list[object]] = [["series_id", "ds", "value"], ["price.x", "2024-01", 1.5]]


def repacked(path: Path, change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> Path:
    """The workbook with other parts."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in change(parts).items():
            archive.writestr(name, content)
    return path


SHEET = "xl/worksheets/sheet1.xml"


def with_sheet(change: Callable[[bytes], bytes]) -> Callable[[Path], Path]:
    return lambda path: repacked(path, lambda parts: parts | {SHEET: change(parts[SHEET])})


def without(name: str) -> Callable[[Path], Path]:
    return lambda path: repacked(path, lambda parts: {part: text for part, text in parts.items() if part != name})


def cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:-200])
    return path


def damaged(path: Path) -> Path:
    content = bytearray(path.read_bytes())
    at = content.index(b"xl/worksheets/sheet1.xml") + 60
    content[at : at + 20] = b"\0" * 20
    path.write_bytes(content)
    return path


def lying(path: Path) -> Path:
    """The directory says that the sheet is a gigabyte."""
    content = bytearray(path.read_bytes())
    at = content.rindex(b"xl/worksheets/sheet1.xml") - 46
    content[at + 24 : at + 28] = struct.pack("<I", 1_000_000_000)
    path.write_bytes(content)
    return path


DTD = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
STRINGS = b"<sst>" + b"<si><t>lalala</t></si>" * 100_000 + b"</sst>"
BOOKS: dict[str, tuple[Callable[[Path], Path], str, int | None, str]] = {
    "cut": (cut, "file", None, "a whole workbook"),
    "damaged": (damaged, "file", None, "a whole workbook"),
    "no sheet": (without(SHEET), "sheets", None, "a sheet that is not hidden"),
    "no workbook inside": (without("xl/workbook.xml"), "format", None, "a whole workbook"),
    "no list of contents": (without("[Content_Types].xml"), "file", None, "a whole workbook"),
    "broken XML": (with_sheet(lambda xml: xml[: len(xml) // 2]), "file", None, "a whole workbook"),
    "no XML": (with_sheet(lambda xml: b"\0\1\2 no xml"), "file", None, "a whole workbook"),
    "document type": (with_sheet(lambda xml: DTD + xml[xml.index(b"<worksheet") :]), SHEET, None, "document type"),
    "document type in UTF-16": (
        with_sheet(lambda xml: ("<!DOCTYPE x []>" + xml[xml.index(b"<worksheet") :].decode()).encode("utf-16")),
        SHEET, None, "document type"),
    "bomb in a sheet": (with_sheet(lambda xml: xml + b" " * 60_000_000), SHEET, None, "50 times its size at most"),
    "bomb in the texts": (
        lambda path: repacked(path, lambda parts: parts | {"xl/sharedStrings.xml": STRINGS}),
        "xl/sharedStrings.xml", None, "50 times its size at most"),
    "bomb beside": (
        lambda path: repacked(path, lambda parts: parts | {"xl/media/x.bin": b"\0" * 60_000_000}),
        "xl/media/x.bin", None, "20,000,000 bytes at most"),
    "many parts": (
        lambda path: repacked(path, lambda parts: parts | {f"x{n}": b"" for n in range(3_000)}),
        "parts", None, "at most"),
    "many sheets": (
        lambda path: repacked(path, lambda parts: parts | {f"xl/worksheets/sheet{n}.xml": b"" for n in range(2, 300)}),
        "sheets", None, "100 at most"),
    "many small bombs": (
        lambda path: repacked(
            path, lambda parts: parts | {f"xl/worksheets/sheet{n}.xml": b" " * 900_000 for n in range(2, 60)}),
        "unpacked", None, "50 times the size of the file at most"),
    "lying directory": (lying, "unpacked", None, "300,000,000 bytes at most"),
    "formula without a value": (
        with_sheet(lambda xml: xml.replace(b"<v>1.5</v>", b"<f>1+1</f><v></v>")), "C", 2, "a value; open and save"),
    "error in a cell": (
        with_sheet(lambda xml: xml.replace(b'<c r="C2" t="n"><v>1.5</v>', b'<c r="C2" t="e"><v>#DIV/0!</v>')),
        "value", 2, "a number"),
    "infinite number": (with_sheet(lambda xml: xml.replace(b"<v>1.5</v>", b"<v>1e999</v>")), "value", 2, "a number"),
    "far column": (
        with_sheet(lambda xml: xml.replace(b"</row></sheetData>", b'<c r="XFD2"><v>1</v></c></row></sheetData>')),
        "columns", 2, "5,000 columns at most"),
}  # fmt: skip


@pytest.mark.parametrize("what", BOOKS)
def test_a_workbook_is_refused_with_its_place_and_at_once(tmp_path: Path, what: str) -> None:
    spoil, where, line, expected = BOOKS[what]
    path = spoil(write_book(tmp_path, {"Data": ROWS}))
    started = time.process_time()
    fault = fault_in(path)
    assert time.process_time() - started < 5
    assert (fault.where, fault.line) == (where, line)
    assert expected in fault.expected


@given(st.integers(0, 10**6), st.integers(0, 255))
def test_any_byte_of_a_workbook_may_be_wrong(tmp_path_factory: pytest.TempPathFactory, place: int, byte: int) -> None:
    path = write_book(tmp_path_factory.mktemp("any"), {"Data": ROWS})
    content = bytearray(path.read_bytes())
    content[place % len(content)] = byte
    path.write_bytes(content)
    with suppress(InvalidInput):
        assert observed(path) == {("price.x", "2024-01-01"): 1.5}


def test_a_workbook_that_says_it_is_huge_is_read_as_it_is(tmp_path: Path) -> None:
    path = with_sheet(lambda xml: xml.replace(b'ref="A1:C2"', b'ref="A1:XFD1048576"'))(
        write_book(tmp_path, {"Data": ROWS})
    )
    assert b"XFD1048576" in zipfile.ZipFile(path).read(SHEET)
    assert observed(path) == {("price.x", "2024-01-01"): 1.5}


@pytest.mark.parametrize(
    ("sheets", "hints", "where", "expected"),
    [
        ({"A": [], "B": []}, NONE, "file", "a header line and at least one row"),
        ({"A": [["about"], ["this"]]}, NONE, "header", "a header line"),
        ({"A": ROWS, "B": ROWS}, NONE, "sheets", "--sheet NAME"),
        ({"A": ROWS, "B": ROWS}, Hints(sheet="C"), "sheet", "one of 'A', 'B'"),
        ({"A": ROWS, "B": []}, Hints(sheet="B"), "file", "a header line and at least one row"),
        ({"A": [["ds", "price.x", None], ["2024-01", 1, 2]]}, NONE, "header", "merged cells"),
        ({"A": [["ds", "value"], ["03/04/2024", 2]]}, ONE, "ds", "--dates"),
        ({"A": [["ds", "value"], ["2024-01", "1,234"]]}, ONE, "value", "--decimal"),
        ({"A": [["ds", "value"], ["2024-01", True]]}, ONE, "value", "a number"),
    ],
)
def test_sheets_that_do_not_say_enough(
    tmp_path: Path, sheets: dict[str, list[list[object]]], hints: Hints, where: str, expected: str
) -> None:
    fault = fault_in(write_book(tmp_path, sheets), hints)
    assert fault.where == where
    assert expected in fault.expected


def test_a_workbook_by_another_name_and_text_by_that_of_a_workbook(tmp_path: Path) -> None:
    book = write_book(tmp_path, {"Data": ROWS}, "table.csv")
    text = write(tmp_path, H + "price.x,2024-01,1.5\n", "table.xlsx")
    assert observed(book) == observed(text) == {("price.x", "2024-01-01"): 1.5}


def test_a_zip_file_of_something_else(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("table.csv", H + OK)
    assert fault_in(write(tmp_path, packed.getvalue(), "a.zip")).value == "a zip file without a workbook"


# -- what is no file, and limits ---------------------------------------------------------------------------------------


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, what in ((tmp_path, "a folder"), (tmp_path / "pipe", "a pipe"), (Path("/dev/zero"), "a device")):
        assert (fault_in(path).value, fault_in(path).expected) == (what, "a regular file")
    assert "No such file" in fault_in(tmp_path / "none.csv").expected


@pytest.mark.parametrize(
    ("limits", "where", "line"),
    [
        (Limits(size=10), "size", None),
        (Limits(rows=3), "rows", None),
        (Limits(columns=2), "columns", 1),
        (Limits(cell=5), "series_id", 2),
    ],
)
def test_each_limit_is_told(tmp_path: Path, limits: Limits, where: str, line: int | None) -> None:
    path = write(tmp_path, H + OK * 5)
    with pytest.raises(InvalidInput, match="at most") as caught:
        list(open_table(path, NONE, {}, limits).batches())
    assert (caught.value.faults[0].where, caught.value.faults[0].line) == (where, line)


def test_rows_of_another_length_are_handed_to_who_takes_them(tmp_path: Path) -> None:
    path = write(tmp_path, H + OK + "price.x,2024-02\n" + "price.x,2024-03,3\n")
    refused: list[tuple[int | None, list[str]]] = []
    table = open_table(path, NONE, {}, Limits())
    batches = list(table.batches(lambda fault, row: refused.append((fault.line, list(row)))))
    assert refused == [(3, ["price.x", "2024-02"])]
    assert [line for batch in batches for line in batch.lines] == [2, 4]


def test_all_rows_of_another_length_are_told_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, H + "price.x,2024-01\n" + OK + "price.x\n")
    with pytest.raises(InvalidInput) as caught:
        list(open_table(path, NONE, {}, Limits()).batches())
    assert [fault.line for fault in caught.value.faults] == [2, 4]
