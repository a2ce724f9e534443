"""Who may reach what: a row for each route. The same table stands in docs/keys.md, and a test compares them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from werkzeug.datastructures import MultiDict

from forecast.settings import Scope


@dataclass(frozen=True)
class Access:
    """The scope that a route needs (None: anybody may), and whether a request counts against the rate."""

    scope: Scope | None
    counted: bool = True


#: Asked by machines of our own and by pages, often: without a limit, and without a line in the log while all is well.
_FREE = Access(None, counted=False)
_ANYBODY = Access(None)
_READ, _SCENARIO = Access(Scope.READ), Access(Scope.SCENARIO)
_WRITE, _JOBS, _ADMIN = Access(Scope.WRITE), Access(Scope.JOBS), Access(Scope.ADMIN)
#: What a route needs that is not in the table.
_UNKNOWN = Access(Scope.ADMIN)

#: By method and rule; HEAD is GET, and what methods there are (OPTIONS) anybody may ask.
ACCESS: Mapping[tuple[str, str], Access] = {
    ("GET", "/healthz"): _FREE,
    ("GET", "/readyz"): _FREE,
    ("GET", "/readyz?verbose=true"): Access(Scope.READ, counted=False),
    ("GET", "/metrics"): Access(Scope.READ, counted=False),
    ("GET", "/"): _ANYBODY,
    ("GET", "/docs"): _ANYBODY,
    ("GET", "/openapi.json"): _ANYBODY,
    ("GET", "/static/<path:filename>"): _FREE,
    ("GET", "/docs/assets/<path:filename>"): _FREE,
    ("GET", "/v1/series"): _READ,
    ("GET", "/v1/series/<series_id>"): _READ,
    ("GET", "/v1/series/<series_id>/observations"): _READ,
    ("GET", "/v1/series/<series_id>/effects"): _READ,
    ("GET", "/v1/series/<series_id>/backtest"): _READ,
    ("GET", "/v1/effects"): _READ,
    ("GET", "/v1/events"): _READ,
    ("GET", "/v1/events/calendar"): _READ,
    ("GET", "/v1/events/<event_id>"): _READ,
    ("GET", "/v1/events/<event_id>/diversion"): _READ,
    ("GET", "/v1/duties"): _READ,
    ("GET", "/v1/duties/steps"): _READ,
    ("GET", "/v1/forecasts"): _READ,
    ("GET", "/v1/forecasts/<series_id>"): _READ,
    ("GET", "/v1/export/forecasts.csv"): _READ,
    ("GET", "/v1/export/observations.csv"): _READ,
    ("GET", "/v1/export/effects.csv"): _READ,
    ("GET", "/v1/export/events.csv"): _READ,
    ("GET", "/v1/export/backtests.csv"): _READ,
    ("GET", "/v1/changes"): _READ,
    ("GET", "/v1/runs"): _READ,
    ("GET", "/v1/runs/<run_id>"): _READ,
    ("POST", "/v1/scenarios"): _SCENARIO,
    ("POST", "/v1/observations"): _WRITE,
    ("POST", "/v1/events"): _WRITE,
    ("PATCH", "/v1/events/<event_id>"): _WRITE,
    ("POST", "/v1/events/<event_id>/retire"): _WRITE,
    ("POST", "/v1/events/<event_id>/bring-back"): _WRITE,
    ("POST", "/v1/jobs"): _JOBS,
    ("GET", "/v1/jobs"): _JOBS,
    ("GET", "/v1/jobs/<job_id>"): _JOBS,
    ("POST", "/v1/series/<series_id>/promote"): _ADMIN,
    ("POST", "/v1/series/<series_id>/rollback"): _ADMIN,
}


def access(method: str, rule: str | None, query: MultiDict[str, str]) -> Access:
    """What a request needs: of a path that nothing has the right to read, so that a stranger learns no path."""
    if rule is None:
        return _READ
    if method == "OPTIONS":
        return _ANYBODY
    if rule == "/readyz" and "true" in query.getlist("verbose"):
        rule = "/readyz?verbose=true"
    return ACCESS.get(("GET" if method == "HEAD" else method, rule), _UNKNOWN)
