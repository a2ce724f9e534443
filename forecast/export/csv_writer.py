"""CSV for other programs.

CSV is UTF-8, RFC 4180 (comma, CRLF, quotes doubled), one header, ISO dates, ``.`` decimals. Text that a spreadsheet
would run as a formula, or that a reader would take for no text, gets an apostrophe; numbers are never touched.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import orjson

from forecast.export.finished import Export
from forecast.formats.guarded import guarded


def csv_text(names: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """A header and a line a row; a key that a row lacks is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([cell(name) for name in names])
    writer.writerows([cell(row.get(name)) for name in names] for row in rows)
    return out.getvalue()


def cell(value: object) -> str:
    """A value as CSV shows it: the digits of JSON, lists joined by ``;``, nothing for None, text made safe."""
    if isinstance(value, str):
        return guarded(value)
    if isinstance(value, float):
        return number(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return repr(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple | set | frozenset):
        return guarded(";".join(map(str, value)))
    return cell(value.item()) if isinstance(value, np.generic) else guarded(str(value))


def number(value: float) -> str:
    """The text of a number in JSON, with the fewest digits that give it back; nothing for one that JSON cannot say."""
    text = orjson.dumps(float(value)).decode()
    return "" if text == "null" else text


#: By which spreadsheets know UTF-8; other readers may take it for a part of the first name.
BYTE_ORDER_MARK = "\ufeff"


def csv_export(names: Sequence[str], rows: Iterable[Mapping[str, object]], *, bom: bool = False) -> Export:
    """Rows as a finished CSV; they may come one by one. ``bom``: with a byte order mark."""
    count = itertools.count()
    text = csv_text(names, (row for row in rows if next(count) >= 0))
    return Export(((BYTE_ORDER_MARK if bom else "") + text).encode(), next(count))
