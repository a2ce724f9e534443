"""``orecast fetch`` and ``orecast sources``: what public sources publish comes in by itself."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer

from forecast.cli.options import day
from forecast.cli.output import FormatOption, Out, OutputOption, to_the_minute, warn
from forecast.cli.session import Session, session
from forecast.extras import require

if TYPE_CHECKING:
    from forecast.jobs.fetch import FetchResult
    from forecast.sources.configuration import ConfiguredSource
    from forecast.sources.samples import Difference

_COLUMNS = ("source", "title", "series", "key", "succeeded")
_SERIES_COLUMNS = ("series_id", "key", "delivered", "last")
SomeSources = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SOURCE]...", help="names of sources; all that are enabled if left out"),
]


def fetch(
    names: SomeSources = None,
    since: Annotated[
        dt.date | None,
        typer.Option("--since", parser=day, metavar="DAY", help="from this day on, also what did not change"),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="all sources; what this command does without a name")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="take nothing in; say how answers differ from the known samples")
    ] = False,
) -> None:
    """Fetch what public sources published, and take it in.

    Observations pass the same gate as files do; official notices become
    candidates for events, which do nothing until `orecast events inbox`
    accepts them. A source that fails is named and the others finish (exit code
    1); what is there already changes nothing. Without --since the first fetch
    asks from 2010 on, later ones for the last two years, and only for what
    changed; for notices the first asks for the last 60 days, later ones from a
    week before the last success. `orecast sources` lists what there is;
    `sources.toml` adds yours.

    \b
    Examples:
      orecast fetch
      orecast fetch worldbank comtrade
      orecast fetch census --since 2013-01-01
      orecast fetch worldbank --check
    """
    require("sources", "orecast fetch")
    from forecast.sources.configuration import chosen

    if every and names:
        raise typer.BadParameter("--all, or names of sources")
    if since and since > dt.datetime.now(dt.UTC).date():
        raise typer.BadParameter(f"--since {since} has not come yet")
    with session() as s:
        sources = chosen(s.settings, tuple(names or ()))
        if check:
            as_known = [_checked(source) for source in sources]  # each, also after one that is not
            raise typer.Exit(not all(as_known))
        results = [_fetched(s, source, since) for source in sources]
    if any(one and one.counts.changed for one in results):
        warn("training is due (orecast retrain --due)")
    if any(one and one.counts.held for one in results):
        warn("`orecast observations held` lists what is held, and why")
    raise typer.Exit(any(one is None or one.faults for one in results))


def sources(
    name: Annotated[str | None, typer.Argument(metavar="[SOURCE]", help="its series")] = None,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """List the public sources: what each gives, whether it needs a key, how it did.

    What went wrong when one was last asked stands below. With the name of a source,
    its series: their names there, the units that they come in, what is made of
    them, and what a code mixes. `--format csv` has all there is to know, also
    which sources this version never met live.

    \b
    Examples:
      orecast sources
      orecast sources comtrade
      orecast sources --format csv --output sources.csv
    """
    require("sources", "orecast sources")
    from forecast.jobs.sources import series_list, source_list
    from forecast.sources.configuration import chosen

    out = Out(format, output)
    with session() as s:
        if name is None:
            found = source_list(s.catalog, s.settings)
            faults = [f"{one.source}: {one.fault}" for one in found.data if one.fault]
            out.answer(found, _COLUMNS, wrap=("title",), below=faults, instead=to_the_minute)
        else:
            (source,) = chosen(s.settings, (name,))
            out.answer(series_list(s.catalog, source), _SERIES_COLUMNS, wrap=("key",))


def _fetched(s: Session, source: ConfiguredSource, since: dt.date | None) -> FetchResult | None:
    """Fetch one source and say what came; None where it needs a key."""
    from forecast.jobs.fetch import Fetching

    if source.without_key:
        setting = f"ORECAST_{source.provider.key_setting.upper()}"
        warn(f"{source.name}: needs a key: {source.provider.page}; set {setting}")
        return None
    result = Fetching(s.catalog, s.registry, source, dt.datetime.now(dt.UTC), since).run()
    print(_line(result), flush=True)
    for fault in result.faults:
        warn(f"{source.name}: {fault}")
    return result


def _line(result: FetchResult) -> str:
    brought = ", ".join(f"{count} {name}" for name, count in result.in_words.items())
    return f"{result.source}: {result.status}" + (f" ({brought})" if brought else "")


def _checked(source: ConfiguredSource) -> bool:
    """Compare the answers of a source with its samples and say what differs; whether nothing that is needed is gone."""
    from forecast.jobs.sources import differences

    found = list(differences(source))
    if not found:
        print(f"{source.name}: there is no sample to compare with")
    for one in found:
        print("\n".join(_told(source.name, one)))
    return not any(one.fault or one.gone for one in found)


def _told(source: str, one: Difference) -> list[str]:
    told = (
        [one.fault] if one.fault else [*(f"gone: {name}" for name in one.gone), *(f"new: {name}" for name in one.new)]
    )
    return [f"{source} {one.sample.file}: {text}" for text in told or ("as the sample",)]
