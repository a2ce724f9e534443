"""Reader of the safetensors format: the length of a JSON header, the header, the values of all arrays end to end.

Format: https://github.com/huggingface/safetensors. Only what stored weights in single precision need.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import TypedDict, cast

import numpy as np
import numpy.typing as npt

from forecast.errors import CorruptArtifact

Singles = npt.NDArray[np.float32]

_LENGTH = struct.Struct("<Q")


class _Entry(TypedDict):
    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


def read(path: Path) -> dict[str, Singles]:
    """The arrays of a file by name, in single precision. Raises ``CorruptArtifact``."""
    try:
        content = path.read_bytes()
        begin = _LENGTH.size + int(_LENGTH.unpack_from(content)[0])
        header = cast(dict[str, _Entry], json.loads(content[_LENGTH.size : begin]))
        header.pop("__metadata__", None)
        return {name: _array(name, entry, content[begin:]) for name, entry in header.items()}
    except (OSError, struct.error, KeyError, TypeError, ValueError, AttributeError) as error:
        raise CorruptArtifact(path.name, f"no safetensors file of weights in single precision: {error}") from error


def _array(name: str, entry: _Entry, data: bytes) -> Singles:
    if entry["dtype"] != "F32":
        raise ValueError(f"{name} has the type {entry['dtype']}, not F32")
    first, last = entry["data_offsets"]
    return np.frombuffer(data[first:last], dtype="<f4").reshape(entry["shape"])
