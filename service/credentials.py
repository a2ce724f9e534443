"""Tokens checked against the keys of the catalogue: the costly part once a process, whether they still hold often."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from forecast.catalog.keys import Key, Keys, id_in
from forecast.errors import Unavailable

#: Seconds for which a key is believed without another look at its row: so soon a revocation is seen; and for which it
#: is believed while there is no catalogue to look at, so that what is trained can still be served.
FRESH, BELIEVED_AWAY = 2.0, 600.0
_REMEMBERED = 1000


@dataclass(frozen=True)
class _Checked:
    key: Key
    looked: float


class Credentials:
    """The tokens that a process has seen and found right; ``clock``: seconds that never go back."""

    def __init__(self, keys: Keys, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys, self._clock = keys, clock
        self._checked: OrderedDict[bytes, _Checked] = OrderedDict()
        self._lock = threading.Lock()
        self._deriving = threading.Lock()  # one at a time: each takes 16 MB

    def remembered(self, token: str) -> Key | None:
        """The key of a token that was found right a moment ago; costs next to nothing."""
        checked = self._checked.get(_mark(token))
        return checked.key if checked is not None and self._clock() - checked.looked < FRESH else None

    def key(self, token: str) -> Key | None:
        """The key of a token, whether it still holds or not; None where there is none. Raises ``Unavailable``."""
        if (found := self.remembered(token)) is not None:
            return found
        key_id, mark = id_in(token), _mark(token)
        if key_id is None:
            return None
        before, now = self._checked.get(mark), self._clock()
        try:
            key = self._keys.find(key_id)
        except Unavailable:
            if before is None or now - before.looked >= BELIEVED_AWAY:
                raise
            return before.key
        if key is None:
            return None
        if before is None or before.key.digest != key.digest:
            with self._deriving:
                if not key.fits(token):
                    return None
        with self._lock:
            self._checked[mark] = _Checked(key, now)
            self._checked.move_to_end(mark)
            while len(self._checked) > _REMEMBERED:
                self._checked.popitem(last=False)
        return key


def _mark(token: str) -> bytes:
    """By what a token is remembered: the token itself is not."""
    return hashlib.sha256(token.encode()).digest()
