"""Files as publishers hand them out, small ones of the same shape: each gives the right series, days and numbers."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from forecast.errors import InvalidInput
from forecast.formats import Limits
from forecast.intake.layout import Hints, open_table
from tests.support.tables import Observed, observed, write, write_book

X = "volume.x"


def of(series_id: str, **values: float) -> Observed:
    """``of("x", d2024_01_01=1.0)``."""
    return {(series_id, name[1:].replace("_", "-")): value for name, value in values.items()}


#: Where the shape is from; its text; what the user says; frequency; what it holds.
TEXTS: dict[str, tuple[str | bytes, Hints, str, Observed]] = {
    "pandas pivot of our own ids": (
        "ds,price.copper,price.nickel\n2024-01-01,8344.91,16103.72\n2024-02-01,,16295.64\n",
        Hints(),
        "M",
        of("price.copper", d2024_01_01=8344.91) | of("price.nickel", d2024_01_01=16103.72, d2024_02_01=16295.64),
    ),
    "Nixtla long frame": (
        "unique_id,ds,y\nvolume.x,2024-01-31,5\nvolume.x,2024-02-29,6.5\n",
        Hints(),
        "M",
        of(X, d2024_01_01=5, d2024_02_01=6.5),
    ),
    "UN Comtrade API v1, JSON as CSV (comtradeapicall)": (
        "typeCode,freqCode,refPeriodId,refYear,refMonth,period,reporterCode,flowCode,partnerCode,cmdCode,qty,netWgt,"
        "cifvalue,fobvalue,primaryValue\n"
        "C,M,20240101,2024,1,202401,156,X,0,280530,12.5,12500.0,,90.0,90.0\n"
        "C,M,20240101,2024,1,202401,156,X,0,260500,1,1,,1,1\n"
        "C,M,20240201,2024,2,202402,156,X,0,280530,9.0,9000.0,,70.0,70.0\n",
        Hints(mapping={"netWgt": "value", "cmdCode": "series_id"}, columns={"280530": X}),
        "M",
        of(X, d2024_01_01=12500, d2024_02_01=9000),
    ),
    "UN Comtrade, refPeriodId alone": (
        "refPeriodId,cmdCode,primaryValue\n20240101,2605,90.5\n20240201,2605,70.25\n",
        Hints(series_id=X),
        "M",
        of(X, d2024_01_01=90.5, d2024_02_01=70.25),
    ),
    "US Census, International Trade API, JSON as CSV": (
        "I_COMMODITY,GEN_VAL_MO,CTY_CODE,time\n2605000000,1234567,-,2024-01\n2605000000,7654321,-,2024-02\n",
        Hints(series_id=X),
        "M",
        of(X, d2024_01_01=1234567, d2024_02_01=7654321),
    ),
    "US Census, API with YEAR and MONTH": (
        "E_COMMODITY,ALL_VAL_MO,YEAR,MONTH\n7404,10,2024,01\n7404,20,2024,02\n7403,7,2024,01\n",
        Hints(columns={"7404": X}),
        "M",
        of(X, d2024_01_01=10, d2024_02_01=20),
    ),
    "HMRC Overseas Trade Statistics API (OTS)": (
        "MonthId,FlowTypeId,CommodityId,CountryId,Value,NetMass,SuppUnit\n"
        "202401,3,28053010,720,1000.0,25.0,0\n202402,3,28053010,720,2000.0,50.0,0\n",
        Hints(series_id=X, mapping={"NetMass": "value"}),
        "M",
        of(X, d2024_01_01=25, d2024_02_01=50),
    ),
    "USGS Mineral Commodity Summaries, data release (salient statistics)": (
        "DataSource,Commodity,Year,USprod_Primary_t,Imports_t,Price_dlb\n"
        "MCS2024,Cobalt,2021,700,9780,24.21\nMCS2024,Cobalt,2022,W,11700,30.78\nMCS2024,Cobalt,2023,500 e,NA,17.00\n",
        Hints(columns={"USprod_Primary_t": X, "Price_dlb": "price.cobalt"}),
        "Y",
        of(X, d2021_01_01=700, d2023_01_01=500)
        | of("price.cobalt", d2021_01_01=24.21, d2022_01_01=30.78, d2023_01_01=17.0),
    ),
    "Eurostat SDMX-CSV": (
        "DATAFLOW,LAST UPDATE,freq,unit,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG,CONF_STATUS\n"
        "ESTAT:STS(1.0),12/11/24 11:00:00,M,I21,DE,2024-01,101.5,p,\n"
        "ESTAT:STS(1.0),12/11/24 11:00:00,M,I21,DE,2024-02,,c,\n"
        "ESTAT:STS(1.0),12/11/24 11:00:00,M,I21,DE,2024-03,99.25,,\n",
        Hints(series_id=X),
        "M",
        of(X, d2024_01_01=101.5, d2024_03_01=99.25),
    ),
    "Eurostat TSV, bulk download": (
        "freq,unit,geo\\TIME_PERIOD\t2024-01 \t2024-02 \t2024-03 \nM,I21,DE\t101.5 p\t: \t99.25 \n"
        "M,I21,FR\t: c\t88.1 e\t90 \nM,I21,IT\t1 \t2 \t3 \n",
        Hints(columns={"M,I21,DE": X, "M,I21,FR": "volume.y"}),
        "M",
        of(X, d2024_01_01=101.5, d2024_03_01=99.25) | of("volume.y", d2024_02_01=88.1, d2024_03_01=90),
    ),
    "IMF Data, primary commodity prices, wide": (
        "DATASET,SERIES_CODE,INDICATOR,UNIT,2024-M01,2024-M02\n"
        "IMF.RES:PCPS,G001.PCOPP.USD.M,Copper,US dollar,8344.9,8305\n"
        "IMF.RES:PCPS,G001.PZINC.USD.M,Zinc,US dollar,2516.4,\n",
        Hints(columns={"G001.PCOPP.USD.M": X, "G001.PZINC.USD.M": "volume.y"}),
        "M",
        of(X, d2024_01_01=8344.9, d2024_02_01=8305) | of("volume.y", d2024_01_01=2516.4),
    ),
    "OECD Data Explorer, SDMX-CSV, quarters": (
        "STRUCTURE,STRUCTURE_ID,ACTION,FREQ,REF_AREA,TIME_PERIOD,OBS_VALUE,OBS_STATUS\n"
        "DATAFLOW,OECD:A(1),I,Q,USA,2024-Q1,5.5,A\nDATAFLOW,OECD:A(1),I,Q,USA,2024-Q2,6.5,A\n",
        Hints(series_id=X),
        "Q",
        of(X, d2024_01_01=5.5, d2024_04_01=6.5),
    ),
    "India, Department of Commerce, TradeStat monthly": (
        '"Report of export"\n"Values in US $ Million"\n\nS.No.,HSCode,Commodity,Apr-24,May-24\n'
        '1.,2846,RARE EARTH COMPOUNDS,"1,234.56",0.95\n2.,2805,ALKALI METALS,3,"12,345.00"\n',
        Hints(columns={"2846": X}),
        "M",
        of(X, d2024_04_01=1234.56, d2024_05_01=0.95),
    ),
    "Brazil, MDIC Comex Stat, monthly by NCM": (
        '"CO_ANO";"CO_MES";"CO_NCM";"CO_PAIS";"KG_LIQUIDO";"VL_FOB"\n"2024";"01";"26050000";"160";1500;90\n'
        '"2024";"02";"26050000";"160";2500;80\n',
        Hints(series_id=X, mapping={"KG_LIQUIDO": "value"}),
        "M",
        of(X, d2024_01_01=1500, d2024_02_01=2500),
    ),
    "Brazil, Comex Stat web export, decimal comma": (
        "Ano;Mês;Valor US$ FOB\n2024;01;1.234.567,89\n2024;02;987,5\n",
        Hints(series_id=X, mapping={"Mês": "month", "Valor US$ FOB": "value"}),
        "M",
        of(X, d2024_01_01=1234567.89, d2024_02_01=987.5),
    ),
    "Brazil, central bank SGS": (
        '"data";"valor"\n"01/01/2024";"5,31"\n"01/02/2024";"6,02"\n',
        Hints(series_id=X, mapping={"data": "ds", "valor": "value"}, dates="dmy"),
        "M",
        of(X, d2024_01_01=5.31, d2024_02_01=6.02),
    ),
    "FRED, graph download": (
        "observation_date,PCOPPUSDM\n2024-01-01,8344.91\n2024-02-01,.\n2024-03-01,8676.03\n",
        Hints(series_id=X),
        "M",
        of(X, d2024_01_01=8344.91, d2024_03_01=8676.03),
    ),
    "LME, historical prices, daily": (
        "Date,Cash Buyer,Cash Seller & Settlement,3-months Buyer\n"
        '02/01/2024,"8,430.00","8,430.50","8,535.00"\n16/01/2024,"8,270.00","8,271.00","8,370.00"\n',
        Hints(columns={"Cash Seller & Settlement": X}),
        "B",
        of(X, d2024_01_02=8430.5, d2024_01_16=8271),
    ),
    "LME, warrants, days with names of months": (
        "DATE,VALUE\n02-Jan-2024,100\n03-Jan-2024,200\n",
        Hints(series_id=X),
        "B",
        of(X, d2024_01_02=100, d2024_01_03=200),
    ),
    "World Bank, World Development Indicators CSV": (
        '\ufeff"Data Source","World Development Indicators",\n\n"Last Updated Date","2024-06-28",\n\n'
        '"Country Name","Country Code","Indicator Name","Indicator Code","2021","2022","2023",\n'
        '"China","CHN","Ores and metals exports","TX.VAL.MMTL.ZS.UN","1.25","","1.5",\n'
        '"Chile","CHL","Ores and metals exports","TX.VAL.MMTL.ZS.UN","55","54.5","",\n',
        Hints(columns={"CHN": X}),
        "Y",
        of(X, d2021_01_01=1.25, d2023_01_01=1.5),
    ),
    "China, General Administration of Customs, online query (GB 18030)": (
        '数据年月,商品编码,商品名称,第一数量,美元\n202401,28053011,钕,"1,234,567","9,876"\n202402,28053011,钕,987,"1,000"\n'.encode(
            "gb18030"
        ),
        Hints(series_id=X, encoding="gb18030", mapping={"数据年月": "ds", "第一数量": "value"}),
        "M",
        of(X, d2024_01_01=1234567, d2024_02_01=987),
    ),
    "Reserve Bank of Australia, statistical table I2": (
        "I2 COMMODITY PRICES\nTitle,Base metals,Bulk\nDescription,Index of base metals,Index of bulk\n"
        "Frequency,Monthly,Monthly\nType,Original,Original\nUnits,Index,Index\n\nSource,RBA,RBA\n"
        "Publication date,01-Mar-2024,01-Mar-2024\nSeries ID,GRCPBMAD,GRCPBCAD\n"
        "31-Jan-2024,110.5,99\n29-Feb-2024,111.25,98\n",
        Hints(columns={"GRCPBMAD": X}),
        "M",
        of(X, d2024_01_01=110.5, d2024_02_01=111.25),
    ),
    "Statistics Canada, table download": (
        '"REF_DATE","GEO","DGUID","Products","UOM","SCALAR_FACTOR","VECTOR","VALUE","STATUS"\n'
        '"2024-01","Canada","2021A","Nickel","Tonnes","units","v1","12345",""\n'
        '"2024-02","Canada","2021A","Nickel","Tonnes","units","v1","","x"\n',
        Hints(series_id=X),
        "M",
        of(X, d2024_01_01=12345),
    ),
    "Korea, KITA K-stat, months with a point": (
        "기간,수출중량\n2024.01,1234567\n2024.11,55\n",
        Hints(series_id=X, mapping={"기간": "ds", "수출중량": "value"}),
        "M",
        of(X, d2024_01_01=1234567, d2024_11_01=55),
    ),
    "Swiss-Impex, apostrophes in thousands": (
        "Periode;Menge (kg)\nJan 2024;1'234'567.5\nFeb 2024;987.5\n",
        Hints(series_id=X, mapping={"Periode": "ds", "Menge (kg)": "value"}),
        "M",
        of(X, d2024_01_01=1234567.5, d2024_02_01=987.5),
    ),
    "a spreadsheet saved as Unicode text": (
        "Date\tValue\n45292\t1,234.5\n45323\t987\n".encode("utf-16"),
        Hints(series_id=X),
        "M",
        of(X, d2024_01_01=1234.5, d2024_02_01=987),
    ),
    "EIA, a row a year and a column a month": (
        "Price of coal\n\nYear,Jan,Feb,Mar,Annual\n2023,10.5,11,--,10.75\n2024,12,,13,12.5\n",
        Hints(series_id=X),
        "M",
        of(X, d2023_01_01=10.5, d2023_02_01=11, d2024_01_01=12, d2024_03_01=13),
    ),
    "BLS, import price indices with a column of series": (
        "Series Id,Year,Jan,Feb\nEIUIP2605,2024,101.5,102 p\nEIUIP2606,2024,1,2\n",
        Hints(mapping={"Series Id": "series_id"}, columns={"EIUIP2605": X}),
        "M",
        of(X, d2024_01_01=101.5, d2024_02_01=102),
    ),
    "Destatis, by name of a good, months in words": (
        "Monat;Gut;Wert\nJan 2024;Kupfer;5,5\nJan 2024;Zink;6\nFeb 2024;Kupfer;7\n",
        Hints(mapping={"Wert": "value"}, columns={"Kupfer": X}),
        "M",
        of(X, d2024_01_01=5.5, d2024_02_01=7),
    ),
    "weeks of the EIA and others": (
        "Week,Price\n2024-W07,10.5\n2024-W08,11\n",
        Hints(series_id=X),
        "W-SUN",
        of(X, d2024_02_12=10.5, d2024_02_19=11),
    ),
    "Mexico or Spain, cp1252 with a separator line": (
        "sep=;\nPeriodo;Niquel (año)\n2024-01;1.000,5\n2024-02;2.000,5\nFuente: Banco de México\n".encode("cp1252"),
        Hints(series_id=X, encoding="cp1252", mapping={"Periodo": "ds", "Niquel (año)": "value"}),
        "M",
        of(X, d2024_01_01=1000.5, d2024_02_01=2000.5),
    ),
}


@pytest.mark.parametrize("shape", TEXTS)
def test_text_as_a_publisher_writes_it(tmp_path: Path, shape: str) -> None:
    text, hints, freq, expected = TEXTS[shape]
    assert observed(write(tmp_path, text), hints, freq) == expected


def pink_sheet(folder: Path) -> Path:
    """The shape of the World Bank's CMO-Historical-Data-Monthly.xlsx."""
    title: list[list[object]] = [
        ["World Bank Commodity Price Data (The Pink Sheet)"],
        ["monthly prices in nominal US dollars"],
    ]
    title += [["(monthly series are available only in nominal US dollars)"], ["Updated on July 02, 2026"]]
    prices: list[list[object]] = [
        *title,
        [None, "Coal, South African **", "Copper", "Nickel"],
        [None, "($/mt)", "($/mt)", "($/mt)"],
        ["1960M01", "…", 715.4, 1631],
        ["1960M02", 36.5, 728.21, "…"],
    ]
    indices: list[list[object]] = [
        *title,
        [None, "Total Index", "Energy"],
        [None, " ", None, "Metals", "Grains"],  # a level of the index a row
        ["1960M01", 3, 2.125, 13.5, 9],
        ["1960M02", 4, 2.5, 14, 8],
    ]
    about: list[list[object]] = [
        ["World Bank Commodity Price Data (The Pink Sheet)"],
        ["Series Description"],
        [None, "Coal is a price."],
    ]
    return write_book(folder, {"Monthly Prices": prices, "Monthly Indices": indices, "Description": about})


