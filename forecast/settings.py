"""Settings: environment variables in one table, read once and passed on; and where the bundled data lies."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from forecast.errors import Misconfigured


@dataclass(frozen=True)
class Setting:
    """One environment variable: its name, what holds when it is not set, and what it does."""

    name: str
    default: str
    help: str


SETTINGS: tuple[Setting, ...] = (
    Setting("ORECAST_HOME", ".", "folder that holds `var/` (the catalogue) and `models/` (trained runs)"),
    Setting("ORECAST_DATABASE_URL", "", "SQLAlchemy URL of the catalogue; empty: SQLite in `var/orecast.db`"),
    Setting("ORECAST_MODELS_DIR", "", "folder of trained runs; empty: `models/` in ORECAST_HOME"),
    Setting("ORECAST_HOST", "127.0.0.1", "address the service listens on"),
    Setting("ORECAST_PORT", "8000", "port the service listens on"),
    Setting("ORECAST_WORKERS", "2", "processes of the service"),
    Setting("ORECAST_THREADS", "8", "threads of each process of the service"),
    Setting("ORECAST_DRAWS", "2000", "joint sample paths kept of each forecast"),
    Setting("ORECAST_HORIZON", "24", "periods ahead that are trained and may be asked for"),
    Setting("ORECAST_SEED", "0", "seed of every random draw"),
    Setting("ORECAST_JOBS", "0", "processes that train; 0: one a CPU"),
    Setting("ORECAST_SCHEDULE", "0 3 * * *", "when the worker retrains what is due: cron, UTC"),
    Setting("ORECAST_RATE_LIMIT", "600 per minute", "requests allowed to one client address; off: no limit"),
    Setting("ORECAST_SCENARIO_SECONDS", "10", "seconds that the service gives to one question about scenarios"),
    Setting("ORECAST_LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR"),
)

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
#: Names of schedules, as cron has them.
_NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_FIVE_FIELDS = (
    "five fields of cron (minute, hour, day, month, weekday; UTC), such as '0 3 * * *', or a name such as @daily"
)
_RATE = re.compile(r"off|[1-9]\d{0,8} ?(per|/) ?([1-9]\d{0,3} )?(second|minute|hour|day)s?")


@dataclass(frozen=True)
class Settings:
    """The settings of one process, checked. ``jobs`` is what joblib wants: -1 for one process a CPU."""

    home: Path
    database_url: str = field(repr=False)  # it may hold a password
    models_dir: Path
    host: str
    port: int
    workers: int
    threads: int
    draws: int
    horizon: int
    seed: int
    jobs: int
    schedule: str
    rate_limit: str
    scenario_seconds: int
    log_level: str

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Settings:
        """Read the variables of ``SETTINGS``; what is not set or is empty has its default.

        Raises ``Misconfigured`` with variable, value and what would be right.
        """
        read = _Reader(env)
        home = Path(read.text("ORECAST_HOME")).expanduser().resolve()
        return cls(
            home=home,
            database_url=read.text("ORECAST_DATABASE_URL") or f"sqlite:///{home / 'var' / 'orecast.db'}",
            models_dir=Path(read.text("ORECAST_MODELS_DIR") or home / "models").expanduser().resolve(),
            host=read.text("ORECAST_HOST"),
            port=read.whole("ORECAST_PORT", 1, 65535),
            workers=read.whole("ORECAST_WORKERS", 1, 64),
            threads=read.whole("ORECAST_THREADS", 1, 256),
            draws=read.whole("ORECAST_DRAWS", 100, 100_000),
            horizon=read.whole("ORECAST_HORIZON", 1, 120),
            seed=read.whole("ORECAST_SEED", 0, 2**32 - 1),
            jobs=read.whole("ORECAST_JOBS", 0, 1024) or -1,
            schedule=read.schedule("ORECAST_SCHEDULE"),
            rate_limit=read.matching("ORECAST_RATE_LIMIT", _RATE, "such as '600 per minute', or off"),
            scenario_seconds=read.whole("ORECAST_SCENARIO_SECONDS", 1, 3600),
            log_level=read.one_of("ORECAST_LOG_LEVEL", _LEVELS),
        )


class _Reader:
    """Values of an environment, each checked against what it must be."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._defaults = {setting.name: setting.default for setting in SETTINGS}

    def text(self, name: str) -> str:
        return self._env.get(name, "").strip() or self._defaults[name]

    def whole(self, name: str, least: int, most: int) -> int:
        text = self.text(name)
        if not re.fullmatch(r"[0-9]{1,12}", text) or not least <= int(text) <= most:
            raise self._refused(name, f"a whole number from {least} to {most}")
        return int(text)

    def matching(self, name: str, pattern: re.Pattern[str], expected: str) -> str:
        if not pattern.fullmatch(self.text(name)):
            raise self._refused(name, expected)
        return self.text(name)

    def schedule(self, name: str) -> str:
        """Five fields of cron that a date fits, single spaces between them."""
        given = " ".join(self.text(name).split())
        fields = _NAMED.get(given.lower(), given)
        if fields == self._defaults[name]:
            return fields
        # On first use, since it takes time to import; five fields only, for of six some readers take the first as
        # seconds and some the last.
        from croniter import CroniterBadDateError, croniter  # type: ignore[import-untyped]

        if len(fields.split()) != 5 or not croniter.is_valid(fields):
            raise self._refused(name, _FIVE_FIELDS)
        try:
            croniter(fields, dt.datetime.now(dt.UTC)).get_next()
        except CroniterBadDateError:
            raise self._refused(name, "a date that comes; no day of the calendar fits this day and month") from None
        return fields

    def one_of(self, name: str, words: tuple[str, ...]) -> str:
        word = self.text(name).upper()
        if word not in words:
            raise self._refused(name, f"one of {', '.join(words)}")
        return word

    def _refused(self, name: str, expected: str) -> Misconfigured:
        return Misconfigured(f"{name} = {self.text(name)!r}: expected {expected}")


def data_dir() -> Path:
    """The bundled data: inside an installed package, else in the repository."""
    bundled = Path(__file__).parent / "_data"
    return bundled if bundled.is_dir() else Path(__file__).parent.parent / "data"
