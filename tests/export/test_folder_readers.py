"""Exported files open right in what reads them: in all of it a column has the type that the data package says."""

from __future__ import annotations

import csv
import datetime as dt
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import duckdb
import openpyxl
import pandas as pd
import psycopg
import pyarrow.parquet as pq
import pytest

from forecast.answers.forecast import ForecastQuestion
from forecast.catalog import Catalog
from forecast.export.choices import FileFormat
from forecast.export.datasets import DATASETS, ExportQuestion, Stores
from forecast.export.finished import verify
from forecast.export.folder import FileLayout, Made, write_folder
from forecast.registry import Registry
from tests.support.trained_home import EARTHS, NOW, make_home

Field = Mapping[str, str]
TABLES = tuple(DATASETS)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    settings = make_home(tmp_path_factory.mktemp("home"))
    catalog = Catalog.open(settings)
    yield Stores(catalog, Registry(settings.models_dir))
    catalog.close()


def exported(stores: Stores, folder: Path, layout: FileLayout) -> Path:
    """A folder of every table of one series, which is in tonnes."""
    asked = ExportQuestion(ForecastQuestion(NOW.date()), (EARTHS,), history=True)
    done = write_folder(stores, folder, asked, layout, NOW)
    assert [one.path.stem for one in done if isinstance(one, Made)] == list(TABLES)
    return folder


