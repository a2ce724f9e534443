"""The dictionary of columns is that of the code and leaves nothing unsaid; CSV and data frames agree with it."""

from __future__ import annotations

import datetime as dt
import itertools
import re

import numpy as np
import pandas as pd
import pytest

from forecast.answers.forecast import Forecast
from forecast.answers.health import Health, HealthList, Inside
from forecast.answers.scenarios import ScenarioAnswer
from forecast.export.csv_writer import csv_text
from forecast.export.dictionary import ENTRIES, Entry, columns, markdown, only_in_json
from tests.support import ROOT

by_title = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.title)
JULY, AUGUST = dt.date(2026, 7, 1), dt.date(2026, 8, 1)
FACTS: dict[str, object] = {
    "series_id": "volume.x",
    "unit": "tonne",
    "freq": "M",
    "run": "a",
    "levels": (80,),
    "notes": ("a note",),
}
FACTS |= {
    "data_to": dt.date(2026, 6, 1),
    "overdue": 0,
    "quality": "solid",
    "provenance": "asked on 15 Jul 2026",
    "notes": ("a note",),
}
KNOWN = {"as_of": dt.date(2026, 7, 15), "events_known_to": None, "origin": "today"}
POINT = {"nowcast": False, "yhat": 2.0, "lo-80": 1.0, "hi-80": 3.0}


def forecast() -> Forecast:
    data = [{"ds": JULY, "h": 1, **POINT}, {"ds": AUGUST, "h": 2, **POINT}]
    return Forecast.model_validate(FACTS | KNOWN | {"scenario": "baseline", "branches": (), "data": data})


def scenarios() -> ScenarioAnswer:
    change = {"median": -1.0, "mean": -1.1, "lo-80": -2.0, "hi-80": 0.0}
    worlds = [("baseline", None, {}), ("s", 0.5, {"difference": change})]
    data = [
        FACTS | {"scenario": name, "probability": chance, "data": [{"ds": JULY, "h": 1, **POINT, "mean": 2.1, **more}]}
        for name, chance, more in worlds
    ]
    return ScenarioAnswer.model_validate(KNOWN | {"levels": (80,), "coherent": False, "data": data})


def test_the_file_is_what_the_code_says() -> None:
    assert (ROOT / "docs" / "columns.md").read_text(encoding="utf-8") == markdown(), "make docs"


def test_an_interval_is_told_once_with_its_levels_below() -> None:
    shown = markdown()
    assert "| `average_lo-L` | number | percent |" in shown
    assert not re.search(r"`[a-z_]*(lo|hi)-\d+` \|", shown)
    scores = shown.partition("## Scores of a run\n")[2].partition("\n## ")[0]
    assert "| `coverage_L` |" in scores
    assert "`L`: 50, 80, 95.\n" in scores
    assert "`L`: 80, 95 unless asked otherwise.\n" in shown.partition("## Effects\n")[0]


@by_title
def test_every_column_has_a_name_of_its_own_that_sql_takes_and_a_meaning(entry: Entry) -> None:
    found = columns(entry)
    names = [column.name for column in found]
    assert len(set(names)) == len(names)
    for column in [*found, *only_in_json(entry)]:
        assert column.meaning, column.name
    assert not [name for name in names if "." in name or " " in name]
    assert not [name for name in names if name == "run_id"]


def test_a_name_means_the_same_kind_of_thing_in_every_answer() -> None:
    result = {(column.name, column.type, column.unit) for entry in ENTRIES for column in columns(entry)}
    for one, other in itertools.combinations(sorted(result), 2):
        assert one[0] != other[0], (one, other)


def test_members_of_a_part_are_columns_and_what_there_is_not_is_an_empty_cell() -> None:
    made = scenarios()
    header, baseline, there = csv_text(made.names(), made.lines()).splitlines()
    assert header == (
        "series_id,ds,h,nowcast,yhat,mean,lo-80,hi-80,difference_median,difference_mean,difference_lo-80,"
        "difference_hi-80,cumulated_median,cumulated_mean,cumulated_lo-80,cumulated_hi-80,unit,scenario,run,probability,"
        "rests_on"
    )
    assert baseline == "volume.x,2026-07-01,1,false,2.0,2.1,1.0,3.0,,,,,,,,,tonne,baseline,a,,"
    assert there == "volume.x,2026-07-01,1,false,2.0,2.1,1.0,3.0,-1.0,-1.1,-2.0,0.0,,,,,tonne,s,a,0.5,"
    assert made.json_object()["left_out"] == ()


def test_shares_by_level_are_columns_too() -> None:
    health = Health(
        series_id="x",
        run=None,
        last=None,
        overdue=0,
        judged=3,
        inside=Inside.of({80: 0.5, 95: None}),
        held=(),
        fault=None,
        state="none",
    )
    found = HealthList.of([health])
    assert found.names() == [
        "series_id",
        "run",
        "last",
        "overdue",
        "judged",
        "held",
        "fault",
        "state",
        "inside_80",
        "inside_95",
    ]
    assert csv_text(found.names(), found.lines()).splitlines()[1] == "x,,,0,3,,,none,0.5,"
    assert {column.title for column in found.header() if column.unit == "share"} == {"80 %", "95 %"}


def test_a_data_frame_has_the_same_columns_with_days_as_days_and_nothing_as_missing() -> None:
    frame = forecast().to_frame()
    assert list(frame) == forecast().names()
    assert frame["ds"].tolist() == [pd.Timestamp(JULY), pd.Timestamp(AUGUST)]
    assert frame["hi-80"].dtype == np.float64
    there = scenarios().to_frame()
    assert there["difference_median"].isna().tolist() == [True, False]
    assert there["probability"].isna().tolist() == [True, False]


def test_intervals_are_found_by_their_level() -> None:
    assert forecast().data[0].interval(80) == (1.0, 3.0)
    with pytest.raises(KeyError):
        forecast().data[0].interval(95)


def test_an_answer_is_frozen_and_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="frozen"):
        forecast().run = "b"  # type: ignore[misc]
    with pytest.raises(ValueError, match="run_id"):
        Forecast.model_validate(forecast().json_object() | {"run_id": "b"})
