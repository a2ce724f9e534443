"""Official notices read by rules: what comes out of real documents of the Federal Register, against a person's reading.

    python benchmarks/notices.py [--quick] [--json FILE]

Four sets of documents with true numbers and dates, their texts shortened or paraphrased, and what is true of each
written down before any rule read it: ``development``, by which the rules were made; ``held_out``, which was read when
they stood (two dates were wrong then); ``later``, chosen after these were put right (two orders on goods at large were
not seen); ``varied``, after those (two revocations from long before were without their day). Each fault was put right
once it was counted. Right is a document whose days, actor, kind and minerals are all as written, or that suggests
nothing where nothing is to be suggested. ``--quick``: the development set only.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, replace
from pathlib import Path

from support.report import Report, Row, parser

from forecast.events.candidate import Candidate
from forecast.settings import data_dir
from forecast.sources.providers.federal_register import RegisterDocument
from forecast.sources.reading.notice import Notice, candidate_of, wants_text
from forecast.sources.reading.words import Lexicon

SETS = ("development", "held_out", "later", "varied")
_FOLDER = Path(__file__).parent / "support" / "notices"
#: Right at the first reading of a set that no rule had seen: events, and documents that suggest none.
FIRST_READING = {"held_out": ("12 of 14", "5 of 5"), "later": ("5 of 7", "7 of 7"), "varied": ("4 of 6", "8 of 8")}


@dataclass(frozen=True)
class Case:
    """A notice, what is true of it (nothing: it suggests no event), and what was read in it."""

    notice: Notice
    truth: dict[str, object] | None
    candidate: Candidate | None

    @property
    def right(self) -> dict[str, bool]:
        """Which of the facts are as they are true."""
        if self.truth is None or self.candidate is None:
            same = self.truth is None and self.candidate is None
            return dict.fromkeys(("dates", "actor", "kind", "minerals"), same)
        event = self.candidate.event
        days = [_day(self.truth[name]) for name in ("announced", "effective")]
        return {
            "dates": [event.announced, event.effective] == days,
            "actor": event.actor == self.truth["actor"],
            "kind": event.kind == self.truth["kind"],
            "minerals": sorted(event.minerals) == self.truth["minerals"],
        }

    @property
    def row(self) -> Row:
        marks = {name: "yes" if right else "NO" for name, right in self.right.items()}
        kind = self.candidate.event.kind if self.candidate else "none"
        doubts = len(self.candidate.doubts) if self.candidate else 0
        return {
            "document": self.notice.number,
            "title": self.notice.title[:60],
            "read as": kind,
            **marks,
            "doubts": doubts,
        }


def main() -> None:
    options = parser(__doc__).parse_args()
    report = Report("notices", options)
    words = Lexicon.read(data_dir())
    chosen = SETS[:1] if options.quick else SETS
    summary: list[Row] = []
    for name in chosen:
        cases = read(name, words)
        report.table(name, [case.row for case in cases])
        events = [case for case in cases if case.truth is not None]
        others = [case for case in cases if case.truth is None]
        first = FIRST_READING.get(name, ("–", "–"))
        summary.append(
            {
                "set": name,
                "events all right": _share(events),
                "at first reading": first[0],
                "nothing suggested, rightly": _share(others),
                "at first reading ": first[1],
            }
        )
    report.table("all facts right", summary)
    report.finish(())


def read(name: str, words: Lexicon) -> list[Case]:
    """The cases of a set; texts are read only where a fetch would ask for them."""
    content = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    cases = []
    for one in content:
        notice = RegisterDocument.model_validate(one["document"]).notice("federal-register")
        if wants_text(notice, words):
            notice = replace(notice, text=one["text"])
        cases.append(Case(notice, one["truth"], candidate_of(notice, words, "USA")))
    return cases


def _share(cases: list[Case]) -> str:
    return f"{sum(all(case.right.values()) for case in cases)} of {len(cases)}"


def _day(text: object) -> dt.date | None:
    return dt.date.fromisoformat(text) if isinstance(text, str) else None


if __name__ == "__main__":
    main()
