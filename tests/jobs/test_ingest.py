"""What users rely on: their own files are taken in whole, or every wrong cell is told and nothing is written."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from forecast.catalog import Catalog, Counts
from forecast.errors import InvalidInput
from forecast.jobs.ingest import ingest

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SERIES = "series_id,measure,unit,frequency\nmine.cobalt,price,USD/t,MS\nmine.weekly,price,USD/t,W\n"


class Desk:
    """A user's folder and catalogue."""

    def __init__(self, folder: Path, catalog: Catalog) -> None:
        self._folder, self.catalog = folder, catalog

    def file(self, name: str, text: str | bytes) -> Path:
        path = self._folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def take(self, observations: str | bytes, series: str | None = SERIES, now: datetime = NOW) -> Counts:
        described = self.file("series.csv", series) if series else None
        return ingest(self.catalog, self.file("mine.csv", observations), described, known_at=now)

    def faults(
        self, observations: str | bytes, series: str | None = SERIES
    ) -> list[tuple[int | None, str, object, str]]:
        """(line, column, value, expected) of everything that is wrong; nothing may have been written."""
        before = self.catalog.series()
        with pytest.raises(InvalidInput) as caught:
            self.take(observations, series)
        assert self.catalog.series() == before
        return [(fault.line, fault.where, fault.value, fault.expected) for fault in caught.value.faults]


@pytest.fixture
def desk(tmp_path: Path, catalog: Catalog) -> Desk:
    return Desk(tmp_path, catalog)


def test_series_and_observations_of_ones_own(desk: Desk) -> None:
    counts = desk.take("series_id,period,value\nmine.cobalt,2026-08,50000\nmine.cobalt,2026-10-01,51000.5\n")
    assert (counts.series, counts.observations, counts.revised, counts.unchanged) == (2, 2, 0, 0)
    series = desk.catalog.get("mine.cobalt")
    assert (series.freq, series.role, series.flow, series.reporter) == ("M", "target", "world", "WLD")
    history = desk.catalog.history("mine.cobalt")
    assert history.ds.astype(str).tolist() == ["2026-08-01", "2026-09-01", "2026-10-01"]
    assert history.y[[0, 2]].tolist() == [50000, 51000.5]
    assert history.flag.tolist() == ["reported", "", "reported"]
    assert desk.catalog.get("mine.weekly").freq == "W-SUN"


def test_taking_the_same_file_in_again_changes_nothing(desk: Desk) -> None:
    text = "series_id,ds,value\nmine.cobalt,2026-08-01,50000\n"
    desk.take(text)
    again = desk.take(text, now=datetime(2026, 11, 25, tzinfo=UTC))
    assert (again.changed, again.unchanged) == (0, 3)


def test_a_revised_value_is_a_new_vintage_and_the_old_one_stays(desk: Desk) -> None:
    desk.take("series_id,ds,value\nmine.cobalt,2026-08-01,50000\n", now=datetime(2026, 9, 5, tzinfo=UTC))
    counts = desk.take("series_id,ds,value\nmine.cobalt,2026-08-01,49000\n", now=datetime(2026, 10, 5, 8, tzinfo=UTC))
    assert (counts.observations, counts.revised) == (0, 1)
    assert desk.catalog.history("mine.cobalt", date(2026, 10, 4)).y.tolist() == [50000]
    assert desk.catalog.history("mine.cobalt", date(2026, 10, 5)).y.tolist() == [49000]


def test_a_row_may_say_itself_since_when_it_is_known(desk: Desk) -> None:
    desk.take(
        "series_id,ds,value,flag,known_at\n"
        "mine.cobalt,2026-08-01,50000,reported,2026-09-05\n"
        "mine.cobalt,2026-08-01,49500,derived,2026-09-20T10:00\n"
    )
    assert desk.catalog.history("mine.cobalt", date(2026, 9, 19)).y.tolist() == [50000]
    (last,) = desk.catalog.observations("mine.cobalt", date(2026, 9, 20))
    assert (last.value, last.flag, last.known_at, last.assumed) == (49500, "derived", date(2026, 9, 20), False)


