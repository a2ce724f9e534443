"""Answers: one pydantic model each, from which JSON, the columns of its CSV, tables, OpenAPI and data frames come.

A field is said once, in the model: its type, its unit (``json_schema_extra={"unit": ...}``), what it means
(``description``), and a short title where a narrow table needs one. A *part* is a line or a member of an answer. In
CSV, members of a part are named ``part_member``, items of a list are joined by ``;``, and nothing is an empty cell; in
JSON it is null. Numbers were rounded before they got here.
"""

from __future__ import annotations

import datetime as dt
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Self, Union, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo

if TYPE_CHECKING:
    from pandas import DataFrame

Cell = str | int | float | bool | dt.date | dt.datetime | None

#: Where the columns of the lines stand among the facts that are repeated in each of them.
LINES = "*"


@dataclass(frozen=True)
class Column:
    """A column of a table: its name, type (text, list, integer, number, day, time, yes or no), unit (empty: none),
    meaning, and title in a narrow table."""

    name: str
    type: str
    unit: str
    meaning: str
    title: str

    @property
    def is_number(self) -> bool:
        return self.type in ("integer", "number")


class Part(BaseModel):
    """A member of an answer, such as one period of a forecast.

    ``per_level``: names of further members, one set for each level of the intervals, ``{}`` being the percentage;
    ``levels``: at which levels, where the answer does not say it.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True, extra="forbid")

    per_level: ClassVar[tuple[str, ...]] = ()
    levels_if_unsaid: ClassVar[tuple[int, ...]] = ()

    def json_object(self) -> dict[str, object]:
        """The members by name, days as days: what a JSON writer takes."""
        return self.model_dump()

    @classmethod
    def columns(cls, levels: Sequence[int] = ()) -> list[Column]:
        """The columns of a table of such parts, with intervals at ``levels``: parts within it come last."""
        own: list[Column] = []
        of_parts: list[Column] = []
        for name, field in cls.model_fields.items():
            (of_parts if _is_part(field) else own).extend(_columns(field.alias or name, field, levels))
        return own + cls._level_columns(levels) + of_parts

    @classmethod
    def _level_columns(cls, levels: Sequence[int]) -> list[Column]:
        unit = next((_unit(field) for field in cls.model_fields.values() if _unit(field)), "")
        return [
            Column(pattern.format(level), "number", unit, _MEANINGS[pattern].format(level), pattern.format(level))
            for level in levels or cls.levels_if_unsaid
            for pattern in cls.per_level
        ]

    def cells(self) -> dict[str, Cell]:
        """One line of a table, by the names of the columns."""
        return dict(_cells(self))


#: What the members that there are for each level mean.
_MEANINGS = {
    "lo-{}": "lower bound of the central {} % interval",
    "hi-{}": "upper bound of the central {} % interval",
    "{}": "share of outcomes inside the central {} % interval",
}


class Intervals(Part):
    """The root of what has central intervals: ``lo-80``, ``hi-80`` and so on, beside its median."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, float]

    per_level: ClassVar[tuple[str, ...]] = ("lo-{}", "hi-{}")

    def interval(self, level: int) -> tuple[float, float]:
        """The bounds of the central interval at a level in percent. Raises ``KeyError`` for one that there is not."""
        bounds = self.__pydantic_extra__
        return bounds[f"lo-{level}"], bounds[f"hi-{level}"]


def bounds(levels: Sequence[int], values: Sequence[float]) -> dict[str, float]:
    """``{"lo-80": …, "hi-80": …}`` from ``values``, a pair for each level."""
    names = [f"{side}-{level}" for level in levels for side in ("lo", "hi")]
    return dict(zip(names, values, strict=True))


