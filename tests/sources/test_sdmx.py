"""SDMX messages as publishers send them, and what may be wrong with them."""

from __future__ import annotations

import datetime as dt

import pytest

from forecast.errors import LayoutChanged, SourceFailed
from forecast.sources.sdmx import SdmxObservation, observations, words_of_error
from forecast.sources.web import Page

#: The exchange rates of the European Central Bank, as its data portal answers ``format=csvdata``.
ECB = (
    "KEY,FREQ,CURRENCY,CURRENCY_DENOM,EXR_TYPE,EXR_SUFFIX,TIME_PERIOD,OBS_VALUE,OBS_STATUS,OBS_CONF,TITLE_COMPL,UNIT,"
    "UNIT_MULT\n"
    'EXR.M.USD.EUR.SP00.A,M,USD,EUR,SP00,A,2024-01,1.0905,A,F,"ECB reference exchange rate, US dollar/Euro",USD,0\n'
    'EXR.M.USD.EUR.SP00.A,M,USD,EUR,SP00,A,2024-02,1.0795,A,F,"ECB reference exchange rate, US dollar/Euro",USD,0\n'
)
#: Policy rates of the Bank for International Settlements in SDMX-CSV 2.0 with ``labels=both``.
BIS = (
    "STRUCTURE,STRUCTURE_ID,ACTION,FREQ:Frequency,REF_AREA:Reference area,TIME_PERIOD:Time period or range,"
    "OBS_VALUE:SdmxObservation Value,TITLE:Title,OBS_STATUS:SdmxObservation Status\n"
    "dataflow,BIS:WS_CBPOL(1.0),I,M: Monthly,BR: Brazil,2024-01,11.75,Brazil,A: Normal value\n"
    "dataflow,BIS:WS_CBPOL(1.0),D,M: Monthly,BR: Brazil,2024-02,,Brazil,\n"
)
#: Prices of the OECD in SDMX-CSV 2.0.
OECD = (
    "STRUCTURE,STRUCTURE_ID,ACTION,REF_AREA,FREQ,METHODOLOGY,MEASURE,UNIT_MEASURE,EXPENDITURE,ADJUSTMENT,"
    "TRANSFORMATION,TIME_PERIOD,OBS_VALUE\n"
    "DATAFLOW,OECD.SDD.TPS:DSD_PRICES@DF_PRICES_ALL(1.0),I,GBR,M,N,CPI,PA,_T,N,GY,2026-08,3.6\n"
)
MESSAGE = "http://www.sdmx.org/resources/sdmxml/schemas/v2_1"
HEADER = (
    "<message:Header><message:ID>X</message:ID><message:Test>false</message:Test>"
    '<message:Prepared>2026-09-08T12:00:00Z</message:Prepared><message:Sender id="ECB"/>'
    '<message:Structure structureID="ECB_EXR1" namespace="urn:sdmx:org.sdmx.infomodel.datastructure.DataStructure='
    'ECB:ECB_EXR1(1.0)" dimensionAtObservation="TIME_PERIOD"><common:Structure><URN>urn:sdmx:org.sdmx.infomodel.'
    "datastructure.DataStructure=ECB:ECB_EXR1(1.0)</URN></common:Structure></message:Structure></message:Header>"
)
GENERIC = (
    f'<?xml version="1.0" encoding="UTF-8"?><message:GenericData xmlns:message="{MESSAGE}/message" '
    f'xmlns:generic="{MESSAGE}/data/generic" xmlns:common="{MESSAGE}/common">{HEADER}'
    '<message:DataSet action="Replace" structureRef="ECB_EXR1"><generic:Group type="Sibling"><generic:GroupKey>'
    '<generic:Value id="CURRENCY" value="NOK"/></generic:GroupKey><generic:Attributes>'
    '<generic:Value id="UNIT_MULT" value="3"/></generic:Attributes></generic:Group><generic:Series><generic:SeriesKey>'
    '<generic:Value id="FREQ" value="M"/><generic:Value id="CURRENCY" value="NOK"/></generic:SeriesKey>'
    '<generic:Attributes><generic:Value id="UNIT" value="EUR"/></generic:Attributes><generic:Obs>'
    '<generic:ObsDimension value="2024-01"/><generic:ObsValue value="1.5"/></generic:Obs><generic:Obs>'
    '<generic:ObsDimension value="2024-02"/><generic:ObsValue value="NaN"/></generic:Obs></generic:Series>'
    "</message:DataSet></message:GenericData>"
)
SPECIFIC = (
    f'<message:StructureSpecificData xmlns:ss="{MESSAGE}/data/structurespecific" xmlns:message="{MESSAGE}/message" '
    f'xmlns:common="{MESSAGE}/common" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:ns1="urn:sdmx:'
    f'org.sdmx.infomodel.datastructure.DataStructure=ECB:ECB_EXR1(1.0):ObsLevelDim:TIME_PERIOD">{HEADER}'
    '<message:DataSet ss:dataScope="DataStructure" xsi:type="ns1:DataSetType" ss:structureRef="ECB_EXR1">'
    '<Series FREQ="M" CURRENCY="NOK" UNIT="EUR" UNIT_MULT="3"><Obs TIME_PERIOD="2024-M01" OBS_VALUE="1.5" '
    'OBS_STATUS="E"/></Series></message:DataSet></message:StructureSpecificData>'
)


