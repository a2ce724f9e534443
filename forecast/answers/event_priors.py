"""What the serving runs say of events of a kind, pooled: the prior of an event that nobody has seen act.

``models/classes.json`` holds the raw likelihoods on the cards of the serving runs, and which runs those are. It is
written by whatever changes who serves (training, promoting, rolling back, retiring) and only read where questions are
answered: one small file instead of every card, and runs that stay as they were trained, whichever other series are. It
is true or it is not there: the registry removes it as soon as another run serves, so that what was killed before it
wrote the file leaves none. Where it is missing or damaged the cards are read, and the next training, retraining or
promotion writes it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

from forecast import provenance
from forecast.effects.episodes import direction
from forecast.effects.event_classes import ClassPrior, Likelihood, class_prior, class_priors, likelihoods
from forecast.errors import NotTrained
from forecast.events import Event, KindFamily
from forecast.files import write_atomically
from forecast.registry import Registry
from forecast.registry.store import SUMMARY as FILE
from forecast.timeseries.series import Series


@dataclass(frozen=True, eq=False)
class Evidence:
    """Likelihoods of all episodes of the serving runs. ``digest``: the same evidence, the same word."""

    likelihoods: tuple[Likelihood, ...] = ()
    digest: str = ""
    _others: dict[tuple[KindFamily, bool, frozenset[str]], ClassPrior] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, registry: Registry) -> Evidence:
        """What is written down; read again only when the file has changed."""
        path = registry.root / FILE
        try:
            stat = path.stat()
            return _read(path, stat.st_mtime_ns, stat.st_size, stat.st_ino)
        except (OSError, ValueError, KeyError, TypeError):
            return _from_cards(registry, tuple(registry.champions().items()))

    @cached_property
    def priors(self) -> Mapping[tuple[KindFamily, bool], ClassPrior]:
        """What an event of each family that nobody has seen may do to prices (True) and to flows (False)."""
        return class_priors(self.likelihoods)

    def prior(self, family: KindFamily, series: Series, without: Collection[str] = ()) -> ClassPrior:
        """What an event of a family may do to a series; whatever an event in ``without`` has a part in is left out."""
        left_out = self._seen.intersection(without)
        if not left_out:
            return self.priors[family, series.is_price]
        key = family, series.is_price, left_out
        if key not in self._others:
            self._others[key] = class_prior(self.likelihoods, *key)
        return self._others[key]

    def count(self, family: KindFamily, is_price: bool, without: Collection[str] = ()) -> int:
        """How many events of a family there are to learn from; one that touches several series is one."""
        episodes = self._episodes.get((family, is_price), ())
        left_out = self._seen.intersection(without)
        return len({events[0] for events in episodes if left_out.isdisjoint(events)})

    def in_words(self, event: Event, series: Series) -> str:
        """What a forecast takes of an event that nobody has seen act, before it is scaled by its exposure."""
        without, on = (event.event_id,), "prices" if series.is_price else "flows"
        n = self.count(event.family, series.is_price, without)
        mean, sd = self.prior(event.family, series, without).towards(direction(event, series))
        which = f"mean {100 * math.expm1(mean):+.0f} %" if mean else "variance only, for no mean is identifiable"
        return f"prior from {n} events of this kind ({event.family}, on {on}): {which}; sd {100 * sd:.0f} %"

    @cached_property
    def _seen(self) -> frozenset[str]:
        return frozenset(event for said in self.likelihoods for event in said.events)

    @cached_property
    def _episodes(self) -> dict[tuple[KindFamily, bool], set[tuple[str, ...]]]:
        """The events of each episode, the leader first, by the family and the measure it is of."""
        found: dict[tuple[KindFamily, bool], set[tuple[str, ...]]] = {}
        for said in self.likelihoods:
            found.setdefault((said.family, said.is_price), set()).add(said.events)
        return found


def refresh(registry: Registry, retired: Collection[str]) -> None:
    """Write down what the runs that serve now say of events, if it is not what is written down.

    ``retired``: ids of the series that teach nothing any more, though their runs are there. While it does so no
    champion changes; whoever changes one removes the file first.
    """
    if not registry.root.is_dir():
        return
    path = registry.root / FILE
    with registry.lock_all():
        champions = {name: run_id for name, run_id in registry.champions().items() if name not in retired}
        data = _written(registry, champions)
        if not path.is_file() or path.read_bytes() != data:
            write_atomically(path, data)


def _written(registry: Registry, champions: Mapping[str, str]) -> bytes:
    found: list[dict[str, object]] = []
    for series_id in champions:
        try:
            run = registry.champion(series_id)
        except NotTrained:  # its files are damaged, which ``Registry.faults`` tells
            continue
        found += map(asdict, likelihoods(run.record, run.card.series.is_price))
    return (json.dumps({"runs": dict(champions), "likelihoods": found}, indent=1) + "\n").encode()


@lru_cache(maxsize=8)
def _read(path: Path, *_identity: int) -> Evidence:
    return _parsed(path.read_bytes())


@lru_cache(maxsize=8)
def _from_cards(registry: Registry, champions: tuple[tuple[str, str], ...]) -> Evidence:
    return _parsed(_written(registry, dict(champions)))


def _parsed(data: bytes) -> Evidence:
    rows = json.loads(data)["likelihoods"]
    told = (Likelihood(**{**row, "events": tuple(row["events"]), "family": KindFamily(row["family"])}) for row in rows)
    return Evidence(tuple(told), provenance.digest(rows)[:16])
