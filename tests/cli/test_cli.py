"""The command line: what it prints, where errors go, and that its numbers are those of HTTP and of the files."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from forecast.catalog import Catalog
from forecast.cli import app, call
from forecast.export.finished import verify
from forecast.registry import Registry
from service import create_app
from tests.support.trained_home import COPPER, EARTHS, NICKEL, add_run, clock, make_home, settings_in

AS_OF = str(clock().date())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    make_home(folder)
    return folder


@pytest.fixture(autouse=True)
def environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORECAST_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "80")


def orecast(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> str:
    """What a command prints, in this process."""
    assert call([str(argument) for argument in arguments]) == code
    return capsys.readouterr().out


def process(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """The real command."""
    return subprocess.run(
        [sys.executable, "-m", "forecast.cli", *arguments],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
    )


# -- the same numbers everywhere ---------------------------------------------------------------------------------------

PAIRS = [
    (("forecast", COPPER, "--as-of", AS_OF), f"/v1/forecasts/{COPPER}?as_of={AS_OF}"),
    (
        ("forecast", COPPER, EARTHS, "--as-of", AS_OF, "--h", 6, "--level", "50,90"),
        f"/v1/forecasts?series_id={COPPER},{EARTHS}&as_of={AS_OF}&h=6&level=50,90",
    ),
    (("series",), "/v1/series"),
    (("series", "--measure", "price", "--mineral", "copper"), "/v1/series?measure=price&mineral=copper"),
    (("events", "--as-of", AS_OF), f"/v1/events?as_of={AS_OF}"),
    (
        ("events", "--as-of", "2025-04-03", "--kind", "tariff", "--series", COPPER),
        f"/v1/events?as_of=2025-04-03&kind=tariff&series_id={COPPER}",
    ),
    (
        ("events", "--as-of", AS_OF, "--mineral", "gallium", "--actor", "CHN"),
        f"/v1/events?as_of={AS_OF}&mineral=gallium&actor=CHN",
    ),
    (
        ("events", "--as-of", AS_OF, "--from", "2026-11-01", "--until", "2027-02-01"),
        f"/v1/events/calendar?as_of={AS_OF}&from=2026-11-01&until=2027-02-01",
    ),
    (
        ("events", "--as-of", AS_OF, "--expiring", 150, "--series", EARTHS, "--kind", "truce"),
        f"/v1/events/calendar?as_of={AS_OF}&expiring=150&series_id={EARTHS}&kind=truce",
    ),
    (("runs", "list"), "/v1/runs"),
    (("effects", EARTHS), f"/v1/series/{EARTHS}/effects"),
    (("effects", COPPER), f"/v1/series/{COPPER}/effects"),
    (
        ("effects", EARTHS, "--event", "cn-7ree-licence-2025", "--paths"),
        f"/v1/series/{EARTHS}/effects?event=cn-7ree-licence-2025&detail=path",
    ),
    (("effects", "--class"), "/v1/effects"),
    (("backtest", COPPER), f"/v1/series/{COPPER}/backtest"),
]


@pytest.mark.parametrize(("command", "url"), PAIRS)
def test_it_prints_what_the_service_answers(
    capsys: pytest.CaptureFixture[str], home: Path, command: tuple[object, ...], url: str
) -> None:
    web = create_app(settings_in(home), clock=clock).test_client()
    assert json.loads(orecast(capsys, *command, "--format", "json")) == web.get(url).json
    as_csv = url + ("&" if "?" in url else "?") + "format=csv"
    assert orecast(capsys, *command, "--format", "csv").encode() == web.get(as_csv).data


def test_a_table_shows_the_digits_of_the_csv(capsys: pytest.CaptureFixture[str]) -> None:
    rows = csv.DictReader(io.StringIO(orecast(capsys, "forecast", COPPER, "--format", "csv")))
    shown = orecast(capsys, "forecast", COPPER)
    for row in rows:
        line = next(line for line in shown.splitlines() if line.startswith(row["ds"]))
        assert line.split()[:6] == [row[name] for name in ("ds", "lo-95", "lo-80", "yhat", "hi-80", "hi-95")]
        over = line.split()[-1] == "yes"
        assert over is (row["nowcast"] == "true")


THREATS = """event_id,title,kind,announced,effective,minerals,flows,probability,probability_source,probability_date
own-likely,A likely duty,threat,2026-07-01,2026-12-01,copper,WLD>USA,0.4,Ann,2026-07-01
own-never,A duty that will not be,threat,2026-07-01,2026-12-02,copper,WLD>USA,0,Ann,2026-07-01
own-open,An open duty,threat,2026-07-01,2026-12-03,copper,WLD>USA,,,
"""


def test_only_what_has_no_probability_is_said_to_be_missing_from_the_numbers(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_home(tmp_path)
    monkeypatch.setenv("ORECAST_HOME", str(tmp_path))
    (tmp_path / "events.csv").write_text(THREATS)
    orecast(capsys, "ingest", "--events", tmp_path / "events.csv")
    shown = orecast(capsys, "forecast", COPPER)
    drawn, _, missing = shown.partition("Not in these numbers, since nobody has given a probability:\n")
    assert "- 40%: A likely duty: may start on 1 Dec 2026; probability 0.4 (Ann, 1 Jul 2026)" in " ".join(drawn.split())
    assert "- An open duty: may start on 3 Dec 2026 (own-open)\n" in missing
    assert "own-likely" not in missing
    assert "own-never" not in missing


def test_an_event_that_replaces_another_is_counted_as_replaced(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORECAST_HOME", str(tmp_path))
    file = tmp_path / "events.csv"
    head, first, second, _ = THREATS.splitlines()
    file.write_text("\n".join([head, first]))
    message = "0 series, 0 observations, 0 revised, 1 event; 0 were there already\n"
    assert orecast(capsys, "ingest", "--events", file) == message
    file.write_text("\n".join([head, first.replace("likely duty", "duty"), second]))
    message = "0 series, 0 observations, 0 revised, 1 event, 1 event replaced; 0 were there already\n"
    assert orecast(capsys, "ingest", "--events", file) == message


def test_the_calendar_names_what_returns_and_what_is_not_in_the_forecast(capsys: pytest.CaptureFixture[str]) -> None:
    shown = orecast(capsys, "events", "--as-of", AS_OF, "--from", "2026-11-27", "--until", "2026-11-27")
    assert "2026-11-27  suspension ends  cn-suspension-no72-2025" in shown
    assert "returns: cn-us-ban-gagesb-2024" in shown
    words = " ".join(shown.split())
    assert "not in the forecast, for it touches no series that is served: cn-suspension-no72-2025" in words
    verified = " ".join(
        orecast(capsys, "events", "--as-of", AS_OF, "--from", "2026-12-31", "--until", "2027-01-01").split()
    )
    assert "to be verified again, with the day of the last time: id-nickel-rkab-2026 (2026-02-12)" in verified
    assert "Nothing is known to change" in orecast(
        capsys, "events", "--as-of", AS_OF, "--from", "2040-01-01", "--until", "2040-01-02"
    )


def test_what_has_no_source_and_what_never_took_effect_are_told_in_tables(capsys: pytest.CaptureFixture[str]) -> None:
    shown = orecast(capsys, "events", "--mineral", "copper", "--as-of", AS_OF)
    lines = {line.split()[0]: line.split()[1:] for line in shown.splitlines() if line.strip()}
    assert lines["us-copper-50-threat-2025"] == ["2025-07-08", "never", "enacted"]
    marked = {name for name, words in lines.items() if words[-1:] == ["*"]}
    assert marked
    assert f"* no source recorded: {len(marked)} of " in shown
    assert "no source recorded" in orecast(capsys, "events", sorted(marked)[0], "--as-of", AS_OF)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--from", "2027-01-02", "--until", "2027-01-01"),
            "until = '2027-01-01': expected a day not before 2027-01-02",
        ),
        (("--expiring", "-1"), "expiring = -1: expected a whole number of days from 0"),
        (("cn-7ree-licence-2025", "--expiring", "3"), "an EVENT, or options that choose some, not both"),
        (("--from", "soon"), "'soon' is no day; expected YYYY-MM-DD"),
    ],
)
def test_a_calendar_that_cannot_be_is_refused(
    capsys: pytest.CaptureFixture[str], options: tuple[str, ...], message: str
) -> None:
    assert call(["events", *options]) == 2
    assert message in capsys.readouterr().err


def test_the_table_of_kinds_says_what_each_acts_on(capsys: pytest.CaptureFixture[str]) -> None:
    shown = orecast(capsys, "effects", "--class")
    rows = [line.split() for line in shown.splitlines()[2:]]
    assert {row[1] for row in rows if row[0] in ("ban", "tariff")} == {"world", "local", "volumes", "values"}


def test_an_export_holds_all_forecasts_and_can_be_verified(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "all.csv"
    message = orecast(capsys, "export", COPPER, NICKEL, "--output", file, "--horizon", 3, "--origin", "last")
    assert re.fullmatch(rf"{re.escape(str(file))}: 6 rows of 2 series, sha256 [0-9a-f]{{64}}\n", message)
    assert verify(file) == 6
    assert {row["series_id"] for row in csv.DictReader(file.read_text().splitlines())} == {COPPER, NICKEL}


def test_an_export_names_what_is_not_trained(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert call(["export", COPPER, "price.zinc", "--origin", "last", "--output", str(tmp_path / "some.csv")]) == 1
    printed = capsys.readouterr()
    assert "12 rows of 1 series" in printed.out
    assert "price.zinc" in printed.err
    assert call(["export", "price.zinc", "--output", str(tmp_path / "none.csv")]) == 3
    assert not (tmp_path / "none.csv").exists()


def test_where_nothing_is_trained_an_export_says_just_that(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORECAST_HOME", str(tmp_path))
    assert call(["export", "--output", str(tmp_path / "all.csv")]) == 3
    assert capsys.readouterr().err == "orecast: nothing is trained; run: orecast train\n"
    assert orecast(capsys, "effects", "--class", "--format", "json").count('"median": 0.0,') == 64


# -- where it goes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["copper.csv", "copper.json", "copper.txt"])
def test_the_name_of_the_file_says_the_format(capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    assert orecast(capsys, "forecast", COPPER, "--output", file) == ""
    formats = {"csv": "csv", "json": "json", "txt": "table"}
    assert file.read_bytes().decode() == orecast(capsys, "forecast", COPPER, "--format", formats[name[7:]])
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_tables_fit_eighty_columns(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (
        ["forecast", EARTHS],
        ["series"],
        ["series", COPPER],
        ["events"],
        ["events", "cn-7ree-licence-2025"],
        ["effects", EARTHS],
        ["effects", EARTHS, "--paths"],
        ["effects", "--class"],
        ["runs", "list"],
    ):
        lines = orecast(capsys, *command).splitlines()
        assert lines
        assert max(map(len, lines)) <= 80, command
        assert not any("…" in line for line in lines if command[0] != "effects"), f"{command} cuts something off"


def test_a_reader_that_has_enough_hears_no_complaint() -> None:
    done = subprocess.run(
        f"{sys.executable} -m forecast.cli events --format csv | head -n 1", shell=True, capture_output=True, text=True
    )
    assert done.stdout.startswith("event_id,")
    assert done.stderr == ""


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["forecast", "price.coper"], 4, "no series 'price.coper'; nearest: price.copper"),
        (["forecast", "price.zinc"], 3, "run: orecast train price.zinc"),
        (["forecast", COPPER, "--horizon", "25"], 2, "24"),
        (["forecast", COPPER, "--horizon", "x"], 2, "Input should be a valid integer"),
        (["forecast", COPPER, "--level", "101"], 2, "--level = '101': expected a whole percentage from 1 to 99"),
        (["forecast", COPPER, "--as-of", "yesterday"], 2, "expected YYYY-MM-DD"),
        (["forecast", COPPER, "--as-of", "2026-07-01"], 2, "as_of = '2026-07-01': expected 2026-07-10 or later"),
        (["effects", COPPER, "--class"], 2, "a SERIES, or --class alone"),
        (
            ["effects", COPPER, "--event", "cn-7ree-licence"],
            4,
            "no event 'cn-7ree-licence'; nearest: cn-7ree-licence-2025",
        ),
        (["events", "cn-7ree-license-2025"], 4, "nearest: cn-7ree-licence-2025"),
        (["runs", "show", COPPER, "never"], 4, "no run 'never'"),
        (["train", "price.coper"], 4, "nearest: price.copper"),
        (["train", COPPER, "--family", "profet"], 4, "prophet"),
        (["forcast", COPPER], 2, "Did you mean 'forecast'?"),
        (["forecast", COPPER, "--output", "/nowhere/file.csv"], 2, "/nowhere"),
    ],
)
def test_an_error_is_one_line_and_a_code(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, says: str
) -> None:
    assert call(arguments) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert printed.err.startswith("orecast: ")
    assert says in printed.err


def test_a_wrong_setting_is_an_error_like_any_other() -> None:
    done = process("series", ORECAST_PORT="http")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "orecast: ORECAST_PORT = 'http': expected a whole number from 1 to 65535\n"


# -- runs --------------------------------------------------------------------------------------------------------------


def test_a_run_is_promoted_and_rolled_back(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_home(tmp_path)
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    before, after = registry.champion_id(NICKEL), add_run(registry, catalog, NICKEL, level=2.0, name="b")
    catalog.close()
    monkeypatch.setenv("ORECAST_HOME", str(tmp_path))
    assert orecast(capsys, "runs", "promote", NICKEL, after) == f"{NICKEL}: {after} serves\n"
    assert json.loads(orecast(capsys, "runs", "show", NICKEL))["run"] == after
    assert orecast(capsys, "runs", "rollback", NICKEL) == f"{NICKEL}: {before} serves\n"
    assert call(["runs", "rollback", NICKEL]) == 4


# -- to a stranger -----------------------------------------------------------------------------------------------------


def commands() -> list[str]:
    group = get_command(app)
    names = []
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        names += [f"{name} {sub}" for sub in command.commands] if hasattr(command, "commands") else [name]
    return names


@pytest.mark.parametrize("command", commands())
def test_the_help_of_every_command_shows_how_it_is_used(capsys: pytest.CaptureFixture[str], command: str) -> None:
    shown = orecast(capsys, *command.split(), "--help")
    examples = re.findall(r"^ *(?:[A-Z_]+=\S+ |'[^']*' )*orecast (.*?) *$", shown.split("Example")[1], re.MULTILINE)
    assert examples
    assert all(example.startswith(command) for example in examples)
    assert max(map(len, shown.splitlines())) <= 80


def test_a_forecast_comes_fast_and_without_the_heavy_libraries(home: Path) -> None:
    heavy = ("pandas", "scipy", "statsmodels", "prophet", "matplotlib", "joblib", "dbos", "flask")
    code = f"""import sys; from forecast.cli import call; call(["forecast", "{COPPER}"])
