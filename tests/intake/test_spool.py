"""The spool: what waits on disk comes back in order, whole, and in pieces that fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from forecast.intake import spool
from forecast.intake.spool import ROW, UNSAID, Rows, Spool

Numbers = npt.NDArray[np.signedinteger]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sorted runs of a few hundred rows, so that there are many."""
    monkeypatch.setattr(spool, "_RUN", 300)
    monkeypatch.setattr(spool, "_STEP", 10)


def rows_of(series: Numbers, ds: Numbers, known: Numbers) -> Rows:
    found = np.zeros(len(series), dtype=ROW)
    found["series"], found["ds"], found["known"] = series, ds, known
    found["row"] = found["line"] = np.arange(len(series))
    return found


def through(rows: Rows, size: int) -> tuple[list[Rows], list[tuple[int, int]]]:
    """The groups that come back, and (row, line of the first) of what repeats."""
    repeats: list[tuple[int, int]] = []
    with Spool(lambda again, first: repeats.extend(zip(again["row"].tolist(), first.tolist(), strict=True))) as kept:
        for start in range(0, len(rows), 70):
            kept.add(rows[start : start + 70])
        groups = list(kept.groups(size))
    return groups, repeats


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [50, 400, 100_000])
def test_rows_come_back_in_order_of_series_and_period(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    n = 3000
    series = np.where(rng.random(n) < 0.5, 3, rng.integers(0, 40, n))  # one has half of all rows
    known = np.where(rng.random(n) < 0.3, UNSAID, rng.integers(0, 20, n))
    rows = rows_of(series, rng.integers(-400, 400, n), known)
    groups, repeats = through(rows, size)
    keys = [tuple(row) for group in groups for row in group[["series", "ds", "known"]].tolist()]
    every = [tuple(row) for row in rows[["series", "ds", "known"]].tolist()]
    assert keys == sorted(set(every))
    again = [row for row, key in enumerate(every) if key in every[:row]]
    assert sorted(row for row, _ in repeats) == again
    assert all(earlier < row and every[earlier] == every[row] for row, earlier in repeats)
    periods = [{(key["series"], key["ds"]) for key in group} for group in groups]
    assert sum(map(len, periods)) == len(set.union(*periods))  # no period is in two groups
    assert max(map(len, groups)) < 2 * size + 10 * len(rows) / 300 + 300


def test_a_series_is_in_one_piece_unless_it_is_larger_than_one() -> None:
    series = np.repeat(np.arange(30), 40)
    groups, _ = through(rows_of(series, np.tile(np.arange(40), 30), np.full(1200, UNSAID)), 100)
    places = [set(group["series"].tolist()) for group in groups]
    assert len(groups) > 5
    assert sum(map(len, places)) == 30


def test_nothing_comes_back_where_nothing_was_added() -> None:
    assert through(rows_of(*(np.empty(0, dtype=np.int64),) * 3), 10) == ([], [])


def test_no_file_is_seen_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no name from the start, so that nothing is left where the process is killed."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Spool(lambda *_: None) as kept:
        kept.add(rows_of(np.arange(1000), np.arange(1000), np.arange(1000)))
        list(kept.groups())
        assert list(tmp_path.iterdir()) == []
