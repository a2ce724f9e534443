"""A folder of exports: every table in a file of its own, and ``datapackage.json``, which describes them all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from forecast.errors import NotTrained
from forecast.export.choices import FileFormat, Shape
from forecast.export.datasets import DATASETS, ExportQuestion, Found, Stores, found
from forecast.export.finished import Export
from forecast.export.formats import finished
from forecast.export.package import NAME, Resource, datapackage
from forecast.files import write_atomically


@dataclass(frozen=True)
class Layout:
    """How files are written; ``shape``: of the tables that have it, the others are long."""

    format: FileFormat = FileFormat.CSV
    shape: Shape = Shape.LONG
    bom: bool = False


@dataclass(frozen=True)
class Written:
    """A file that was written, and the table that it is of."""

    path: Path
    export: Export
    found: Found


@dataclass(frozen=True)
class NotWritten:
    """A table that there is nothing of, and why."""

    table: str
    why: NotTrained


def write_folder(
    stores: Stores, folder: Path, asked: ExportQuestion, layout: Layout, now: dt.datetime
) -> Iterator[Written | NotWritten]:
    """Write every table, one after another, each whole or not at all, then what describes those that there are."""
    resources = []
    for name, dataset in DATASETS.items():
        try:
            table = found(stores, name, asked, layout.shape if dataset.wide else Shape.LONG)
        except NotTrained as error:
            yield NotWritten(name, error)
            continue
        path, export = folder / f"{name}.{layout.format}", finished(table.table, layout.format, bom=layout.bom)
        export.write(path)
        resources.append(Resource(path.name, layout.format, table.table, export))
        yield Written(path, export, table)
    write_atomically(folder / NAME, datapackage(resources, now, asked.forecast.as_of))
