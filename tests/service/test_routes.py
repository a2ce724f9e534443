"""What a client of the service relies on: answers, their formats, and refusals that say what would be right."""

from __future__ import annotations

import csv
import io
import json

import pytest
from flask.testing import FlaskClient

from tests.service.conftest import JSON_FORECAST, Fresh, get
from tests.support.trained_home import COPPER, EARTHS, HORIZON, TRAINED, add_run


def table(client: FlaskClient, path: str) -> list[dict[str, str]]:
    response = client.get(path)
    assert response.status_code == 200, response.get_data(as_text=True)
    assert response.mimetype == "text/csv"
    return list(csv.DictReader(io.StringIO(response.get_data(as_text=True), newline="")))


# -- forecasts ---------------------------------------------------------------------------------------------------------


def test_a_forecast_starts_after_the_last_value_counts_from_today_and_its_intervals_nest(client: FlaskClient) -> None:
    forecast = get(client, JSON_FORECAST)
    last = get(client, f"/v1/series/{COPPER}/observations")["data"][-1]["ds"]
    days = [row["ds"] for row in forecast["data"]]
    assert last == "2026-06-01"
    assert days[0] == "2026-07-01"
    assert days[-1] == "2027-07-01"
    assert [row["h"] for row in forecast["data"]] == list(range(13)), "July has begun on the 15th"
    assert not any(row["nowcast"] for row in forecast["data"])
    for row in forecast["data"]:
        assert 0 < row["lo-95"] <= row["lo-80"] <= row["yhat"] <= row["hi-80"] <= row["hi-95"]
    facts = {name: forecast[name] for name in ("series_id", "unit", "freq", "run", "as_of", "scenario")}
    assert facts == {
        "series_id": COPPER,
        "unit": "USD/t",
        "freq": "M",
        "run": "2026-06-01-a",
        "as_of": "2026-07-15",
        "scenario": "baseline",
    }


def test_csv_has_the_digits_of_json(client: FlaskClient) -> None:
    text = client.get(JSON_FORECAST).get_data(as_text=True)
    rows = table(client, JSON_FORECAST + "&format=csv")
    for row, result in zip(rows, json.loads(text, parse_float=str, parse_int=str)["data"], strict=True):
        result["nowcast"] = str(result["nowcast"]).lower()
        assert {name: row[name] for name in result} == result
        assert (row["series_id"], row["unit"], row["scenario"], row["run"]) == (
            COPPER,
            "USD/t",
            "baseline",
            "2026-06-01-a",
        )


def test_levels_may_be_repeated_or_listed(client: FlaskClient) -> None:
    assert get(client, f"/v1/forecasts/{COPPER}?level=80,95") == get(
        client, f"/v1/forecasts/{COPPER}?level=80&level=95"
    )
    (row, *_) = get(client, f"/v1/forecasts/{COPPER}?level=50")["data"]
    assert set(row) == {"ds", "h", "nowcast", "yhat", "lo-50", "hi-50"}


def test_the_intervals_of_a_table_stand_in_the_order_of_their_levels(client: FlaskClient) -> None:
    for path in (f"/v1/forecasts/{COPPER}?h=1", f"/v1/forecasts?series_id={COPPER}&h=1"):
        (row,) = table(client, f"{path}&origin=last&level=95,50&format=csv")
        assert ",".join(row) == "series_id,ds,h,nowcast,yhat,lo-50,hi-50,lo-95,hi-95,unit,scenario,run"
        assert float(row["lo-95"]) < float(row["lo-50"]) < float(row["hi-50"]) < float(row["hi-95"])


def test_the_first_day_that_can_be_asked_about_is_when_all_that_was_trained_on_was_known(client: FlaskClient) -> None:
    """The value of June came on 5 July; of events the run knew up to 10 July."""
    assert get(client, f"/v1/forecasts/{COPPER}?as_of=2026-07-10")["as_of"] == "2026-07-10"
    (error,) = get(client, f"/v1/forecasts/{COPPER}?as_of=2026-07-09", 422)["errors"]
    assert error["expected"] == "2026-07-10 or later: so late is what run 2026-06-01-a of price.copper knows"


