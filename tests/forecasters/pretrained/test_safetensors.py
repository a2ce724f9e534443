"""Files of weights: what is read, and what is refused by name."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from forecast.errors import CorruptArtifact
from forecast.forecasters.pretrained.safetensors import read


def written(path: Path, header: dict[str, object], data: bytes) -> Path:
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def entry(dtype: str, shape: list[int], first: int, last: int) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [first, last]}


def test_arrays_are_read_by_name_and_shape(tmp_path: Path) -> None:
    values = np.arange(6, dtype="<f4")
    header = {
        "__metadata__": {"format": "pt"},
        "a.weight": entry("F32", [2, 2], 0, 16),
        "b": entry("F32", [2], 16, 24),
    }
    found = read(written(tmp_path / "w", header, values.tobytes()))
    assert set(found) == {"a.weight", "b"}
    np.testing.assert_array_equal(found["a.weight"], [[0, 1], [2, 3]])
    np.testing.assert_array_equal(found["b"], [4, 5])


@pytest.mark.parametrize(
    ("header", "size", "told"),
    [
        ({"a": entry("F16", [2], 0, 4)}, 4, "a has the type F16, not F32"),
        ({"a": entry("F32", [2], 0, 8)}, 4, "reshape"),
        ({"a": {"dtype": "F32", "shape": [1]}}, 4, "data_offsets"),
    ],
)
def test_what_is_no_single_precision_array_is_refused(
    tmp_path: Path, header: dict[str, object], size: int, told: str
) -> None:
    with pytest.raises(CorruptArtifact, match=told):
        read(written(tmp_path / "w", header, bytes(size)))


@pytest.mark.parametrize("content", [b"", b"\x01", b"PK\x03\x04 a zip archive of some other kind"])
def test_a_file_of_another_kind_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(CorruptArtifact, match=r"model\.safetensors: no safetensors file"):
        read(tmp_path / "model.safetensors")
