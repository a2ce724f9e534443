"""The effects on groups of flows by partner, as a training wrote them: a file a group, beside the runs.

::

    models/.diversion/<group>.npz    draws of every member, their levels, and in ``document`` the rest as JSON

A file is replaced in one step, and read whole: who reads has the old one or the new one. Its document carries the
SHA-256 of everything else in it, which files of older versions lack: those are held to the checksums of the archive.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, cast

import numpy as np
import numpy.typing as npt

from forecast.effects.diverted import GroupRecord, MemberRecord
from forecast.effects.documents import RecordDocument
from forecast.effects.record import EffectRecord
from forecast.errors import CorruptArtifact
from forecast.files import write_atomically
from forecast.formats.json_text import read_json
from forecast.names import unit
from forecast.timeseries.frequency import parse_freq

#: No name of a series begins with a dot.
FOLDER = ".diversion"
_SUFFIX = ".npz"
#: What numpy and zipfile raise of bytes that are no such file: an empty one ends too soon, and what says how it was
#: packed may be damaged as well.
_UNREADABLE = (OSError, EOFError, ValueError, LookupError, TypeError, RuntimeError, zipfile.BadZipFile)


class _Changed(Exception):
    """The content is sound, and is not what was written."""


@dataclass(frozen=True, eq=False)
class StoredGroup:
    """A group's record; ``digest``: of all that it was made from; ``as_of``: the day whose knowledge counts."""

    record: GroupRecord
    digest: str
    as_of: dt.date


class _MemberDocument(TypedDict):
    """A member as it is written down; its arrays lie beside it."""

    name: str
    partner: str
    derived: bool
    adopted: list[str]
    mixed: dict[str, str]
    notes: list[str]
    record: RecordDocument


class _GroupDocument(TypedDict):
    """A group as it is written down; the total, if it has one, is the last of ``members``."""

    name: str
    unit: str
    freq: str
    has_total: bool
    notes: list[str]
    digest: str
    as_of: str
    members: list[_MemberDocument]


def save(root: Path, stored: StoredGroup) -> None:
    """Write the record of a group in the place of the one before."""
    record = stored.record
    every = [*record.members, *([record.total] if record.total else ())]
    document: _GroupDocument = {
        "name": record.name,
        "unit": record.unit,
        "freq": record.freq.code,
        "has_total": record.total is not None,
        "notes": list(record.notes),
        "digest": stored.digest,
        "as_of": stored.as_of.isoformat(),
        "members": [_described(member) for member in every],
    }
    arrays: dict[str, npt.NDArray[np.generic]] = {
        "ds": record.ds.astype("datetime64[D]").astype(np.int64),
        "correlation": record.correlation,
        "level": np.array([member.level for member in every]),
    }
    for k, member in enumerate(every):
        arrays |= {f"{name}_{k}": array for name, array in member.record.to_arrays().items()}
    text = json.dumps({"sha256": _digest(document, arrays), **document})
    arrays["document"] = np.frombuffer(text.encode(), dtype=np.uint8)
    data = io.BytesIO()
    np.savez(data, allow_pickle=False, **arrays)
    (root / FOLDER).mkdir(parents=True, exist_ok=True)
    write_atomically(_path(root, record.name), data.getvalue())


def load(root: Path, name: str) -> StoredGroup:
    """The record of a group. Raises ``FileNotFoundError`` where there is none, and ``CorruptArtifact``."""
    path = _path(root, name)
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            return _read({key: arrays[key] for key in arrays.files})
    except FileNotFoundError:
        raise
    except _Changed:
        raise CorruptArtifact(f"{FOLDER}/{path.name}", "it was changed after it was written") from None
    except _UNREADABLE as error:
        said = f"it cannot be read ({type(error).__name__}); orecast train estimates it anew"
        raise CorruptArtifact(f"{FOLDER}/{path.name}", said) from error


def names(root: Path) -> list[str]:
    """The groups of which there is a record."""
    return sorted(path.name.removesuffix(_SUFFIX) for path in (root / FOLDER).glob(f"[!.]*{_SUFFIX}"))


def identity(root: Path, name: str) -> tuple[int, ...]:
    """What tells whether the file of a group is another one. Raises ``FileNotFoundError``."""
    stat = _path(root, name).stat()
    return stat.st_ctime_ns, stat.st_size, stat.st_ino


def remove(root: Path, name: str) -> None:
    """Forget a group, if there is a record of it."""
    _path(root, name).unlink(missing_ok=True)


def _path(root: Path, name: str) -> Path:
    return root / FOLDER / f"{name}{_SUFFIX}"


def _described(member: MemberRecord) -> _MemberDocument:
    return {
        "name": member.name,
        "partner": member.partner,
        "derived": member.derived,
        "adopted": sorted(member.adopted),
        "mixed": dict(member.mixed),
        "notes": list(member.notes),
        "record": member.record.describe(),
    }


def _read(arrays: dict[str, npt.NDArray[np.number]]) -> StoredGroup:
    found = cast(dict[str, object], read_json(arrays.pop("document").tobytes()))
    promised, document = found.pop("sha256", None), cast(_GroupDocument, found)
    if promised is not None and promised != _digest(document, arrays):
        raise _Changed
    every = [
        MemberRecord(
            row["name"],
            row["partner"],
            EffectRecord.from_arrays(row["record"], {name: arrays[f"{name}_{k}"] for name in ("choice", "size")}),
            arrays["level"][k].astype(float),
            frozenset(row["adopted"]),
            row["mixed"],
            row["derived"],
            tuple(row["notes"]),
        )
        for k, row in enumerate(document["members"])
    ]
    total = every.pop() if document["has_total"] else None
    record = GroupRecord(
        document["name"],
        parse_freq(document["freq"]),
        arrays["ds"].astype("datetime64[D]"),
        tuple(every),
        arrays["correlation"].astype(float),
        total,
        unit(document["unit"]),
        tuple(document["notes"]),
    )
    return StoredGroup(record, document["digest"], dt.date.fromisoformat(document["as_of"]))


def _digest(document: _GroupDocument, arrays: Mapping[str, npt.NDArray[np.generic]]) -> str:
    """Hex SHA-256 of the document and of every array, with its name, type and shape."""
    sha = hashlib.sha256(json.dumps(document, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        sha.update(f"{name} {array.dtype.str} {array.shape}".encode())
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()
