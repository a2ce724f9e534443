"""One run in its folder: written whole and synced, verified byte by byte, read without copying.

::

    card.json      what was trained, on what, how well; the SHA-256 of each file beside it, and of itself
    draws.npy      float32 (n, H), the log of the series less the mean effect paths, where there is trade
    trade.npy      uint8 (n, H), which draws have trade; only of a series that reports zeros
    effects.*.npy  joint draws of the effect record
    fitted.joblib  the fitted values, for jobs only
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from forecast.effects.documents import RecordDocument
from forecast.effects.record import EffectRecord
from forecast.errors import CorruptArtifact, UnknownFormat
from forecast.files import sync_file, sync_folder
from forecast.registry.card import Card, Json, NewerCard, read
from forecast.timeseries.trade import Codes

Identity = tuple[tuple[str, int, int, int], ...]  # name, mtime_ns, size, inode of each file of a run

_CARD = "card.json"


@dataclass(frozen=True, eq=False)
class Run:
    """One training of one series, verified.

    ``draws``: read-only float32 (n, H), joint sample paths of the log, less the mean effect paths, for the H periods
    after ``last`` (start of the last period seen); ``record``: what events did, in the same n draws; ``trade``: uint8
    (n, H), which draws have trade, as ``timeseries.trade`` reads them; None where all have. Of evidence H is 0.
    """

    series_id: str
    run_id: str
    card: Card
    draws: npt.NDArray[np.float32]
    record: EffectRecord
    last: np.datetime64
    trade: Codes | None = None

    @property
    def held(self) -> float:
        """The mean effect of past events at ``last``, on the log."""
        return float(self.record.mean_path(np.array([self.last]), self.record.freq)[0])


@dataclass(frozen=True, eq=False)
class Payload:
    """What training made, to be stored beside the card: see ``Run``; ``fitted``: the fitted values, for jobs."""

    draws: npt.NDArray[np.floating]
    record: EffectRecord
    fitted: object
    trade: Codes | None = None


def identity(folder: Path) -> Identity:
    """What tells whether a file changed. Raises ``CorruptArtifact`` for a folder that is not there."""
    try:
        with os.scandir(folder) as entries:
            stats = sorted((entry.name, entry.stat()) for entry in entries)
    except OSError as error:
        raise CorruptArtifact(_shown(folder), "the folder is missing") from error
    return tuple((name, stat.st_mtime_ns, stat.st_size, stat.st_ino) for name, stat in stats)


def write(folder: Path, card: Card, payload: Payload) -> None:
    """Write the files of a run, its card last, with the effects and the digests of the others in it."""
    import joblib

    np.save(folder / "draws.npy", np.ascontiguousarray(payload.draws, dtype=np.float32))
    if payload.trade is not None:
        np.save(folder / "trade.npy", np.ascontiguousarray(payload.trade))
    for name, array in payload.record.to_arrays().items():
        np.save(folder / f"effects.{name}.npy", array)
    joblib.dump(payload.fitted, folder / "fitted.joblib", compress=3)
    payloads = {file.name: _sha256(file) for file in sorted(folder.iterdir())}
    content = replace(card, effects=dict(payload.record.describe()), payloads=payloads).document()
    content["sha256"] = _seal(content)
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / _CARD).write_text(text + "\n", encoding="utf-8")
    for file in folder.iterdir():
        sync_file(file)
    folder.chmod(0o755)
    sync_folder(folder)


def read_card(folder: Path) -> Card:
    """The card, if it is the one that was written: it carries the digest of the rest of itself.

    Raises ``CorruptArtifact``, also for a card in a format that is newer than this code.
    """
    try:
        content = json.loads((folder / _CARD).read_bytes())
        promised = content.pop("sha256")
        card = read(content)
    except FileNotFoundError as error:
        raise CorruptArtifact(_shown(folder, _CARD), "the file is missing") from error
    except NewerCard as error:
        raise UnknownFormat(_shown(folder), str(error)) from None
    except KeyError as error:
        raise CorruptArtifact(_shown(folder, _CARD), f"the card has no {error}") from error
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise CorruptArtifact(_shown(folder, _CARD), "it is not a card") from error
    if _seal(content) != promised:
        raise CorruptArtifact(_shown(folder, _CARD), "it was changed after it was written")
    return card


def check(folder: Path) -> None:
    """Raises ``CorruptArtifact`` unless every file is, byte by byte, what the card promises."""
    for name, digest in read_card(folder).payloads.items():
        if not (folder / name).is_file():
            raise CorruptArtifact(_shown(folder, name), "the file is missing")
        if _sha256(folder / name) != digest:
            raise CorruptArtifact(_shown(folder, name), "its bytes are not those its card promises")


def load(folder: Path) -> Run:
    card = read_card(folder)
    try:
        arrays = {
            file.name.split(".")[1]: np.load(file, mmap_mode="r", allow_pickle=False)
            for file in sorted(folder.glob("effects.*.npy"))
        }
        return Run(
            folder.parent.name,
            folder.name,
            card,
            np.load(folder / "draws.npy", mmap_mode="r", allow_pickle=False),
            EffectRecord.from_arrays(cast(RecordDocument, card.effects), arrays),
            np.datetime64(card.data.last, "D"),
            np.load(folder / "trade.npy", mmap_mode="r", allow_pickle=False) if "trade.npy" in card.payloads else None,
        )
    except (OSError, KeyError, ValueError, TypeError) as error:
        why = error.strerror if isinstance(error, OSError) else error  # an OSError tells the whole path
        raise CorruptArtifact(_shown(folder), f"it cannot be read: {why}") from error


def _shown(folder: Path, file: str = "") -> str:
    """A run, or a file of it, below the folder of all runs: ``price.copper/2026-06-01-a/draws.npy``."""
    return "/".join([folder.parent.name, folder.name, *([file] if file else [])])


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _seal(content: Json) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
