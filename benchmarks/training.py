"""How long it takes to train every bundled target, every family backtested, from an empty folder.

    python benchmarks/training.py [--quick] [--json FILE]

``--quick`` trains three series. The limit to stay under is four minutes on two cores.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter

import numpy as np
from support.panel import catalogue
from support.report import Report, arguments

from forecast.jobs.train import TrainingPlan, train
from forecast.registry import Card, Registry

QUICK = ("price.copper", "price.tin", "volume.rare-earths.export.cn")


def main() -> None:
    options = arguments(__doc__)
    report = Report("training", options)
    clock = [time.perf_counter()]
    with catalogue() as (catalog, settings, _):
        registry = Registry(settings.models_dir)
        clock.append(time.perf_counter())
        trained = train(catalog, registry, settings, QUICK if options.quick else None, TrainingPlan(dt.date.today()))
        clock.append(time.perf_counter())
        cards = [registry.champion(outcome.series_id).card for outcome in trained.of("trained")]
    seeding, training = np.diff(clock)
    champions = Counter(card.champion_family for card in cards)
    report.table(
        "Training from an empty folder",
        [
            {
                "series trained": len(cards),
                "failed": len(trained.of("failed")),
                "families": max(len(card.backtest) for card in cards),
                "catalogue, s": float(seeding),
                "training, s": float(training),
                "s a series": float(training / max(len(cards), 1)),
                "champions": ", ".join(f"{family} {count}" for family, count in champions.most_common()),
            }
        ],
    )
    report.table(
        "CRPS as a ratio to the baseline (24 origins, Prophet 8; mean of h = 1..12)", [_scores(card) for card in cards]
    )
    for outcome in trained.of("failed"):
        report.note(f"{outcome.series_id}: {outcome.detail}")
    report.finish()


def _scores(card: Card) -> dict[str, object]:
    names = ("random-walk", "seasonal-naive", "ets", "sarimax", "ucm", "prophet", "grid")
    scores = {family: card.backtest[family].score if family in card.backtest else None for family in names}
    return {"series": card.series.series_id, **scores, "champion": card.champion_family}


if __name__ == "__main__":
    main()
