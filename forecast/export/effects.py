"""Effects as rows and documents: one definition of names and digits for JSON and CSV, as ``export.forecasts`` has it.

Effects are in percent of the level without the event, and in the unit of the series a period and in sum, with the
median of the draws and central intervals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from forecast.answers.effects import Findings
from forecast.answers.event_priors import Evidence
from forecast.answers.forecast import at_levels
from forecast.effects import EffectRecord
from forecast.effects.episodes import Omitted
from forecast.effects.event_classes import ClassPrior, Size
from forecast.effects.record import EpisodeEffect
from forecast.effects.report import LEVELS, RELEVANT, Band, EpisodeReport
from forecast.events import KindFamily, days_in_force
from forecast.events.spells import in_words
from forecast.export.forecasts import interval_names
from forecast.metrics import rounded
from forecast.timeseries.series import Series

_CUTS = at_levels(LEVELS)


def band_names(levels: Sequence[int] = LEVELS) -> list[str]:
    """What one number with its intervals is called: ``median, lo-50, hi-50, …``."""
    return ["median", *interval_names(levels)]


def effect_names() -> list[str]:
    """The header of the effects on a series as CSV, an episode a row."""
    bands = ("average", "anticipation", "amount", "cumulated", "cumulated_before", "cumulated_after")
    return [
        *("series_id", "run", "episode", "title", "events", "family", "direction", "announced", "effective", "ended"),
        *("in_force", "days_in_force", "standing", "others", "start", "window", "shapes", "leads"),
        *(f"{band}.{name}" for band in bands for name in band_names()),
        *(
            "observed",
            "missing",
            "unit",
            "acts",
            "placebo_rank",
            "relevant",
            "relevant_size",
            "detectable",
        ),
        *("identified", "prior_dominated"),
        "apart",
        "others_of_kind",
        *(f"given_kind.{name}" for name in band_names()),
        "not_estimated",
    ]


def effect_rows(found: Findings) -> list[dict[str, Any]]:
    """An episode each, keys as ``effect_names`` once the members of an object are ``a.b``."""
    names = {"series_id": found.series.series_id, "run": found.run.run_id}
    facts = {"unit": found.series.unit, "not_estimated": ""}
    return [{**names, **_episode(found, each), **facts} for each in found.episodes]


def effect_lines(found: Findings) -> list[dict[str, Any]]:
    """The rows of the CSV: the episodes, and somebody's own events without an estimate, with nothing but the reason."""
    names = {"series_id": found.series.series_id, "run": found.run.run_id}
    missing = [
        {**names, "episode": event, "events": (event,), "unit": found.series.unit, "not_estimated": why}
        for event, why in found.not_estimated.items()
    ]
    return [*effect_rows(found), *missing]


def effects_document(found: Findings) -> dict[str, Any]:
    """The effects on a series as JSON: percent of the level without the episode, and sums in the series' unit."""
    return {**_found(found), "data": [_episode(found, each) for each in found.episodes], "next": None}


def path_names() -> list[str]:
    """The header of the paths of effects as CSV, a row for each episode and period."""
    bands = [f"{band}.{name}" for band in ("effect", "without") for name in band_names()]
    return ["series_id", "run", "episode", "ds", "y", *bands, "unit"]


def path_rows(found: Findings) -> list[dict[str, Any]]:
    """A period each, keys as ``path_names`` once the members of an object are ``a.b``."""
    names = {"series_id": found.series.series_id, "run": found.run.run_id}
    return [{**names, **point, "unit": found.series.unit} for each in found.episodes for point in _path(each)]


def paths_document(found: Findings) -> dict[str, Any]:
    """The same as JSON: what each episode did in each period, in percent, and the series without it."""
    return {**_found(found), "data": [point for each in found.episodes for point in _path(each)], "next": None}


def _found(found: Findings) -> dict[str, Any]:
    record = found.run.record
    return {
        "series_id": found.series.series_id,
        "run": found.run.run_id,
        "unit": found.series.unit,
        "method": record.method,
        "omitted": [{"episode": o.episode_id, "events": o.events, "reason": o.reason} for o in untold(record)],
        "not_estimated": [{"event": event, "why": why} for event, why in found.not_estimated.items()],
        "notes": record.notes,
    }


def untold(record: EffectRecord) -> list[Omitted]:
    """What a record leaves out, less what it tells with another episode."""
    told = {event for effect in record.reported for event in effect.episode.events}
    return [each for each in record.omitted if each.episode_id not in told]


def _episode(found: Findings, told: EpisodeReport) -> dict[str, Any]:
    effect, episode = told.effect, told.effect.episode
    kin = found.kin[episode.episode_id]
    return {
        "episode": episode.episode_id,
        "title": found.titles[episode.episode_id],
        "events": episode.events,
        "family": str(episode.family),
        "direction": episode.direction,
        "announced": episode.announced,
        "effective": episode.effective,
        "ended": episode.ended,
        **_standing(told, episode.episode_id),
        "others": [_other(told, event) for event in episode.events if event != episode.episode_id],
        "start": episode.intervention.start.item(),
        "window": [told.window[0].item(), told.window[-1].item()] if len(told.window) else None,
        "shapes": [{"shape": shape, "weight": round(weight, 3)} for shape, weight in told.shapes.items()],
        "leads": [{"periods": lead, "weight": round(weight, 3)} for lead, weight in told.leads.items()],
        "average": _band(told.average),
        "anticipation": _band(told.early),
        "amount": _band(told.amount),
        "cumulated": _band(told.cumulated),
        "cumulated_before": _band(told.before),
        "cumulated_after": _band(told.after),
        "observed": told.observed,
        "missing": told.missing,
        "acts": rounded(np.array([effect.acts])).item(),
        "placebo_rank": effect.placebo_rank,
        "relevant": told.relevant,
        "relevant_size": RELEVANT,
        "detectable": _smallest(effect, found.series),
        "identified": effect.identified,
        "prior_dominated": effect.prior_dominated,
        "apart": episode.apart,
        "others_of_kind": kin.others,
        "given_kind": dict(zip(band_names(), _percent(kin.size, _CUTS), strict=True)),
    }


