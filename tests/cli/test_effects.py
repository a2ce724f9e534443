"""What the command line makes of one thing: a page of a forecast, a row of an effect, levels, an error's exit code."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import typer

from forecast import cli, errors
from forecast.answers.forecast import Forecast, Row
from forecast.cli import call, options
from forecast.cli.effects import _cells, _explained, _left_out, _noted, _periods
from forecast.cli.forecasts import _page
from forecast.effects.diagnostics import said
from forecast.effects.episodes import Omitted
from forecast.effects.record import EffectRecord
from forecast.events import Branch
from forecast.export.effects import untold
from forecast.timeseries.frequency import parse_freq
from forecast.timeseries.series import Series
from tests.support.small_world import a_ban, an_effect
from tests.support.trained_home import COPPER, NICKEL, make_home


def a_page(branches: tuple[Branch, ...]) -> str:
    series = Series("price.x", "x", "price", "target", "world", "WLD", "WLD", "USD/t", "M", 5)
    day, rows = dt.date(2026, 7, 15), (Row(dt.date(2026, 7, 1), 1, 2.5, {80: (2.0, 3.0), 95: (1.0, 4.0)}),)
    return _page(Forecast(series, "2026-06-01-a", day, None, "baseline", (80, 95), rows, branches, ("a note",)))


def test_the_page_of_a_forecast_says_what_it_is_and_what_it_rests_on() -> None:
    assert [line.rstrip() for line in a_page(()).splitlines()] == [
        "price.x, USD/t",
        "",
        "period from  lo-95  lo-80  yhat  hi-80  hi-95",
        "─────────────────────────────────────────────",
        "2026-07-01     1.0    2.0   2.5    3.0    4.0",
        "",
        "run 2026-06-01-a; as of 2026-07-15, events known to no day",
        "a note",
    ]


def test_a_page_says_nothing_is_missing_where_every_branch_has_a_probability() -> None:
    drawn = Branch("e", "e", ("e",), dt.date(2027, 1, 1), 0.4, False, "Drawn")
    late = Branch("f", "f", ("f",), dt.date(2026, 1, 1), None, True, "Open")
    assert "Not in these numbers" not in a_page((drawn,))
    assert a_page((drawn, late)).splitlines()[-2:] == [
        "Not in these numbers, for want of a probability:",
        "- 2026-01-01: unconfirmed: Open (f)",
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
    assert call(["forecast", NICKEL]) == 3
    assert call(["forecast", COPPER, "--output", str(tmp_path / f"{'x' * 255}.csv")]) == 1
    assert "File name too long" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "found"), [(None, [80, 95]), (["95,50"], [95, 50]), (["1", "99", "1"], [1, 99]), ([" 7 , 8"], [7, 8])]
)
def test_levels_are_read_in_their_order_each_once(given: list[str] | None, found: list[int]) -> None:
    assert options.levels(given) == found


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
    row = {**ROW, "identified": identified, "prior_dominated": prior_dominated, "apart": apart}
    lines = _cells(row, "month")["effect"].splitlines()
    assert lines[0] == (f"-22 %{mark}" if identified else f"not known{mark}")
    assert lines[1:] == (["-885 a month", "-10,600 in 12", "-4 % before"] if identified else [])


#: A ban of April 2025 on a flow, in an episode of three.
ROW = {
    "episode": "ban",
    "days_in_force": 1448,
    "events": ["ban", "again", "more"],
    "start": "2025-04-04",
    "average": {"median": -21.6, "lo-90": -24.4, "hi-90": 0.6},
    "anticipation": {"median": -4.4, "lo-90": -8.6, "hi-90": 1.4},
    "amount": {"median": -884.6, "lo-90": -999.6, "hi-90": 0.02134},
    "cumulated_after": {"median": -10615.3, "lo-90": -12345.6, "hi-90": 0.256},
    "observed": 12,
    "acts": 0.987,
    "relevant": 0.914,
    "relevant_size": 5.0,
    "detectable": 8.4,
    "identified": True,
    "prior_dominated": False,
    "apart": True,
    "placebo_rank": 0.975,
}


def test_an_effect_is_told_in_percent_in_the_unit_and_in_sum_with_all_its_events() -> None:
    assert _cells(ROW, "month") == {
        "episode": "ban\n+again\n+more\nfrom 2025-04-04\nin force 1,448 days",
        "effect": "-22 %\n-885 a month\n-10,600 in 12\n-4 % before",
        "interval": "-24 to +1\n-1,000 to +0.0213\n-12,300 to +0.256\n-9 to +1",
        "relevant": "0.91",
        "detectable": "8 %",
        "rank": "0.97",
    }
    price = {
        **ROW,
        "cumulated_after": None,
        "anticipation": None,
        "amount": {"median": 3e9, "lo-90": -9.5, "hi-90": 4e9},
    }
    told = _cells(price, "month")
    assert told["effect"] == "-22 %\n+3e+09 on average"
    assert told["interval"] == "-24 to +1\n-9.5 to +4e+09"
    nothing = {**ROW, "average": None, "amount": None, "anticipation": None, "relevant": None, "detectable": None}
    told = _cells(nothing, "month")
    assert [told[name] for name in ("effect", "interval", "relevant", "detectable")] == ["none yet", "", "", ""]


def test_an_effect_whose_median_is_none_says_so_and_how_likely_there_is_any() -> None:
    idle = {
        **ROW,
        "average": {"median": 0.0, "lo-90": -0.6, "hi-90": 14.4},
        "anticipation": None,
        "acts": 0.354,
        "relevant": 0.09,
    }
    told = _cells(idle, "month")
    assert (told["effect"], told["interval"]) == ("none found\nP(any) 0.35", "-1 to +14\n")
    # one that may well matter is not none, whatever its median
    assert _cells({**idle, "relevant": 0.11}, "month")["effect"].splitlines()[0] == "+0 %"
    # one of which the data say nothing is not one that was not found
    assert _cells({**idle, "identified": False}, "month")["effect"] == "not known†"


def test_a_table_says_how_long_an_event_was_in_force() -> None:
    told = [_cells({**ROW, "days_in_force": days}, "month")["episode"].splitlines()[4:] for days in (31, 1, 0, None)]
    assert told == [["in force 31 days"], ["in force 1 day"], ["never in force"], []]


def test_an_effect_that_the_data_would_show_is_told_in_few_digits_however_large() -> None:
    told = [_cells({**ROW, "detectable": value}, "month")["detectable"] for value in (8.4, 9999.4, 1.2719e24)]
    assert told == ["8 %", "9999 %", "1.3e+24 %"]


def test_sums_are_of_as_many_periods_as_were_observed_and_the_note_names_no_number() -> None:
    weekly: Any = SimpleNamespace(series=SimpleNamespace(is_price=False, unit="t"))
    assert next(iter(_explained(ROW, weekly, "week", False))) == (
        "a week: in t, mean over the first year; in so many: summed over the weeks of it that were observed"
    )


SHAPES = [{"shape": "step", "weight": 0.279}, {"shape": "pulse", "weight": 0.1}]
FACTS = {"title": "A ban", "standing": "in force 1 day, then suspended", "others": [], "shapes": SHAPES}


def paths(monkeypatch: pytest.MonkeyPatch, **facts: Any) -> list[str]:
    """The page of the periods of one episode: June 2025, 900 t, and July, of which nothing is known."""
    band = {"median": -21.6, "lo-90": -24.4, "hi-90": 0.6}
    without = {"median": 1147.5, "lo-90": 894.25, "hi-90": 1190.5}
    points = [
        {"episode": "ban", "ds": "2025-06-01", "y": 900.0, "effect": band, "without": without},
        {"episode": "ban", "ds": "2025-07-01", "y": None, "effect": band, "without": None},
    ]
    monkeypatch.setattr("forecast.export.effects.path_rows", lambda _: points)
    monkeypatch.setattr("forecast.export.effects.effect_rows", lambda _: [{**ROW, "events": ["ban"], **FACTS, **facts}])
    found: Any = SimpleNamespace(series=SimpleNamespace(unit="t"))
    return [" ".join(line.split()) for line in _periods(found).splitlines()]


def test_the_periods_of_an_effect_are_told_with_what_they_come_to(monkeypatch: pytest.MonkeyPatch) -> None:
    assert paths(monkeypatch) == [
        "ban: A ban",
        "",
        "period from observed effect without low high",
        "─" * 55,
        "2025-06-01 900 -21.6 % 1147.5 894.25 1190.5",
        "2025-07-01 -21.6 %",
        "",
        "ban: in force 1 day, then suspended",
        "without: the series as it were without it, t; low, high: 90 % interval of that",
        "the data favour step 28 %, pulse 10 %",
        "on average -22 % (-24 to +1)",
        "larger than 5 %, up or down: P 0.91",
        "the data would have shown an average effect of 8 % four times in five",
    ]


def test_periods_of_an_effect_that_is_not_identified_are_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A median of 0 that is nothing but prior would read as no effect, month after month."""
    lines = paths(monkeypatch, identified=False, detectable=1.2719e24)
    assert lines[4:6] == ["2025-06-01 900 not known 894.25 1190.5", "2025-07-01 not known"]
    assert lines[9:] == [
        "not identified: the data say nothing of it; low and high are what was assumed",
        "before them: -24 to +1 % on average",
        "the data would have shown an average effect of 1.3e+24 % four times in five",
    ]


