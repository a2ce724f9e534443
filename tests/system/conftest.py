"""What tests of all of it share."""

from __future__ import annotations

import pytest

from forecast.cli import call
from forecast.settings import Settings
from tests.support.command import Orecast, Said


@pytest.fixture
def orecast(settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Orecast:
    """A command in a home with a seeded catalogue: exit code, what it printed, what it complained of."""
    monkeypatch.setenv("ORECAST_HOME", str(settings.home))

    def run(*arguments: object) -> Said:
        code = call([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run
