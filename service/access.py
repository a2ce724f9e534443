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
FREE = Access(None, counted=False)
ANYBODY = Access(None)
READ, SCENARIO = Access(Scope.READ), Access(Scope.SCENARIO)
#: What a route needs that is not in the table.
UNKNOWN = Access(Scope.ADMIN)

#: By method and rule; HEAD is GET, and what methods there are (OPTIONS) anybody may ask.
ACCESS: Mapping[tuple[str, str], Access] = {
    ("GET", "/healthz"): FREE,
    ("GET", "/readyz"): FREE,
    ("GET", "/readyz?verbose=true"): Access(Scope.READ, counted=False),
    ("GET", "/metrics"): Access(Scope.READ, counted=False),
    ("GET", "/"): ANYBODY,
    ("GET", "/docs"): ANYBODY,
    ("GET", "/openapi.json"): ANYBODY,
    ("GET", "/static/<path:filename>"): FREE,
    ("GET", "/docs/assets/<path:filename>"): FREE,
    ("GET", "/v1/series"): READ,
    ("GET", "/v1/series/<series_id>"): READ,
    ("GET", "/v1/series/<series_id>/observations"): READ,
    ("GET", "/v1/series/<series_id>/effects"): READ,
    ("GET", "/v1/series/<series_id>/backtest"): READ,
    ("GET", "/v1/effects"): READ,
    ("GET", "/v1/events"): READ,
    ("GET", "/v1/events/calendar"): READ,
    ("GET", "/v1/events/<event_id>"): READ,
    ("GET", "/v1/events/<event_id>/diversion"): READ,
    ("GET", "/v1/duties"): READ,
    ("GET", "/v1/duties/steps"): READ,
    ("GET", "/v1/forecasts"): READ,
    ("GET", "/v1/forecasts/<series_id>"): READ,
    ("GET", "/v1/runs"): READ,
    ("GET", "/v1/runs/<run_id>"): READ,
    ("POST", "/v1/scenarios"): SCENARIO,
}


def access(method: str, rule: str | None, query: MultiDict[str, str]) -> Access:
    """What a request needs: of a path that nothing has the right to read, so that a stranger learns no path."""
    if rule is None:
        return READ
    if method == "OPTIONS":
        return ANYBODY
    if rule == "/readyz" and "true" in query.getlist("verbose"):
        rule = "/readyz?verbose=true"
    return ACCESS.get(("GET" if method == "HEAD" else method, rule), UNKNOWN)
