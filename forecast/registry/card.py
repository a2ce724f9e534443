"""The card of a run: what was trained, on what, how well, and what a reader should know; readable JSON on disk.

A card says in which ``format`` it was written. Older formats are read as far as they go; a newer one is refused, for
nobody can know what it means. Format 1 (cards that name none) did not record ``known_on``.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np

from forecast.events import Branch
from forecast.names import unit
from forecast.registry.sealed import Json
from forecast.timeseries.series import Series

#: The format that is written.
CARD_FORMAT = 2

#: In place of a family, what a run of evidence is called: it forecasts nothing.
EFFECTS_ONLY = "effects-only"


class NewerCard(ValueError):
    """A card in a format that this version does not know."""

    def __init__(self, found: object) -> None:
        super().__init__(
            f"its card has format {found}, and this version of orecast reads formats up to {CARD_FORMAT}: "
            "upgrade orecast, or train the series again"
        )


@dataclass(frozen=True)
class DataSummary:
    """Summary of the observations of a run: starts of the first and the last period, and numbers of periods."""

    first: dt.date
    last: dt.date
    observations: int
    scored: int
    missing: int


@dataclass(frozen=True)
class FamilyScores:
    """How one family did in the backtest; numbers are None where there was nothing to judge by.

    ``score``: CRPS as a ratio to the baseline's, mean over horizons; ``rel_crps``: the same by horizon, from 1 on;
    ``coverage``: share of outcomes inside the central interval, by level in percent; ``pit``: share of outcomes below,
    between and above the levels of ``metrics.QUANTILE_LEVELS``.
    """

    origins: int
    score: float | None
    rel_crps: tuple[float | None, ...]
    coverage: Mapping[int, float | None]
    pit: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class RunSettings:
    """The settings of a run: joint paths, periods ahead, seed."""

    draws: int
    horizon: int
    seed: int


@dataclass(frozen=True)
class Card:
    """The readable record of one training.

    ``as_of``: the UTC day whose knowledge counted; ``known_on``: the day on which the newest of what it was trained on
    became known (None: not recorded); ``events_known_to``: the last day of which the catalogue told anything of
    events; ``score``: of ``champion_family``, averaged with experience; ``families``: those that were considered, None
    for all; ``bridged``: periods after the last observation that a daily or weekly companion had seen whole, whose
    draws hold the effects of events; ``effects`` and ``payloads`` (SHA-256 by name of file) are added as the run is
    stored.
    """

    series: Series
    run: str
    trained_at: dt.datetime
    as_of: dt.date
    events_known_to: dt.date
    data: DataSummary
    champion_family: str
    score: float | None
    why: str
    backtest: Mapping[str, FamilyScores]
    settings: RunSettings
    known_on: dt.date | None = None
    families: tuple[str, ...] | None = None
    branches: tuple[Branch, ...] = ()
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    effects: Json = field(default_factory=dict)
    payloads: Mapping[str, str] = field(default_factory=dict)
    bridged: int = 0
    format: int = CARD_FORMAT

    @property
    def forecasts(self) -> bool:
        """Whether the run forecasts: one of evidence tells what events did, and no more."""
        return self.champion_family != EFFECTS_ONLY

    @property
    def known_by(self) -> dt.date:
        """The day by whose end all that the run was trained on was known.

        Where it was not recorded: when the last value and the last fact about events should have been known, by the
        usual release lag, but no later than the day of training.
        """
        if self.known_on is not None:
            return self.known_on
        released: dt.date = self.series.calendar.end(np.datetime64(self.data.last, "D")).item()
        released += dt.timedelta(days=self.series.release_lag_days)
        return min(max(released, self.events_known_to), self.as_of)

    @property
    def seen(self) -> dt.datetime:
        """The moment up to which observations counted: the end of ``as_of``, and no later than the training (UTC)."""
        return min(dt.datetime.combine(self.as_of, dt.time.max, dt.UTC), self.trained_at.astimezone(dt.UTC))

    def document(self) -> Json:
        """The card in JSON's types: dates are ISO, a number that is not finite is null."""
        return {"format": self.format, **{each.name: _plain(getattr(self, each.name)) for each in fields(self)}}


def read(content: Json) -> Card:
    """A card from what ``document`` gave, in whichever format it was written.

    Raises ``NewerCard``, and ``ValueError``, ``TypeError`` or ``KeyError`` for what is no card.
    """
    version = content.get("format", 1)
    if not isinstance(version, int) or version > CARD_FORMAT:
        raise NewerCard(version)
    data = content["data"]
    return Card(
        series=Series(**{**_known(Series, content["series"]), "unit": unit(content["series"]["unit"])}),
        run=content["run"],
        trained_at=dt.datetime.fromisoformat(content["trained_at"]),
        as_of=dt.date.fromisoformat(content["as_of"]),
        events_known_to=dt.date.fromisoformat(content["events_known_to"]),
        data=DataSummary(**{**_known(DataSummary, data), "first": _day(data["first"]), "last": _day(data["last"])}),
        champion_family=content["champion_family"],
        score=content["score"],
        why=content.get("why", ""),
        backtest={family: _scores(row) for family, row in content["backtest"].items()},
        settings=RunSettings(**_known(RunSettings, content["settings"])),
        known_on=_day(content["known_on"]) if content.get("known_on") else None,
        families=tuple(content["families"]) if content.get("families") else None,
        branches=tuple(_branch(row) for row in content.get("branches", ())),
        notes=tuple(content.get("notes", ())),
        versions=dict(content.get("versions", {})),
        code=content.get("code", ""),
        effects=content["effects"],
        payloads=dict(content["payloads"]),
        bridged=content.get("bridged", 0),
        format=version,
    )


def _scores(row: Json) -> FamilyScores:
    coverage = {int(level): share for level, share in row["coverage"].items()}
    return FamilyScores(row["origins"], row["score"], tuple(row["rel_crps"]), coverage, tuple(row.get("pit", ())))


def _branch(row: Json) -> Branch:
    days = {name: _day(row[name]) if row.get(name) else None for name in ("starts", "probability_date")}
    return Branch(**{**_known(Branch, row), **days, "event_ids": tuple(row["event_ids"])})


def _day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def _known(kind: type, row: Json) -> Json:
    """The fields of a record that the class still has: one that was dropped since is no fault."""
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in row.items() if name in names}


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if dataclasses.is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