def test_the_pink_sheet_of_the_world_bank(tmp_path: Path) -> None:
    path = pink_sheet(tmp_path)
    columns = {"Copper": "price.copper", "Coal, South African ($/mt)": "price.coal", "nickel ($/mt)": "price.nickel"}
    expected = of("price.copper", d1960_01_01=715.4, d1960_02_01=728.21)
    expected |= of("price.coal", d1960_02_01=36.5) | of("price.nickel", d1960_01_01=1631)
    assert observed(path, Hints(sheet="monthly prices", columns=columns)) == expected
    table = open_table(path, Hints(sheet="monthly prices", columns=columns), {}, Limits())
    assert (table.understood.header_line, table.understood.period_format) == (5, "YYYYMmm")
    assert table.understood.layout == "a column a series"
    assert table.understood.mapping == {"ds": "column 1"}


def test_names_that_stand_in_several_rows_of_a_header(tmp_path: Path) -> None:
    columns = {"Total Index": "index.total", "Metals": "index.metals"}
    assert observed(pink_sheet(tmp_path), Hints(sheet="Monthly Indices", columns=columns)) == of(
        "index.total", d1960_01_01=3, d1960_02_01=4
    ) | of("index.metals", d1960_01_01=13.5, d1960_02_01=14)


def test_of_several_sheets_with_tables_one_has_to_be_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"'Monthly Prices', 'Monthly Indices'.*--sheet NAME"):
        observed(pink_sheet(tmp_path), Hints(columns={"Copper": "price.copper"}))


