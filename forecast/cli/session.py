"""What every command stands on: the settings of the environment, today's date, and the two stores, opened when used."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from forecast.cli.output import warn

if TYPE_CHECKING:
    from forecast.catalog import Catalog
    from forecast.registry import Registry
    from forecast.settings import Settings


@dataclass(frozen=True)
class Session:
    """One invocation of a command. ``today`` is the UTC day on which it was started."""

    settings: Settings
    today: dt.date

    @cached_property
    def catalog(self) -> Catalog:
        from forecast.catalog import Catalog

        return Catalog.open(self.settings)

    @cached_property
    def registry(self) -> Registry:
        from forecast.registry import Registry

        return Registry(self.settings.models_dir)

    def known(self, names: list[str] | None) -> list[str]:
        """These ids of series, checked; where none is given every target, and who cannot be one is named on stderr.

        Raises ``NotFound`` and ``Retired``.
        """
        if not names:
            self.name_unservable()
            return self.catalog.targets()
        return [self.catalog.get(name).series_id for name in names]

    def name_unservable(self) -> None:
        """Say on stderr which series are left out of everything because their ids are refused."""
        for reason in self.catalog.unservable().values():
            warn(reason)

    def close(self) -> None:
        if "catalog" in self.__dict__:
            self.catalog.close()


@contextmanager
def session() -> Iterator[Session]:
    """Settings from the environment; raises ``Misconfigured``."""
    from forecast.settings import Settings

    opened = Session(Settings.from_env(os.environ), dt.datetime.now(dt.UTC).date())
    try:
        yield opened
    finally:
        opened.close()
