"""What users rely on of large and doubtful files: bounded memory, all or nothing, and refused rows in their hands."""

from __future__ import annotations

import csv
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from forecast.catalog import Catalog, Counts
from forecast.catalog.quarantine import Settlement
from forecast.errors import InvalidInput
from forecast.intake.gate import Gate
from forecast.intake.layout import Hints
from forecast.jobs import refusals
from forecast.jobs.ingest import IngestOptions, ingest, preview
from forecast.settings import Settings

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HEADER = "series_id,ds,value\n"
SERIES = "series_id,measure,unit,freq\n"
RUN = """
import sys, datetime as dt
from pathlib import Path
from forecast.catalog import Catalog, Counts
from forecast.jobs.ingest import ingest
from forecast.settings import Settings
home, file, series = map(Path, sys.argv[1:])
catalog = Catalog.open(Settings.from_env({"ORECAST_HOME": str(home)}))
counts = ingest(catalog, file, series, known_at=dt.datetime.now(dt.UTC))
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(counts.observations, counts.unchanged, int(peak) // 1024)
"""


def put(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def large(folder: Path, series: int) -> tuple[Path, Path, int]:
    """A file of daily values of so many series since 1980, the description of these, and how many rows it has."""
    days = np.arange("1980-01-01", "2026-01-01", dtype="datetime64[D]").astype(str).tolist()
    described = put(folder / "series.csv", SERIES + "".join(f"mine.s{k},price,USD/t,D\n" for k in range(series)))
    with (folder / "large.csv").open("w") as file:
        file.write(HEADER)
        for k in range(series):
            file.writelines(f"mine.s{k},{day},{1000 + k}.{at % 97:02}\n" for at, day in enumerate(days))
    return folder / "large.csv", described, series * len(days)


def observations_in(database: Path) -> int:
    with sqlite3.connect(database) as connection:
        (count,) = connection.execute("SELECT COUNT(*) FROM observations").fetchone()
    return int(count)


def test_a_large_file_needs_no_more_memory_than_a_small_one(settings: Settings, tmp_path: Path) -> None:
    file, series, rows = large(tmp_path, 40)
    for expected in ((rows, 0), (0, rows + 40)):  # new, and once more
        done = subprocess.run(
            [sys.executable, "-c", RUN, settings.home, file, series], capture_output=True, text=True, check=True
        )
        observations, unchanged, peak = map(int, done.stdout.split())
        assert (observations, unchanged) == expected
        assert peak < 300


@pytest.mark.parametrize("grown", [0, 4_000_000])
def test_a_process_that_is_killed_leaves_nothing_half_written(settings: Settings, tmp_path: Path, grown: int) -> None:
    file, series, _ = large(tmp_path, 30)
    database, log = settings.home / "var" / "orecast.db", settings.home / "var" / "orecast.db-wal"
    before, scratch = observations_in(database), tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, settings.home, file, series], env={**os.environ, "TMPDIR": str(scratch)}
    )
    until = time.monotonic() + 120
    while (log.stat().st_size if log.exists() else -1) < grown and process.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert observations_in(database) == before
    assert list(scratch.iterdir()) == []
    catalog = Catalog.open(settings)
    assert "mine.s0" not in catalog.series()
    catalog.close()


MIXED = HEADER + (
    "price.copper,2026-07-01,9000\n"
    "price.copper,2026-08-01,x\n"
    "price.coper,2026-08-01,1\n"
    "price.copper,2026-07,9001\n"
    "price.nickel,2026-13-01,-2\n"
    "price.nickel,2026-07-01,15000\n"
)


def test_refused_rows_go_where_they_are_asked_for_and_the_others_come_in(catalog: Catalog, tmp_path: Path) -> None:
    file, refused = put(tmp_path / "mixed.csv", MIXED), tmp_path / "refused.csv"
    counts = ingest(catalog, file, known_at=NOW, options=IngestOptions(quarantine=refused))
    assert (counts.observations, counts.refused) == (2, 4)
    assert f"4 rows were refused: {refused}" in counts.notes
    assert catalog.history("price.copper").y[-1] == 9000
    with refused.open(newline="") as lines:
        rows = sorted(csv.DictReader(lines), key=lambda row: int(row["line"]))
    assert [(row["file"], row["line"], row["column"]) for row in rows] == [
        (str(file), "3", "value"),
        (str(file), "4", "series_id"),
        (str(file), "5", "ds"),
        (str(file), "6", "ds; value"),
    ]
    assert [[row["series_id"], row["ds"], row["value"]] for row in rows] == [
        line.split(",") for line in MIXED.splitlines()[2:6]
    ]
    assert "nearest: price.copper" in rows[1]["reason"]
    assert "2026-07-01 is on line 2 already" in rows[2]["reason"]
    assert "-2" in rows[3]["reason"]


