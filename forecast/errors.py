"""The errors orecast raises on purpose: a small tree, each refining a built-in and carrying its facts.

Anything else that escapes is a bug. The command line prints ``str(error)`` on one line; the service turns
the same object into one problem+json shape.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


class ForecastError(Exception):
    """The root: something orecast refuses to do, and why."""


@dataclass(frozen=True)
class Fault:
    """One wrong value: where it stands, what it is, what would have been right.

    ``where`` is a path in a request (``query.h``, ``events.2.announced``) or a column of a file; ``file`` and
    ``line`` (1 = header) are set for files only; ``says``: what is wrong where it is no value.
    """

    where: str
    value: object
    expected: str
    file: str | None = None
    line: int | None = None
    says: str = ""

    def __str__(self) -> str:
        line = f":{self.line}" if self.line else ""
        place = f"{self.file}{line}: " if self.file else ""
        if self.says:
            return f"{place}{self.where}: {self.says}; {self.expected}"
        return f"{place}{self.where} = {self.value!r}: expected {self.expected}"


def nearest(name: str, known: Iterable[str], n: int = 3, cutoff: float = 0.5) -> tuple[str, ...]:
    """At most ``n`` of the known names that are spelt like ``name``, the nearest first; ``cutoff``: how alike, to 1."""
    return tuple(difflib.get_close_matches(name, sorted(known), n=n, cutoff=cutoff))


def known_name(what: str, name: str, known: Iterable[str], when: str = "") -> str:
    """What would have been right in place of a name that is not known: ``a known series; nearest: price.copper``.

    ``when``: the day on which it has to be known, as in ``on 2026-07-15``.
    """
    expected = f"{with_article(what)} known {when}" if when else f"a known {what}"
    return expected + _hint(nearest(name, known))


def with_article(noun: str) -> str:
    """``a series``, ``an event``."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def one_of(words: Iterable[str]) -> str:
    """What would have been right where only some words are: ``one of a, b, c``."""
    return f"one of {', '.join(words)}"


def _hint(found: tuple[str, ...]) -> str:
    return f"; nearest: {', '.join(found)}" if found else ""


