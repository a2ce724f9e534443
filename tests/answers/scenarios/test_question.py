"""Scenarios answer from the draws of the baseline, refuse what makes no sense with its place, and keep nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecast.answers.champion import futures
from forecast.answers.event_versions import EventVersion
from forecast.answers.forecast import ForecastQuestion, forecast
from forecast.answers.scenarios import Question, ScenarioAnswer, answer
from forecast.answers.span import Span
from forecast.catalog import Catalog
from forecast.errors import InvalidInput, NotTrained
from forecast.export.csv_writer import csv_export
from forecast.registry import Registry
from forecast.settings import SpanOrigin, data_dir
from service.encoding import to_json
from tests.support.trained_home import COPPER, EARTHS, NOW, add_run, make_home

TODAY = NOW.date()
GALLIUM, GERMANIUM, MAGNETS = "volume.gallium.export.cn", "volume.germanium.export.cn", "volume.magnets.export.cn"
CONTROLS, REFINED = "cn-suspension-no70-2025", "us-refined-copper-phased-2027"
EXAMPLES = sorted((data_dir() / "scenarios").glob("*.yaml"))

Stores = tuple[Catalog, Registry]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    home = tmp_path_factory.mktemp("scenarios")
    set_up = make_home(home)
    catalog, registry = Catalog.open(set_up), Registry(set_up.models_dir)
    for series_id in (GALLIUM, GERMANIUM, MAGNETS):
        registry.promote(series_id, add_run(registry, catalog, series_id))
    yield catalog, registry
    catalog.close()


def ask(
    stores: Stores, *scenarios: Mapping[str, object], series: tuple[str, ...] = (EARTHS,), **more: object
) -> ScenarioAnswer:
    named = [{"name": f"s{i}", **scenario} for i, scenario in enumerate(scenarios)]
    question = Question.read(json.dumps({"series": series, "scenarios": named, "h": 24, "origin": "last"} | more))
    return answer(*stores, question, today=TODAY)


def licence(event: str = "new-licence", **more: object) -> dict[str, object]:
    facts = {"event": event, "minerals": ["rare-earths"], "flows": ["CHN>WLD"], "effective": "2026-09-10"}
    return facts | {"volume": "down"} | more


def medians(made: ScenarioAnswer, scenario: str, part: str = "difference") -> list[float]:
    (outcome,) = [o for o in made.data if o.scenario == scenario]
    return [getattr(point, part).median for point in outcome.data]


def places(refused: pytest.ExceptionInfo[InvalidInput]) -> set[str]:
    return {fault.where for fault in refused.value.faults}


# -- the questions of the examples -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_are_answered_and_each_scenario_changes_something(stores: Stores, path: Path) -> None:
    made = answer(*stores, Question.read_yaml(path.read_text()), today=TODAY)
    assert {outcome.scenario for outcome in made.data} > {"baseline"}
    for outcome in made.data:
        assert {point.difference is None for point in outcome.data} == {outcome.scenario == "baseline"}
        assert not any("it is the baseline" in note for note in outcome.notes)
        assert all(row.interval(level)[0] > 0 for row in outcome.data for level in outcome.levels)


def test_there_is_an_example_for_each_case() -> None:
    assert [path.stem for path in EXAMPLES] == [
        "licences-granted",
        "october-2025-controls-as-april",
        "october-2025-controls-return",
        "refined-copper-tariff",
        "truce-extended",
    ]


def test_a_longer_truce_puts_the_return_off(stores: Stores) -> None:
    made = ask(
        stores,
        {"name": "over", "take": [{"branch": "cn-suspension-no72-2025"}]},
        {
            "name": "longer",
            "amend": [{"event": "cn-suspension-no72-2025", "extend_days": 90}],
            "take": [{"branch": "cn-suspension-no72-2025"}],
        },
        series=(GALLIUM,),
        insufficient=True,
    )
    months = [row.ds.isoformat() for row in made.data[0].data]
    over, longer = medians(made, "over"), medians(made, "longer")
    assert next(m for m, d in zip(months, over, strict=True) if d) == "2026-11-01"
    assert next(m for m, d in zip(months, longer, strict=True) if d) == "2027-02-01"


def test_a_second_rate_acts_in_proportion_to_the_first(stores: Stores) -> None:
    rates = [{"from": "2027-01-01", "rate": 15}, {"from": "2028-01-01", "rate": 30}]
    effect = {"price": {"percent": -10}}
    made = ask(stores, {"take": [{"branch": REFINED, "rates": rates, "effect": effect}]}, series=(COPPER,))
    (future,) = futures(*stores, [COPPER], TODAY)
    months = [str(day) for day in future.ds]
    base, there = (np.array([row.yhat for row in outcome.data]) for outcome in made.data)
    ratio = dict(zip(months, there / base, strict=True))
    assert ratio["2026-12-01"] == 1
    assert ratio["2027-06-01"] == pytest.approx(0.9, rel=1e-4)
    assert ratio["2028-06-01"] == pytest.approx(0.81, rel=1e-4)
    assert {point.cumulated for point in made.data[1].data} == {None}


# -- properties --------------------------------------------------------------------------------------------------------

months = st.integers(0, 3)
percent = st.floats(-90, 300)
added = st.builds(
    lambda month, effect, slip, minerals: licence(
        f"mine-{month}",
        effective=f"2026-{8 + month:02d}-05",
        minerals=minerals,
        **({"effect": {"volume": {"percent": effect, "plus_minus": 5}}} if effect is not None else {}),
        **({"slips": [0, slip]} if slip else {}),
    ),
    months,
    st.none() | percent,
    months,
    st.sampled_from([["rare-earths"], ["rare-earths-heavy", "graphite"], ["copper"]]),
)
scenarios = st.fixed_dictionaries(
    {"add": st.lists(added, max_size=2, unique_by=lambda event: event["event"])},
    optional={
        "remove": st.just(["cn-ree-total-control-2025"]),
        "take": st.just([{"branch": CONTROLS}]) | st.just([{"branch": CONTROLS, "probability": 0.4, "slips": [0, 2]}]),
    },
)
few = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_no_events_are_the_baseline_to_the_digit(stores: Stores) -> None:
    made = ask(stores, {})
    base, same = made.data
    alone = forecast(*stores, EARTHS, ForecastQuestion(TODAY, Span(24, SpanOrigin.LAST))).data
    for point, there in zip(base.data, alone, strict=True):
        assert point.cells() == {**there.cells(), "mean": point.mean}
    for point, there in zip(same.data, alone, strict=True):
        assert point.cells().items() >= there.cells().items()
        assert {point.difference.median, *point.difference.interval(95)} == {0.0}  # type: ignore[union-attr]
    assert "baseline" in same.notes[0]


@few
@given(scenarios)
def test_a_mixture_with_probability_one_is_its_scenario(stores: Stores, scenario: dict[str, object]) -> None:
    _, there, mixture = ask(stores, scenario | {"probability": 1}).data
    assert mixture.data == there.data


@few
@given(scenarios)
def test_volumes_are_never_negative_and_intervals_nest(stores: Stores, scenario: dict[str, object]) -> None:
    for outcome in ask(stores, scenario, level=[50, 80, 95]).data:
        for row in outcome.data:
            bounds = [row.interval(level)[0] for level in (95, 80, 50)]
            bounds += [row.yhat, *(row.interval(level)[1] for level in (50, 80, 95))]
            assert bounds == sorted(bounds)
            assert bounds[0] >= 0


@few
@given(scenarios)
def test_a_scenario_has_the_same_digits_alone_and_in_company(stores: Stores, scenario: dict[str, object]) -> None:
    _, alone = ask(stores, scenario).data
    made = ask(stores, {"add": [licence("other")]}, scenario | {"name": "twin"}, scenario | {"name": "s0-again"})
    _, _, twin, again = made.data
    assert alone.data == twin.data == again.data


@few
@given(added)
def test_removing_what_was_added_restores_the_baseline(stores: Stores, new: dict[str, object]) -> None:
    (future,) = futures(*stores, [EARTHS], TODAY)
    question = Question.read(json.dumps({"series": [EARTHS], "scenarios": [{"name": "s", "add": [new]}]}))
    from forecast.answers.event_versions import EventScenario
    from forecast.answers.scenarios.build import build

    (event_scenario,) = build(question, future.known, future.open_branches, stores[0].minerals())
    back: EventVersion = event_scenario.version.edited(removed={str(new["event"])})
    assert not future.given(EventScenario(back)).change.any()
    np.testing.assert_array_equal(future.given(EventScenario(back)).draws, future.draws)


def test_quantiles_of_differences_are_not_differences_of_quantiles(stores: Stores) -> None:
    effect = {"volume": {"percent": -30, "plus_minus": 20}}
    made = ask(stores, {"add": [licence(effect=effect)]})
    base, there = made.data
    change = there.data[-1].difference
    assert change is not None
    naive = there.data[-1].interval(80)[0] - base.data[-1].interval(80)[0]
    assert change.interval(80)[0] < naive - 1
    differences, sums = (medians(made, "s0", part) for part in ("difference", "cumulated"))
    assert sums[-1] == pytest.approx(np.sum(differences), rel=0.25)
    assert there.data[0].cumulated == there.data[0].difference


def test_a_branch_is_one_world_for_all_series(stores: Stores) -> None:
    future, other = futures(*stores, [EARTHS, COPPER], TODAY)
    np.testing.assert_array_equal(future.uniform(CONTROLS), other.uniform(CONTROLS))
    effect = {"volume": {"percent": -50}, "price": {"percent": 20}}
    take = {"branch": CONTROLS, "probability": 0.3, "effect": effect}
    made = ask(stores, {"take": [take]}, series=(EARTHS, COPPER))
    assert [o.series_id for o in made.data] == [EARTHS, EARTHS, COPPER, COPPER]
    earths, copper = (made.of_series(name)[1].data[-1].difference for name in (EARTHS, COPPER))
    assert earths is not None
    assert copper is not None
    assert earths.interval(80)[0] < 0 < copper.interval(80)[1]
    assert earths.median == copper.median == 0


def test_a_mixture_lies_between_and_takes_each_scenario_with_its_probability(stores: Stores) -> None:
    one = {"add": [licence("down", effect={"volume": {"percent": -50}})], "probability": 0.3}
    two = {"add": [licence("up", effect={"volume": {"percent": 100}})], "probability": 0.1}
    made = ask(stores, one, two, {"add": [licence("not-weighed")]})
    assert [outcome.scenario for outcome in made.data] == ["baseline", "s0", "s1", "s2", "mixture"]
    mixture = made.data[-1]
    last = mixture.data[-1].difference
    assert last is not None
    assert last.median == 0
    assert last.interval(95)[0] < 0 < last.interval(95)[1]
    assert last.interval(80)[0] < 0


def test_a_slip_puts_off_draw_by_draw(stores: Stores) -> None:
    effect = {"volume": {"percent": -50}}
    (future,) = futures(*stores, [EARTHS], TODAY)
    made = ask(stores, {"add": [licence(effect=effect, shape="step", slips=[0, 3])]}, level=[50])
    start = [str(day) for day in future.ds].index("2026-09-01")
    _, there = made.data
    differences = [point.difference for point in there.data if point.difference is not None]
    low = [difference.interval(50)[0] for difference in differences]
    assert low[start - 1] == 0
    assert differences[start].median == 0
    assert differences[start + 3].median < 0
    assert low[start] > low[start + 3] or low[start] == 0


def test_removing_an_effective_event_changes_the_future(stores: Stores) -> None:
    assert all(medians(ask(stores, {"remove": ["cn-ree-total-control-2025"]}), "s0"))


def test_the_threat_that_explains_the_end_of_a_suspension_is_a_name_for_it(stores: Stores) -> None:
    one = ask(stores, {"take": [{"branch": CONTROLS}]})
    other = ask(stores, {"take": [{"branch": "cn-no70-expiry-2026"}]})
    assert one.data == other.data


def test_a_stated_effect_counts_once_however_many_measures_return(stores: Stores) -> None:
    effect = {"volume": {"percent": -25}}
    made = ask(stores, {"take": [{"branch": CONTROLS, "starts": "2026-10-01", "effect": effect}]})
    base, there = made.data
    ratio = there.data[-1].yhat / base.data[-1].yhat
    assert ratio == pytest.approx(0.75, rel=1e-4)


def test_identical_questions_have_identical_bytes_and_nothing_is_kept(stores: Stores) -> None:
    catalog, registry = stores
    before = (catalog.events(), registry.runs())

    def table() -> bytes:
        made = ask(stores, {"add": [licence()], "probability": 0.5}, series=(EARTHS, COPPER))
        return csv_export(made.names(), made.lines()).data

    assert table() == table()
    assert (catalog.events(), registry.runs()) == before


def test_json_and_csv_tell_the_same_digits(stores: Stores) -> None:
    made = ask(stores, {"add": [licence()], "probability": 0.25})
    document, rows = json.loads(to_json(made.json_object())), list(made.lines())
    assert [part["scenario"] for part in document["data"]] == ["baseline", "s0", "mixture"]
    result = [
        (part["scenario"], point["h"], point["yhat"], point["lo-95"], point["cumulated"]["hi-80"])
        for part in document["data"][1:]
        for point in part["data"]
    ]
    names = ("scenario", "h", "yhat", "lo-95", "cumulated_hi-80")
    assert result == [tuple(row[name] for name in names) for row in rows if row["scenario"] != "baseline"]
    assert set(rows[-1]) == set(made.names())
    assert document["data"][0]["data"][0]["difference"] is None
    assert "difference_median" not in rows[0]


# -- refusals ----------------------------------------------------------------------------------------------------------

LICENCE, QUOTA = "cn-7ree-licence-2025", "cn-ree-quota-regime"
BACKWARDS = [{"from": "2028-01-01", "rate": 1}, {"from": "2027-01-01", "rate": 2}]
FORWARDS = [{"from": "2026-09-01", "rate": 5}]
NAN, INFINITY = float("nan"), float("inf")


def percent_of(value: float) -> dict[str, object]:
    return {"volume": {"percent": value}}


REFUSED: list[tuple[str, dict[str, object], str]] = [
    ("unknown mineral", {"add": [licence(minerals=["coper"])]}, "scenarios.0.add.0.minerals.0"),
    ("unknown event removed", {"remove": ["no-such"]}, "scenarios.0.remove.0"),
    ("unknown event amended", {"amend": [{"event": "no-such"}]}, "scenarios.0.amend.0.event"),
    ("unknown branch", {"take": [{"branch": "cn-7ree-licence-2025"}]}, "scenarios.0.take.0.branch"),
    ("known event added", {"add": [licence("cn-7ree-licence-2025")]}, "scenarios.0.add.0.event"),
    ("ended before effective", {"add": [licence(ended="2026-09-09")]}, "scenarios.0.add.0.ended"),
    ("effective before announced", {"add": [licence(announced="2026-09-11")]}, "scenarios.0.add.0.effective"),
    ("amended out of order", {"amend": [{"event": LICENCE, "ended": "2025-04-03"}]}, "scenarios.0.amend.0.ended"),
    ("no such day", {"add": [licence(effective="2026-02-30")]}, "scenarios.0.add.0.effective"),
    ("no end to extend", {"amend": [{"event": LICENCE, "extend_days": 9}]}, "scenarios.0.amend.0.extend_days"),
    ("no rate to compare", {"amend": [{"event": QUOTA, "rate": 5}]}, "scenarios.0.amend.0.rate"),
    ("probability over 1", {"probability": 1.01}, "scenarios.0.probability"),
    ("probability NaN", {"probability": NAN}, "scenarios.0.probability"),
    ("rate infinite", {"add": [licence(rate=INFINITY)]}, "scenarios.0.add.0.rate"),
    ("effect NaN", {"add": [licence(effect=percent_of(NAN))]}, "scenarios.0.add.0.effect.volume.percent"),
    ("effect of -100", {"add": [licence(effect=percent_of(-100))]}, "scenarios.0.add.0.effect.volume.percent"),
    ("effect on what is not asked", {"add": [licence(effect={COPPER: {"percent": 1}})]}, "scenarios.0.add.0.effect"),
    ("shape", {"add": [licence(shape="wave")]}, "scenarios.0.add.0.shape"),
    ("slips backwards", {"add": [licence(slips=[3, 0])]}, "scenarios.0.add.0.slips"),
    ("rates out of order", {"take": [{"branch": CONTROLS, "rates": BACKWARDS}]}, "scenarios.0.take.0"),
    ("a rate of a million times", {"add": [licence(rates=[*FORWARDS, {"from": "2027-01-01", "rate": 1e6}])]},
     "scenarios.0.add.0.rates"),
    ("the id of the mixture", {"add": [licence("mixture")]}, "scenarios.0.add.0.event"),
    ("the id of an end", {"add": [licence(f"{LICENCE}.end")]}, "scenarios.0.add.0.event"),
    ("a branch twice", {"take": [{"branch": CONTROLS}, {"branch": CONTROLS, "probability": 0.5}]},
     "scenarios.0.take.1.branch"),
    ("many events that slip", {"add": [licence(f"e{i}", slips=[0, 3]) for i in range(40)]}, "scenarios"),
    ("wider than wide", {"add": [licence(effect={"volume": {"percent": -99, "plus_minus": 4}})]},
     "scenarios.0.add.0.effect.volume.plus_minus"),
    ("flow", {"add": [licence(flows=["China>World"])]}, "scenarios.0.add.0.flows.0"),
    ("kind", {"add": [licence(kind="threat")]}, "scenarios.0.add.0.kind"),
    ("unknown key", {"ad": []}, "scenarios.0.ad"),
    ("true is no number", {"probability": True}, "scenarios.0.probability"),
    ("twice", {"remove": [LICENCE], "amend": [{"event": LICENCE}]}, "scenarios.0"),
    ("over 50 events", {"add": [licence(f"e{i}") for i in range(51)]}, "scenarios"),
    ("reserved name", {"name": "baseline"}, "scenarios.0.name"),
]  # fmt: skip


@pytest.mark.parametrize(("scenario", "where"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_makes_no_sense_is_refused_with_its_place(stores: Stores, scenario: dict[str, object], where: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        ask(stores, scenario)
    assert where in places(refused)
    json.dumps([fault.value for fault in refused.value.faults], allow_nan=False, default=str)


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"series": []}, "series"),
        ({"series": ["price.coper"]}, "series.0"),
        ({"series": [EARTHS, EARTHS]}, "series"),
        ({"h": 25}, "h"),
        ({"h": 0}, "h"),
        ({"h": 12.0}, "h"),
        ({"level": [101]}, "level.0"),
        ({"as_of": "2026-07-16"}, "as_of"),
        ({"as_of": "yesterday"}, "as_of"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(stores: Stores, more: dict[str, object], where: str) -> None:
    asked = {"series": [EARTHS], "h": 24, "scenarios": [{"name": "s0"}]} | more
    with pytest.raises(InvalidInput) as refused:
        answer(*stores, Question.read(json.dumps(asked)), today=TODAY)
    assert places(refused) == {where}


def test_all_faults_are_told_at_once_with_the_nearest_names(stores: Stores) -> None:
    with pytest.raises(InvalidInput, match="nearest: copper") as refused:
        ask(stores, {"add": [licence(minerals=["coper", "tinn"])]}, {"remove": ["cn-7ree-licence-2052"]})
    assert len(refused.value.faults) == 3
    assert "cn-7ree-licence-2025" in str(refused.value)


def test_probabilities_over_one_together_are_refused(stores: Stores) -> None:
    with pytest.raises(InvalidInput, match="at most 1"):
        ask(stores, {"probability": 0.6}, {"probability": 0.5})
    assert len(ask(stores, *({"probability": 0.1} for _ in range(10))).data) == 12


def test_a_series_without_a_run_says_how_to_train_it(stores: Stores) -> None:
    with pytest.raises(NotTrained, match=r"orecast train price\.tin"):
        ask(stores, {}, series=("price.tin",))


# -- files -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_file_and_a_request_are_the_same_question(path: Path) -> None:
    question = Question.read_yaml(path.read_text())
    assert Question.read(question.model_dump_json(by_alias=True)) == question


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: [",
        "- 1",
        "series: &a [x]\nscenarios: *a",
        "!!python/object:os.system x",
        "x" * 1_000_001,
        "series: .nan",
        "a: !!bool x",
        "a: !!map x",
    ],
)
def test_a_file_that_is_no_question_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        Question.read_yaml(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["series", "scenarios", "add", "name", "h"]), inner)
        ),
        max_leaves=10,
    )
)
def test_anything_else_is_refused_and_nothing_breaks(body: object) -> None:
    with pytest.raises(InvalidInput):
        Question.read(json.dumps(body))


def test_scenarios_import_no_heavy_library() -> None:
    script = (
        "import sys, forecast.answers.scenarios, forecast.export.csv_writer;"
        "print(*{'pandas','scipy','statsmodels','prophet','matplotlib','joblib'} & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert out.stdout.split() == []
