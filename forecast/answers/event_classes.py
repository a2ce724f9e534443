"""What events of a class do, pooled over events and series: the prior of one that nobody has seen."""

from __future__ import annotations

import math

from pydantic import Field

from forecast.answers.estimate import ESTIMATES, PERCENT, Estimate, six_digits
from forecast.answers.event_priors import Evidence
from forecast.answers.model import Listing, Part, in_unit
from forecast.effects.affected import Affected
from forecast.effects.event_classes import IDENTIFIED_SE, ClassPrior, Size
from forecast.events import Stringency
from forecast.wording import counted


class ClassEffect(Part):
    """What events of a class do to one kind of series, in the direction that is expected of each."""

    stringency: Stringency = Field(
        title="kind", description="how the event bites; a tariff is taken as one of 25 points"
    )
    affected: Affected = Field(
        title="effect on", description="what it acts on: prices of the world or of one flow, volumes or values"
    )
    events: int = Field(
        description="events of the class that there are to learn from", json_schema_extra=in_unit("events")
    )
    estimates: int = Field(
        description="estimates that these rest on: an event may be seen on several series",
        json_schema_extra=ESTIMATES,
    )
    up: int = Field(description="estimates that were expected to be positive", json_schema_extra=ESTIMATES)
    down: int = Field(description="estimates that were expected to be negative", json_schema_extra=ESTIMATES)
    identified: bool = Field(
        description="whether the mean is more than two standard errors on the expected side of zero; if not, a "
        "forecast takes the uncertainty only"
    )
    spread: float = Field(description="standard deviation between events, on the log", json_schema_extra=PERCENT)
    mean: Estimate = Field(
        description="mean effect of such events the expected way: of those that push downwards 25 means a level "
        "divided by 1.25",
        json_schema_extra=PERCENT,
    )
    unseen: Estimate = Field(
        description="what a forecast takes of an event that nobody has seen, if it pushes upwards",
        json_schema_extra=PERCENT,
    )
    says: str = Field(title="what such events did", description="the same in a sentence")


class ClassEffects(Listing):
    """What events of a kind do."""

    data: tuple[ClassEffect, ...] = Field(description="a kind of event on prices or on flows each")


def class_effects(evidence: Evidence) -> ClassEffects:
    """What the serving runs together say of each class."""
    return ClassEffects.of([_class(evidence, prior) for prior in evidence.priors.values()])


def _class(evidence: Evidence, prior: ClassPrior) -> ClassEffect:
    likelihoods = [s for s in evidence.likelihoods if s.stringency is prior.stringency and s.affected is prior.affected]
    events, mean = evidence.count(prior.stringency, prior.affected), Estimate.in_percent(Size(prior.mean, prior.se))
    return ClassEffect(
        stringency=prior.stringency,
        affected=prior.affected,
        events=events,
        estimates=prior.n,
        up=sum(s.direction > 0 for s in likelihoods),
        down=sum(s.direction < 0 for s in likelihoods),
        identified=prior.identified,
        spread=six_digits(100 * prior.spread).item(),
        mean=mean,
        unseen=Estimate.in_percent(prior.towards(1)),
        says=_says(prior, events, mean, sum(s.direction < 0 for s in likelihoods)),
    )


def _says(prior: ClassPrior, events: int, mean: Estimate, down: int) -> str:
    low, high = (100 * math.expm1(prior.mean + side * IDENTIFIED_SE * prior.se) for side in (-1, 1))
    sd = prior.towards(1).sd
    if not events:
        return f"no such event was seen; a forecast only allows for what others show: give or take {100 * sd:.0f} %"
    way = f"down in {down}" if 2 * down > prior.n else f"up in {prior.n - down}"
    some = counted(events, "event")
    interval = (
        f"within two standard errors {low:+.1f} to {high:+.1f} %, where + is the expected way: {way} of "
        f"{counted(prior.n, 'estimate')}"
    )
    if not prior.identified:
        return (
            f"{some}: the mean effect ({interval}) is not clear of zero on the expected side; a forecast only allows "
            f"for it: give or take {100 * sd:.0f} %"
        )
    return (
        f"{some} moved {prior.affected} the expected way by {mean.median:.0f} % ({interval}); "
        f"single events differ from that by {100 * prior.spread:.0f} %"
    )
