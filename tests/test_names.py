"""A name that one door takes in goes through every door and comes back; one that is refused is refused alike."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml
from flask.testing import FlaskClient
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from forecast import names
from forecast.answers.scenarios import Question, answer
from forecast.catalog import Catalog
from forecast.catalog.csv_reader import Reading
from forecast.catalog.csv_records import read_observations
from forecast.errors import InvalidInput
from forecast.export.csv_writer import csv_text
from forecast.formats import guarded
from forecast.jobs.ingest import ingest
from forecast.registry import Registry
from service import create_app
from tests.support import ROOT
from tests.support.trained_home import COPPER, NOW, add_run, clock, make_home

BUNDLED = ROOT / "data"


def column(file: str, name: str) -> list[str]:
    with (BUNDLED / f"{file}.csv").open(encoding="utf-8") as lines:
        return [row[name] for row in csv.DictReader(lines)]


def taken(parse: Callable[[str], object], text: str) -> bool:
    try:
        return parse(text) == text
    except names.BadName:
        return False


# -- the rule ----------------------------------------------------------------------------------------------------------


def test_every_bundled_name_is_one() -> None:
    assert all(taken(names.series_id, text) for text in column("series", "series_id"))
    assert all(taken(names.event_id, text) for text in column("events", "event_id"))
    assert all(taken(names.slug, text) for text in column("minerals", "mineral"))
    assert all(taken(names.place, text) for text in column("series", "reporter") + column("series", "partner"))
    assert all(names.flow(text) for cell in column("events", "flows") for text in cell.split(";") if text)


@pytest.mark.parametrize(
    "text", ["my_price", "a", "3m.price_usd", "copper-lme.cash_3m", "2024-copper", "champion.copper", "a" * 100, "nine"]
)
def test_a_name_may_be(text: str) -> None:
    assert names.series_id(text) == text


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        *((text, names.RULE) for text in ("", ".", "..", "a..b", "a.", ".a", "-a", "_a", "A", "Ab", "a b", "a/b", "ä")),
        *((text, names.RULE) for text in ("a\n", "a,b", "a;b", "a>b", "=a", "a\\b", "a" * 101)),
        *((text, names.NO_TEXT_RULE) for text in ("2024", "2024-01-01", "1.5", "1e5", "1.5e-3", "0x1f", "1_000")),
        *((text, names.NO_TEXT_RULE) for text in ("true", "no", "on", "null", "nan", "inf")),
        *((text, names.RESERVED_RULE) for text in ("champion", "classes.json", "a.lock", "a.tmp", "con", "nul.x")),
    ],
)
def test_a_name_may_not_be(text: str, rule: str) -> None:
    with pytest.raises(names.BadName) as caught:
        names.series_id(text)
    assert str(caught.value) == rule == names.unservable(text)


def test_only_what_has_a_folder_leaves_the_names_of_the_registry_alone() -> None:
    assert names.event_id("champion") == "champion"
    assert names.slug("champion") == "champion"
    assert names.run_id("2026-06") == "2026-06"
    assert not names.is_run_id("champion")


def test_an_event_may_not_be_called_as_the_calendar_of_all() -> None:
    with pytest.raises(names.BadName, match="an id other than calendar"):
        names.event_id("calendar")
    assert names.series_id("calendar") == "calendar"


@pytest.mark.parametrize("text", ["CHN", "TWN", "XKX", "SUN", "EU", "UN", "WLD"])
def test_a_place_may_be(text: str) -> None:
    assert names.place(text) == text


@pytest.mark.parametrize("text", ["CN", "chn", "USD", "CHI", "EUR", "", "EU27", "China"])
def test_a_place_may_not_be(text: str) -> None:
    with pytest.raises(names.BadName, match="an ISO 3166 alpha-3 code such as CHN, or EU, UN or WLD"):
        names.place(text)


@pytest.mark.parametrize("text", ["CHN", "CHN>", ">CHN", "CHN>USA>WLD", "CHN->USA", "CN>US", ""])
def test_a_flow_may_not_be(text: str) -> None:
    with pytest.raises(names.BadName, match="exporter>importer, such as CHN>WLD"):
        names.flow(text)


# -- every door --------------------------------------------------------------------------------------------------------


@dataclass
class House:
    """A trained home with all its doors."""

    folder: Path
    catalog: Catalog
    registry: Registry
    client: FlaskClient
    number: Iterator[int] = field(default_factory=count)

    def file(self, *rows: object) -> Path:
        """A CSV file of these rows, the header first."""
        path = self.folder / f"{next(self.number)}.csv"
        with path.open("w", encoding="utf-8", newline="") as lines:
            csv.writer(lines).writerows(rows)  # type: ignore[arg-type]
        return path

    def get(self, path: str) -> dict[str, object]:
        response = self.client.get(path)
        assert response.status_code == 200, response.get_data(as_text=True)
        body: dict[str, object] = response.get_json()
        return body


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    home = tmp_path_factory.mktemp("home")
    made = make_home(home)
    catalog, registry = Catalog.open(made), Registry(made.models_dir)
    app = create_app(made, catalog=catalog, registry=registry, clock=clock)
    yield House(home, catalog, registry, app.test_client())
    catalog.close()


ANY = st.from_regex(names.PATTERN, fullmatch=True).filter(lambda text: len(text) <= names.MAX_NAME_LENGTH)
SERIES_IDS = ANY.filter(lambda text: taken(names.series_id, text))
EVENT_IDS = ANY.filter(lambda text: taken(names.event_id, text))
PLACES = st.sampled_from(["CHN", "USA", "TWN", "EU", "UN", "WLD", "XKX", "SUN"])
REFUSED = st.one_of(
    # What a CSV file strips, and what no URL carries, are other texts at those doors.
    st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters=",/?#%\\"), min_size=1, max_size=120),
    st.sampled_from(["champion", "classes.json", "my.lock", "1e5", "true", "2024-01-01", "a..b", "a.", "A", "b" * 101]),
).filter(names.unservable)
HEADER = ("series_id", "measure", "unit", "freq", "reporter")


@settings(max_examples=20)
@given(name=SERIES_IDS, reporter=PLACES)
def test_an_id_of_a_series_goes_through_every_door(house: House, name: str, reporter: str) -> None:
    assume(name not in house.catalog.series())
    values = house.file(
        ("series_id", "ds", "value"), *((name, f"2025-{month:02}-01", 100 + month) for month in range(1, 13))
    )
    ingest(house.catalog, values, house.file(HEADER, (name, "price", "USD/t", "M", reporter)), known_at=NOW)
    assert house.catalog.get(name).series_id == name
    assert house.catalog.get(name).reporter == reporter
    house.registry.promote(name, add_run(house.registry, house.catalog, name))
    assert house.registry.champions()[name] == "2025-12-01-a"
    assert house.get(f"/v1/series/{quote(name)}")["run"] == "2025-12-01-a"
    assert len(house.get(f"/v1/series/{quote(name)}/observations")["data"]) == 12  # type: ignore[arg-type]
    assert house.get(f"/v1/forecasts/{quote(name)}")["series_id"] == name
    assert [one["series_id"] for one in house.get(f"/v1/forecasts?series_id={quote(name)}")["data"]] == [name]  # type: ignore[attr-defined]
    effect = {name: {"percent": -10.0}}
    added = {"event": "mine", "effective": "2026-08-01", "effect": effect}
    plain = (
        f"series: [{name}]\nscenarios:\n  - name: {name}\n    add:\n"
        f"      - event: mine\n        effective: 2026-08-01\n        effect:\n          {name}: {{percent: -10}}\n"
    )
    asked = {"series": [name], "scenarios": [{"name": name, "add": [added]}]}
    question = Question.read_yaml(plain)
    assert question == Question.read_yaml(yaml.safe_dump(asked)) == Question.read(json.dumps(asked))
    answered = answer(house.catalog, house.registry, question, today=NOW.date())
    text = csv_text(answered.names(), answered.lines())
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert {guarded.plain(row["series_id"]) for row in rows} == {name}
    assert {guarded.plain(row["scenario"]) for row in rows} == {"baseline", name}


@settings(max_examples=20)
@given(name=EVENT_IDS, mineral=EVENT_IDS, origin=PLACES, target=PLACES)
def test_an_event_with_its_minerals_and_flows_goes_through_every_door(
    house: House, name: str, mineral: str, origin: str, target: str
) -> None:
    assume(name not in house.catalog.events())
    flow = f"{origin}>{target}"
    header = ("event_id", "title", "kind", "announced", "effective", "minerals", "flows")
    cells = (name, "a ban", "export_ban", "2026-01-05", "2026-02-01", mineral, f"{flow};CHN>WLD")
    ingest(house.catalog, events=house.file(header, cells), known_at=NOW)
    event = house.catalog.events()[name]
    assert (event.minerals, event.flows) == ((mineral,), ((origin, target), ("CHN", "WLD")))
    result = house.get(f"/v1/events/{quote(name)}")
    assert (result["event_id"], result["minerals"], result["flows"]) == (
        name,
        [mineral],
        [[origin, target], ["CHN", "WLD"]],
    )
    listed = house.get(f"/v1/events?mineral={quote(mineral)}")["data"]
    assert name in [one["event_id"] for one in listed]  # type: ignore[attr-defined]
    asked = (
        f"series: [{COPPER}]\nscenarios:\n  - name: without\n    remove: [{name}]\n  - name: more\n    add:\n"
        f"      - {{event: more, effective: 2026-08-01, minerals: [{mineral}], flows: [{flow}]}}\n"
    )
    answered = answer(house.catalog, house.registry, Question.read_yaml(asked), today=NOW.date())
    assert [one.scenario for one in answered.data] == ["baseline", "without", "more"]


@given(name=REFUSED)
def test_a_refused_id_is_refused_with_one_sentence_at_every_door(house: House, name: str) -> None:
    sentence = names.unservable(name)
    with pytest.raises(InvalidInput) as taken_in:
        ingest(house.catalog, None, house.file(HEADER, (name, "price", "USD/t", "M", "WLD")), known_at=NOW)
    reading = Reading()
    read_observations(house.file(("series_id", "ds", "value"), (name, "2026-01-01", 1)), {}, NOW, reading)
    with pytest.raises(InvalidInput) as saved:
        house.registry.get(name, "2026-06-01-a")
    asked = {"series": [name], "scenarios": []}
    with pytest.raises(InvalidInput) as by_yaml:
        Question.read_yaml(yaml.safe_dump(asked, allow_unicode=True))
    posted = house.client.post("/v1/scenarios", json=asked)
    assert posted.status_code == 422
    faults = [*taken_in.value.faults, *reading.faults, *saved.value.faults, *by_yaml.value.faults]
    assert [fault.expected for fault in faults] == [sentence] * 4
    assert [one["expected"] for one in posted.get_json()["errors"]] == [sentence]
    for path in (f"/v1/forecasts?series_id={quote(name)}", f"/v1/events?series_id={quote(name)}"):
        response = house.client.get(path)
        if len(name) <= 128:
            assert response.status_code == 404
            assert response.get_json()["detail"].endswith(f"; expected {sentence}")
    assert name not in house.catalog.series(retired=True)


@pytest.mark.parametrize("flow", ["CN>US", "CHN", "CHN>", "chn>usa", "CHN>USA>WLD"])
def test_a_refused_flow_is_refused_with_one_sentence_at_every_door(house: House, flow: str) -> None:
    header = ("event_id", "title", "kind", "announced", "flows")
    events = house.file(header, ("x", "x", "tariff", "2026-01-05", flow))
    with pytest.raises(InvalidInput) as taken_in:
        ingest(house.catalog, events=events, known_at=NOW)
    added = {"event": "x", "effective": "2026-08-01", "minerals": ["copper"], "flows": [flow]}
    with pytest.raises(InvalidInput) as asked:
        Question.read_yaml(yaml.safe_dump({"series": [COPPER], "scenarios": [{"name": "x", "add": [added]}]}))
    assert [fault.expected for fault in taken_in.value.faults] == [f"a list joined by ';' of {names.FLOW_RULE}"]
    assert [fault.expected for fault in asked.value.faults] == [names.FLOW_RULE]
