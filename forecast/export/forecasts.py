"""Rows for other programs: one definition of names and digits for JSON and CSV, and files that tell when they were cut.

CSV is UTF-8, RFC 4180 (comma, CRLF, quotes doubled), one header, ISO dates, ``.`` decimals. A text cell that a
spreadsheet would run as a formula gets a leading apostrophe; numbers are never touched.
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
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.errors import CorruptArtifact
from forecast.files import write_atomically

if TYPE_CHECKING:
    from forecast.answers.forecast import Forecast
    from forecast.answers.scenarios import Answer, Outcome
    from forecast.registry import Run

#: What is told of a scenario besides its forecast, by the name of the field.
DIFFERENCES = ("difference", "cumulated")

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def interval_names(levels: Sequence[int]) -> list[str]:
    """``lo-80, hi-80, lo-95, hi-95``: the columns of the intervals, in the order of the levels."""
    return [f"{side}-{level}" for level in levels for side in ("lo", "hi")]


def point_names(levels: Sequence[int]) -> list[str]:
    """What one period of a forecast is called: ``ds, h, yhat`` and its intervals."""
    return ["ds", "h", "yhat", *interval_names(levels)]


def points(forecast: Forecast) -> list[dict[str, Any]]:
    """One JSON object a period, keys as ``point_names``."""
    return [
        {"ds": row.ds.isoformat(), "h": row.h, "yhat": row.yhat}
        | {
            f"{side}-{level}": value
            for level, bounds in row.intervals.items()
            for side, value in zip(("lo", "hi"), bounds, strict=True)
        }
        for row in forecast.rows
    ]


def forecast_names(levels: Sequence[int]) -> list[str]:
    """The header of a forecast as CSV."""
    return ["series_id", *point_names(levels), "unit", "scenario", "run"]


def forecast_rows(forecast: Forecast) -> list[dict[str, Any]]:
    """The same periods with series, unit, scenario and run in each, keys as ``forecast_names``."""
    constant = {"unit": forecast.series.unit, "scenario": forecast.scenario, "run": forecast.run_id}
    return [{"series_id": forecast.series.series_id, **point, **constant} for point in points(forecast)]


def forecast_document(forecast: Forecast) -> dict[str, Any]:
    """A forecast as JSON: what holds for all periods once, then an object a period."""
    return {
        "series_id": forecast.series.series_id,
        "unit": forecast.series.unit,
        "freq": forecast.series.freq,
        "run": forecast.run_id,
        "as_of": forecast.as_of,
        "events_known_to": forecast.events_known_to,
        "scenario": forecast.scenario,
        "data": points(forecast),
        "branches": [asdict(branch) for branch in forecast.branches],
        "notes": forecast.notes,
    }


def scenario_names(levels: Sequence[int]) -> list[str]:
    """The header of scenarios as CSV: a forecast, then its difference from the baseline and the sum of it so far."""
    changes = [f"{what}.{name}" for what in DIFFERENCES for name in point_names(levels)[2:]]
    return [*forecast_names(levels), "probability", *changes]


def scenario_rows(answer: Answer) -> list[dict[str, Any]]:
    """A row a series, world and period, keys as ``scenario_names``; a difference that there is not is left out."""
    rows = []
    for outcome in answer.outcomes:
        changes = [_changes(outcome, what) for what in DIFFERENCES]
        for i, row in enumerate(forecast_rows(outcome.forecast)):
            row["probability"] = outcome.probability
            for what, of_periods in zip(DIFFERENCES, changes, strict=True):
                told = of_periods[i] if of_periods else {}
                row |= {f"{what}.{name}": told[name] for name in told if name not in ("ds", "h")}
            rows.append(row)
    return rows


def scenario_document(answer: Answer) -> dict[str, Any]:
    """Scenarios as JSON: an object a series and world, with the periods of its forecast and of its differences."""
    return {
        "as_of": answer.as_of,
        "events_known_to": answer.events_known_to,
        "data": [
            {
                "series_id": outcome.forecast.series.series_id,
                "unit": outcome.forecast.series.unit,
                "freq": outcome.forecast.series.freq,
                "run": outcome.forecast.run_id,
                "scenario": outcome.forecast.scenario,
                "probability": outcome.probability,
                "data": points(outcome.forecast),
                **{what: _changes(outcome, what) for what in DIFFERENCES},
                "notes": outcome.notes,
            }
            for outcome in answer.outcomes
        ],
        "next": None,
    }


def _changes(outcome: Outcome, what: str) -> list[dict[str, Any]]:
    return points(replace(outcome.forecast, rows=getattr(outcome, what)))


def score_names() -> list[str]:
    """The header of the scores of a run as CSV."""
    names = ["series_id", "run", "family", "champion", "origins", "score", "h", "rel_crps"]
    return [*names, "coverage.50", "coverage.80", "coverage.95"]


def score_rows(run: Run) -> list[dict[str, Any]]:
    """A row for each family and horizon, keys as ``score_names`` once the members of an object are ``a.b``.

    None for a series that had too little history to test on.
    """
    return [
        {
            "series_id": run.series_id,
            "run": run.run_id,
            "family": family,
            "champion": family == run.card["champion_family"],
            "origins": scores["origins"],
            "score": scores["score"],
            "h": h,
            "rel_crps": ratio,
            "coverage": scores["coverage"],
        }
        for family, scores in run.card["backtest"].items()
        for h, ratio in enumerate(scores["rel_crps"], start=1)
    ]


def scores_document(run: Run) -> dict[str, Any]:
    """How every family did when the run was chosen, as JSON."""
    facts = {"series_id": run.series_id, "run": run.run_id, "champion": run.card["champion_family"]}
    return {**facts, "why": run.card.get("why", ""), "data": score_rows(run), "next": None}


def csv_text(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """A header and a line a row; a key that a row lacks is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([cell(name) for name in names])
    writer.writerows([cell(row.get(name)) for name in names] for row in rows)
    return out.getvalue()


def cell(value: object) -> str:
    """A value as CSV shows it: the digits of JSON, lists joined by ``;``, nothing for None, text made safe."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple | set | frozenset):
        return _safe(";".join(map(str, value)))
    return _safe(str(value))


def _safe(text: str) -> str:
    return "'" + text if text.startswith(_FORMULA) else text


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


def csv_export(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Export:
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
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptArtifact(str(path), f"the file or its manifest cannot be read ({error})") from error
    if len(data) != size or hashlib.sha256(data).hexdigest() != digest:
        raise CorruptArtifact(str(path), f"it has {len(data)} bytes that are not the {size} its manifest promises")
    return rows


def _manifest(path: Path) -> Path:
    return path.with_name(path.name + ".manifest.json")
