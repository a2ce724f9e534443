"""One run in its folder: written whole and synced, verified byte by byte, read without copying.

::

    card.json      what was trained, on what, how well; the SHA-256 of each file beside it, and of itself
    draws.npy      float32 (n, H), the log of the series less the mean effect paths, where there is trade
    trade.npy      uint8 (n, H), which draws have trade; only of a series that reports zeros
    effects.*.npy  joint draws of the effect record
    backtest.npz   what its family forecast from past periods, and what came; only of a run that was tested
    fitted.joblib  the fitted values, for jobs only
"""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt

from forecast.effects.documents import RecordDocument
from forecast.effects.record import EffectRecord
from forecast.errors import CorruptArtifact, UnknownFormat
from forecast.files import no_pipe, sync_folder, write_synced
from forecast.registry.card import Card, NewerCard, read
from forecast.registry.past import PAST_FORECASTS, PastForecasts
from forecast.registry.sealed import Unsealed, sealed, unsealed
from forecast.timeseries.trade import Codes

_S = TypeVar("_S", bound=np.generic)

Identity = tuple[tuple[str, int, int, int], ...]  # name, ctime_ns, size, inode of each file of a run

_CARD, _DRAWS, _TRADE, _FITTED = "card.json", "draws.npy", "trade.npy", "fitted.joblib"


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

    @property
    def mapped(self) -> int:
        """How many of its files are mapped while it is open."""
        return sum(name.endswith(".npy") for name in self.card.payloads)


@dataclass(frozen=True, eq=False)
class Payload:
    """What training made, to be stored beside the card: see ``Run``; ``fitted``: the fitted values, for jobs; ``past``:
    None for a run that could not be tested."""

    draws: npt.NDArray[np.floating]
    record: EffectRecord
    fitted: object
    trade: Codes | None = None
    past: PastForecasts | None = None


def identity(folder: Path) -> Identity:
    """What tells whether a file changed. Raises ``CorruptArtifact`` for a folder that cannot be read."""
    try:
        with os.scandir(folder) as entries:
            stats = sorted((entry.name, _stat(entry)) for entry in entries)
    except OSError as error:
        why = _cannot_be_read(error) if folder.is_dir() else "the folder is missing"
        raise CorruptArtifact(_shown(folder), why) from error
    return tuple((name, stat.st_ctime_ns, stat.st_size, stat.st_ino) for name, stat in stats)


def _stat(entry: os.DirEntry[str]) -> os.stat_result:
    """Of a link what it leads to; of one that leads nowhere the link."""
    try:
        return entry.stat()
    except FileNotFoundError:
        return entry.stat(follow_symlinks=False)


def write(folder: Path, card: Card, payload: Payload) -> None:
    """Write the files of a run, its card last, with the effects and the digests of the others in it."""
    arrays: dict[str, npt.NDArray[np.generic]] = {_DRAWS: np.ascontiguousarray(payload.draws, dtype=np.float32)}
    if payload.trade is not None:
        arrays[_TRADE] = np.ascontiguousarray(payload.trade)
    arrays |= {f"effects.{name}.npy": array for name, array in payload.record.to_arrays().items()}
    files = {name: _npy(array) for name, array in arrays.items()} | {_FITTED: _joblib(payload.fitted)}
    if payload.past is not None:
        files[PAST_FORECASTS] = payload.past.to_bytes()
    payloads = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}
    content = replace(card, effects=dict(payload.record.describe()), payloads=payloads).document()
    for name, data in (files | {_CARD: sealed(content)}).items():
        write_synced(folder / name, data)
    folder.chmod(0o755)
    sync_folder(folder)


def read_card(folder: Path) -> Card:
    """The card, if it is the one that was written: it carries the digest of the rest of itself.

    Raises ``CorruptArtifact``, also for a card in a format that is newer than this code.
    """
    try:
        return unsealed(no_pipe(folder / _CARD).read_bytes(), read)
    except FileNotFoundError as error:
        raise CorruptArtifact(_shown(folder, _CARD), "the file is missing") from error
    except NewerCard as error:
        raise UnknownFormat(_shown(folder), str(error)) from None
    except Unsealed as error:
        raise CorruptArtifact(_shown(folder, _CARD), str(error)) from error
    except KeyError as error:
        raise CorruptArtifact(_shown(folder, _CARD), f"the card has no {error}") from error
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise CorruptArtifact(_shown(folder, _CARD), "it is not a card") from error


def check(folder: Path) -> frozenset[str]:
    """The names of the files of a run, its card among them.

    Raises ``CorruptArtifact`` unless every one is, byte by byte, what the card promises.
    """
    payloads = read_card(folder).payloads
    for name, digest in payloads.items():
        try:
            found = _sha256(folder / Path(name).name)  # whatever stands before the name: it lies in this folder
        except FileNotFoundError as error:
            raise CorruptArtifact(_shown(folder, name), "the file is missing") from error
        except OSError as error:
            raise CorruptArtifact(_shown(folder, name), _cannot_be_read(error)) from error
        if found != digest:
            raise CorruptArtifact(_shown(folder, name), "its bytes are not those its card promises")
    return frozenset({_CARD, *payloads})


def load(folder: Path) -> Run:
    """A run that was checked: the files that its card lists, and no other."""
    card = read_card(folder)
    try:
        arrays: dict[str, npt.NDArray[np.number]] = {
            name.split(".")[1]: _mapped(folder, card, name)
            for name in sorted(card.payloads)
            if name.startswith("effects.")
        }
        return Run(
            folder.parent.name,
            folder.name,
            card,
            _mapped(folder, card, _DRAWS),
            EffectRecord.from_arrays(cast(RecordDocument, card.effects), arrays),
            np.datetime64(card.data.last, "D"),
            _mapped(folder, card, _TRADE) if _TRADE in card.payloads else None,
        )
    except CorruptArtifact:
        raise
    except (OSError, KeyError, ValueError, TypeError) as error:
        why = error.strerror if isinstance(error, OSError) else error  # an OSError tells the whole path
        raise CorruptArtifact(_shown(folder), f"it cannot be read: {why}") from error


def load_fitted(folder: Path) -> object:
    """The fitted values of a run that was checked."""
    import joblib

    return joblib.load(_listed(folder, read_card(folder), _FITTED))


def _mapped(folder: Path, card: Card, name: str) -> npt.NDArray[_S]:
    found: npt.NDArray[_S] = np.load(_listed(folder, card, name), mmap_mode="r", allow_pickle=False)
    return found


def _listed(folder: Path, card: Card, name: str) -> Path:
    """The path of a file that a card lists: of another nobody promised anything."""
    if name not in card.payloads:
        raise CorruptArtifact(_shown(folder, name), "its card does not list it")
    return folder / name


def _npy(array: npt.NDArray[np.generic]) -> bytes:
    data = io.BytesIO()
    np.save(data, array, allow_pickle=False)
    return data.getvalue()


def _joblib(value: object) -> bytes:
    import joblib

    data = io.BytesIO()
    joblib.dump(value, data, compress=3)
    return data.getvalue()


def _cannot_be_read(error: OSError) -> str:
    return f"it cannot be read ({error.strerror})"


def _shown(folder: Path, file: str = "") -> str:
    """A run, or a file of it, below the folder of all runs: ``price.copper/2026-06-01-a/draws.npy``."""
    return "/".join([folder.parent.name, folder.name, *([file] if file else [])])


def _sha256(path: Path) -> str:
    with no_pipe(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
