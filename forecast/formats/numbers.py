"""Numbers as people write them: decimal signs, thousands separators, marks of footnotes, words for nothing.

A number is read only where it has one reading. Certain by itself is what has both signs (``1.234.567,8``), more than
one group of three (``1,234,567``) or a group that is none (``12,5``); ``1,234`` is what the rest of its column says, or
the user, and else refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

#: How tables say that nothing was published; in small letters.
NOT_PUBLISHED = frozenset(["", "na", "n/a", "n.a.", "#n/a", "nan", "null", "none", *"….-–—:", "..", "...", "--"])
#: The same of statistical offices, which have words of their own.
MISSING = NOT_PUBLISHED | frozenset(["c", "w", "x", "nd", "n/d", "(d)", "(s)", "(na)", "(x)", "(w)", ":c", ":u", ":z"])
_PLAIN = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_GROUPS = {
    sign: re.compile(rf"[+-]?[1-9][0-9]{{0,2}}([{other} '’])[0-9]{{3}}(?:\1[0-9]{{3}})*(?:\{sign}[0-9]+)?")
    for sign, other in ((".", ","), (",", r"\."))
}
_COMMA = re.compile(r"[+-]?(?:[0-9]+(?:,[0-9]+)?|,[0-9]+)(?:[eE][+-]?[0-9]+)?")
_DOUBTFUL = re.compile(r"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}")
#: Provisional, revised, estimated, and other states that publishers write behind a number; not b, k, m or t, which may
#: stand for billions, thousands, millions and tonnes.
_MARK = re.compile(
    r"(?:\s*\((?:[a-z]{1,2}|[0-9]{1,2})\)|\s*[*†‡§¶¹²³⁰⁴-⁹ᵉᵖʳ]+|(?<=[0-9])\s*[pr]|\s+[preduis]{1,3})+$", re.I
)
_FIRST_MARK = re.compile(r"^(?:\((?:[a-z]{1,2}|[0-9])\)\s*|[ᵉᵖʳ]\s*|[epr]\s+)(?=[0-9])", re.I)
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_SPACES = re.compile("[\u00a0\u2007\u2009\u202f]")


def without_marks(text: str) -> str:
    """The text without marks of footnotes behind and before it, and with plain spaces."""
    text = _SPACES.sub(" ", _INVISIBLE.sub("", text)).replace("−", "-").strip()
    return _FIRST_MARK.sub("", _MARK.sub("", text)).strip()


def is_missing(text: str) -> bool:
    """Whether a cell says that nothing was published."""
    if len(text) > 12:
        return False
    text = text.lower().replace(" ", "")
    return text in MISSING or without_marks(text) in MISSING


def decimal_sign(text: str) -> str:
    """``.`` or ``,`` where the number itself is certain about it, else nothing."""
    text = without_marks(text)
    if _DOUBTFUL.fullmatch(text) or not ("." in text or "," in text):
        return ""
    readings = [
        sign for sign, plain in ((".", _PLAIN), (",", _COMMA)) if plain.fullmatch(text) or _GROUPS[sign].fullmatch(text)
    ]
    return readings[0] if len(readings) == 1 else ""


def is_doubtful(text: str) -> bool:
    """Whether it is a number that has two readings, such as ``1,234``."""
    return bool(_DOUBTFUL.fullmatch(without_marks(text)))


def settled(texts: Iterable[str]) -> tuple[set[str], bool]:
    """Decimal signs that some number of a column is certain of, and whether others are in doubt."""
    signs, doubtful = set(), False
    for text in texts:
        if "." in text or "," in text:
            if sign := decimal_sign(text):
                signs.add(sign)
            else:
                doubtful = doubtful or is_doubtful(text)
    return signs, doubtful


@dataclass(frozen=True)
class NumberReader:
    """Cells of one file as numbers. ``decimal``: the sign that is declared or that its columns are certain of, or
    nothing; ``pointed``: whether a single point is a decimal point where nothing says otherwise."""

    decimal: str = ""
    pointed: bool = True

    def number(self, text: str) -> float:
        """Raises ``ValueError`` with what was expected."""
        if self.decimal != "," and _PLAIN.fullmatch(text) and (self.pointed or self.decimal or not is_doubtful(text)):
            return self._finite(text)
        if is_missing(text):
            raise ValueError("a number; leave out a period that was not published")
        bare = without_marks(text)
        sign = self.decimal or decimal_sign(bare) or ("." if self.pointed and "," not in bare else "")
        if not sign and is_doubtful(bare):
            raise ValueError("a number whose decimal sign is certain; say which it is: --decimal , or --decimal .")
        sign = sign or "."
        if (_COMMA if sign == "," else _PLAIN).fullmatch(bare):
            return self._finite(bare.replace(",", "."))
        if _GROUPS[sign].fullmatch(bare):
            thousands = ",.".replace(sign, "")
            return self._finite(re.sub(rf"[\{thousands} '’]", "", bare).replace(",", "."))
        raise ValueError(self._expected)

    def _finite(self, text: str) -> float:
        value = float(text)
        if not math.isfinite(value):
            raise ValueError(self._expected)
        return value

    @property
    def _expected(self) -> str:
        sign = "comma" if self.decimal == "," else "point"
        return f"a number, zero or more, with a decimal {sign}; thousands in groups of three"
