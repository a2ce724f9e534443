"""The command line: every command parses, calls and prints; what it calls is in the rest of the package."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from forecast import errors
from forecast.cli.backtests import backtest
from forecast.cli.diversion import diversion
from forecast.cli.duties import duties
from forecast.cli.effects import effects
from forecast.cli.events import events
from forecast.cli.exports import export
from forecast.cli.forecasts import forecast
from forecast.cli.ingest import ingest
from forecast.cli.keys import audit, keys
from forecast.cli.monitor import monitor
from forecast.cli.observations import observations
from forecast.cli.plots import plot
from forecast.cli.publish import publish
from forecast.cli.run import run as run_all
from forecast.cli.run import serve
from forecast.cli.runs import runs
from forecast.cli.scenarios import scenario
from forecast.cli.series import series
from forecast.cli.sources import fetch, sources
from forecast.cli.training import retrain, train, worker

HELP = """\
Forecasts of mineral prices and trade volumes that know about tariffs and export controls.

\b
First steps:
  orecast run                       train, then serve on http://127.0.0.1:8000
  orecast forecast price.copper     the next twelve months
  orecast export                    all forecasts as one CSV file
  orecast export --all FOLDER       and what they rest on, a file each
"""

EPILOG = """\
Exit codes: 0 done; 1 a series failed, or the database or a file cannot be used; \
2 wrong usage, input or setting, or a missing extra of the package; 3 not trained; \
4 no such series, event or run; 5 a stored run is damaged; 130 interrupted.

Settings are environment variables: ORECAST_HOME (here by default), ORECAST_PORT and others; the README has them all.
"""

#: From the most specific error to the least; what is not listed is 1.
EXIT_CODES: tuple[tuple[type[errors.ForecastError], int], ...] = (
    (errors.InvalidInput, 2),
    (errors.Misconfigured, 2),
    (errors.MissingExtra, 2),
    (errors.NotTrained, 3),
    (errors.NotFound, 4),
    (errors.NotEstimated, 4),
    (errors.Retired, 4),
    (errors.CorruptArtifact, 5),
)
INTERRUPTED = 130

app = typer.Typer(
    name="orecast",
    help=HELP,
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print("orecast", version("orecast"))
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="say which version this is")
    ] = False,
) -> None:
    pass


READ, TRAIN, OPERATE = "Read", "Train", "Operate"
app.command("forecast", rich_help_panel=READ)(forecast)
app.command("export", rich_help_panel=READ)(export)
app.command("scenario", rich_help_panel=READ)(scenario)
app.command("plot", rich_help_panel=READ)(plot)
app.add_typer(series, name="series", rich_help_panel=READ)
app.add_typer(events, name="events", rich_help_panel=READ)
app.command("duties", rich_help_panel=READ)(duties)
app.command("effects", rich_help_panel=READ)(effects)
app.command("diversion", rich_help_panel=READ)(diversion)
app.command("backtest", rich_help_panel=READ)(backtest)
app.command("ingest", rich_help_panel=TRAIN)(ingest)
app.add_typer(observations, name="observations", rich_help_panel=TRAIN)
app.command("fetch", rich_help_panel=TRAIN)(fetch)
app.command("sources", rich_help_panel=TRAIN)(sources)
app.command("train", rich_help_panel=TRAIN)(train)
app.command("retrain", rich_help_panel=TRAIN)(retrain)
app.add_typer(runs, name="runs", rich_help_panel=TRAIN)
app.command("monitor", rich_help_panel=OPERATE)(monitor)
app.add_typer(keys, name="keys", rich_help_panel=OPERATE)
app.command("audit", rich_help_panel=OPERATE)(audit)
app.command("publish", rich_help_panel=OPERATE)(publish)
app.command("run", rich_help_panel=OPERATE)(run_all)
app.command("serve", rich_help_panel=OPERATE)(serve)
app.command("worker", rich_help_panel=OPERATE)(worker)


def main() -> NoReturn:
    """Run one command and end the process: a line on stderr for each fault, and an exit code that says the kind."""
    sys.exit(call())


def call(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    try:
        code = app(args=arguments, prog_name="orecast", standalone_mode=False)
    except errors.ForecastError as error:
        return _say(error, next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 1))
    except typer.TyperException as error:
        return _say(error.format_message(), 2)
    except typer.Abort:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (`| head`) has enough; Python would complain once more while it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _say(f"{error.strerror}: {error.filename}" if error.filename else error.strerror or error, 1)
    return code if isinstance(code, int) else 0


def _say(error: object, code: int) -> int:
    for fault in error.faults if isinstance(error, errors.InvalidInput) else [error]:
        if message := " ".join(str(fault).split()):
            print("orecast:", message, file=sys.stderr)
    return code
