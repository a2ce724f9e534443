"""A notice as a candidate for an event."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

from forecast.events import KINDS, Event, KindFamily
from forecast.events.candidate import Candidate
from forecast.names import MAX_NAME_LENGTH, Flow, Place, Slug, flow
from forecast.sources.reading.blank import BLANK
from forecast.sources.reading.dates import applies_from_publication, days_after_signing, effective_days, last_days
from forecast.sources.reading.measures import Wording, kind_of, rates
from forecast.sources.reading.text import plain, sentences
from forecast.sources.reading.words import Lexicon, codes_in

#: Characters of a text that are read: annexes with thousands of codes say nothing more.
MOST_TEXT = 300_000
#: Sentences of a text by whose minerals a notice is judged, where neither its title nor its abstract names any.
_ABOUT_TRADE = re.compile(
    r"\b(?:imports?|exports?|importation|exportation)\b(?: and \w+)? (?:of|from|into|to|related to)\b|\borigin\b", re.I
)
#: Metals that most remedies on are on articles of, such as nails, pipes and foil.
_MADE_INTO = frozenset(("aluminium", "copper", "steel"))
_GROUP = re.compile(r"\bcritical minerals?\b", re.I)
_CITED = re.compile(r"\b(Proclamations?|Executive Orders?)\s+(?:No )?(\d{4,5})|\b(\d{2,3} FR \d{3,6})\b", re.I)
_ORDERED = re.compile(r"\b(?:NOW, THEREFORE|hereby (?:proclaim|order|determine)|(?:it is )?hereby ordered)\b", re.I)
#: The first section of an order may still be its reasons.
_REASONS = re.compile(r"\bSection 1\. (?:Background|Policy|Purpose|Findings)\b")
_FROM = re.compile(
    r"\b(?:imports?|imported|products?|articles|exports?)\b[^.;]{0,40}?\b(?:from|of)\b[^.;]{0,60}"
    r"|\bof [\w' ]{3,40} origin\b",
    re.I,
)
_EVERYONE = re.compile(
    r"\b(?:all|most) (?:other )?countries\b|\bany country\b|\ball (?:other )?trading partners\b", re.I
)
_RECIPROCAL = re.compile(r"\breciprocal tariffs?\b", re.I)
_ALL_GOODS = re.compile(
    r"\b[Aa]ll (?:articles|imports|goods|products)(?: that are(?: the)? products?| imported)? (?:of|from) "
    r"(?=(?:the )?[A-Z]|all\b|any\b)"
)


@dataclass(frozen=True)
class Notice:
    """A document of an official publisher, its texts as they were published.

    ``number``: of the document; ``kind``: Rule, Proposed Rule, Notice or Presidential Document; ``signed``: the day on
    which a president signed it; ``effective``: the day that the publisher itself gives; ``act``: what it is cited as,
    such as ``Proclamation 10962``; ``agencies``: short names of the publisher for them.
    """

    source: str
    number: str
    title: str
    kind: str
    published: dt.date
    reference: str
    action: str = ""
    abstract: str = ""
    dates: str = ""
    text: str = ""
    signed: dt.date | None = None
    effective: dt.date | None = None
    act: str = ""
    agencies: frozenset[str] = field(default_factory=frozenset)
    dockets: tuple[str, ...] = ()
    corrects: str = ""

    @property
    def presidential(self) -> bool:
        return self.kind == "Presidential Document"

    @property
    def announced(self) -> dt.date:
        return self.signed or self.published

    @property
    def is_remedy(self) -> bool:
        """Whether it is about duties on dumped or subsidised goods, which differ by firm."""
        return re.search(r"\b(?:antidumping|countervailing|fair[- ]value)\b", self.head, re.I) is not None

    @cached_property
    def head(self) -> str:
        return plain(". ".join(part for part in (self.title, self.action, self.abstract) if part))

    @cached_property
    def body(self) -> str:
        return plain(self.text[:MOST_TEXT])

    @cached_property
    def operative(self) -> str:
        """What a presidential document orders; of another one its dates, its abstract and its text."""
        if not self.presidential:
            return " ".join((plain(self.dates), self.head, self.body))
        ordered = _ORDERED.search(self.body)
        body = self.body[ordered.end() :] if ordered else self.body
        reasons = _REASONS.search(body)
        orders = body.find("Sec. 2", reasons.end()) if reasons else -1
        return body if reasons is None or orders < 0 else f"{body[: reasons.start()]} {body[orders:]}"

    @cached_property
    def measure(self) -> str:
        """The kind of event that it tells of; empty where it is none."""
        whole = f"{self.head} {self.body}"
        said = Wording(
            plain(self.title),
            self.head,
            self.operative if self.presidential else self.head,
            whole,
            self.agencies,
            self.presidential,
            self.kind == "Proposed Rule",
        )
        return kind_of(said)


def wants_text(notice: Notice, words: Lexicon) -> bool:
    """Whether title, abstract and dates do not say enough, so that the text has to be fetched."""
    if notice.presidential:
        return True
    if not notice.measure:
        return False
    if not words.minerals_in(notice.head):
        return not notice.is_remedy  # its title names the good
    if _GROUP.search(notice.head):
        return True
    if KINDS[notice.measure].family is KindFamily.THREAT:
        return False
    unrated = notice.measure == "tariff" and not notice.is_remedy and not rates(notice.head)
    return unrated or not (notice.effective or _effective_days(notice))


def candidate_of(notice: Notice, words: Lexicon, actor: str) -> Candidate | None:
    """What a notice of the government ``actor`` suggests; None where it tells of no measure, or of no mineral.

    A mineral is looked for in the title, else in the abstract, else among the codes of the text, else in its sentences
    about trade. What is not said, or said twice, is a doubt.
    """
    kind = notice.measure
    if not kind:
        return None
    minerals, doubts = _minerals(notice, words)
    if not minerals:
        return None
    targets, unsure = _targets(notice, words, actor)
    event = replace(
        BLANK,
        event_id=_event_id(notice),
        title=_title(notice),
        kind=kind,
        actor=actor,
        targets=targets,
        announced=notice.announced,
        status="threatened" if KINDS[kind].family is KindFamily.THREAT else "enacted",
        status_as_of=notice.published,
        instrument=notice.act or "; ".join(notice.dockets) or f"FR Doc. {notice.number}",
        minerals=tuple(Slug(one) for one in minerals),
        scope_note=_scope(notice),
        flows=_flows(kind, actor, targets),
        sources=(notice.reference,),
    )
    event, undated = _dated(notice, event)
    event, rated = _rated(notice, event)
    if notice.corrects:
        doubts.insert(0, f"it corrects document {notice.corrects}: amend the event that came of that")
    doubts += [*unsure, *undated, *rated]
    return Candidate(
        notice.source,
        notice.number,
        notice.published,
        plain(notice.title),
        notice.reference,
        replace(event, needs_recheck=bool(doubts)),
        tuple(doubts),
        cites(notice),
        notice.corrects,
    )


def cites(notice: Notice) -> tuple[str, ...]:
    """Earlier acts that a notice names, each once: proclamations, executive orders, pages of the Register, dockets."""
    found = [*notice.dockets]
    for name, number, page in _CITED.findall(f"{notice.head} {notice.body}"):
        found.append(page or f"{name.rstrip('s').title()} {number}")
    return tuple(one for one in dict.fromkeys(found) if one != notice.act)


def _event_id(notice: Notice) -> str:
    return f"fr-{re.sub(r'[^a-z0-9-]+', '-', notice.number.lower()).strip('-')}"[:MAX_NAME_LENGTH]


def _title(notice: Notice) -> str:
    title = plain(notice.title)
    return f"{title} ({notice.act})" if notice.act else title


# -- what it is about --------------------------------------------------------------------------------------------------


def _minerals(notice: Notice, words: Lexicon) -> tuple[tuple[str, ...], list[str]]:
    for text in (plain(notice.title), plain(notice.abstract)):
        if named := words.minerals_in(text):
            minerals, doubts = _group(notice, words, text, named)
            made = _MADE_INTO.intersection(minerals) if notice.is_remedy else ()
            return minerals, [*doubts, *(f"it may be on articles of {one} only: see its scope" for one in sorted(made))]
    if notice.presidential:  # its title says what it is about; its text names much else
        return _basket(notice, words)
    if notice.is_remedy:
        return (), []
    if coded := words.minerals_of(codes_in(notice.body)):
        return coded, [f"its minerals are those of the codes in its text, {', '.join(coded)}: are all of them meant?"]
    about = " ".join(sentence for sentence in sentences(notice.body) if _ABOUT_TRADE.search(sentence))
    named = words.minerals_in(about)
    return named, [f"its minerals, {', '.join(named)}, are named in the text only"] if named else []


def _basket(notice: Notice, words: Lexicon) -> tuple[tuple[str, ...], list[str]]:
    """Goods at large, where an order is about all that comes from somewhere."""
    said = [notice.operative[match.end() :][:60] for match in _ALL_GOODS.finditer(notice.operative)]
    places = {place for text in said for place in words.places_in(text)[:1]}
    if not places and not _RECIPROCAL.search(notice.title):
        return (), []
    places = places or set(words.places_in(plain(notice.title)))
    basket = "all-cn-origin" if places - {"USA"} == {"CHN"} else "all-non-exempt"
    return (basket,), ["it is about goods at large: which minerals are exempt is in its annex"]


def _group(notice: Notice, words: Lexicon, text: str, named: tuple[str, ...]) -> tuple[tuple[str, ...], list[str]]:
    """Critical minerals are a list, to which a definition in the text may add."""
    if not _GROUP.search(text):
        return named, []
    defined = (one for one in sentences(f"{plain(notice.abstract)} {notice.body}") if _GROUP.search(one))
    added = words.minerals_in(" ".join(one for one in defined if re.search(r"\bmeans?\b", one)))
    doubt = "it says critical minerals: these are those of the US list of 2022, and its definition says which are meant"
    return words.widest((*named, *added)), [doubt]


def _targets(notice: Notice, words: Lexicon, actor: str) -> tuple[tuple[str, ...], list[str]]:
    """Against whom: the countries of the title, of the abstract, or of what is ordered; else all of them."""
    for text in (plain(notice.title), plain(notice.abstract)):
        if found := _others(words.places_in(text), actor):
            return found, []
    said = " ".join(match[0] for match in _FROM.finditer(notice.operative))
    found = _others(words.places_in(said), actor)
    if not found:
        return ("WLD",), []
    if _EVERYONE.search(notice.operative):
        return ("WLD",), [f"it tells countries apart: see what it says of {', '.join(found)}"]
    return found, [] if notice.presidential else [f"its targets, {', '.join(found)}, are named in the text only"]


def _others(places: Iterable[str], actor: str) -> tuple[str, ...]:
    return tuple(place for place in places if place not in (actor, "WLD"))


def _flows(kind: str, actor: str, targets: tuple[str, ...]) -> tuple[Flow, ...]:
    """Of controls of exports from the actor; of everything else to it."""
    outward = kind in ("export_ban", "export_control", "export_quota", "licence", "entity_list")
    pairs = ((actor, target) if outward else (target, actor) for target in targets)
    return tuple((Place(a), Place(b)) for a, b in map(flow, (f"{a}>{b}" for a, b in pairs)))


def _scope(notice: Notice) -> str:
    codes = codes_in(f"{notice.head} {notice.body}")
    more = f" and {len(codes) - 20} more" if len(codes) > 20 else ""
    return f"HS {', '.join(codes[:20])}{more}" if codes else ""


# -- from when, until when, how much -----------------------------------------------------------------------------------


#: A measure may be published after it began. What a president orders begins about when it is signed, and earlier dates
#: in it are those of orders that it restates.
_LATE, _RESTATED = dt.timedelta(days=92), dt.timedelta(days=7)


def _effective_days(notice: Notice) -> list[dt.date]:
    since = notice.announced - (_RESTATED if notice.presidential else _LATE)
    # A section of dates tells those of the document itself: a duty may be revoked from a year before.
    for text, first in ((plain(notice.dates), dt.date.min), (notice.operative, since)):
        if found := effective_days(text, first):
            return found
        if applies_from_publication(text):
            return [notice.published]
    return days_after_signing(notice.operative, notice.signed) if notice.signed else []


def _dated(notice: Notice, event: Event) -> tuple[Event, list[str]]:
    if event.family is KindFamily.THREAT:
        return event, []
    doubts: list[str] = []
    days = [notice.effective] if notice.effective else _effective_days(notice)
    if not days:
        doubts.append("from when it applies was not found")
    elif len(days) > 1:
        doubts.append(f"it names several days from which something applies: {', '.join(map(str, days))}")
    event = replace(event, effective=days[0] if days else None)
    if event.family is KindFamily.RELIEF:
        last = last_days(f"{plain(notice.dates)} {notice.operative}", notice.announced)
        last = [day for day in last if event.effective is None or day > event.effective]
        if last:
            event = replace(event, ended=last[0], end_known=notice.announced)
        if len(last) > 1:
            doubts.append(f"it names several days until which something lasts: {', '.join(map(str, last))}")
    return event, doubts


def _rated(notice: Notice, event: Event) -> tuple[Event, list[str]]:
    if event.kind not in ("tariff", "tariff_relief"):
        return event, []
    if notice.is_remedy:
        return event, ["its rates differ by firm: they are in its table"]
    found = rates(notice.operative)
    if not found:
        return event, ["a rate was not found"]
    if len(found) == 1:
        ((before, after),) = found
        return replace(event, value_before=before, value_after=after, value_unit="pp ad valorem"), []
    texts = [f"{before:g}->{after:g}" if before is not None else f"{after:g}" for before, after in found]
    rated = replace(event, value_text="/".join(texts), value_unit="pp ad valorem")
    return rated, [f"it names several rates: {', '.join(texts)} percent"]
