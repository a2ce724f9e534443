"""``orecast keys`` and ``orecast audit``: who may ask over HTTP, and who changed what."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer

from forecast.cli.options import By, day, person
from forecast.cli.output import FormatOption, Out, OutputOption, to_the_minute, warn
from forecast.cli.session import session
from forecast.settings import Scope

if TYPE_CHECKING:
    from forecast.cli.output import Line

_COLUMNS = ("key_id", "name", "scopes", "status", "expires")
_AUDIT = ("moment", "by", "action", "subject", "before", "after")

keys = typer.Typer(
    help="Who may ask over HTTP: make keys, list them, revoke one.", no_args_is_help=True, rich_markup_mode="rich"
)


@keys.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="whose it is, or what for")],
    scope: Annotated[
        list[Scope] | None, typer.Option("--scope", help="what it may do (may be repeated); read by default")
    ] = None,
    expires: Annotated[
        dt.date | None,
        typer.Option("--expires", parser=day, metavar="DAY", help="the last day (UTC) on which it holds"),
    ] = None,
    rate: Annotated[
        str, typer.Option("--rate", metavar="RATE", help="requests allowed to it; ORECAST_RATE_LIMIT by default")
    ] = "",
    by: By = None,
) -> None:
    """Make a key, and print it: it is shown this once.

    A client sends it as `Authorization: Bearer KEY`. What is kept is a digest
    by which it is known again, not the key. read answers from what is there,
    scenario asks what costs time, write brings observations and events, jobs
    starts work, admin may do everything. It holds from the next request on.

    \b
    Examples:
      orecast keys create dashboard
      orecast keys create analyst --scope read --scope scenario
        --expires 2027-06-30 --rate "60 per minute"
    """
    from forecast.catalog.keys import KeyOrder

    until = None if expires is None else dt.datetime.combine(expires, dt.time(), dt.UTC) + dt.timedelta(days=1)
    order = KeyOrder(name, scope or [Scope.READ], until, rate)
    with session() as s:
        key, token = s.catalog.acting(person(by)).keys.create(order, dt.datetime.now(dt.UTC))
    print(token)
    holds = f"until the end of {expires}" if expires else "until it is revoked"
    warn(f"keep it: it is not shown again. It may {', '.join(key.scopes)}, {holds} (orecast keys revoke {key.key_id})")


@keys.command("list")
def list_keys(format: FormatOption = None, output: OutputOption = None) -> None:
    """List the keys, those that hold no more included; without what is secret.

    \b
    Examples:
      orecast keys list
      orecast keys list --format csv
    """
    from forecast.answers.keys import key_list

    with session() as s:
        found = key_list(s.catalog, dt.datetime.now(dt.UTC))
    Out(format, output).answer(found, _COLUMNS, wrap=("name", "scopes"), instead=to_the_minute)


@keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="KEY", help="id of a key, as `orecast keys list` shows it")],
    by: By = None,
) -> None:
    """Let a key hold no more; a service that runs knows within seconds.

    \b
    Examples:
      orecast keys revoke 3f9c1a7be2d4
    """
    from forecast.catalog.keys import id_in, without_secrets

    asked = id_in(key_id) or without_secrets(key_id)  # some paste the whole of it
    with session() as s:
        key = s.catalog.acting(person(by)).keys.revoke(asked, dt.datetime.now(dt.UTC))
    print(f"{key.told_as} is revoked since {key.revoked:%Y-%m-%d %H:%M} UTC")


def audit(
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="only what this person or key did")] = None,
    action: Annotated[
        str | None, typer.Option("--action", metavar="ACTION", help="only this, or all that was done to: runs, events")
    ] = None,
    subject: Annotated[
        str | None, typer.Option("--subject", metavar="ID", help="only of this series, event, candidate or key")
    ] = None,
    since: Annotated[
        dt.date | None, typer.Option("--since", parser=day, metavar="DAY", help="on this UTC day or later")
    ] = None,
    last: Annotated[int | None, typer.Option("--last", min=1, metavar="N", help="only the last so many")] = None,
    after: Annotated[int, typer.Option("--after", min=0, metavar="N", help="only after the entry of this number")] = 0,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Show who changed what and when, and how it was before and after.

    Every change is here, by whichever way it came: files and sources taken in,
    held values, events, candidates, which run serves, keys. Nothing is deleted.

    \b
    Examples:
      orecast audit --last 20
      orecast audit --subject price.copper --since 2026-11-01
      orecast audit --action runs --format csv
    """
    from forecast.answers.audit import audit_list
    from forecast.catalog.audit import AuditQuestion

    moment = None if since is None else dt.datetime.combine(since, dt.time(), dt.UTC)
    with session() as s:
        found = audit_list(s.catalog, AuditQuestion(by, action, subject, moment, last, after=after))
    Out(format, output).answer(found, _AUDIT, wrap=("by", "subject", "before", "after"), instead=_shown)


def _shown(line: Line) -> Line:
    """Moments to the minute, and each fact on a line of its own."""
    return {**to_the_minute(line), **{name: str(line[name]).replace(";", "\n") for name in ("before", "after")}}
