"""Answers: one pydantic model each, from which JSON, the columns of its CSV, tables, OpenAPI and data frames come.

A field is said once, in the model: its type, its unit (``json_schema_extra=in_unit(...)``), what it means
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
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Annotated, ClassVar, Self, Union, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from forecast.answers.words import EMPTY_IS_NULL, FreqCode
from forecast.extras import installed
from forecast.settings import FORECAST_LEVELS
from forecast.timeseries.series import Floats

if TYPE_CHECKING:
    from pandas import DataFrame

Cell = str | int | float | bool | dt.date | dt.datetime | None

#: Where the columns of the lines stand among the facts that are repeated in each of them.
LINES = "*"

#: The unit of what is counted in the unit of the series; of a share of one, which a table shows in percent.
OF_SERIES, SHARE = "unit of the series", "share"


def in_unit(name: str) -> JsonDict:
    """For ``json_schema_extra``: the unit of a field."""
    return {"unit": name}


Text = Annotated[str | None, EMPTY_IS_NULL]

SeriesKey = Annotated[str, Field(title="series", description="id of the series")]
RunKey = Annotated[str, Field(description="id of the run that answers")]
UnitName = Annotated[str, Field(description="unit of the values")]
FreqName = Annotated[FreqCode, Field(description="length of a period: D, B (working days), W-SUN and so on, M, Q or Y")]
NextPage = Annotated[
    str | None, Field(description="`cursor` of the next page; null where there is none: the list ends here")
]
PeriodStart = Annotated[dt.date, Field(title="period from", description="first day of the period")]


@dataclass(frozen=True)
class Column:
    """A column of a table: its name, type (text, list, object, integer, number, day, time, yes or no), unit (empty:
    none), meaning, and title in a narrow table."""

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

    ``per_level``: names of further members, one set for each level of the intervals, ``{}`` being the percentage, all
    in ``level_unit``; ``levels_if_unsaid``: at which levels, where the answer does not say it.
    """

    model_config = ConfigDict(
        frozen=True,
        populate_by_name=True,
        serialize_by_alias=True,
        extra="forbid",
        from_attributes=True,
        json_schema_serialization_defaults_required=True,
    )

    per_level: ClassVar[tuple[str, ...]] = ()
    level_unit: ClassVar[str] = ""
    levels_if_unsaid: ClassVar[tuple[int, ...]] = ()

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The schema, with a member for each level.

        Client generators know nothing of patterns of members; and what pydantic says of further members (they are
        numbers) they hold against those that have a name. So levels that are always the same are members as others
        are; of levels that are asked for only those that are usual are, and any may be there.
        """
        reference = handler(core)
        if cls.per_level:
            schema = handler.resolve_ref_schema(reference)
            value, named = schema.pop("additionalProperties"), schema.setdefault("properties", {})
            levels = cls._level_columns(cls.levels_if_unsaid or FORECAST_LEVELS)
            named.update({each.name: value | _in_words(each) for each in levels})
            if cls.levels_if_unsaid:
                schema.setdefault("required", []).extend(each.name for each in levels)
                schema["additionalProperties"] = False
            else:
                of_levels = "|".join(name.format("[1-9][0-9]?") for name in cls.per_level)
                schema["propertyNames"] = {"anyOf": [{"enum": list(named)}, {"pattern": f"^({of_levels})$"}]}
        return reference

    def json_object(self) -> dict[str, object]:
        """The members by name, days as days: what a JSON writer takes."""
        return self.model_dump()

    @classmethod
    def columns(cls, levels: Sequence[int | str] = ()) -> list[Column]:
        """The columns of a table of such parts, with intervals at ``levels``, or at a letter that stands for them:
        parts within it come last."""
        own: list[Column] = []
        of_parts: list[Column] = []
        for name, field in cls.model_fields.items():
            (of_parts if _is_part(field) else own).extend(_columns(field.alias or name, field, levels))
        return own + cls._level_columns(levels) + of_parts

    @classmethod
    def described(cls, name: str) -> list[Column]:
        """The columns that come of one field: more than one of a part."""
        field = cls.model_fields[name]
        return _columns(field.alias or name, field, ())

    @classmethod
    def _level_columns(cls, levels: Sequence[int | str]) -> list[Column]:
        return [
            Column(pattern.format(level), "number", cls.level_unit, meaning.format(level), title.format(level))
            for level in levels or cls.levels_if_unsaid
            for pattern in cls.per_level
            for meaning, title in [_PER_LEVEL[pattern]]
        ]

    def item(self) -> str:
        """As an item of a list in a table: its members joined by ``:``."""
        return _item(self.json_object())

    def cells(self) -> dict[str, Cell]:
        """One line of a table, by the names of the columns; those of a part that there is not are left out."""
        return dict(_cells(self))


#: What the members that there are for each level mean, and how a narrow table is headed.
_PER_LEVEL = {
    "lo-{}": ("lower bound of the central {} % interval", "lo-{}"),
    "hi-{}": ("upper bound of the central {} % interval", "hi-{}"),
    "{}": ("share of outcomes inside the central {} % interval", "{} %"),
}


class Intervals(Part):
    """The root of what has central intervals: ``lo-80``, ``hi-80`` and so on, beside its median."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, float]

    per_level: ClassVar[tuple[str, ...]] = ("lo-{}", "hi-{}")

    def interval(self, level: int) -> tuple[float, float]:
        """The bounds of the central interval at a level in percent. Raises ``KeyError`` for one that there is not."""
        bounds = self.__pydantic_extra__
        if f"lo-{level}" not in bounds:
            there = ", ".join(name.removeprefix("lo-") for name in bounds if name.startswith("lo-"))
            raise KeyError(f"no interval at {level} %; there are: {there}")
        return bounds[f"lo-{level}"], bounds[f"hi-{level}"]


