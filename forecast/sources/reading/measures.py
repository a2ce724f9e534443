"""What kind of measure a notice tells of, by the words of its title, action and text; and the rates in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from forecast.sources.reading.text import sentences


@dataclass(frozen=True)
class Wording:
    """The plain texts that a kind is told by.

    ``title``; ``head``: title, action and abstract; ``operative``: of a presidential document what is ordered, without
    its reasons, else the head again; ``whole``: everything that was read; ``agencies``: as the publisher calls them.
    """

    title: str
    head: str
    operative: str
    whole: str
    agencies: frozenset[str]
    presidential: bool = False
    proposed: bool = False


def kind_of(said: Wording) -> str:
    """A kind of event, empty where a notice tells of no measure: it is about procedure, or about something else."""
    if _matches(r"\bsection 337\b|\bpatents?\b", said.head):
        return ""
    for applies, kind in _RULES:
        if applies(said):
            return kind(said)
    return ""


def rates(text: str) -> list[tuple[float | None, float]]:
    """The duties that a plain text imposes, each once, as (before, after) in percent; before is None if not said."""
    found: dict[tuple[float | None, float], None] = {}
    for sentence in sentences(text):
        if not _matches(r"\b(?:dut(?:y|ies)|tariffs?|ad valorem)\b", sentence):
            continue
        for match in re.finditer(rf"\bfrom {_PERCENT} to {_PERCENT}", sentence):
            found[float(match[1]), float(match[2])] = None
        rest = re.sub(rf"\bfrom {_PERCENT} to {_PERCENT}", "", sentence)
        for match in re.finditer(_PERCENT, rest):
            found[None, float(match[1])] = None
    return list(found)


_PERCENT = r"(\d{1,3}(?:\.\d+)?) percent"


def _matches(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.I) is not None


# -- the rules, of which the first that applies decides ----------------------------------------------------------------


def _is_procedure(said: Wording) -> bool:
    """Reviews, dates of hearings, forms: what changes no measure, or rates of single firms only."""
    procedure = (
        r"administrative reviews?\b|\bnew shipper|\bsunset reviews?\b|\bfive-year reviews?\b|\bscheduling\b"
        r"|\bpostponement\b|\bextension of (?:the )?(?:time|deadline|preliminary|final)|\binformation collection\b"
        r"|\bmeetings?\b|\bscope rulings?\b|\bopportunity to request\b|\bdeterminations? to conduct\b"
        r"|\bcomment period\b|\bopening of\b"
    )
    # A determination that puts another one off is one: "Preliminary Affirmative ..., Postponement of Final ...".
    decided = (
        r"\b(?:revocation|continuation|affirmative)\b|(?<!postponement of )\bpreliminary determinations? of sales at\b"
    )
    return _matches(procedure, said.title) and not _matches(decided, said.title)


def _is_remedy(said: Wording) -> bool:
    return _matches(
        r"\b(?:antidumping|anti-dumping|countervailing|less[- ]than[- ]fair[- ]value|safeguard)\b", said.head
    )


#: From when duties are due, which is not whether they are.
_CIRCUMSTANCES = re.compile(
    r"\b(?:affirmative|negative) (?:(?:preliminary|final) )?(?:determinations? of critical circumstances"
    r"|critical circumstances determinations?)",
    re.I,
)


def _remedy(said: Wording) -> str:
    if _matches(r"\b(?:initiation|institution)\b", said.title):
        return "threat"
    if _matches(r"\b(?:revocation|termination|negative)\b", _CIRCUMSTANCES.sub("", said.title)):
        return "tariff_relief"
    imposed = r"\baffirmative\b|\b(?:duty )?orders?\b|\bsales at less than fair value\b|\bcontinuation\b|\bamended\b"
    return "tariff" if _matches(imposed, said.title) else ""


def _is_proposal(said: Wording) -> bool:
    """What asks for comments or opens an investigation, and changes nothing yet."""
    final = r"\b(?:interim )?final rule\b|\bdetermination to (?:modify|take|impose|increase)"
    asks = (
        r"\brequest for (?:public )?comments?\b|\bproposed (?:action|modification|determination|rule)"
        r"|\binitiat(?:ion|ed)\b|\binvestigation of imports\b|\bnotice of (?:investigation|inquiry)\b"
    )
    return not said.presidential and (said.proposed or _matches(asks, said.head)) and not _matches(final, said.head)


def _proposal(said: Wording) -> str:
    if _matches(r"\bexclusions?\b", said.title):
        return ""
    trade = r"\bsection (?:122|201|232|301|338)\b|\btariffs?\b|\bdut(?:y|ies)\b|\bexport (?:controls?|restrictions?)\b"
    return "threat" if _matches(trade, said.head) else ""


def _is_sanction(said: Wording) -> bool:
    return "foreign-assets-control-office" in said.agencies or _matches(
        r"\bsanctions (?:regulations|actions?)\b", said.title
    )


def _is_entity_list(said: Wording) -> bool:
    return _matches(r"\b(?:entity list|military end[- ]user list)\b", said.title)


def _is_export_control(said: Wording) -> bool:
    control = (
        r"\bcommerce control list\b|\bexport controls?\b|\bexport administration regulations\b"
        r"|\blicen[cs]e requirements?\b"
    )
    return _matches(control, said.head) and not _matches(r"\bimports?\b", said.title)


def _is_order(said: Wording) -> bool:
    return said.presidential


def _order(said: Wording) -> str:
    """Of a proclamation or an executive order."""
    duty = r"\b(?:tariffs?|dut(?:y|ies)|ad valorem)\b"
    if _matches(r"\bproperty and interests in property\b.{0,200}?\bblocked\b", said.operative):
        return "sanction"
    if not _matches(rf"{duty}|\bsection 232\b|\bimports? of\b", said.whole):
        return ""
    imposes = (
        r"\b(?:shall|will) be subject to\b|\bis (?:hereby )?(?:increased|imposed)|\bimpos(?:e|es|ing)\b"
        r"|\bincrease(?:d|s)? (?:in|from|to)\b|\badditional (?:duty|rate)"
    )
    investigates = (
        r"\bshall (?:initiate|conduct|open) (?:an )?investigations?\b|\bsection 232 investigation\b"
        r"|\bshall (?:\w+ )?pursue (?:the )?negotiations?\b"
    )
    if _matches(investigates, said.operative) and not _matches(rf"(?:{imposes}).{{0,200}}percent", said.operative):
        return "threat"
    if _matches(r"\b(?:arrangement|agreement|deal|truce|discussions)\b", said.title) and _matches(
        r"\bsuspen", said.operative
    ):
        return "truce"
    if _matches(
        rf"\bto (?:exclude|exempt|remove)\b[^.]{{0,120}}\bfrom the (?:additional )?{duty}", said.whole
    ) or _matches(r"\b(?:reduc|lower|remov|terminat|suspend|exclu|exempt)", said.title):
        return "tariff_relief"
    if _matches(imposes, said.operative):
        return "tariff"
    relieves = r"\bsuspen(?:ded|ds?|sion)\b|\bpaused\b|\bshall not be subject to the additional\b"
    return "tariff_relief" if _matches(relieves, said.operative) else ""


def _is_relief(said: Wording) -> bool:
    relief = r"\bproduct exclusions?\b|\bexclusion extensions?\b|\bexemptions?\b|\bsuspension of\b|\breduction of\b"
    return _matches(relief, said.title)


def _is_tariff(said: Wording) -> bool:
    tariff = (
        r"\btariff (?:rates?|increases?|inclusions?)|\badditional duties\b|\bad valorem\b|\brates? of duty\b"
        r"|\bduties on\b"
    )
    return _matches(tariff, said.head)


_RULES: tuple[tuple[Callable[[Wording], bool], Callable[[Wording], str]], ...] = (
    (_is_procedure, lambda said: ""),
    (_is_order, _order),
    (_is_remedy, _remedy),
    (_is_proposal, _proposal),
    (_is_sanction, lambda said: "sanction"),
    (_is_entity_list, lambda said: "entity_list"),
    (_is_export_control, lambda said: "export_control"),
    (_is_relief, lambda said: "tariff_relief"),
    (_is_tariff, lambda said: "tariff"),
)