print([name for name in {heavy} if name in sys.modules])"""
    before = seconds_of_children()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert seconds_of_children() - before < 2


def seconds_of_children() -> float:
    """What finished child processes have computed: unlike the time of day it does not depend on who else computes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# -- one's own data ----------------------------------------------------------------------------------------------------

SERIES = """series_id,mineral,measure,role,unit,freq,release_lag_days
price.own,copper,price,target,USD/t,M,5
price.too-short,copper,price,target,USD/t,M,5
"""


def test_own_series_are_taken_in_trained_and_forecast(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORECAST_HOME", str(tmp_path))
    series, values = tmp_path / "series.csv", tmp_path / "values.csv"
    series.write_text(SERIES)
    months = [f"{year}-{month:02}" for year in (2024, 2025) for month in range(1, 13)]
    lines = [f"price.own,{month},{100 + i % 7}" for i, month in enumerate(months)]
    values.write_text("\n".join(["series_id,period,value", *lines, "price.too-short,2025-12,100"]) + "\n")
    message = orecast(capsys, "ingest", values, "--series", series)
    assert message == "2 series, 25 observations, 0 revised, 0 events; 0 were there already\n"
    assert orecast(capsys, "ingest", values).endswith("; 25 were there already\n")
    one = tmp_path / "one.csv"
    one.write_text("".join(values.read_text().splitlines(keepends=True)[:2]))
    assert orecast(capsys, "ingest", one).endswith("; 1 was there already\n")

    assert call(["train", "price.own", "price.too-short"]) == 1
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1] == "1 trained; 1 failed"
    assert re.fullmatch(r"orecast: price.too-short: failed \(.*\)\n", printed.err)
    assert list(json.loads((tmp_path / "models" / "classes.json").read_text())["runs"]) == ["price.own"]
    assert orecast(capsys, "train", "price.own").splitlines()[-1] == "1 current"

    made = json.loads(orecast(capsys, "forecast", "price.own", "--format", "json", "--horizon", 1, "--origin", "last"))
    assert [row["ds"] for row in made["data"]] == ["2026-01-01"]
    assert made["unit"] == "USD/t"