@pytest.fixture(scope="module")
def folder(stores: Stores, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(stores, tmp_path_factory.mktemp("csv"), FileLayout())


@pytest.fixture(scope="module")
def package(folder: Path) -> dict[str, list[Field]]:
    """The fields of each table, as ``datapackage.json`` has them."""
    document = json.loads((folder / "datapackage.json").read_bytes())
    return {one["name"]: one["schema"]["fields"] for one in document["resources"]}


def rows(folder: Path, table: str) -> list[dict[str, str]]:
    with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def filled(lines: Sequence[Mapping[str, str]], fields: Sequence[Field]) -> list[Field]:
    """The fields that have a value anywhere: of the others nobody can tell a type."""
    return [field for field in fields if any(line[field["name"]] for line in lines)]


def test_the_package_describes_every_file_with_its_rows_and_digest(folder: Path) -> None:
    document = json.loads((folder / "datapackage.json").read_bytes())
    assert [one["name"] for one in document["resources"]] == list(TABLES)
    for one in document["resources"]:
        path = folder / one["path"]
        assert (one["bytes"], one["rows"]) == (path.stat().st_size, verify(path))
        manifest = json.loads(path.with_name(path.name + ".manifest.json").read_bytes())
        assert one["hash"] == f"sha256:{manifest['sha256']}"
        assert [field["name"] for field in one["schema"]["fields"]] == list(rows(folder, one["name"])[0])
    assert document["created"] == "2026-07-15T12:00:00Z"


def test_a_series_in_tonnes_says_so_in_a_word_that_is_no_truth_value(folder: Path) -> None:
    for table in ("forecasts", "effects", "backtests", "series"):
        assert {row["unit"] for row in rows(folder, table)} == {"tonne"}


@pytest.mark.parametrize("table", TABLES)
def test_duckdb_guesses_the_types_that_the_columns_have(
    folder: Path, package: dict[str, list[Field]], table: str
) -> None:
    expected = {"number": "DOUBLE", "integer": "BIGINT", "boolean": "BOOLEAN", "date": "DATE", "string": "VARCHAR"}
    described = duckdb.connect().execute(f"DESCRIBE SELECT * FROM read_csv('{folder / table}.csv')")
    found = {name: kind for name, kind, *_ in described.fetchall()}
    for field in filled(rows(folder, table), package[table]):
        if field["type"] == "datetime":
            assert found[field["name"]].startswith("TIMESTAMP")
        else:
            assert found[field["name"]] == expected[field["type"]], field


@pytest.mark.parametrize("table", TABLES)
def test_pandas_keeps_every_text_and_loses_none(folder: Path, package: dict[str, list[Field]], table: str) -> None:
    frame, lines = pd.read_csv(folder / f"{table}.csv"), rows(folder, table)
    kinds = {"number": "f", "integer": "if", "boolean": "bO"}
    for field in filled(lines, package[table]):
        name = field["name"]
        if field["type"] == "string":
            assert frame[name].fillna("").tolist() == [line[name] for line in lines]
        elif field["type"] in kinds:
            assert frame[name].dtype.kind in kinds[field["type"]], field
        else:
            assert len(pd.to_datetime(frame[name].dropna())), field


def test_postgresql_copies_every_table_into_the_types_of_the_package(
    folder: Path, package: dict[str, list[Field]], postgres_url: str
) -> None:
    types = {"number": "double precision", "integer": "bigint", "datetime": "timestamptz", "string": "text"}
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as connection:
        for table, fields in package.items():
            columns = ", ".join(f'"{each["name"]}" {types.get(each["type"], each["type"])}' for each in fields)
            connection.execute(f"CREATE TEMPORARY TABLE exported_{table} ({columns})".encode())
            with connection.cursor().copy(
                f"COPY exported_{table} FROM STDIN (FORMAT csv, HEADER match)".encode()
            ) as copy:
                copy.write((folder / f"{table}.csv").read_bytes())
            (count,) = connection.execute(f"SELECT count(*) FROM exported_{table}".encode()).fetchone() or (None,)
            assert count == len(rows(folder, table))
        (total,) = connection.execute(b'SELECT sum("hi-80") FROM exported_forecasts').fetchone() or (None,)
    assert total == pytest.approx(sum(float(line["hi-80"] or 0) for line in rows(folder, "forecasts")), rel=1e-12)


def test_parquet_has_the_same_rows_with_types_of_its_own(
    stores: Stores, folder: Path, package: dict[str, list[Field]], tmp_path: Path
) -> None:
    exported(stores, tmp_path, FileLayout(FileFormat.PARQUET))
    types = {"number": "double", "integer": "int64", "boolean": "bool", "date": "date32[day]", "string": "string"}
    for table in TABLES:
        found = pq.read_table(tmp_path / f"{table}.parquet")
        assert found.num_rows == len(rows(folder, table))
        assert found.column_names == [field["name"] for field in package[table]]
        for field in package[table]:
            assert str(found.schema.field(field["name"]).type) == types.get(field["type"], "timestamp[us, tz=UTC]")
    forecasts = pq.read_table(tmp_path / "forecasts.parquet").to_pylist()
    assert [line["yhat"] for line in forecasts] == [
        float(line["yhat"]) if line["yhat"] else None for line in rows(folder, "forecasts")
    ]


def test_a_workbook_has_days_as_days_and_runs_no_text(stores: Stores, folder: Path, tmp_path: Path) -> None:
    exported(stores, tmp_path, FileLayout(FileFormat.XLSX))
    for table in TABLES:
        page = openpyxl.load_workbook(tmp_path / f"{table}.xlsx").active
        assert page is not None
        assert page.max_row == len(rows(folder, table)) + 1
        assert not [cell.coordinate for line in page.iter_rows() for cell in line if cell.data_type == "f"]
    page = openpyxl.load_workbook(tmp_path / "forecasts.xlsx").active
    assert page is not None
    header, *lines = page.iter_rows(values_only=True)
    at = header.index("ds")
    assert {type(line[at]) for line in lines} == {dt.datetime}
    assert verify(tmp_path / "forecasts.xlsx") == len(lines)


#: What a text may be that somebody has typed into a note.
EVIL = ("=1+1", "＝1+1", "a;=1+1;b", "+1", "-1", "@SUM(1)", "t", "mar-25", "1/2", "0101", "NA", "a\n=1+1", '"=1"')


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("soffice"), reason="LibreOffice is not installed: make office")
def test_libreoffice_opens_csv_with_days_numbers_and_text_and_runs_nothing(folder: Path, tmp_path: Path) -> None:
    from forecast.export.csv_writer import csv_export

    csv_export(["text", "number"], [{"text": text, "number": -1.5} for text in EVIL]).write(tmp_path / "evil.csv")
    shutil.copy(folder / "forecasts.csv", tmp_path)
    for separator in (",", ";"):
        out = tmp_path / ("commas" if separator == "," else "semicolons")
        profile = f"-env:UserInstallation={(tmp_path / 'office').as_uri()}"
        convert = [
            "--headless",
            f"--infilter=CSV:{ord(separator)},34,76,1",
            "--convert-to",
            "xlsx",
            "--outdir",
            str(out),
        ]
        files = [str(tmp_path / "evil.csv"), str(tmp_path / "forecasts.csv")]
        subprocess.run(["soffice", profile, *convert, *files], check=True, capture_output=True, timeout=120)
        for name in ("evil", "forecasts"):
            page = openpyxl.load_workbook(out / f"{name}.xlsx").active
            assert page is not None
            assert not [cell.value for line in page.iter_rows() for cell in line if cell.data_type == "f"]
    page = openpyxl.load_workbook(tmp_path / "commas" / "evil.xlsx").active
    assert page is not None
    assert [type(line[0]) for line in page.iter_rows(min_row=2, values_only=True)] == [str] * len(EVIL)
    assert {line[1] for line in page.iter_rows(min_row=2, values_only=True)} == {-1.5}
    page = openpyxl.load_workbook(tmp_path / "commas" / "forecasts.xlsx").active
    assert page is not None
    header, *lines = page.iter_rows(values_only=True)
    told = [dict(zip(map(str, header), line, strict=True)) for line in lines]
    assert {type(line["ds"]) for line in told} == {dt.datetime}
    assert {line["unit"] for line in told} == {"tonne"}
    assert [line["yhat"] for line in told if line["yhat"] is not None] == pytest.approx(
        [float(line["yhat"]) for line in rows(folder, "forecasts") if line["yhat"]]
    )
