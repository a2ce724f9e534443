"""A finished export: its bytes with their row count and digest, and files that tell when they were cut."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from forecast.errors import CorruptArtifact
from forecast.files import write_atomically


@dataclass(frozen=True)
class Export:
    """A finished table: its bytes, and how many rows they hold (the header not counted)."""

    data: bytes
    rows: int

    @cached_property
    def _digest(self) -> bytes:
        return hashlib.sha256(self.data).digest()

    @property
    def sha256(self) -> str:
        return self._digest.hex()

    @property
    def headers(self) -> dict[str, str]:
        """For HTTP: ``Repr-Digest`` (RFC 9530), ``X-SHA256``, which is the same as ``sha256sum`` prints it, and
        ``X-Row-Count``, by which a reader can tell a cut transfer."""
        digest = base64.b64encode(self._digest).decode()
        return {"Repr-Digest": f"sha-256=:{digest}:", "X-SHA256": self.sha256, "X-Row-Count": str(self.rows)}

    def write(self, path: Path) -> None:
        """Put the file at ``path`` and, after it, ``<path>.manifest.json`` with its rows, bytes and SHA-256."""
        manifest = {"file": path.name, "rows": self.rows, "bytes": len(self.data), "sha256": self.sha256}
        write_atomically(path, self.data)
        write_atomically(_manifest(path), (json.dumps(manifest) + "\n").encode())


def verify(path: Path) -> int:
    """The number of rows of a whole exported file. Raises ``CorruptArtifact`` if it is not whole or nobody can say."""
    try:
        manifest = json.loads(_manifest(path).read_bytes())
        data = path.read_bytes()
        rows, size, digest = int(manifest["rows"]), manifest["bytes"], manifest["sha256"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CorruptArtifact(str(path), f"the file or its manifest cannot be read ({error})") from error
    if len(data) != size or hashlib.sha256(data).hexdigest() != digest:
        raise CorruptArtifact(str(path), f"it has {len(data)} bytes that are not the {size} its manifest promises")
    return rows


def _manifest(path: Path) -> Path:
    return path.with_name(path.name + ".manifest.json")
