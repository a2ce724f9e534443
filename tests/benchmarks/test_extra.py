"""Series beside the bundled ones: folders as users bring them, and the World Bank's workbook."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
from support.extra import read_extra
from support.origins import Task
from support.panel import BUNDLE, KINDS, Panel, catalogue, read_panel
from support.task_files import write_task

from forecast.errors import InvalidInput
from forecast.settings import data_dir
from tests.support.feeds.worldbank import SAMPLE

HEADER = "series_id,mineral,measure,role,unit,frequency,release_lag_days"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three series of a mineral that the tree does not have, one of them yearly, with the words of other files too."""
    found = tmp_path / "brought"
    found.mkdir()
    series = [
        HEADER,
        "price.moonstone,moonstone,price,target,USD/kg,M,0",
        "value.moonstone,moonstone,value,target,USD,M,40",
        "price.moonstone.yearly,moonstone,price,target,USD/kg,Y,0",
    ]
    (found / "series.csv").write_text("".join(f"{line}\n" for line in series), "utf-8")
    months = [f"20{year}-{month:02d}" for year in (23, 24) for month in range(1, 13)]
    prices = "".join(f"price.moonstone,{month}-01,{100 + at},reported\n" for at, month in enumerate(months))
    (found / "monthly_prices.csv").write_text(f"series_id,ds,value,flag\n{prices}", "utf-8")
    (found / "yearly.csv").write_text("series_id,period,value\nprice.moonstone.yearly,2023-01,7\n", "utf-8")
    first = "".join(f"value.moonstone,{month}-01,{at + 1},2025-02-01\n" for at, month in enumerate(months))
    then = "value.moonstone,2024-12-01,99,2025-03-01\n"
    (found / "vintages.csv").write_text(f"series_id,ds,value,known_at\n{first}{then}", "utf-8")
    (found / "rates.csv").write_text("series_id,ds,applied_rate_pct\nprice.moonstone,2023-01-01,2.5\n", "utf-8")
    return found


def test_every_file_of_observations_in_a_folder_is_read_and_told_where_it_comes_from(folder: Path) -> None:
    panel = read_panel([folder])
    mine = {name: history for name, history in panel.histories.items() if "moonstone" in name}
    assert {name: len(history) for name, history in mine.items()} == {
        "price.moonstone": 24,
        "price.moonstone.yearly": 1,
        "value.moonstone": 24,
    }
    assert mine["value.moonstone"].y[-1] == 99, "the last vintage of a value counts"
    assert {panel.added[name] for name in mine} == {"brought"}
    assert panel.added.get("price.copper", BUNDLE) == BUNDLE
    prices, values = KINDS
    assert "price.moonstone" in {history.series.series_id for history in prices.histories(panel)}
    assert "value.moonstone" in {history.series.series_id for history in values.histories(panel)}


def test_a_task_tells_others_each_value_with_when_it_was_known(folder: Path, tmp_path: Path) -> None:
    with catalogue([folder]) as (catalog, _, added):
        history = Panel.of(catalog, added).histories["value.moonstone"]
        origins = {"value.moonstone": np.array(["2024-12-01"], dtype="datetime64[D]")}
        write_task(tmp_path / "task", Task.at([history], origins, 3), catalog)
    observations = (tmp_path / "task" / "observations.csv").read_text("utf-8").splitlines()
    assert len(observations) == 1 + 24 + 1
    assert observations[-2:] == [
        "value.moonstone,2024-12-01,24.0,reported,2025-02-01",
        "value.moonstone,2024-12-01,99.0,reported,2025-03-01",
    ]
    assert (tmp_path / "task" / "origins.csv").read_text("utf-8").split() == [
        "series_id,cutoff",
        "value.moonstone,2024-12-01",
    ]
    again = read_panel([tmp_path / "task"]).histories["value.moonstone"]
    np.testing.assert_array_equal(again.y, history.y)


def test_a_file_of_something_else_is_named_and_left_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read_panel([folder])
    assert "rates.csv: left out, as its columns are not those of observations" in capsys.readouterr().err


def test_bundled_evidence_is_forecast_where_a_folder_asks_for_it_and_stays_what_it_is(
    folder: Path, tmp_path: Path
) -> None:
    with catalogue() as (catalog, _, _):
        known = catalog.series()
    evidence = next(one for one in known.values() if one.is_evidence and one.freq == "M" and one.measure == "value")
    with (folder / "series.csv").open("a", encoding="utf-8") as file:
        file.write(f"{evidence.series_id},moonstone,value,target,USD,M,0\n")
        file.write("price.copper,moonstone,price,target,USD/t,M,0\n")
    again = {one.series_id: one for one in read_extra(folder, known, tmp_path).series}
    assert again[evidence.series_id].is_target
    assert again[evidence.series_id].mineral == evidence.mineral
    assert again[evidence.series_id].release_lag_days == evidence.release_lag_days
    assert again["price.copper"] == known["price.copper"]
    assert read_panel([folder]).added.keys() >= {evidence.series_id, "price.moonstone"}
    assert "price.copper" not in read_panel([folder]).added


def test_a_folder_without_observations_is_refused_with_what_it_has(folder: Path) -> None:
    for path in folder.glob("*.csv"):
        if path.name not in ("series.csv", "rates.csv"):
            path.unlink()
    with pytest.raises(InvalidInput, match=r"observations = 'rates\.csv': expected a CSV file with the columns"):
        read_panel([folder])


def test_what_is_no_folder_and_no_workbook_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="expected a folder or a workbook"):
        read_panel([tmp_path / "nothing"])


def test_the_workbook_gives_each_price_that_is_not_bundled() -> None:
    bundled = (data_dir() / "sources" / "worldbank.csv").read_text("utf-8")
    with catalogue([SAMPLE]) as (catalog, _, added):
        panel = Panel.of(catalog, added)
    names = {name for name, source in added.items() if source == "worldbank"}
    assert {"price.worldbank.crude-oil-average", "price.worldbank.banana-us"} <= names
    assert "\nCopper," in bundled
    assert "price.worldbank.copper" not in names
    history = panel.histories["price.worldbank.crude-oil-average"]
    assert history.series.unit == "$/bbl"
    assert history.ds[-1].item() == dt.date(2026, 6, 1)
