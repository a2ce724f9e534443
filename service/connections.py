"""A connection whose requests are received whole before a thread reads them, and whose answers wait for nobody."""

from __future__ import annotations

import socket
from collections import deque
from enum import Enum
from itertools import islice
from typing import TYPE_CHECKING

from gunicorn.http import errors, get_parser  # type: ignore[import-untyped]
from gunicorn.workers.gthread import TConn  # type: ignore[import-untyped]

from service.framing import Incoming

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
    from gunicorn.config import Config  # type: ignore[import-untyped]

#: Bytes that are received at once, and pieces of an answer that are sent at once.
_RECEIVED, _PIECES = 64 * 1024, 64


class BufferedSocket(socket.socket):
    """A socket that never blocks: reads what was received before, and keeps what the other side does not take yet.

    It belongs to one thread at a time: the one that waits for all connections, or the one that answers the request.
    """

    def __init__(self, accepted: socket.socket) -> None:
        super().__init__(fileno=accepted.detach())
        super().setblocking(False)
        self.incoming = Incoming()
        #: Whether the other side will send no more; whether the request that is being answered asks for a head only.
        self.ended = self.head_only = False
        #: Whether that request is not received to its end, so that none can follow.
        self.endless = False
        self._request = memoryview(b"")
        self._headed = False
        self._unsent: deque[memoryview] = deque()
        #: Bytes that the other side has not taken yet.
        self.owed = 0

    def setblocking(self, flag: bool) -> None:
        """Nothing: whoever thinks that this socket should block need not know that it has no cause to."""

    def settimeout(self, value: float | None) -> None:
        """Nothing, for the same reason."""

    def receive(self) -> bool:
        """Take in what has come; False if nothing has."""
        try:
            data = super().recv(_RECEIVED)
        except BlockingIOError:
            return False
        self.ended = not data
        self.incoming.data += data
        return True

    def begin(self) -> None:
        """Give the request that is there to who reads from this socket."""
        self._headed, self.endless = self.incoming.headed, self.incoming.endless
        request = self.incoming.take()
        self.head_only = request.lstrip(b"\r\n").startswith(b"HEAD ")
        self._request = memoryview(request)

    @property
    def unread(self) -> bool:
        return bool(self._request)

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        """The next bytes of the request.

        Raises what gunicorn does for a request that ends early, or whose headers never end: more was not received.
        """
        piece, self._request = self._request[:bufsize], self._request[bufsize:]
        if not piece and not self.ended:
            raise errors.NoMoreData if self._headed else errors.LimitRequestHeaders("limit request headers size")
        return bytes(piece)

    def sendall(self, data: ReadableBuffer, flags: int = 0) -> None:
        """Keep a piece of an answer until it is flushed."""
        if piece := memoryview(data):
            self._unsent.append(piece)
            self.owed += len(piece)

    def send(self, data: ReadableBuffer, flags: int = 0) -> int:
        self.sendall(data)
        return memoryview(data).nbytes

    def flush(self) -> bool:
        """Send what the other side takes now; False if it has not taken it all. Raises ``OSError`` if it is gone."""
        while self._unsent:
            try:
                sent = self.sendmsg(islice(self._unsent, _PIECES))
            except BlockingIOError:
                return False
            self.owed -= sent
            while self._unsent and sent >= len(self._unsent[0]):
                sent -= len(self._unsent.popleft())
            if sent:
                self._unsent[0] = self._unsent[0][sent:]
        return True


class ConnectionStage(Enum):
    """What a connection waits for."""

    IDLE = "a request"
    HEAD = "the rest of the headers"
    BODY = "the rest of the body"
    ANSWER = "that an answer is taken"
    END = "that its end is heard"


class Connection(TConn):  # type: ignore[misc]
    """gunicorn's connection on a buffered socket: what it waits for, and until when.

    ``last``: until when an answer has to be taken, however steadily it is. ``keep``: another request may follow.
    ``lingered``: bytes that came after its end.
    """

    def __init__(self, cfg: Config, accepted: socket.socket, client: object, server: object) -> None:
        super().__init__(cfg, BufferedSocket(accepted), client, server)
        self.initialized = True
        self.parser = get_parser(cfg, self.sock, client)
        self.stage = ConnectionStage.IDLE
        self.deadline = self.last = 0.0
        self.keep = False
        self.lingered = 0

    @property
    def in_order(self) -> bool:
        """Whether the parser read the request to the end that its framing has, so that another can follow."""
        return not self.sock.unread and not self.parser.unreader.buf.getvalue()
