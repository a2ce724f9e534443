"""The Federal Register in its real shape: its search by term and day, paged, and the texts of its documents."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.support.notices import Document, KnownNotice
from tests.support.publishers import NOT_FOUND, Answer, Request


@dataclass(frozen=True)
class Feed:
    """What the Register has published: any notices; ``most``: results of one question, as many pages as there are."""

    notices: Iterable[KnownNotice] = field(default_factory=tuple)
    most: int = 2000

    def __call__(self, request: Request) -> Answer:
        if request.path.endswith("documents.json"):
            return self._search(request)
        for one in self.notices:
            if request.path == f"full_text/text/{one.number}.txt":
                page = (
                    f"<html>\n<head>\n<title>{one.number}</title>\n</head>\n<body><pre>\n{one.text}</pre></body></html>"
                )
                return Answer(page.encode(), "text/html; charset=utf-8")
        return NOT_FOUND

    def _search(self, request: Request) -> Answer:
        params = request.params
        since, term = params["conditions[publication_date][gte]"], params["conditions[term]"].strip('"')
        found = [one for one in self.notices if str(one.document["publication_date"]) >= since and _holds(one, term)]
        found.sort(key=lambda one: (str(one.document["publication_date"]), one.number))
        size, page = int(params["per_page"]), int(params["page"])
        shown = found[: self.most][(page - 1) * size : page * size]
        content: dict[str, object] = {"count": len(found), "description": f"Documents matching '{term}'"}
        if shown:
            content["total_pages"] = -(-min(len(found), self.most) // size)
            content["results"] = [_served(one, request) for one in shown]
        return Answer(json.dumps(content).encode(), "application/json; charset=utf-8")


def _served(one: KnownNotice, request: Request) -> Document:
    """A document whose text lies at this publisher."""
    host = request.headers["Host"]
    return {**one.document, "raw_text_url": f"http://{host}/full_text/text/{one.number}.txt"}


def _holds(one: KnownNotice, term: str) -> bool:
    searched = " ".join(str(one.document[name] or "") for name in ("title", "action", "abstract", "dates")) + one.text
    return re.search(rf"\b{re.escape(term)}s?\b", " ".join(searched.split()), re.I) is not None