def read(text: str | bytes, *dimensions: str) -> list[SdmxObservation]:
    body = text.encode() if isinstance(text, str) else text
    return list(observations("ecb", Page("http://x/data", body, "text/csv"), dimensions))


def row(period: str = "2024-01", value: str = "1", **facts: str) -> str:
    names = ["FREQ", "TIME_PERIOD", "OBS_VALUE", *facts]
    return ",".join(names) + "\n" + ",".join(["M", period, value, *facts.values()]) + "\n"


def test_csv_of_the_first_version_gives_key_period_value_and_unit() -> None:
    found = [(one.key, one.ds, one.value, one.unit, one.flag) for one in read(ECB)]
    assert found == [
        ("M.USD.EUR.SP00.A", dt.date(2024, 1, 1), 1.0905, "USD", "reported"),
        ("M.USD.EUR.SP00.A", dt.date(2024, 2, 1), 1.0795, "USD", "reported"),
    ]


def test_labels_beside_the_codes_are_left_out_and_what_is_deleted_is_no_observation() -> None:
    (one,) = read(BIS)
    assert (one.key, one.ds, one.value, one.flag) == ("M.BR", dt.date(2024, 1, 1), 11.75, "reported")


def test_a_dimension_may_be_the_unit() -> None:
    (one,) = read(OECD)
    assert (one.key, one.unit) == ("GBR.M.N.CPI.PA._T.N.GY", "PA")


def test_semicolons_and_a_byte_order_mark_are_read_as_well() -> None:
    (one,) = read("\ufeff" + row().replace(",", ";"))
    assert (one.key, one.value) == ("M", 1.0)


@pytest.mark.parametrize("text", [GENERIC, SPECIFIC])
def test_sdmx_ml_gives_the_same_with_the_power_of_ten_of_series_and_group(text: str) -> None:
    (one,) = read(text, "FREQ", "CURRENCY")
    assert (one.key, one.ds, one.value, one.unit) == ("M.NOK", dt.date(2024, 1, 1), 1500.0, "EUR")


def test_sdmx_ml_without_named_dimensions_says_that_they_are_needed() -> None:
    with pytest.raises(SourceFailed, match="dimensions are named"):
        read(GENERIC)


def test_a_dimension_that_is_not_in_sdmx_ml_is_a_changed_layout() -> None:
    with pytest.raises(LayoutChanged, match=r"observation 1 .*expected EXR_TYPE among them"):
        read(GENERIC, "FREQ", "CURRENCY", "EXR_TYPE")


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("2024", dt.date(2024, 1, 1)),
        ("2024-A1", dt.date(2024, 1, 1)),
        ("2024-05", dt.date(2024, 5, 1)),
        ("2024-M05", dt.date(2024, 5, 1)),
        ("2024M05", dt.date(2024, 5, 1)),
        ("2024-Q3", dt.date(2024, 7, 1)),
        ("2024-W01", dt.date(2024, 1, 1)),
        ("2024-05-17", dt.date(2024, 5, 17)),
        ("2024-05-01T00:00:00", dt.date(2024, 5, 1)),
        ("2024-05-01/P1M", dt.date(2024, 5, 1)),
    ],
)
def test_a_period_is_named_by_its_first_day(text: str, first: dt.date) -> None:
    assert [one.ds for one in read(row(text))] == [first]


@pytest.mark.parametrize("text", ["2024-S1", "2024-13", "2024-W54", "spring 2024"])
def test_a_period_of_another_kind_is_a_changed_layout(text: str) -> None:
    with pytest.raises(LayoutChanged, match=r"line 2 of http://x/data: TIME_PERIOD = .*such as 2024-M05"):
        read(row(text))


@pytest.mark.parametrize("text", ["", "NaN", ":", "..", "-"])
def test_marks_of_missing_values_are_no_observations(text: str) -> None:
    assert read(row(value=text)) == []


@pytest.mark.parametrize("text", ["1,5", "n.a.", "inf", "1e999"])
def test_a_value_that_is_no_number_is_a_changed_layout(text: str) -> None:
    with pytest.raises(LayoutChanged, match="a number"):
        read(row(value=f'"{text}"'))


