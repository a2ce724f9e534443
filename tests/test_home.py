"""The Python interface: a home is opened, and what it answers is typed, in frames, and light to import."""

from __future__ import annotations

import datetime as dt
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import forecast
from forecast.answers.model import Answer
from forecast.catalog import Catalog
from forecast.registry import Registry
from service import create_app
from tests.support.trained_home import COPPER, add_run, clock, make_home

DAY = dt.date(2026, 7, 15)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[forecast.Home]:
    settings = make_home(tmp_path)
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    registry.promote(COPPER, add_run(registry, catalog, COPPER))
    catalog.close()
    with forecast.open_home(tmp_path, today=DAY) as opened:
        yield opened


def test_every_public_name_is_there_and_listed() -> None:
    for name in forecast.__all__:
        assert getattr(forecast, name) is not None
    assert set(forecast.__all__) <= set(dir(forecast))
    with pytest.raises(AttributeError, match="no attribute 'forcast'"):
        _ = forecast.forcast


def test_importing_it_loads_nothing_heavy() -> None:
    heavy = "{'numpy', 'pandas', 'pydantic', 'sqlalchemy', 'scipy'} & set(sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, forecast; print(sorted({heavy}))"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ},
    )
    assert done.stdout.strip() == "[]"


def test_every_answer_is_a_frame_with_the_columns_that_its_model_describes(home: forecast.Home) -> None:
    answers: list[Answer] = [
        home.series(),
        home.observations(COPPER),
        home.events(series_id=COPPER),
        home.event("cn-7ree-licence-2025"),
        home.calendar(expiring=180),
        home.event_history("cn-7ree-licence-2025"),
        home.check_events(),
        home.forecast(COPPER, h=3),
        home.forecasts([COPPER], h=3),
        home.effects(COPPER),
        home.effect_paths(COPPER),
        home.class_effects(),
        home.backtest(COPPER),
        home.past_forecasts(COPPER),
        home.runs(COPPER),
    ]
    for answer in answers:
        frame, header = answer.to_frame(), answer.header()
        assert list(frame.columns) == [column.name for column in header], type(answer).__name__
        for column in header:
            if column.type in ("day", "time"):
                assert pd.api.types.is_datetime64_any_dtype(frame[column.name]), column.name
            elif column.type == "number":
                assert frame[column.name].dtype == float, column.name


def test_a_forecast_is_the_quantiles_of_its_draws(home: forecast.Home) -> None:
    made, draws = home.forecast(COPPER, h=6, level=(80,)), home.draws(COPPER, h=6)
    assert draws.ds == tuple(point.ds for point in made.data)
    low, median, high = draws.quantiles([0.1, 0.5, 0.9])
    assert median == pytest.approx([point.yhat for point in made.data], rel=1e-5)
    assert list(zip(low, high, strict=True)) == [pytest.approx(point.interval(80), rel=1e-5) for point in made.data]
    frame = draws.to_frame()
    assert len(frame) == draws.values.size
    wide = frame.pivot(index="draw", columns="ds", values="y")
    assert np.array_equal(wide.to_numpy(), draws.values)


TYPES = {"day": "datetime64[s]", "time": "datetime64[us, UTC]", "number": "float64", "text": "str", "list": "str"}


def test_the_type_of_a_column_does_not_hang_on_what_is_in_it(home: forecast.Home) -> None:
    empty = home.backtest(COPPER).model_copy(update={"data": ()})
    for answer in (empty, home.series(), home.runs(), home.effects(COPPER)):
        frame = answer.to_frame()
        for column in answer.header():
            if column.type in TYPES:
                assert str(frame[column.name].dtype) == TYPES[column.type], column
    assert empty.to_frame()["champion"].dtype == bool
    sparse = home.effects(COPPER).to_frame()["days_in_force"]
    assert str(sparse.dtype) == ("Int64" if sparse.isna().any() else "int64")


