"""How well trade diversion is found that was put into real groups of flows: the joint answer against one at a time.

    python benchmarks/diversion.py [--quick] [--trials N] [--seed S] [--extra DIR] [--json FILE]

Each trial takes a real group (a country's flows to or from several partners, and the total), a date around which no
event hits it, and one partner, whose trade falls by a known share: a step, a six-month change, a decay or a ramp. Of
what it loses nothing (in a third of the trials) or a share between 0 and 1 goes to the others, unevenly. The series
end 12 or 6 months after the start. Asked: how much the partner hit lost, the others gained and the total changed, in
percent of the total without the event; and the share diverted. Reported: root mean square error with its standard
error, bias, coverage of the 50, 80 and 90 % intervals, and how often the others' interval leaves out 0: where nothing
was diverted (false alarms), where something was (found), and where that was a twentieth of the total (found if much).
Beside it: each series by itself, draws added up as if errors had nothing to do with each other; the sum of the members
without the total's own estimate.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from support.panel import Panel, read_panel
from support.report import Report, arguments

from forecast.effects.diversion import GroupMembers, Member, estimate_group
from forecast.effects.diverted import Diverted, diverted
from forecast.effects.episodes import Episode
from forecast.events import Events, Stringency
from forecast.events.exposure import exposure
from forecast.interventions import Decay, Intervention, Ramp, Shape, Step, Temporary
from forecast.timeseries.partners import PartnerGroup, partner_groups, rest_of
from forecast.timeseries.series import Floats, History

LEVELS = (0.5, 0.8, 0.9)
SHAPES: tuple[Shape, ...] = (Step(), Temporary(6), Decay(0.8), Ramp(3))
WINDOWS = (12, 6)
BEFORE = 36  # months of history that a trial needs
STRONG = 0.5  # exposure from which a real event would spoil a trial
LEAST_SHARE = 0.05  # of the total that a partner must have to be hit
NOTHING_MOVED = 1 / 3  # of the trials
MUCH = 0.05  # of the total, gained by the others
DRAWS = 1000


@dataclass(frozen=True, eq=False)
class Trial:
    """A real group with a diversion put in: amounts over the window, ``scale`` the total without the event."""

    members: GroupMembers
    hit: float
    others: float
    scale: float
    share: float

    @property
    def truth(self) -> dict[str, float]:
        return {"hit": self.hit, "others": self.others, "total": self.hit + self.others}


def trials(panel: Panel, n: int, rng: np.random.Generator) -> list[Trial]:
    every = list(partner_groups({name: history.series for name, history in panel.histories.items()}))
    pool = [(group, rows) for group in every if group.total and (rows := _starts(group, panel))]
    return [_trial(panel, *pool[rng.integers(len(pool))], rng) for _ in range(n)]


def _starts(group: PartnerGroup, panel: Panel) -> list[int]:
    """Rows of the total on which an event may be put: enough months before, nothing missing and nothing real around."""
    assert group.total is not None
    total = panel.histories[group.name]
    if total.series.freq != "M" or len(total) < BEFORE + max(WINDOWS):
        return []
    freq, n = total.series.calendar, len(total)
    free = np.zeros(n, dtype=bool)
    free[BEFORE : n - max(WINDOWS)] = True
    first = int(freq.ordinal(total.ds[0]))
    for one in group.series:
        history = panel.histories[one.series_id]
        seen = np.zeros(n, dtype=bool)
        at = np.asarray(freq.ordinal(history.ds)) - first
        inside = (at >= 0) & (at < n)
        seen[at[inside]] = (history.used & (history.y > 0))[inside]
        for gap in np.flatnonzero(~seen).tolist():
            free[max(gap - max(WINDOWS), 0) : gap + 4] = False
    touching = [e for e in panel.events.values() if exposure(e, group.total, panel.minerals) >= STRONG]
    for event in touching:
        for day in (event.announced, event.effective):
            if day is not None:
                row = int(freq.ordinal(day)) - first
                free[max(row - max(WINDOWS), 0) : max(row + 4, 0)] = False
    return list(np.flatnonzero(free))


def _trial(panel: Panel, group: PartnerGroup, rows: Sequence[int], rng: np.random.Generator) -> Trial:
    start, window = int(rng.choice(rows)), int(rng.choice(WINDOWS))
    total = panel.histories[group.name]
    end = total.ds[start + window - 1]
    total = total.until(end)
    leaves = [_on(total, panel.histories[one.series_id]) for one in group.partners]
    assert group.rest is not None
    leaves.append(rest_of(total, leaves, group.rest)[0])
    rows_of = slice(start, start + window)
    size = np.array([np.nansum(leaf.y[rows_of]) for leaf in leaves])
    big = np.flatnonzero(size[:-1] >= LEAST_SHARE * size.sum())
    k = int(rng.choice(big)) if big.size else int(np.argmax(size[:-1]))
    intervention = Intervention(SHAPES[rng.integers(len(SHAPES))], total.ds[start])
    path = -float(0.05 + abs(rng.normal(0, 0.6))) * intervention.column(total.ds, total.series.calendar)
    lost = leaves[k].y * -np.expm1(path)
    share = 0.0 if rng.random() < NOTHING_MOVED else float(rng.random())
    weight = np.where(np.arange(len(leaves)) == k, 0.0, size * np.exp(rng.normal(0, 0.5, len(leaves))))
    weight /= weight.sum()
    changed = [
        replace(leaf, y=leaf.y - lost if j == k else leaf.y + share * weight[j] * lost) for j, leaf in enumerate(leaves)
    ]
    new_total = replace(total, y=total.y - (1 - share) * lost)
    day: dt.date = total.ds[start].item()
    episode = Episode(
        "put-in", ("put-in",), Stringency.TARIFF, 0, day, day, None, 1.0, replace(intervention, shape=Step())
    )
    members = tuple(
        Member(
            leaf.series, leaf, (episode,) if j == k else (), () if j == k else (episode,), derived=j == len(leaves) - 1
        )
        for j, leaf in enumerate(changed)
    )
    whole = GroupMembers(group.name, members, Member(new_total.series, new_total, (episode,)))
    gone = float(lost[rows_of].sum())
    return Trial(whole, -gone, share * gone, float(total.y[rows_of].sum()), share)


def _on(total: History, partner: History) -> History:
    """A partner on the periods of its total."""
    at = np.searchsorted(partner.ds, total.ds)
    inside = (at < len(partner)) & (partner.ds[np.minimum(at, len(partner) - 1)] == total.ds)
    at = np.where(inside, at, 0)
    y, flag = np.where(inside, partner.y[at], np.nan), np.where(inside, partner.flag[at], "")
    return History(partner.series, total.ds, y, flag)


@dataclass(frozen=True, eq=False)
class Answered:
    """Draws (n,) of each amount by a method, and of the share diverted where the loss is certain."""

    amounts: dict[str, Floats]
    share: Floats | None = None


def joint(found: Diverted) -> Answered:
    amounts = {"hit": found.summed("hit"), "others": found.summed("other"), "total": found.summed()}
    return Answered(amounts, found.share)


def one_at_a_time(found: Diverted) -> Answered:
    """Errors taken for independent, and the total by itself: the parts need not add up to it."""
    rng = np.random.default_rng(0)
    apart = np.array([rng.permutation(row) for row in found.amount.sum(axis=2)])
    roles = np.array(found.roles)
    assert found.total_alone is not None
    return Answered(
        {
            "hit": apart[roles == "hit"].sum(axis=0),
            "others": apart[roles == "other"].sum(axis=0),
            "total": found.total_alone,
        }
    )


def rows(cases: Sequence[Trial], answers: dict[str, list[Answered]]) -> list[dict[str, object]]:
    out: list[dict[str, object]] = []
    for quantity in ("hit", "others", "total"):
        for name, answered in answers.items():
            draws = [a.amounts[quantity] / t.scale * 100 for a, t in zip(answered, cases, strict=True)]
            truth = np.array([t.truth[quantity] / t.scale * 100 for t in cases])
            error = np.array([np.median(d) for d in draws]) - truth
            rmse = float(np.sqrt(np.mean(error**2)))
            ends = [[np.quantile(d, [(1 - q) / 2, (1 + q) / 2]) for q in LEVELS] for d in draws]
            inside = np.array([[lo <= t <= hi for lo, hi in each] for each, t in zip(ends, truth, strict=True)])
            away = np.array([each[-1][0] > 0 or each[-1][1] < 0 for each in ends])
            moved = np.array([t.share > 0 for t in cases])
            much = np.array([t.others / t.scale >= MUCH for t in cases])
            width = float(np.mean([each[-1][1] - each[-1][0] for each in ends]))
            out.append(
                {
                    "what": quantity,
                    "method": name,
                    "rmse": rmse,
                    "se": float((error**2).std() / (2 * rmse * np.sqrt(len(error)))),
                    "median error": float(np.median(np.abs(error))),
                    "bias": float(error.mean()),
                    **{f"cover{int(100 * q)}": f"{100 * inside[:, i].mean():.0f}" for i, q in enumerate(LEVELS)},
                    "width90": width,
                    "false alarms": f"{100 * away[~moved].mean():.0f}" if quantity == "others" else None,
                    "found": f"{100 * away[moved].mean():.0f}" if quantity == "others" else None,
                    "found if much": f"{away[much].sum()} of {much.sum()}" if quantity == "others" else None,
                }
            )
    return out


def shares(cases: Sequence[Trial], answered: Sequence[Answered]) -> dict[str, object]:
    told = [(t.share, a.share) for t, a in zip(cases, answered, strict=True) if a.share is not None]
    if not told:
        return {"told": f"0 of {len(cases)}"}
    ends = [[np.quantile(draws, [(1 - q) / 2, (1 + q) / 2]) for q in LEVELS] for _, draws in told]
    inside = np.array([[lo <= s <= hi for lo, hi in each] for each, (s, _) in zip(ends, told, strict=True)])
    return {
        "told": f"{len(told)} of {len(cases)}",
        **{f"cover{int(100 * q)}": f"{100 * inside[:, i].mean():.0f}" for i, q in enumerate(LEVELS)},
        "median error": float(np.median([abs(np.median(d) - s) for s, d in told])),
        "median width90": float(np.median([each[-1][1] - each[-1][0] for each in ends])),
    }


def main() -> None:
    options = arguments(__doc__, trials=300)
    n = 12 if options.quick else options.trials
    panel, report = read_panel(options.extra), Report("diversion", options)
    cases = trials(panel, n, np.random.default_rng(options.seed))
    answers: dict[str, list[Answered]] = {"joint": [], "joint, without the total": [], "one at a time": []}
    kept = []
    for k, case in enumerate(cases):
        record = estimate_group(case.members, panel.histories, Events(), panel.minerals, n=DRAWS, seed=k)
        whole, parts = diverted(record, ["put-in"]), diverted(record, ["put-in"], weighed=False)
        assert whole is not None
        assert parts is not None
        kept.append(whole.kept)
        answers["joint"].append(joint(whole))
        answers["joint, without the total"].append(joint(parts))
        answers["one at a time"].append(one_at_a_time(parts))
    groups = {case.members.name for case in cases}
    report.table(f"Diversion put into {len(groups)} groups, {n} trials, seed {options.seed}", rows(cases, answers))
    report.table("The share diverted", [shares(cases, answers["joint"])])
    report.note(f"draws that the total's estimate leaves, as effective share: median {np.median(kept):.2f}")
    report.finish(("numpy", "scipy"))


if __name__ == "__main__":
    main()
