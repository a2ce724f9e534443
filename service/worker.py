"""gunicorn's worker with threads, in which a connection has a thread only while its request is being answered.

Requests are received whole by the one thread that waits for all connections, and answers that the other side does not
take are sent by it; so a client that is slow, or falls silent, costs memory for a bounded time and nothing else.

Chosen by ``benchmarks/slow_clients.py``. 60 half-sent requests stop gunicorn's own threads (0 of 40 probes answered);
here, beside 200, all 40 are answered as soon as beside none, for the same 0.4 ms of processor a request. gevent does so
too, but 200 clients that ask much and read nothing let no probe through. waitress and granian take 0.25 and 0.2 ms, but
take a length beside chunks, and refuse in shapes of their own. So gunicorn's parser, signals and restarts stay, and
only who waits for a socket is changed.
"""

from __future__ import annotations

import errno
import selectors
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from socket import SHUT_WR, socket

from gunicorn.http.message import Request  # type: ignore[import-untyped]
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker  # type: ignore[import-untyped]

from forecast.catalog.keys import without_secrets
from service.connections import BufferedSocket, Connection, ConnectionStage
from service.malformed import STATUSES, answer
from service.problems import RETRY_AFTER
from service.security import MAX_BODY

#: How many times the time for the headers of a request the time for its body is.
BODY_TIMES = 3
#: Bytes a second that a client has to take of an answer, once it had the time that it may be silent.
SLOWEST = 4096
#: Bytes of answers that all clients of a worker together may leave untaken.
MOST_OWED = 128 * 1024 * 1024
#: Bytes of long bodies that a worker holds together until they are whole.
MOST_RECEIVED = 64 * 1024 * 1024
#: Seconds, and bytes, for which a closed connection is still read, so that its last answer is not lost to a reset.
LINGER, MOST_LINGERED = 2.0, 1024 * 1024
#: Seconds between two looks at who is late; seconds for which a busier worker leaves a new connection to the others.
_LOOK, _PATIENCE, _PAUSE = 0.25, 0.02, 0.002

Step = Callable[[Connection], None]


@dataclass(frozen=True)
class Bounds:
    """What clients of one worker may cost it: connections; seconds for the headers of a request, and of silence while
    an answer is sent.
    """

    connections: int
    request: float
    answer: float


