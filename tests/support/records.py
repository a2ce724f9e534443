"""Series and events as tests write them: facts in plain words, whose names nobody checks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import TypedDict, Unpack

from forecast.events import Act, Event
from forecast.names import Measure, Place, Slug
from forecast.timeseries.series import Series


class _Words(TypedDict, total=False):
    title: str
    kind: str
    actor: str
    targets: tuple[str, ...]
    end_known: date | None
    date_precision: str
    status: str
    status_as_of: date | None
    status_note: str
    instrument: str
    value_before: float | None
    value_after: float | None
    value_unit: str
    value_text: str
    intensity: str
    scope_note: str
    price_world: str
    price_local: str
    local_market: str
    volume: str
    mechanism: str
    acts: tuple[Act, ...]
    certainty: str
    sources: tuple[str, ...]
    needs_recheck: bool
    probability: float | None
    probability_source: str
    probability_date: date | None
    own: bool


class _Days(TypedDict, total=False):
    announced: date | None
    effective: date | None
    ended: date | None


class _Dated(_Words, _Days, total=False):
    pass


class UndatedFacts(_Words, total=False):
    """Facts of an event but for its days, its minerals and places in plain words."""

    minerals: Iterable[str]
    flows: Iterable[tuple[str, str]]


class EventFacts(UndatedFacts, _Days, total=False):
    """Facts of an event, its minerals and places in plain words."""


#: An event of which nothing is said.
NOTHING_SAID = Event(
    event_id="", title="", kind="", actor="", targets=(), announced=None, effective=None, ended=None, end_known=None,
    date_precision="", status="", status_as_of=None, status_note="", instrument="", value_before=None,
    value_after=None, value_unit="", value_text="", intensity="", minerals=(), scope_note="", flows=(), price_world="",
    price_local="", local_market="", volume="", mechanism="", acts=(), certainty="", sources=(), needs_recheck=False,
)  # fmt: skip


def changed(event: Event, message: EventFacts | None = None, **more: Unpack[EventFacts]) -> Event:
    """The event with other facts: those that are said, and more."""
    return _changed(event, **((message or {}) | more))


def _changed(
    event: Event,
    *,
    minerals: Iterable[str] | None = None,
    flows: Iterable[tuple[str, str]] | None = None,
    **facts: Unpack[_Dated],
) -> Event:
    return replace(
        event,
        minerals=event.minerals if minerals is None else tuple(map(Slug, minerals)),
        flows=event.flows if flows is None else tuple((Place(a), Place(b)) for a, b in flows),
        **facts,
    )


class _SeriesWords(TypedDict, total=False):
    series_id: str
    flow: str
    freq: str
    spot: str
    parent: str


def a_series(
    series_id: str,
    mineral: str,
    measure: str,
    role: str,
    flow: str,
    reporter: str,
    partner: str,
    unit: str,
    freq: str,
    release_lag_days: int,
    parent: str = "",
) -> Series:
    """A series of such facts, in the order of ``Series``."""
    places = Place(reporter), Place(partner)
    return Series(
        series_id, Slug(mineral), Measure(measure), role, flow, *places, unit, freq, release_lag_days, parent=parent
    )


def like(
    series: Series,
    *,
    mineral: str | None = None,
    measure: str | None = None,
    reporter: str | None = None,
    partner: str | None = None,
    **facts: Unpack[_SeriesWords],
) -> Series:
    """A series like another, but for these facts."""
    return replace(
        series,
        measure=series.measure if measure is None else Measure(measure),
        mineral=series.mineral if mineral is None else Slug(mineral),
        reporter=series.reporter if reporter is None else Place(reporter),
        partner=series.partner if partner is None else Place(partner),
        **facts,
    )