def test_without_pandas_a_frame_names_the_extra(home: forecast.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecast.extras.installed", lambda extra: extra != "pandas")
    for made in (home.forecast(COPPER), home.draws(COPPER)):
        with pytest.raises(forecast.MissingExtra, match=r"pip install 'orecast\[pandas\]'"):
            made.to_frame()


def test_arguments_are_what_a_data_scientist_has_at_hand(home: forecast.Home) -> None:
    made = home.forecast(COPPER, h=3, level=(80,))
    day = pd.Timestamp(DAY)
    assert home.forecast(COPPER, h=np.int64(3), level=80, as_of=day) == made
    assert home.forecast(COPPER, h=3, level=np.array([80]), as_of="2026-07-15") == made
    assert home.forecasts(COPPER, h=3, level=80).data == home.forecasts(iter([COPPER]), h=3, level=80).data == (made,)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda home: home.forecast(COPPER, as_of="2026-13-01"), "as_of = '2026-13-01': expected a date"),
        (lambda home: home.forecast(COPPER, h=2.5), r"h = 2\.5: expected a whole number"),
        (lambda home: home.forecast(COPPER, level="80"), "level = '8': expected whole numbers"),
        (lambda home: home.draws(COPPER).quantiles([1.5]), r"at = 1\.5: expected a probability"),
    ],
)
def test_what_is_wrong_is_told_with_what_would_have_been_right(
    home: forecast.Home, ask: Callable[[forecast.Home], object], says: str
) -> None:
    with pytest.raises(forecast.InvalidInput, match=says):
        ask(home)


def test_a_home_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(forecast.Misconfigured, match="there is no folder"):
        forecast.open_home(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_a_home_goes_to_other_processes_and_an_answer_is_short_to_look_at(home: forecast.Home) -> None:
    made = home.forecast(COPPER, h=3)
    with pickle.loads(pickle.dumps(home)) as other:
        assert other.forecast(COPPER, h=3) == made
    assert pickle.loads(pickle.dumps(made)) == made
    assert len(repr(home.events())) < 300
    assert "data=[4]" in repr(made), "July has begun and has no value"
    html = made._repr_html_()
    assert html is not None
    assert html.count("<tr") == 5
    with pytest.raises(KeyError, match="no interval at 81 %; there are: 80, 95"):
        made.data[0].interval(81)


def test_a_day_before_and_a_name_that_is_not_there(home: forecast.Home) -> None:
    assert len(home.observations(COPPER, as_of=dt.date(2020, 1, 1)).data) < len(home.observations(COPPER).data)
    with pytest.raises(forecast.NotFound, match=r"nearest: price\.copper"):
        home.forecast("price.coper")
    with pytest.raises(forecast.InvalidInput, match="h = 1000"):
        home.forecast(COPPER, h=1000)


def test_a_question_is_a_mapping_with_days_or_a_file(home: forecast.Home) -> None:
    event = {
        "event": "mine",
        "title": "A duty",
        "kind": "tariff",
        "effective": dt.date(2026, 9, 1),
        "effect": {COPPER: {"percent": -20}},
    }
    asked = home.scenarios({"series": [COPPER], "h": 6, "scenarios": [{"name": "duty", "add": [event]}]})
    assert [outcome.scenario for outcome in asked.data] == ["baseline", "duty"]
    changed = asked.to_frame().query("scenario == 'duty'")["difference_median"]
    assert (changed.iloc[-3:] < 0).all()


def test_the_calendar_is_the_same_from_python_as_from_the_service(home: forecast.Home) -> None:
    made = home.calendar(start="2026-11-01", until=dt.date(2026, 11, 30), mineral="gallium")
    web = create_app(home.settings, clock=clock).test_client()
    answer = web.get("/v1/events/calendar?from=2026-11-01&until=2026-11-30&mineral=gallium").get_json()
    assert json.loads(json.dumps(made.json_object(), default=str)) == answer
    assert made.start == dt.date(2026, 11, 1)
    assert "cn-suspension-no72-2025" in set(made.to_frame()["event_id"])
    with pytest.raises(forecast.InvalidInput, match="a day not before 2026-11-02"):
        home.calendar(start="2026-11-02", until="2026-11-01")
    with pytest.raises(forecast.InvalidInput, match="expiring = -1"):
        home.calendar(expiring=-1)
