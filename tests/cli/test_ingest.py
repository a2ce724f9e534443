"""``orecast ingest``: what it says of files before and after it takes them in."""

from __future__ import annotations

import csv
import shutil
import subprocess
from pathlib import Path

import pytest

from forecast.catalog import Catalog
from forecast.cli import call
from forecast.settings import Settings


@pytest.fixture
def home(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ORECAST_HOME", str(settings.home))
    monkeypatch.chdir(settings.home)
    rows = ["price.copper,2026-07-01,9000", "price.copper,2026-08-01,x", "price.nickel,2026-07-01,15000"]
    (settings.home / "mine.csv").write_text("\n".join(["series_id,ds,value", *rows, ""]))
    return settings.home


def edition(home: Path) -> int:
    catalog = Catalog.open(Settings.from_env({"ORECAST_HOME": str(home)}))
    try:
        return catalog.edition()
    finally:
        catalog.close()


def test_a_dry_run_shows_how_a_file_is_read_and_what_would_come_in(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = edition(home)
    assert call(["ingest", "mine.csv", "--dry-run"]) == 2  # so would the real one
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert "format: csv" in out.lower()
    assert "mapping: series_id = series_id, ds = ds, value = value" in lines
    assert any(line.startswith("  price.copper 2026-07-01 9000 reported, known since") for line in lines)
    assert lines[-2:] == [
        "would come in: 0 series, 2 observations, 0 revised, 0 events; 0 were there already; 1 was refused",
        "nothing was written",
    ]
    assert "mine.csv:3: value = 'x'" in err
    assert edition(home) == before


def test_without_a_place_for_refused_rows_nothing_comes_in(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = edition(home)
    assert call(["ingest", "mine.csv"]) == 2
    assert "mine.csv:3: value = 'x'" in capsys.readouterr().err
    assert edition(home) == before


def test_refused_rows_are_put_where_they_are_asked_for(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["ingest", "mine.csv", "--quarantine", "refused.csv"]) == 0
    out, err = capsys.readouterr()
    assert out == "0 series, 2 observations, 0 revised, 0 events; 0 were there already; 1 was refused\n"
    assert "1 row was refused: refused.csv" in err
    assert (home / "refused.csv").read_text().splitlines()[1].endswith("price.copper,2026-08-01,x")
    assert call(["ingest", "mine.csv", "--quarantine", "no/such/folder.csv"]) == 2


def test_a_formula_among_refused_rows_is_not_run_and_numbers_and_days_are_as_they_stood(home: Path) -> None:
    given = [
        "price.copper,=1+1,-5",
        "price.copper,＝1+1,9000",
        "price.copper,2026-08-01,-",
        "price.copper,2026-13,+1e3",
    ]
    (home / "odd.csv").write_text("\n".join(["series_id,ds,value", *given, ""]))
    assert call(["ingest", "odd.csv", "--quarantine", "refused.csv"]) == 0
    with (home / "refused.csv").open(newline="") as file:
        found = [(row["ds"], row["value"]) for row in csv.DictReader(file)]
    assert found == [("'=1+1", "-5"), ("'＝1+1", "9000"), ("2026-08-01", "-"), ("2026-13", "+1e3")]


def mend(refused: Path) -> None:
    with refused.open(newline="") as file:
        header, *rows = csv.reader(file)
    with refused.open("w", newline="") as file:
        csv.writer(file).writerows([header, *([*row[:-1], "9100.5"] for row in rows)])


def test_a_file_of_refused_rows_is_taken_in_once_it_is_mended(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["ingest", "mine.csv", "--quarantine", "refused.csv"]) == 0
    mend(home / "refused.csv")
    assert call(["ingest", "refused.csv"]) == 0
    assert "1 observation, 0 revised" in capsys.readouterr().out
    assert call(["observations", "price.copper", "--format", "csv"]) == 0
    assert "price.copper,2026-08-01,9100.5," in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("soffice"), reason="LibreOffice is not installed: make office")
def test_a_file_of_refused_rows_is_taken_in_after_libreoffice_has_saved_it(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(["ingest", "mine.csv", "--quarantine", "refused.csv"]) == 0
    mend(home / "refused.csv")
    profile = f"-env:UserInstallation={(home / 'office').as_uri()}"
    for format in ("csv", "xlsx"):
        options = ["--headless", "--convert-to", format, "--outdir", "saved"]
        subprocess.run(["soffice", profile, *options, "refused.csv"], check=True, capture_output=True, timeout=120)
    capsys.readouterr()
    assert call(["ingest", "saved/refused.csv"]) == 0
    assert "1 observation, 0 revised" in capsys.readouterr().out
    assert call(["ingest", "saved/refused.xlsx"]) == 0
    assert "0 observations, 0 revised, 0 events; 1 was there already" in capsys.readouterr().out


def test_a_setting_says_how_many_faults_are_spelled_out(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORECAST_FILE_FAULTS", "2")
    (home / "wrong.csv").write_text("series_id,ds,value\n" + "price.copper,2026-07-01,x\n" * 5)
    assert call(["ingest", "wrong.csv"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert "3 more faults" in lines[-1]


@pytest.mark.parametrize("wrong", ["Close", "=value", "Close="])
def test_a_mapping_names_a_column_and_what_it_is(home: Path, capsys: pytest.CaptureFixture[str], wrong: str) -> None:
    assert call(["ingest", "mine.csv", "--map", wrong]) == 2
    assert "expected the name of a column" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["ingest", "none.csv"]) == 2
    assert "there is no file none.csv" in capsys.readouterr().err
    assert call(["ingest"]) == 2
    assert "name a file" in capsys.readouterr().err
