"""JSON and CSV show the same digits, cells cannot run, and a cut file cannot pass for a whole one."""

from __future__ import annotations

import base64
import csv
import datetime as dt
import hashlib
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.answers.forecast import Forecast
from forecast.errors import CorruptArtifact
from forecast.export.csv_writer import cell, csv_export, csv_text
from forecast.export.finished import verify
from service.encoding import to_json


def made() -> Forecast:
    bounds = {"lo-80": 1000.0, "hi-80": 1500.25, "lo-95": 1.03018e-05, "hi-95": 1.0e21}
    return Forecast.model_validate(
        {
            "series_id": "volume.x.export.cn",
            "unit": "=t",
            "freq": "M",
            "run": "2026-06-01-ab",
            "as_of": dt.date(2026, 7, 15),
            "data_to": dt.date(2026, 6, 1),
            "overdue": 0,
            "quality": "solid",
            "origin": "last",
            "events_known_to": None,
            "provenance": "asked on 15 Jul 2026",
            "scenario": "baseline",
            "levels": (80, 95),
            "data": [
                {"ds": dt.date(2026, h + 6, 1), "h": h, "nowcast": h == 1, "yhat": 1234.5 * h, **bounds} for h in (1, 2)
            ],
            "branches": (),
            "notes": (),
        }
    )


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_forecast_has_the_promised_columns_and_json_and_csv_the_same_digits() -> None:
    names = made().names()
    assert ",".join(names) == "series_id,ds,h,nowcast,yhat,lo-80,hi-80,lo-95,hi-95,unit,scenario,run"
    text, result = csv_text(names, made().lines()), to_json(made().json_object()).decode()
    assert [line["unit"] for line in read(text)] == ["'=t"] * 2
    for line, document in zip(read(text), json.loads(result)["data"], strict=True):
        assert list(document) == ["ds", "h", "nowcast", "yhat", "lo-80", "hi-80", "lo-95", "hi-95"]
        assert line["ds"] == document["ds"]
        for name in list(document)[1:]:
            assert json.loads(line[name]) == document[name]
            assert f'"{name}":{line[name]}' in result


@given(st.floats(), st.integers(-(10**18), 10**18))
def test_json_and_csv_show_any_number_with_the_same_text(number: float, whole: int) -> None:
    """What JSON cannot say is null in it and an empty cell."""
    assert cell(number) == to_json(number).decode().replace("null", "")
    assert cell(np.float64(number)) == cell(number)
    assert cell(whole) == to_json(whole).decode()


def test_text_that_a_spreadsheet_would_run_is_made_safe_and_numbers_are_not_touched() -> None:
    rows = [{"a": text, "b": -1.5} for text in ("=1+1", "+1", "-1", "@x", "\tx", "\rx", "a=1", "")]
    found = read(csv_text(["a", "b"], rows))
    assert [row["a"] for row in found] == ["'=1+1", "'+1", "'-1", "'@x", "'\tx", "'\rx", "a=1", ""]
    assert {row["b"] for row in found} == {"-1.5"}
    assert csv_text(["=a", "-b"], []) == "'=a,'-b\r\n"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (True, "true"),
        (np.bool_(False), "false"),
        (7, "7"),
        (0.1, "0.1"),
        (np.float64(0.1), "0.1"),
        (np.int64(-3), "-3"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (np.datetime64("2026-01-02"), "2026-01-02"),
        (("a", "b"), "a;b"),
        (["=a"], "'=a"),
        ({"h": 1}, '{"h": 1}'),
    ],
)
def test_cells(value: object, shown: str) -> None:
    assert cell(value) == shown


@given(
    st.lists(st.fixed_dictionaries({"a": st.text(), "b": st.floats(allow_nan=False, allow_infinity=False)}), max_size=5)
)
def test_any_text_and_number_survives_a_csv_reader(rows: list[dict[str, object]]) -> None:
    text = csv_text(["a", "b"], rows)
    assert text.endswith("\r\n")
    found = read(text)
    assert len(found) == len(rows)
    for row, line in zip(rows, found, strict=True):
        assert line["a"].removeprefix("'") == str(row["a"]).removeprefix("'")
        assert float(line["b"]) == row["b"]


def test_a_response_says_how_many_rows_and_which_bytes_it_is() -> None:
    export = csv_export(["a"], [{"a": 1}, {"a": 2}])
    digest = base64.b64encode(hashlib.sha256(export.data).digest()).decode()
    hexadecimal = hashlib.sha256(export.data).hexdigest()
    assert export.headers == {"Repr-Digest": f"sha-256=:{digest}:", "X-SHA256": hexadecimal, "X-Row-Count": "2"}
    assert export.data == b"a\r\n1\r\n2\r\n"


def test_a_byte_order_mark_is_written_only_if_asked_for_and_is_in_the_digest() -> None:
    with_mark, without = csv_export(["a"], [{"a": "é"}], bom=True), csv_export(["a"], [{"a": "é"}])
    assert with_mark.data == b"\xef\xbb\xbf" + without.data
    assert with_mark.sha256 == hashlib.sha256(with_mark.data).hexdigest()
    assert with_mark.rows == without.rows == 1


def test_a_whole_file_is_told_from_a_cut_one(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    export = csv_export(["a"], [{"a": i} for i in range(100)])
    export.write(path)
    assert verify(path) == 100
    assert path.read_bytes() == export.data
    path.write_bytes(export.data[:-4])
    with pytest.raises(CorruptArtifact):
        verify(path)
    export.write(path)
    Path(f"{path}.manifest.json").unlink()
    with pytest.raises(CorruptArtifact):
        verify(path)


def test_an_altered_file_of_the_same_length_is_no_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    csv_export(["a"], [{"a": 17}, {"a": 18}]).write(path)
    path.write_bytes(b"a\r\n17\r\n19\r\n")
    with pytest.raises(CorruptArtifact, match="it has 11 bytes that are not the 11 its manifest promises"):
        verify(path)
    path.write_bytes(b"a\r\n17\r\n18\r\n")
    assert verify(path) == 2


def test_the_manifest_tells_name_rows_bytes_and_digest(tmp_path: Path) -> None:
    csv_export(["a"], [{"a": "é"}, {"a": "x"}]).write(tmp_path / "out.csv")
    assert json.loads((tmp_path / "out.csv.manifest.json").read_text()) == {
        "file": "out.csv",
        "rows": 2,
        "bytes": 10,
        "sha256": hashlib.sha256(b"a\r\n\xc3\xa9\r\nx\r\n").hexdigest(),
    }


def test_an_export_may_be_read_by_whom_the_umask_lets(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        csv_export(["a"], []).write(tmp_path / "out.csv")
    finally:
        os.umask(before)
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o640}


def test_writing_again_replaces_the_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    csv_export(["a"], [{"a": 1}]).write(path)
    csv_export(["a"], []).write(path)
    assert verify(path) == 0
    assert {file.name for file in tmp_path.iterdir()} == {"out.csv", "out.csv.manifest.json"}


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(OSError, match=r"out\.csv"):
        csv_export(["a"], []).write(tmp_path / "out.csv")
    assert [file.name for file in tmp_path.iterdir()] == ["out.csv"]