class InvalidInput(ForecastError, ValueError):
    """Input that cannot be used, with every fault that was found in it."""

    def __init__(self, faults: Fault | Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = (faults,) if isinstance(faults, Fault) else tuple(faults)
        super().__init__("; ".join(str(fault) for fault in self.faults))


class Malformed(InvalidInput):
    """Text that is not what it says it is: not UTF-8, not JSON, not YAML."""


class NotFound(ForecastError, LookupError):
    """Nothing has this name; carries the nearest names that exist, and the ``rule`` that the name breaks if it does."""

    def __init__(self, what: str, name: str, known: Iterable[str] = (), rule: str = "") -> None:
        self.what, self.name, self.rule = what, name, rule
        self.nearest = nearest(name, known)
        super().__init__(f"no {what} {name!r}{_hint(self.nearest)}" + (f"; expected {rule}" if rule else ""))


class NotTrained(ForecastError, LookupError):
    """The series exists, but no run of it can be served yet."""

    def __init__(self, series_id: str, why: str = "it has not been trained", remedy: str = "") -> None:
        self.series_id = series_id
        super().__init__(f"no forecast for {series_id!r}: {why}; {remedy or f'run: orecast train {series_id}'}")


class Insufficient(NotTrained):
    """The series has too few values for a forecast, and nobody insisted on one."""

    def __init__(self, series_id: str, why: str) -> None:
        asked = "insufficient=true (--insufficient; in a file of scenarios, insufficient: true)"
        super().__init__(series_id, why, f"to have one even so, ask with {asked}")


class NotTested(NotTrained):
    """The serving run keeps no forecasts from past periods."""

    def __init__(self, series_id: str) -> None:
        self.series_id = series_id
        ForecastError.__init__(
            self,
            f"no past forecasts of {series_id!r}: its run could not be tested, or is of a version that did not keep "
            f"them; run: orecast train {series_id}, or for a test of your own: orecast backtest {series_id} "
            "--origins 24",
        )


class NothingTrained(NotTrained):
    """No series has a run at all."""

    def __init__(self) -> None:
        ForecastError.__init__(self, "nothing is trained; run: orecast train")


class NotEstimated(ForecastError, LookupError):
    """The serving run tells no effect of an event on a series, and ``why``; that is not to say that it had none."""

    def __init__(self, series_id: str, event_id: str, why: str) -> None:
        self.series_id, self.event_id, self.why = series_id, event_id, why
        super().__init__(f"the effect of {event_id} on {series_id} was not estimated: {why}")


class Unservable(NotTrained):
    """The series can have no run: an older version took in an id that the ``rule`` of today refuses."""

    def __init__(self, series_id: str, rule: str) -> None:
        way_out = f"take it in under another id, and retire this one: orecast series retire {series_id}"
        super().__init__(series_id, f"its id is refused, expected {rule}", way_out)


class Retired(ForecastError, LookupError):
    """The series was retired (``since``, UTC): what it had is kept, and nothing is served of it."""

    def __init__(self, series_id: str, since: datetime) -> None:
        self.series_id, self.since = series_id, since
        undo = f"to bring it back: orecast series retire {series_id} --undo"
        super().__init__(f"series {series_id!r} was retired on {since:%Y-%m-%d at %H:%M} UTC and is not served; {undo}")


class CorruptArtifact(ForecastError, OSError):
    """A stored run whose files are missing, cut short or not the bytes its card promises.

    ``path``: of a file of a run, below the folder of all runs, so that an answer does not tell where that lies.
    """

    def __init__(self, path: str, why: str) -> None:
        self.path, self.why = path, why
        super().__init__(f"corrupt artifact {path}: {why}")


class Damaged(CorruptArtifact):
    """The series was trained, and none of its runs can be served; ``path``: the folder of its runs."""

    def __init__(self, series_id: str, reasons: Iterable[str]) -> None:
        self.series_id, self.path, self.why = series_id, series_id, "; ".join(reasons)
        remedy = f"run: orecast train {series_id}"
        ForecastError.__init__(self, f"no forecast for {series_id!r}: {self.why}; {remedy}")


class UnknownFormat(CorruptArtifact):
    """A stored run, sound as it may be, in a format that this version does not know."""

    def __init__(self, path: str, why: str) -> None:
        self.path, self.why = path, why
        ForecastError.__init__(self, f"run {path} cannot be read: {why}")


class Unavailable(ForecastError, ConnectionError):
    """The database of the catalogue cannot be used now: down, locked, full, or not to be read or written."""

    def __init__(self, database: str, why: str) -> None:
        self.database, self.why = database, why
        super().__init__(f"the catalogue {database} cannot be used: {why}")


class Locked(Unavailable):
    """Another writer has held the database of the catalogue for longer than this one could wait."""


class InProgress(ForecastError, TimeoutError):
    """The same request is being carried out; ``seconds``: after which it is over, or may be begun anew."""

    def __init__(self, key: str, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(f"the request with the idempotency key {key!r} is being carried out")


class KeyReused(ForecastError, ValueError):
    """An idempotency key was sent with another request before."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"the idempotency key {key!r} was sent with another request; expected a new key for a new request"
        )


class Busy(ForecastError, TimeoutError):
    """Another process holds a lock for longer than anything should take."""

    def __init__(self, path: str, seconds: float) -> None:
        self.path = path
        super().__init__(f"{path} has been locked by another process for {seconds:g} seconds; is one hanging?")


class SourceFailed(ForecastError, ConnectionError):
    """A public source gave nothing that can be used: it is down, refuses, or its answer is cut or in error."""

    def __init__(self, source: str, why: str) -> None:
        self.source, self.why = source, why
        super().__init__(f"{source}: {why}")


class SourceRefused(SourceFailed):
    """A public source answered that it will not: ``status`` of HTTP, and what it ``said``, as it said it."""

    def __init__(self, source: str, why: str, status: int, said: str) -> None:
        self.status, self.said = status, said
        super().__init__(source, why)


class LayoutChanged(SourceFailed):
    """A source answered in another layout than it had: ``place`` of it, what was ``found``, what was ``expected``."""

    def __init__(self, source: str, place: str, found: str, expected: str = "") -> None:
        self.place, self.found, self.expected = place, found, expected
        rest = f"; expected {expected}" if expected else ""
        super().__init__(source, f"the layout changed: {place}: {found}{rest}")


class TooShort(ForecastError, ValueError):
    """Too little history for what was asked."""


class MissingDesign(ForecastError, ValueError):
    """A fitted model needs future values of its intervention columns and did not get them."""

    def __init__(self, missing: Iterable[str]) -> None:
        self.missing = tuple(missing)
        super().__init__(f"future values are missing for the intervention columns {', '.join(self.missing)}")


class FitFailed(ForecastError, RuntimeError):
    """A model could not be fitted to this history."""


class OutOfTime(ForecastError, TimeoutError):
    """A question took longer than the time it may have."""

    def __init__(self, what: str, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"{what} took longer than {seconds:g} s; ask for fewer series, scenarios or months of slip")


class Misconfigured(ForecastError, ValueError):
    """A setting has a value that cannot be used."""


class MissingExtra(ForecastError, ImportError):
    """What was asked for needs libraries of an extra of the package that is not installed.

    ``lighter``: a command that installs what is enough of it.
    """

    def __init__(self, what: str, extra: str, lighter: str = "") -> None:
        self.extra = extra
        instead = f", or less of it: {lighter}" if lighter else ""
        super().__init__(f"{what} needs the extra {extra!r}: pip install 'orecast[{extra}]'{instead}")
