"""The public sources of a home, and how their answers of today differ from those that the code was written for."""

from __future__ import annotations

from collections.abc import Iterator

from forecast.answers.sources import SourceFacts, SourceList, state_facts
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


def differences(source: ConfiguredSource) -> Iterator[Difference]:
    """The samples of a source beside its answers of today; nothing is taken in."""
    with Web(source.name, source.address, source.provider.pause, source.key) as web:
        yield from compare(web, source.name)


def _key(source: ConfiguredSource) -> str:
    if not source.provider.key_setting:
        return "none"
    return f"{'needed' if source.provider.key_needed else 'optional'}, {'set' if source.key else 'not set'}"