def test_what_contradicts_a_recorded_moment_is_refused_by_its_line(catalog: Catalog, tmp_path: Path) -> None:
    header = "series_id,ds,value,known_at\n"
    row = "price.copper,2026-07-01,{},2026-08-05T08:00\n"
    ingest(catalog, put(tmp_path / "first.csv", header + row.format(9000)), known_at=NOW)
    second = put(tmp_path / "second.csv", header + row.format(9500) + "price.nickel,2026-07-01,15000,2026-08-05\n")
    with pytest.raises(InvalidInput) as caught:
        ingest(catalog, second, known_at=NOW)
    (fault,) = caught.value.faults
    assert (fault.line, fault.where, fault.value) == (2, "value", 9500)
    assert "9000 (reported), known since 2026-08-05" in fault.expected
    assert catalog.observations("price.nickel")[-1].ds < date(2026, 7, 1)
    counts = ingest(catalog, second, known_at=NOW, options=IngestOptions(quarantine=tmp_path / "refused.csv"))
    assert (counts.observations, counts.refused) == (1, 1)
    assert "2026-08-05T08:00" in (tmp_path / "refused.csv").read_text()


def test_where_nothing_is_written_no_file_of_refused_rows_is(catalog: Catalog, tmp_path: Path) -> None:
    file, refused = put(tmp_path / "mixed.csv", MIXED), tmp_path / "refused.csv"
    preview(catalog, file, known_at=NOW, options=IngestOptions(quarantine=refused))
    with pytest.raises(InvalidInput):  # a file of series is whole or not at all
        ingest(
            catalog,
            file,
            put(tmp_path / "series.csv", SERIES + "mine.x,prize,USD/t,M\n"),
            known_at=NOW,
            options=IngestOptions(quarantine=refused),
        )
    assert [path.name for path in tmp_path.iterdir() if "refused" in path.name] == []


def test_rows_without_end_that_repeat_are_not_remembered_without_end(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "MOST_LATE", 10)
    file = put(tmp_path / "same.csv", HEADER + "price.copper,2026-07-01,9000\n" * 12)
    with pytest.raises(InvalidInput, match="is a column left out"):
        ingest(catalog, file, known_at=NOW, options=IngestOptions(quarantine=tmp_path / "refused.csv"))
    with pytest.raises(InvalidInput) as caught:
        ingest(catalog, file, known_at=NOW, options=IngestOptions(faults=3))
    assert [fault.line for fault in caught.value.faults] == [3, 4, 5, None]
    assert caught.value.faults[-1].value == "8 more faults"


def test_a_preview_says_what_would_come_in_and_nothing_does(catalog: Catalog, tmp_path: Path) -> None:
    edition, file = catalog.edition(), put(tmp_path / "mixed.csv", MIXED)
    found = preview(catalog, file, known_at=NOW)
    assert (found.counts.observations, found.counts.revised, found.counts.refused) == (2, 0, 4)
    assert [(one.series_id, str(one.ds), one.value) for one in found.first] == [
        ("price.copper", "2026-07-01", 9000),
        ("price.copper", "2026-07-01", 9001),
        ("price.nickel", "2026-07-01", 15000),
    ]
    assert found.understood is not None
    assert found.understood.mapping == {"series_id": "series_id", "ds": "ds", "value": "value"}
    assert [fault.line for fault in found.faults] == [3, 4, 5, 6, 6]
    assert catalog.edition() == edition
    good = put(tmp_path / "good.csv", "".join(MIXED.splitlines(keepends=True)[i] for i in (0, 1, 6)))
    before, counts = preview(catalog, good, known_at=NOW).counts, ingest(catalog, good, known_at=NOW)
    assert (before.observations, before.changed) == (counts.observations, counts.changed)
    assert preview(catalog, good, known_at=NOW).counts.unchanged == 2


