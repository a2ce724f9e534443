"""A folder of exports: every table in a file of its own, and ``datapackage.json``, which describes them all."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from forecast.errors import NotTrained
from forecast.export.choices import FileFormat, TableShape
from forecast.export.datasets import DATASETS, ExportQuestion, Found, Stores, found
from forecast.export.finished import Export
from forecast.export.formats import finished
from forecast.export.package import NAME, Resource, datapackage
from forecast.files import write_atomically


@dataclass(frozen=True)
class FileLayout:
    """How files are written; ``shape``: of the tables that have it, the others are long."""

    format: FileFormat = FileFormat.CSV
    shape: TableShape = TableShape.LONG
    bom: bool = False


@dataclass(frozen=True)
class Made:
    """A table as a file: where it belongs, its bytes, and what is in it."""

    path: Path
    export: Export
    found: Found


@dataclass(frozen=True)
class NotMade:
    """A table that there is nothing of, and why."""

    table: str
    why: NotTrained


def write_folder(
    stores: Stores, folder: Path, asked: ExportQuestion, layout: FileLayout, now: dt.datetime
) -> list[Made | NotMade]:
    """Write every table that there is anything of, and what describes them; nothing before all of them are made.

    Raises what the answer of a table raises for a question that it refuses.
    """
    every = [_made(stores, folder, name, asked, layout) for name in DATASETS]
    there = [one for one in every if isinstance(one, Made)]
    folder.mkdir(parents=True, exist_ok=True)
    for one in there:
        one.export.write(one.path)
    resources = [Resource(one.path.name, layout.format, one.found.table, one.export) for one in there]
    write_atomically(folder / NAME, datapackage(resources, now, asked.forecast.as_of))
    return every


def _made(stores: Stores, folder: Path, name: str, asked: ExportQuestion, layout: FileLayout) -> Made | NotMade:
    try:
        made = found(stores, name, asked, layout.shape if DATASETS[name].wide else TableShape.LONG)
    except NotTrained as error:
        return NotMade(name, error)
    return Made(folder / f"{name}.{layout.format}", finished(made.table, layout.format, bom=layout.bom), made)
