"""What is answered of effects: each number under its name and in its unit, from cases whose answer is known."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from scipy import stats

from forecast.answers.effects import EpisodeEstimate, EpisodePeriod, effect_paths, effects
from forecast.answers.estimate import Estimate
from forecast.answers.event_classes import class_effects
from forecast.answers.event_priors import Evidence
from forecast.answers.findings import Findings, Kin
from forecast.effects import EffectRecord, Episode, EpisodeEffect
from forecast.effects.affected import Affected
from forecast.effects.candidates import product
from forecast.effects.episodes import Omission
from forecast.effects.event_classes import Likelihood, Size
from forecast.effects.report import report
from forecast.events import InForceInterval, Stringency
from forecast.interventions import Intervention, Step
from forecast.timeseries.frequency import Freq
from forecast.timeseries.series import History
from tests.support.records import a_series
from tests.support.small_world import a_run

MONTHLY, N = Freq("M"), 100
SERIES = a_series("volume.x", "x", "volume", "target", "export", "CHN", "WLD", "tonne", "M", 20)


@pytest.fixture
def found() -> Findings:
    """A flow of 100 t a month that a ban of June 2021 has halved, from two months before on; May was not published."""
    ds = MONTHLY.range("2020-01-01", 36)
    acting = Intervention(Step(), np.datetime64("2021-06-10"))
    days = dt.date(2021, 6, 1), dt.date(2021, 6, 10), dt.date(2022, 12, 31)
    times = {
        "ban": (InForceInterval(dt.date(2021, 6, 10), dt.date(2022, 12, 31), "ended"),),
        "again": (InForceInterval(dt.date(2021, 6, 12), dt.date(2021, 6, 18), "suspended"),),
        "more": (),
    }
    episode = Episode("ban", tuple(times), Stringency.BAN, -1, *days, 1.0, acting, in_force=times)
    candidates = product(acting, [Step()], [2])
    half = np.full(N, np.log(0.5), dtype=np.float32)
    effect = EpisodeEffect(episode, candidates, np.zeros(N, dtype=np.int16), half, False, True)
    y = 100 * np.exp(np.log(0.5) * candidates[0].column(ds, MONTHLY))
    y[16] = np.nan
    flag = np.array(["reported"] * 16 + [""] + ["reported"] * 19)
    record = EffectRecord((replace(effect, placebo_rank=0.9),), "averaged", N, MONTHLY, ds[-1], "volume.x")
    result = report(History(SERIES, ds, y, flag), record, "ban")
    run = replace(a_run(SERIES), run_id="r", record=record)
    return Findings(SERIES, run, (result,), {"ban": "A ban"}, {"ban": Kin(3, Size(math.log(0.8), 0.1))}, {})


def told_of(found: Findings) -> EpisodeEstimate:
    (episode,) = effects(found).data
    return episode


def test_an_episode_has_each_number_under_its_name(found: Findings) -> None:
    answer, result = effects(found), told_of(found)
    assert (answer.series_id, answer.run, answer.unit, answer.freq) == ("volume.x", "r", "tonne", "M")
    assert (result.episode_id, result.title, result.event_ids) == ("ban", "A ban", ("ban", "again", "more"))
    assert result.family == "supply"
    days = [str(day) for day in (result.announced, result.effective, result.ended, result.start)]
    assert days == ["2021-06-01", "2021-06-10", "2022-12-31", "2021-06-10"]
    assert (result.direction, result.missing, result.placebo_rank, result.others_of_kind) == (-1, 1, 0.9, 3)
    assert [(each.shape, each.weight) for each in result.shapes] == [("step", 1.0)]
    assert [(each.periods, each.weight) for each in result.leads] == [(2, 1.0)]
    assert result.window is not None
    assert (str(result.window.first), str(result.window.last)) == ("2021-06-01", "2022-05-01")
    assert (median(result.average), median(result.anticipation)) == (-50, -50)
    assert (median(result.amount), result.observed) == (-50, 12)
    assert (result.any_effect, result.relevant, result.relevant_size) == (1.0, 1.0, 5.0)
    sums = [median(one) for one in (result.cumulated_before, result.cumulated_after, result.cumulated)]
    assert sums == [-50, -600, -650], "April, then a year; May was not published"


def median(estimate: Estimate | None) -> float:
    assert estimate is not None
    return estimate.median


def test_json_and_csv_have_the_same_names_and_numbers(found: Findings) -> None:
    answer = effects(found)
    (row,), names = answer.lines(), [column.name for column in answer.header()]
    result = answer.data[0].json_object()
    expected: dict[str, object] = {name: getattr(answer, name) for name in ("series_id", "run", "unit")}
    for name, value in result.items():
        expected |= {f"{name}_{key}": cell for key, cell in value.items()} if isinstance(value, dict) else {name: value}
    assert set(expected) | {"not_estimated"} == set(names)
    assert {name: row[name] for name in row if not isinstance(expected[name], list | tuple)} == {
        name: value for name, value in expected.items() if not isinstance(value, list | tuple)
    }
    assert row["event_ids"] == "ban;again;more"
    assert row["average_lo-90"] == expected["average_lo-90"] == -50
    assert answer.to_frame()["window_first"].dtype.kind == "M"


def test_every_column_has_a_meaning_and_every_number_a_unit(found: Findings) -> None:
    headers = [*effects(found).header(), *effect_paths(found).header(), *class_effects(Evidence()).header()]
    assert [column.name for column in headers if not column.meaning] == []
    assert {column.name for column in headers if column.is_number and not column.unit} == {"direction"}


def test_an_episode_says_what_of_it_was_in_force_and_for_how_long(found: Findings) -> None:
    result = told_of(found)
    assert [each.json_object() for each in result.in_force or ()] == [
        {"since": dt.date(2021, 6, 10), "until": dt.date(2022, 12, 31)}
    ]
    assert result.days_in_force == 570, "205 of 2021 and 365 of 2022: the sample ends with December 2022"
    assert result.standing == "in force 570 days, then ended"
    short = "in force 7 days, then suspended, too short to count for more than the announcement"
    assert [each.json_object() for each in result.others] == [
        {"event_id": "again", "days_in_force": 7, "standing": short},
        {"event_id": "more", "days_in_force": 0, "standing": "announced, never in force"},
    ]
    (row,) = effects(found).lines()
    assert row["in_force"] == "2021-06-10:2022-12-31"
    assert row["others"] == f"again:7:{short};more:0:announced, never in force"


def test_a_run_of_an_older_version_says_nothing_of_force_and_a_shock_is_under_way(found: Findings) -> None:
    (result,) = found.episodes

    def of(episode: Episode) -> Findings:
        return replace(found, episodes=(replace(result, effect=replace(result.effect, episode=episode)),))

    own = result.effect.episode
    older = told_of(of(replace(own, in_force={})))
    assert (older.in_force, older.days_in_force, older.standing) == (None, None, None)
    assert older.others[0].json_object() == {"event_id": "again", "days_in_force": None, "standing": None}
    assert told_of(of(replace(own, stringency=Stringency.SHOCK))).standing == "under way 570 days, then ended"
    endless = of(replace(own, in_force={"ban": (InForceInterval(dt.date(2021, 6, 10)),)}))
    (row,) = effects(endless).lines()
    assert row["in_force"] == "2021-06-10:"


def test_what_was_not_estimated_is_named_with_the_reason(found: Findings) -> None:
    answer = effects(replace(found, not_estimated={"mine": "it begins on 2030-01-01"}))
    row = list(answer.lines())[-1]
    assert row == {
        "series_id": "volume.x",
        "run": "r",
        "unit": "tonne",
        "event_ids": "mine",
        "not_estimated": "it begins on 2030-01-01",
    }
    assert set(row) < {column.name for column in answer.header()}
    assert [each.json_object() for each in answer.not_estimated] == [
        {"event_id": "mine", "why": "it begins on 2030-01-01"}
    ]


def test_what_is_told_with_another_episode_is_not_left_out_and_what_is_weighed_is_told_from_the_rest(
    found: Findings,
) -> None:
    (effect,) = found.run.record.effects
    quota = replace(effect, episode=replace(effect.episode, episode_id="quota", events=("quota",), apart=False))
    omitted = (
        Omission("again", ("again",), "told with the ban"),
        Omission("quota", ("quota",), "weighed with the others"),
        Omission("old", ("old", "older"), "began before the sample"),
    )
    record = replace(found.run.record, effects=(effect, quota), omitted=omitted)
    answer = effects(replace(found, run=replace(found.run, record=record)))
    assert [(each.episode_id, each.event_ids, each.weighed) for each in answer.omitted] == [
        ("quota", ("quota",), True),
        ("old", ("old", "older"), False),
    ]


def test_what_is_given_by_its_kind_is_in_percent(found: Findings) -> None:
    given = told_of(found).given_kind.json_object()
    assert list(given) == ["median", "lo-50", "hi-50", "lo-80", "hi-80", "lo-90", "hi-90"]
    assert given["median"] == -20
    for level in (50, 80, 90):
        z = NormalDist().inv_cdf(0.5 + level / 200)
        ends = [float(f"{100 * (0.8 * math.exp(side * 0.1 * z) - 1):.6g}") for side in (-1, 1)]
        assert [given[f"lo-{level}"], given[f"hi-{level}"]] == ends


def test_a_path_tells_what_was_and_what_would_have_been(found: Findings) -> None:
    periods: dict[str, EpisodePeriod] = {str(period.ds): period for period in effect_paths(found).data}
    april, may, june = (periods[f"2021-0{month}-01"] for month in (4, 5, 6))
    for period in (april, june):
        assert (period.y, period.effect.median, median(period.without)) == (50, -50, 100)
    assert (may.y, may.effect.median, may.without) == (None, -50, None)
    rows = {str(row["ds"]): row for row in effect_paths(found).lines()}
    assert (rows["2021-04-01"]["without_median"], rows["2021-04-01"]["unit"]) == (100, "tonne")
    assert rows["2021-05-01"].get("without_median") is None


def test_kinds_of_events_are_counted_and_their_mean_has_a_ninety_percent_interval() -> None:
    directions = [1] * 12 + [-1] * 8 + [0] * 2
    message = tuple(
        Likelihood("s", (f"e{k}",), Stringency.BAN, sign, Affected.WORLD_PRICES, sign * 0.2, 0.02)
        for k, sign in enumerate(directions)
    )
    evidence = Evidence(message, "digest")
    (row,) = [row for row in class_effects(evidence).data if (row.stringency, row.affected) == ("ban", "world prices")]
    prior = evidence.priors[Stringency.BAN, Affected.WORLD_PRICES]
    assert (row.up, row.down, row.events, row.estimates) == (12, 8, 22, prior.n)
    z = 1.6448536269514722
    ends = [float(f"{100 * math.expm1(prior.mean + side * z * prior.se):.6g}") for side in (-1, 0, 1)]
    assert [row.mean.interval(90)[0], row.mean.median, row.mean.interval(90)[1]] == ends
    assert row.spread == float(f"{100 * prior.spread:.6g}")
    t = stats.t(4, loc=prior.mean, scale=prior.sd / 2**0.5)  # of this sd
    for level in (50, 80, 90):
        assert row.unseen.interval(level)[1] == float(f"{100 * math.expm1(t.ppf(0.5 + level / 200)):.6g}")
