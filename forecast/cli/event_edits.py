"""``orecast events add``, ``amend``, ``retire``, ``history``, ``check``: events by hand, and what is wrong in them."""

from __future__ import annotations

import datetime as dt
import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecast.cli.options import AsOf, person
from forecast.cli.output import FormatOption, Out, OutputOption, lines
from forecast.cli.session import session

if TYPE_CHECKING:
    from forecast.jobs.event_edits import Author

#: The facts of an event, each an option; what they may be is said in data/README.md.
FACT_OPTIONS = {
    "title": "what it is, in a line",
    "kind": "tariff, export_control, licence, truce, threat, …",
    "actor": "who acts, such as CHN",
    "targets": "against whom, joined by ;",
    "announced": "day on which it was announced: from it on it is known",
    "effective": "first day on which it applies",
    "ended": "its last day",
    "end_known": "day from which the end could be known",
    "date_precision": "day, month or year",
    "status": "enacted, threatened, lapsed, suspended or withdrawn",
    "status_as_of": "day of the evidence for the status",
    "status_note": "what is to be said of it",
    "instrument": "the legal text",
    "value_before": "rate or amount before",
    "value_after": "rate or amount after",
    "value_unit": "unit of both, such as pp ad valorem",
    "value_text": "a value that is no number",
    "intensity": "how strong it is, in words",
    "minerals": "slugs of minerals, joined by ;",
    "scope_note": "which goods it covers",
    "flows": "exporter>importer, joined by ;",
    "price_world": "up, down, flat, mixed or unclear",
    "price_local": "the same, in --local-market",
    "local_market": "market of --price-local",
    "volume": "expected direction of the flows",
    "mechanism": "why these directions are expected",
    "acts": "relation:event, joined by ;",
    "certainty": "verified, partly or background",
    "sources": "where it is told, joined by ;",
    "needs_recheck": "yes or no",
    "probability": "0 to 1, that a threat comes or what is suspended returns",
    "probability_source": "who gives it, a person or an address",
    "probability_date": "day of which it is",
}

EventArgument = Annotated[str, typer.Argument(metavar="EVENT", help="id of an event")]
KnownAt = Annotated[
    str | None,
    typer.Option("--known-at", metavar="DAY", help="since when it is known, if it was learned earlier; now by default"),
]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="the reason, kept with the change")]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="who says so; your login by default")]