class Coverage(Part):
    """Which share of the outcomes fell inside each central interval; null where no outcome is known."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, float | None]

    per_level: ClassVar[tuple[str, ...]] = ("{}",)
    level_unit: ClassVar[str] = SHARE
    levels_if_unsaid: ClassVar[tuple[int, ...]] = (50, 80, 95)

    @classmethod
    def of(cls, shares: Mapping[int, float | None]) -> Self:
        """From the shares by level in percent."""
        return cls.model_validate({str(level): share for level, share in shares.items()})


def by_level(median: str, levels: Sequence[int], values: Floats) -> list[dict[str, float]]:
    """``{median: …, "lo-80": …, "hi-80": …}`` for each column of ``values`` (1 + 2 L, P): the median and, level by
    level, the two ends of the central interval."""
    names = [median, *(f"{side}-{level}" for level in levels for side in ("lo", "hi"))]
    return [dict(zip(names, at, strict=True)) for at in values.T.tolist()]


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

    def header(self) -> tuple[Column, ...]:
        """The columns of the table."""
        return _header(type(self), tuple(getattr(self, "levels", ())))

    def names(self) -> list[str]:
        """Their names."""
        return [column.name for column in self.header()]

    @classmethod
    def columns(cls, levels: Sequence[int | str] = ()) -> list[Column]:
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
        """A pandas data frame, a row a line; days are ``datetime64``, and what there is not is missing.

        Raises ``MissingExtra`` where pandas is not installed.
        """
        from forecast.answers.frame import to_frame

        return to_frame(self.header(), self.lines())

    def __repr__(self) -> str:
        """The facts, and how many parts there are: an answer may hold thousands."""
        facts = [f"{name}={value!r}" for name, value in self if not isinstance(value, tuple)]
        counts = [f"{name}=[{len(value)}]" for name, value in self if isinstance(value, tuple)]
        return f"{type(self).__name__}({', '.join(facts + counts)})"

    __str__ = __repr__

    def _repr_html_(self) -> str | None:
        """What a notebook shows: the data frame, where pandas is installed."""
        return str(self.to_frame().to_html(max_rows=24)) if installed("pandas") else None


class Listing(Answer):
    """The root of lists: ``data`` and ``next``, null as long as a list comes whole."""

    #: The parameter that takes ``next``.
    goes_on_by: ClassVar[str] = "cursor"
    next: NextPage = None

    @classmethod
    def of(cls, parts: Sequence[Part]) -> Self:
        return cls.model_validate({"data": tuple(parts)})


# -- from models to tables ---------------------------------------------------------------------------------------------


@lru_cache(1000)
def _header(model: type[Answer], levels: tuple[int, ...]) -> tuple[Column, ...]:
    return tuple(model.columns(levels))


def _columns(name: str, field: FieldInfo, levels: Sequence[int | str]) -> list[Column]:
    if _is_part(field):
        description = field.description or ""
        return [
            Column(
                f"{name}_{column.name}",
                column.type,
                _unit(field) or column.unit,
                f"{description}: {column.meaning}" if description else column.meaning,
                f"{name}_{column.name}" if column.title == column.name else column.title,
            )
            for column in _part_of(field).columns(levels)
        ]
    return [Column(name, _type(field.annotation), _unit(field), field.description or "", field.title or name)]


def _cells(part: Part, prefix: str = "") -> Iterator[tuple[str, Cell]]:
    for name, column, is_part in _members(type(part)):
        value = getattr(part, name)
        if not is_part:
            yield prefix + column, _cell(value)
        elif value is not None:
            yield from _cells(value, f"{prefix}{column}_")
    for name, value in (part.__pydantic_extra__ or {}).items():
        yield prefix + name, value


@cache
def _members(model: type[Part]) -> tuple[tuple[str, str, bool], ...]:
    """Of each field its name in Python and in the answer, and whether it holds a part."""
    return tuple((name, field.alias or name, _is_part(field)) for name, field in model.model_fields.items())


def _cell(value: object) -> Cell:
    if isinstance(value, list | tuple):
        return ";".join(map(_item, value))
    return value.value if isinstance(value, Enum) else cast("Cell", value)


def _item(item: object) -> str:
    """An item of a list: the members of an object joined by ``:``, those of a list by ``>``."""
    if isinstance(item, Part):
        return item.item()
    if isinstance(item, Mapping):
        return ":".join("" if value is None else str(value) for value in item.values())
    return ">".join(map(str, item)) if isinstance(item, list | tuple) else str(item)


def _in_words(column: Column) -> JsonDict:
    """What a schema says of a column beside its type."""
    return {"description": column.meaning} | (in_unit(column.unit) if column.unit else {})


def _unit(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def parts_of(field: FieldInfo) -> type[Part] | None:
    """What a field holds, or holds a list of, where that are parts."""
    kind = _kind(field.annotation)
    return kind if isinstance(kind, type) and issubclass(kind, Part) else None


def _part_of(field: FieldInfo) -> type[Part]:
    kind = parts_of(field)
    if kind is None:
        raise TypeError(f"{field.annotation} holds no parts")
    return kind


def _is_part(field: FieldInfo) -> bool:
    return parts_of(field) is not None and not _is_list(field.annotation)


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
    if get_origin(kind) is dict:
        return "object"
    return next((word for type_, word in _TYPES if isinstance(kind, type) and issubclass(kind, type_)), "text")
