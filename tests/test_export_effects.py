"""Effects as rows: each number under its name, in percent or in the unit, from cases whose answer is known."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace
from statistics import NormalDist
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from forecast.answers.effects import Kin
from forecast.answers.event_priors import Evidence
from forecast.cli.output import flat as cli_flat
from forecast.effects import EffectRecord, Episode, EpisodeEffect
from forecast.effects.candidates import product
from forecast.effects.event_classes import Likelihood, Size
from forecast.effects.report import report
from forecast.events import InForce, KindFamily
from forecast.export.effects import class_rows, effect_lines, effect_names, effect_rows, effects_document, path_rows
from forecast.interventions import Intervention, Step
from forecast.timeseries.frequency import Freq
from forecast.timeseries.series import History, Series
from service.answers import flat as service_flat

MONTHLY, N = Freq("M"), 100
SERIES = Series("volume.x", "x", "volume", "target", "export", "CHN", "WLD", "t", "M", 20)


@pytest.fixture
def found() -> Any:
    """A flow of 100 t a month that a ban of June 2021 has halved, from two months before on; May was not published."""
    ds = MONTHLY.range("2020-01-01", 36)
    acting = Intervention(Step(), np.datetime64("2021-06-10"))
    days = {"announced": dt.date(2021, 6, 1), "effective": dt.date(2021, 6, 10), "ended": dt.date(2022, 12, 31)}
    times = {
        "ban": (InForce(dt.date(2021, 6, 10), dt.date(2022, 12, 31), "ended"),),
        "again": (InForce(dt.date(2021, 6, 12), dt.date(2021, 6, 18), "suspended"),),
        "more": (),
    }
    episode = Episode("ban", tuple(times), KindFamily.SUPPLY, -1, *days.values(), 1.0, acting, in_force=times)
    candidates = product(acting, [Step()], [2])
    half = np.full(N, np.log(0.5), dtype=np.float32)
    effect = EpisodeEffect(episode, candidates, np.zeros(N, dtype=np.int16), half, False, True)
    y = 100 * np.exp(np.log(0.5) * candidates[0].column(ds, MONTHLY))
    y[16] = np.nan
    flag = np.array(["reported"] * 16 + [""] + ["reported"] * 19)
    record = EffectRecord((replace(effect, placebo_rank=0.9),), "averaged", N, MONTHLY, ds[-1], "volume.x")
    told = report(History(SERIES, ds, y, flag), record, "ban")
    kin = Kin(3, Size(math.log(0.8), 0.1))
    run = SimpleNamespace(series_id="volume.x", run_id="r")
    return SimpleNamespace(
        series=SERIES, run=run, episodes=(told,), titles={"ban": "A ban"}, kin={"ban": kin}, not_estimated={}
    )


def test_an_episode_has_each_number_under_its_name(found: Any) -> None:
    (row,) = effect_rows(found)
    told = {name: row[name] for name in ("series_id", "run", "episode", "title", "events", "family", "unit")}
    assert told == {
        "series_id": "volume.x",
        "run": "r",
        "episode": "ban",
        "title": "A ban",
        "events": ("ban", "again", "more"),
        "family": "supply",
        "unit": "t",
    }
    days = [str(row[name]) for name in ("announced", "effective", "ended", "start")]
    assert days == ["2021-06-01", "2021-06-10", "2022-12-31", "2021-06-10"]
    assert (row["direction"], row["missing"], row["placebo_rank"], row["others_of_kind"]) == (-1, 1, 0.9, 3)
    assert row["shapes"] == [{"shape": "step", "weight": 1.0}]
    assert row["leads"] == [{"periods": 2, "weight": 1.0}]
    assert [str(day) for day in row["window"]] == ["2021-06-01", "2022-05-01"]
    assert (row["average"]["median"], row["anticipation"]["median"]) == (-50, -50)
    assert (row["amount"]["median"], row["observed"]) == (-50, 12)
    assert (row["acts"], row["relevant"], row["relevant_size"]) == (1.0, 1.0, 5.0)
    sums = [row[name]["median"] for name in ("cumulated_before", "cumulated_after", "cumulated")]
    assert sums == [-50, -600, -650], "April, then a year; May was not published"
    columns = {name.partition(".")[0] for name in effect_names()}
    assert columns == set(row)


def test_an_episode_says_what_of_it_was_in_force_and_for_how_long(found: Any) -> None:
    (row,) = effect_rows(found)
    assert row["in_force"] == [{"from": dt.date(2021, 6, 10), "to": dt.date(2022, 12, 31)}]
    assert row["days_in_force"] == 570, "205 of 2021 and 365 of 2022: the sample ends with December 2022"
    assert row["standing"] == "in force 570 days, then ended"
    short = "in force 7 days, then suspended, too short to count for more than the announcement"
    assert row["others"] == [
        {"event": "again", "days_in_force": 7, "standing": short},
        {"event": "more", "days_in_force": 0, "standing": "announced, never in force"},
    ]
    for flatten in (cli_flat, service_flat):
        cells = flatten(row)
        assert cells["in_force"] == "2021-06-10:2022-12-31"
        assert cells["others"] == f"again:7:{short};more:0:announced, never in force"
        assert flatten({"in_force": [{"from": dt.date(2021, 6, 10), "to": None}]}) == {"in_force": "2021-06-10:"}


def test_a_run_of_an_older_version_says_nothing_of_force_and_a_shock_is_under_way(found: Any) -> None:
    (told,) = found.episodes

    def row(**facts: Any) -> dict[str, Any]:
        effect = replace(told.effect, episode=replace(told.effect.episode, **facts))
        found.episodes = (replace(told, effect=effect),)
        return effect_rows(found)[0]

    older = row(in_force={})
    assert [older[name] for name in ("in_force", "days_in_force", "standing")] == [None, None, None]
    assert older["others"][0] == {"event": "again", "days_in_force": None, "standing": None}
    assert row(family=KindFamily.SHOCK)["standing"] == "under way 570 days, then ended"


def test_what_was_not_estimated_is_named_with_the_reason(found: Any) -> None:
    found.not_estimated = {"mine": "it begins on 2030-01-01"}
    row = effect_lines(found)[-1]
    assert row == {
        "series_id": "volume.x",
        "run": "r",
        "episode": "mine",
        "events": ("mine",),
        "unit": "t",
        "not_estimated": "it begins on 2030-01-01",
    }
    assert set(row) < set(effect_names())
    found.run.record = EffectRecord.none(N, MONTHLY, np.datetime64("2022-12-01"))
    assert effects_document(found)["not_estimated"] == [{"event": "mine", "why": "it begins on 2030-01-01"}]


def test_what_is_given_by_its_kind_is_in_percent(found: Any) -> None:
    given = effect_rows(found)[0]["given_kind"]
    assert list(given) == ["median", "lo-50", "hi-50", "lo-80", "hi-80", "lo-90", "hi-90"]
    assert given["median"] == -20
    for level in (50, 80, 90):
        z = NormalDist().inv_cdf(0.5 + level / 200)
        ends = [float(f"{100 * (0.8 * math.exp(side * 0.1 * z) - 1):.6g}") for side in (-1, 1)]
        assert [given[f"lo-{level}"], given[f"hi-{level}"]] == ends


def test_a_path_tells_what_was_and_what_would_have_been(found: Any) -> None:
    rows = {str(row["ds"]): row for row in path_rows(found)}
    april, may, june = (rows[f"2021-0{month}-01"] for month in (4, 5, 6))
    for row in (april, june):
        assert (row["y"], row["effect"]["median"], row["without"]["median"]) == (50, -50, 100)
    assert (may["y"], may["effect"]["median"], may["without"]) == (None, -50, None)


def test_kinds_of_events_are_counted_and_their_mean_has_a_ninety_percent_interval() -> None:
    directions = [1] * 12 + [-1] * 8 + [0] * 2
    said = tuple(
        Likelihood("s", (f"e{k}",), KindFamily.SUPPLY, sign, True, sign * 0.2, 0.02)
        for k, sign in enumerate(directions)
    )
    evidence = Evidence(said, "digest")
    (row,) = [row for row in class_rows(evidence) if (row["family"], row["measure"]) == ("supply", "prices")]
    prior = evidence.priors[KindFamily.SUPPLY, True]
    assert (row["up"], row["down"], row["events"], row["estimates"]) == (12, 8, 22, prior.n)
    z = 1.6448536269514722
    ends = [float(f"{100 * math.expm1(prior.mean + side * z * prior.se):.6g}") for side in (-1, 0, 1)]
    assert [row["mean_lo-90"], row["mean"], row["mean_hi-90"]] == ends
    assert row["spread"] == float(f"{100 * prior.spread:.6g}")
    t = stats.t(4, loc=prior.mean, scale=prior.sd / 2**0.5)  # of this sd
    for level in (50, 80, 90):
        assert row["unseen"][f"hi-{level}"] == float(f"{100 * math.expm1(t.ppf(0.5 + level / 200)):.6g}")