def test_a_preview_shows_series_and_events_too(catalog: Catalog, tmp_path: Path) -> None:
    series = put(tmp_path / "series.csv", SERIES + "mine.x,price,USD/t,M\n")
    file = put(tmp_path / "mine.csv", HEADER + "mine.x,2026-07-01,1\n")
    events = put(tmp_path / "events.csv", "event_id,title,kind,announced\nmine,A,tariff,2026-01-01\n")
    counts = preview(catalog, file, series, events, known_at=NOW).counts
    assert (counts.series, counts.observations, counts.events) == (1, 1, 1)
    assert "mine.x" not in catalog.series()
    assert "mine" not in catalog.events()
    wrong = preview(catalog, file, put(tmp_path / "wrong.csv", SERIES + "mine.x,prize,USD/t,M\n"), known_at=NOW)
    assert [(fault.line, fault.where) for fault in wrong.faults] == [(2, "measure")]


@pytest.mark.parametrize(
    ("name", "periods", "line"),
    [
        ("volume.mine", ["2026-07-01", "2026-08-01"], "volume.mine,volume,tonne,M"),
        ("price.mine", ["2024-01-01", "2025-01-01"], "price.mine,price,USD/t,Y"),
        ("mine.daily", ["2026-07-01", "2026-07-02", "2026-07-03"], "mine.daily,price,USD/t,B"),
        ("mine.weekly", ["2026-07-06", "2026-07-13"], "mine.weekly,price,USD/t,W-SUN"),
        ("value.mine", ["2026-04-01", "2026-07-01"], "value.mine,value,USD,Q"),
    ],
)
def test_a_series_that_nobody_described_is_told_once_with_a_line_that_would(
    catalog: Catalog, tmp_path: Path, name: str, periods: list[str], line: str
) -> None:
    rows = "".join(f"{name},{period},5\n" for period in periods)
    file = put(tmp_path / "mine.csv", HEADER + "price.copper,2026-07-01,9000\n" + rows)
    with pytest.raises(InvalidInput) as caught:
        ingest(catalog, file, known_at=NOW)
    (fault,) = caught.value.faults
    assert (fault.line, fault.where, fault.value) == (3, "series_id", name)
    assert f"{len(periods)} rows have it" in fault.expected
    assert f"'{line}'" in fault.expected
    described = put(tmp_path / "series.csv", f"{SERIES}{line}\n")
    assert ingest(catalog, file, described, known_at=NOW).observations == len(periods) + 1


@pytest.mark.parametrize("most", [50, 1000])
def test_of_very_many_unknown_series_the_first_are_told(catalog: Catalog, tmp_path: Path, most: int) -> None:
    file = put(tmp_path / "mine.csv", HEADER + "".join(f"mine.s{k},2026-07-01,5\n" for k in range(70)))
    with pytest.raises(InvalidInput) as caught:
        ingest(catalog, file, known_at=NOW, options=IngestOptions(faults=most))
    assert len(caught.value.faults) == 51
    assert caught.value.faults[-1].value == "20 more faults"


@pytest.mark.parametrize("value", ["1_000", "１２", "0x10", "1e999", "nan", "inf", "1e", "--1", "1.2.3"])
def test_what_python_would_read_and_a_table_does_not_mean_is_refused(
    catalog: Catalog, tmp_path: Path, value: str
) -> None:
    file = put(tmp_path / "mine.csv", f"{HEADER}price.copper,2026-07-01,{value}\n")
    with pytest.raises(InvalidInput) as caught:
        ingest(catalog, file, known_at=NOW)
    assert [(fault.line, fault.where, fault.value) for fault in caught.value.faults] == [(2, "value", value)]


@pytest.mark.parametrize("value", ["0", "-0", "-0.0", "0e5"])
def test_a_price_of_nothing_is_refused_whatever_its_sign(catalog: Catalog, tmp_path: Path, value: str) -> None:
    file = put(tmp_path / "mine.csv", f"{HEADER}price.copper,2026-07-01,{value}\n")
    with pytest.raises(InvalidInput, match="more than 0, as a price is"):
        ingest(catalog, file, known_at=NOW)


