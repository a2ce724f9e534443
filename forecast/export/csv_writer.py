"""CSV for other programs: one writer, and files that tell when they were cut.

CSV is UTF-8, RFC 4180 (comma, CRLF, quotes doubled), one header, ISO dates, ``.`` decimals. Text that a spreadsheet
would run as a formula, or that a reader would take for no text, gets an apostrophe; numbers are never touched.
"""

from __future__ import annotations

import base64
import csv
import datetime as dt
import hashlib
import io
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson

from forecast.errors import CorruptArtifact
from forecast.files import write_atomically
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


@dataclass(frozen=True)
class Export:
    """A finished table: its bytes, how many rows (the header not counted), and their digest."""

    data: bytes
    rows: int

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def headers(self) -> dict[str, str]:
        """For HTTP: ``Repr-Digest`` (RFC 9530) and ``X-Row-Count``, by which a reader can tell a cut transfer."""
        digest = base64.b64encode(hashlib.sha256(self.data).digest()).decode()
        return {"Repr-Digest": f"sha-256=:{digest}:", "X-Row-Count": str(self.rows)}

    def write(self, path: Path) -> None:
        """Put the file at ``path`` and, after it, ``<path>.manifest.json`` with its rows, bytes and SHA-256."""
        manifest = {"file": path.name, "rows": self.rows, "bytes": len(self.data), "sha256": self.sha256}
        write_atomically(path, self.data)
        write_atomically(_manifest(path), (json.dumps(manifest) + "\n").encode())


def csv_export(names: Sequence[str], rows: Iterable[Mapping[str, object]]) -> Export:
    """Rows as a finished CSV; they may come one by one."""
    count = itertools.count()
    data = csv_text(names, (row for row in rows if next(count) >= 0)).encode()
    return Export(data, next(count))


def verify(path: Path) -> int:
    """The number of rows of a whole exported file. Raises ``CorruptArtifact`` if it is not whole or nobody can say."""
    try:
        manifest = json.loads(_manifest(path).read_bytes())
        data = path.read_bytes()
        rows, size, digest = int(manifest["rows"]), manifest["bytes"], manifest["sha256"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CorruptArtifact(str(path), f"the file or its manifest cannot be read ({error})") from error
    if len(data) != size or hashlib.sha256(data).hexdigest() != digest:
        raise CorruptArtifact(str(path), f"it has {len(data)} bytes that are not the {size} its manifest promises")
    return rows


def _manifest(path: Path) -> Path:
    return path.with_name(path.name + ".manifest.json")
