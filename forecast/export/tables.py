"""Tables to export: the lines of answers, with a line a period, or with a column a series beside each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from forecast.answers.model import OF_SERIES, Answer, Cell, Column
from forecast.timeseries.series import Series

Line = Mapping[str, Cell]


@dataclass(frozen=True)
class ExportTable:
    """A table: its name, what it holds, its columns, and its lines by the names of these."""

    name: str
    title: str
    columns: tuple[Column, ...]
    lines: Iterable[Line]

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @classmethod
    def of(cls, name: str, answer: Answer) -> ExportTable:
        """An answer with the columns of its CSV."""
        return cls(name, _title(type(answer)), answer.header(), answer.lines())


def joined(name: str, answers: Sequence[Answer], empty: type[Answer]) -> ExportTable:
    """Answers of one kind below each other; ``empty``: the kind, where there may be none."""
    columns = answers[0].header() if answers else tuple(empty.columns())
    return ExportTable(name, _title(empty), columns, _chained(answers))


def _chained(answers: Iterable[Answer]) -> Iterator[Line]:
    for answer in answers:
        yield from answer.lines()


def _title(kind: type[Answer]) -> str:
    return (kind.__doc__ or "").partition("\n")[0]


@dataclass(frozen=True)
class Wide:
    """How a table is made wide: what a line of it is of (``keys``), and what there is of each series (``values``, by
    how the names of the columns begin; alone it needs no name beside that of the series)."""

    keys: tuple[str, ...]
    values: tuple[str, ...]

    def of(self, table: ExportTable, series: Mapping[str, Series]) -> ExportTable:
        """The table with a line a key and a column for each series and value: ``price.copper_yhat``.

        Periods of different lengths do not share a line: ``freq`` is a key before the others.
        """
        values = [column for column in table.columns if column.name.startswith(self.values)]
        cells: dict[tuple[Cell, ...], dict[str, Cell]] = {}
        there: dict[str, None] = {}
        for line in table.lines:
            name = str(line["series_id"])
            key = series[name].freq, *(line.get(each) for each in self.keys)
            if None in key:  # a line that only says why there is nothing
                continue
            there[name] = None
            row = cells.setdefault(key, {})
            row.update((_beside(name, column, values), line.get(column.name)) for column in values)
        by_name = {column.name: column for column in table.columns}
        columns = [_FREQ, *(by_name[each] for each in self.keys)]
        columns += [_of_series(name, series[name], column, values) for name in there for column in values]
        names = [column.name for column in columns[: len(self.keys) + 1]]
        lines = ({**dict(zip(names, key, strict=True)), **cells[key]} for key in sorted(cells, key=_in_order))
        return replace(table, columns=tuple(columns), lines=lines)


_FREQ = Column("freq", "text", "", "length of a period: D, B (working days), W-SUN and so on, M, Q or Y", "freq")


def _in_order(key: tuple[Cell, ...]) -> tuple[str, ...]:
    """Days in ISO text, numbers with leading zeros: all of them sort as they should."""
    return tuple(f"{part:09}" if isinstance(part, int) else str(part) for part in key)


def _beside(series_id: str, column: Column, values: Sequence[Column]) -> str:
    return series_id if len(values) == 1 else f"{series_id}_{column.name}"


def _of_series(series_id: str, series: Series, column: Column, values: Sequence[Column]) -> Column:
    name = _beside(series_id, column, values)
    unit = series.unit if column.unit == OF_SERIES else column.unit
    return replace(column, name=name, title=name, unit=unit, meaning=f"{series_id}: {column.meaning}")
