"""Priors of event effects: what the serving runs say of events of a class, pooled, for events without data of their
own.

``models/classes.json`` holds the raw likelihoods on the cards of the serving runs, and which runs those are. It is
written by whatever changes who serves (training, promoting, rolling back, retiring) and only read where questions are
answered: one small file instead of every card, and runs that stay as they were trained, whichever other series are. It
is true or it is not there: the registry removes it as soon as another run serves, so that what was killed before it
wrote the file leaves none, and it is not written while a promoted run is damaged, since nothing would tell that the run
was restored. Where it is missing, or by the digest in it is not what was written, the cards are read; the next training
or promotion writes it anew.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TypedDict

from forecast import provenance
from forecast.effects import Episode, EpisodeEffect
from forecast.effects.affected import Affected, direction
from forecast.effects.event_classes import (
    ClassPrior,
    ClassPriors,
    Likelihood,
    Size,
    by_event,
    class_prior,
    class_priors,
    likelihoods,
)
from forecast.errors import CorruptArtifact, Damaged
from forecast.events import Event, Stringency
from forecast.files import no_pipe, write_atomically
from forecast.registry import Registry
from forecast.registry.sealed import sealed, unsealed
from forecast.registry.store import CLASSES_FILE as FILE
from forecast.timeseries.series import Series
from forecast.wording import counted

#: What an event of a class is called.
_CLASS_WORDS = {
    Stringency.BAN: "export ban",
    Stringency.LICENCE: "export licence",
    Stringency.QUOTA: "export quota",
    Stringency.SANCTION: "sanction",
    Stringency.TARIFF: "tariff",
    Stringency.RELIEF: "relief measure",
    Stringency.THREAT: "threat",
    Stringency.SHOCK: "shock",
}
#: What is raised of a file that is not there, or is not the one that was written.
_UNREADABLE = (OSError, ValueError, KeyError, TypeError)
#: Why an event that has not begun is scaled, by its certainty.
_DOUBT = {
    "partly": "only part of it was read in the text of the measure",
    "background": "it is known from hearsay only",
}


@dataclass(frozen=True)
class EventClass:
    """The class of an event or an episode: its ``stringency``, the expected ``direction`` on a series (+1, −1, 0
    unknown), its own ``events``, which are left out of its prior, and of a tariff its ``dose``."""

    stringency: Stringency
    direction: int
    events: tuple[str, ...]
    dose: float = 1.0

    @classmethod
    def of_event(cls, event: Event, series: Series) -> EventClass:
        return cls(event.stringency, direction(event, series), (event.event_id,), event.dose)

    @classmethod
    def of_episode(cls, episode: Episode) -> EventClass:
        return cls(episode.stringency, episode.direction, episode.events, episode.dose)


#: A class of events on a kind of series, and the events that are left out of it.
_PoolKey = tuple[Stringency, Affected, frozenset[str]]


@dataclass(frozen=True, eq=False)
class Evidence:
    """Likelihoods of all episodes of the serving runs. ``digest``: equal for equal evidence."""

    likelihoods: tuple[Likelihood, ...] = ()
    digest: str = ""
    _others: dict[_PoolKey, ClassPrior] = field(default_factory=dict, repr=False)
    _counts: dict[_PoolKey, int] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, registry: Registry, retired: Collection[str] = ()) -> Evidence:
        """The stored evidence of a registry; read again only when the file has changed."""
        try:
            return _stored(registry.root / FILE)
        except _UNREADABLE:
            return _from_cards(registry, tuple(_serving(registry, _teaching(registry, retired)).items()))

    @cached_property
    def priors(self) -> ClassPriors:
        """Prior effects of an unseen event, by stringency and what is affected."""
        return class_priors(self.likelihoods)

    def prior(self, stringency: Stringency, series: Series, without: Collection[str] = ()) -> ClassPrior:
        """The prior effect of an event of a class on a series; whatever an event in ``without`` has a part in is left
        out."""
        left_out = self._seen.intersection(without)
        if not left_out:
            return self.priors[stringency, Affected.of(series)]
        key = stringency, Affected.of(series), left_out
        if key not in self._others:
            self._others[key] = class_prior(self.likelihoods, *key)
        return self._others[key]

    def count(self, stringency: Stringency, affected: Affected, without: Collection[str] = ()) -> int:
        """How many events of a class there are to learn from; one that touches several series is one."""
        left_out = self._seen.intersection(without)
        key = stringency, affected, left_out
        if key not in self._counts:
            pool = self._of_class.get((stringency, affected), ())
            self._counts[key] = len(by_event(one for one in pool if left_out.isdisjoint(one.events)))
        return self._counts[key]

    def expected(self, kind: EventClass, series: Series, weight: float = 1.0, own: EpisodeEffect | None = None) -> Size:
        """What an event does once it has built up: what events of its class do, of a tariff times its dose, times a
        ``weight`` (how squarely it hits, how far it is believed), and times the likelihood of its ``own`` data, with
        both taken for normal."""
        mean, sd, heavy = self.prior(kind.stringency, series, kind.events).towards(kind.direction)
        mean, sd = weight * kind.dose * mean, weight * kind.dose * sd
        if own is None or own.likelihood is None or not own.identified:
            return Size(mean, sd, heavy)
        estimate, error = own.likelihood
        precision = sd**-2 + error**-2
        return Size((mean / sd**2 + estimate / error**2) / precision, precision**-0.5)

    def in_words(self, event: Event, series: Series, *, begun: bool = False, own: EpisodeEffect | None = None) -> str:
        """What a forecast takes of an event whose effect nobody has seen, before it is scaled by its exposure.

        ``begun``: it is in force, and how far its record is believed no longer matters; ``own``: its episode, if it has
        data of its own that do not tell its effect yet.
        """
        kind = EventClass.of_episode(own.episode) if own else EventClass.of_event(event, series)
        n = self.count(kind.stringency, Affected.of(series), kind.events)
        mean, sd, _ = self.expected(kind, series)
        others = counted(n, f"other {_CLASS_WORDS[kind.stringency]}") if n else "events of all kinds"
        on = Affected.of(series)
        words = [f"effect not known yet; taken from what {others} did to {on}: {_give_or_take(mean, sd)}"]
        if own and own.identified and own.likelihood:
            estimate, error = own.likelihood
            words.append(f"weighed with its own data so far: {_give_or_take(estimate, error)}")
        if event.credence < 1 and not begun:
            words.append(f"times {event.credence:g}, as {_DOUBT.get(event.certainty, event.certainty)}")
        return "; ".join(words)

    @cached_property
    def _seen(self) -> frozenset[str]:
        return frozenset(event for likelihood in self.likelihoods for event in likelihood.events)

    @cached_property
    def _of_class(self) -> dict[tuple[Stringency, Affected], list[Likelihood]]:
        """The likelihoods by class and what is affected."""
        found: dict[tuple[Stringency, Affected], list[Likelihood]] = {}
        for likelihood in self.likelihoods:
            found.setdefault((likelihood.stringency, likelihood.affected), []).append(likelihood)
        return found


def _give_or_take(mean: float, sd: float) -> str:
    """An effect on the log in percent, with a standard deviation; a mean of 0 stands for a direction nobody knows."""
    effect = f"{100 * math.expm1(mean):+.0f} %, give or take" if mean else "up or down by"
    return f"{effect} {100 * sd:.0f} % (one standard deviation)"


def refresh(registry: Registry, retired: Collection[str]) -> None:
    """Write down what the runs that serve now say of events, if it is not what is written down.

    ``retired``: ids of the series that teach nothing any more, though their runs are there. While it does so no
    champion changes; whoever changes one removes the file first.
    """
    if not registry.root.is_dir():
        return
    path = registry.root / FILE
    if path.is_dir():
        raise CorruptArtifact(FILE, "it is a folder where a file belongs")
    with registry.lock_all():
        champions = _teaching(registry, retired)
        if _serving(registry, champions) != champions:
            path.unlink(missing_ok=True)
            return
        data = _written(registry, champions)
        if not path.is_file() or path.read_bytes() != data:
            write_atomically(path, data)


def fault(registry: Registry, retired: Collection[str], *, thorough: bool = False) -> str:
    """What is wrong with the file that is written down, if anything is; ``thorough``: held against the cards too."""
    path, remedy = registry.root / FILE, "the cards are read instead; the next training writes it anew"
    try:
        _stored(path)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"corrupt artifact {FILE}: it cannot be read ({error.strerror}); {remedy}"
    except _UNREADABLE as error:
        return f"corrupt artifact {FILE}: {error}; {remedy}"
    if thorough and path.read_bytes() != _written(registry, _serving(registry, _teaching(registry, retired))):
        return f"{FILE}: it is not what the cards of the serving runs say; orecast train writes it anew"
    return ""


def _teaching(registry: Registry, retired: Collection[str]) -> dict[str, str]:
    """The promoted run of each series that was not retired."""
    return {name: run_id for name, run_id in registry.champions().items() if name not in retired}


def _serving(registry: Registry, series_ids: Iterable[str]) -> dict[str, str]:
    """The run that serves each series: another than was promoted where that is damaged, none where all are."""
    serving = {}
    for series_id in series_ids:
        with suppress(Damaged):
            serving[series_id] = registry.serving_id(series_id)
    return serving


def _written(registry: Registry, serving: Mapping[str, str]) -> bytes:
    found: list[dict[str, object]] = []
    for series_id in serving:
        run = registry.champion(series_id)
        found += map(asdict, likelihoods(run.record, Affected.of(run.card.series)))
    return sealed({"runs": dict(serving), "likelihoods": found})


def _stored(path: Path) -> Evidence:
    """Raises one of ``_UNREADABLE``."""
    stat = path.stat()
    return _read(path, stat.st_ctime_ns, stat.st_size, stat.st_ino)


@lru_cache(maxsize=8)
def _read(path: Path, *_identity: int) -> Evidence:
    return _parsed(no_pipe(path).read_bytes())


@lru_cache(maxsize=8)
def _from_cards(registry: Registry, serving: tuple[tuple[str, str], ...]) -> Evidence:
    return _parsed(_written(registry, dict(serving)))


def _parsed(data: bytes) -> Evidence:
    return unsealed(data, _evidence)


def _evidence(content: Mapping[str, list[_Row]]) -> Evidence:
    rows = content["likelihoods"]
    return Evidence(tuple(map(_likelihood, rows)), provenance.digest(rows)[:16])


class _Row(TypedDict):
    """A likelihood as it is written down."""

    series_id: str
    events: list[str]
    stringency: str
    direction: int
    affected: str
    estimate: float
    sd: float
    share: float


def _likelihood(row: _Row) -> Likelihood:
    return Likelihood(
        row["series_id"],
        tuple(row["events"]),
        Stringency(row["stringency"]),
        row["direction"],
        Affected(row["affected"]),
        row["estimate"],
        row["sd"],
        row["share"],
    )