def test_twelve_periods_and_two_levels_unless_asked_otherwise(client: FlaskClient) -> None:
    assert get(client, f"/v1/forecasts/{COPPER}") == get(client, JSON_FORECAST)


def test_csv_by_the_accept_header_as_by_the_parameter_which_wins(client: FlaskClient) -> None:
    asked = client.get(JSON_FORECAST, headers={"Accept": "text/csv"})
    assert asked.mimetype == "text/csv"
    assert asked.get_data() == client.get(JSON_FORECAST + "&format=csv").get_data()
    assert client.get(JSON_FORECAST + "&format=json", headers={"Accept": "text/csv"}).mimetype == "application/json"
    assert client.get(JSON_FORECAST, headers={"Accept": "text/html,*/*;q=0.8"}).mimetype == "application/json"


def test_a_csv_download_can_be_checked_for_being_whole(client: FlaskClient) -> None:
    response = client.get(JSON_FORECAST + "&format=csv")
    assert response.headers["X-Row-Count"] == "13"
    assert response.headers["Repr-Digest"].startswith("sha-256=:")
    assert response.headers["Content-Disposition"] == f'attachment; filename="{COPPER}-forecast.csv"'
    assert response.get_data().count(b"\r\n") == 14


def test_many_forecasts_at_once(client: FlaskClient) -> None:
    both = get(client, f"/v1/forecasts?series_id={COPPER}&series_id={EARTHS}&h=3")
    assert [forecast["series_id"] for forecast in both["data"]] == [COPPER, EARTHS]
    assert both == get(client, f"/v1/forecasts?series_id={COPPER},{EARTHS}&h=3")
    assert both["data"][0] == get(client, f"/v1/forecasts/{COPPER}?h=3")
    assert {row["series_id"] for row in table(client, "/v1/forecasts?format=csv&h=1")} == set(TRAINED)


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "where", "value", "expected"),
    [
        ("h=0", "query.h", "0", f"from 1 to {HORIZON}"),
        ("h=x", "query.h", "x", f"from 1 to {HORIZON}"),
        ("h=25", "query.h", "25", f"from 1 to {HORIZON}"),
        ("h=", "query.h", "", f"from 1 to {HORIZON}"),
        ("h=1_2", "query.h", "1_2", f"from 1 to {HORIZON}"),
        ("level=101", "query.level", "101", "from 1 to 99"),
        ("level=0", "query.level", "0", "from 1 to 99"),
        ("level=100", "query.level", "100", "from 1 to 99"),
        ("level=" + ",".join(map(str, range(1, 12))), "query.level", [*map(str, range(1, 12))], "at most ten"),
        ("level=80,x", "query.level", "x", "from 1 to 99"),
        ("level=80&level=80", "query.level", ["80", "80"], "each once"),
        ("as_of=yesterday", "query.as_of", "yesterday", "YYYY-MM-DD"),
        ("as_of=1700000000", "query.as_of", "1700000000", "YYYY-MM-DD"),
        ("as_of=2026-02-30", "query.as_of", "2026-02-30", "YYYY-MM-DD"),
        ("origin=first", "query.origin", "first", "today: h counts from"),
        ("from=2027-13-01", "query.from", "2027-13-01", "YYYY-MM-DD"),
        ("from=2027-02-01&until=2027-01-31", "query.until", "2027-01-31", "not before 2027-02-01"),
        ("from=2099-01-01", "query.from", "2099-01-01", "the last period that is forecast"),
        ("until=2026-06-30", "query.until", "2026-06-30", "the first period without a value"),
        ("format=xml", "query.format", "xml", "json or csv"),
        ("h=1&h=2", "query.h", ["1", "2"], "one value"),
        ("levle=80", "query.levle", "80", "use 'level'"),
        ("horizon=3", "query.horizon", "3", "use 'h'"),
        ("levels=80", "query.levels", "80", "use 'level'"),
        (
            "zzz=1",
            "query.zzz",
            "1",
            "use one of as_of, draws, format, from, h, insufficient, level, origin, quantile, quantiles, until",
        ),
    ],
)
def test_a_wrong_parameter_is_named_with_its_value_and_what_is_right(
    client: FlaskClient, query: str, where: str, value: object, expected: str
) -> None:
    body = get(client, f"/v1/forecasts/{COPPER}?{query}", 422)
    (error,) = body["errors"]
    assert (error["where"], error["value"]) == (where, value)
    assert expected in error["expected"]