def test_a_recorded_moment_cannot_get_a_second_value(desk: Desk) -> None:
    row = "series_id,ds,value,known_at\nmine.cobalt,2026-08-01,{},2026-09-05\n"
    desk.take(row.format(50000))
    with pytest.raises(InvalidInput, match=r"50000 .reported., known since 2026-09-05"):
        desk.take(row.format(40000))


DAILY = "series_id,measure,unit,freq,release_lag_days\nmine.daily,price,USD/t,D,{}\n"


def known(desk: Desk, series_id: str) -> list[tuple[str, datetime, bool]]:
    return [(str(o.ds), o.known, o.assumed) for o in desk.catalog.observations(series_id)]


@pytest.mark.parametrize(
    ("lag", "now", "yesterday", "today"),
    [
        # a value without a delay is taken to be known from the first moment of its day, also today's
        (0, NOW, (datetime(2026, 11, 23, tzinfo=UTC), True), (datetime(2026, 11, 24, tzinfo=UTC), True)),
        # one that should come tomorrow is here already, and known since now
        (1, NOW, (datetime(2026, 11, 24, tzinfo=UTC), True), (NOW, False)),
        (2, NOW, (NOW, False), (NOW, False)),
        # at midnight the value of the day before has just come
        (1, datetime(2026, 11, 24, tzinfo=UTC), (datetime(2026, 11, 24, tzinfo=UTC), True), None),
    ],
)
def test_a_daily_value_of_today_is_taken(
    desk: Desk,
    lag: int,
    now: datetime,
    yesterday: tuple[datetime, bool],
    today: tuple[datetime, bool] | None,
) -> None:
    rows = "mine.daily,2026-11-23,1\n" + ("mine.daily,2026-11-24,2\n" if today else "")
    counts = desk.take("series_id,ds,value\n" + rows, DAILY.format(lag), now)
    assert counts.observations == rows.count("\n")
    expected = [("2026-11-23", *yesterday)] + ([("2026-11-24", *today)] if today else [])
    assert known(desk, "mine.daily") == expected
    assert desk.catalog.history("mine.daily", date(2026, 11, 24)).ds[-1].item() == date(2026, 11, 24 if today else 23)


def test_a_daily_value_of_tomorrow_is_not(desk: Desk) -> None:
    (fault,) = desk.faults("series_id,ds,value\nmine.daily,2026-11-25,1\n", DAILY.format(0))
    assert fault == (2, "ds", "2026-11-25", "a period that has begun by 2026-11-24")


def test_a_history_that_comes_at_once_was_known_as_it_was_released_and_what_comes_later_since_then(desk: Desk) -> None:
    desk.take("series_id,ds,value\nmine.cobalt,2026-08-01,1\nmine.cobalt,2026-09-01,2\n")
    assert known(desk, "mine.cobalt") == [
        ("2026-08-01", datetime(2026, 8, 31, tzinfo=UTC), True),
        ("2026-09-01", datetime(2026, 9, 30, tzinfo=UTC), True),
    ]
    rows = "mine.cobalt,2026-07-01,3,\nmine.cobalt,2026-10-01,4,2026-11-03T08:00\n"
    desk.take("series_id,ds,value,known_at\n" + rows)
    assert known(desk, "mine.cobalt")[0] == ("2026-07-01", NOW, False)
    assert known(desk, "mine.cobalt")[3] == ("2026-10-01", datetime(2026, 11, 3, 8, tzinfo=UTC), False)


@pytest.mark.parametrize(
    ("row", "value"),
    [
        ("mine.cobalt,2026-08-01,1e-20,,2026-08-01", 1e-20),
        ("mine.cobalt,2026-08-01,1e20,,2026-11-24T12:00", 1e20),
        ("mine.ore,2026-08-01,0,,", 0.0),
    ],
)
def test_the_last_that_is_right_is_taken(desk: Desk, row: str, value: float) -> None:
    desk.take(f"series_id,ds,value,flag,known_at\n{row}\n", f"{SERIES}mine.ore,volume,t,MS\n")
    assert desk.catalog.history(row.partition(",")[0]).y.tolist() == [value]


