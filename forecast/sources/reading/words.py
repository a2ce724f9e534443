"""The words by which notices name minerals and places, and the codes by which they mean goods."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from forecast.catalog.csv_reader import Reading, Row, items, read_rows
from forecast.catalog.csv_records import read_minerals
from forecast.events.exposure import Minerals

#: A code of at least six digits with its dots, 2846.10.00 or 8505.11.0070; chapters 98 and 99 hold no goods.
_CODE = re.compile(r"(?<![\d.,$-])((?!9[89])\d{4})\.(\d{2})(?:\.\d{2,4}(?:\.\d{2})?)?(?![\d%]|\.\d)")
_Items = Annotated[tuple[str, ...], BeforeValidator(items)]


class _MineralWords(Row):
    words: Annotated[str, Field(min_length=1, description="words that notices use")]
    minerals: _Items = ()


class _PlaceName(Row):
    name: Annotated[str, Field(min_length=1, description="the name of a country")]
    place: str = ""


class _Code(Row):
    code: Annotated[str, Field(pattern=r"^\d{2}(\d{2}){0,2}$", description="a code of 2, 4 or 6 digits")]
    good: str
    minerals: _Items = ()
    mixes: str = ""
    changes: str = ""


@dataclass(frozen=True)
class Names:
    """Names and what they mean; of two that begin alike the longer one is meant, and one may mean nothing."""

    meanings: Mapping[str, tuple[str, ...]]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        names = sorted(self.meanings, key=len, reverse=True)
        parts = (r"[\s-]+".join(map(re.escape, re.split(r"[\s-]+", name))) for name in names)
        return re.compile(rf"(?<![\w-])({'|'.join(parts)})(?:e?s)?(?!\w)", re.I)

    def found(self, text: str) -> Iterator[str]:
        """What is meant by the names in a text, in order, as often as it is."""
        for match in self._pattern.finditer(text):
            yield from self._meaning(match[1])

    def _meaning(self, written: str) -> tuple[str, ...]:
        return self._by_spelling[re.sub(r"[\s-]+", " ", written).lower()]

    @cached_property
    def _by_spelling(self) -> dict[str, tuple[str, ...]]:
        return {re.sub(r"[\s-]+", " ", name).lower(): meaning for name, meaning in self.meanings.items()}


@dataclass(frozen=True)
class Lexicon:
    """Words for minerals and places, minerals by code, and the tree of minerals."""

    minerals: Names
    places: Names
    codes: Mapping[str, tuple[str, ...]]
    tree: Minerals

    @classmethod
    def read(cls, folder: Path) -> Lexicon:
        """From the folder of the bundled data. Raises ``InvalidInput`` with every fault in its tables."""
        reading = Reading()
        tables = folder / "sources"
        minerals = {
            one.words: one.minerals for _, one in read_rows(tables / "mineral_words.csv", _MineralWords, reading)
        }
        places = {one.name: (one.place,) for _, one in read_rows(tables / "place_names.csv", _PlaceName, reading)}
        codes = {
            one.code: one.minerals
            for _, one in read_rows(tables / "codes.csv", _Code, reading, {"mineral": "minerals"})
        }
        tree = Minerals.from_rows(read_minerals(folder / "minerals.csv", reading))
        reading.finish()
        return cls(Names(minerals), Names(places), codes, tree)

    def minerals_in(self, text: str) -> tuple[str, ...]:
        """The minerals that a text names, each once and none that is part of another one."""
        return self.widest(self.minerals.found(text))

    def places_in(self, text: str) -> tuple[str, ...]:
        """The places that a text names, each once, in order."""
        return tuple(dict.fromkeys(place for place in self.places.found(text) if place))

    def minerals_of(self, codes: Iterable[str]) -> tuple[str, ...]:
        """The minerals of goods by code, of which each is looked up by as many digits as are known."""
        return self.widest(mineral for code in codes for mineral in self._of_code(code))

    def widest(self, minerals: Iterable[str]) -> tuple[str, ...]:
        """Each once, in order, and none whose parent is named too."""
        found = dict.fromkeys(minerals)
        return tuple(one for one in found if not self.tree.ancestors(one) & found.keys())

    def _of_code(self, code: str) -> tuple[str, ...]:
        known = [code[:digits] for digits in (6, 4, 2) if code[:digits] in self.codes]
        return self.codes[known[0]] if known else ()


def codes_in(text: str) -> tuple[str, ...]:
    """Codes of six digits in a text, each once; of a range (7206.10 through 7216.50) its two ends."""
    return tuple(dict.fromkeys(match[1] + match[2] for match in _CODE.finditer(text)))
