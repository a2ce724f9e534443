"""Notices as candidates: what the texts say is in the event, what they do not say is a doubt, and no text breaks it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.catalog.csv_reader import Reading, TableRow
from forecast.catalog.csv_records import read_event
from forecast.events.candidate import Candidate
from forecast.jobs.event_edits import fact_texts
from forecast.sources.reading.dates import effective_days, last_days
from forecast.sources.reading.measures import rates
from forecast.sources.reading.notice import Notice, candidate_of, wants_text
from forecast.sources.reading.text import plain
from tests.support.notices import words

DAY = dt.date(2026, 3, 2)
RULE = Notice("federal-register", "2026-1", "", "Notice", DAY, "https://example.org/2026-1")
ORDER = replace(RULE, kind="Presidential Document", signed=DAY, act="Proclamation 11111")


def read(notice: Notice) -> Candidate | None:
    return candidate_of(notice, words(), "USA")


def found(notice: Notice) -> Candidate:
    candidate = read(notice)
    assert candidate is not None
    return candidate


def order(title: str, *clauses: str) -> Notice:
    return replace(
        ORDER, title=title, text=" ".join(("1. Reasons.", "NOW, THEREFORE, I do hereby proclaim:", *clauses))
    )


@pytest.mark.parametrize(
    ("title", "facts", "kind"),
    [
        ("Cobalt From Japan: Initiation of Antidumping Duty Investigation", {}, "threat"),
        ("Cobalt From Japan: Final Affirmative Countervailing Duty Determination", {}, "tariff"),
        ("Cobalt From Japan: Antidumping Duty Order", {}, "tariff"),
        ("Cobalt From Japan: Revocation of Antidumping Duty Order", {}, "tariff_relief"),
        ("Cobalt From Japan: Final Negative Countervailing Duty Determination", {}, "tariff_relief"),
        (
            "Cobalt From Japan: Preliminary Affirmative Determination of Sales at Less Than Fair Value, Postponement of"
            " Final Determination, and Extension of Provisional Measures",
            {},
            "tariff",
        ),
        (
            "Cobalt From Japan: Final Affirmative Countervailing Duty Determination, Final Negative Determination of"
            " Critical Circumstances",
            {},
            "tariff",
        ),
        ("Additions of Cobalt Producers to the Entity List", {"action": "Final rule."}, "entity_list"),
        ("Commerce Control List: Germanium", {"action": "Final rule."}, "export_control"),
        ("Notice of OFAC Sanctions Actions on Nickel", {"action": "Notice."}, "sanction"),
        ("Product Exclusions: Graphite", {"abstract": "Exclusions from additional duties."}, "tariff_relief"),
        (
            "Proposed Action on Magnets",
            {"abstract": "Request for comments on permanent magnets, section 301."},
            "threat",
        ),
        ("Magnesium", {"kind": "Proposed Rule", "abstract": "Export controls are proposed."}, "threat"),
    ],
)
def test_a_kind_is_told_by_its_words(title: str, facts: dict[str, str], kind: str) -> None:
    assert found(replace(RULE, title=title, **facts)).event.kind == kind  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "title",
    [
        "Cobalt From Japan: Final Results of Antidumping Duty Administrative Review",
        "Cobalt From Japan: Initiation of Antidumping Duty Administrative Reviews",
        "Cobalt From Japan: Final Results of Expedited Sunset Review of the Antidumping Duty Order",
        "Cobalt From Japan; Scheduling of the Final Phase of Countervailing Duty Investigations",
        "Cobalt From Japan: Postponement of Preliminary Determination in the Antidumping Duty Investigation",
        "Cobalt From Japan: Postponement of Preliminary Determinations of Sales at Less Than Fair Value",
        "Opening of the Window to Ask for Cobalt Tariff Inclusions",
        "Meeting of the Copper Advisory Committee on Tariffs",
        "Information Collection Activities; Export Controls on Nickel",
        "Certain Lithium Compounds; Institution of Investigation under Section 337",
        "Environmental Statement for a Copper Mine",
    ],
)
def test_procedure_and_what_is_no_measure_suggest_nothing(title: str) -> None:
    assert read(replace(RULE, title=title, abstract="A notice about antidumping duties.")) is None
    assert read(replace(RULE, title=title)) is None


def test_a_measure_on_no_mineral_suggests_nothing() -> None:
    assert read(order("Adjusting Imports of Trucks", "(1) Trucks shall be subject to a 25 percent tariff.")) is None
    assert read(replace(RULE, title="Paper Clips From China: Antidumping Duty Order")) is None


def test_a_duty_has_its_rate_day_and_targets() -> None:
    one = found(
        order(
            "Adjusting Imports of Nickel",
            "(1) Imports of nickel from Canada and Norway shall be subject to a 15 percent ad valorem rate of duty on"
            " or after 12:01 a.m. eastern daylight time on April 1, 2026.",
        )
    )
    event = one.event
    assert (event.announced, event.effective, event.value_after) == (DAY, dt.date(2026, 4, 1), 15)
    assert (event.targets, event.flows) == (("CAN", "NOR"), (("CAN", "USA"), ("NOR", "USA")))
    assert (event.status, event.certainty, one.doubts, event.needs_recheck) == ("enacted", "partly", (), False)


def test_an_order_may_block_property_or_seek_an_agreement() -> None:
    blocks = order("Sanctions on the Nickel Sector of Iran", "(1) All property and interests in property are blocked.")
    assert found(blocks).event.kind == "sanction"
    talks = order("Adjusting Imports of Nickel", "(1) The Secretary shall jointly pursue negotiations of agreements.")
    assert (found(talks).event.kind, found(talks).event.effective) == ("threat", None)


def test_nothing_in_a_text_steers_the_terminal_that_shows_it() -> None:
    title = "Cobalt\x07 \x1b[31mFrom\x9b5m Japan\u202e:\nAntidumping Duty Order"
    assert found(replace(RULE, title=title)).event.title == "Cobalt [31mFrom5m Japan: Antidumping Duty Order"


def test_what_is_said_twice_or_not_at_all_is_a_doubt() -> None:
    one = found(
        order(
            "Adjusting Imports of Nickel",
            "(1) Nickel shall be subject to a 15 percent tariff on or after April 1, 2026; and to a tariff of 30"
            " percent on or after July 1, 2026, from all countries. (2) Imports from Canada are exempt.",
        )
    )
    assert (one.event.effective, one.event.value_after, one.event.value_text) == (dt.date(2026, 4, 1), None, "15/30")
    assert one.doubts == (
        "it tells countries apart: see what it says of CAN",
        "it names several days from which something applies: 2026-04-01, 2026-07-01",
        "it names several rates: 15, 30 percent",
    )
    assert one.event.needs_recheck
    silent = found(order("Adjusting Imports of Nickel", "(1) Nickel shall be subject to a tariff."))
    assert silent.doubts == ("from when it applies was not found", "a rate was not found")


def test_dates_and_rates_of_the_reasons_are_not_those_of_the_order() -> None:
    one = found(
        replace(
            ORDER,
            title="Adjusting Imports of Nickel",
            text="1. In Proclamation 9704 I imposed a 10 percent tariff, beginning March 23, 2018. NOW, THEREFORE, I"
            " proclaim: (1) The duty is increased from 10 percent to 25 percent on or after March 12, 2026.",
        )
    )
    assert (one.event.value_before, one.event.value_after, one.event.effective) == (10, 25, dt.date(2026, 3, 12))
    assert one.cites == ("Proclamation 9704",)


def test_a_section_of_dates_may_reach_further_back_than_a_text() -> None:
    revoked = replace(RULE, title="Cobalt From Japan: Revocation of Antidumping Duty Order")
    assert found(replace(revoked, dates="Effective Date: April 15, 2025.")).event.effective == dt.date(2025, 4, 15)
    assert found(replace(revoked, text="The order was effective April 15, 2005.")).event.effective is None


def test_a_first_section_of_reasons_orders_nothing() -> None:
    one = found(
        replace(
            ORDER,
            title="Adjusting Imports of Nickel",
            text="I hereby order: Section 1. Background. A tariff of 10 percent applies as of March 1, 2026."
            " Sec. 2. Duty. Nickel shall be subject to a tariff of 30 percent on or after April 1, 2026.",
        )
    )
    assert (one.event.value_after, one.event.effective, one.doubts) == (30, dt.date(2026, 4, 1), ())


def test_relief_has_its_last_day_known_with_it() -> None:
    one = found(
        replace(
            RULE,
            title="Product Exclusion Extensions: Graphite From China",
            dates="The exclusions apply as of March 5, 2026, through November 29, 2026.",
        )
    )
    assert (one.event.effective, one.event.ended) == (dt.date(2026, 3, 5), dt.date(2026, 11, 29))
    assert one.event.end_known == DAY


def test_an_order_on_all_goods_is_about_a_basket() -> None:
    china = order("Reciprocal Tariffs", "(1) All articles imported from China shall be subject to a 20 percent tariff.")
    world = order(
        "Reciprocal Tariffs", "(1) All imports from all trading partners shall be subject to a duty of 10 percent."
    )
    truce = order(
        "Modifying Reciprocal Tariff Rates Consistent With the Arrangement Between the United States and China",
        "(1) The heightened duties are suspended until November 10, 2026, effective March 10, 2026.",
    )
    assert (found(truce).event.kind, found(truce).event.minerals) == ("truce", ("all-cn-origin",))
    assert found(truce).event.ended == dt.date(2026, 11, 10)
    assert found(china).event.minerals == ("all-cn-origin",)
    assert found(world).event.minerals == ("all-non-exempt",)
    assert "it is about goods at large" in found(world).doubts[0]


def test_a_reciprocal_tariff_is_on_goods_at_large_and_may_count_its_days_from_the_signing() -> None:
    raised = order(
        "Modifying the Reciprocal Tariff Rates",
        "(1) Goods will be subject to an additional ad valorem rate of duty of 10 percent, effective with respect to"
        " goods entered on or after 12:01 a.m. eastern daylight time 7 days after the date of this order.",
    )
    assert found(raised).event.effective == DAY + dt.timedelta(days=7)
    held = order(
        "Extending the Reciprocal Tariff Modification",
        "(1) The suspension is extended until August 1, 2026, effective March 9, 2026.",
    )
    assert (found(held).event.kind, found(held).event.ended) == ("tariff_relief", dt.date(2026, 8, 1))


def test_minerals_of_the_codes_are_told_where_no_text_names_one() -> None:
    one = found(
        replace(
            RULE,
            title="Modification of Action on Goods of China",
            abstract="The rate of duty is increased to 25 percent.",
            dates="Applicable March 9, 2026.",
            text="Annex: 2504.10.50; 8505.11.00",
        )
    )
    assert one.event.minerals == ("graphite-natural", "ndfeb-magnets")
    assert one.event.scope_note == "HS 250410, 850511"
    assert "are all of them meant?" in one.doubts[0]


def test_a_remedy_is_about_the_good_of_its_title_and_doubts_articles_of_a_metal() -> None:
    clips = replace(
        RULE, title="Paper Clips From China: Antidumping Duty Order", text="Imports are of galvanized steel."
    )
    assert read(clips) is None
    assert not wants_text(clips, words())
    nails = found(
        replace(RULE, title="Steel Nails From Oman: Antidumping Duty Order", dates="Applicable March 9, 2026.")
    )
    assert nails.event.minerals == ("steel",)
    assert nails.doubts[0] == "it may be on articles of steel only: see its scope"


def test_minerals_in_the_names_of_firms_are_none_and_those_that_are_traded_are_told() -> None:
    listed = replace(
        RULE,
        title="Notice of OFAC Sanctions Actions",
        text="1. GOLDEN COPPER IMPORT EXPORT LLC, Moscow. 2. NICKEL STAR TRADING; 3. SILVER LINE EXPORTS CO.",
    )
    assert read(listed) is None
    banned = found(replace(listed, text="The importation of gold of Russian Federation origin is prohibited."))
    assert (banned.event.minerals, banned.event.targets) == (("gold",), ("RUS",))
    assert banned.doubts[:2] == (
        "its minerals, gold, are named in the text only",
        "its targets, RUS, are named in the text only",
    )


def test_a_text_is_wanted_of_orders_and_where_the_rest_is_silent() -> None:
    lexicon = words()
    assert wants_text(order("Adjusting Imports of Nickel"), lexicon)
    remedy = replace(RULE, title="Nickel From Norway: Antidumping Duty Order", dates="Applicable March 9, 2026.")
    assert not wants_text(remedy, lexicon)
    assert wants_text(replace(remedy, dates=""), lexicon)
    assert not wants_text(replace(RULE, title="Fisheries of the Northeast"), lexicon)


def test_days_that_there_are_not_and_days_for_comments_are_none() -> None:
    assert effective_days("Effective February 30, 2026.", DAY) == []
    assert effective_days("Comments are due on or after April 1, 2026. It is effective April 2, 2026.", DAY) == [
        dt.date(2026, 4, 2)
    ]
    assert last_days("It lasts until May 1, 2026, and not until May 1, 2020.", DAY) == [dt.date(2026, 5, 1)]


def test_rates_are_those_of_duties() -> None:
    assert rates("The duty is 25 percent. Capacity was 80 percent.") == [(None, 25.0)]
    assert rates("The tariff rises from 7.5 percent to 25 percent; a tariff of 25 percent stays.") == [
        (7.5, 25.0),
        (None, 25.0),
    ]


_WORDS = st.sampled_from(
    (
        *("tariff", "duty of", "25 percent", "from 10 percent to 25 percent", "effective", "on or after", "until"),
        *("March 9, 2026", "May 1, 2027", "February 30, 2026", "copper", "rare earth", "China", "all countries"),
        *("Proclamation 9704", "NOW, THEREFORE", "2846.10.00", "section 232", "initiation", "antidumping", "order"),
        *(
            "exclusion",
            "89 FR 76581",
            "shall be subject to",
            "all articles of",
            "critical minerals means",
            ";",
            ". ",
            "(",
        ),
    )
)
_TEXT = st.one_of(st.text(max_size=200), st.lists(_WORDS, max_size=60).map(" ".join))
_KINDS = st.sampled_from(("Notice", "Rule", "Proposed Rule", "Presidential Document"))


@given(_TEXT, _TEXT, _TEXT, _TEXT, _KINDS)
def test_no_text_breaks_the_reading_and_what_is_read_can_be_taken_in(
    title: str, abstract: str, dates: str, text: str, kind: str
) -> None:
    notice = replace(RULE, title=f"Copper {title}", abstract=abstract, dates=dates, text=text, kind=kind)
    assert isinstance(wants_text(notice, words()), bool)
    candidate = read(notice)
    if candidate is None:
        return
    reading = Reading()
    texts = {**fact_texts(candidate.event), "event_id": candidate.candidate_id}
    event = read_event(TableRow("", 0, texts, {}), (), reading, DAY)
    reading.finish()
    assert event.minerals == candidate.event.minerals


@given(st.text(max_size=300))
def test_a_plain_text_is_one_line_and_stays_what_it_is(text: str) -> None:
    once = plain(text)
    assert "\n" not in once
    assert once == once.strip()
