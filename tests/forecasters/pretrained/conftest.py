"""Where the weights of the installed package are."""

from __future__ import annotations

from importlib.metadata import files
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def weights() -> Path:
    (found,) = (file for file in files("fracast") or () if file.name == "model.safetensors")
    return Path(str(found.locate()))
