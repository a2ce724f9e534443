"""The keys as an answer: who may ask what over HTTP, until when; no secret is in it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from pydantic import Field

from forecast.answers.model import Listing, Part, Text

if TYPE_CHECKING:
    from forecast.catalog import Catalog


class KeyFacts(Part):
    """A key without its secret."""

    key_id: str = Field(description="id of the key, the part of it that is no secret")
    name: str = Field(description="whose it is, or what for")
    scopes: tuple[str, ...] = Field(description="what it may do: read, scenario, write, jobs, admin")
    status: str = Field(description="valid, expired or revoked")
    rate: Text = Field(description="requests allowed to it; null: those of ORECAST_RATE_LIMIT")
    expires: dt.datetime | None = Field(description="moment from which it holds no more (UTC); null: never")
    created: dt.datetime = Field(description="when it was made (UTC)")
    created_by: Text = Field(title="by", description="by whom it was made")
    revoked: dt.datetime | None = Field(description="when it was revoked (UTC)")
    revoked_by: Text = Field(description="by whom it was revoked")


class KeyList(Listing):
    """Keys in order of making, those that hold no more included."""

    data: tuple[KeyFacts, ...]


def key_list(catalog: Catalog, now: dt.datetime) -> KeyList:
    """Every key there ever was; ``now`` (UTC): when their status is asked for."""
    return KeyList.of(
        [
            KeyFacts(
                key_id=key.key_id,
                name=key.name,
                scopes=key.scopes,
                status=key.status(now),
                rate=key.rate,
                expires=key.expires,
                created=key.created,
                created_by=key.created_by,
                revoked=key.revoked,
                revoked_by=key.revoked_by,
            )
            for key in catalog.keys.all().values()
        ]
    )
