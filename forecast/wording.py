"""Words for counts and days in sentences that users read."""

from __future__ import annotations

import datetime as dt
import re

#: The folders before the name of a file; those of an address on the web stay.
_FOLDERS = re.compile(r"(?<![\w.:/])/(?:[^\s/'\":;,]+/)+")
_NUMERALS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
#: Nouns that are the same for one and for several.
_UNCHANGED = frozenset({"series"})


def counted(number: int, noun: str) -> str:
    """``1 series``, ``2 rows``, ``7,143 forecasts``."""
    return f"{number:,} {plural(number, noun)}"


def counted_in_words(number: int, noun: str) -> str:
    """``three months``; numbers above twelve in digits."""
    return f"{numeral(number)} {plural(number, noun)}"


def plural(number: int, noun: str) -> str:
    """The noun as it stands behind a number."""
    return noun if number == 1 or noun in _UNCHANGED else noun + "s"


def numeral(number: int) -> str:
    """A number in words up to twelve, above in digits."""
    return _NUMERALS[number] if number < len(_NUMERALS) else f"{number:,}"


def day_in_words(day: dt.date) -> str:
    """``8 Oct 2026``."""
    return f"{day.day} {day:%b %Y}"


def without_folders(text: str) -> str:
    """A text for strangers: of each file only its name, for where it lies is nobody's business."""
    return _FOLDERS.sub("", text)