def test_an_unknown_parameter_is_told_as_one(client: FlaskClient) -> None:
    detail = "query.levl: unknown parameter 'levl'; use 'level'"
    assert get(client, f"/v1/forecasts/{COPPER}?levl=80", 422)["detail"] == detail
    detail = "query.h: unknown parameter 'h'; this address takes none"
    assert get(client, f"/v1/series/{COPPER}?h=1", 422)["detail"] == detail


def test_two_hundred_series_can_be_asked_for_at_once_and_no_more(client: FlaskClient) -> None:
    names = [f"x{i}" for i in range(201)]
    assert get(client, f"/v1/forecasts?series_id={','.join(names[:200])}", 404)["type"].endswith("not-found")
    (error,) = get(client, f"/v1/forecasts?series_id={','.join(names)}", 422)["errors"]
    assert (error["where"], error["value"]) == ("query.series_id", names)


def test_all_wrong_parameters_are_named_at_once(client: FlaskClient) -> None:
    errors = get(client, f"/v1/forecasts/{COPPER}?h=0&level=101&hh=1", 422)["errors"]
    assert {error["where"] for error in errors} == {"query.h", "query.level", "query.hh"}


@pytest.mark.parametrize(
    "path",
    [
        "/v1/series/{}",
        "/v1/series/{}/observations",
        "/v1/series/{}/effects",
        "/v1/series/{}/backtest",
        "/v1/forecasts/{}",
    ],
)
def test_an_unknown_series_is_404_with_the_nearest(client: FlaskClient, path: str) -> None:
    body = get(client, path.format("price.coper"), 404)
    assert body["errors"][0]["where"] == "path.series_id"
    assert body["errors"][0]["expected"].startswith(COPPER)


def test_unknown_names_elsewhere_are_404_with_the_nearest_too(client: FlaskClient) -> None:
    assert get(client, "/v1/events/cn-7ree-licence-2052", 404)["errors"][0]["expected"].startswith(
        "cn-7ree-licence-2025"
    )
    assert "2026-06-01-a" in get(client, "/v1/runs/2026-06-01-b", 404)["errors"][0]["expected"]
    assert get(client, "/v1/events?mineral=coper", 404)["errors"][0]["where"] == "query.mineral"
    assert (
        get(client, "/v1/forecasts?series_id=price.copper,price.nikel", 404)["errors"][0]["where"] == "query.series_id"
    )


def test_a_series_without_a_run_says_how_to_get_one(client: FlaskClient) -> None:
    body = get(client, "/v1/forecasts/price.zinc", 404)
    assert body["type"] == "urn:orecast:problem:not-trained"
    assert "orecast train price.zinc" in body["detail"]


def test_unknown_paths_and_wrong_methods_have_the_same_shape(client: FlaskClient) -> None:
    for response in (
        client.get("/v2"),
        client.delete("/v1/series"),
        client.post("/v1/series"),
        client.get("/static/../x"),
    ):
        assert response.status_code in (404, 405)
        assert response.mimetype == "application/problem+json"


# -- series, observations, events, effects, runs ----------------------------------------------------------------------


def test_series_are_filtered_by_measure_role_and_mineral(client: FlaskClient) -> None:
    everything = get(client, "/v1/series")
    assert everything["next"] is None
    assert [s["series_id"] for s in everything["data"]] == sorted(s["series_id"] for s in everything["data"])
    prices = get(client, "/v1/series?measure=price&role=target")["data"]
    assert {(s["measure"], s["role"]) for s in prices} == {("price", "target")}
    assert {s["series_id"]: s["run"] for s in prices}[COPPER] == "2026-06-01-a"
    assert {s["series_id"]: s["run"] for s in prices}["price.zinc"] is None
    assert EARTHS in {s["series_id"] for s in get(client, "/v1/series?mineral=samarium")["data"]}
    assert table(client, "/v1/series?format=csv")[0].keys() == everything["data"][0].keys()