def test_a_name_may_have_a_hundred_letters(desk: Desk) -> None:
    name = "x" * 100
    desk.take(f"series_id,ds,value\n{name},2026-08-01,1\n", f"series_id,measure,unit,freq\n{name},price,t,M\n")
    assert name in desk.catalog.series()
    (fault,) = desk.faults("series_id,ds,value\n", f"series_id,measure,unit,freq\n{name}x,price,t,M\n")[:1]
    assert fault[1] == "series_id"


@pytest.mark.parametrize(
    ("count", "last", "asked"), [(9, 30, False), (10, 21, True), (10, 20, True), (10, 19, False), (10, 9, False)]
)
def test_a_frequency_is_asked_about_where_less_than_half_of_ten_periods_have_a_value(
    desk: Desk, count: int, last: int, asked: bool
) -> None:
    months = [f"{2020 + i // 12}-{i % 12 + 1:02}" for i in (*range(count - 1), last)]
    counts = desk.take("series_id,ds,value\n" + "".join(f"mine.cobalt,{month},1\n" for month in months))
    question = f"mine.cobalt: {count} of {last + 1} periods have a value; is M its frequency?"
    assert (question in counts.notes) is asked


@pytest.mark.parametrize(("freq", "asked"), [("D", True), ("B", False)])
def test_only_a_daily_series_is_asked_about_its_weekends(desk: Desk, freq: str, asked: bool) -> None:
    days = [f"2026-11-{day:02}" for day in (2, 3, 4, 5, 6, 9, 10, 11, 12, 13)]
    series = f"series_id,measure,unit,freq\nmine.daily,price,USD/t,{freq}\n"
    counts = desk.take("series_id,ds,value\n" + "".join(f"mine.daily,{day},1\n" for day in days), series)
    question = "mine.daily: no value on a weekend; if that is so by nature, its frequency is B"
    assert (question in counts.notes) is asked


def test_what_a_snapshot_said_before_a_revision_is_no_news_when_it_says_so_again(desk: Desk) -> None:
    desk.take("series_id,ds,value\nmine.cobalt,2026-08-01,1\n")
    (first,) = desk.catalog.observations("mine.cobalt")
    desk.catalog.add(observations=[replace(first, value=2.0, known=NOW, assumed=False)], known_at=NOW)
    assert desk.catalog.add(observations=[first], known_at=NOW + timedelta(days=1)).changed == 0
    assert desk.catalog.history("mine.cobalt").y.tolist() == [2]


def test_a_row_with_its_moment_can_be_taken_in_again(desk: Desk) -> None:
    text = "series_id,ds,value,known_at\nmine.cobalt,2026-08-01,1,2026-09-05\nmine.cobalt,2026-08-01,2,2026-10-05\n"
    assert (desk.take(text).observations, desk.catalog.history("mine.cobalt").y.tolist()) == (1, [2])
    assert desk.take(text).changed == 0


