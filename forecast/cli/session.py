"""The home that a command works on: that of the environment, today."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from contextlib import contextmanager

from forecast.cli.output import warn
from forecast.home import Home
from forecast.settings import Settings


class Session(Home):
    """One invocation of a command: the home of the environment, and what all commands ask of it."""

    def known(self, names: list[str] | None) -> list[str]:
        """These ids of series, checked; where none is given every target, and who cannot be one is named on stderr.

        Raises ``NotFound`` and ``Retired``.
        """
        if not names:
            self.name_unservable()
            return self.catalog.targets()
        return [self.catalog.get(name).series_id for name in names]

    def name_unservable(self) -> None:
        """Say on stderr which series are left out of everything because their ids are refused, and which rows of the
        catalogue do not count."""
        for reason in (*self.catalog.unservable().values(), *map(str, self.catalog.row_faults)):
            warn(reason)


@contextmanager
def session() -> Iterator[Session]:
    """Settings from the environment; raises ``Misconfigured``."""
    with Session(Settings.from_env(os.environ), dt.datetime.now(dt.UTC).date()) as opened:
        yield opened
