"""Rows of series that nobody described: told once a series, with a line that would describe it."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice

from forecast.errors import Fault
from forecast.intake.batch import Batch
from forecast.intake.layout import Table
from forecast.names import MEASURES
from forecast.timeseries.frequency import WEEKDAYS, Freq
from forecast.wording import counted

#: How many of them are told of; of the others the rows are counted.
MOST_SERIES = 50
#: Periods by which the frequency of one is guessed.
_PERIODS = 40
_UNITS = {"price": "USD/t", "volume": "tonne", "value": "USD", "index": "2010=100"}
#: From the longest period to the shortest; the first that gives each text a period of its own is the guess. Weeks are
#: named by their first day, which is Monday as a rule.
_FREQS = ("Y", "Q", "M", *(f"W-{day}" for day in reversed(WEEKDAYS)), "B", "D")


@dataclass
class _Unknown:
    """What the rows of one series say of it."""

    line: int
    unit: str
    rows: int = 0
    periods: set[str] = field(default_factory=set)


class UnknownSeries:
    """The ids of a table that are not known, and what their rows say; ``more``: rows of those that are not told of."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._found: dict[str, _Unknown] = {}
        self.more = 0

    def note(self, batch: Batch, i: int) -> None:
        """A row of a batch names an id that is not known."""
        name = batch.cells["series_id"][i]
        one = self._found.get(name)
        if one is None:
            if len(self._found) >= MOST_SERIES:
                self.more += 1
                return
            unit = batch.cells["unit"][i] if "unit" in batch.cells else ""
            one = self._found[name] = _Unknown(batch.lines[i], unit)
        one.rows += 1
        if len(one.periods) < _PERIODS:
            one.periods.add(batch.cells["ds"][i])

    def faults(self, file: str, where: str, expected: dict[str, str]) -> list[Fault]:
        """One a series; ``expected``: what would have been right in place of each id."""
        return [
            Fault(where, name, f"{expected[name]}; {self._advice(name, one)}", file, one.line)
            for name, one in self._found.items()
        ]

    @property
    def names(self) -> list[str]:
        return list(self._found)

    def _advice(self, name: str, one: _Unknown) -> str:
        measure = next((each for each in MEASURES if name.startswith(f"{each}.")), "price")
        unit = one.unit or _UNITS.get(measure, "USD/t")
        line = f"{name},{measure},{unit},{self._freq(one)}"
        has = "has" if one.rows == 1 else "have"
        return (
            f"{counted(one.rows, 'row')} {has} it; if it is new, describe it: --series series.csv, with the lines "
            f"'series_id,measure,unit,freq' and '{line}', put right where that is a wrong guess"
        )

    def _freq(self, one: _Unknown) -> str:
        texts = list(islice(one.periods, _PERIODS))
        for code in _FREQS if len(texts) > 1 else ("M", *_FREQS):  # a lone first of July tells nothing of quarters
            try:
                if len({self._table.periods.first_day(text, Freq(code)) for text in texts}) == len(texts):
                    return code
            except ValueError:
                continue
        return "M"
