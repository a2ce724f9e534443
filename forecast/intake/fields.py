"""Columns by the names that files give them: which field each is of, as known, declared or refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from forecast.errors import Fault, InvalidInput, known_name, nearest, one_of

#: What a batch may have of each row.
FIELDS = ("series_id", "ds", "value", "flag", "known_at", "assumed", "unit", "source")
#: Two columns that are a period together.
PARTS = ("year", "month")
#: Names of a field in files of all kinds, without blanks and signs, in small letters.
_NAMES: dict[str, tuple[str, ...]] = {
    "series_id": ("seriesid", "uniqueid"),
    "ds": (
        *(
            "ds",
            "date",
            "period",
            "time",
            "timeperiod",
            "observationdate",
            "obsdate",
            "monthid",
            "yearmonth",
            "quarter",
        ),
        *("week", "day", "datetime", "timestamp", "referenceperiod", "refdate", "tradedate", "pricedate"),
    ),
    "value": ("value", "y", "obsvalue"),
    "flag": ("flag",),
    "known_at": ("knownat",),
    "assumed": ("assumed",),
    "unit": ("unit",),
    "source": ("source",),
    "year": ("year", "ano", "coano", "refyear"),
    "month": ("month", "mes", "comes", "refmonth"),
}
#: Periods of files that tell them in another column too; they count where that is missing.
_SECOND = {"refperiodid": "ds"}
#: Amounts of trade statistics: a file has several, and each may be a series.
_AMOUNTS = """\
primaryvalue cifvalue fobvalue netwgt grosswgt qty altqty kgliquido vlfob qtestat netmass netmasskg statvalue genvalmo
convalmo allvalmo genqy1mo conqy1mo qty1mo quantity quantitykg valueusd valuegbp tradevalue tradevalueus$ netweightkg
"""
_OF_NAMES = {name: meant for meant, names in _NAMES.items() for name in names}
#: Optional columns that a slip in the name would lose.
_GUARDED = ("flag", "known_at", "assumed")


@dataclass(frozen=True)
class Hints:
    """What the user says of a file; empty: as the file tells. ``mapping``: column -> field; ``columns``: a series as
    the file has it (the header of its column, or its name in the column of series) -> series id; ``dates``: dmy, mdy.
    """

    separator: str = ""
    encoding: str = ""
    sheet: str = ""
    decimal: str = ""
    dates: str = ""
    mapping: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    columns: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    series_id: str = ""

    def check(self) -> None:
        """Raises ``InvalidInput`` for what is no value of a hint."""
        faults = []
        if self.decimal not in ("", ".", ","):
            faults.append(Fault("--decimal", self.decimal, "'.' or ','"))
        if self.dates not in ("", "dmy", "mdy"):
            faults.append(Fault("--dates", self.dates, "dmy or mdy"))
        for name, meant in self.mapping.items():
            if meant not in (*FIELDS, *PARTS):
                faults.append(Fault("--map", f"{name}={meant}", one_of((*FIELDS, *PARTS))))
        if self.series_id and self.columns:
            faults.append(Fault("--series-id", self.series_id, "nothing, as --column says of which series a column is"))
        ids = list(self.columns.values())
        faults += [Fault("--column", one, "each series once") for one in sorted({*ids}) if ids.count(one) > 1]
        twice = {meant for meant in self.mapping.values() if list(self.mapping.values()).count(meant) > 1}
        faults += [Fault("--map", meant, "one column a field") for meant in sorted(twice)]
        if faults:
            raise InvalidInput(faults)


def key(name: str) -> str:
    """A name without letter case, blanks, underscores, hyphens, and marks of footnotes behind it."""
    return re.sub(r"[\s_\-./()*†‡¹²³⁰-⁹\u200b-\u200f\ufeff]+", "", name).casefold()


def find(header: Sequence[str], name: str) -> int | None:
    """Where a header has a name: as it is written, else but for case, blanks and marks. None where none or several."""
    exact = [at for at, one in enumerate(header) if one == name]
    alike = exact or [at for at, one in enumerate(header) if key(one) == key(name)]
    return alike[0] if len(alike) == 1 else None


def candidates(header: Sequence[str]) -> dict[str, list[int]]:
    """Columns by the field that their names are known for."""
    found: dict[str, list[int]] = {}
    for at, name in enumerate(header):
        if meant := _OF_NAMES.get(key(name)):
            found.setdefault(meant, []).append(at)
    for at, name in enumerate(header):
        if (meant := _SECOND.get(key(name))) and meant not in found:
            found[meant] = [at]
    if "value" not in found and (amounts := [at for at, name in enumerate(header) if key(name) in _AMOUNTS.split()]):
        found["value"] = amounts
    if "ds" not in found and "year" not in found and "month" in found:
        found["ds"] = found.pop("month")
    return found


def mapped(header: Sequence[str], hints: Hints, file: str, line: int) -> dict[str, int]:
    """Columns by field, as declared, else as known. Raises ``InvalidInput`` where there are several for one."""
    found: dict[str, int] = {}
    faults = []
    for name, meant in hints.mapping.items():
        at = find(header, name)
        if at is None:
            faults.append(Fault("--map", name, known_name("column", name, filter(None, header)), file, line))
        else:
            found[meant] = at
    if faults:
        raise InvalidInput(faults)
    taken = set(found.values())
    for meant, places in sorted(candidates(header).items(), key=lambda item: item[0] in PARTS):
        free = [at for at in places if at not in taken]
        if meant in found or not free or (meant in PARTS and "ds" in found):
            continue
        if len(free) > 1:
            names = [header[at] for at in free]
            if len({*names}) < len(names):
                raise InvalidInput(Fault("header", names[0], "each column once", file, line))
            expected = f"one column for {meant}; say which: --map '{names[0]}={meant}'"
            raise InvalidInput(Fault("header", ", ".join(names), expected, file, line))
        found[meant] = free[0]
    if "ds" not in found and "year" in found and "month" not in found:
        found["ds"] = found["year"]
    return found if "ds" not in found else {meant: at for meant, at in found.items() if meant not in PARTS}


def check_slips(header: Sequence[str], fields: Mapping[str, int], file: str, line: int) -> None:
    """Refuse a column whose name is nearly that of one that would be lost, and a name that two columns have."""
    faults = []
    for at, name in enumerate(header):
        meant = nearest(key(name), [key(each) for each in _GUARDED], n=1, cutoff=0.8)
        if meant and at not in fields.values():
            word = next(each for each in _GUARDED if key(each) == meant[0])
            if word not in fields:
                faults.append(Fault("header", name, f"{word!r}, if that is meant: --map '{name}={word}'", file, line))
    names = [header[at] for at in fields.values()]
    faults += [Fault("header", name, "each column once", file, line) for name in {*names} if header.count(name) > 1]
    if faults:
        raise InvalidInput(faults)
