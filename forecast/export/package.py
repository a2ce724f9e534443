"""``datapackage.json`` beside exported files: what each holds, column by column, with its size, rows and digest.

The format is that of the Data Package standard (frictionless, version 1), which tools read to type the columns.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from forecast.answers.model import Column
from forecast.export.choices import FileFormat
from forecast.export.finished import Export
from forecast.export.tables import ExportTable

NAME = "datapackage.json"

#: The type of a field by that of the column; a list is text, its items joined by ``;``.
_TYPES = {"number": "number", "integer": "integer", "yes or no": "boolean", "day": "date", "time": "datetime"}
_MEDIA_TYPES = {
    FileFormat.CSV: "text/csv",
    FileFormat.PARQUET: "application/vnd.apache.parquet",
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True)
class Resource:
    """A file of a package: its name in the folder, what it holds, and its bytes."""

    path: str
    format: FileFormat
    table: ExportTable
    export: Export


def datapackage(resources: Sequence[Resource], made: dt.datetime, as_of: dt.date) -> bytes:
    """The description of these files, ``made`` at a moment, of what was known at the end of the day ``as_of``."""
    document = {
        "profile": "tabular-data-package",
        "name": "orecast",
        "title": f"Mineral prices and trade volumes: forecasts and what they rest on, as known on {as_of}",
        "created": made.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "resources": [_described(one) for one in resources],
    }
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def _described(one: Resource) -> Mapping[str, object]:
    dialect = {"delimiter": ",", "lineTerminator": "\r\n", "doubleQuote": True, "header": True}
    return {
        "profile": "tabular-data-resource",
        "name": one.table.name,
        "title": one.table.title,
        "path": one.path,
        "format": one.format.value,
        "mediatype": _MEDIA_TYPES[one.format],
        **({"encoding": "utf-8", "dialect": dialect} if one.format is FileFormat.CSV else {}),
        "bytes": len(one.export.data),
        "hash": f"sha256:{one.export.sha256}",
        "rows": one.export.rows,
        "schema": {"fields": [_field(column) for column in one.table.columns], "missingValues": [""]},
    }


def _field(column: Column) -> Mapping[str, object]:
    named = {"name": column.name, "type": _TYPES.get(column.type, "string"), "description": column.meaning}
    return {**named, **({"unit": column.unit} if column.unit else {})}
