"""Series beside the bundled ones: a folder in the bring-your-own format, or the World Bank's workbook of prices.

Nobody tuned to them. A folder has ``series.csv``, and every other CSV file of it whose header is that of observations
is read; a workbook gives each monthly price that the bundled table of its columns does not name.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from forecast.catalog.csv_reader import Reading
from forecast.catalog.csv_records import read_series
from forecast.errors import Fault, InvalidInput
from forecast.names import Measure, Place, Slug
from forecast.settings import data_dir
from forecast.sources.providers.worldbank import WorldBank, monthly_prices
from forecast.sources.web import Page
from forecast.timeseries.series import Series

#: What a file of observations may have, and what it must.
_COLUMNS = frozenset({"series_id", "ds", "period", "value", "flag", "known_at"})
_NEEDED = ({"series_id", "ds", "value"}, {"series_id", "period", "value"})
_RELEASE_LAG_DAYS = 5


@dataclass(frozen=True)
class Extra:
    """More series, by the ``name`` under which they are told, the files of their observations, and those CSV files of
    a folder that are none."""

    name: str
    series: tuple[Series, ...]
    observations: tuple[Path, ...]
    others: tuple[Path, ...] = ()


def read_extra(path: Path, known: Mapping[str, Series], scratch: Path) -> Extra:
    """What a folder or workbook adds to the ``known`` series; ``scratch``: a folder for the observations of a workbook.

    A series that is known stays what it is, but is a target where the folder says so. Raises ``InvalidInput``.
    """
    extra = _folder(path, known) if path.is_dir() else _workbook(path, scratch)
    kept = [
        replace(known[one.series_id], role="target" if one.is_target else known[one.series_id].role)
        if one.series_id in known
        else one
        for one in extra.series
    ]
    return replace(extra, series=tuple(kept))


def _folder(folder: Path, known: Mapping[str, Series]) -> Extra:
    reading = Reading()
    observations: list[Path] = []
    others: list[Path] = []
    series = read_series(folder / "series.csv", known, reading)
    reading.finish()
    for path in sorted(folder.glob("*.csv")):
        if path.name != "series.csv":
            (observations if _has_observations(path) else others).append(path)
    if not observations:
        expected = "a CSV file with the columns series_id,ds,value[,flag][,known_at] beside series.csv"
        found = ", ".join(path.name for path in others) or "none"
        raise InvalidInput(Fault("observations", found, expected, str(folder)))
    return Extra(folder.name, tuple(series), tuple(observations), tuple(others))


def _has_observations(path: Path) -> bool:
    with path.open(newline="", encoding="utf-8-sig") as file:
        header = {name.strip() for name in next(csv.reader(file), [])}
    return header <= _COLUMNS and any(needed <= header for needed in _NEEDED)


def _workbook(path: Path, scratch: Path) -> Extra:
    """Every price whose column the bundled table of the World Bank does not name."""
    with (data_dir() / "sources" / "worldbank.csv").open(newline="", encoding="utf-8") as file:
        bundled = {row["key"] for row in csv.DictReader(file)}
    try:
        book = Page(str(path), path.read_bytes(), "xlsx")
    except OSError as error:
        raise InvalidInput(Fault("extra", str(path), f"a folder or a workbook: {error.strerror}")) from None
    observations = scratch / f"{path.stem}.csv"
    series: dict[str, Series] = {}
    with observations.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("series_id", "ds", "value"))
        for quote in monthly_prices(book):
            if quote.key not in bundled and quote.ds <= dt.datetime.now(dt.UTC).date():
                one = series.setdefault(quote.key, _price(quote.key, quote.unit))
                rows.writerow((one.series_id, quote.ds, repr(quote.value)))
    return Extra("worldbank", tuple(series.values()), (observations,))


def _price(column: str, unit: str) -> Series:
    slug = re.sub(r"[^a-z0-9]+", "-", column.lower()).strip("-")
    source = WorldBank()
    return Series(
        series_id=f"price.worldbank.{slug}",
        mineral=Slug(""),
        measure=Measure.PRICE,
        role="target",
        flow="world",
        reporter=Place("WLD"),
        partner=Place("WLD"),
        unit=unit,
        freq="M",
        release_lag_days=_RELEASE_LAG_DAYS,
        publisher=source.publisher,
        source_url=source.page,
        licence=source.licence,
    )