def test_observations_as_known_on_a_day_and_between_days(client: FlaskClient) -> None:
    path = f"/v1/series/{COPPER}/observations"
    early = get(client, f"{path}?as_of=2025-03-04")["data"]
    assert early[-1]["ds"] == "2025-01-01"
    assert get(client, f"{path}?as_of=2025-03-05")["data"][-1]["ds"] == "2025-02-01"
    some = get(client, f"{path}?start=2024-01-01&end=2024-03-01")["data"]
    assert [row["ds"] for row in some] == ["2024-01-01", "2024-02-01", "2024-03-01"]
    assert some[0].keys() == {"series_id", "ds", "y", "flag", "known_at", "assumed"}
    assert [float(row["y"]) for row in table(client, f"{path}?start=2024-01-01&end=2024-03-01&format=csv")] == [
        row["y"] for row in some
    ]


def test_events_are_those_known_on_the_day(client: FlaskClient) -> None:
    licences = "cn-7ree-licence-2025"
    before = {event["event_id"] for event in get(client, "/v1/events?as_of=2025-04-03")["data"]}
    after = {event["event_id"] for event in get(client, "/v1/events?as_of=2025-04-04")["data"]}
    assert licences not in before
    assert licences in after
    assert get(client, f"/v1/events/{licences}?as_of=2025-04-03", 404)["type"].endswith("not-found")


def test_events_are_filtered_by_what_they_are_and_by_what_they_touch(client: FlaskClient) -> None:
    touching = get(client, f"/v1/events?series_id={EARTHS}&actor=CHN&kind=licence")["data"]
    assert "cn-7ree-licence-2025" in {event["event_id"] for event in touching}
    assert {(event["actor"], event["kind"]) for event in touching} == {("CHN", "licence")}
    copper = get(client, "/v1/events?mineral=copper")["data"]
    assert copper
    assert len(copper) < len(get(client, "/v1/events")["data"])
    assert get(client, "/v1/events?kind=license", 422)["errors"][0]["where"] == "query.kind"


def test_an_event_comes_with_its_state_and_the_acts_upon_it(client: FlaskClient) -> None:
    suspended = next(
        e for e in get(client, "/v1/events")["data"] if any(a["relation"] == "suspends" for a in e["acts"])
    )
    target = next(act["target"] for act in suspended["acts"] if act["relation"] == "suspends")
    event = get(client, f"/v1/events/{target}")
    assert event["as_of"] == "2026-07-15"
    assert event["state"].keys() == {"status", "since", "until", "by", "says"}
    assert suspended["event_id"] in {act["event_id"] for act in event["acts_on_it"]}


def test_the_calendar_is_a_window_of_days_that_may_lie_in_the_future(client: FlaskClient) -> None:
    window = "from=2026-11-01&until=2026-11-30"
    found = get(client, f"/v1/events/calendar?{window}")
    assert (found["as_of"], found["from"], found["until"]) == ("2026-07-15", "2026-11-01", "2026-11-30")
    ends = {row["event_id"]: row["day"] for row in found["data"] if row["what"] == "suspension ends"}
    assert (ends["cn-suspension-no70-2025"], ends["cn-suspension-no72-2025"]) == ("2026-11-10", "2026-11-27")
    assert [row["event_id"] for row in table(client, f"/v1/events/calendar?{window}&format=csv")] == [
        row["event_id"] for row in found["data"]
    ]
    gallium = get(client, f"/v1/events/calendar?{window}&mineral=gallium&actor=CHN")["data"]
    assert [row["event_id"] for row in gallium] == ["cn-suspension-no72-2025"]
    earths = get(client, f"/v1/events/calendar?series_id={EARTHS}&expiring=120")
    assert earths["until"] == "2026-11-12"
    assert "cn-suspension-no70-2025" in {row["event_id"] for row in earths["data"]}
    assert all(EARTHS in row["series_ids"] for row in earths["data"])


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("from=2026-11-02&until=2026-11-01", "query.until"),
        ("until=2026-07-14", "query.until"),
        ("from=tomorrow", "query.from"),
        ("expiring=soon", "query.expiring"),
        ("expiring=-1", "query.expiring"),
        ("from=2026-11-02&expiring=3", "query.expiring"),
        ("start=2026-11-02", "query.start"),
    ],
)
def test_a_window_that_is_none_is_refused_with_its_parameter(client: FlaskClient, query: str, where: str) -> None:
    refused = get(client, f"/v1/events/calendar?{query}", 422)["errors"]
    assert [fault["where"] for fault in refused] == [where]


