"""``orecast events inbox``: what official notices suggest as events, until somebody accepts or dismisses it."""

from __future__ import annotations

import datetime as dt
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecast.cli.event_edits import KnownAt, Why, with_facts
from forecast.cli.ingest import Encoding
from forecast.cli.options import By, ListingCommands, person
from forecast.cli.output import FormatOption, Out, OutputOption, lines
from forecast.cli.session import session
from forecast.wording import counted

if TYPE_CHECKING:
    from forecast.answers.inbox import CandidateList
    from forecast.cli.output import Line
    from forecast.jobs.event_edits import Author

_WAITING = ("event_id", "published", "kind", "effective", "minerals")
#: Minerals of a candidate that a table names.
_TOLD = 3
_ALL = ("event_id", "published", "outcome", "became", "by")

CandidateArgument = Annotated[str, typer.Argument(metavar="CANDIDATE", help="id of a candidate, such as fr-2025-14893")]

inbox = typer.Typer(cls=ListingCommands, rich_markup_mode="rich", subcommand_metavar="[CANDIDATE] | COMMAND")


@inbox.callback()
def group() -> None:
    """List what official notices suggest as events; accept, merge or dismiss it.

    `orecast fetch federal-register` brings them. A candidate does nothing: no
    forecast, effect or training knows it until somebody accepts it. Without a
    command it is `orecast events inbox show`.

    \b
    Examples:
      orecast events inbox
      orecast events inbox --all --format csv
      orecast events inbox fr-2025-14893
      orecast events inbox accept fr-2025-14893 --price-world up
    """


@inbox.command()
def show(
    candidate_id: Annotated[
        str | None, typer.Argument(metavar="[CANDIDATE]", help="one candidate, with all its facts and doubts")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="list also what was settled, how and by whom")] = False,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """List the candidates that wait, or show one; the word show may be left out.

    \b
    Examples:
      orecast events inbox show
      orecast events inbox show --all --format csv
      orecast events inbox show fr-2025-14893 --format json
    """
    from forecast.answers.inbox import candidate
    from forecast.answers.inbox import inbox as listed

    if candidate_id is not None and every:
        raise typer.BadParameter("a CANDIDATE, or --all, not both")
    out = Out(format, output)
    with session() as s:
        if candidate_id is not None:
            out.answer(candidate(s.catalog, candidate_id), instead=_one)
            return
        found = listed(s.catalog, settled=every)
    out.answer(
        found, _ALL if every else _WAITING, wrap=("event_id", "minerals", "by"), instead=_listed, below=_below(found)
    )


@inbox.command()
@with_facts
def accept(
    candidate_id: CandidateArgument,
    called: Annotated[
        str | None, typer.Option("--as", metavar="EVENT", help="id of the event; the candidate's by default")
    ] = None,
    unset: Annotated[
        list[str] | None, typer.Option("--unset", metavar="FACT", help="leave this fact empty (may be repeated)")
    ] = None,
    why: Why = "",
    by: By = None,
    *,
    facts: dict[str, str],
) -> None:
    """Make a candidate an event of your own, as it is or with other facts.

    It is checked as a file is, and known from the day on which it was
    announced. You hear which series it touches and what it lacks: notices
    tell no expected directions.

    \b
    Examples:
      orecast events inbox accept fr-2025-14893
      orecast events inbox accept fr-2025-14893 --as us-copper-2025
        --minerals copper-semis --price-world up --volume down
    """
    from forecast.jobs.inbox import accept as accepted

    with session() as s:
        _tell(accepted(s.catalog, candidate_id, called, facts, unset or (), _author(None, why, by)))


@inbox.command()
def merge(
    candidate_id: CandidateArgument,
    event_id: Annotated[str, typer.Argument(metavar="EVENT", help="id of the event that it tells of")],
    known_at: KnownAt = None,
    why: Why = "",
    by: By = None,
) -> None:
    """Let a candidate add its source to an event, and facts of which that says nothing.

    What the event says stays. The change is an amendment: it counts from now
    on, or from --known-at.

    \b
    Examples:
      orecast events inbox merge fr-2025-14893 us-s232-copper-2025
    """
    from forecast.jobs.inbox import merge as merged

    with session() as s:
        _tell(merged(s.catalog, candidate_id, event_id, _author(known_at, why, by)))


@inbox.command()
def dismiss(candidate_id: CandidateArgument, why: Why = "", by: By = None) -> None:
    """Say that a candidate is no event; its document does not come again.

    \b
    Examples:
      orecast events inbox dismiss fr-2025-14893 --why "concerns no traded good"
    """
    from forecast.jobs.inbox import dismiss as dismissed

    if not why:
        raise typer.BadParameter("say --why")
    with session() as s:
        _tell(dismissed(s.catalog, candidate_id, _author(None, why, by)))


@inbox.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="a CSV or XLSX extract")],
    encoding: Encoding = "",
) -> None:
    """Take in an extract of Global Trade Alert as candidates, without a network.

    It is what the data center of www.globaltradealert.org hands out, with a
    row for each intervention. What it says of minerals comes into the inbox;
    an intervention comes once.

    \b
    Examples:
      orecast events inbox import interventions.csv
    """
    from forecast.jobs.inbox import import_extract

    with session() as s:
        _tell(import_extract(s.catalog, file, dt.datetime.now(dt.UTC), encoding))


def _author(known: str | None, why: str, by: str | None) -> Author:
    from forecast.jobs.event_edits import Author, known_at

    now = dt.datetime.now(dt.UTC)
    return Author(person(by), known_at(known, now), now, why)


def _tell(notes: Iterable[str]) -> None:
    print(lines(notes).strip())


def _listed(line: Line) -> Line:
    """A line of the list: below the id its title, what it may be most likely, and how much is doubtful."""
    first, doubts = str(line["may_be"]).partition(":")[0], str(line["doubts"])
    more = [textwrap.shorten(str(line["title"]), 90, placeholder=" …")]
    called, _, same = first.partition(" (")
    more += [f"may {'be' if 'same' in same else 'change'} {called}"] if called else []
    more += [counted(len(doubts.split(";")), "doubt")] if doubts else []
    minerals = str(line["minerals"]).split(";")
    told = (
        f"{', '.join(minerals[:_TOLD])} and {len(minerals) - _TOLD} more"
        if len(minerals) > _TOLD
        else ", ".join(minerals)
    )
    return {"event_id": "\n".join([f"{line['event_id']}", *more]), "minerals": told}


def _one(line: Line) -> Line:
    return {name: str(line[name]).replace(";", "\n") for name in ("doubts", "may_be", "cites")}


def _below(found: CandidateList) -> Iterable[str]:
    waiting = sum(one.outcome is None for one in found.data)
    yield f"{counted(waiting, 'candidate')} waiting; none of them moves a forecast" if waiting else "Nothing waits."