def with_facts(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for each fact of an event; those that are given it gets as ``facts``."""
    own = inspect.signature(command, eval_str=True).parameters.values()
    options = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                str | None, typer.Option(f"--{name.replace('_', '-')}", help=meaning, rich_help_panel="Facts")
            ],
        )
        for name, meaning in FACT_OPTIONS.items()
    ]

    @wraps(command)
    def run(**given: object) -> None:
        facts = {name: str(given[name]) for name in FACT_OPTIONS if given[name] is not None}
        command(**{name: value for name, value in given.items() if name not in FACT_OPTIONS}, facts=facts)

    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own if each.name != "facts"]
    vars(run)["__signature__"] = inspect.Signature([*parameters, *options])
    return run


@with_facts
def add(
    event_id: Annotated[str | None, typer.Argument(metavar="[EVENT]", help="a new id, such as us-duty-2026")] = None,
    file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="instead: a CSV or YAML file of new events")
    ] = None,
    *,
    facts: dict[str, str],
) -> None:
    """Add an event of your own.

    It is checked as a file is, and known from the day on which it was
    announced: a backtest before that day does not see it. You hear which
    series it touches, whether training is due, and what it lacks.

    \b
    Examples:
      orecast events add us-duty-2026 --title "US duty on copper" --kind tariff
        --announced 2026-11-20 --effective 2027-01-01 --minerals copper
      orecast events add --file events.yaml
    """
    from forecast.jobs.event_edits import add_event, add_events

    if (event_id is None) == (file is None) or (file is not None and facts):
        raise typer.BadParameter("an EVENT with its facts, or a --file alone")
    now = dt.datetime.now(dt.UTC)
    with session() as s:
        _tell(add_events(s.catalog, file, now) if file else add_event(s.catalog, str(event_id), facts, now))


@with_facts
def amend(
    event_id: EventArgument,
    unset: Annotated[
        list[str] | None, typer.Option("--unset", metavar="FACT", help="leave this fact empty (may be repeated)")
    ] = None,
    known_at: KnownAt = None,
    why: Why = "",
    by: By = None,
    *,
    facts: dict[str, str],
) -> None:
    """Change facts of an event: only those that are named.

    The change counts from now on, or from --known-at; as of an earlier day
    what was believed then stays. You hear what changes, and whether training
    is due or only the next answers are others.

    \b
    Examples:
      orecast events amend cn-suspension-no70-2025 --ended 2027-01-10
      orecast events amend us-duty-2026 --status withdrawn --ended 2026-12-01
      orecast events amend us-duty-2026 --unset probability
    """
    from forecast.jobs.event_edits import amend_event

    if not facts and not unset:
        raise typer.BadParameter("name a fact that changes, such as --ended 2026-11-10, or one to --unset")
    with session() as s:
        _tell(amend_event(s.catalog, event_id, facts, unset or (), _author(known_at, why, by)))


def retire(
    event_id: EventArgument,
    undo: Annotated[bool, typer.Option("--undo", help="bring it back")] = False,
    known_at: KnownAt = None,
    why: Why = "",
    by: By = None,
) -> None:
    """Take an event back that should not be there, without deleting anything.

    From now on, or from --known-at, no answer knows it; as of an earlier day
    it is still known. An event that is over is no case for this: amend its
    status and its end.

    \b
    Examples:
      orecast events retire us-duty-2026 --why "was a rumour"
      orecast events retire us-duty-2026 --undo
    """
    from forecast.jobs.event_edits import bring_back_event, retire_event

    if not undo and not why:
        raise typer.BadParameter("say --why")
    with session() as s:
        _tell((bring_back_event if undo else retire_event)(s.catalog, event_id, _author(known_at, why, by)))


def history(event_id: EventArgument, format: FormatOption = None, output: OutputOption = None) -> None:
    """Show what was recorded of an event: when, by whom, and what it changed.

    \b
    Examples:
      orecast events history cn-suspension-no70-2025
      orecast events history us-duty-2026 --format csv
    """
    from forecast.answers.event_records import event_history

    out = Out(format, output)
    with session() as s:
        out.answer(event_history(s.catalog, event_id), ("known", "action", "by", "changes", "why"), wrap=_WRAP)


def check(
    event_ids: Annotated[list[str] | None, typer.Argument(metavar="[EVENT]...", help="only these events")] = None,
    as_of: AsOf = None,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Find what contradicts itself in the events, and what should be looked at.

    A contradiction cannot be so: an end before the beginning that nothing
    tells of, a suspension of nothing, a status that the dates deny. A reminder
    is something to look up. The exit code is 1 if anything contradicts itself.

    \b
    Examples:
      orecast events check
      orecast events check us-duty-2026 --format json
    """
    from forecast.answers.event_records import finding_list

    out = Out(format, output)
    with session() as s:
        day = s.day(as_of)
        # Of today also what hides itself: an event that is announced in a hundred years is known on no day.
        found = finding_list(s.catalog.events(as_of), day, event_ids or ())
    out.answer(found, ("event_id", "severity", "what", "do"), wrap=_WRAP)
    raise typer.Exit(int(any(one.severity == "contradiction" for one in found.data)))


_WRAP = ("event_id", "changes", "why", "what", "do", "by")


def _tell(notes: Iterable[str]) -> None:
    print(lines(notes).strip())


def _author(known: str | None, why: str, by: str | None) -> Author:
    from forecast.jobs.event_edits import Author, known_at

    now = dt.datetime.now(dt.UTC)
    return Author(person(by), known_at(known, now), now, why)