@pytest.mark.parametrize(
    ("column", "code", "flag"),
    [
        ("OBS_STATUS", "A", "reported"),
        ("OBS_STATUS", "P", "reported"),
        ("OBS_STATUS", "E", "derived_approx"),
        ("OBS_STATUS", "I", "imputed"),
        ("OBS_STATUS", "U", "suspect_publisher"),
        ("OBS_STATUS", "Ω", "suspect_publisher"),
        ("OBS_FLAG", "bp", "reported"),
        ("OBS_FLAG", "ep", "derived_approx"),
        ("OBS_FLAG", "pu", "suspect_publisher"),
    ],
)
def test_the_status_of_a_value_becomes_its_flag(column: str, code: str, flag: str) -> None:
    assert [one.flag for one in read(row(**{column: code}))] == [flag]


@pytest.mark.parametrize(("column", "code"), [("OBS_STATUS", "F"), ("OBS_STATUS", "M"), ("OBS_FLAG", "pf")])
def test_a_forecast_of_the_publisher_and_what_stands_for_no_value_are_no_observations(column: str, code: str) -> None:
    assert read(row(**{column: code})) == []


@pytest.mark.parametrize(("text", "value"), [("6", 2_000_000.0), ("-2", 0.02), ("", 2.0)])
def test_the_multiplier_of_the_unit_is_multiplied_out(text: str, value: float) -> None:
    assert [one.value for one in read(row(value="2", UNIT_MULT=text))] == [value]


def test_a_multiplier_that_is_none_is_a_changed_layout() -> None:
    for text in ("MIO", "-"):
        with pytest.raises(LayoutChanged, match=rf"UNIT_MULT = '{text}'.*a power of ten"):
            read(row(UNIT_MULT=text))


@pytest.mark.parametrize("name", ["TIME_PERIOD", "OBS_VALUE", "CURRENCY"])
def test_a_renamed_column_is_a_changed_layout_that_names_it(name: str) -> None:
    with pytest.raises(LayoutChanged, match=f"the columns of http://x/data: .*expected {name} among them"):
        read(ECB.replace(name + ",", "X" + name + ","), "FREQ", "CURRENCY")


def test_a_new_attribute_is_no_fault() -> None:
    assert len(read(row(QUALITY="good", REMARK="none"))) == 1


def test_a_new_dimension_is_not_taken_for_more_values_of_one_series() -> None:
    more = ECB.replace(",A,2024-02,1.0795,", ",E,2024-01,1.0795,")
    with pytest.raises(LayoutChanged, match=r"a second value of M.USD.EUR.SP00 for 2024-01; expected one; a new dim"):
        read(more, "FREQ", "CURRENCY", "CURRENCY_DENOM", "EXR_TYPE")


def test_a_row_that_is_cut_is_a_changed_layout() -> None:
    with pytest.raises(LayoutChanged, match=r"line 3 of http://x/data: 9 cells; expected 13, as the header has"):
        read(ECB[: ECB.rindex(",F,")])


def test_an_open_quote_is_a_changed_layout() -> None:
    with pytest.raises(LayoutChanged, match=r"unexpected end of data.*expected cells in pairs of quotes"):
        read(ECB[: ECB.rindex('"')])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"meta": {}, "data": {"dataSets": []}}', "JSON; expected SDMX-CSV or SDMX-ML"),
        (b"TIME_PERIOD,OBS_VALUE\n2024,\xff\n", "UTF-8 throughout"),
        (b",,\n,,\n", "the columns of http://x/data: ; expected FREQ among them"),
        (b"<a><b/></a>", "XML that is no SDMX-ML"),
        (b"<a><b></a>", "XML that is no SDMX-ML"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "XML that defines entities"),
    ],
)
def test_what_is_no_sdmx_says_what_it_is(body: bytes, words: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(LayoutChanged, match=words):
        read(body, "FREQ")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            f'<?xml version="1.0"?><mes:Error xmlns:mes="{MESSAGE}/message" xmlns:com="{MESSAGE}/common">'
            '<mes:ErrorMessage code="100"><com:Text>No Results &amp; no data</com:Text></mes:ErrorMessage></mes:Error>',
            "No Results & no data",
        ),
        (
            '<S:Fault xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><faultcode>413</faultcode><faultstring>'
            "EXTRACTION_TOO_BIG: The requested extraction is too big</faultstring></S:Fault>",
            "EXTRACTION_TOO_BIG: The requested extraction is too big",
        ),
        (
            GENERIC.replace(
                "</message:GenericData>",
                '<footer:Footer><footer:Message code="413"><common:Text>Response too large</common:Text>'
                "</footer:Message></footer:Footer></message:GenericData>",
            ),
            "Response too large",
        ),
        ('{"errors": [{"code": 404, "title": "NoRecordsFound"}]}', "NoRecordsFound"),
        ('{"title": "Not Found", "status": 404, "detail": "No series"}', "Not Found; No series"),
        (GENERIC, ""),
        (ECB, ""),
        ('{"meta": {}, "data": {"dataSets": []}}', ""),
        ("{", ""),
    ],
)
def test_an_error_document_is_known_by_its_words(text: str, words: str) -> None:
    assert words_of_error(text) == words
