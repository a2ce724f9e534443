"""How an answer becomes a response: JSON or CSV as asked, with an ETag, from the same values."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from flask import Response, request
from werkzeug.exceptions import NotAcceptable

from forecast.answers.model import Answer, Listing
from forecast.answers.several import Several
from forecast.export.csv_writer import csv_export
from forecast.export.finished import Export
from service.content_coding import encode, packed_bytes, tags
from service.context import Context
from service.encoding import to_json

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

VERSION = version("orecast")
#: Where in the environment of a request a route says that its answer may be kept: by its endpoint.
KEPT_AS = "orecast.kept_as"
#: Where the state of the stores is, as it was when the request came.
CAME = "orecast.came"


def keep() -> None:
    """Let the answer be kept and given again: it depends on nothing but the catalogue, who serves, the day and what
    the request says."""
    request.environ[KEPT_AS] = request.endpoint or "none"


def tag(*parts: object) -> str:
    """An ETag from whatever an answer depends on; the version of the code is always in it."""
    return hashlib.sha256(to_json([VERSION, *parts])).hexdigest()[:32]


def settled(context: Context, etag: str) -> str:
    """The ETag of an answer that is made; none where what it rests on may have changed since the request came."""
    return etag if context.state() == request.environ.get(CAME) else ""


def unchanged(etag: str) -> Response | None:
    """304 if the client has this already, before anything is computed."""
    held = next((each for each in tags(etag) if request.if_none_match.contains(each)), None)
    if held is None:
        return None
    response = Response(status=304)
    response.vary.update(("Accept", "Accept-Encoding"))
    return _for_caches(response, held)


def wants_csv(asked: str | None) -> bool:
    """``format=`` decides, else the Accept header; JSON if in doubt."""
    if asked is not None:
        return asked == "csv"
    check_accepted("application/json", "text/csv")
    accept = request.accept_mimetypes
    return accept["text/csv"] > accept["application/json"]


def check_accepted(*types: str) -> None:
    """Raise ``NotAcceptable`` where the client takes none of what there is."""
    accept = request.accept_mimetypes
    if accept and not any(accept[each] for each in types):
        raise NotAcceptable(f"There is {' and '.join(types)}, and Accept asks for something else: {accept}"[:300])


def respond(answer: Answer, asked: str | None, name: str, etag: str = "") -> Response:
    """JSON, or CSV with the ids of the series that it could not hold in the header ``X-Left-Out``.

    ``asked``: the format, if one was asked for by name; ``name``: what a browser calls the file.
    """
    if wants_csv(asked):
        left_out = [each.series_id for each in answer.left_out] if isinstance(answer, Several) else []
        response = export_answer(KeptExport(csv_export(answer.names(), answer.lines()), left_out), name, etag)
    else:
        response = _json(answer.json_object(), etag)
    if isinstance(answer, Listing) and answer.next:
        on = answer.goes_on_by
        same = [pair for pair in request.args.items(multi=True) if pair[0] != on]
        response.headers["Link"] = f'<{quote(request.path)}?{urlencode([*same, (on, answer.next)])}>; rel="next"'
    return response


def json_answer(body: object, etag: str = "") -> Response:
    """What there is as JSON only. Raises ``NotAcceptable``."""
    check_accepted("application/json")
    return _json(body, etag)


def _json(body: object, etag: str) -> Response:
    return _for_caches(Response(to_json(body), mimetype="application/json"), etag)


def now_answer(body: object) -> Response:
    """An answer about this moment, which nobody may keep."""
    response = Response(to_json(body), mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


@dataclass(frozen=True)
class KeptExport:
    """A finished CSV that is given again and again, and the series that it could not hold; packed once."""

    export: Export
    left_out: Sequence[str] = ()

    @cached_property
    def packed(self) -> bytes:
        return packed_bytes(self.export.data)


def export_answer(kept: KeptExport, name: str, etag: str = "") -> Response:
    """A finished CSV; ``name``: what a browser calls the file."""
    export, left_out = kept.export, kept.left_out
    response = Response(export.data, content_type="text/csv; charset=utf-8; header=present", headers=export.headers)
    # An older version took in ids that no header carries as they are; those of today stay what they are.
    response.headers["Content-Disposition"] = f'attachment; filename="{quote(name, safe="")}.csv"'
    if left_out:
        response.headers["X-Left-Out"] = ", ".join(quote(series_id, safe="") for series_id in left_out)
    return _for_caches(response, etag, lambda: kept.packed)


def _for_caches(response: Response, etag: str, pack: Callable[[], bytes] | None = None) -> Response:
    """A cache may keep it, but must ask whether it still holds: a new champion serves at once."""
    if etag:
        response.set_etag(etag)
    elif request.method in ("GET", "HEAD"):
        response.add_etag()
    response.headers["Cache-Control"] = "no-cache"
    if response.status_code == 200:
        encode(response, pack)
        # A part of a table may be asked for: readers of columns look at the length first, then take what they need.
        length = response.content_length if response.mimetype == "text/csv" else None
        response.make_conditional(_with_one_range(), accept_ranges=length is not None, complete_length=length)
    return response


def _with_one_range() -> WSGIEnvironment:
    """The request; without its ``Range`` where that is not one range of bytes, which RFC 9110 lets nobody refuse."""
    wanted = request.range
    if wanted is not None and wanted.units == "bytes" and len(wanted.ranges) == 1:
        return request.environ
    return {name: value for name, value in request.environ.items() if name != "HTTP_RANGE"}
