"""What users rely on: every setting has a default, and a wrong one is told by name, value and what is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from forecast import settings as config
from forecast.errors import Misconfigured
from forecast.formats import Limits
from forecast.settings import Settings, variable


def test_everything_has_a_default_below_the_current_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings.from_env({})
    assert settings.home == tmp_path.resolve()
    assert settings.database_url == f"sqlite:///{tmp_path.resolve()}/var/orecast.db"
    assert settings.models_dir == tmp_path.resolve() / "models"
    assert (settings.host, settings.port, settings.jobs) == ("127.0.0.1", 8000, -1)


def test_an_empty_variable_counts_as_not_set() -> None:
    assert Settings.from_env({"ORECAST_PORT": " "}).port == 8000


def test_each_field_is_read_from_the_variable_of_its_name(tmp_path: Path) -> None:
    given = {
        "home": str(tmp_path),
        "database_url": "postgresql://localhost/ore",
        "models_dir": str(tmp_path / "elsewhere"),
        "sources_file": str(tmp_path / "sources.toml"),
        "comtrade_key": "one",
        "census_key": "two",
        "global_trade_alert_key": "three",
        "host": "0.0.0.0",
        "port": "9000",
        "workers": "3",
        "threads": "5",
        "connections": "50",
        "request_seconds": "10",
        "answer_seconds": "30",
        "draws": "500",
        "horizon": "36",
        "seed": "7",
        "jobs": "4",
        "schedule": "*/15 2-4 * * MON",
        "fetch_schedule": "off",
        "publish_dir": str(tmp_path / "out"),
        "publish_keep": "7",
        "auth": "keys",
        "trusted_proxies": "127.0.0.1/32, 10.0.0.0/8",
        "rate_limit": "5/second",
        "cors_origins": "https://page.example,https://other.example:8443",
        "scenario_seconds": "20",
        "file_megabytes": "30",
        "file_rows": "1000",
        "file_columns": "40",
        "file_cell": "99",
        "workbook_megabytes": "25",
        "workbook_part_megabytes": "6",
        "workbook_ratio": "20",
        "workbook_sheets": "5",
        "file_faults": "20",
        "log_level": "DEBUG",
    }
    settings = Settings.from_env({variable(name): value for name, value in given.items()})
    assert {name: str(value) for name, value in settings.model_dump().items()} == given


def test_limits_of_files_are_settings_in_megabytes_and_counts() -> None:
    given = {"ORECAST_FILE_MEGABYTES": "3", "ORECAST_WORKBOOK_PART_MEGABYTES": "2", "ORECAST_FILE_COLUMNS": "7"}
    limits = Settings.from_env(given).limits
    assert (limits.size, limits.part, limits.columns) == (3_000_000, 2_000_000, 7)
    assert Settings.from_env({}).limits == Limits()


def test_the_password_of_a_database_is_not_shown() -> None:
    settings = Settings.from_env({"ORECAST_DATABASE_URL": "postgresql://ore:secret@localhost/ore"})
    assert "secret" in settings.database_url
    assert "secret" not in f"{settings} {settings!r}"


def test_every_wrong_variable_is_told_at_once() -> None:
    with pytest.raises(Misconfigured) as caught:
        Settings.from_env({"ORECAST_PORT": "http", "ORECAST_LOG_LEVEL": "loud", "ORECAST_SEED": "1"})
    assert str(caught.value) == (
        "ORECAST_PORT = 'http': expected a whole number from 1 to 65535; "
        "ORECAST_LOG_LEVEL = 'loud': expected one of DEBUG, INFO, WARNING, ERROR"
    )


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("ORECAST_PORT", "0", "from 1 to 65535"),
        ("ORECAST_PORT", "80x", "from 1 to 65535"),
        ("ORECAST_PORT", "٣", "from 1 to 65535"),
        ("ORECAST_HORIZON", "121", "from 1 to 120"),
        ("ORECAST_DRAWS", "-5", "from 100 to 100000"),
        ("ORECAST_SCHEDULE", "daily", "five fields of cron"),
        ("ORECAST_SCHEDULE", "0 3 * *", "five fields of cron"),
        ("ORECAST_SCHEDULE", "0 0 3 * * * 2027 *", "five fields of cron"),
        ("ORECAST_SCHEDULE", "60 0 3 * * *", "or six with the seconds first"),
        ("ORECAST_SCHEDULE", "0 25 * * *", "five fields of cron"),
        ("ORECAST_SCHEDULE", "0 3 * * 8", "five fields of cron"),
        ("ORECAST_SCHEDULE", "0 3 * FOO *", "five fields of cron"),
        ("ORECAST_SCHEDULE", "*/0 3 * * *", "five fields of cron"),
        ("ORECAST_SCHEDULE", "@reboot", "a name such as @daily"),
        ("ORECAST_SCHEDULE", "0 3 31 2 *", "a date that comes"),
        ("ORECAST_SCHEDULE", "0 3 31 4,6,9,11 *", "a date that comes"),
        ("ORECAST_FETCH_SCHEDULE", "never", "@daily; or off"),
        ("ORECAST_PUBLISH_KEEP", "-1", "from 0 to 36500"),
        ("ORECAST_RATE_LIMIT", "many", "600 per minute"),
        ("ORECAST_RATE_LIMIT", "0 per minute", "600 per minute"),
        ("ORECAST_RATE_LIMIT", "5 per 0 minutes", "600 per minute"),
        ("ORECAST_LOG_LEVEL", "loud", "DEBUG, INFO, WARNING, ERROR"),
    ],
)
def test_a_wrong_value_is_told_with_what_is_right(name: str, value: str, right: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        Settings.from_env({name: value})
    assert name in str(caught.value)
    assert repr(value) in str(caught.value)
    assert right in str(caught.value)


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("port", 1, 65535),
        ("workers", 1, 64),
        ("threads", 1, 256),
        ("draws", 100, 100_000),
        ("horizon", 1, 120),
        ("seed", 0, 4_294_967_295),
        ("jobs", 0, 1024),
    ],
)
def test_a_whole_number_may_be_the_least_and_the_most_but_no_further(name: str, least: int, most: int) -> None:
    for value in (least, most):
        expected = -1 if (name, value) == ("jobs", 0) else value
        assert getattr(Settings.from_env({variable(name): str(value)}), name) == expected
    for value in (least - 1, most + 1):
        with pytest.raises(Misconfigured, match=f"a whole number from {least} to {most}"):
            Settings.from_env({variable(name): str(value)})


def test_what_holds_when_nothing_is_set() -> None:
    settings = Settings.from_env({})
    numbers = ("workers", "threads", "draws", "horizon", "seed")
    assert [getattr(settings, name) for name in numbers] == [2, 8, 2000, 24, 0]
    assert (settings.schedule, settings.rate_limit, settings.log_level) == ("0 3 * * *", "600 per minute", "INFO")
    assert (settings.fetch_schedule, settings.publish_dir, settings.publish_keep) == ("0 2 * * *", None, 90)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("", "0 3 * * *"),
        ("  ", "0 3 * * *"),
        (" 30  5\t* * 1-5 ", "30 5 * * 1-5"),
        ("0 3 * JAN-MAR mon,FRI", "0 3 * JAN-MAR mon,FRI"),
        ("0 3 29 2 *", "0 3 29 2 *"),
        ("0 3 31 2 MON", "0 3 31 2 MON"),  # cron takes the day of the month or that of the week: Mondays of February
        ("0 3 L * *", "0 3 L * *"),
        ("30 0 3 * * *", "30 0 3 * * *"),
        ("@daily", "@daily"),
        ("@Weekly", "@Weekly"),
    ],
)
def test_a_schedule_is_what_the_record_of_jobs_takes_for_one(given: str, read: str) -> None:
    assert Settings.from_env({"ORECAST_SCHEDULE": given}).schedule == read


@pytest.mark.parametrize("given", ["off", " OFF "])
def test_off_in_place_of_a_schedule_of_fetching_means_never(given: str) -> None:
    assert Settings.from_env({"ORECAST_FETCH_SCHEDULE": given}).fetch_schedule == "off"


def test_the_data_of_an_installed_package_come_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "forecast"
    package.mkdir()
    monkeypatch.setattr(config, "__file__", str(package / "config.py"))
    assert config.data_dir() == tmp_path / "data"
    (package / "_data").mkdir()
    assert config.data_dir() == package / "_data"


def test_what_is_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "database-url"
    secret.write_text("postgresql://ore:word@localhost/ore\n")
    given = {"ORECAST_DATABASE_URL_FILE": str(secret)}
    assert Settings.from_env(given).database_url == "postgresql://ore:word@localhost/ore"
    with pytest.raises(Misconfigured, match="either this or ORECAST_DATABASE_URL, not both"):
        Settings.from_env({**given, "ORECAST_DATABASE_URL": "sqlite:////srv/other.db"})
    with pytest.raises(Misconfigured, match=r"ORECAST_CENSUS_KEY_FILE.*No such file"):
        Settings.from_env({"ORECAST_CENSUS_KEY_FILE": str(tmp_path / "nowhere")})


def test_the_settings_that_are_secret_are_those_that_no_repr_shows() -> None:
    assert set(config.SECRETS) == {name for name, field in Settings.model_fields.items() if not field.repr}
