"""Retraining by cron: how it ended is kept for whoever watches, as that of the worker is."""

from __future__ import annotations

from pathlib import Path

import pytest

from forecast.catalog import Catalog
from forecast.catalog.job_ends import JobEnd
from forecast.cli import call
from forecast.jobs import train
from forecast.jobs.train import TrainingReport, TrainingResult
from tests.support.trained_home import COPPER, make_home, settings_in


def ended(home: Path) -> JobEnd:
    catalog = Catalog.open(settings_in(home))
    (end,) = catalog.job_ends.all()
    catalog.close()
    return end


def test_an_end_is_kept_and_with_a_failure_the_last_success_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_home(tmp_path)
    monkeypatch.setenv("ORECAST_HOME", str(tmp_path))
    monkeypatch.setattr(train, "due", lambda *_: ())
    assert call(["retrain", "--due"]) == 0
    first = ended(tmp_path)
    assert (first.job, first.succeeded, first.failed) == ("retrain", first.ended, 0)

    monkeypatch.setattr(train, "due", lambda *_: (COPPER,))
    report = TrainingReport((TrainingResult(COPPER, "failed", detail="no good"),))
    monkeypatch.setattr(train, "train", lambda *_: report)
    assert call(["retrain", "--due"]) == 1
    second = ended(tmp_path)
    assert (second.succeeded, second.failed) == (first.ended, 1)
    assert second.ended > first.ended