def test_a_calendar_of_nothing_that_is_known_is_refused(client: FlaskClient) -> None:
    unknown = get(client, "/v1/events/calendar?series_id=price.coper", 404)["errors"]
    assert [(fault["where"], fault["expected"].split(", ")[0]) for fault in unknown] == [("query.series_id", COPPER)]
    assert get(client, "/v1/events/calendar?mineral=coper", 404)["errors"][0]["where"] == "query.mineral"


def test_an_event_without_a_source_has_an_empty_list_of_them(client: FlaskClient) -> None:
    events = get(client, "/v1/events")["data"]
    without = [event["event_id"] for event in events if not event["sources"]]
    assert len(without) > 50
    assert all(event["sources"] == [] for event in events if event["event_id"] in without)


def test_events_as_csv_keep_their_lists(client: FlaskClient) -> None:
    result = {event["event_id"]: event for event in get(client, "/v1/events")["data"]}
    for row in table(client, "/v1/events?format=csv"):
        event = result[row["event_id"]]
        assert row["minerals"].split(";") == (event["minerals"] or [""])
        assert row["flows"] == ";".join(">".join(flow) for flow in event["flows"])
        assert row["acts"] == ";".join(f"{act['relation']}:{act['target']}" for act in event["acts"])


def test_effects_are_those_of_the_serving_run(client: FlaskClient) -> None:
    effects = get(client, f"/v1/series/{EARTHS}/effects")
    assert (effects["series_id"], effects["method"]) == (EARTHS, "drawn")
    assert effects["data"]
    rows = table(client, f"/v1/series/{EARTHS}/effects?format=csv")
    assert [row["episode_id"] for row in rows] == [effect["episode_id"] for effect in effects["data"]]
    for row, result in zip(rows, effects["data"], strict=True):
        for band in ("average", "cumulated", "cumulated_before"):
            for name, number in (result[band] or {}).items():
                assert float(row[f"{band}_{name}"]) == number
        assert sum(shape["weight"] for shape in result["shapes"]) == pytest.approx(1)
        assert result["others_of_kind"] >= 0
        assert result["given_kind"]["lo-90"] < result["given_kind"]["median"] < result["given_kind"]["hi-90"]


def test_the_path_of_an_effect_is_a_row_a_period_with_the_series_as_without_it(client: FlaskClient) -> None:
    episode = get(client, f"/v1/series/{EARTHS}/effects")["data"][-1]
    event = episode["event_ids"][-1]
    path = get(client, f"/v1/series/{EARTHS}/effects?detail=path&event={event}")["data"]
    assert {point["episode_id"] for point in path} == {episode["episode_id"]}
    window = episode["window"]
    inside = [p for p in path if window["first"] <= p["ds"] <= window["last"] and p["y"] is not None]
    gone = sum(p["y"] - p["without"]["median"] for p in inside)
    assert gone == pytest.approx(episode["cumulated_after"]["median"], rel=0.01)
    for p in inside:
        low, high = p["without"]["lo-90"], p["without"]["hi-90"]
        assert low < p["without"]["lo-50"] < p["without"]["median"] < p["without"]["hi-50"] < high
        assert p["y"] / (1 + p["effect"]["median"] / 100) == pytest.approx(p["without"]["median"], rel=1e-4)
    rows = table(client, f"/v1/series/{EARTHS}/effects?detail=path&event={event}&format=csv")
    assert [float(row["without_lo-90"]) for row in rows if row["y"]] == [
        p["without"]["lo-90"] for p in path if p["y"] is not None
    ]


