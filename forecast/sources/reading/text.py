"""Texts of notices as one line: without page marks, line breaks and the dots of abbreviations that end no sentence."""

from __future__ import annotations

import html
import re

_MARKUP = re.compile(r"<[^>]{0,200}>")
_PAGES = re.compile(r"\[\[Page \w+\]\]|\\\d+\\")
_BROKEN = re.compile(r"(?<=\w)-\s*\n\s*(?=\w)")
#: Characters that steer a terminal or turn a line around, and say nothing; blanks are none of them.
_STEERING = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069]")
_DOTS = {"a.m.": "am", "p.m.": "pm", "U.S.C.": "USC", "U.S.": "US", "No.": "No", "Inc.": "Inc", "Co.": "Co"}
_QUOTES = str.maketrans({"\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"', "\xa0": " ", "\u2013": "-"})


def plain(text: str) -> str:
    """A text as it was published, tags and entities included, as one line."""
    found = html.unescape(_MARKUP.sub(" ", text)).translate(_QUOTES)
    found = _BROKEN.sub("-", _PAGES.sub(" ", _STEERING.sub("", found)))
    for dotted, bare in _DOTS.items():
        found = found.replace(dotted, bare)
    return " ".join(found.split())


def sentences(text: str) -> list[str]:
    """Sentences of a plain text; clauses that a semicolon parts are sentences too."""
    return [part for part in re.split(r"(?<=[.;])\s+(?=[A-Z(\"'])", text) if part]
