"""How the bytes of an answer travel: whole or in part, plain or as gzip, each coding with an ETag of its own."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Callable

from flask import Response, request

#: Bytes below which packing saves less than it costs.
LEAST = 1_000
_LEVEL = 6
_CODED = "-gzip"


def tags(etag: str) -> tuple[str, ...]:
    """The tags under which a client may hold an answer that it takes now: of each coding one."""
    return (etag, etag + _CODED) if _takes_gzip() else (etag,)


def encode(response: Response, pack: Callable[[], bytes] | None = None) -> None:
    """Pack an answer, if it is worth it and the client takes it; one that asks for a part of it gets it plain.

    ``pack``: gives its bytes as gzip, where somebody keeps them.
    """
    response.vary.update(("Accept", "Accept-Encoding"))
    data = response.get_data()
    if len(data) < LEAST or not _takes_gzip() or "Range" in request.headers:
        return
    packed = packed_bytes(data) if pack is None else pack()
    response.set_data(packed)
    response.headers["Content-Encoding"] = "gzip"
    etag, _ = response.get_etag()
    if etag:
        response.set_etag(etag + _CODED)
    if plain := response.headers.get("Repr-Digest"):
        # RFC 9530: of the bytes as they are packed; what the reader has in the end is told beside it.
        response.headers["Unencoded-Digest"] = plain
        digest = base64.b64encode(hashlib.sha256(packed).digest()).decode()
        response.headers["Repr-Digest"] = f"sha-256=:{digest}:"


def packed_bytes(data: bytes) -> bytes:
    """As gzip: of the same bytes the same."""
    return gzip.compress(data, _LEVEL, mtime=0)


def _takes_gzip() -> bool:
    return bool(request.accept_encodings["gzip"] > 0)