@pytest.mark.parametrize(
    ("row", "column", "value", "expected"),
    [
        ("price.coper,2026-08-01,1", "series_id", "price.coper", "nearest: price.copper"),
        ("mine.cobalt,2026-08-15,1", "ds", "2026-08-15", "2026-08-01"),
        ("mine.cobalt,2026-13-01,1", "ds", "2026-13-01", "a month, such as 2024-02, Feb 2024 or 2024M02"),
        ("mine.cobalt,01/08/2026,1", "ds", "01/08/2026", "say their order: --dates dmy or --dates mdy"),
        ("mine.weekly,2026-08-02,1", "ds", "2026-08-02", "frequency W-SUN: 2026-07-27"),
        ("mine.cobalt,2026-12-01,1", "ds", "2026-12-01", "a period that has begun by 2026-11-24"),
        ("mine.cobalt,2026-08-01,", "value", "", "a number; leave out a period that was not published"),
        ("mine.cobalt,2026-08-01,nan", "value", "nan", "a number; leave out a period that was not published"),
        ("mine.cobalt,2026-08-01,NA", "value", "NA", "a number; leave out a period that was not published"),
        ("mine.cobalt,2026-08-01,n/a", "value", "n/a", "a number; leave out a period that was not published"),
        ("mine.cobalt,2026-08-01,..", "value", "..", "a number; leave out a period that was not published"),
        ("mine.cobalt,2026-08-01,-", "value", "-", "a number; leave out a period that was not published"),
        ("mine.cobalt,2026-08-01,:", "value", ":", "a number; leave out a period that was not published"),
        ("mine.cobalt,2026-08-01,inf", "value", "inf", "a number, zero or more"),
        ("mine.cobalt,2026-08-01,-1", "value", "-1", "a number, zero or more"),
        ('mine.cobalt,2026-08-01,"1,234"', "value", "1,234", "--decimal"),
        ("mine.cobalt,2026-08-01,1,guess", "flag", "guess", "one of reported, annual_contract"),
        ("mine.cobalt,2026-08-01,1,,2027-01-01", "known_at", "2027-01-01", "to 2026-11-24T12:00Z (now)"),
        ("mine.cobalt,2026-08-01,1,,2026-07-31", "known_at", "2026-07-31", "from 2026-08-01"),
        ("mine.cobalt,2026-08-01,1,,soon", "known_at", "soon", "a date or an ISO 8601 moment"),
    ],
)
def test_a_bad_row_is_told_by_line_column_and_value(
    desk: Desk, row: str, column: str, value: str, expected: str
) -> None:
    good = "mine.cobalt,2026-07-01,1,,\n"
    bad = row + "," * (4 - row.replace('"1,', "").replace('"1234,', "").count(","))
    (fault,) = desk.faults("series_id,ds,value,flag,known_at\n" + good + bad + "\n")
    assert fault[:3] == (3, column, value)
    assert expected in fault[3]


def test_all_bad_rows_are_told_at_once(desk: Desk) -> None:
    rows = "mine.cobalt,2026-08-01,x\nnone,2026-08-01,1\nmine.cobalt,2026-08-01,1\nmine.cobalt,2026-08,2\n"
    faults = desk.faults("series_id,ds,value\n" + rows)
    assert [(line, column) for line, column, *_ in faults] == [(2, "value"), (3, "series_id"), (5, "ds")]
    assert "2026-08-01 is on line 4 already" in faults[-1][3]


def test_days_in_a_monthly_series_are_told_once(desk: Desk) -> None:
    rows = "".join(f"mine.cobalt,2026-08-{day:02},1\n" for day in range(1, 31))
    ((line, column, value, expected),) = desk.faults("series_id,ds,value\n" + rows)
    assert (line, column, value) == (2, "ds", "2026-08-01, 2026-08-02, 2026-08-03")
    assert "mine.cobalt has months, and the file has several rows in one of them; average them first" in expected


def test_faults_in_the_description_of_the_series(desk: Desk) -> None:
    series = (
        "series_id,measure,unit,freq,role,parent\n"
        "Mine,price,USD/t,M,target,\n"
        "../etc,cost,,2M,goal,price.coper\n"
        "price.copper,price,USD/t,M,target,\n"
        "price.copper,price,USD/t,M,target,\n"
    )
    faults = desk.faults("series_id,ds,value\nprice.copper,2026-08-01,1\n", series)
    assert sorted((line, column) for line, column, *_ in faults) == [
        (2, "series_id"),
        *((3, column) for column in ("freq", "measure", "parent", "role", "series_id", "unit")),
        (5, "series_id"),
    ]


def test_an_unreadable_description_does_not_hide_behind_unknown_series(desk: Desk) -> None:
    (fault,) = desk.faults("series_id,ds,value\nmine.cobalt,2026-08-01,1\n", "series_id;measure\n")
    assert fault[1] == "file"


@pytest.mark.parametrize(
    ("cells", "column", "value", "stays"),
    [
        ("price,USD/t,Q", "freq", "Q", "M"),
        ("price,USD/lb,M", "unit", "USD/lb", "USD/t"),
        ("volume,USD/t,M", "measure", "volume", "price"),
    ],
)
def test_what_gives_values_their_meaning_stays_once_there_are_some(
    desk: Desk, cells: str, column: str, value: str, stays: str
) -> None:
    series = f"series_id,measure,unit,freq\nprice.copper,{cells}\n"
    (fault,) = desk.faults("series_id,ds,value\nprice.copper,2026-07-01,1\n", series)
    expected = (
        f"{stays}, as the values that price.copper has; for another {column} take it in under a new id, "
        "and retire this one (orecast series retire price.copper)"
    )
    assert fault == (2, column, value, expected)


