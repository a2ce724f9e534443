"""Dates in notices: from when a measure applies, and until when."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator

from forecast.sources.reading.text import sentences

_MONTHS = {
    name: number
    for number, name in enumerate(
        (
            *("january", "february", "march", "april", "may", "june"),
            *("july", "august", "september", "october", "november", "december"),
        ),
        start=1,
    )
}
_DATE = rf"({'|'.join(_MONTHS)})\s+(\d{{1,2}}),?\s+(\d{{4}})"
_AFTER = r"[^.;]{0,100}?"
_EFFECTIVE = re.compile(
    rf"\b(?:effective|applicable|takes? effect|took effect|in effect|on or after|beginning|starting|as of)\b"
    rf"{_AFTER}{_DATE}",
    re.I,
)
#: In a section of dates the date may stand first: "January 1, 2025, at 12:01 am EST: Tariff increases are applicable".
_FIRST = re.compile(rf"^{_DATE}{_AFTER}\b(?:effective|applicable|appl(?:y|ies)|increases?)\b", re.I)
_PUBLICATION = re.compile(rf"\b(?:effective|applicable)\b{_AFTER}\bdate of (?:its )?publication\b", re.I)
_AFTER_SIGNING = re.compile(
    rf"\b(?:effective|on or after|takes? effect)\b{_AFTER}\b(\d{{1,3}}) days after the date of this "
    r"(?:order|proclamation)",
    re.I,
)
_UNTIL = re.compile(rf"\b(?:through|until|expires?|expiring|before|ends?)\b{_AFTER}{_DATE}", re.I)
_COMMENTS = re.compile(r"\b(?:comments?|hearings?|rebuttals?|submissions?|requests? to appear)\b", re.I)


def effective_days(text: str, since: dt.date) -> list[dt.date]:
    """The days from ``since`` on from which a plain text says that something applies, the first first."""
    found = {day for sentence in sentences(text) if not _COMMENTS.search(sentence) for day in _said(sentence)}
    return sorted(day for day in found if day >= since)


def days_after_signing(text: str, signed: dt.date) -> list[dt.date]:
    """The days from which an order applies that are told as days after it was signed, the first first."""
    return sorted({signed + dt.timedelta(days=int(days)) for days in _AFTER_SIGNING.findall(text)})


def applies_from_publication(text: str) -> bool:
    """Whether a plain text says that it applies from its own publication on."""
    return bool(_PUBLICATION.search(text))


def last_days(text: str, announced: dt.date) -> list[dt.date]:
    """The days after ``announced`` until which a plain text says that something lasts, the first first."""
    matches = (match for sentence in sentences(text) for match in _UNTIL.finditer(sentence))
    return sorted({day for day in _days(matches) if day > announced})


def _said(sentence: str) -> Iterator[dt.date]:
    yield from _days((*_FIRST.finditer(sentence), *_EFFECTIVE.finditer(sentence)))


def _days(matches: Iterable[re.Match[str]]) -> Iterator[dt.date]:
    for match in matches:
        month, number, year = match.groups()
        try:
            yield dt.date(int(year), _MONTHS[month.lower()], int(number))
        except ValueError:  # no day, such as February 30
            continue