def test_what_is_held_does_not_count_and_what_it_confirms_does(catalog: Catalog, tmp_path: Path) -> None:
    slip = put(tmp_path / "slip.csv", f"{HEADER}price.copper,2026-07-01,13547000\nprice.nickel,2026-07-01,15000\n")
    counts = ingest(catalog, slip, known_at=NOW)
    assert (counts.observations, counts.held) == (1, 1)
    assert any("it looks like 1,000 ×" in note for note in counts.notes)
    assert catalog.history("price.copper").last == np.datetime64("2026-06-01")
    edition = catalog.edition()
    assert ingest(catalog, slip, known_at=NOW).held == 1
    assert catalog.edition() == edition, "held already"
    jump = put(tmp_path / "jump.csv", f"{HEADER}price.zinc,2026-07-01,9000\n")
    assert ingest(catalog, jump, known_at=NOW).held == 1
    more = put(tmp_path / "more.csv", f"{HEADER}price.zinc,2026-08-01,9100\n")
    counts = ingest(catalog, more, known_at=NOW + timedelta(days=31))
    assert (counts.observations, counts.held) == (2, 0), "the next value bears the one before out"
    assert catalog.history("price.zinc").y[-2:].tolist() == [9000, 9100]


def test_what_somebody_accepts_counts_and_is_on_record(catalog: Catalog, tmp_path: Path) -> None:
    slip = put(tmp_path / "slip.csv", f"{HEADER}price.copper,2026-07-01,13547000\n")
    options = IngestOptions(gate=Gate(catalog, None, NOW, "Ann"))
    counts = ingest(catalog, slip, known_at=NOW, options=options)
    assert (counts.observations, counts.held) == (1, 0)
    (record,) = catalog.quarantine.values("price.copper", settled=True)
    assert (record.outcome, record.by) == (Settlement.ACCEPTED, "Ann")
    assert catalog.history("price.copper").y[-1] == 13547000


def test_postgresql_takes_the_same_in(postgres_url: str, tmp_path: Path) -> None:
    opened = Catalog.open(Settings.from_env({"ORECAST_DATABASE_URL": postgres_url, "ORECAST_HOME": str(tmp_path)}))
    with closing(opened) as catalog:
        _takes_in(catalog, tmp_path)


def _takes_in(catalog: Catalog, tmp_path: Path) -> None:
    series = put(tmp_path / "series.csv", SERIES + "mine.x,price,USD/t,M\n")
    header = "series_id,ds,value,flag,known_at\n"
    rows = "mine.x,2026-07-01,1.5,derived,\nmine.x,2026-08-01,2,,2026-09-04\nmine.x,2026-08-01,2.5,,2026-09-05T10:00\n"
    file = put(tmp_path / "mine.csv", header + rows)
    assert preview(catalog, file, series, known_at=NOW).counts.observations == 2
    counts = ingest(catalog, file, series, known_at=NOW)
    assert (counts.series, counts.observations, counts.revised) == (1, 2, 1)
    assert [(one.value, one.flag, str(one.known)) for one in catalog.observations("mine.x")] == [
        (1.5, "derived", "2026-07-31 00:00:00+00:00"),
        (2.5, "reported", "2026-09-05 10:00:00+00:00"),
    ]
    again = ingest(catalog, file, series, known_at=NOW)
    assert (again.changed, again.unchanged) == (0, 4)


def take(catalog: Catalog, path: Path, text: str, hints: Hints, quarantine: Path | None = None) -> Counts:
    gate = Gate(catalog, None, NOW)
    options = IngestOptions(hints=hints, gate=gate, quarantine=quarantine)
    return ingest(catalog, put(path, text), known_at=NOW, options=options)


@pytest.mark.parametrize(
    ("text", "hint", "held"),
    [
        ("Date,Copper (CNY/t)\n2026-07,9700\n", "Copper (CNY/t)", 1),
        ("Date,Copper ($/mt)\n2026-07,9700\n", "Copper ($/mt)", 0),
        ("Date,Copper,Zinc\n,CNY/t,USD/t\n2026-07,9700,2\n", "Copper", 1),
        ("Date,Copper,Zinc\n,($/mt),CNY/t\n2026-07,9700,2\n", "Copper", 0),
    ],
)
def test_values_under_a_header_of_another_unit_are_held(
    catalog: Catalog, tmp_path: Path, text: str, hint: str, held: int
) -> None:
    counts = take(catalog, tmp_path / "units.csv", text, Hints(columns={hint: "price.copper"}))
    assert (counts.observations, counts.held) == (1 - held, held)
    assert any("its file says CNY/t, and the series is in USD/t" in note for note in counts.notes) == bool(held)


def test_the_one_column_of_a_file_of_one_series_says_its_unit_too(catalog: Catalog, tmp_path: Path) -> None:
    hints = Hints(series_id="price.copper", mapping={"Price (CNY/t)": "value"})
    assert take(catalog, tmp_path / "one.csv", "ds,Price (CNY/t)\n2026-07,9700\n", hints).held == 1