def test_a_workbook_with_days_as_cells_and_notes_below(tmp_path: Path) -> None:
    """Chile, Cochilco, monthly production."""
    rows: list[list[object]] = [
        ["Producción de cobre"],
        [],
        ["Fecha", "Total (kt)"],
        [dt.date(2024, 1, 1), 430.5],
        [dt.date(2024, 2, 1), "420,0 p"],
        ["Fuente: Cochilco"],
    ]
    path = write_book(tmp_path, {"datos": rows})
    hints = Hints(series_id=X, mapping={"Fecha": "ds"}, decimal=",")
    assert observed(path, hints) == of(X, d2024_01_01=430.5, d2024_02_01=420)


def test_usgs_historical_statistics_with_a_title_footnotes_and_numbered_notes(tmp_path: Path) -> None:
    """USGS Data Series 140."""
    rows: list[list[object]] = [
        ["COBALT STATISTICS1"],
        ["U.S. GEOLOGICAL SURVEY"],
        ["[All values in metric tons (t) cobalt content unless otherwise noted]"],
        ["Year", "Primary production", "Unit value ($/t)", "World production"],
        [2019.0, 500.0, 37400.0, "144,000 r"],
        [2020.0, "W", 34600.0, "142,000 (e)"],
        ["1See the introduction to this data series for more information."],
        ["Data are rounded to no more than three significant digits."],
    ]
    path = write_book(tmp_path, {"Cobalt": rows})
    columns = {"Primary production": "volume.primary", "World production": X}
    expected = of("volume.primary", d2019_01_01=500)
    with pytest.raises(InvalidInput, match="--decimal"):
        observed(path, Hints(columns=columns), "Y")
    expected |= of(X, d2019_01_01=144000, d2020_01_01=142000)
    assert observed(path, Hints(columns=columns, decimal="."), "Y") == expected


