"""Seeds by what they are for: whoever draws random numbers names a purpose, and no two purposes share a stream.

A seed is derived from another by words. The ``ORECAST_SEED`` and a series' id give the seed of the series; that and
``effects``, ``paths`` or ``occurrence`` give those of its draws, at an origin of a backtest after ``backtest`` and its
cutoff. The same words give the same numbers on every machine and in every process. What should move together, such as
scenarios beside their baseline or families at one origin, uses the same words.
"""

from __future__ import annotations

import hashlib

import numpy as np


def seed_of(seed: int, *words: str) -> int:
    """The seed of a purpose: 128 bits of a hash of another seed and words."""
    digest = hashlib.sha256("\n".join((str(seed), *words)).encode()).digest()
    return int.from_bytes(digest[:16], "big")


def generator(seed: int, *words: str) -> np.random.Generator:
    """The random numbers of a purpose."""
    return np.random.default_rng(seed_of(seed, *words))