def test_an_event_without_an_effect_on_the_series_is_not_found(client: FlaskClient) -> None:
    problem = get(client, f"/v1/series/{EARTHS}/effects?event=nothing", 404)
    assert problem["errors"][0]["where"] == "query.event"
    for shape in ("json", "csv"):
        problem = get(client, f"/v1/series/{COPPER}/effects?event=id-nickel-ban-2020&format={shape}", 404)
        assert (problem["type"], problem["title"]) == ("urn:orecast:problem:not-estimated", "Not estimated")
        assert problem["detail"] == (
            "the effect of id-nickel-ban-2020 on price.copper was not estimated: it does not touch the series: "
            "it is about nickel, and price.copper is of copper"
        )
    assert get(client, f"/v1/series/{EARTHS}/effects?detail=all", 422)["errors"][0]["where"] == "query.detail"


def test_kinds_of_events_say_whether_their_mean_is_known(client: FlaskClient) -> None:
    result = get(client, "/v1/effects")["data"]
    assert len({(row["stringency"], row["affected"]) for row in result}) == len(result) == 32
    for row in result:
        assert row["up"] + row["down"] == row["estimates"] >= row["events"]
        assert row["mean"]["lo-90"] < row["mean"]["median"] < row["mean"]["hi-90"]
        assert (row["unseen"]["median"] != 0) == row["identified"]
        told = row["says"].partition("within two standard errors ")[2].partition(" %")[0].split(" to ")
        assert bool(told[0]) == bool(row["events"])
        if row["events"]:
            assert (float(told[0]) > 0) == row["identified"], "the interval that is told is the one that decides"
            way, count = max(("up", row["up"]), ("down", row["down"]), key=lambda pair: pair[1])
            assert f"where + is the expected way: {way} in {count} of {row['estimates']} estimate" in row["says"]
        assert ("is not clear of zero" in row["says"]) == (bool(row["events"]) and not row["identified"])
    rows = table(client, "/v1/effects?format=csv")
    for name in ("mean", "unseen"):
        assert [float(row[f"{name}_hi-90"]) for row in rows] == [row[name]["hi-90"] for row in result]


def test_runs_and_their_cards(client: FlaskClient) -> None:
    assert {run["series_id"] for run in get(client, "/v1/runs")["data"]} == set(TRAINED)
    (run,) = get(client, f"/v1/runs?series_id={EARTHS}")["data"]
    assert run["champion"] is True
    card = get(client, f"/v1/runs/{run['run']}")
    assert card["series_id"] == EARTHS
    assert card["card"]["champion_family"] == "random-walk"


def test_the_backtest_is_a_row_for_each_family_and_horizon(client: FlaskClient) -> None:
    result = get(client, f"/v1/series/{COPPER}/backtest")
    assert [(row["family"], row["h"], row["rel_crps"]) for row in result["data"]] == [
        ("random-walk", 1, 0.98),
        ("random-walk", 2, 0.99),
    ]
    rows = table(client, f"/v1/series/{COPPER}/backtest?format=csv")
    assert [float(row["coverage_80"]) for row in rows] == [0.8, 0.8]


def test_a_run_that_does_not_serve_says_so(fresh: Fresh) -> None:
    client, catalog, registry = fresh
    registry.promote(EARTHS, add_run(registry, catalog, EARTHS, name="b"))
    earlier, later = (registry.runs(EARTHS)[i].run_id for i in (1, 0))
    assert [get(client, f"/v1/runs/{run_id}")["champion"] for run_id in (earlier, later)] == [False, True]


def test_head_is_get_without_a_body_and_options_names_the_methods(client: FlaskClient) -> None:
    head, whole = client.head(JSON_FORECAST), client.get(JSON_FORECAST)
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == whole.headers["Content-Length"]
    assert {"GET", "HEAD", "OPTIONS"} == set(client.options(JSON_FORECAST).headers["Allow"].split(", "))
