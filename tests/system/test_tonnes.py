"""One spelling of tonnes everywhere, whatever an older version, a file or a stored run has written."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from forecast.catalog import Catalog
from forecast.effects import EffectRecord
from forecast.home import open_home
from forecast.jobs.ingest import ingest
from forecast.names import unit
from forecast.registry import Payload, Registry
from forecast.settings import Settings
from forecast.timeseries.frequency import Freq
from tests.support.trained_home import EARTHS, card

NOW = datetime(2026, 7, 15, tzinfo=UTC)


@pytest.mark.parametrize(("written", "told"), [("t", "tonne"), ("tonne", "tonne"), ("USD/t", "USD/t"), ("kt", "kt")])
def test_a_file_may_say_t_and_is_told_in_tonnes(settings: Settings, tmp_path: Path, written: str, told: str) -> None:
    file = tmp_path / "series.csv"
    file.write_text(f"series_id,measure,unit,freq\nvolume.mine,volume,{written},M\n")
    catalog = Catalog.open(settings)
    for _ in range(2):  # the same file again changes nothing
        ingest(catalog, series=file, known_at=NOW)
        assert catalog.get("volume.mine").unit == told == unit(written)
    catalog.close()


def test_a_catalogue_of_an_older_version_is_told_in_tonnes_and_takes_the_same_series_in(
    settings: Settings, tmp_path: Path
) -> None:
    file, values = tmp_path / "series.csv", tmp_path / "values.csv"
    file.write_text("series_id,measure,unit,freq\nvolume.mine,volume,tonne,M\n")
    values.write_text("series_id,ds,value,unit\nvolume.mine,2026-01,5,t\n")
    catalog = Catalog.open(settings)
    ingest(catalog, values, file, known_at=NOW)
    catalog.close()
    with sqlite3.connect(settings.home / "var" / "orecast.db") as connection:
        connection.execute("UPDATE series SET unit = 't' WHERE series_id IN ('volume.mine', ?)", (EARTHS,))
    connection.close()
    catalog = Catalog.open(settings)
    assert {catalog.get(name).unit for name in ("volume.mine", EARTHS)} == {"tonne"}
    ingest(catalog, series=file, known_at=NOW)  # the unit of a series with values cannot change, and has not
    catalog.close()
    with open_home(settings.home, today=date(2026, 7, 15)) as home:
        assert {one.unit for one in home.series().data if one.series_id == EARTHS} == {"tonne"}


def test_a_run_of_an_older_version_answers_in_tonnes(settings: Settings) -> None:
    catalog, registry, last = Catalog.open(settings), Registry(settings.models_dir), np.datetime64("2026-06-01")
    series = replace(catalog.get(EARTHS), unit="t")
    record = EffectRecord((), "drawn", 50, Freq("M"), last, EARTHS)
    registry.save(EARTHS, "2026-06-01-a", card(series, "2026-06-01-a", last), Payload(np.ones((50, 24)), record, {}))
    registry.promote(EARTHS, "2026-06-01-a")
    catalog.close()
    assert '"unit": "t"' in (registry.root / EARTHS / "2026-06-01-a" / "card.json").read_text()
    with open_home(settings.home, today=date(2026, 7, 15)) as home:
        assert home.forecast(EARTHS).unit == "tonne"