def test_a_workbook_whose_periods_are_serial_days(tmp_path: Path) -> None:
    rows: list[list[object]] = [["date", "value"], [45292.0, 1.5], [45323, 2]]
    assert observed(write_book(tmp_path, {"a": rows}), Hints(series_id=X)) == of(X, d2024_01_01=1.5, d2024_02_01=2)


def test_the_only_sheet_with_a_table_is_taken_and_hidden_ones_are_not_looked_at(tmp_path: Path) -> None:
    rows: list[list[object]] = [["unique_id", "ds", "y"], [X, dt.date(2024, 1, 1), 1.5]]
    path = write_book(tmp_path, {"About": [["This file"], ["says nothing"]], "Data": rows, "Empty": []})
    assert observed(path) == of(X, d2024_01_01=1.5)


def test_what_is_understood_is_told(tmp_path: Path) -> None:
    text, hints, *_ = TEXTS["Brazil, Comex Stat web export, decimal comma"]
    told = open_table(write(tmp_path, text), hints, {}, Limits()).understood
    assert (told.format, told.separator, told.encoding, told.header_line) == ("csv", ";", "utf-8", 1)
    assert (told.layout, told.period_format, told.decimal) == ("long", "YYYY-MM", ",")
    assert told.mapping == {"year": "Ano", "month": "Mês", "value": "Valor US$ FOB"}
