"""Cells of text in CSV that other programs would take for something else, and the apostrophe that keeps them text.

A spreadsheet runs a cell that begins with ``=``, ``+``, ``-`` or ``@`` (also in full width) as a formula, and one that
separates cells by ``;`` finds cells within ours. Readers that guess types (pandas, DuckDB, readr, polars, spreadsheets)
take words such as ``t`` for a truth value, ``NA`` for nothing and ``1e5`` or ``2026-01`` for a number or a day.
"""

from __future__ import annotations

import re
from functools import lru_cache

_SIGNS = "=+\\-@＝＋－＠\t\r"
#: Where a formula could begin: at the start, or where another dialect would begin a cell or a line.
_FORMULA = re.compile(rf'(^|[;\t\r\n]"*)(?=[{_SIGNS}])')
_GUARDED = re.compile(rf"""(^|[;\t\r\n]"*)'(?=[{_SIGNS}])""")

#: Words for a truth value, for nothing and for what is no number; ``None`` is one in this spelling only.
_WORDS = frozenset(
    ["t", "f", "true", "false", "yes", "no", "na", "n/a", "nan", "null", "<na>", "#n/a", "#na", "inf", "infinity"]
)
_NUMBER = r"([0-9]+[.,]?[0-9]*|[.,][0-9]+)(e[+-]?[0-9]+)?|0x[0-9a-f]+"
_MONTH = (
    r"(jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|oct(ober)?|(nov|dec)(ember)?)"
)
_DAY = (
    r"[0-9]{4}[-/.](0?[1-9]|1[0-2])([-/.][0-3]?[0-9]([ t][0-9:.z+-]*)?)?|"
    r"[0-3]?[0-9][-/.][0-3]?[0-9]([-/.][0-9]{2,4})?|"
    rf"{_MONTH}[-/. ]?[0-9]{{1,4}}|[0-9]{{1,4}}[-/. ]?{_MONTH}([-/. ]?[0-9]{{1,4}})?"
)
_TIME = r"[0-9]{1,2}:[0-9]{2}(:[0-9.]+)?"
_SIGNED = re.compile(rf"[+-]?\s*({_NUMBER}|[0-9][0-9., ]*)?\s*%?", re.IGNORECASE | re.ASCII)
_GUESSED = re.compile(f"{_NUMBER}|{_DAY}|{_TIME}", re.IGNORECASE | re.ASCII)


@lru_cache(4096)
def guarded(text: str) -> str:
    """The text with an apostrophe wherever a program would run it, or before all of it if one would take it for no
    text; else as it is."""
    return f"'{text}" if _is_guessed(text) else _FORMULA.sub(r"\1'", text)


def inert(text: str) -> str:
    """The text with an apostrophe wherever a spreadsheet would run it, for a file that is mended and read again:
    numbers and days stay what they are, and so does a sign alone."""
    return text if _SIGNED.fullmatch(text) else _FORMULA.sub(r"\1'", text)


def plain(text: str) -> str:
    """The text that was guarded."""
    if "'" not in text:
        return text
    if text.startswith("'") and _is_guessed(text[1:]):
        return text[1:]
    return _GUARDED.sub(r"\1", text)


def _is_guessed(text: str) -> bool:
    return text.casefold() in _WORDS or text == "None" or bool(_GUESSED.fullmatch(text))