def test_a_series_without_values_may_be_given_another_unit(desk: Desk) -> None:
    desk.take("series_id,ds,value\nmine.cobalt,2026-08-01,1\n")
    desk.take("series_id,ds,value\nmine.cobalt,2026-09-01,1\n", SERIES.replace("weekly,price,USD/t", "weekly,volume,t"))
    weekly = desk.catalog.get("mine.weekly")
    assert (weekly.measure, weekly.unit) == ("volume", "tonne")


def test_what_else_a_series_is_may_be_put_right_and_that_is_said(desk: Desk) -> None:
    desk.take("series_id,ds,value\nmine.cobalt,2026-08-01,1\n")
    header = "series_id,measure,unit,freq,mineral,flow,reporter,role\n"
    series = header + "mine.cobalt,price,USD/t,M,cobalt,export,COD,comparison\n"
    counts = desk.take("series_id,ds,value\nmine.cobalt,2026-09-01,1\n", series)
    cobalt = desk.catalog.get("mine.cobalt")
    assert (cobalt.mineral, cobalt.flow, cobalt.reporter, cobalt.role) == ("cobalt", "export", "COD", "comparison")
    assert counts.notes[:2] == (
        "mine.cobalt: mineral, flow, reporter changed; training is due (orecast retrain --due)",
        "mine.cobalt is a comparison now: it is forecast no more, and its runs are kept",
    )


@pytest.mark.parametrize(
    ("rows", "line", "column"),
    [
        (("mine.daily,price,USD/t,D,evidence,", "mine.cobalt,price,USD/t,M,target,mine.daily"), 3, "spot"),
        (("mine.daily,price,USD/t,D,evidence,",), 2, "series_id"),
    ],
    ids=["a new spot", "of what is there"],
)
def test_evidence_is_the_spot_of_no_price(desk: Desk, rows: tuple[str, ...], line: int, column: str) -> None:
    header = "series_id,measure,unit,freq,role,spot\n"
    if len(rows) == 1:
        there = header + "mine.daily,price,USD/t,D,comparison,\nmine.cobalt,price,USD/t,M,target,mine.daily\n"
        desk.take("series_id,ds,value\nmine.cobalt,2026-08-01,1\n", there)
    (fault,) = desk.faults("series_id,ds,value\nmine.cobalt,2026-09-01,1\n", header + "\n".join(rows) + "\n")
    assert fault[:2] == (line, column)
    assert "no forecast learns from evidence" in fault[3]


def test_nothing_is_written_if_the_last_row_is_bad(desk: Desk) -> None:
    fingerprint = desk.catalog.fingerprint("price.copper")
    assert desk.faults("series_id,ds,value\nprice.copper,2026-07-01,9000\nprice.copper,2026-08-01,x\n")
    assert desk.catalog.fingerprint("price.copper") == fingerprint
    with pytest.raises(LookupError):
        desk.catalog.get("mine.cobalt")


def test_next_months_value_of_a_bundled_series(desk: Desk) -> None:
    before = desk.catalog.fingerprint("price.copper", date(2026, 11, 23))
    counts = desk.take("series_id,ds,value\nprice.copper,2026-07-01,9999\n", None)
    assert (counts.series, counts.observations) == (0, 1)
    assert desk.catalog.history("price.copper", date(2026, 11, 24)).y[-1] == 9999
    assert desk.catalog.fingerprint("price.copper", date(2026, 11, 23)) == before
    assert desk.catalog.fingerprint("price.copper", date(2026, 11, 24)) != before


UNSURE = "no certainty, so it counts as verified until you say certainty: verified, partly or background"


