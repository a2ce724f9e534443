"""What a person sees: the page and the API's page in a real browser, from a real server."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from forecast.catalog import Catalog
from forecast.catalog.keys import KeyOrder
from forecast.jobs.ingest import ingest
from forecast.settings import Scope
from tests.support.documents import Json
from tests.support.server import Server, serving
from tests.support.trained_home import COPPER, EARTHS, HORIZON, NICKEL, make_home

ZINC = "price.zinc"  # a target that is not trained
EVENTS = """event_id,title,kind,actor,targets,announced,effective,minerals,flows
a-bold-duty,A <b>bold</b> duty,threat,USA,WLD,2026-05-04,2027-06-01,copper,WLD>USA
"""
FLAGS = (
    *("--no-sandbox", "--headless=new", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of three trained series, the run of nickel damaged, and of an event with marks in its title."""
    home: Path = tmp_path_factory.mktemp("home")
    settings = make_home(home)
    catalog = Catalog.open(settings)
    (home / "events.csv").write_text(EVENTS)
    ingest(catalog, events=home / "events.csv", known_at=dt.datetime.now(dt.UTC))
    catalog.close()
    (draws,) = (settings.models_dir / NICKEL).glob("*/draws.npy")
    draws.write_bytes(b"damaged")
    with serving(home) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    programs = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, programs)), None)
    if program is None:
        pytest.fail(f"no browser is installed (none of {', '.join(programs)}); `make browser` installs one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()


@dataclass
class Seen:
    """A page and everything that went on behind it."""

    page: Page
    base: str
    requests: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("requestfailed", lambda request: self._failed(request.url, request.failure or ""))
        self.page.on("response", lambda r: self.refused.append(self._path(r.url)) if r.status >= 400 else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda m: self._heard(m.type, m.text, m.location["url"]))

    def _path(self, url: str) -> str:
        return urlsplit(url).path

    def _failed(self, url: str, reason: str) -> None:
        # Whoever reloads or leaves a page takes back what it was still asking; that is no fault of either side.
        if reason != "net::ERR_ABORTED":
            self.complaints.append(f"failed: {url} {reason}")

    def _heard(self, kind: str, text: str, url: str) -> None:
        # The browser logs every refusal by itself; those are looked at as responses.
        if kind in ("error", "warning") and not text.startswith("Failed to load resource"):
            self.complaints.append(f"{kind}: {text} {url}")

    def open(self, path: str) -> None:
        self.page.goto(self.base + path)

    def choose(self, series_id: str) -> None:
        self.page.get_by_label("Series").select_option(series_id)
        expect(self.page.locator("#title")).to_have_text(series_id)

    def get(self, path: str) -> Json:
        """What the API says, asked without the page."""
        response = self.page.request.get(self.base + path)
        assert response.ok, path
        return response.json()

    def cells(self, table: str) -> list[list[str]]:
        return [row.locator("td").all_inner_texts() for row in self.page.locator(f"{table} tbody tr").all()]

    def chart(self) -> npt.NDArray[np.int64]:
        """(height, width, 3) what the chart looks like, in red, green and blue."""
        with Image.open(io.BytesIO(self.page.locator("#chart").screenshot())) as picture:
            return np.asarray(picture.convert("RGB"), dtype=np.int64)

    def drawn(self, colour: tuple[int, int, int]) -> int:
        """How many pixels of the chart have this colour, or nearly."""
        return int((np.abs(self.chart() - colour).max(axis=2) <= 40).sum())


@pytest.fixture
def seen(browser: Browser, server: Server) -> Iterator[Seen]:
    """A page of its own; nothing may have been asked of another server, nor gone wrong unseen."""
    context = browser.new_context(viewport={"width": 1200, "height": 1400}, color_scheme="light", locale="en-GB")
    seen = Seen(context.new_page(), server.url)
    seen.page.set_default_timeout(20_000)
    yield seen
    context.close()
    assert seen.complaints == []
    foreign = [url for url in seen.requests if not url.startswith((server.url, "data:"))]
    assert foreign == []


INK, BRONZE = (29, 39, 51), (184, 98, 44)  # of what was observed, and of the median
FORECAST = f"/v1/forecasts/{COPPER}?h=12&level=50,80,95"


def rows(seen: Seen, series_id: str, h: int) -> int:
    """How many periods a forecast has: those ahead, and those between the last value and today."""
    return len(seen.get(f"/v1/forecasts/{series_id}?h={h}")["data"])


def test_every_target_can_be_chosen_by_measure(seen: Seen) -> None:
    seen.open("/")
    targets = seen.get("/v1/series?role=target")["data"]
    served = next(one["series_id"] for one in targets if one["run"])
    expect(seen.page.locator("#title")).to_have_text(served)
    result: dict[str, list[str]] = {}
    for group in seen.page.locator("#series optgroup").all():
        result[group.get_attribute("label") or ""] = group.locator("option").all_inner_texts()
    expected: dict[str, list[str]] = {}
    for series in targets:
        expected.setdefault(series["measure"], []).append(series["series_id"])
    assert result == expected


def test_a_forecast_is_drawn_and_its_numbers_are_those_of_the_api(seen: Seen) -> None:
    seen.open(f"/?series={COPPER}")
    expect(seen.page.locator("#title")).to_have_text(COPPER)
    made = seen.get(FORECAST)
    names = ["ds", "yhat", "lo-80", "hi-80", "lo-95", "hi-95"]
    assert seen.page.locator("#numbers thead th").all_inner_texts() == ["period from", "median", *names[2:]]
    cells = seen.cells("#numbers")
    assert [row[0] for row in cells] == [f"{row['ds']}{' nowcast' * row['nowcast']}" for row in made["data"]]
    shown = [[float(cell.replace(",", "")) for cell in row[1:]] for row in cells]
    assert shown == [[row[name] for name in names[1:]] for row in made["data"]]
    assert all(len(re.sub(r"\D", "", cell).strip("0")) <= 6 for row in cells for cell in row[1:]), "no more digits"
    within = seen.page.locator("#numbers tbody td:not(:first-child)").all_text_contents()
    assert len({len(text.partition(".")[2]) for text in within}) == 1, "the points stand in a line"
    expect(seen.page.locator("#provenance")).to_have_text(made["provenance"])
    assert seen.page.locator("#notes li").all_text_contents() == made["notes"]
    expect(seen.page.locator("#facts")).to_contain_text("USD/t · World Bank")
    expect(seen.page.locator("#facts")).to_contain_text(f"quality of the data: {made['quality']}")
    expect(seen.page.get_by_role("img", name=f"History and forecast of {COPPER}, in USD/t")).to_be_visible()
    expect(seen.page.get_by_role("alert")).to_be_hidden()
    assert seen.drawn(BRONZE) > 100, "the median"
    assert seen.drawn(INK) > 300, "what was observed"
    assert seen.refused == []


def test_the_three_intervals_are_drawn_one_in_the_other(seen: Seen) -> None:
    seen.open(f"/?series={COPPER}")
    expect(seen.page.locator("#numbers tbody tr")).to_have_count(len(seen.get(FORECAST)["data"]))
    chart = seen.chart()
    shades = [np.array([255, 255, 255])]
    for opacity in (0.10, 0.16, 0.24):  # of 95, 80 and 50 %, one over the other on white
        shades.append(shades[-1] * (1 - opacity) + opacity * np.array(BRONZE))
    column = chart[:, chart.shape[1] - 40]
    which = [next((i for i, shade in enumerate(shades) if np.abs(pixel - shade).max() <= 2), -1) for pixel in column]
    bands = [shade for shade, _ in itertools.groupby(each for each in which if each > 0)]
    assert bands == [1, 2, 3, 2, 1]


def test_pointing_at_a_period_tells_its_median_its_interval_and_its_events(seen: Seen) -> None:
    seen.open(f"/?series={COPPER}")
    expect(seen.page.locator("#numbers tbody tr")).to_have_count(len(seen.get(FORECAST)["data"]))
    (row,) = (row for row in seen.get(FORECAST)["data"] if row["ds"] == "2027-06-01")
    over = seen.page.locator("#chart .u-over")
    box = over.bounding_box()
    assert box is not None
    x = seen.page.evaluate("plot.valToPos(Date.parse('2027-06-01T00:00:00Z') / 1000, 'x')")
    over.hover(position={"x": x, "y": box["height"] / 2})
    tip = seen.page.locator("#chart .tip")
    expect(tip).to_be_visible()
    numbers = [f"{row[name]:,}" for name in ("yhat", "lo-80", "hi-80")]
    expect(tip).to_have_text(f"{row['ds']} {numbers[0]} 80 %: {numbers[1]} – {numbers[2]} A <b>bold</b> duty")


def test_events_branches_and_effects_are_those_of_the_api(seen: Seen) -> None:
    seen.open(f"/?series={EARTHS}")
    expect(seen.page.locator("#title")).to_have_text(EARTHS)
    events = seen.get(f"/v1/events?series_id={EARTHS}")["data"]
    dates = [event["effective"] or event["announced"] for event in events]
    listed = [text.splitlines() for text in seen.page.locator("#events li").all_inner_texts()]
    expected = [
        [event["dates"], event["title"], *([] if event["sources"] else ["no source recorded"])] for event in events
    ]
    assert sorted(listed) == sorted(expected)
    starts = {(event["dates"], event["title"]): day for event, day in zip(events, dates, strict=True)}
    assert [starts[when, title] for when, title, *_ in listed] == sorted(dates, reverse=True)
    changes = seen.get(f"/v1/events/calendar?series_id={EARTHS}")["data"]
    coming = [text.splitlines() for text in seen.page.locator("#changes li").all_inner_texts()]
    assert [lines[0].split(": ")[0] for lines in coming] == [change["day"] for change in changes][:8]
    assert [lines[1] for lines in coming] == [change["title"] for change in changes][:8]
    branches = seen.get(f"/v1/forecasts/{EARTHS}")["branches"]
    result = seen.page.locator("#branches li").all_inner_texts()
    assert branches
    assert [text.startswith(branch["says"]) for text, branch in zip(result, branches, strict=True)] == [True] * len(
        result
    )
    said = ["(not in the forecast)" if each["probability"] is None else "in the forecast with" for each in branches]
    assert all(words in text for words, text in zip(said, result, strict=True))
    effects = [each for each in seen.get(f"/v1/series/{EARTHS}/effects")["data"] if each["average"]]
    effects.sort(key=lambda each: each["start"], reverse=True)
    titles = {event["event_id"]: event["title"] for event in events}
    rows = seen.cells("#effects")
    assert any(len(each["event_ids"]) > 1 for each in effects)
    assert [row[0] for row in rows] == [each["start"] for each in effects]
    for row, each in zip(rows, effects, strict=True):
        average = each["average"]
        others = [f"{titles[one['event_id']]}: {one['standing']}" for one in each["others"]]
        assert row[1].splitlines() == [titles[each["episode_id"]], each["standing"], *others]
        assert row[2].splitlines() == [percent(average["median"]), between(average, percent)]
        for cell, band, more in (
            (row[3], "amount", []),
            (row[4], "cumulated_after", [f"in {each['observed']} months"]),
        ):
            assert cell.splitlines() == [signed(each[band]["median"]), between(each[band], signed), *more]
        assert row[5] == f"{int(100 * each['relevant'] + 0.5)} %"
        assert row[6] == ("" if each["detectable"] is None else f"{each['detectable']:.1f} %")
        assert row[7] == "data"
    head = seen.page.locator("#effects th").all_inner_texts()
    assert head[3:7] == ["a month, tonnes", "total, tonnes", "P(over 5 %)", "detectable"]


def test_an_effect_that_is_not_identified_is_not_known_and_no_number_but_its_interval_is_shown(seen: Seen) -> None:
    """A median of 0 that is nothing but prior would read as no effect."""
    seen.open(f"/?series={EARTHS}")
    expect(seen.page.locator("#effects tbody tr").first).to_be_visible()
    document = seen.get(f"/v1/series/{EARTHS}/effects")
    one = {**document["data"][0], "identified": False, "average": {"median": 0, "lo-90": -35.25, "hi-90": 61.75}}
    seen.page.evaluate(
        "one => estimates({ data: [one], not_estimated: [] }, [], { freq: 'M', measure: 'volume' })", one
    )
    (row,) = seen.cells("#effects")
    assert row[2].splitlines() == ["not known", "−35.3 % … +61.8 %"]
    assert (row[3], row[4], row[7]) == ("", "", "what was assumed")
    known = {**document["data"][0], "observed": 1, "detectable": 1.2719e24}
    shown = seen.page.locator("#effects tbody td").nth(2)
    assert shown.evaluate("cell => [...cell.childNodes].filter(node => node.className !== 'quiet').length") == 0
    seen.page.evaluate(
        "one => estimates({ data: [one], not_estimated: [] }, [], { freq: 'M', measure: 'volume' })", known
    )
    ((*_, total, _, detectable, _),) = seen.cells("#effects")
    assert (total.splitlines()[-1], detectable) == ("in 1 month", "1.3e+24 %")


def test_no_head_of_a_table_stands_without_effects_below_it(seen: Seen) -> None:
    seen.open(f"/?series={EARTHS}")
    expect(seen.page.locator("#effects tbody tr").first).to_be_visible()
    missing = {"event_id": "mine", "why": "it has no date"}
    for not_estimated in ([missing], []):
        answer = {"data": [], "not_estimated": not_estimated}
        seen.page.evaluate("one => estimates(one, [], { freq: 'M', measure: 'volume' })", answer)
        expect(seen.page.locator("#effects")).to_be_hidden()
        expect(seen.page.locator("#effects-words")).to_be_hidden()
        expect(seen.page.locator("#effects-title")).to_be_visible(visible=bool(not_estimated))
    expect(seen.page.locator("#not-estimated li")).to_have_count(0)


def test_what_was_given_up_before_its_day_is_no_time_that_runs_backwards(seen: Seen) -> None:
    seen.open(f"/?series={EARTHS}")
    item = seen.page.locator("#events li", has_text="No. 61/2025")
    expect(item.locator("time")).to_have_text(
        "not in force: announced 2025-10-09, suspended 2025-11-07 before its date 2025-12-01"
    )


@pytest.mark.parametrize(
    ("freq", "days", "between"),
    [
        ("M", ("2024-11-01", "2025-02-01"), ["2024-12-01", "2025-01-01"]),
        ("Q", ("2024-07-01", "2025-01-01"), ["2024-10-01"]),
        ("Y", ("2020-01-01", "2022-01-01"), ["2021-01-01"]),
        ("W-SUN", ("2025-02-24", "2025-03-10"), ["2025-03-03"]),
        ("D", ("2024-02-28", "2024-03-02"), ["2024-02-29", "2024-03-01"]),
        ("B", ("2025-03-06", "2025-03-11"), ["2025-03-07", "2025-03-10"]),
        ("B", ("2025-03-07", "2025-03-10"), []),
    ],
)
def test_no_line_joins_what_lies_on_both_sides_of_a_gap(
    seen: Seen, freq: str, days: tuple[str, str], between: list[str]
) -> None:
    seen.open(f"/?series={COPPER}")
    observed = [{"ds": day, "y": 1.5} for day in days]
    empty = [{"ds": day, "y": None} for day in between]
    found = seen.page.evaluate("([observed, freq]) => periods(observed, freq)", [observed, freq])
    assert found == [observed[0], *empty, observed[1]]


def test_a_value_between_two_gaps_is_a_point(seen: Seen) -> None:
    seen.open(f"/?series={COPPER}")
    data = [[0, 1, 2, 3, 4, 5], [1.5, None, 2.5, None, 3.5, 4.5]]
    assert seen.page.evaluate("data => alone({ data }, 1)", data) == [0, 2]


def between(band: dict[str, float], text: Callable[[float], str]) -> str:
    return f"{text(band['lo-90'])} … {text(band['hi-90'])}"


def signed(value: float) -> str:
    """Three digits, grouped, with a sign."""
    text = f"{abs(float(f'{value:.3g}')):,}"
    return ("−" if value < 0 else "+") + text.removesuffix(".0")


def percent(value: float) -> str:
    return f"{'+' if value >= 0 else '−'}{abs(value):.1f} %"


def test_text_of_an_event_is_text(seen: Seen) -> None:
    seen.open(f"/?series={COPPER}")
    for place in ("#events", "#branches", "#not-estimated"):
        expect(seen.page.locator(place)).to_contain_text("A <b>bold</b> duty")
    (missing,) = seen.get(f"/v1/series/{COPPER}/effects")["not_estimated"]
    expect(seen.page.locator("#not-estimated li")).to_have_text(f"A <b>bold</b> duty: not estimated: {missing['why']}")
    assert seen.page.locator("main b").count() == 0


def test_another_series_horizon_and_history_are_shown_and_kept_in_the_address(seen: Seen) -> None:
    seen.open(f"/?series={COPPER}")
    expect(seen.page.locator("#numbers tbody tr")).to_have_count(len(seen.get(FORECAST)["data"]))
    seen.choose(EARTHS)
    seen.page.get_by_label("Periods").fill("3")
    seen.page.get_by_label("Periods").press("Tab")
    expect(seen.page.locator("#numbers tbody tr")).to_have_count(rows(seen, EARTHS, 3))
    seen.page.get_by_role("combobox", name="History").select_option("0")
    expect(seen.page).to_have_url(f"{seen.base}/?series={EARTHS}&h=3&span=0")
    expect(seen.page.get_by_role("img", name=f"History and forecast of {EARTHS}, in tonne")).to_be_visible()
    with seen.page.expect_download() as started:
        seen.page.get_by_role("link", name="CSV").click()
    lines = Path(started.value.path()).read_text().splitlines()
    assert lines[0] == "series_id,ds,h,nowcast,yhat,lo-50,hi-50,lo-80,hi-80,lo-95,hi-95,unit,scenario,run"
    assert len(lines) == 1 + rows(seen, EARTHS, 3)
    seen.page.reload()
    expect(seen.page.locator("#numbers tbody tr")).to_have_count(rows(seen, EARTHS, 3))
    expect(seen.page.locator("#title")).to_have_text(EARTHS)
    assert seen.refused == []


@pytest.mark.parametrize(
    ("series_id", "reason"), [(ZINC, f"orecast train {ZINC}"), (NICKEL, "its bytes are not those its card promises")]
)
def test_a_series_that_cannot_be_served_says_why_and_the_others_still_work(
    seen: Seen, series_id: str, reason: str
) -> None:
    seen.open(f"/?series={COPPER}")
    expect(seen.page.locator("#numbers tbody tr")).to_have_count(len(seen.get(FORECAST)["data"]))
    seen.choose(series_id)
    expect(seen.page.get_by_role("alert")).to_be_visible()
    expect(seen.page.get_by_role("alert")).to_contain_text(reason)
    expect(seen.page.locator("#numbers tbody tr")).to_have_count(0)
    expect(seen.page.locator("#effects-block")).to_be_hidden()
    expect(seen.page.locator("#provenance")).to_have_text("")
    assert seen.drawn(INK) > 300, "its history is shown"
    assert seen.drawn(BRONZE) == 0, "no forecast"
    assert set(seen.refused) == {f"/v1/forecasts/{series_id}", f"/v1/series/{series_id}/effects"}
    seen.choose(COPPER)
    expect(seen.page.locator("#numbers tbody tr")).to_have_count(len(seen.get(FORECAST)["data"]))
    expect(seen.page.get_by_role("alert")).to_be_hidden()


def test_too_many_periods_are_refused_in_words(seen: Seen) -> None:
    seen.open(f"/?series={COPPER}&h={HORIZON + 1}")
    expect(seen.page.get_by_role("alert")).to_contain_text(f"from 1 to {HORIZON}")
    assert seen.refused == [f"/v1/forecasts/{COPPER}"]


def test_an_answer_that_comes_late_does_not_overwrite_what_was_asked_since(seen: Seen) -> None:
    held: list[Route] = []
    seen.page.route(f"**/v1/forecasts/{EARTHS}?*", lambda route: held.append(route))
    seen.open(f"/?series={COPPER}")
    expect(seen.page.locator("#numbers tbody tr")).to_have_count(len(seen.get(FORECAST)["data"]))
    with seen.page.expect_request(f"**/v1/forecasts/{EARTHS}?*"):
        seen.page.get_by_label("Series").select_option(EARTHS)
    seen.page.get_by_label("Series").select_option(COPPER)
    seen.page.get_by_label("Periods").fill("2")
    seen.page.get_by_label("Periods").press("Tab")
    expect(seen.page.locator("#numbers tbody tr")).to_have_count(rows(seen, COPPER, 2))
    with seen.page.expect_response(f"**/v1/forecasts/{EARTHS}?*") as late:
        held[0].continue_()
    late.value.finished()
    seen.page.evaluate("fetch('/healthz').then((answer) => answer.json())")  # what came before it has been dealt with
    expect(seen.page.locator("#title")).to_have_text(COPPER)
    expect(seen.page.locator("#numbers tbody tr")).to_have_count(rows(seen, COPPER, 2))


def test_it_fits_a_narrow_screen(seen: Seen) -> None:
    seen.page.set_viewport_size({"width": 380, "height": 800})
    seen.open(f"/?series={EARTHS}")
    expect(seen.page.locator("#numbers tbody tr")).to_have_count(rows(seen, EARTHS, 12))
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 380


def test_the_page_of_the_api_lists_every_operation(seen: Seen) -> None:
    seen.open("/docs")
    document = seen.get("/openapi.json")
    operations = sorted((method, path) for path, item in document["paths"].items() for method in item)
    shown = seen.page.locator(".opblock")
    expect(shown).to_have_count(len(operations))
    result = sorted(
        (
            block.locator(".opblock-summary-method").inner_text().lower(),
            block.locator(".opblock-summary-path").get_attribute("data-path"),
        )
        for block in shown.all()
    )
    assert result == operations
    expect(seen.page.locator(".info .title")).to_contain_text("orecast")
    shown.filter(has_text="/v1/series/{series_id}/backtest").click()
    expect(seen.page.get_by_text("CRPS of every family as a ratio").first).to_be_visible()
    assert seen.refused == []


def test_a_closed_service_asks_for_a_key_and_shows_what_it_is_for(browser: Browser, tmp_path: Path) -> None:
    catalog = Catalog.open(make_home(tmp_path))
    _, token = catalog.keys.create(KeyOrder("reader", [Scope.READ]), dt.datetime.now(dt.UTC))
    catalog.close()
    context = browser.new_context(locale="en-GB")
    with serving(tmp_path, ORECAST_AUTH="keys") as closed:
        seen = Seen(context.new_page(), closed.url)
        seen.page.set_default_timeout(20_000)
        seen.open(f"/?series={COPPER}")
        expect(seen.page.get_by_role("alert")).to_contain_text("This needs a key with the scope read")
        seen.page.get_by_label("Key").fill("orecast_no_key")
        seen.page.get_by_role("button", name="Use it").click()
        expect(seen.page.get_by_role("alert")).to_contain_text("There is no such key")
        seen.page.get_by_label("Key").fill(token)
        seen.page.get_by_role("button", name="Use it").click()
        expect(seen.page.locator("#title")).to_have_text(COPPER)
        expect(seen.page.get_by_label("Key")).to_be_hidden()
        with seen.page.expect_download() as started:
            seen.page.get_by_role("link", name="CSV").click()
        assert started.value.suggested_filename == f"{COPPER}-forecast.csv"
        assert Path(started.value.path()).read_text().startswith("series_id,ds,h,")
        context.close()
        assert seen.complaints == []
        assert token.rpartition("_")[2] not in closed.log.read_text()
