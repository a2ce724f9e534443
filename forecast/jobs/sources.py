"""The public sources of a home, and how their answers of today differ from those that the code was written for."""

from __future__ import annotations

from collections.abc import Iterator

from forecast.answers.sources import SourceFacts, SourceList, SourceSeriesFacts, SourceSeriesList, state_facts
from forecast.catalog import Catalog
from forecast.settings import Settings
from forecast.sources.configuration import ConfiguredSource, configured_sources
from forecast.sources.samples import Difference, compare
from forecast.sources.web import Web


def source_list(catalog: Catalog, settings: Settings) -> SourceList:
    """Every source, in the order in which they are fetched. Raises ``InvalidInput``."""
    states, known = catalog.fetches.states(), catalog.series(retired=True)
    return SourceList.of(
        [
            SourceFacts.model_validate(
                {
                    **state_facts(name, states.get(name)),
                    "title": source.provider.title,
                    "publisher": source.provider.publisher,
                    "series": len(source.series(known)),
                    "key": _key(source),
                    "enabled": source.enabled,
                    "met_live": source.provider.met_live,
                    "address": source.address,
                    "licence": source.provider.licence,
                }
            )
            for name, source in configured_sources(settings).items()
        ]
    )


def series_list(catalog: Catalog, source: ConfiguredSource) -> SourceSeriesList:
    """The series of one source. Raises ``InvalidInput``."""
    found = []
    for one in source.series(catalog.series(retired=True)):
        ds, _ = catalog.standing(one.series.series_id)
        facts = {name: getattr(one.series, name) for name in ("series_id", "unit", "freq", "role", "notes")}
        last = ds[-1].item() if len(ds) else None
        found.append(
            SourceSeriesFacts(
                source=source.name, key=one.key, delivered=one.delivered, factor=one.factor, last=last, **facts
            )
        )
    return SourceSeriesList.of(found)


def differences(source: ConfiguredSource) -> Iterator[Difference]:
    """The samples of a source beside its answers of today; nothing is taken in."""
    provider = source.provider
    with Web(source.name, source.address, provider.pause, source.key, accept=provider.accept) as web:
        yield from compare(web, source.name)


def _key(source: ConfiguredSource) -> str:
    if not source.provider.key_setting:
        return "none"
    return "set" if source.key else "needed" if source.provider.key_needed else "optional"