def test_events_of_ones_own(desk: Desk) -> None:
    events = desk.file(
        "events.csv",
        "event_id,title,kind,announced,effective,ended,minerals,flows,acts,probability\n"
        "no70-again,Extended,truce,2026-11-09,2026-11-10,2027-01-10,kryptonite,CHN>WLD,extends:cn-suspension-no70-2025,\n"
        "copper-threat,Copper 30 %,threat,2026-11-20,2027-01-01,,copper,WLD>USA,,0.4\n",
    )
    counts = ingest(desk.catalog, events=events, known_at=NOW)
    assert counts.events == 2
    assert counts.notes == (
        "mineral 'kryptonite' is new: it stands alone in the tree of minerals",
        "no70-again touches no series that is forecast: none is of kryptonite",
        "copper-threat touches price.copper; training is due (orecast retrain --due)",
        f"no70-again, copper-threat: {UNSURE}",
        "copper-threat: no direction for prices, so its kind tells no sign; say price_world: up, down or mixed",
        "no70-again: its end on 2027-01-10 counts as known from that day on; until then no forecast ends it; "
        "say end_known: the day on which the end was announced",
        "copper-threat: a probability of 0.4 without probability_source and probability_date; it is listed, and drawn "
        "in no forecast; say who gives it (a person or an address), and the day of which it is",
    )
    assert "kryptonite" in desk.catalog.minerals()
    threat = desk.catalog.events(date(2026, 11, 20))["copper-threat"]
    assert (threat.status, threat.probability, threat.flows) == ("threatened", 0.4, (("WLD", "USA"),))
    assert "copper-threat" not in desk.catalog.events(date(2026, 11, 19))
    assert ingest(desk.catalog, events=events, known_at=NOW).changed == 0


EVENT = "event_id,title,kind,announced,effective,minerals,flows,price_world,volume,certainty\n"


def notes(desk: Desk, row: str) -> list[str]:
    return list(ingest(desk.catalog, events=desk.file("events.csv", EVENT + row), known_at=NOW).notes)


def test_a_new_event_is_told_what_it_touches_and_what_it_does_not_say(desk: Desk) -> None:
    whole = "whole,Halt,other_shock,2025-05-01,2025-05-02,gallium,CHN>WLD,up,down,verified\n"
    assert notes(desk, whole) == ["whole touches volume.gallium.export.cn; training is due (orecast retrain --due)"]
    assert notes(desk, whole) == []  # it is known already
    assert notes(desk, "bare,Halt,export_ban,2025-05-01,,gallium,,,,\n") == [
        "bare touches no series that is forecast: it names no flow, such as CHN>WLD",
        f"bare: {UNSURE}",
        "bare: no flows, so it touches no trade, only world prices; say flows: exporter>importer, such as CHN>WLD",
        "bare: no effective date, so it counts as announced and never in force; say effective: YYYY-MM-DD",
    ]
    assert notes(desk, "way,Halt,export_ban,2025-05-01,2025-05-02,gallium,USA>CHN,,,partly\n") == [
        "way touches no series that is forecast: it acts on USA>CHN, and volume.gallium.export.cn is of CHN>WLD"
    ]
    assert notes(desk, "mute,Halt,export_ban,2025-05-01,2025-05-02,gallium,CHN>WLD,,,partly\n")[1:] == [
        "mute: no direction for flows, so its kind tells no sign; say volume: up, down or mixed"
    ]
    assert notes(desk, "void,Halt,export_ban,2025-05-01,2025-05-02,,CHN>WLD,up,down,partly\n") == [
        "void touches no series that is forecast: it names no mineral; say minerals: copper;nickel"
    ]


def test_an_event_that_nobody_knew_is_ones_own_and_a_bundled_one_put_right_is_not(desk: Desk) -> None:
    row = "{},Halt,other_shock,2025-05-01,2025-05-02,gallium,CHN>WLD,up,down,verified\n"
    notes(desk, row.format("mine") + row.format("cn-gage-licence-2023"))
    events = desk.catalog.events()
    assert [e.event_id for e in events.values() if e.own] == ["mine"]
    assert events["cn-gage-licence-2023"].title == "Halt"
    notes(desk, row.format("mine").replace("Halt", "Stop"))
    assert (desk.catalog.events()["mine"].title, desk.catalog.events()["mine"].own) == ("Stop", True)


