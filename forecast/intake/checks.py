"""Rows of batches, checked cell by cell and put into numbers.

Each distinct text is read once; what hangs on several cells is checked for all rows together. A row in which anything
is wrong is refused, with what would have been right for each wrong cell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial

import numpy as np
import numpy.typing as npt

from forecast import names
from forecast.catalog.claims import FLAG_WORDS
from forecast.catalog.csv_reader import moment
from forecast.errors import known_name, one_of
from forecast.intake.batch import Batch
from forecast.intake.crowding import Crowding
from forecast.intake.layout import Table
from forecast.intake.spool import ROW, UNSAID, Rows
from forecast.names import Measure
from forecast.timeseries.frequency import Freq
from forecast.timeseries.series import FLAGS, Series

#: A text that cannot be read, among the numbers of texts that can.
_WRONG = -(2**62)
#: Distinct texts that are remembered of a column.
_MOST_TEXTS = 100_000
#: Beyond these a value is a slip or has the wrong unit, and single precision could not hold its forecast.
SMALLEST, LARGEST = 1e-20, 1e20

_AMOUNT = "a number, zero or more (1e-20 to 1e20), with a decimal point and no thousands separators"
_NO_PRICE = "more than 0, as a price is; leave out a period without a price"
_DAY = 86_400_000_000

Numbers = npt.NDArray[np.int64]
#: What would have been right for each wrong cell of a row: (field, expected), by the place of the row in its batch.
Wrong = dict[int, list[tuple[str, str]]]


class _Texts(dict[str, int]):
    """The number that each distinct text means; ``read`` raises ``ValueError`` with what was expected."""

    def __init__(self, read: Callable[[str], int]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, text: str) -> int:
        if len(self) >= _MOST_TEXTS:
            self.clear()
        try:
            number = self._read(text)
        except ValueError:
            number = _WRONG
        self[text] = number
        return number

    def column(self, texts: Sequence[str]) -> Numbers:
        return np.fromiter(map(self.__getitem__, texts), np.int64, len(texts))

    def expected(self, text: str) -> str:
        """What would have been right in place of a text."""
        try:
            self._read(text)
        except ValueError as error:
            return str(error)
        raise AssertionError(text)


@dataclass(frozen=True, eq=False)
class Checked:
    """A batch: the rows that are right, what is wrong with the others, and which name no known series."""

    rows: Rows
    wrong: Wrong
    unknown: npt.NDArray[np.intp]


class Checks:
    """What the cells of one table may be. ``ids``: the known series, in order of their numbers; ``words``: texts of
    units and sources by number."""

    def __init__(self, table: Table, series: Mapping[str, Series], now: datetime) -> None:
        self.ids = tuple(series)
        self.words = [""]
        self._table, self._series, self._now = table, series, now.astimezone(UTC)
        self._number = {series_id: k for k, series_id in enumerate(self.ids)}
        self._freqs = sorted({one.freq for one in series.values()})
        self._freq = np.array([self._freqs.index(one.freq) for one in series.values()], dtype=np.int64)
        self._price = np.array([one.measure is Measure.PRICE for one in series.values()], dtype=bool)
        self._series_id = _Texts(self._read_series_id)
        self._periods = [_Texts(partial(self._read_period, Freq(code))) for code in self._freqs]
        self._flag, self._known, self._assumed = _Texts(_read_flag), _Texts(_read_moment), _Texts(_read_assumed)
        self._word = _Texts(self._read_word)
        self.crowding = Crowding(list(series.values()), table.periods)
        self._plain = _reads_plain(table)
        self._seen = 0

    def check(self, batch: Batch) -> Checked:
        """Check the next batch of the table."""
        n, cells = len(batch.lines), batch.cells
        wrong: Wrong = {}
        series = self._series_id.column(cells["series_id"])
        unknown = np.flatnonzero(series == _WRONG)
        known = np.flatnonzero(series != _WRONG)
        found = np.zeros(n, dtype=ROW)
        found["series"][known] = series[known]
        found["line"], found["row"] = batch.lines, np.arange(self._seen, self._seen + n)
        self._seen += n
        self.crowding.note(batch, series.tolist())
        found["ds"] = self._ds(cells["ds"], series, known, wrong)
        found["value"] = self._values(cells["value"], known, wrong)
        self._check_amounts(found, known, wrong)
        self._fill_known(found, cells, known, wrong)
        words = {"flag": self._flag, "assumed": self._assumed, "unit": self._word, "source": self._word}
        for field in words.keys() & cells.keys():
            found[field] = _column(field, words[field], cells[field], known, wrong)
        right = series != _WRONG
        right[list(wrong)] = False
        return Checked(found[right], wrong, unknown)

    def expected_series(self, text: str) -> str:
        """What would have been right in place of an id that is not known."""
        return self._series_id.expected(text)

    def _ds(self, texts: Sequence[str], series: Numbers, known: npt.NDArray[np.intp], wrong: Wrong) -> Numbers:
        freq = self._freq[np.where(series == _WRONG, 0, series)] if self.ids else np.zeros(len(texts), dtype=np.int64)
        days = np.zeros(len(texts), dtype=np.int64)
        for k in np.unique(freq[known]).tolist():
            these = known[freq[known] == k]
            some = texts if len(these) == len(texts) else [texts[i] for i in these.tolist()]
            days[these] = self._periods[k].column(some)
        for i in known[days[known] == _WRONG].tolist():
            _note(wrong, i, "ds", self._periods[freq[i]].expected(texts[i]))
        days[days == _WRONG] = 0
        return days

    def _values(self, texts: Sequence[str], known: npt.NDArray[np.intp], wrong: Wrong) -> npt.NDArray[np.float64]:
        if self._plain and not set("".join(texts)) - set("0123456789.+-eE"):
            try:
                return np.fromiter(map(float, texts), np.float64, len(texts))
            except ValueError:
                pass  # one of them is no number: find out which
        values = np.ones(len(texts))
        for i in known.tolist():
            try:
                values[i] = self._table.numbers.number(texts[i])
            except ValueError as error:
                _note(wrong, i, "value", str(error))
        return values

    def _check_amounts(self, found: Rows, known: npt.NDArray[np.intp], wrong: Wrong) -> None:
        found["value"] += 0.0  # a negative zero is a zero
        value = found["value"][known]
        with np.errstate(invalid="ignore"):
            possible = (value == 0) | ((value >= SMALLEST) & (value <= LARGEST))
        for i in known[~possible].tolist():
            _note(wrong, i, "value", _AMOUNT)
        for i in known[(value == 0) & self._price[found["series"][known]]].tolist():
            _note(wrong, i, "value", _NO_PRICE)

    def _fill_known(
        self, found: Rows, cells: Mapping[str, Sequence[str]], known: npt.NDArray[np.intp], wrong: Wrong
    ) -> None:
        found["known"] = UNSAID
        if "known_at" not in cells:
            return
        texts = cells["known_at"]
        found["known"] = moments = _column("known_at", self._known, texts, known, wrong)
        found["dated"] = np.fromiter(map(len, texts), np.int64, len(texts)) == len("YYYY-MM-DD")
        said, now = moments != UNSAID, int(np.datetime64(self._now.replace(tzinfo=None), "us").astype(np.int64))
        period = found["ds"].astype(np.int64) * _DAY
        for i in known[(said & ((moments > now) | (moments < period)))[known]].tolist():
            if not any(field == "known_at" for field, _ in wrong.get(i, ())):
                bad = any(field == "ds" for field, _ in wrong.get(i, ()))
                since = "the period" if bad else f"{found['ds'][i].astype('datetime64[D]')} (the period)"
                _note(wrong, i, "known_at", f"a moment from {since} to {self._now:%Y-%m-%dT%H:%M}Z (now)")

    def _read_series_id(self, text: str) -> int:
        if text in self._number:
            return self._number[text]
        raise ValueError(names.unservable(text) or known_name("series", text, self.ids))

    def _read_period(self, freq: Freq, text: str) -> int:
        ds = self._table.periods.first_day(text, freq)
        if ds > self._now.date():
            raise ValueError(f"a period that has begun by {self._now:%Y-%m-%d}")
        return (ds - date(1970, 1, 1)).days

    def _read_word(self, text: str) -> int:
        if text not in self.words:
            if len(self.words) > _MOST_TEXTS:
                raise ValueError(f"one of at most {_MOST_TEXTS:,} words")
            self.words.append(text)
        return self.words.index(text)


def _column(field: str, texts: _Texts, cells: Sequence[str], known: npt.NDArray[np.intp], wrong: Wrong) -> Numbers:
    """Numbers of a column, 0 where a cell is wrong, which is noted."""
    numbers = texts.column(cells)
    for i in known[numbers[known] == _WRONG].tolist():
        _note(wrong, i, field, texts.expected(cells[i]))
    numbers[numbers == _WRONG] = 0
    return numbers


def _note(wrong: Wrong, i: int, field: str, expected: str) -> None:
    if all(noted != field for noted, _ in wrong.setdefault(i, [])):
        wrong[i].append((field, expected))


def _reads_plain(table: Table) -> bool:
    """Whether numbers of the table are those of Python, so that a batch of them can be read at once."""
    try:
        return table.numbers.number("1.234") == 1.234
    except ValueError:
        return False


def _read_flag(text: str) -> int:
    if text and text not in FLAGS:
        raise ValueError(one_of(FLAGS))
    return FLAG_WORDS.index(text or "reported")


def _read_moment(text: str) -> int:
    if not text:
        return UNSAID
    try:
        found = moment(text)
    except ValueError:
        raise ValueError("a date or an ISO 8601 moment") from None
    return int(np.datetime64(found.replace(tzinfo=None), "us").astype(np.int64))


def _read_assumed(text: str) -> int:
    if text.lower() not in ("", "true", "false"):
        raise ValueError(one_of(("true", "false")))
    return int(text.lower() == "true")
