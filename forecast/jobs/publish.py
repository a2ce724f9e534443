"""Publish: what is known on a day as CSV files in a folder of that day, for readers that never see a part of them.

``<folder>/<day>`` and ``<folder>/latest`` are symbolic links to editions, which are written aside, never changed, and
named after what is in them. A link is swapped in one step, so that there is always a ``latest``, and it is whole. What
is killed in between leaves nothing but files that the next one removes. An edition that no link leads to any more stays
until something else is published: who reads it meanwhile reads on.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import TypedDict

from forecast.answers.calendar import CalendarQuestion, event_calendar
from forecast.answers.effects import Effects, effects
from forecast.answers.event_filter import EventFilter
from forecast.answers.events import event_list
from forecast.answers.findings import finder
from forecast.answers.forecast import ForecastQuestion
from forecast.answers.held import held_list
from forecast.answers.model import Answer
from forecast.answers.observations import observation_list
from forecast.answers.series import series_facts
from forecast.answers.several import LeftOut, each, forecasts
from forecast.catalog import Catalog
from forecast.errors import Misconfigured, NothingTrained
from forecast.export.csv_writer import csv_export
from forecast.export.finished import Export
from forecast.files import locked, sync_folder, write_atomically
from forecast.registry import Registry
from forecast.wording import counted

LATEST, INDEX = "latest", "manifest.json"
_EDITIONS, _UNFINISHED, _LINK = ".editions", "unfinished", ".link"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class PublishedFile(TypedDict):
    """A file of an edition as its index has it; ``rows``: the header not counted."""

    file: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Published:
    """What was published: the day, whether anything in it is ``new``, its files, and the series that are left out."""

    day: dt.date
    new: bool
    files: tuple[PublishedFile, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def status(self) -> str:
        return "published" if self.new else "unchanged"

    @property
    def size(self) -> str:
        rows = sum(file["rows"] for file in self.files)
        return f"{counted(len(self.files), 'file')} of {counted(rows, 'row')}"


def publish(catalog: Catalog, registry: Registry, folder: Path, day: dt.date, keep: int) -> Published:
    """Publish what is known at the end of a UTC day; nothing is written where ``latest`` says the same already.

    ``keep``: how many published days stay, 0 for all. Raises ``NothingTrained``; ``Misconfigured`` where the folder
    cannot hold it; ``OSError``, of which ``TimeoutError`` where another process publishes there for a minute.
    """
    tables, left_out = _tables(catalog, registry, day)
    files = tuple(_listed(name, table) for name, table in tables.items())
    published = Published(day, True, files, left_out)
    folder.mkdir(exist_ok=True)
    with locked(folder / ".lock"):
        _check(folder, day)
        if files == _files(folder / LATEST):
            return replace(published, new=False)
        _sweep(folder)
        edition = _write(folder / _EDITIONS, tables, published)
        for link in (folder / day.isoformat(), folder / LATEST):
            _lead(link, edition)
        _forget(folder, keep)
    return published


# -- what is in an edition ---------------------------------------------------------------------------------------------


def _tables(catalog: Catalog, registry: Registry, day: dt.date) -> tuple[dict[str, Export], tuple[LeftOut, ...]]:
    """The files by name, and the series that have no forecast in them."""
    if not registry.champions():
        raise NothingTrained
    ahead = forecasts(catalog, registry, catalog.targets(), ForecastQuestion(day))
    known = list(catalog.series().values())
    seen = observation_list(chain.from_iterable(catalog.observations(one.series_id, day) for one in known))
    find = finder(catalog, registry)
    found, _ = each([[one.series_id] for one in ahead.data], lambda name: effects(find(name)))
    answers: dict[str, Answer] = {
        "forecasts": ahead,
        "observations": seen,
        "series": series_facts(catalog, registry, known),
        "events": event_list(EventFilter().of(catalog.events(day), catalog), day),
        "calendar": event_calendar(catalog, registry, CalendarQuestion(day)),
        "held": held_list(catalog.quarantine.values()),
    }
    tables = {name: csv_export(answer.names(), answer.lines()) for name, answer in answers.items()}
    names = [column.name for column in Effects.columns()]
    tables["effects"] = csv_export(names, chain.from_iterable(one.lines() for one in found))
    return {f"{name}.csv": table for name, table in sorted(tables.items())}, ahead.left_out


def _listed(name: str, table: Export) -> PublishedFile:
    return {"file": name, "rows": table.rows, "bytes": len(table.data), "sha256": table.sha256}


def _files(edition: Path) -> tuple[PublishedFile, ...]:
    """What the index of an edition lists; nothing where there is none."""
    try:
        return tuple(json.loads((edition / INDEX).read_bytes())["files"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ()


# -- how it comes into the folder --------------------------------------------------------------------------------------


def _write(editions: Path, tables: dict[str, Export], published: Published) -> Path:
    """An edition, written aside and put into its place in one step; one that is there already is whole."""
    day, files = published.day, published.files
    digest = hashlib.sha256(json.dumps(files).encode()).hexdigest()
    edition, unfinished = editions / f"{day}-{digest[:12]}", editions / _UNFINISHED
    if edition.is_dir():
        return edition
    unfinished.mkdir()
    for name, table in tables.items():
        table.write(unfinished / name)
    index = {
        "day": day.isoformat(),
        "published_at": f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}",
        "orecast": version("orecast"),
        "files": files,
        "left_out": [one.json_object() for one in published.left_out],
    }
    write_atomically(unfinished / INDEX, (json.dumps(index, indent=1) + "\n").encode())
    unfinished.rename(edition)
    sync_folder(editions)
    return edition


def _lead(link: Path, edition: Path) -> None:
    """Let a link lead to an edition, in one step."""
    _aside(link.parent, edition.relative_to(link.parent)).replace(link)
    sync_folder(link.parent)


def _check(folder: Path, day: dt.date) -> None:
    """Raises ``Misconfigured`` where links cannot be, or something else has their names."""
    for link in (folder / LATEST, folder / day.isoformat()):
        if link.exists() and not link.is_symlink():
            raise Misconfigured(f"{link} is in the way of what is published: expected a symbolic link, or nothing")
    try:
        aside = _aside(folder, Path(_EDITIONS))
    except OSError as error:
        raise Misconfigured(
            f"{folder} cannot hold what is published: {error.strerror}; expected a folder that may be written to, on a "
            "file system with symbolic links"
        ) from None
    aside.unlink()


def _aside(folder: Path, target: Path) -> Path:
    """A new link that is to be put in the place of another."""
    link = folder / _LINK
    link.unlink(missing_ok=True)
    link.symlink_to(target, target_is_directory=True)
    return link


def _sweep(folder: Path) -> None:
    """Remove what was left unfinished, and editions that no link leads to."""
    editions = folder / _EDITIONS
    editions.mkdir(exist_ok=True)
    led_to = {link.readlink().name for link in _links(folder)}
    for edition in editions.iterdir():
        if edition.name not in led_to:
            shutil.rmtree(edition)


def _forget(folder: Path, keep: int) -> None:
    """Remove the links of all days but the newest ``keep``; their editions go when something else is published."""
    days = sorted(link for link in _links(folder) if _DAY.fullmatch(link.name))
    for link in days[:-keep] if keep else []:
        link.unlink()


def _links(folder: Path) -> Iterator[Path]:
    """The links to editions."""
    for path in folder.iterdir():
        if path.is_symlink() and (path.name == LATEST or _DAY.fullmatch(path.name)):
            yield path
