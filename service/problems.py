"""One shape for everything that goes wrong: RFC 9457 ``application/problem+json``."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal, NoReturn, get_args

from flask import Flask, Response, request
from pydantic import BaseModel, Field
from structlog.typing import FilteringBoundLogger
from werkzeug.exceptions import HTTPException

from forecast.answers.words import out_of
from forecast.errors import (
    Busy,
    CorruptArtifact,
    Fault,
    ForecastError,
    InProgress,
    Insufficient,
    InvalidInput,
    KeyReused,
    Locked,
    Malformed,
    NotEstimated,
    NotFound,
    NotTrained,
    OutOfTime,
    Retired,
    TooShort,
    Unavailable,
    UnknownFormat,
    with_article,
)
from forecast.wording import without_folders
from service.encoding import to_json
from service.telemetry import REQUEST_ID

MEDIA_TYPE = "application/problem+json"

#: What a problem is called, where its status does not say it all.
ProblemKind = Literal[
    "not-found",
    "retired",
    "insufficient-data",
    "not-trained",
    "not-estimated",
    "malformed",
    "invalid-input",
    "too-short",
    "unknown-format",
    "corrupt-artifact",
    "out-of-time",
    "unavailable",
    "busy",
    "in-progress",
    "key-reused",
    "not-ready",
    "no-key",
    "invalid-key",
    "missing-scope",
]
_TYPES = {kind: f"urn:orecast:problem:{kind}" for kind in get_args(ProblemKind)}
_ABOUT_BLANK = "about:blank"
#: Seconds after which a client may ask again for what cannot be served now.
RETRY_AFTER = 5

#: The status and the name of each deliberate refusal; the first row that fits counts. What is not here is a bug.
REFUSALS: tuple[tuple[type[ForecastError], HTTPStatus, ProblemKind], ...] = (
    (NotFound, HTTPStatus.NOT_FOUND, "not-found"),
    (Retired, HTTPStatus.GONE, "retired"),
    (Insufficient, HTTPStatus.NOT_FOUND, "insufficient-data"),
    (NotTrained, HTTPStatus.NOT_FOUND, "not-trained"),
    (NotEstimated, HTTPStatus.NOT_FOUND, "not-estimated"),
    (Malformed, HTTPStatus.BAD_REQUEST, "malformed"),
    (InvalidInput, HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-input"),
    (TooShort, HTTPStatus.UNPROCESSABLE_ENTITY, "too-short"),
    (UnknownFormat, HTTPStatus.SERVICE_UNAVAILABLE, "unknown-format"),
    (CorruptArtifact, HTTPStatus.SERVICE_UNAVAILABLE, "corrupt-artifact"),
    (KeyReused, HTTPStatus.UNPROCESSABLE_ENTITY, "key-reused"),
    (OutOfTime, HTTPStatus.SERVICE_UNAVAILABLE, "out-of-time"),
)

#: In the environment of a request: what keeps it from being answered does not pass by itself, so that nobody is asked
#: to come back in seconds.
LASTING = "orecast.lasting"


class ProblemError(BaseModel):
    """One wrong value: where it stands, what it is, what would have been right."""

    where: str = Field(description="path of the value in the request, such as query.h or body.events.0.announced")
    value: object = Field(description="the value as it was sent")
    expected: str = Field(description="what would have been right")


class Problem(BaseModel):
    """Why a request was refused (RFC 9457)."""

    type: Annotated[str, out_of((_ABOUT_BLANK, *_TYPES.values()))] = Field(
        description="what went wrong, for programs; about:blank where the status says it all"
    )
    title: str
    status: int
    detail: str
    instance: str = Field(description="the path that was asked for")
    errors: list[ProblemError]


def problem(
    status: int, detail: str, *, kind: ProblemKind | None = None, errors: list[dict[str, object]] | None = None
) -> Response:
    """A problem as a response; ``kind`` names its type, without one the status says it all."""
    document = members(status, detail, request.path, kind, errors)
    response = Response(to_json(document), status=status, mimetype=MEDIA_TYPE)
    response.headers["Cache-Control"] = "no-store"
    return response


def members(
    status: int,
    detail: str,
    instance: str,
    kind: ProblemKind | None = None,
    errors: list[dict[str, object]] | None = None,
) -> dict[str, object]:
    """The members of a problem, in order."""
    return {
        "type": _TYPES[kind] if kind else _ABOUT_BLANK,
        "title": kind.replace("-", " ").capitalize() if kind else HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        "instance": instance,
        "errors": errors or [],
    }


def install(app: Flask, log: FilteringBoundLogger) -> None:
    """Every way out of the application that is not an answer becomes a problem; ``log`` hears of bugs."""

    def bug(error: Exception) -> Response:
        log.error("failed", request_id=request.environ.get(REQUEST_ID), path=request.path, exc_info=error)
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "The service failed; its log has the cause.")

    def refused(error: ForecastError) -> Response:
        reads = request.method in ("GET", "HEAD")
        if isinstance(error, Busy | InProgress) or (isinstance(error, Locked) and not reads):
            return _busy(error)
        if isinstance(error, Unavailable):
            log.warning("unavailable", request_id=request.environ.get(REQUEST_ID), path=request.path, why=str(error))
            detail = "The catalogue cannot be read now; the log of the service has the cause."
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, kind="unavailable")
        for family, status, kind in REFUSALS:
            if isinstance(error, family):
                if isinstance(error, CorruptArtifact):
                    request.environ[LASTING] = True
                detail = str(error) if status < HTTPStatus.INTERNAL_SERVER_ERROR else without_folders(str(error))
                return problem(status, detail, kind=kind, errors=_errors(error))
        return bug(error)

    @app.after_request
    def unmatched(response: Response) -> Response:
        # werkzeug says so of If-Match beside the very body that the client does not want.
        if response.status_code != HTTPStatus.PRECONDITION_FAILED:
            return response
        return problem(response.status_code, "If-Match names another state of it than there is now.")

    app.register_error_handler(ForecastError, refused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, bug)


def _busy(error: Locked | Busy | InProgress) -> Response:
    """What another request is at work on: it may be asked again."""
    running = isinstance(error, InProgress)
    detail = str(error) if running else "Another write is at work; nothing was written."
    response = problem(HTTPStatus.CONFLICT, detail, kind="in-progress" if running else "busy")
    response.headers["Retry-After"] = str(error.seconds if isinstance(error, InProgress) else RETRY_AFTER)
    return response


def _errors(error: ForecastError) -> list[dict[str, object]]:
    if isinstance(error, InvalidInput):
        return [{"where": _where(f.where), "value": f.value, "expected": f.expected} for f in error.faults]
    if isinstance(error, NotFound):
        expected = ", ".join(error.nearest) or error.rule or f"the name of {with_article(error.what)}"
        return [{"where": _asked_as(error.name) or error.what, "value": error.name, "expected": expected}]
    return []


def _where(where: str) -> str:
    """What refuses a value deep inside knows its name, not how it came."""
    if where.partition(".")[0] in ("query", "path", "body", "header"):
        return where
    return f"{'body' if request.method in ('POST', 'PATCH') else 'query'}.{where}"


def _asked_as(value: str) -> str:
    """Where in the request a name that nothing has was given."""
    for name, given in (request.view_args or {}).items():
        if given == value:
            return f"path.{name}"
    for name, given in request.args.items(multi=True):
        if value in (given, *given.split(",")):
            return f"query.{name}"
    return ""


def _http(error: HTTPException) -> Response:
    if error.response is not None:
        raise error
    response = problem(error.code or HTTPStatus.INTERNAL_SERVER_ERROR, error.description or error.name)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def not_an_object(_error: object) -> NoReturn:
    """What flask-openapi calls for a body that is a JSON string, the only thing the models themselves never see."""
    raise InvalidInput(Fault("body", request.get_json(silent=True), "a JSON object"))
