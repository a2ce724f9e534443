"""What the command line makes of one thing: a page of a forecast, a row of an effect, levels, an error's exit code."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
import typer

from forecast import cli, errors
from forecast.answers.branches import BranchFacts, branch_facts
from forecast.answers.effects import EffectPaths, Effects, EpisodeEstimate
from forecast.answers.forecast import Forecast
from forecast.cli import call, options
from forecast.cli.effects import _cells, _episodes, _left_out, _noted, _periods, shape_in_words
from forecast.cli.forecasts import _page
from forecast.effects.diagnostics import estimate_notes
from forecast.events import Branch, Events
from tests.support.small_world import a_ban, an_effect
from tests.support.trained_home import COPPER, NICKEL, make_home


def a_page(branches: tuple[BranchFacts, ...]) -> str:
    facts: dict[str, object] = {
        "series_id": "price.x",
        "unit": "USD/t",
        "freq": "M",
        "run": "2026-06-01-a",
        "scenario": "baseline",
    }
    facts |= {"as_of": dt.date(2026, 7, 15), "data_to": dt.date(2026, 6, 1), "events_known_to": None}
    facts |= {"overdue": 0, "quality": "solid", "origin": "today"}
    known = {"provenance": "asked on 15 Jul 2026", "branches": branches, "notes": ("a note",)}
    point = {
        "ds": dt.date(2026, 7, 1),
        "h": 1,
        "nowcast": False,
        "yhat": 2.5,
        "lo-80": 2.0,
        "hi-80": 3.0,
        "lo-95": 1.0,
        "hi-95": 4.0,
    }
    return _page(Forecast.model_validate(facts | known | {"levels": (80, 95), "data": [point]}))


def test_the_page_of_a_forecast_says_what_it_is_and_what_it_rests_on() -> None:
    assert [line.rstrip() for line in a_page(()).splitlines()] == [
        "price.x, USD/t; quality of the data: solid",
        "",
        "period from  lo-95  lo-80  yhat  hi-80  hi-95",
        "─────────────────────────────────────────────",
        "2026-07-01     1.0    2.0   2.5    3.0    4.0",
        "",
        "asked on 15 Jul 2026",
        "a note",
    ]


def test_a_page_says_nothing_is_missing_where_every_branch_has_a_probability() -> None:
    drawn = branch_facts(Branch("e", "threat", ("e",), dt.date(2027, 1, 1), 0.4, False, "Drawn"), Events([]))
    late = branch_facts(Branch("f", "threat", ("f",), dt.date(2026, 1, 1), None, True, "Open"), Events([]))
    assert "Not in these numbers" not in a_page((drawn,))
    assert a_page((drawn, late)).splitlines()[-3:] == [
        "Not in these numbers, since nobody has given a probability:",
        "- Open: was to start on 1 Jan 2026; that day has passed, and nothing later is",
        "  known (f)",
    ]


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (errors.InvalidInput(errors.Fault("h", 0, "more")), 2, "h = 0: expected more"),
        (errors.Misconfigured("wrong setting"), 2, "wrong setting"),
        (errors.NotTrained("price.x"), 3, "orecast train price.x"),
        (errors.NotFound("series", "x", []), 4, "no series 'x'"),
        (errors.CorruptArtifact("draws.npy", "cut short"), 5, "corrupt artifact draws.npy: cut short"),
        (errors.TooShort("three observations"), 1, "three observations"),
        (errors.FitFailed("no fit"), 1, "no fit"),
        (OSError(28, "No space left on device", "out.csv"), 1, "No space left on device: out.csv"),
        (typer.Abort(), 130, ""),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_kind_of_error_has_its_exit_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Exception, code: int, says: str
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(cli, "app", fails)
    assert call(["series"]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == (f"orecast: {printed.err[9:-1]}\n" if says else "")
    assert says in printed.err
    assert f"{code} " in cli.EPILOG


def test_a_damaged_run_and_a_file_that_cannot_be_written_have_their_codes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_home(tmp_path)
    (draws,) = (settings.models_dir / NICKEL).glob("*/draws.npy")
    data = bytearray(draws.read_bytes())
    data[-1] ^= 1
    draws.write_bytes(data)
    monkeypatch.setenv("ORECAST_HOME", str(tmp_path))
    assert call(["runs", "show", NICKEL, draws.parent.name]) == 5
    assert "its bytes are not those its card promises" in capsys.readouterr().err
    assert call(["forecast", NICKEL]) == call(["runs", "show", NICKEL]) == 5
    assert call(["runs", "show", COPPER, "--format", "csv"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "series_id,run,champion,card"
    assert call(["forecast", COPPER, "--output", str(tmp_path / f"{'x' * 255}.csv")]) == 1
    assert "File name too long" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "found"), [(None, [80, 95]), (["95,50"], [95, 50]), (["1", "99"], [1, 99]), ([" 7 , 8"], [7, 8])]
)
def test_levels_are_read_in_their_order(given: list[str] | None, found: list[int]) -> None:
    assert options.levels(given) == found


def test_a_level_twice_is_refused() -> None:
    with pytest.raises(errors.InvalidInput, match="--level = '80,80': expected each level once"):
        options.levels(["80", "80"])


@pytest.mark.parametrize("given", ["0", "100", "-1", "8.5", "", "80,,95"])
def test_a_level_is_a_whole_percentage_below_a_hundred(given: str) -> None:
    with pytest.raises(errors.InvalidInput, match="a whole percentage from 1 to 99"):
        options.levels([given])


@pytest.mark.parametrize(
    ("identified", "prior_dominated", "apart", "mark"),
    [
        (True, False, True, ""),
        (True, True, True, "*"),
        (False, False, True, "†"),
        (False, True, True, "†"),
        (True, False, False, "‡"),
        (True, True, False, "*‡"),
    ],
)
def test_an_effect_of_which_the_data_say_little_is_marked(
    identified: bool, prior_dominated: bool, apart: bool, mark: str
) -> None:
    result = _cells(an_episode(identified=identified, prior_dominated=prior_dominated, apart=apart), "month", "tonnes")
    first = result["effect"].splitlines()[0]
    assert first == (f"-22{mark}" if identified else f"not known{mark}")
    known = ["a month, tonnes", "total, tonnes", "came early, %"]
    sure = ["P(over 5 %)", "detectable, %", "unusualness"]
    assert result["measure"].splitlines() == ["mean effect, %", *(known if identified else []), *sure]
    assert mark in page(an_episode(identified=identified, prior_dominated=prior_dominated, apart=apart))


def estimate(median: float, low: float, high: float) -> dict[str, float]:
    return {"median": median} | {
        f"{side}-{level}": end for level in (50, 80, 90) for side, end in zip(("lo", "hi"), (low, high), strict=True)
    }


def an_episode(**facts: object) -> EpisodeEstimate:
    """A ban of April 2025 on a flow, in an episode of three."""
    days = {"announced": None, "effective": "2025-04-04", "ended": None, "start": "2025-04-04", "window": None}
    numbers = {
        "average": estimate(-21.6, -24.4, 0.6),
        "anticipation": estimate(-4.4, -8.6, 1.4),
        "amount": estimate(-884.6, -999.6, 0.02134),
        "cumulated": None,
        "cumulated_before": None,
        "cumulated_after": estimate(-10615.3, -12345.6, 0.256),
        "any_effect": 0.987,
        "relevant": 0.914,
        "relevant_size": 5.0,
        "detectable": 8.4,
        "placebo_rank": 0.975,
        "given_kind": estimate(0, 0, 0),
    }
    plain = {
        "episode_id": "ban",
        "title": "A ban",
        "event_ids": ["ban", "again", "more"],
        "family": "supply",
        "direction": -1,
        **days,
        "in_force": None,
        "days_in_force": 1448,
        "standing": "in force 1 day, then suspended",
        "others": [{"event_id": event, "days_in_force": 0, "standing": None} for event in ("again", "more")],
        "shapes": [{"shape": "step", "weight": 0.279}, {"shape": "pulse", "weight": 0.1}],
        "leads": [],
        **numbers,
        "observed": 12,
        "missing": 0,
        "identified": True,
        "prior_dominated": False,
        "apart": True,
        "others_of_kind": 3,
    }
    return EpisodeEstimate.model_validate({**plain, **facts}, strict=False)


FACTS: dict[str, object] = {
    "series_id": "volume.x",
    "run": "r",
    "unit": "tonne",
    "freq": "M",
    "method": "averaged",
    "omitted": [],
}
FACTS |= {"data_to": dt.date(2026, 6, 1), "quality": "solid"}


def answered(*result: EpisodeEstimate, **facts: object) -> Effects:
    return Effects.model_validate({**FACTS, "not_estimated": [], "notes": [], "data": result, **facts})


def page(*result: EpisodeEstimate, **facts: object) -> str:
    return _episodes(answered(*result, **facts))


def test_an_effect_is_told_in_percent_in_the_unit_and_in_sum_with_all_its_events() -> None:
    result = _cells(an_episode(), "month", "tonnes")
    assert result["event"] == "ban\n+again\n+more\nfrom 2025-04-04\nin force 1,448 days\n12 months observed"
    assert list(zip(*(result[name].split("\n") for name in ("measure", "effect", "interval")), strict=True)) == [
        ("mean effect, %", "-22", "-24 to +1"),
        ("a month, tonnes", "-885", "-1,000 to +0.0213"),
        ("total, tonnes", "-10,600", "-12,300 to +0.256"),
        ("came early, %", "-4", "-9 to +1"),
        ("P(over 5 %)", "0.91", ""),
        ("detectable, %", "8", ""),
        ("unusualness", "0.97", ""),
    ]
    price = an_episode(cumulated_after=None, anticipation=None, amount=estimate(3e9, -9.5, 4e9))
    result = _cells(price, "month", "USD/t")
    assert result["measure"].splitlines()[:3] == ["mean effect, %", "mean, USD/t", "P(over 5 %)"]
    assert result["effect"].splitlines()[1] == "+3e+09"
    assert result["interval"].splitlines()[1] == "-9.5 to +4e+09"
    nothing = an_episode(average=None, amount=None, anticipation=None, relevant=None, detectable=None, observed=0)
    result = _cells(nothing, "month", "USD/t")
    assert (result["measure"], result["effect"], result["interval"]) == ("mean effect, %", "not yet seen", "")
    assert "observed" not in result["event"]


def test_an_effect_whose_median_is_none_says_so_and_how_likely_there_is_any() -> None:
    idle = {"average": estimate(0.0, -0.6, 14.4), "anticipation": None, "any_effect": 0.354, "relevant": 0.09}
    result = _cells(an_episode(**idle), "month", "tonne")
    assert result["measure"].splitlines()[:3] == ["mean effect, %", "P(any effect)", "P(over 5 %)"]
    assert result["effect"].splitlines()[:3] == ["none found", "0.35", "0.09"]
    assert result["interval"].splitlines()[0] == "-1 to +14"
    # one that may well matter is not none, whatever its median
    assert _cells(an_episode(**{**idle, "relevant": 0.11}), "month", "tonne")["effect"].splitlines()[0] == "+0"
    # one of which the data say nothing is not one that was not found
    result = _cells(an_episode(**{**idle, "identified": False}), "month", "tonne")
    assert result["effect"].splitlines()[0] == "not known†"
    assert "P(any effect)" not in result["measure"]


def test_a_table_says_how_long_an_event_was_in_force_or_a_shock_under_way() -> None:
    result = [
        _cells(an_episode(days_in_force=days), "month", "tonne")["event"].splitlines()[4] for days in (31, 1, 0, None)
    ]
    assert result == ["in force 31 days", "in force 1 day", "never in force", "12 months observed"]
    shock = _cells(an_episode(family="shock", days_in_force=2), "month", "tonne")
    assert shock["event"].splitlines()[4] == "under way 2 days"


def test_an_effect_that_the_data_would_show_is_told_in_few_digits_however_large() -> None:
    result = [
        _cells(an_episode(detectable=value), "month", "tonne")["effect"].split("\n")[-2]
        for value in (8.4, 9999.4, 1.3e24)
    ]
    assert result == ["8", "9999", "1.3e+24"]


def test_every_measure_of_the_table_is_explained_below_it_and_nothing_else() -> None:
    weekly = page(an_episode(placebo_rank=None), freq="W-SUN", unit="kg")
    table, _, notes = weekly.partition("\n\nmean effect, %: ")
    for measure in ("a week, kg", "total, kg", "came early, %", "P(over 5 %)", "detectable, %"):
        assert measure in table
        assert f"\n{measure}: " in notes
    for absent in ("unusualness", "P(any effect)", "*", "†", "‡"):
        assert absent not in weekly


def test_a_series_without_an_estimated_effect_says_so_without_the_head_of_a_table() -> None:
    said = "No effect of an event on this series was estimated.\nrun r; no event touches the series\n"
    assert page(method="none") == f"volume.x, tonnes\n\n{said}"
    paths = EffectPaths.model_validate({**FACTS, "not_estimated": [], "notes": [], "data": []})
    assert _periods(answered(), paths) == f"volume.x\n\n{said.splitlines()[0]}\n"


@pytest.mark.parametrize(
    ("word", "size", "said"),
    [
        ("hump-3", -16.0, "a three-month dip"),
        ("hump-3", 16.0, "a three-month hump"),
        ("pulse", -1.0, "a one-month fall"),
        ("step", 1.0, "a lasting rise"),
        ("temporary-26", -1.0, "a 26-month fall"),
        ("ramp-6", -1.0, "a lasting fall that builds up over six months"),
        ("decay-0.8", 1.0, "a rise that fades by 20 % a month"),
        ("forestalled-1-0.8", -1.0, "a fall after one month of the contrary"),
        ("licence-3-0.6", -1.0, "a fall of which 60 % comes back after three months"),
    ],
)
def test_a_shape_is_told_in_words(word: str, size: float, said: str) -> None:
    assert shape_in_words(word, "month", size) == said


def paths(**facts: object) -> list[str]:
    """The page of the periods of one episode: June 2025, 900 t, and July, of which nothing is known."""
    effect, without = estimate(-21.6, -24.4, 0.6), estimate(1147.5, 894.25, 1190.5)
    points = [
        {"episode_id": "ban", "ds": "2025-06-01", "y": 900.0, "effect": effect, "without": without},
        {"episode_id": "ban", "ds": "2025-07-01", "y": None, "effect": effect, "without": None},
    ]
    of_periods = EffectPaths.model_validate({**FACTS, "not_estimated": [], "notes": [], "data": points})
    result = answered(an_episode(event_ids=["ban"], others=[], **facts))
    return [" ".join(line.split()) for line in _periods(result, of_periods).splitlines()]


def test_the_periods_of_an_effect_are_told_with_what_they_come_to() -> None:
    assert paths() == [
        "ban: A ban",
        "",
        "period from observed effect without it low high",
        "─" * 58,
        "2025-06-01 900 -21.6 % 1147.5 894.25 1190.5",
        "2025-07-01 -21.6 %",
        "",
        "ban: in force 1 day, then suspended",
        "without it: the series as it were without the episode, tonnes; low, high: 90 %",
        "interval of that",
        "best fit: a lasting fall (28 %); then a one-month fall (10 %)",
        "on average -22 % (-24 to +1)",
        "larger than 5 %, up or down: P 0.91",
        "the data would have shown a mean effect of 8 % four times in five",
    ]


def test_periods_of_an_effect_that_is_not_identified_are_not_known() -> None:
    """A median of 0 that is nothing but prior would read as no effect, month after month."""
    lines = paths(identified=False, detectable=1.2719e24)
    assert lines[4:6] == ["2025-06-01 900 not known 894.25 1190.5", "2025-07-01 not known"]
    assert lines[10:] == [
        "not known: the data say nothing of it; low and high are what was assumed before",
        "them: -24 to +1 % on average",
        "the data would have shown a mean effect of 1.3e+24 % four times in five",
    ]


def test_notes_say_which_effects_are_told_together_and_which_began_when_nothing_was_traded() -> None:
    quota, ban, after, old = (an_effect(a_ban(name)) for name in ("quota", "ban", "after", "old"))
    quota = replace(quota, episode=replace(quota.episode, told_with="ban"))
    after, old = (replace(one, identified=False, prior_dominated=True) for one in (after, old))
    notes = estimate_notes((quota, ban, after, old), {"after"})
    together = "quota: the data cannot tell its effect from that of ban; told together"
    unseen = "after: nothing was traded any more when it began; its effect is what was assumed"
    assert notes == (together, unseen, "old: the data say nothing of its effect; it is what was assumed before them")
    shown = an_episode(event_ids=["quota", "ban", "after", "old"])
    assert list(_noted(answered(shown, notes=notes))) == [together, unseen]
    assert list(_noted(answered(an_episode(event_ids=["old", "after"]), notes=notes))) == [unseen]


def test_what_is_only_weighed_is_told_from_what_is_not_estimated_and_no_list_is_without_members() -> None:
    weighed = "weighed with the others: 60 months allow three events apart"
    reasons = {
        "ban": weighed,
        "quota": weighed,
        "truce": "is in the path of tariff, on which it acts",
        "relief": "is in the path of duty, on which it acts",
        "old": "began before the sample",
        "odd": "has another reason",
    }
    omitted = [
        {"episode_id": name, "event_ids": [name], "why": why, "weighed": why == weighed}
        for name, why in reasons.items()
    ]
    assert _left_out(answered()) == []
    assert _left_out(answered(omitted=omitted)) == [
        f"not estimated apart: 2 episodes ({weighed}); `orecast effects volume.x --event EVENT` shows one",
        "not estimated: 2 episodes acting on a measure and part of its effect; 1 episode in force from before the "
        "first observation to after the last; 1 episode has another reason",
        "`orecast effects volume.x --format json` names them",
    ]
