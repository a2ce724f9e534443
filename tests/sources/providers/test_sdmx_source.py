"""Any SDMX flow that a user's configuration names."""

from __future__ import annotations

import datetime as dt

import pytest

from forecast.errors import InvalidInput
from forecast.sources.providers.sdmx_source import SdmxFlow, batches, joined
from forecast.sources.source import Quote
from tests.sources.test_sdmx import BIS, ECB, GENERIC, OECD
from tests.support.publishers import Answer, published, web_for

FILE = "sources.toml"


def flow(**more: object) -> dict[str, object]:
    return {"address": "http://127.0.0.1:1/", "publisher": "ECB", "path": "data/EXR/{key}", **more}


@pytest.mark.parametrize(
    ("told", "key", "body", "path", "params", "quote"),
    [
        pytest.param(
            {"path": "service/data/EXR/{key}", "params": {"format": "csvdata"}},
            "M.USD.EUR.SP00.A",
            ECB,
            "service/data/EXR/M.USD.EUR.SP00.A",
            {"format": "csvdata", "startPeriod": "2023"},
            Quote("M.USD.EUR.SP00.A", dt.date(2024, 2, 1), 1.0795, "USD"),
            id="European Central Bank",
        ),
        pytest.param(
            {"path": "api/v2/data/dataflow/BIS/WS_CBPOL/1.0/{key}", "start": "c[TIME_PERIOD]=ge:{year}"},
            "M.BR",
            BIS,
            "api/v2/data/dataflow/BIS/WS_CBPOL/1.0/M.BR",
            {"c[TIME_PERIOD]": "ge:2023"},
            Quote("M.BR", dt.date(2024, 1, 1), 11.75),
            id="Bank for International Settlements",
        ),
        pytest.param(
            {"path": "public/rest/data/OECD.SDD.TPS,DSD_PRICES@DF_PRICES_ALL,1.0/{key}", "start": ""},
            "GBR.M.N.CPI.PA._T.N.GY",
            OECD,
            "public/rest/data/OECD.SDD.TPS,DSD_PRICES@DF_PRICES_ALL,1.0/GBR.M.N.CPI.PA._T.N.GY",
            {},
            Quote("GBR.M.N.CPI.PA._T.N.GY", dt.date(2026, 8, 1), 3.6, "PA"),
            id="OECD",
        ),
        pytest.param(
            {
                "accept": "application/vnd.sdmx.genericdata+xml;version=2.1",
                "path": "data/EXR/{key}",
                "dimensions": ["FREQ", "CURRENCY"],
            },
            "M.NOK",
            GENERIC,
            "data/EXR/M.NOK",
            {"startPeriod": "2023"},
            Quote("M.NOK", dt.date(2024, 1, 1), 1500.0, "EUR"),
            id="SDMX-ML",
        ),
    ],
)
def test_a_flow_is_asked_for_as_configured(
    told: dict[str, object], key: str, body: str, path: str, params: dict[str, str], quote: Quote
) -> None:
    source = SdmxFlow.from_section("mine", flow(**told), FILE)
    with published(lambda request: Answer(body.encode(), "application/xml")) as publisher:
        with web_for(source, publisher) as web:
            quotes = list(source.fetch(web, [key], dt.date(2024, 1, 1)))
        (request,) = publisher.requests
    assert quotes[-1] == quote
    assert (request.path, request.params) == (path, params)
    assert request.headers["Accept"] == source.accept


def test_what_a_section_leaves_out_is_told_of_the_flow_all_the_same() -> None:
    source = SdmxFlow.from_section("rates", flow(licence="free"), FILE)
    assert (source.name, source.licence, source.page) == ("rates", "free", source.address)
    assert source.title == "ECB: an SDMX flow that a user chose"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (
            flow(address="data.ecb.eu"),
            "rates.address = 'data.ecb.eu': expected an address that begins with http:// or https://",
        ),
        (flow(path="data/EXR"), r"rates.path = 'data/EXR': expected the path of the data below it with {key}"),
        (flow(params={"format": 1}), "rates.params = 1: expected parameters of the request, each a text"),
        (flow(start="startPeriod"), "rates.start = 'startPeriod': expected the parameter of the first year"),
        (flow(dimensions="FREQ"), "rates.dimensions = 'FREQ': expected the ids of the dimensions in their order"),
        (flow(pause=-1), "rates.pause = -1: expected seconds between two requests, 0 to 600"),
        (flow(adress="x"), "rates.adress = 'x': expected one of address, publisher"),
        ({"address": "http://x", "publisher": "x"}, "rates.path: it is missing; the path of the data below it"),
    ],
)
def test_a_faulty_section_names_the_field_and_what_would_be_right(told: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        SdmxFlow.from_section("rates", told, FILE)
    assert str(raised.value).startswith(f"{FILE}: {words}")


def test_keys_are_joined_by_dimension() -> None:
    assert joined(["M.CN.1", "M.US.1", "M.CN.2"]) == "M.CN+US.1+2"


def test_keys_of_other_shape_or_that_would_ask_for_far_too_much_are_asked_for_apart() -> None:
    diagonal = [f"M.{number}.{number}" for number in range(9)]
    assert batches(["A.B", "A.C", "A.B.C"]) == [["A.B", "A.C"], ["A.B.C"]]
    assert [len(some) for some in batches(diagonal)] == [4, 4, 1]
    assert [len(some) for some in batches([f"M.{number}" for number in range(90)])] == [40, 40, 10]
