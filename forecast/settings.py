"""Settings: environment variables, read once and passed on; and where the bundled data lies."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from forecast.errors import Misconfigured, one_of
from forecast.formats.limits import MEGABYTE, Limits

PREFIX = "ORECAST_"
#: What a forecast is asked for where nothing else is said: periods ahead, and levels of its intervals in percent.
FORECAST_HORIZON, FORECAST_LEVELS = 12, (80, 95)
#: The same for years: so far ahead a backtest judges.
YEARS_AHEAD = 5


class Auth(StrEnum):
    """Who may read over HTTP."""

    OPEN = "open"
    KEYS = "keys"


class Scope(StrEnum):
    """What a key may be for. None holds another, but ``admin``, which may do everything."""

    READ = "read"  # whatever answers from what is there
    SCENARIO = "scenario"  # questions that cost time
    WRITE = "write"  # observations and events
    JOBS = "jobs"  # work of the worker
    ADMIN = "admin"  # which run serves


Networks = tuple[IPv4Network | IPv6Network, ...]


class SpanOrigin(StrEnum):
    """From where periods ahead are counted: from the day of the question, or from the last period with a value."""

    TODAY = "today"
    LAST = "last"


#: Settings that are secret: each may be read from a file, so that no list of processes or containers shows it.
SECRETS = ("database_url", "comtrade_key", "global_trade_alert_key", "census_key")
#: In place of a schedule: what has it is never done by itself.
OFF = "off"
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_RATE = re.compile(r"off|[1-9]\d{0,8} ?(per|/) ?([1-9]\d{0,3} )?(second|minute|hour|day)s?")
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:\d{1,5})?")
_CRON = (
    "five fields of cron (minute, hour, day, month, weekday; UTC), or six with the seconds first, of a date "
    "that comes, such as '0 3 * * *', or a name such as @daily"
)

# Each of these raises ``ValueError`` with what would have been right.


def _whole(least: int, most: int) -> BeforeValidator:
    def read(value: object) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", str(value)) or not least <= int(str(value)) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(str(value))

    return BeforeValidator(read)


def _cron(text: str) -> str:
    """An expression as the worker's record of jobs reads it: of six fields the first is that of seconds."""
    from croniter import CroniterError, croniter  # type: ignore[import-untyped]  # takes time, and few set a schedule

    try:
        croniter(text, dt.datetime.now(dt.UTC), second_at_beginning=True).get_next()
    except CroniterError:
        raise ValueError(_CRON) from None
    return " ".join(text.split())


def _cron_or_off(text: str) -> str:
    try:
        return OFF if text.lower() == OFF else _cron(text)
    except ValueError:
        raise ValueError(f"{_CRON}; or {OFF}") from None


def rate(text: str) -> str:
    """A rate of requests, or off. Raises ``ValueError`` with what would have been right."""
    if not _RATE.fullmatch(text):
        raise ValueError("such as '600 per minute', or off")
    return text


def _auth(text: str) -> str:
    if text not in tuple(Auth):
        raise ValueError(one_of(Auth))
    return text


def _networks(text: str) -> str:
    try:
        return ", ".join(str(ip_network(part.strip())) for part in text.split(","))
    except ValueError:
        raise ValueError("addresses or networks joined by commas, such as 127.0.0.1, 10.0.0.0/8") from None


def _origins(text: str) -> str:
    origins = tuple(part.strip() for part in text.split(","))
    if not all(origin == "*" or _ORIGIN.fullmatch(origin) for origin in origins):
        raise ValueError("origins such as https://example.org, joined by ',', or *")
    return ",".join(origins)


def _level(text: str) -> str:
    if text.upper() not in _LOG_LEVELS:
        raise ValueError(one_of(_LOG_LEVELS))
    return text.upper()


def _folder(path: Path) -> Path:
    return path.expanduser().resolve()


