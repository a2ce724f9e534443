"""Where the request ends that is being received, as its framing has it; whether it is well formed the parser says.

What is told here is only when to try: a request that is framed wrongly counts as whole at once, as no more bytes would
mend it, and the server's own parser refuses it.
"""

from __future__ import annotations

import re

from service.security import LARGER_BODIES, MAX_BODY

#: Bytes of the first line and the headers of a request together.
MOST_HEAD = 64 * 1024
#: Chunks of a body, and bytes of all that is theirs but not the body's.
MOST_CHUNKS, MOST_FRAMING = 10_000, 64 * 1024

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*(?=\r\n)", re.IGNORECASE)
_CODING = re.compile(rb"\r\ntransfer-encoding:([^\r]*)(?=\r\n)", re.IGNORECASE)
_EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)
_POSTED = re.compile(rb"(?:\r\n)?POST (?:https?://[^/ ]*)?([^ ?]+)", re.IGNORECASE)
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})(?=[ \t;]|$)")


class Incoming:
    """The bytes of a request as they come, and of those that follow it on the same connection."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._begin()

    def _begin(self) -> None:
        #: Whether its headers are there, and whether its sender waits to be told to send the body.
        self.headed = self.waits = False
        self._end: int | None = None
        #: Whether nobody can tell where it ends, or it ends beyond what is received of a request.
        self.endless = False
        self._chunked = self._trailer = False
        self._at = self._payload = self._chunks = 0
        #: Bytes that its body may have.
        self._most = MAX_BODY

    def whole(self) -> bool:
        """Whether the request is there, or no byte more would make it well formed."""
        if not self.headed and not self.endless:
            self._find_head()
        if self._chunked and self._end is None and not self.endless:
            self._find_last_chunk()
        return self.endless or (self._end is not None and len(self.data) >= self._end)

    def take(self) -> bytes:
        """The request; all that is there where nobody can tell its end."""
        end = len(self.data) if self.endless else self._end
        taken = bytes(self.data[:end])
        del self.data[:end]
        self._begin()
        return taken

    def _find_head(self) -> None:
        data = self.data
        start = 2 if data.startswith(b"\r\n") else 0  # an empty line before the first is skipped
        line_feed = data.find(b"\n", start)
        end = data.find(b"\r\n\r\n", max(start, self._at - 3))
        if line_feed >= 0 and not data[start:line_feed].endswith(b"\r"):
            self.endless = True
        elif end < 0:
            self._at, self.endless = len(data), len(data) > MOST_HEAD
        else:
            self.headed, self._at = True, end + 4
            self._find_framing(bytes(data[: end + 2]))

    def _find_framing(self, head: bytes) -> None:
        if posted := _POSTED.match(head):
            self._most = LARGER_BODIES.get(posted[1].decode("latin-1"), MAX_BODY)
        length, coding = _LENGTH.search(head), _CODING.search(head)
        if coding:
            self._chunked = coding[1].strip(b" \t").lower() == b"chunked" and length is None
            self.endless = not self._chunked
        else:
            size = int(length[1]) if length else 0
            self.endless, self._end = size > self._most, self._at + size
        found = _EXPECTS.search(head)
        if found and head[: head.find(b"\r\n", 2)].endswith(b" HTTP/1.1"):
            # It is met here, or not at all where the body is not wanted: who reads the request later need not do it.
            self.waits = not self.endless and (self._end is None or len(self.data) < self._end)
            del self.data[found.start() : found.end()]
            self._at -= len(found[0])
            self._end = None if self._end is None else self._end - len(found[0])

    def _find_last_chunk(self) -> None:
        data = self.data
        while (line_end := data.find(b"\r\n", self._at)) >= 0 and not self.endless:
            line = bytes(data[self._at : line_end])
            self._at = line_end + 2
            if self._trailer and not line:
                self._end = self._at
                return
            if not self._trailer:
                found = _CHUNK_SIZE.match(line)
                size = int(found[1], 16) if found else self._most + 1
                self._payload, self._chunks = self._payload + size, self._chunks + 1
                self._trailer = size == 0
                self._at += size + 2 if size else 0
            self.endless = self._payload > self._most or self._chunks > MOST_CHUNKS
        framing = len(data) - self._payload - 8 * self._chunks
        self.endless = self.endless or framing > MOST_HEAD + MOST_FRAMING
