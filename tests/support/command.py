"""The command line as a function of its words."""

from __future__ import annotations

from collections.abc import Callable

#: Exit code, what was printed, what was complained of.
Said = tuple[int, str, str]
Orecast = Callable[..., Said]
