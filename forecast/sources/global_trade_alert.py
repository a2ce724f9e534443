"""Global Trade Alert: interventions of all governments, by its API with a key, or from an extract of its data."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from forecast.errors import Fault, InvalidInput, LayoutChanged, SourceFailed
from forecast.events import KINDS, Event, KindFamily
from forecast.events.candidate import Candidate
from forecast.formats import Limits, open_file
from forecast.formats.limits import MEGABYTE
from forecast.names import BadName, Flow, Place, Slug, place
from forecast.settings import data_dir
from forecast.sources.reading.text import plain
from forecast.sources.reading.words import Lexicon
from forecast.sources.source import NoticeSource
from forecast.sources.web import Web

NAME = "global-trade-alert"
#: Interventions of one answer, which is the most that the API gives.
PER_REQUEST = 1000
#: Kinds by type of intervention; of other types (subsidies, procurement, migration) nothing is suggested.
KIND_OF_TYPE = {
    "export ban": "export_ban",
    "export quota": "export_quota",
    "export tariff quota": "export_quota",
    "voluntary export-restraint arrangements": "export_quota",
    "export licensing requirement": "licence",
    "export-related non-tariff measure, nes": "export_control",
    "export price benchmark": "export_control",
    "local supply requirement for exports": "export_control",
    "export tax": "tariff",
    "import tariff": "tariff",
    "import tariff quota": "tariff",
    "import quota": "tariff",
    "import ban": "sanction",
    "anti-dumping": "tariff",
    "anti-subsidy": "tariff",
    "anti-circumvention": "tariff",
    "safeguard": "tariff",
    "special safeguard": "tariff",
    "minimum import price": "tariff",
    "import price benchmark": "tariff",
    "internal taxation of imports": "tariff",
    "other import charges": "tariff",
}
_REMEDIES = frozenset(("anti-dumping", "anti-subsidy", "anti-circumvention", "safeguard", "special safeguard"))
_INEXACT = {
    "import ban": "an import ban has no kind of its own: sanction comes nearest",
    "import quota": "an import quota has no kind of its own: tariff comes nearest",
}
#: Places that are told one by one; of more it is against all.
MOST_PLACES = 5
_EU = frozenset(
    (
        *("AUT", "BEL", "BGR", "HRV", "CYP", "CZE", "DNK", "EST", "FIN", "FRA", "DEU", "GRC", "HUN", "IRL"),
        *("ITA", "LVA", "LTU", "LUX", "MLT", "NLD", "POL", "PRT", "ROU", "SVK", "SVN", "ESP", "SWE"),
    )
)


@dataclass(frozen=True)
class Intervention:
    """An intervention as Global Trade Alert has it; ``levels``: (before, after) of each product, where it is told."""

    number: str
    title: str
    type: str
    evaluation: str
    implementers: tuple[str, ...]
    affected: tuple[str, ...]
    products: tuple[str, ...]
    announced: dt.date
    implemented: dt.date | None
    removed: dt.date | None
    published: dt.date | None = None
    reference: str = ""
    source: str = ""
    levels: tuple[tuple[float, float], ...] = ()
    doubts: tuple[str, ...] = ()


def candidate_of(one: Intervention, words: Lexicon) -> Candidate | None:
    """What an intervention suggests; None where it is of another type, or on no mineral."""
    kind = KIND_OF_TYPE.get(one.type.lower())
    minerals = words.minerals_of(one.products) if one.products else words.minerals_in(one.title)
    if kind is None or not minerals or not one.implementers:
        return None
    kind, status, doubts = _judged(one, kind)
    actor, whose = _actor(one)
    targets = one.affected if one.affected and len(one.affected) <= MOST_PLACES else ("WLD",)
    threatened = status == "threatened"
    value_before, value_after = one.levels[0] if len(set(one.levels)) == 1 else (None, None)
    event = Event(
        event_id=f"gta-{one.number}",
        title=one.title,
        kind=kind,
        actor=actor,
        targets=targets,
        announced=one.announced,
        effective=one.implemented,
        ended=one.removed,
        end_known=None,
        date_precision="day",
        status=status,
        status_as_of=one.published or one.announced,
        status_note="",
        instrument="",
        value_before=value_before,
        value_after=value_after,
        value_unit="pp ad valorem" if value_after is not None else "",
        value_text="",
        intensity="",
        minerals=tuple(Slug(name) for name in minerals),
        scope_note=_scope(one.products),
        flows=_flows(one.type, actor, targets),
        price_world="",
        price_local="",
        local_market="",
        volume="",
        mechanism="",
        acts=(),
        certainty="partly",
        sources=(one.reference, *re.findall(r"https?://[^\s;,)\]]+", one.source)),
        needs_recheck=True,
    )
    if not one.implemented and not threatened:
        doubts.append("from when it applies is not told")
    if one.removed:
        doubts.append("since when its end was known is not told")
    if len(set(one.levels)) > 1:
        doubts.append("its levels differ by product")
    published = one.published or one.announced
    return Candidate(NAME, one.number, published, one.title, one.reference, event, (*doubts, *whose, *one.doubts))


def _judged(one: Intervention, kind: str) -> tuple[str, str, list[str]]:
    """The kind and status of an intervention: relief where it is liberalising, a threat while it is looked into."""
    doubts = [doubt for doubt in (_INEXACT.get(one.type.lower()),) if doubt]
    if one.evaluation.lower() == "green":
        if KINDS[kind] is KindFamily.TARIFF:
            return "tariff_relief", "enacted", doubts
        return "truce", "enacted", [*doubts, f"it is liberalising, and its type is {one.type}: is it a truce?"]
    if one.type.lower() in _REMEDIES and not one.implemented:
        return "threat", "threatened", doubts
    return kind, "enacted", doubts


def _actor(one: Intervention) -> tuple[str, list[str]]:
    if one.implementers in (("EU",), ()) or len(_EU.intersection(one.implementers)) >= len(_EU) - 1:
        return "EU", []
    if len(one.implementers) > 1:
        return one.implementers[0], [f"several act: {', '.join(one.implementers)}"]
    return one.implementers[0], []


def _flows(kind: str, actor: str, targets: Sequence[str]) -> tuple[Flow, ...]:
    outward = "export" in kind.lower()
    return tuple((Place(actor), Place(other)) if outward else (Place(other), Place(actor)) for other in targets)


def _scope(products: Sequence[str]) -> str:
    more = f" and {len(products) - 20} more" if len(products) > 20 else ""
    return f"HS {', '.join(products[:20])}{more}" if products else ""


# -- by the API --------------------------------------------------------------------------------------------------------


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
    implementing_jurisdiction_groups: tuple[_Jurisdiction, ...] = Field(default=())
    state_act_source: str | None = None

    def intervention(self) -> Intervention:
        union = any(group.name == "European Union" for group in self.implementing_jurisdiction_groups)
        codes = [one.product_id if isinstance(one, _Product) else one for one in self.affected_products]
        levels = [_levels(one) for one in self.affected_products if isinstance(one, _Product)]
        affected, strange = _places(self.affected_jurisdictions)
        implementers, unknown = _places(self.implementing_jurisdictions)
        return Intervention(
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
            _unknown((*strange, *unknown)),
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


def _unknown(names: Sequence[str]) -> tuple[str, ...]:
    return (f"places that are not known: {', '.join(names)}",) if names else ()


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

    name = NAME
    title = "trade interventions of all governments, by product"
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
        except ValueError:
            raise LayoutChanged(self.name, "data", "no JSON") from None
        if isinstance(content, dict) and (said := content.get("detail") or content.get("error")):
            raise SourceFailed(self.name, f"data: {said}")
        if not isinstance(content, list):
            raise LayoutChanged(self.name, "data", f"a {type(content).__name__}", "a list of interventions")
        return content


# -- from an extract ---------------------------------------------------------------------------------------------------

#: Columns of an extract: what they are called there, and whether they have to be there.
_COLUMNS = {
    "number": (("intervention id",), True),
    "title": (("state act title", "title"), False),
    "type": (("intervention type",), True),
    "evaluation": (("gta evaluation",), True),
    "implementers": (("implementing jurisdictions", "implementing jurisdiction"), True),
    "affected": (("affected jurisdictions", "affected jurisdiction"), True),
    "products": (("affected products", "affected products (hs6)", "affected product"), True),
    "announced": (("date announced", "announcement date"), True),
    "implemented": (("date implemented", "implementation date"), True),
    "removed": (("date removed", "removal date"), True),
    "published": (("date published", "publication date"), False),
    "reference": (("intervention url", "state act url"), False),
    "source": (("state act source",), False),
}
_LIMITS = Limits(size=200 * MEGABYTE, rows=500_000, cell=1_000_000)
#: Rows in which the header is looked for.
_HEAD = 20


def read_extract(path: Path, words: Lexicon) -> list[Candidate]:
    """Candidates out of a CSV or XLSX extract of Global Trade Alert's data center.

    Raises ``InvalidInput`` with every row that cannot be read, and for a file without the columns of one.
    """
    rows = [
        (line, row)
        for lines, some in open_file(path, _LIMITS).chunks(5_000)
        for line, row in zip(lines, some, strict=True)
    ]
    at, columns = _header(path, rows)
    found, faults = [], []
    for line, row in rows[at + 1 :]:
        if not any(row):
            continue
        cells = {name: row[index].strip() if index < len(row) else "" for name, index in columns.items()}
        try:
            found.append(_extracted(cells, words))
        except _WrongCell as error:
            faults.append(Fault(error.column, cells[error.column], error.expected, str(path), line))
    if faults:
        raise InvalidInput(faults)
    return [candidate for one in found if (candidate := candidate_of(one, words))]


class _WrongCell(ValueError):
    def __init__(self, column: str, expected: str) -> None:
        self.column, self.expected = column, expected


def _header(path: Path, rows: Sequence[tuple[int, list[str]]]) -> tuple[int, dict[str, int]]:
    """Where the header is, and at which index each column that is known."""
    for at, (line, row) in enumerate(rows[:_HEAD]):
        written = {" ".join(cell.lower().replace("_", " ").split()): index for index, cell in enumerate(row)}
        if "intervention id" not in written:
            continue
        columns = {
            name: written[called]
            for name, (names, _) in _COLUMNS.items()
            for called in reversed(names)
            if called in written
        }
        missing = [names[0] for name, (names, needed) in _COLUMNS.items() if needed and name not in columns]
        if missing:
            raise InvalidInput(Fault("header", ", ".join(row)[:200], f"a column {missing[0]!r}", str(path), line))
        return at, columns
    expected = "a header with 'Intervention ID', as an extract of www.globaltradealert.org/data-center has it"
    raise InvalidInput(Fault("header", "none", expected, str(path)))


def _extracted(cells: dict[str, str], words: Lexicon) -> Intervention:
    number = cells["number"].removesuffix(".0")
    if not number.isdecimal():
        raise _WrongCell("number", "the number of an intervention")
    announced = _day(cells, "announced")
    if announced is None:
        raise _WrongCell("announced", "a day, YYYY-MM-DD")
    affected, strange = _named(cells["affected"], words)
    implementers, unknown = _named(cells["implementers"], words)
    codes = re.findall(r"\d{5,6}", cells["products"])
    title = cells.get("title") or f"{cells['implementers'][:80]}: {cells['type'].lower()}"
    return Intervention(
        number,
        plain(title),
        cells["type"],
        cells["evaluation"],
        implementers,
        affected,
        tuple(code.zfill(6) for code in codes),
        announced,
        _day(cells, "implemented"),
        _day(cells, "removed"),
        _day(cells, "published"),
        cells.get("reference") or f"https://www.globaltradealert.org/intervention/{number}",
        cells.get("source", ""),
        doubts=_unknown((*strange, *unknown)),
    )


def _day(cells: dict[str, str], column: str) -> dt.date | None:
    text = cells.get(column, "")
    if text.lower() in ("", "na", "n/a", "null", "none", "nan"):
        return None
    try:
        return dt.date.fromisoformat(text[:10])
    except ValueError:
        raise _WrongCell(column, "a day, YYYY-MM-DD, or nothing") from None


def _named(text: str, words: Lexicon) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Places of a list of names, and the names that are not known."""
    names = [name for part in re.split(r"[,;|]", text) if (name := part.strip())]
    strange = tuple(name for name in names if not words.places_in(name))
    return words.places_in(" ; ".join(names)), strange