def test_an_event_that_replaces_a_known_one_says_what_it_changes_leaves_empty_and_lets_go(desk: Desk) -> None:
    """An id of the bundled data by chance, or one fact put right without the others, would not be noticed else."""
    row = "{},Halt,other_shock,2025-05-01,2025-05-02,gallium,CHN>WLD,up,down,verified\n"
    assert notes(desk, row.format("cn-gage-licence-2023"))[0] == (
        "cn-gage-licence-2023 replaces a bundled event, whole; "
        "it changes title, kind, announced, effective, minerals; "
        "it leaves empty actor, targets, status_as_of, status_note, instrument, value_before, value_after, value_unit, "
        "intensity, price_local, local_market, mechanism, sources; "
        "it no longer touches value.consumption-goods.import.us, value.goods-nonenergy.import.us, "
        "value.intermediate-goods.import.us, volume.germanium.export.cn"
    )
    assert notes(desk, row.format("mine"))[0].startswith("mine touches volume.gallium.export.cn;")
    assert notes(desk, row.format("mine").replace("Halt", "Stop"))[0] == (
        "mine replaces an event that was taken in before, whole; it changes title"
    )
    assert notes(desk, row.format("mine").replace("Halt", "Stop")) == []


def test_how_far_an_event_is_verified_makes_training_due(desk: Desk) -> None:
    """It is part of how hard an event may hit."""
    row = "mine,Halt,other_shock,2025-05-01,2025-05-02,gallium,CHN>WLD,up,down,{}\n"
    notes(desk, row.format(""))
    before = desk.catalog.fingerprint("volume.gallium.export.cn")
    notes(desk, row.format("verified"))
    assert desk.catalog.fingerprint("volume.gallium.export.cn") != before


FINE = "series_id,measure,unit,freq,flow,reporter,resolution\nmine.ore,volume,t,M,export,CHN,{}\n"


def test_a_series_may_say_the_smallest_amount_that_it_reports(desk: Desk) -> None:
    values = "series_id,ds,value\nmine.ore,2026-08-01,1200\nmine.ore,2026-09-01,0\n"
    desk.take(values, FINE.format(""))
    assert desk.catalog.history("mine.ore").resolution == 50  # half of the last digit: hundreds
    counts = desk.take(values, FINE.format("0.25"))
    assert "mine.ore: resolution changed; training is due (orecast retrain --due)" in counts.notes
    assert desk.catalog.get("mine.ore").resolution == 0.25
    assert desk.catalog.history("mine.ore").resolution == 0.25
    without = "series_id,measure,unit,freq,flow,reporter,notes\nmine.ore,volume,t,M,export,CHN,put right\n"
    desk.take(values, without)
    assert (desk.catalog.get("mine.ore").notes, desk.catalog.get("mine.ore").resolution) == ("put right", 0.25)
    desk.take(values, FINE.format(""))
    assert desk.catalog.get("mine.ore").resolution is None


@pytest.mark.parametrize("given", ["0", "-1", "fine", "1e30"])
def test_a_resolution_is_a_positive_number_in_the_unit(desk: Desk, given: str) -> None:
    (fault,) = desk.faults("series_id,ds,value\nmine.ore,2026-08-01,1200\n", FINE.format(given))
    assert fault == (2, "resolution", given, "a number above zero, in the unit of the series, or nothing")


def test_an_end_became_known_on_its_day_or_with_the_event_itself(desk: Desk) -> None:
    events = desk.file(
        "events.csv",
        "event_id,title,kind,announced,effective,ended,end_known,minerals,probability\n"
        "told-later,A,tariff,2026-01-01,,2026-03-01,,copper,\n"
        "ended-before-it-was-told,B,tariff,2026-03-05,2026-02-01,2026-03-01,,copper,\n"
        "known-at-once,C,tariff,2026-01-01,,2026-03-01,2026-01-01,copper,\n"
        "never,D,threat,2026-01-01,,,,copper,0\n"
        "surely,E,threat,2026-01-01,,,,copper,1\n",
    )
    ingest(desk.catalog, events=events, known_at=NOW)
    found = desk.catalog.events()
    ends = {name: found[name].end_known for name in ("told-later", "ended-before-it-was-told", "known-at-once")}
    assert [str(end) for end in ends.values()] == ["2026-03-01", "2026-03-05", "2026-01-01"]
    assert (found["never"].probability, found["surely"].probability) == (0, 1)


