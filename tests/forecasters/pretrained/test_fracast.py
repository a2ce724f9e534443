"""The forward pass in numpy against that of the published package.

``fracast.npz`` holds contexts and the 60 steps that ``fracast`` 0.1.0 gave for them with torch 2.13 on a CPU, by
``FracastModel.from_pretrained(weights="fp32").forecast(context, horizon=60)``.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from forecast import extras
from forecast.errors import CorruptArtifact, MissingExtra
from forecast.forecasters.pretrained.fracast import Fracast
from forecast.timeseries.series import Floats

#: Share of the range of a context by which the two may differ.
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def model() -> Fracast:
    return Fracast.load()


def stored(kind: str) -> dict[str, Floats]:
    with np.load(Path(__file__).with_name("fracast.npz")) as arrays:
        return {name.removeprefix(f"{kind} "): arrays[name] for name in arrays.files if name.startswith(kind)}


CONTEXTS: Mapping[str, Floats] = stored("context")


@pytest.mark.parametrize("name", CONTEXTS)
def test_it_gives_the_numbers_of_the_published_package(model: Fracast, name: str) -> None:
    context, expected = CONTEXTS[name], stored("quantiles")[name]
    (found,) = model.quantiles([context], 60)
    np.testing.assert_allclose(found, expected, atol=TOLERANCE * (np.nanmax(context) - np.nanmin(context)), rtol=0)


def test_contexts_of_any_length_share_a_pass(model: Fracast) -> None:
    contexts = [*CONTEXTS.values(), *(CONTEXTS["season"][:end] for end in (100, 110, 119))]
    together = model.quantiles(contexts, 12)
    for context, q in zip(contexts, together, strict=True):
        size = np.nanmax(context) - np.nanmin(context)
        np.testing.assert_allclose(q, model.quantiles([context], 12)[0], atol=1e-5 * size, rtol=0)


def test_a_shorter_horizon_is_the_beginning_of_a_longer_one(model: Fracast) -> None:
    contexts = [CONTEXTS["season"], CONTEXTS["gaps"]]
    np.testing.assert_allclose(model.quantiles(contexts, 5), model.quantiles(contexts, 48)[:, :5], atol=1e-5)


def test_no_torch_is_imported(model: Fracast) -> None:
    model.quantiles([CONTEXTS["season"]], 1)
    assert {"torch", "fracast"}.isdisjoint(sys.modules)


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda library: None)
    with pytest.raises(MissingExtra, match=r"orecast\[pretrained\].*pip install --no-deps fracast==0\.1\.0"):
        Fracast.load()


def test_other_weights_are_refused(tmp_path: Path, weights: Path) -> None:
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    (tmp_path / weights.name).write_bytes(content)
    with pytest.raises(CorruptArtifact, match=r"model\.safetensors: .*not the weights of fracast 0\.1\.0"):
        Fracast.load(str(tmp_path))


def test_weights_may_lie_in_a_folder(tmp_path: Path, weights: Path, model: Fracast) -> None:
    shutil.copy(weights, tmp_path)
    context = [CONTEXTS["season"]]
    np.testing.assert_array_equal(Fracast.load(str(tmp_path)).quantiles(context, 3), model.quantiles(context, 3))