def test_notes_say_which_effects_are_told_together_and_which_began_when_nothing_was_traded() -> None:
    quota, ban, after, old = (an_effect(a_ban(name)) for name in ("quota", "ban", "after", "old"))
    quota = replace(quota, episode=replace(quota.episode, told_with="ban"))
    after, old = (replace(one, identified=False, prior_dominated=True) for one in (after, old))
    effects = quota, ban, after, old
    none = EffectRecord.none(400, parse_freq("M"), np.datetime64("2030-06-01"))
    record = replace(none, effects=effects, notes=said(effects, {"after"}))
    together = "quota: the sample cannot part it from ban; told together"
    unseen = "after: nothing was traded any more when it began; its effect is the prior"
    assert record.notes == (together, unseen, "old: the sample cannot tell its effect; it is the prior")
    assert list(_noted(record, {"quota", "ban", "after", "old"})) == [together, unseen]
    assert list(_noted(record, {"old", "after"})) == [unseen]


def test_what_is_only_weighed_is_told_from_what_is_left_out() -> None:
    weighed = "weighed with the others, but not reported apart: 60 periods can bear 3"
    omitted = (
        Omitted("ban", ("ban",), weighed),
        Omitted("quota", ("quota",), weighed),
        Omitted("truce", ("truce",), "is in the path of tariff, on which it acts"),
        Omitted("relief", ("relief",), "is in the path of duty, on which it acts"),
        Omitted("old", ("old",), "began before the sample"),
    )
    omitted += (Omitted("pause", ("pause",), weighed),)  # told with the licence, and so not left out
    told_with = {"licence": "", "ban": "", "quota": "", "pause": "licence"}
    effects = tuple(
        replace(one, episode=replace(one.episode, apart=name == "licence", told_with=other))
        for name, other in told_with.items()
        for one in [an_effect(a_ban(name))]
    )
    record = replace(EffectRecord.none(400, parse_freq("M"), np.datetime64("2030-06-01")), effects=effects)
    assert _left_out(record) == []
    assert untold(record.of("volume.ore", omitted)) == list(omitted[:-1])
    assert _left_out(record.of("volume.ore", omitted)) == [
        "2 episodes: weighed with the others, but not reported apart: 60 periods can bear 3; --event shows one",
        "left out, by reason (2: is in the path; 1: began before the sample)",
        "--format json names them",
    ]
