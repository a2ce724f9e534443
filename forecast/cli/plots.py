"""``orecast plot``: pictures of a forecast, of an effect, of scenarios, of a backtest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecast.cli.options import AsOf, Horizon, Level, SeriesArgument, TooFew, Until, levels
from forecast.cli.output import in_a_folder
from forecast.cli.scenarios import ask
from forecast.cli.session import Session, session
from forecast.errors import Fault, InvalidInput, TooShort
from forecast.extras import require

if TYPE_CHECKING:
    from forecast.answers.forecast import ForecastQuestion
    from forecast.answers.scenarios import Outcome, ScenarioAnswer
    from forecast.timeseries.series import History


def plot(
    series_id: SeriesArgument,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", callback=in_a_folder, help="the PNG file; SERIES.png by default")
    ] = None,
    effect: Annotated[
        str | None, typer.Option(metavar="EVENT", help="what this event did, beside what would have been without it")
    ] = None,
    scenarios: Annotated[
        Path | None, typer.Option("--scenario", exists=True, dir_okay=False, help="the scenarios of this file")
    ] = None,
    backtest: Annotated[
        bool,
        typer.Option("--backtest", help="how good the serving run's forecasts were: reliability, scores by horizon"),
    ] = False,
    horizon: Horizon = None,
    until: Until = None,
    level: Level = None,
    periods: Annotated[int, typer.Option(min=1, help="observations shown before the forecast")] = 72,
    as_of: AsOf = None,
    insufficient: TooFew = False,
) -> None:
    """Draw a forecast with the events behind it, an effect, scenarios, or a backtest.

    \b
    Examples:
      orecast plot price.copper
      orecast plot volume.magnets.export.cn --effect cn-7ree-licence-2025
      orecast plot price.copper --scenario tariff.yaml --output tariff.png
      orecast plot price.copper --backtest
    """
    require("plot", "orecast plot")
    from forecast.answers.forecast import ForecastQuestion
    from forecast.answers.span import Span
    from forecast.export.plots import scenario_picture
    from forecast.files import write_atomically

    if sum([bool(effect), bool(scenarios), backtest]) > 1:
        raise typer.BadParameter("one of --effect, --scenario and --backtest")
    with session() as s:
        history = s.catalog.history(series_id, s.day(as_of))
        if effect:
            picture = _effect(s, history, effect)
        elif backtest:
            picture = _backtest(s, series_id)
        elif scenarios:
            picture = scenario_picture(history, _scenario_forecasts(ask(s, scenarios), series_id), periods)
        else:
            question = ForecastQuestion(
                s.day(as_of), Span(horizon, until=until), levels(level), insufficient=insufficient
            )
            picture = _forecast(s, history, question, periods)
    file = output or Path(f"{series_id}.png")
    write_atomically(file, picture)
    print(file)


def _forecast(s: Session, history: History, question: ForecastQuestion, periods: int) -> bytes:
    from forecast.answers.forecast import forecast
    from forecast.export.plots import forecast_picture, marks

    series_id = history.series.series_id
    made = forecast(s.catalog, s.registry, series_id, question)
    first, last = history.ds[-min(periods, len(history))].item(), made.data[-1].ds
    record = s.registry.champion(series_id).record
    found = marks(record, made.branches, s.catalog.events(question.as_of), first, last)
    return forecast_picture(history, made, found, periods)


def _scenario_forecasts(answered: ScenarioAnswer, series_id: str) -> tuple[Outcome, ...]:
    """One series in each scenario. Raises ``InvalidInput`` for a series that has none."""
    found = answered.of_series(series_id)
    if not found:
        why = next((each.why for each in answered.left_out if each.series_id == series_id), "")
        asked = dict.fromkeys(outcome.series_id for outcome in answered.data)
        raise InvalidInput(Fault("series", series_id, why or f"a series of the question: {', '.join(asked)}"))
    return found


def _backtest(s: Session, series_id: str) -> bytes:
    from forecast.answers.champion import champion_of
    from forecast.export.plots import backtest_picture

    card = champion_of(s.catalog.get(series_id), s.registry).card
    if card.champion_family not in card.backtest:
        raise TooShort(f"{series_id} has no backtest: {card.why}")
    return backtest_picture(card)


def _effect(s: Session, history: History, event_id: str) -> bytes:
    from forecast.answers.findings import findings
    from forecast.export.plots import effect_picture

    known = s.catalog.events()
    report = findings(s.catalog, s.registry, history.series.series_id, event_id).episodes[0]
    others = [known[name].title if name in known else name for name in report.effect.episode.events if name != event_id]
    return effect_picture(history, report, known[event_id].title, others)