class Worker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's worker with threads, whose refusals are problems as RFC 9457 has them.

    ``app`` is the server's: its ``bounds`` say what clients may cost, its ``balance`` how many each worker has.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self.bounds, self.balance = self.app.bounds, self.app.balance
        self.worker_connections = sys.maxsize  # more than the bound are told so, instead of left to wait
        self._waiting: set[Connection] = set()
        self._looked = self._patient_until = 0.0
        self._pausing = False
        self._steps: dict[ConnectionStage, Step] = dict.fromkeys(
            (ConnectionStage.IDLE, ConnectionStage.HEAD, ConnectionStage.BODY), self._receive
        )
        self._steps |= {ConnectionStage.ANSWER: self._send, ConnectionStage.END: self._linger}
        self._too_late: dict[ConnectionStage, Step] = dict.fromkeys(
            (ConnectionStage.HEAD, ConnectionStage.BODY), self._refuse_late
        )
        self._too_late |= {ConnectionStage.ANSWER: self._drop_unread}

    def run(self) -> None:
        """Serve until told to stop; the others know at once that this worker has no connection yet."""
        self._count(0)
        super().run()

    # New connections

    def accept(self, listener: socket) -> None:
        """Take a new connection, unless another worker has fewer; one too many is told to come back."""
        if self._leave_to_others():
            return
        try:
            accepted, address = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self.log.error("no file is left for a new connection: %s", error)
                self._pausing = True
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        conn = Connection(self.cfg, accepted, address, listener.getsockname())
        self._count(+1)
        if self.nr_conns > self.bounds.connections and not self._close_idle():
            detail = f"The service has {self.bounds.connections} connections already, as many as it takes."
            self._refuse(conn, HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": str(RETRY_AFTER)})
        else:
            self._await_request(conn, self.bounds.request)

    def _leave_to_others(self) -> bool:
        """Whether a worker with fewer connections should take the next; not for long, as it may be busy."""
        now = time.monotonic()
        if not self.balance.above_others(self.age):
            self._patient_until = 0.0
        elif not self._patient_until:
            self._patient_until, self._pausing = now + _PATIENCE, True
        elif now < self._patient_until:
            self._pausing = True
        else:
            self._patient_until = 0.0
        return self._pausing

    def _close_idle(self) -> bool:
        """Close the connection that has been idle between two requests for the longest; False if none is."""
        idle = [c for c in self._waiting if c.stage is ConnectionStage.IDLE and c.parser.req_count]
        if idle:
            self._drop(min(idle, key=lambda c: c.deadline))
        return bool(idle)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Wait for what comes next; while this worker pauses, no new connection is taken."""
        if self._pausing:
            self._pausing, timeout = False, _PAUSE
            self.set_accept_enabled(False)  # the loop takes it back when it comes round
        super().wait_for_and_dispatch_events(timeout)

    def _count(self, change: int) -> None:
        self.nr_conns += change
        self.balance.say(self.age, self.nr_conns)

    # What a connection waits for

    def _watch(self, conn: Connection, stage: ConnectionStage, seconds: float) -> None:
        conn.stage, conn.deadline = stage, time.monotonic() + seconds
        self._waiting.add(conn)
        event = selectors.EVENT_WRITE if stage is ConnectionStage.ANSWER else selectors.EVENT_READ
        self.poller.register(conn.sock, event, lambda _sock: self._go_on(conn, self._steps[stage]))

    def _go_on(self, conn: Connection, step: Step) -> None:
        try:
            step(conn)
        except OSError as error:
            self.log.debug("a client is gone: %s", error)
            self._drop(conn)

    def _unwatch(self, conn: Connection) -> None:
        if conn in self._waiting:
            self._waiting.remove(conn)
            self.poller.unregister(conn.sock)

    def _drop(self, conn: Connection) -> None:
        self._unwatch(conn)
        conn.close()
        self._count(-1)

    def murder_keepalived(self, force: bool = False) -> None:
        """End the wait of those that are late, or of all."""
        now = time.monotonic()
        if not force and now < self._looked + _LOOK:
            return
        self._looked = now
        for conn in [c for c in self._waiting if force or c.deadline <= now]:
            self._go_on(conn, self._drop if force else self._too_late.get(conn.stage, self._drop))

    def murder_pending(self) -> None:
        """Nothing: there is one kind of waiting."""

    def _cap_keepalive(self, deadline: float) -> None:
        """Who stops waits for no request much longer."""
        for conn in self._waiting:
            if conn.stage is not ConnectionStage.ANSWER:
                conn.deadline = min(conn.deadline, deadline)

    # Requests

    def _await_request(self, conn: Connection, seconds: float) -> None:
        self._watch(conn, ConnectionStage.IDLE, seconds if self.alive else min(seconds, STOP_KEEPALIVE_LINGER))
        if conn.sock.incoming.data:
            self._look_at(conn)
        elif not conn.parser.req_count:
            self._go_on(conn, self._receive)  # the first request is mostly there

    def _receive(self, conn: Connection) -> None:
        if conn.sock.receive():
            self._look_at(conn)

    def _look_at(self, conn: Connection) -> None:
        """Hand a request that is whole to a thread; wait for the rest of another as long as is fair."""
        incoming = conn.sock.incoming
        if conn.sock.ended and not incoming.data:
            self._drop(conn)
        elif incoming.whole() or conn.sock.ended:
            self._unwatch(conn)
            conn.sock.begin()
            self.enqueue_req(conn)
        else:
            stage = ConnectionStage.BODY if incoming.headed else ConnectionStage.HEAD
            if stage is not conn.stage:
                self._unwatch(conn)
                self._watch(conn, stage, self._fair(stage))
            if incoming.waits:
                incoming.waits = False
                conn.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                conn.sock.flush()
            if len(incoming.data) > MAX_BODY:
                self._bound_received()

    def _bound_received(self) -> None:
        """Turn away the longest request of those that are being received, where they are too much together."""
        long = [c for c in self._waiting if c.stage is ConnectionStage.BODY and len(c.sock.incoming.data) > MAX_BODY]
        if sum(len(c.sock.incoming.data) for c in long) > MOST_RECEIVED:
            detail = "The service is receiving as many bytes as it takes."
            longest = max(long, key=lambda c: len(c.sock.incoming.data))
            self._refuse(longest, HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": str(RETRY_AFTER)})

    def _fair(self, stage: ConnectionStage) -> float:
        return float(self.bounds.request * (BODY_TIMES if stage is ConnectionStage.BODY else 1))

    def _refuse_late(self, conn: Connection) -> None:
        detail = f"It took more than {self._fair(conn.stage):g} s to receive {conn.stage.value} of the request."
        self._refuse(conn, HTTPStatus.REQUEST_TIMEOUT, detail)

    def handle(self, conn: Connection) -> object:
        """Answer a request that is there; runs in a thread."""
        keep = super().handle(conn)
        with suppress(OSError):  # a client that is gone is noticed when the rest is sent
            conn.sock.flush()
        return keep

    def handle_request(self, req: Request, conn: Connection) -> bool:
        """Answer a request that is well formed; none follows one that is not received to its end."""
        if conn.sock.endless:
            req.force_close()
        return bool(super().handle_request(req, conn))

    def handle_error(self, req: object, client: BufferedSocket, addr: Sequence[object] | None, exc: Exception) -> None:
        """Answer a request that could not be read; what is not the fault of its sender is logged with its trace."""
        status = next((status for family, status in STATUSES if isinstance(exc, family)), None)
        if status is None:
            self.log.error("failed", exc_info=exc)
            status, detail = HTTPStatus.INTERNAL_SERVER_ERROR, "The service failed; its log has the cause."
        else:
            why = without_secrets(str(exc))
            self.log.info("refused a request of %s: %s", addr[0] if addr else "a socket", why)
            detail = f"The request is not well formed: {why}"[:300]
        client.sendall(answer(status, detail, getattr(req, "path", None) or "", head_only=client.head_only))

    # Answers

    def finish_request(self, conn: Connection, fs: Future[object]) -> None:
        """Send what is left of the answer, then wait for the next request, or close."""
        conn.keep = not fs.cancelled() and fs.exception() is None and bool(fs.result()) and conn.in_order
        self._go_on(conn, self._send)

    def _refuse(self, conn: Connection, status: HTTPStatus, detail: str, more: dict[str, str] | None = None) -> None:
        self.log.info("refused %s: %s", conn.client[0] if conn.client else "a socket", detail)
        conn.sock.sendall(answer(status, detail, "", more=more or {}))
        conn.keep = False
        self._go_on(conn, self._send)

    def _send(self, conn: Connection) -> None:
        owed = conn.sock.owed
        done = conn.sock.flush()
        waited = conn in self._waiting and conn.stage is ConnectionStage.ANSWER
        if not done and waited:
            conn.deadline = min(time.monotonic() + self.bounds.answer, conn.last)
            return
        self._unwatch(conn)
        if not done:
            conn.last = time.monotonic() + self.bounds.answer + owed / SLOWEST
            self._watch(conn, ConnectionStage.ANSWER, self.bounds.answer)
            self._make_room()
        elif conn.keep:
            self._await_request(conn, self.cfg.keepalive)
        else:
            self._hang_up(conn)

    def _make_room(self) -> None:
        """Drop who has taken nothing for the longest, where too much is owed to all."""
        slow = [c for c in self._waiting if c.stage is ConnectionStage.ANSWER]
        if sum(c.sock.owed for c in slow) > MOST_OWED:
            self._drop_unread(min(slow, key=lambda c: c.deadline))

    def _drop_unread(self, conn: Connection) -> None:
        self.log.info("dropped %s, which did not take %d bytes of its answer", conn.client[0], conn.sock.owed)
        self._drop(conn)

    def _hang_up(self, conn: Connection) -> None:
        """Say that no more will come, and read on until the other side has heard it (RFC 9112 section 9.6)."""
        if conn.sock.ended:
            self._drop(conn)
            return
        conn.sock.shutdown(SHUT_WR)
        conn.sock.incoming.data.clear()
        self._watch(conn, ConnectionStage.END, LINGER)
        self._go_on(conn, self._linger)

    def _linger(self, conn: Connection) -> None:
        while conn.sock.receive():
            conn.lingered += len(conn.sock.incoming.data)
            conn.sock.incoming.data.clear()
            if conn.sock.ended or conn.lingered > MOST_LINGERED:
                self._drop(conn)
                return
