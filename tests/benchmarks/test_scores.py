"""How methods are judged: the same cells for all, ratios, coverage, halves, and versions series by series."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace

import numpy as np
import pytest
from support.origins import Answer, Task
from support.scores import Scores, against, by_group, by_horizon, groups, methods

from forecast import metrics
from tests.benchmarks.panels import a_price, around, walks


@pytest.fixture(scope="module")
def task() -> Task:
    return Task.of(walks("abcd"), 12, 6)


def scores(task: Task, **answers: Answer) -> Scores:
    return Scores.of(task, {"naive": around(task, 0.2), **answers}, "naive")


def test_ratios_and_coverage_are_those_of_the_protocol(task: Task) -> None:
    ours = around(task, 0.1)
    judged = scores(task, ours=ours)
    crps, base = (metrics.crps_from_quantiles(one.quantiles, task.actual) for one in (ours, around(task, 0.2)))
    ratio = metrics.relative(crps.mean(axis=(1, 2)), base.mean(axis=(1, 2)))
    assert judged.accuracy("ours")["rel_CRPS"] == pytest.approx(float(ratio), rel=1e-5)
    for level in (50, 80, 95):
        share = metrics.coverage(ours.quantiles, task.actual, level / 100)
        assert judged.coverage("ours")[f"cov{level}"] == pytest.approx(share)


def test_a_price_that_stands_still_is_inside_an_interval_that_ends_on_it() -> None:
    still = a_price("still", np.full(120, 100 / 3))
    task = Task.of([still, *walks("a")], 4, 3)
    judged = Scores.of(task, {"naive": around(task, 0.0)}, "naive")
    assert judged.at(series=judged.ids == "price.still").coverage("naive") == {"cov50": 1, "cov80": 1, "cov95": 1}


def test_all_methods_are_judged_where_all_of_them_answered(task: Task) -> None:
    partly = around(task, 0.1)
    partly.quantiles[0] = np.nan
    judged = scores(task, partly=partly)
    assert judged.judged() == {"series": 3, "origins": 12, "outcomes": 3 * 12 * 6}
    assert {row["method"]: row["rel_CRPS"] for row in methods(judged, "partly")}["naive"] == 1.0


def test_horizons_and_groups_hold_every_outcome_once(task: Task) -> None:
    judged = scores(task, ours=around(task, 0.1))
    total = judged.judged()["outcomes"]
    assert sum(row["outcomes"] for row in by_horizon(judged, "ours") if isinstance(row["outcomes"], int)) == total
    rows = by_group(judged, "ours", groups(judged, lambda name: "few" if name == "price.a" else "many"))
    outcomes = {str(row["group"]): row["outcomes"] for row in rows}
    for prefix in ("few many", "cutoffs", "half"):
        parts = [n for name, n in outcomes.items() if name.split(" ")[0].rstrip(":") in prefix.split()]
        assert sum(n for n in parts if isinstance(n, int)) == total


def test_halves_are_of_the_digest_of_the_id_and_the_middle_of_the_origins(task: Task) -> None:
    found = {name: (series, origins) for name, series, origins in groups(scores(task), str)}
    series, origins = found["half: even, early"]
    last = [hashlib.sha256(name.encode()).hexdigest()[-1] in "02468ace" for name in task.ids]
    assert series.tolist() == last
    assert origins.tolist() == [True] * 6 + [False] * 6


def test_the_same_version_is_no_better_and_no_worse(task: Task) -> None:
    summary, ratios = against(scores(task, ours=around(task, 0.1), before=around(task, 0.1)), "ours", "before")
    assert [ratio.ratio for ratio in ratios] == [1.0] * 4
    assert (summary["ratio"], summary["better by 2 se"], summary["worse by 2 se"]) == (1.0, 0, 0)


def test_a_series_that_became_worse_is_named_first(task: Task) -> None:
    ours = around(task, 0.1)
    ours.quantiles[2] = around(task, 0.1, bias=0.5).quantiles[2]
    summary, ratios = against(scores(task, ours=ours, before=around(task, 0.1)), "ours", "before")
    assert ratios[0].series == "price.c"
    assert ratios[0].ratio > 1
    assert ratios[0].t > 2
    assert (summary["better by 2 se"], summary["worse by 2 se"]) == (0, 1)


def test_origins_whose_horizons_overlap_tell_less(task: Task) -> None:
    deviations = np.repeat([1.0, -1.0], 6)
    judged = scores(task)
    apart = replace(judged, distance=np.where(np.eye(12, dtype=bool), 0.0, 99.0))
    close = replace(judged, distance=np.abs(np.subtract.outer(np.arange(12.0), np.arange(12.0))))
    assert apart.error_of_mean(deviations) == pytest.approx(deviations.std(ddof=1) / math.sqrt(12))
    assert close.error_of_mean(deviations) > 1.5 * apart.error_of_mean(deviations)
    together = replace(judged, distance=np.zeros((12, 12)))
    assert math.isnan(together.error_of_mean(deviations)), "one origin twelve times is one observation"
    assert math.isnan(judged.error_of_mean(np.array([1.0] + [np.nan] * 11)))


def test_an_origin_is_asked_only_where_the_file_says_so_and_something_was_seen() -> None:
    gap = a_price("gap", np.where(np.arange(60) == 40, np.nan, 100.0))
    at = np.array(["2010-03-01", "2013-05-01", "2013-06-01"], dtype="datetime64[D]")
    task = Task.at([gap, *walks("a", 60)], {"price.gap": at}, 30)
    assert task.origins.keys() == {"price.gap"}, "of the other series nothing is asked"
    assert task.origins["price.gap"].tolist() == [at[2].item()], "one was too early, one without a value"
    assert np.isfinite(task.actual[0, 2]).sum() == 60 - 42, "what is beyond the last value is not judged"