def _smallest(effect: EpisodeEffect, series: Series) -> float | None:
    """The average effect in percent that the data would have shown, without its sign: a fall where one was expected.

    Where nothing was, a price is told a rise and a flow a fall, since that is what measures do to them.
    """
    if effect.detectable is None:
        return None
    sign = effect.episode.direction or (1 if series.is_price else -1)
    return abs(_percent(Size(sign * effect.detectable, 0.0), (0.5,))[0])


def _standing(told: EpisodeReport, event_id: str) -> dict[str, Any]:
    """What of an event was in force up to the end of the sample, as known at the training; None on an older card."""
    times, freq, last = told.effect.episode.in_force.get(event_id), told.record.freq, told.record.last
    if times is None:
        return {"in_force": None, "days_in_force": None, "standing": None}
    shock = told.effect.episode.family is KindFamily.SHOCK and event_id == told.effect.episode.episode_id
    return {
        "in_force": [{"from": time.since, "to": time.until} for time in times],
        "days_in_force": days_in_force(times, freq.end(last).item()),
        "standing": in_words(times, freq, last, "under way" if shock else "in force"),
    }


def _other(told: EpisodeReport, event_id: str) -> dict[str, Any]:
    """The same of an event that does not lead its episode, in short."""
    found = _standing(told, event_id)
    return {"event": event_id, "days_in_force": found["days_in_force"], "standing": found["standing"]}


def _path(told: EpisodeReport) -> Iterator[dict[str, Any]]:
    episode_id = told.effect.episode.episode_id
    effects, without = _bands(told.path.percent()), _bands(told.counterfactual)
    for day, y, effect, level in zip(told.ds.tolist(), told.actual.tolist(), effects, without, strict=True):
        seen = y == y
        yield {
            "episode": episode_id,
            "ds": day,
            "y": y if seen else None,
            "effect": effect,
            "without": level if seen else None,
        }


def _band(band: Band | None) -> dict[str, float] | None:
    return None if band is None else _bands(band)[0]


def _bands(band: Band) -> list[dict[str, float]]:
    """An object a period, six significant digits and no negative zero; keys as ``band_names``."""
    ends = [end for level in band.intervals for end in band.intervals[level]]
    names = band_names(list(band.intervals))
    return [dict(zip(names, at, strict=True)) for at in (rounded(np.array([band.median, *ends])) + 0.0).T.tolist()]


def class_names() -> list[str]:
    """The header of the effects of kinds of events as CSV."""
    return [
        *("family", "measure", "events", "estimates", "up", "down", "identified", "mean", "mean_lo-90", "mean_hi-90"),
        *("spread", *(f"unseen.{name}" for name in band_names()), "says"),
    ]


def class_rows(evidence: Evidence) -> list[dict[str, Any]]:
    """A kind of events on a kind of series each, keys as ``class_names`` once the members of an object are ``a.b``.

    ``mean`` and its interval, ``spread`` (sd between events, on the log) and ``unseen`` (what a forecast takes of an
    event nobody has seen) are in percent, towards the direction that is expected; ``up``, ``down``: how many of the
    estimates were expected to go which way.
    """
    return [_class(evidence, prior) for prior in evidence.priors.values()]


def classes_document(evidence: Evidence) -> dict[str, Any]:
    """The same as JSON."""
    return {"data": class_rows(evidence), "next": None}


def _class(evidence: Evidence, prior: ClassPrior) -> dict[str, Any]:
    told = [s for s in evidence.likelihoods if s.family is prior.family and s.is_price == prior.is_price]
    low, mean, high = _percent(Size(prior.mean, prior.se), (0.05, 0.5, 0.95))
    unseen = prior.towards(1)
    row = {
        "family": str(prior.family),
        "measure": "prices" if prior.is_price else "flows",
        "events": evidence.count(prior.family, prior.is_price),
        "estimates": prior.n,
        "up": sum(s.direction > 0 for s in told),
        "down": sum(s.direction < 0 for s in told),
        "identified": prior.identified,
        "mean": mean,
        "mean_lo-90": low,
        "mean_hi-90": high,
        "spread": rounded(np.array([100 * prior.spread])).item(),
        "unseen": dict(zip(band_names(), _percent(unseen, _CUTS), strict=True)),
    }
    return {**row, "says": _says(row, unseen.sd)}


def _says(row: dict[str, Any], sd: float) -> str:
    interval = f"{row['mean_lo-90']:+.0f} to {row['mean_hi-90']:+.0f} %"
    if not row["events"]:
        return f"no event of this kind was seen; a forecast takes what all kinds show, as variance: sd {100 * sd:.0f} %"
    events = "1 event" if row["events"] == 1 else f"{row['events']} events"
    if not row["identified"]:
        return (
            f"not identifiable: {events} cannot tell the mean ({interval}) from zero; "
            f"a forecast takes variance only, sd {100 * sd:.0f} %"
        )
    return (
        f"{events} moved {row['measure']} the expected way by {row['mean']:.0f} % ({interval}); "
        f"single events differ from that by {row['spread']:.0f} %"
    )


def _percent(size: Size, at: Sequence[float]) -> list[float]:
    """Quantiles of an effect on the log, in percent."""
    found: list[float] = rounded(np.array([100 * np.expm1(size.quantile(q)) for q in at])).tolist()
    return found