class Settings(BaseModel):
    """The settings of one process, checked: a field is the variable of its name behind ``PREFIX``."""

    model_config = ConfigDict(frozen=True)

    home: Annotated[Path, AfterValidator(_folder)] = Field(
        Path("."),
        validate_default=True,
        description="folder that holds `var/` (the catalogue) and `models/` (trained runs)",
    )
    database_url: str = Field(
        default_factory=lambda read: f"sqlite:///{read['home'] / 'var' / 'orecast.db'}",
        repr=False,  # it may hold a password
        description="SQLAlchemy URL of the catalogue; empty: SQLite in `var/orecast.db`",
    )
    models_dir: Annotated[Path, AfterValidator(_folder)] = Field(
        default_factory=lambda read: read["home"] / "models",
        validate_default=True,
        description="folder of trained runs; empty: `models/` in ORECAST_HOME",
    )
    sources_file: Annotated[Path, AfterValidator(_folder)] = Field(
        default_factory=lambda read: read["home"] / "sources.toml",
        validate_default=True,
        description="what changes the sources that are fetched, and adds some; empty: `sources.toml` in ORECAST_HOME",
    )
    comtrade_key: str = Field("", repr=False, description="subscription key at UN Comtrade; without one it gives less")
    global_trade_alert_key: str = Field(
        "", repr=False, description="key at Global Trade Alert, which gives nothing without one"
    )
    census_key: str = Field("", repr=False, description="key at the US Census Bureau, which gives nothing without one")
    host: str = Field("127.0.0.1", description="address the service listens on")
    port: Annotated[int, _whole(1, 65535)] = Field(8000, description="port the service listens on")
    workers: Annotated[int, _whole(1, 64)] = Field(2, description="processes of the service")
    threads: Annotated[int, _whole(1, 256)] = Field(8, description="threads of each process of the service")
    connections: Annotated[int, _whole(1, 10_000)] = Field(
        500, description="connections of each process of the service; one more is told to come back later"
    )
    request_seconds: Annotated[int, _whole(1, 3600)] = Field(
        20, description="seconds in which the headers of a request have to be there; its body has three times as long"
    )
    answer_seconds: Annotated[int, _whole(1, 3600)] = Field(
        20, description="seconds for which a client may take nothing of its answer"
    )
    draws: Annotated[int, _whole(100, 100_000)] = Field(2000, description="joint sample paths kept of each forecast")
    horizon: Annotated[int, _whole(1, 120)] = Field(
        24, description="periods ahead that are trained and may be asked for"
    )
    seed: Annotated[int, _whole(0, 2**32 - 1)] = Field(0, description="seed of every random draw")
    jobs: Annotated[int, _whole(0, 1024), AfterValidator(lambda count: count or -1)] = Field(  # -1, as joblib has it
        0, validate_default=True, description="processes that train; 0: one a CPU"
    )
    schedule: Annotated[str, AfterValidator(_cron)] = Field(
        "0 3 * * *", description="when the worker retrains what is due: cron, UTC"
    )
    fetch_schedule: Annotated[str, AfterValidator(_cron_or_off)] = Field(
        "0 2 * * *", description="when the worker fetches public sources: cron, UTC; off: it never opens the network"
    )
    publish_dir: Annotated[Path | None, AfterValidator(lambda path: path and _folder(path))] = Field(
        default_factory=lambda: None, description="folder that the worker publishes into; empty: it does not publish"
    )
    publish_keep: Annotated[int, _whole(0, 36_500)] = Field(
        90, description="how many published days are kept; 0: all of them"
    )
    auth: Annotated[Auth | None, BeforeValidator(_auth)] = Field(
        default_factory=lambda: None,
        description="who may read over HTTP: open (anyone), keys (who has a key); empty: anyone on this machine, if "
        "ORECAST_HOST is of it",
    )
    trusted_proxies: Annotated[str, AfterValidator(_networks)] = Field(
        "",
        description="addresses or networks of proxies, joined by commas, whose X-Forwarded-For says who the client is",
    )
    rate_limit: Annotated[str, AfterValidator(rate)] = Field(
        "600 per minute", description="requests allowed to one key, else to one client address; off: no limit"
    )
    cors_origins: Annotated[str, AfterValidator(_origins)] = Field(
        "", description="origins whose pages may read the answers, joined by `,`; *: any; empty: none but its own"
    )
    scenario_seconds: Annotated[int, _whole(1, 3600)] = Field(
        10, description="seconds that the service gives to one question about scenarios"
    )
    file_megabytes: Annotated[int, _whole(1, 100_000)] = Field(2_000, description="size of a file that is taken in")
    file_rows: Annotated[int, _whole(1, 10**9)] = Field(50_000_000, description="rows of a file, or of a sheet")
    file_columns: Annotated[int, _whole(1, 16_384)] = Field(5_000, description="columns of a file")
    file_cell: Annotated[int, _whole(1, 100_000)] = Field(10_000, description="characters of a cell")
    workbook_megabytes: Annotated[int, _whole(1, 10_000)] = Field(300, description="size of a workbook, unpacked")
    workbook_part_megabytes: Annotated[int, _whole(1, 1_000)] = Field(
        20, description="size of a part of a workbook that is no sheet, such as its texts, unpacked"
    )
    workbook_ratio: Annotated[int, _whole(2, 1_000)] = Field(
        50, description="how many times a part of a workbook may be as large as it is packed"
    )
    workbook_sheets: Annotated[int, _whole(1, 1_000)] = Field(100, description="sheets of a workbook")
    file_faults: Annotated[int, _whole(1, 10_000)] = Field(
        50, description="faults of a file that are spelled out; the others are counted"
    )
    log_level: Annotated[str, AfterValidator(_level)] = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")

    @property
    def beyond_this_machine(self) -> bool:
        """Whether the service listens to others than this machine."""
        try:
            return not ip_address(self.host).is_loopback
        except ValueError:  # the name of a host, of which only one is known to be this machine's
            return self.host != "localhost"

    @property
    def proxies(self) -> Networks:
        """The networks of trusted proxies."""
        return tuple(ip_network(part) for part in self.trusted_proxies.split(", ") if part)

    def require_auth(self) -> None:
        """Raises ``Misconfigured`` where the service would listen to others, and nobody said who of them may read."""
        if self.beyond_this_machine and self.auth is None:
            raise Misconfigured(
                f"{variable('host')} = {self.host!r} is reached from other machines: expected {variable('auth')}=keys, "
                "with a key for each who may ask (orecast keys create NAME), or =open: anyone who reaches it may read"
            )

    @property
    def origins(self) -> frozenset[str]:
        """The origins whose pages may read the answers."""
        return frozenset(filter(None, self.cors_origins.split(",")))

    @property
    def limits(self) -> Limits:
        """What a file that is taken in may cost."""
        return Limits(
            size=self.file_megabytes * MEGABYTE,
            rows=self.file_rows,
            columns=self.file_columns,
            cell=self.file_cell,
            unpacked=self.workbook_megabytes * MEGABYTE,
            part=self.workbook_part_megabytes * MEGABYTE,
            ratio=self.workbook_ratio,
            sheets=self.workbook_sheets,
        )

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Settings:
        """Read the variables; what is not set or is empty has its default. What is secret may lie in a file that the
        variable with ``_FILE`` behind its name leads to.

        Raises ``Misconfigured`` with each wrong variable, its value and what would be right.
        """
        given = {name: env.get(variable(name), "").strip() for name in cls.model_fields}
        given |= {name: text for name in SECRETS if (text := _from_file(env, name))}
        try:
            return cls.model_validate({name: text for name, text in given.items() if text})
        except ValidationError as error:
            faults = [
                f"{variable(str(one['loc'][0]))} = {one['input']!r}: expected {one['ctx']['error']}"
                for one in error.errors()
            ]
            raise Misconfigured("; ".join(faults)) from None


def _from_file(env: Mapping[str, str], name: str) -> str:
    """A secret from the file that is named for it, empty where none is."""
    beside = f"{variable(name)}_FILE"
    if not (path := env.get(beside, "").strip()):
        return ""
    if env.get(variable(name), "").strip():
        raise Misconfigured(f"{beside} = {path!r}: expected either this or {variable(name)}, not both")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8"
        raise Misconfigured(f"{beside} = {path!r}: expected a file that can be read ({why})") from None


def variable(name: str) -> str:
    """The environment variable of a field."""
    return f"{PREFIX}{name.upper()}"


def data_dir() -> Path:
    """The bundled data: inside an installed package, else in the repository."""
    bundled = Path(__file__).parent / "_data"
    return bundled if bundled.is_dir() else Path(__file__).parent.parent / "data"
