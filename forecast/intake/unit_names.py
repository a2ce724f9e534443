"""Units as files write them, in headers, rows below these and cells: which of them are the same, and which others."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import zip_longest

#: Currencies by the words for them; a dollar without a country is the American one.
_CODES = ("USD", "EUR", "CNY", "GBP", "JPY", "INR", "AUD", "CAD", "CHF", "ZAR", "RUB", "KRW", "BRL", "CLP", "MXN")
_CURRENCIES = {
    **{code.casefold(): code for code in _CODES},
    **dict.fromkeys(("$", "dollar", "dollars"), "USD"),
    **dict.fromkeys(("€", "euro", "euros"), "EUR"),
    **dict.fromkeys(("rmb", "yuan"), "CNY"),
    "£": "GBP",
    "yen": "JPY",
    "rupees": "INR",
}
_CENTS = ("usc", "¢", "c", "ct", "cts", "cent", "cents")
#: Weights in grams by their usual sign; ounces of metals are troy.
_GRAMS = {"t": 1e6, "kg": 1e3, "g": 1.0, "lb": 453.59237, "troy oz": 31.1034768}
_WEIGHTS = {
    **dict.fromkeys(("t", "mt", "tonne", "tonnes", "ton", "tons"), "t"),
    **dict.fromkeys(("kg", "kgs", "kilogram", "kilograms"), "kg"),
    **dict.fromkeys(("g", "gram", "grams"), "g"),
    **dict.fromkeys(("lb", "lbs", "pound", "pounds"), "lb"),
    **dict.fromkeys(("oz", "ozt", "toz", "ounce", "ounces"), "troy oz"),
}
_OTHERS = {"dmt": "dmt", "bbl": "bbl", "barrel": "bbl", "barrels": "bbl"}
_SCALES = {
    **dict.fromkeys(("thousand", "thousands", "000", "1000"), 1e3),
    **dict.fromkeys(("million", "millions", "mln", "mn", "mio", "m"), 1e6),
    **dict.fromkeys(("billion", "billions", "bn"), 1e9),
}
_SCALE_NAMES = {1.0: "", 1e3: "thousand ", 1e6: "million ", 1e9: "billion "}
#: Words that change nothing before these.
_IDLE = {
    "us": (*_CENTS, "$", "dollar", "dollars"),
    "metric": ("t", "ton", "tons", "tonne", "tonnes"),
    "troy": ("oz", "ounce", "ounces"),
    "of": ("t", "ton", "tons", "tonne", "tonnes", "kg", "usd", "us", "$"),
}
_TOKEN = re.compile(r"[a-z]+|[0-9]+|[$€£¢]")
_BRACKETS = re.compile(r"[(\[]([^()\[\]]+)[)\]]")


class Likeness(Enum):
    """How a unit compares with another."""

    SAME, OTHER, UNSURE = "same", "other", "unsure"


@dataclass(frozen=True)
class _Part:
    """An amount of one ``kind`` (a currency, ``weight``, …; empty where only its size is told); ``text``: as usual."""

    kind: str
    size: float
    text: str

    @property
    def is_money(self) -> bool:
        return self.kind in _CODES

    def likeness(self, other: _Part) -> Likeness:
        if not (self.kind and other.kind) or {self.kind, other.kind} == {"weight", "dmt"}:
            return Likeness.UNSURE
        same = self.kind == other.kind and math.isclose(self.size, other.size, rel_tol=1e-3)
        return Likeness.SAME if same else Likeness.OTHER


@dataclass(frozen=True)
class Unit:
    """A unit whose words are all known; ``certain``: whether they have one meaning (Mt may be millions of tonnes)."""

    of: _Part
    per: _Part | None
    certain: bool

    def __str__(self) -> str:
        return self.of.text + (f"/{self.per.text}" if self.per else "")


def read_unit(text: str) -> Unit | None:
    """The unit that a text is, if it is nothing else."""
    small = re.sub(r"\bper\b", "/", text.strip().casefold().replace("’", "'").replace("1,000", "1000"))
    parts = small.split("/")
    if len(parts) > 2 or re.sub(r"[\s.'/×x-]|" + _TOKEN.pattern, "", small):
        return None
    read = [_part(part) for part in parts]
    of, per = read[0], read[1] if len(read) == 2 else None
    if of is None or (len(read) == 2 and (per is None or not per.kind)):
        return None
    if per is None and "c" in _TOKEN.findall(small):
        return None
    if per is None and re.search(r"\bMt\b", text):
        return Unit(replace(of, text="Mt"), None, False)
    return Unit(of, per, bool(of.kind))


def named_in(header: str) -> Unit | None:
    """The unit that a header names: in brackets, or after its last comma."""
    texts = [*reversed(_BRACKETS.findall(header)), *header.rsplit(",", 1)[1:]]
    return next((unit for text in texts if (unit := read_unit(text))), None)


def units_below(cells: Mapping[int, Sequence[str]], periods: Sequence[str]) -> dict[int, Unit]:
    """Units by column in rows below a header that come before the first period."""
    found: dict[int, Unit] = {}
    for row, period in enumerate(periods):
        if period.strip():
            break
        for at, texts in cells.items():
            if unit := read_unit(texts[row].strip().strip("()[]")):
                found[at] = unit
    return found


def likeness(unit: Unit, text: str) -> Likeness:
    """How a unit that a header names compares with the one of a series."""
    series = read_unit(text)
    if series is None or not unit.certain:
        return Likeness.UNSURE
    of = unit.of.likeness(series.of)
    if (unit.per is None) != (series.per is None):
        # the price of a tonne may be called one in dollars, and it is none in yuan
        if unit.per is None and unit.of.is_money and series.of.is_money:
            return of if of is Likeness.SAME or unit.of.kind != series.of.kind else Likeness.UNSURE
        return Likeness.UNSURE
    if unit.per is None or series.per is None or of is not Likeness.SAME:
        return of
    return unit.per.likeness(series.per)


def is_same(one: str, other: str) -> bool:
    """Whether two units that cells say are written differently at most."""
    if "".join(one.split()).casefold() == "".join(other.split()).casefold():
        return True
    a, b = read_unit(one), read_unit(other)
    if a is None or b is None or not (a.certain and b.certain) or (a.per is None) != (b.per is None):
        return False
    return likeness(a, other) is Likeness.SAME


def _part(text: str) -> _Part | None:
    tokens = _TOKEN.findall(text)
    tokens = [one for one, after in zip_longest(tokens, tokens[1:]) if after not in _IDLE.get(one, ())]
    scale, words = 1.0, []
    for token in tokens:
        if token[:1] == "k" and token[1:] in ("t", "tonne", "tonnes"):
            scale, token = scale * 1e3, token[1:]
        if token in _SCALES:
            scale *= _SCALES[token]
        else:
            words.append(token)
    named = _SCALE_NAMES.get(scale, f"{scale:g} ")
    if not words:
        return _Part("", scale, named.strip()) if scale > 1 and tokens[-1] != "m" else None
    if len(words) > 1:
        return None
    (word,) = words
    if word in _WEIGHTS:
        weight = _WEIGHTS[word]
        return _Part("weight", scale * _GRAMS[weight], named + weight)
    if word in _CURRENCIES:
        return _Part(_CURRENCIES[word], scale, named + _CURRENCIES[word])
    if word in _CENTS:
        return _Part("USD", scale / 100, f"{named}USc")
    return _Part(_OTHERS[word], scale, named + _OTHERS[word]) if word in _OTHERS else None
