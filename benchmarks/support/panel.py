"""The bundled series, and those of more folders and workbooks, in a catalogue that goes away."""

from __future__ import annotations

import datetime as dt
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from forecast.catalog import Catalog
from forecast.events import Events
from forecast.events.exposure import Minerals
from forecast.forecasters.grid.engine import MIN_GRID_OBSERVATIONS
from forecast.intake.gate import Gate
from forecast.jobs.ingest import IngestOptions, ingest
from forecast.settings import Settings
from forecast.timeseries.series import History
from support.extra import read_extra

#: Where the bundled series come from, as the tables name it.
BUNDLE = "bundle"


@dataclass(frozen=True)
class Panel:
    """Histories by id, the events, and the tree of minerals; ``added``: which of ``--extra`` a series comes from, by
    id, where it is not bundled as a target."""

    histories: dict[str, History]
    events: Events
    minerals: Minerals
    added: Mapping[str, str]

    @classmethod
    def of(cls, catalog: Catalog, added: Mapping[str, str]) -> Panel:
        """What a catalogue holds today."""
        today = dt.datetime.now(dt.UTC).date()
        return cls(dict(sorted(catalog.histories(as_of=today).items())), catalog.events(), catalog.minerals(), added)


def monthly_targets(panel: Panel, least: int) -> list[History]:
    """The monthly targets with at least so many values: what a panel of methods is compared on."""
    every = panel.histories.values()
    return [h for h in every if h.series.is_target and h.series.freq == "M" and h.used.sum() >= least]


@dataclass(frozen=True)
class Kind:
    """A kind of series that is judged apart: its title, whether it is of prices, and how many origins and horizons it
    has by default."""

    title: str
    prices: bool
    origins: int
    horizon: int

    @property
    def name(self) -> str:
        """What options and folders call it."""
        return self.title.split()[0]

    def histories(self, panel: Panel) -> list[History]:
        """The monthly targets of this kind that are long enough to be forecast."""
        targets = monthly_targets(panel, MIN_GRID_OBSERVATIONS)
        return [h for h in targets if (h.series.measure == "price" if self.prices else not h.series.is_price)]


KINDS = (Kind("prices", True, 47, 24), Kind("volumes and values", False, 33, 12))


def read_panel(extra: Sequence[Path] = ()) -> Panel:
    """The bundled data and what each of ``extra`` adds. Raises ``InvalidInput``."""
    with catalogue(extra) as (catalog, _, added):
        return Panel.of(catalog, added)


@contextmanager
def catalogue(extra: Sequence[Path] = ()) -> Iterator[tuple[Catalog, Settings, Mapping[str, str]]]:
    """A catalogue of its own, in a folder that goes away, with its settings; and what was ``added``, as ``Panel`` says.

    Values that the gate would hold are taken in. Raises ``InvalidInput``.
    """
    with tempfile.TemporaryDirectory() as home:
        own = {"ORECAST_HOME": home, "ORECAST_DATABASE_URL": "", "ORECAST_MODELS_DIR": ""}
        settings = Settings.from_env({**os.environ, **own})
        catalog = Catalog.open(settings)
        try:
            yield catalog, settings, _added(catalog, extra, Path(home))
        finally:
            catalog.close()


def _added(catalog: Catalog, extra: Sequence[Path], scratch: Path) -> dict[str, str]:
    now, bundled = dt.datetime.now(dt.UTC), catalog.series()
    options = IngestOptions(gate=Gate(catalog, None, now, accepted_by="benchmark"))
    added: dict[str, str] = {}
    for path in extra:
        more = read_extra(path, catalog.series(), scratch)
        for other in more.others:
            print(f"{other}: left out, as its columns are not those of observations", file=sys.stderr)
        catalog.add(series=more.series, known_at=now)
        for file in more.observations:
            ingest(catalog, file, known_at=now, options=options)
        of_its_own = [one.series_id for one in more.series if one != bundled.get(one.series_id)]
        added |= dict.fromkeys(of_its_own, more.name)
    return added