def test_bad_rows_are_named_one_a_line_and_nothing_is_taken_in(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    values = tmp_path / "values.csv"
    values.write_text("series_id,ds,value\nprice.copper,2026-07-01,13000\nprice.coper,2026-07-01,1\nprice.copper,x,y\n")
    before = orecast(capsys, "forecast", COPPER)
    assert call(["ingest", str(values)]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert [re.match(r"orecast: .*values\.csv:(\d): (\w+) = ", line).groups() for line in errors] == [  # type: ignore[union-attr]
        ("3", "series_id"),
        ("4", "ds"),
        ("4", "value"),
    ]
    assert orecast(capsys, "forecast", COPPER) == before


# -- pictures and scenarios --------------------------------------------------------------------------------------------


def test_a_picture_is_drawn(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "copper.png"
    assert orecast(capsys, "plot", COPPER, "--output", file) == f"{file}\n"
    assert file.read_bytes().startswith(b"\x89PNG")


SCENARIOS = f"""
series: [{EARTHS}, {COPPER}]
as_of: "{AS_OF}"
h: 12
scenarios:
  - name: controls-return
    probability: 0.3
    take:
      - branch: cn-suspension-no70-2025
"""


def test_scenarios_are_told_beside_the_baseline(capsys: pytest.CaptureFixture[str], tmp_path: Path, home: Path) -> None:
    file = tmp_path / "question.yaml"
    file.write_text(SCENARIOS)
    shown = orecast(capsys, "scenario", file)
    assert f"{EARTHS}, tonne: sum of the year from 2026-08-01" in shown
    assert re.search(r"^baseline +70 % ", shown, re.MULTILINE)
    assert re.search(r"^controls-return +30 % +[0-9,]+( +[+-][0-9,.]+| +0){4}$", shown, re.MULTILINE)
    assert "controls-return: differs from the period 2026-11-01 on, and rests on\n- " in shown
    assert "    beside it cn-" in shown
    assert max(map(len, shown.splitlines())) <= 80
    periods = orecast(capsys, "scenario", file, "--periods")
    assert f"{EARTHS}, tonne: controls-return, probability 0.3" in periods
    assert max(map(len, periods.splitlines())) <= 80
    question = yaml.safe_load(SCENARIOS)
    web = create_app(settings_in(home), clock=clock).test_client()
    there = web.post("/v1/scenarios", json=question).get_json()["data"]
    here = json.loads(orecast(capsys, "scenario", file, "--format", "json"))["data"]
    assert here == there
    as_csv = web.post("/v1/scenarios?format=csv", json=question).data
    assert orecast(capsys, "scenario", file, "--format", "csv").encode() == as_csv

    file.write_text(f"series: [{EARTHS}]\nscenarios: []\nh: 3\norigin: last\n")
    shown = orecast(capsys, "scenario", file)
    days = [line.split()[0] for line in shown.splitlines() if line.startswith("2026-")]
    assert shown.startswith(f"{EARTHS}, tonne: baseline\n\nperiod from")
    assert len(days) == 3
    assert "difference" not in shown

    file.write_text(SCENARIOS.replace("0.3", "1.3"))
    assert call(["scenario", str(file)]) == 2
    assert "scenarios.0.probability = 1.3" in capsys.readouterr().err
