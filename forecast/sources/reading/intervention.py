"""An intervention of Global Trade Alert as a candidate for an event."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from forecast.events import KINDS, KindFamily
from forecast.events.candidate import Candidate
from forecast.names import EU_MEMBERS, Flow, Place, Slug
from forecast.sources.reading.blank import BLANK
from forecast.sources.reading.words import Lexicon

SOURCE = "global-trade-alert"
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


@dataclass(frozen=True)
class TradeIntervention:
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


def candidate_of(one: TradeIntervention, words: Lexicon) -> Candidate | None:
    """What an intervention suggests; None where it is of another type, or on no mineral."""
    kind = KIND_OF_TYPE.get(one.type.lower())
    minerals = words.minerals_of(one.products) if one.products else words.minerals_in(one.title)
    if kind is None or not minerals or not one.implementers:
        return None
    kind, status, doubts = _judged(one, kind)
    actor, whose = _actor(one)
    targets = one.affected if one.affected and len(one.affected) <= MOST_PLACES else ("WLD",)
    levels = set(one.levels)
    if not one.implemented and status != "threatened":
        doubts.append("from when it applies is not told")
    if one.removed:
        doubts.append("since when its end was known is not told")
    if len(levels) > 1:
        doubts.append("its levels differ by product")
    doubts += [*whose, *one.doubts]
    published = one.published or one.announced
    event = replace(
        BLANK,
        event_id=f"gta-{one.number}",
        title=one.title,
        kind=kind,
        actor=actor,
        targets=targets,
        announced=one.announced,
        effective=one.implemented,
        ended=one.removed,
        status=status,
        status_as_of=published,
        minerals=tuple(Slug(name) for name in minerals),
        scope_note=_scope(one.products),
        flows=_flows(one.type, actor, targets),
        sources=(one.reference, *re.findall(r"https?://[^\s;,)\]]+", one.source)),
        needs_recheck=bool(doubts),
    )
    if len(levels) == 1:
        ((before, after),) = levels
        event = replace(event, value_before=before, value_after=after, value_unit="pp ad valorem")
    return Candidate(SOURCE, one.number, published, one.title, one.reference, event, tuple(doubts))


def _judged(one: TradeIntervention, kind: str) -> tuple[str, str, list[str]]:
    """The kind and status of an intervention: relief where it is liberalising, a threat while it is looked into."""
    doubts = [doubt for doubt in (_INEXACT.get(one.type.lower()),) if doubt]
    if one.evaluation.lower() == "green":
        if KINDS[kind].family is KindFamily.TARIFF:
            return "tariff_relief", "enacted", doubts
        return "truce", "enacted", [*doubts, f"it is liberalising, and its type is {one.type}: is it a truce?"]
    if one.type.lower() in _REMEDIES and not one.implemented:
        return "threat", "threatened", doubts
    return kind, "enacted", doubts


def _actor(one: TradeIntervention) -> tuple[str, list[str]]:
    if one.implementers in (("EU",), ()) or len(EU_MEMBERS.intersection(one.implementers)) >= len(EU_MEMBERS) - 1:
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


def unknown(names: Sequence[str]) -> tuple[str, ...]:
    """The doubt about places that are not known, if there are any."""
    return (f"places that are not known: {', '.join(names)}",) if names else ()
