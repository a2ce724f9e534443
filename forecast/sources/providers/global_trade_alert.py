"""Global Trade Alert: interventions of all governments by its API (v1), which takes a key."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator

from pydantic import BaseModel, ConfigDict, ValidationError

from forecast.errors import LayoutChanged, SourceFailed
from forecast.events.candidate import Candidate
from forecast.names import BadName, place
from forecast.settings import data_dir
from forecast.sources.reading.intervention import SOURCE, TradeIntervention, candidate_of, unknown
from forecast.sources.reading.text import plain
from forecast.sources.reading.words import Lexicon
from forecast.sources.source import NoticeSource
from forecast.sources.web import Web

#: Interventions of one answer, which is the most that the API gives.
PER_REQUEST = 1000


class _Jurisdiction(BaseModel):
    name: str
    iso: str | None = None


class _Product(BaseModel):
    product_id: int
    prior_level: float | str | None = None
    new_level: float | str | None = None
    unit: str | None = None


class _Answered(BaseModel):
    """An intervention of the API; a user with full access gets products with levels, and sources."""

    model_config = ConfigDict(frozen=True)

    intervention_id: int
    state_act_title: str
    intervention_url: str
    gta_evaluation: str
    implementing_jurisdictions: tuple[_Jurisdiction, ...]
    affected_jurisdictions: tuple[_Jurisdiction, ...]
    intervention_type: str
    affected_products: tuple[int | _Product, ...]
    date_announced: dt.date
    date_published: dt.date | None
    date_implemented: dt.date | None
    date_removed: dt.date | None
    implementing_jurisdiction_groups: tuple[_Jurisdiction, ...] = ()
    state_act_source: str | None = None

    def intervention(self) -> TradeIntervention:
        union = any(group.name == "European Union" for group in self.implementing_jurisdiction_groups)
        codes = [one.product_id if isinstance(one, _Product) else one for one in self.affected_products]
        levels = [_levels(one) for one in self.affected_products if isinstance(one, _Product)]
        affected, strange = _places(self.affected_jurisdictions)
        implementers, missing = _places(self.implementing_jurisdictions)
        return TradeIntervention(
            str(self.intervention_id),
            plain(self.state_act_title),
            self.intervention_type,
            self.gta_evaluation,
            ("EU",) if union else implementers,
            affected,
            tuple(f"{code:06d}" for code in codes),
            self.date_announced,
            self.date_implemented,
            self.date_removed,
            self.date_published,
            self.intervention_url,
            self.state_act_source or "",
            tuple(level for level in levels if level is not None),
            unknown((*strange, *missing)),
        )


def _places(found: Iterable[_Jurisdiction]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The codes of jurisdictions, and the names of those without one that is known."""
    known, strange = [], []
    for one in found:
        try:
            known.append(place(one.iso or ""))
        except BadName:
            strange.append(one.name)
    return tuple(known), tuple(strange)


def _levels(one: _Product) -> tuple[float, float] | None:
    """Its duty before and after in percent, where both are told as numbers."""
    if one.unit not in (None, "%", "percent") or one.prior_level is None or one.new_level is None:
        return None
    try:
        return float(one.prior_level), float(one.new_level)
    except ValueError:
        return None


class GlobalTradeAlert(NoticeSource):
    """Candidates out of the interventions that Global Trade Alert publishes."""

    name = SOURCE
    title = "notices of all governments"
    publisher = "Global Trade Alert"
    address = "https://api.globaltradealert.org/api/v1/"
    page = "https://github.com/global-trade-alert/docs"
    licence = "CC BY 4.0; cite: Global Trade Alert, www.globaltradealert.org"
    key_setting = "global_trade_alert_key"
    key_needed = True

    def fetch(self, web: Web, since: dt.date) -> Iterator[Candidate]:
        words = Lexicon.read(data_dir())
        for one in self._answered(web, since):
            if candidate := candidate_of(one.intervention(), words):
                yield candidate

    def _answered(self, web: Web, since: dt.date) -> Iterator[_Answered]:
        offset = 0
        while True:
            question = {
                "limit": PER_REQUEST,
                "offset": offset,
                "sorting": "date_announced,intervention_id",
                "request_data": {"submission_period": [since.isoformat(), None]},
            }
            headers = {"Authorization": f"APIKey {web.key}"}
            content = self._content(web.post("data/", question, media=("json",), headers=headers).body)
            for number, one in enumerate(content, offset):
                try:
                    yield _Answered.model_validate(one)
                except ValidationError as error:
                    fault = error.errors(include_url=False)[0]
                    where = ".".join(map(str, (number, *fault["loc"])))
                    shown = "nothing" if fault["type"] == "missing" else repr(fault["input"])[:80]
                    raise LayoutChanged(self.name, f"data: {where}", shown, str(fault["msg"])) from None
            if len(content) < PER_REQUEST:
                return
            offset += PER_REQUEST

    def _content(self, body: bytes) -> list[object]:
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            raise LayoutChanged(self.name, "data", "no JSON") from None
        if isinstance(content, dict) and (said := content.get("detail") or content.get("error")):
            raise SourceFailed(self.name, f"data: {said}")
        if not isinstance(content, list):
            raise LayoutChanged(self.name, "data", f"a {type(content).__name__}", "a list of interventions")
        return content