def test_an_end_without_a_day_of_its_own_is_known_when_it_comes(desk: Desk) -> None:
    """And one that was told at once, from the announcement."""
    events = desk.file(
        "events.csv",
        "event_id,title,kind,announced,effective,ended,end_known,status,status_as_of\n"
        "silent,A,tariff,2026-01-10,2026-02-01,2026-09-30,,enacted,\n"
        "told,B,tariff,2026-01-10,2026-02-01,2026-09-30,2026-01-10,enacted,\n"
        "late,C,tariff,2026-10-05,2026-02-01,2026-09-30,,enacted,\n"
        "undated,D,tariff,2026-01-10,2026-02-01,,,withdrawn,2026-05-05\n"
        "open,E,tariff,2026-01-10,2026-02-01,,,enacted,2026-05-05\n",
    )
    ingest(desk.catalog, events=events, known_at=NOW)
    known = {event_id: event.end_known for event_id, event in desk.catalog.events().items()}
    assert {event_id: known[event_id] for event_id in ("silent", "told", "late", "undated", "open")} == {
        "silent": date(2026, 9, 30),
        "told": date(2026, 1, 10),
        "late": date(2026, 10, 5),
        "undated": date(2026, 5, 5),
        "open": None,
    }
    assert desk.catalog.events(date(2026, 9, 29))["silent"].ended is None
    assert desk.catalog.events(date(2026, 9, 30))["silent"].ended == date(2026, 9, 30)
    assert desk.catalog.events(date(2026, 1, 10))["told"].ended == date(2026, 9, 30)


def test_a_licence_may_say_how_many_are_approved_and_after_how_long(desk: Desk) -> None:
    header = "event_id,title,kind,announced,value_after,value_unit,value_text\n"
    good = [
        "a,A,licence,2026-01-01,60,% approved,3 months",
        "b,B,licence,2026-01-01,0,% approved,1 month",
        "c,C,licence,2026-01-01,1,binary,free -> licence",
    ]
    ingest(desk.catalog, events=desk.file("events.csv", header + "\n".join(good) + "\n"), known_at=NOW)
    events = desk.catalog.events()
    assert [events[name].terms for name in "abc"] == [(3, 0.6), (1, 0.0), None]
    bad = [
        "d,D,tariff,2026-01-01,60,% approved,3 months",
        "e,E,licence,2026-01-01,101,% approved,61 months",
        "f,F,licence,2026-01-01,,% approved,soon",
        "g,G,licence,2026-01-01,many,% approved,3 months",
    ]
    with pytest.raises(InvalidInput) as caught:
        ingest(desk.catalog, events=desk.file("events.csv", header + "\n".join(bad) + "\n"), known_at=NOW)
    assert sorted((fault.line, fault.where) for fault in caught.value.faults) == [
        (2, "value_unit"),
        (3, "value_after"),
        (3, "value_text"),
        (4, "value_after"),
        (4, "value_text"),
        (5, "value_after"),
    ]
    assert {fault.expected for fault in caught.value.faults if fault.where == "value_text"} == {
        "the months until then, 1 to 60, such as '3 months'"
    }


def test_faults_in_events(desk: Desk) -> None:
    events = desk.file(
        "events.csv",
        "event_id,title,kind,announced,effective,end_known,status,flows,acts,probability,value_after,price_world\n"
        "a,A,tarif,,,,gone,CHN-USA,stops:b,1.5,25/10,higher\n"
        "b,,tariff,2026-01-01,,2025-12-31,,,suspends:cn-mofcom-54-2025,,,\n"
        "c,C,tariff,2026-01-01,,,,,amends:c,,,\n",
    )
    with pytest.raises(InvalidInput) as caught:
        ingest(desk.catalog, events=events, known_at=NOW)
    faults = sorted((fault.line, fault.where) for fault in caught.value.faults)
    columns = ("acts", "announced", "flows", "kind", "price_world", "probability", "status", "value_after")
    assert faults == [*((2, column) for column in columns), (3, "acts"), (3, "end_known"), (3, "title"), (4, "acts")]
    assert "nearest: cn-mofcom-5" in next(
        f.expected for f in caught.value.faults if f.value == "suspends:cn-mofcom-54-2025"
    )