class Answer(Part):
    """The root of all answers. One with ``data`` is a table of its parts, or of the answers in it, one after another;
    one without is a table of one line.

    ``line``: the facts that are repeated in every line, around ``LINES``, the columns of the line itself.
    """

    line: ClassVar[tuple[str, ...]] = (LINES,)

    def lines(self) -> Iterator[dict[str, Cell]]:
        """The lines of the table, by the names of ``header``."""
        data = cast("Sequence[Part] | None", getattr(self, "data", None))
        if data is None:
            yield self.cells()
            return
        at = self.line.index(LINES)
        before, after = ({name: _cell(getattr(self, name)) for name in names} for names in self._facts(at))
        for part in data:
            if isinstance(part, Answer):
                yield from ({**before, **line, **after} for line in part.lines())
            else:
                yield {**before, **part.cells(), **after}

    def header(self) -> list[Column]:
        """The columns of the table."""
        return type(self).columns(getattr(self, "levels", ()))

    @classmethod
    def columns(cls, levels: Sequence[int] = ()) -> list[Column]:
        data = cls.model_fields.get("data")
        if data is None:
            return super().columns(levels)
        before, after = (
            [column for name in names for column in _columns(name, cls.model_fields[name], levels)]
            for names in cls._facts(cls.line.index(LINES))
        )
        return [*before, *_part_of(data).columns(levels), *after]

    @classmethod
    def _facts(cls, at: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return cls.line[:at], cls.line[at + 1 :]

    def to_frame(self) -> DataFrame:
        """A pandas data frame, a row a line; days are ``datetime64``, and what there is not is missing."""
        import pandas as pd

        columns = self.header()
        frame = pd.DataFrame(list(self.lines()), columns=[column.name for column in columns])
        for column in columns:
            if column.type in ("day", "time"):
                frame[column.name] = pd.to_datetime(frame[column.name])
            elif column.type == "number":
                frame[column.name] = frame[column.name].astype(float)
        return frame


class Listing(Answer):
    """The root of lists: ``data`` and ``next``, null as long as a list comes whole."""

    next: None = None

    @classmethod
    def of(cls, parts: Sequence[Part]) -> Self:
        return cls.model_validate({"data": tuple(parts)})


# -- from models to tables ---------------------------------------------------------------------------------------------


def _columns(name: str, field: FieldInfo, levels: Sequence[int]) -> list[Column]:
    if _is_part(field):
        said = field.description or ""
        return [
            Column(
                f"{name}_{column.name}",
                column.type,
                _unit(field) or column.unit,
                f"{said}: {column.meaning}" if said else column.meaning,
                f"{name}_{column.title}",
            )
            for column in _part_of(field).columns(levels)
        ]
    return [Column(name, _type(field.annotation), _unit(field), field.description or "", field.title or name)]


def _cells(part: Part, prefix: str = "") -> Iterator[tuple[str, Cell]]:
    for name, field in type(part).model_fields.items():
        value, column = getattr(part, name), prefix + (field.alias or name)
        if isinstance(value, Part):
            yield from _cells(value, f"{column}_")
        else:
            yield column, _cell(value)
    for name, value in (part.__pydantic_extra__ or {}).items():
        yield prefix + name, value


def _cell(value: object) -> Cell:
    if isinstance(value, list | tuple):
        return ";".join(map(_item, value))
    return value.value if isinstance(value, Enum) else cast("Cell", value)


def _item(item: object) -> str:
    """An item of a list: the members of an object joined by ``:``, those of a list by ``>``."""
    if isinstance(item, Part):
        item = item.json_object()
    if isinstance(item, Mapping):
        return ":".join("" if value is None else str(value) for value in item.values())
    return ">".join(map(str, item)) if isinstance(item, list | tuple) else str(item)


def _unit(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def _part_of(field: FieldInfo) -> type[Part]:
    kind = _kind(field.annotation)
    if not (isinstance(kind, type) and issubclass(kind, Part)):
        raise TypeError(f"{field.annotation} holds no parts")
    return kind


def _is_part(field: FieldInfo) -> bool:
    kind = _plain(field.annotation)
    return isinstance(kind, type) and issubclass(kind, Part)


def _plain(annotation: object) -> object:
    """An annotation without ``| None``."""
    if get_origin(annotation) in (Union, types.UnionType):
        return next(kind for kind in get_args(annotation) if kind is not types.NoneType)
    return annotation


def _is_list(annotation: object) -> bool:
    return get_origin(_plain(annotation)) in (list, tuple)


def _kind(annotation: object) -> object:
    """What a field holds, or holds a list of."""
    plain = _plain(annotation)
    return _plain(get_args(plain)[0]) if _is_list(plain) else plain


_TYPES = ((bool, "yes or no"), (int, "integer"), (float, "number"), (dt.datetime, "time"), (dt.date, "day"))


def _type(annotation: object) -> str:
    kind = _plain(annotation)
    if _is_list(annotation):
        return "list"
    return next((word for type_, word in _TYPES if isinstance(kind, type) and issubclass(kind, type_)), "text")
