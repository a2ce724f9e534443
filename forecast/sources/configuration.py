"""The sources of this home: those built in, as the user's ``sources.toml`` changes them, and the user's own."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, StrictBool, ValidationError

from forecast.errors import Fault, InvalidInput, NotFound, known_name, one_of
from forecast.names import BadName, slug
from forecast.settings import Settings, data_dir
from forecast.sources.providers import NOTICES, SOURCE_KINDS, SOURCES
from forecast.sources.section import Address
from forecast.sources.series_table import SourceSeries, read_series_entries, read_series_table
from forecast.sources.source import NoticeSource, Provider
from forecast.timeseries.series import Series


class _Section(BaseModel):
    """What ``sources.toml`` may say of any source."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: StrictBool = True
    address: Address = ""


@dataclass(frozen=True)
class ConfiguredSource:
    """A source of this home: its provider, where its answers begin, whether the worker asks it, and its key.

    ``series``: the entries of the user's own, in the place of a table.
    """

    provider: Provider
    address: str
    enabled: bool = True
    key: str = field(default="", repr=False)
    entries: tuple[Mapping[str, object], ...] | None = None
    file: str = ""

    @property
    def name(self) -> str:
        return self.provider.name

    @property
    def without_key(self) -> bool:
        """Whether it needs a key and has none."""
        return self.provider.key_needed and not self.key

    def series(self, known: Mapping[str, Series]) -> list[SourceSeries]:
        """The series that it gives, none of one of notices; those that are ``known`` as the catalogue has them.

        Raises ``InvalidInput`` for a faulty table.
        """
        if isinstance(self.provider, NoticeSource):
            return []
        cite = {
            "publisher": self.provider.publisher,
            "source_url": self.provider.page,
            "licence": self.provider.licence,
        }
        if self.entries is not None:
            return read_series_entries(self.name, self.entries, self.file, cite, known)
        return read_series_table(self.name, data_dir() / "sources" / f"{self.name}.csv", cite, known)


def configured_sources(settings: Settings) -> dict[str, ConfiguredSource]:
    """All sources by name, in the order in which they are fetched.

    Raises ``InvalidInput`` with everything that is wrong in the user's file.
    """
    path, sections = settings.sources_file, _sections(settings.sources_file)
    found: dict[str, ConfiguredSource] = {}
    faults: list[Fault] = []
    for provider in (*SOURCES, *NOTICES):
        told = sections.pop(provider.name, {})
        try:
            section = _checked(told, path, provider.name)
        except InvalidInput as error:
            faults += error.faults
            continue
        key = str(getattr(settings, provider.key_setting)) if provider.key_setting else ""
        found[provider.name] = ConfiguredSource(provider, section.address or provider.address, section.enabled, key)
    for name, told in sections.items():
        try:
            found[name] = _own(name, told, path)
        except InvalidInput as error:
            faults += error.faults
    if faults:
        raise InvalidInput(faults)
    return found


def chosen(settings: Settings, names: tuple[str, ...] = ()) -> list[ConfiguredSource]:
    """The sources of these names; without names those that are enabled and need no key or have one.

    Raises ``NotFound`` with the nearest name.
    """
    every = configured_sources(settings)
    for name in names:
        if name not in every:
            raise NotFound("source", name, every)
    if names:
        return [every[name] for name in dict.fromkeys(names)]
    return [source for source in every.values() if source.enabled and not source.without_key]


def _own(name: str, told: Mapping[str, object], path: Path) -> ConfiguredSource:
    """A source of the user's own."""
    try:
        slug(name)
    except BadName as error:
        raise InvalidInput(Fault("section", name, f"the name of a source: {error}", str(path))) from None
    kind, entries = told.get("kind"), told.get("series")
    if kind is None:
        known = known_name("source", name, [provider.name for provider in (*SOURCES, *NOTICES)])
        raise InvalidInput(
            Fault("section", name, f"{known}; or one with kind = {one_of(sorted(SOURCE_KINDS))}", str(path))
        )
    if not isinstance(kind, str) or kind not in SOURCE_KINDS:
        raise InvalidInput(Fault(f"{name}.kind", kind, one_of(sorted(SOURCE_KINDS)), str(path)))
    if not isinstance(entries, list) or not entries or not all(isinstance(one, dict) for one in entries):
        raise InvalidInput(Fault(f"{name}.series", entries, f"at least one [[{name}.series]]", str(path)))
    section = _checked({k: v for k, v in told.items() if k in _Section.model_fields}, path, name)
    facts = {k: v for k, v in told.items() if k not in ("kind", "series", "enabled")}
    provider = SOURCE_KINDS[kind](name, facts, str(path))
    return ConfiguredSource(provider, provider.address, section.enabled, "", tuple(entries), str(path))


def _sections(path: Path) -> dict[str, dict[str, object]]:
    if not path.exists():
        return {}
    try:
        read = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(Fault("file", path.name, f"TOML: {error}", str(path))) from None
    faults = [
        Fault(name, value, f"a section: [{name}]", str(path))
        for name, value in read.items()
        if not isinstance(value, dict)
    ]
    if faults:
        raise InvalidInput(faults)
    return read


def _checked(told: Mapping[str, object], path: Path, name: str) -> _Section:
    expected = {"enabled": "true or false", "address": "an address that begins with http:// or https://"}
    try:
        return _Section.model_validate(told)
    except ValidationError as error:
        raise InvalidInput(
            Fault(
                ".".join((name, *map(str, one["loc"]))),
                one["input"],
                expected.get(str(one["loc"][0]), one_of(expected)),
                str(path),
            )
            for one in error.errors()
        ) from None
