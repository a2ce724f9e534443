"""One file of observations on its way in: checked, put in order, compared with what is stored, written."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from forecast.answers.held import sentences
from forecast.catalog import Catalog, Observation
from forecast.catalog.claims import ClaimKind, Claims, News
from forecast.catalog.quarantine import Held, record
from forecast.catalog.writer import Writer
from forecast.errors import Fault
from forecast.events import Event
from forecast.intake.checks import Checks
from forecast.intake.gate import Gate
from forecast.intake.header_units import doubts
from forecast.intake.layout import open_table
from forecast.intake.spool import UNSAID, Rows, Spool
from forecast.intake.unknown import UnknownSeries
from forecast.jobs.delivered_periods import DeliveredPeriods
from forecast.jobs.refusals import Refusals
from forecast.timeseries.series import Series
from forecast.wording import counted

if TYPE_CHECKING:
    from forecast.jobs.ingest import IngestOptions

#: Rows that a preview shows.
SHOWN = 5


class Delivery:
    """A context manager; what waits on disk is gone at its end. ``series``, ``events``: those that come with it."""

    def __init__(
        self,
        catalog: Catalog,
        path: Path,
        series: Sequence[Series],
        events: Sequence[Event],
        now: datetime,
        options: IngestOptions,
    ) -> None:
        known = catalog.series(retired=True)
        self._series = known | {one.series_id: one for one in series}
        self._file, self._events, self._now, self._options = str(path), events, now, options
        self._gate = options.gate or Gate(catalog, None, now)
        self.table = open_table(path, options.hints, self._series, options.limits)
        self._checks = Checks(self.table, self._series, now)
        self._unknown = UnknownSeries(self.table)
        self._periods = DeliveredPeriods(list(self._series.values()), {one.series_id for one in series})
        self._lags = np.array([one.release_lag_days for one in self._series.values()], dtype="timedelta64[D]")
        observed = catalog.observed()
        self._observed = np.array([series_id in observed for series_id in self._series], dtype=bool)
        self._touched = np.zeros(len(self._series), dtype=bool)
        self._held: list[Held] = []
        self.first: tuple[Observation, ...] = ()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(_no_collection())
        self.refusals = self._stack.enter_context(Refusals(self._options.faults, self._options.quarantine))
        self._spool = self._stack.enter_context(Spool(self._repeated))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def read(self) -> None:
        """Check every row by itself; what is right waits on disk.

        Raises ``InvalidInput`` where the file as a whole has other periods than its series.
        """
        for batch in self.table.batches():
            checked = self._checks.check(batch)
            unknown = checked.unknown.tolist()
            for i in unknown:
                self._unknown.note(batch, i)
            names = batch.cells["series_id"]
            self.refusals.unknown(batch, {i: self._checks.expected_series(names[i]) for i in unknown})
            self.refusals.note(batch, checked.wrong)
            if len(checked.rows):
                self._spool.add(checked.rows)
                if len(self.first) < SHOWN:
                    claims = self._claims(checked.rows[: SHOWN - len(self.first)])
                    self.first += tuple(claims.observation(k) for k in range(len(claims)))
        self._checks.crowding.check(self._file)

    def finish(self) -> None:
        """Find the rows that only others show to be wrong, where nothing will be written."""
        for _ in self._spool.groups():
            pass

    def write(self, writer: Writer) -> None:
        """Compare all rows with what is stored, and write what is new."""
        for rows in self._spool.groups():
            claims = self._claims(rows)
            self._touched[claims.series] = True
            self._periods.add(claims.series, claims.ds)
            news = writer.compare(claims)
            self._contradicted(rows, news)
            writer.observe(self._judged(writer, rows, news))
        writer.counts = replace(writer.counts, refused=self.refusals.rows)

    def publish(self) -> None:
        """Put the refused rows where they were asked for, before the rest is there for good."""
        self.refusals.publish(self.table)

    @property
    def faults(self) -> list[Fault]:
        """What is wrong, by line."""
        where = self.table.understood.mapping.get("series_id", "series_id")
        expected = {name: self._checks.expected_series(name) for name in self._unknown.names}
        found = [*self.refusals.faults, *self._unknown.faults(self._file, where, expected)]
        return sorted(found, key=lambda fault: fault.line or 0)

    @property
    def more(self) -> int:
        """How much is wrong besides ``faults``: of what is wrong in rows each, of unknown series the rows."""
        return self.refusals.more + self._unknown.more

    @property
    def touched(self) -> list[str]:
        """Ids of the series that rows are of."""
        return [self._checks.ids[k] for k in np.flatnonzero(self._touched).tolist()]

    @property
    def notes(self) -> Iterator[str]:
        """What is to be said of it besides."""
        yield from self._periods.notes()
        yield from sentences(self._held)
        yield from doubts(self.table.layout, self.touched, self._series)
        if self.refusals.rows and self._options.quarantine is not None:
            were = "was" if self.refusals.rows == 1 else "were"
            yield f"{counted(self.refusals.rows, 'row')} {were} refused: {self._options.quarantine}"

    def _claims(self, rows: Rows) -> Claims:
        """What rows say; where they do not say since when it is known, that is derived."""
        ds, known = rows["ds"].astype("datetime64[D]"), rows["known"].astype("datetime64[us]")
        now = np.datetime64(self._now.astimezone(UTC).replace(tzinfo=None), "us")
        unsaid, assumed = rows["known"] == UNSAID, rows["assumed"].copy()
        if unsaid.any():
            released = self._periods.ends(rows["series"][unsaid], ds[unsaid]) + self._lags[rows["series"][unsaid]]
            derived = (released <= now) & ~self._observed[rows["series"][unsaid]]
            known[unsaid], assumed[unsaid] = np.where(derived, released.astype("datetime64[us]"), now), derived
        dated = rows["dated"] & ~unsaid
        return Claims(self._checks.ids, rows["series"], ds, known, rows["value"], rows["flag"], assumed, dated)

    def _repeated(self, rows: Rows, lines: npt.NDArray[np.uint32]) -> None:
        def say(k: int) -> tuple[object, str]:
            ds = str(rows["ds"][k].astype("datetime64[D]"))
            return ds, f"each period once; {ds} is on line {lines[k]} already"

        self.refusals.late(self._file, rows, "ds", say)

    def _contradicted(self, rows: Rows, news: News) -> None:
        at = np.array(list(news.contradicted), dtype=np.intp)
        expected = list(news.contradicted.values())
        self.refusals.late(self._file, rows[at], "value", lambda k: (float(rows["value"][at[k]]), expected[k]))

    def _judged(self, writer: Writer, rows: Rows, news: News) -> News:
        """The news with what the gate holds; what it lets in besides, for it is confirmed now, is written."""
        new = np.flatnonzero(news.new)
        if not len(new):
            return news
        kind, by = news.kind.copy(), self._gate.accepted_by
        for piece in np.split(new, np.flatnonzero(np.diff(rows["series"][new])) + 1):
            series = self._series[self._checks.ids[news.claims.series[piece[0]]]]
            units = {self._checks.words[k] for k in np.unique(rows["unit"][piece]).tolist()}
            if units <= {"", series.unit} and self._gate.undisputed(
                series, news.claims.ds[piece], news.claims.value[piece]
            ):
                continue
            told = [self._observation(rows, news, k) for k in piece.tolist()]
            judged = self._gate.judge(series, told, self._events)
            places = {(one.ds, one.known): k for one, k in zip(told, piece.tolist(), strict=True)}
            passed = [*judged.passed, *(held.observation for held in judged.held if by)]
            counting = {(one.ds, one.known) for one in passed}
            kind[[k for place, k in places.items() if place not in counting]] = ClaimKind.HELD
            self._held += () if by else judged.held
            besides = [one for one in passed if (one.ds, one.known) not in places]
            if besides:
                writer.observe(writer.compare(Claims.of(besides)))
            record(writer, passed, judged.held, self._now, by)
        return replace(news, kind=kind)

    def _observation(self, rows: Rows, news: News, k: int) -> Observation:
        words = self._checks.words
        source = words[rows["source"][k]] or self._options.source
        return replace(news.claims.observation(k), unit=words[rows["unit"][k]], source=source)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Look for no cycles meanwhile: millions of tuples have none, and looking takes a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