def test_a_unit_in_doubt_is_told_and_holds_nothing(catalog: Catalog, tmp_path: Path) -> None:
    hints = Hints(columns={"Copper (kg)": "price.copper"})
    counts = take(catalog, tmp_path / "doubt.csv", "Date,Copper (kg)\n2026-07,9700\n", hints)
    assert (counts.observations, counts.held) == (1, 0)
    assert any("the header says kg, and price.copper is in USD/t" in note for note in counts.notes)


@pytest.mark.parametrize("quarantine", [None, "refused.csv"])
def test_months_for_a_series_of_quarters_are_refused_as_a_whole(
    catalog: Catalog, tmp_path: Path, quarantine: str | None
) -> None:
    series = put(tmp_path / "series.csv", SERIES + "mine.q,volume,t,Q\n")
    rows = "".join(f"mine.q,2024-{month:02},{month}\n" for month in range(1, 13))
    options = IngestOptions(quarantine=tmp_path / quarantine if quarantine else None)
    with pytest.raises(InvalidInput) as caught:
        ingest(catalog, put(tmp_path / "months.csv", HEADER + rows), series, known_at=NOW, options=options)
    (fault,) = caught.value.faults
    assert (fault.line, fault.value) == (2, "2024-01, 2024-02, 2024-03")
    assert "one row a quarter: mine.q has quarters" in fault.expected
    assert "sum them first" in fault.expected
    assert "mine.q" not in catalog.series()
    assert not (tmp_path / "refused.csv").exists()


def test_one_wrong_month_in_a_file_of_quarters_is_one_refused_row(catalog: Catalog, tmp_path: Path) -> None:
    series = put(tmp_path / "series.csv", SERIES + "mine.q,volume,t,Q\n")
    rows = "".join(f"mine.q,2024-{month:02},1\n" for month in (1, 4, 5, 7, 10))
    options = IngestOptions(quarantine=tmp_path / "refused.csv")
    counts = ingest(catalog, put(tmp_path / "q.csv", HEADER + rows), series, known_at=NOW, options=options)
    assert (counts.observations, counts.refused) == (4, 1)


def test_refused_rows_that_are_put_right_come_in_with_the_same_command(catalog: Catalog, tmp_path: Path) -> None:
    hints, refused = Hints(series_id="price.copper"), tmp_path / "refused.csv"
    text = "ds,value\n2026-07,9700\n2026-08,x\n2026-08,y\n"
    assert take(catalog, tmp_path / "first.csv", text, hints, refused).refused == 2
    right = refused.read_text().replace(",x", ",9710").splitlines()[:2]
    counts = take(catalog, tmp_path / "again.csv", "\n".join(right) + "\n", hints)
    assert counts.observations == 1
    other = "\n".join(right).replace("price.copper", "price.nickel") + "\n"
    with pytest.raises(InvalidInput, match="has other ids"):
        take(catalog, tmp_path / "other.csv", other, hints)


def test_refused_rows_keep_the_unit_of_their_header(catalog: Catalog, tmp_path: Path) -> None:
    hints, refused = Hints(columns={"Copper (CNY/t)": "price.copper"}), tmp_path / "refused.csv"
    take(catalog, tmp_path / "first.csv", "Date,Copper (CNY/t)\n2026-07,9x\n", hints, refused)
    text = refused.read_text().replace(",9x,", ",9700,")
    assert take(catalog, tmp_path / "again.csv", text, Hints(series_id="price.copper")).held == 1


def test_another_series_far_down_in_a_file_of_one_is_refused_by_its_line(catalog: Catalog, tmp_path: Path) -> None:
    described = put(tmp_path / "series.csv", SERIES + "mine.d,price,USD/t,D\nmine.e,price,USD/t,D\n")
    days = np.arange("2000-01-01", "2020-01-01", dtype="datetime64[D]").astype(str).tolist()
    rows = "".join(f"mine.d,{day},1\n" for day in days) + "mine.e,2020-01-01,1\n"
    options = IngestOptions(hints=Hints(series_id="mine.d"))
    with pytest.raises(InvalidInput) as caught:
        ingest(catalog, put(tmp_path / "d.csv", HEADER + rows), described, known_at=NOW, options=options)
    (fault,) = caught.value.faults
    assert (fault.line, fault.value) == (len(days) + 2, "mine.e")
