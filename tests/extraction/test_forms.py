"""Forms in which clinics write: labels within a plan, letters, lists of tests, stopped lists, two medicines a line."""

from __future__ import annotations

from datetime import date

import pytest

from hospital_rt.extraction.api import Result
from hospital_rt.extraction.pipeline import read_now

NOTE_DAY = date(2026, 11, 30)


def read(text: str) -> Result:
    return read_now(text, day=NOTE_DAY)


def titles(text: str) -> list[str]:
    return [kept.item.title for kept in read(text).kept]


def told(found: Result, words: str) -> bool:
    """Whether the author is asked about or shown these words."""
    quotes = [one.quote for one in found.questions] + [one.quote for one in found.unmatched]
    return any(words in quote for quote in quotes)


def test_labels_within_a_plan_do_not_end_it() -> None:
    found = read("PLAN\n- Imaging: CXR\n- Medications: continue lisinopril 10 mg daily\n- Follow up: 2 weeks")
    made = [kept.item.title for kept in found.kept]
    assert {"Come back for a follow-up visit in 2 weeks", "Take lisinopril 10 mg once a day"} <= set(made)
    assert "Have a chest X-ray" in made or told(found, "CXR")


def test_headings_of_a_history_behind_a_plan_are_no_labels() -> None:
    text = "Plan: rest and fluids.\nMedications: atorvastatin 20 mg nightly\nAllergies: none\nPMH: hypertension"
    assert not any("atorvastatin" in title for title in titles(text))


def test_results_behind_a_plan_are_no_orders() -> None:
    assert not read("Plan: ferrous fumarate 210 mg bd\n\nLabs: Hb 98, ferritin 6, CRP 4.").kept[1:]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Plan: Bloods: FBC, U&E, LFT, CRP.", "Have blood tests: blood count, kidney function, liver function, CRP"),
        (
            "PLAN\nI want to get several labs such as an ESR, ANA, and rheumatoid factor.",
            "Have several labs such as an ESR, ANA, and rheumatoid factor",
        ),
        ("PLAN\nOrder labs (CBC, CMP, TSH) in 2 weeks.", "Have labs (CBC, CMP, TSH) in 2 weeks"),
        ("PLAN\nBlood work next Monday - fasting.", "Have blood work next Monday, fasting"),
        ("PLAN\nColonoscopy due 2027.", "Have a colonoscopy in 2027"),
    ],
)
def test_one_blood_draw_is_one_step_with_how_to_come_to_it(text: str, title: str) -> None:
    assert titles(text) == [title]


@pytest.mark.parametrize(
    ("text", "title", "asked"),
    [
        ("Start metformin 500 mg and glipizide 5 mg twice daily.", "Take glipizide 5 mg twice a day", "metformin"),
        (
            "I have prescribed meloxicam 15 mg and ibuprofen 800 mg twice daily as needed.",
            "Take ibuprofen 800 mg twice a day when you need it",
            "meloxicam",
        ),
        ("Take aspirin 75 mg and zyxomab twice daily.", "Take aspirin 75 mg twice a day", "zyxomab"),
        ("Take zyxomab and aspirin 75 mg once daily.", "Take aspirin 75 mg once a day", "zyxomab"),
    ],
)
def test_a_schedule_behind_two_names_is_not_taken_for_both(text: str, title: str, asked: str) -> None:
    found = read(text)
    assert [kept.item.title for kept in found.kept] == [title]
    assert any(asked in question.quote for question in found.questions)


@pytest.mark.parametrize(
    "text",
    [
        "Start metformin 500 mg and glipizide 5 mg, both twice daily.",
        "She will take Tylenol 500 mg, 2 tablets, and ibuprofen 200 mg, 2 tablets, 3 times daily.",
        "Take calcium 600 mg and vitamin D 800 units daily.",
    ],
)
def test_a_schedule_that_says_so_is_for_both(text: str) -> None:
    assert len(read(text).kept) == 2 and not read(text).questions


@pytest.mark.parametrize("text", ["Discontinue use.", "Hold for 3 days.", "Stop the tablets for 2 days."])
def test_an_order_to_stop_without_a_name_is_shown(text: str) -> None:
    found = read(f"PLAN\n{text}")
    assert not found.kept and told(found, text)


def test_what_to_do_when_a_medicine_harms_stays_together() -> None:
    text = "PLAN\nThe patient was instructed to discontinue use and contact the office if a rash develops."
    assert titles(text) == ["Stop taking the medicine and contact the clinic if a rash develops"]


@pytest.mark.parametrize(
    "text", ["Ibuprofen (STOP)", "Ibuprofen - stopped", "Ibuprofen: STOP", "Ibuprofen 400 mg (discontinued)"]
)
def test_an_order_to_stop_may_stand_behind_the_name(text: str) -> None:
    found = read(f"Discharge medications:\n{text}")
    assert [kept.item.title for kept in found.kept] == ["Stop taking Ibuprofen"] or told(found, "Ibuprofen")


def test_a_list_of_what_was_stopped_makes_no_step_and_is_shown() -> None:
    found = read("DISCHARGE SUMMARY\nStopped: ramipril 5 mg OD\nStarted: doxycycline 100 mg BD for 5 days")
    assert [kept.item.title for kept in found.kept] == ["Take doxycycline 100 mg twice a day for 5 days"]
    assert told(found, "ramipril")


def test_a_medicine_that_waits_for_a_result_does_not_begin_by_itself() -> None:
    assert not any("ramipril" in title for title in titles("Repeat U&E in 1 week and restart ramipril if normal."))


def test_the_prose_of_a_letter_is_not_part_of_its_list_of_medicines() -> None:
    found = read(
        "Dear Dr Patel,\nCurrent medication: methotrexate 15 mg weekly, naproxen 500 mg bd.\n"
        "I reviewed this lady in clinic today. I have increased methotrexate to 20 mg weekly. "
        "I would be grateful if you could check FBC and LFT every two weeks. She should stop naproxen."
    )
    assert "Take methotrexate 20 mg once a week" in [kept.item.title for kept in found.kept]
    assert told(found, "I would be grateful") and not any("15 mg" in kept.item.title for kept in found.kept)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        (
            "We will start outpatient occupational therapy 2 times per week.",
            "Go to outpatient occupational therapy 2 times per week",
        ),
        ("Patient to contact his PCP to discuss the statin.", "Contact your primary care doctor to discuss the statin"),
        ("For f2f appointment with GP today", "See the GP today"),
        ("Take naproxen 500 mg every 12 hours for a full week.", "Take naproxen 500 mg every 12 hours for 1 week"),
        ("Twice daily applications of clobetasol to the elbows.", "Apply clobetasol to the elbows twice a day"),
        ("I recommend that we perform a cholecystectomy.", "Have a cholecystectomy"),
    ],
)
def test_what_the_clinic_words_as_its_own_act_reads_as_an_order(text: str, title: str) -> None:
    assert titles(f"PLAN\n{text}") == [title]


def test_an_operation_of_the_past_is_no_step() -> None:
    assert not titles("PLAN\nHe is status post appendectomy. She had a hysterectomy in 2010.")


def test_an_act_ordered_twice_is_one_step_and_is_not_shown_again() -> None:
    found = read("PLAN\nWe are going to repeat an EKG today.\n\nINSTRUCTIONS\nComplete EKG today.")
    assert [kept.item.title for kept in found.kept] == ["Have an ECG (heart tracing) today"]
    assert not found.unmatched


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Magnesium oxide 400 mg daily.", "Take Magnesium oxide 400 mg once a day"),
        (
            "Amoxicillin-clavulanate 875-125 mg BID x 7 days.",
            "Take Amoxicillin-clavulanate 875-125 mg twice a day for 7 days",
        ),
        ("Start sacubitril-valsartan 24-26 mg twice daily.", "Take sacubitril-valsartan 24-26 mg twice a day"),
        ("Start bempedoic acid 180 mg once daily.", "Take bempedoic acid 180 mg once a day"),
        ("Symbicort 160/4.5 2 puffs BID", "Inhale Symbicort 160/4.5, 2 puffs twice a day"),
    ],
)
def test_a_name_and_its_strength_are_whole(text: str, title: str) -> None:
    assert titles(f"PLAN\n{text}") == [title]


def test_of_two_doses_with_a_dash_between_them_it_is_asked_which() -> None:
    found = read("PLAN\nReduce prednisolone 10-5 mg daily.")
    assert not found.kept and found.questions


@pytest.mark.parametrize(
    "text",
    [
        "Continue sumatriptan 50 mg PRN, may repeat in 2 hours, max 200 mg/day.",
        "Below elbow cast 6/52, elevate in sling, finger exercises hourly.",
        "Commence bisoprolol 1.25 mg, uptitrate by GP to 2.5 mg after 2 weeks if HR >60",
        "Home BP cuff - check daily, bring log.",
    ],
)
def test_what_is_not_understood_whole_is_never_live_without_review(text: str) -> None:
    assert not any(kept.sure for kept in read(f"PLAN\n{text}").kept)


def test_hours_after_a_dose_are_not_the_day_of_a_test() -> None:
    assert titles("PLAN\nBloods (lithium level, TFT) 12 hours post dose next week.") == [
        "Have blood tests (lithium level, thyroid function) next week"
    ]


@pytest.mark.parametrize("text", ["CKD: avoid NSAIDs.", "Diabetes: do not skip meals.", "MRI L-spine if red flags"])
def test_a_prohibition_and_a_test_on_a_condition_are_shown(text: str) -> None:
    assert told(read(f"PLAN\n{text}"), text)


def test_a_stop_beside_an_order_on_a_condition_is_not_passed_over() -> None:
    found = read("PLAN\nStop ibuprofen and start naproxen 500 mg bd if pain.")
    assert "Stop taking ibuprofen" in [kept.item.title for kept in found.kept] or told(found, "Stop ibuprofen")


def test_advice_with_a_condition_that_mentions_a_medicine_stays_whole() -> None:
    assert titles("PLAN\nCall if fever lasts more than 48 hours on antibiotics.") == [
        "Call if fever lasts more than 48 hours"
    ]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Nitroglycerin 0.4 mg under the tongue every 5 minutes as needed for chest pain, max 3 doses.", "5 minutes"),
        ("Continue sumatriptan 50 mg PRN, may repeat in 2 hours, max 200 mg/day.", "may repeat in 2 hours"),
        ("Lidocaine 5% ointment before opening bowels if sore.", "before opening bowels"),
    ],
)
def test_a_limit_that_no_field_holds_stands_in_the_details(text: str, kept: str) -> None:
    (one,) = [kept_.item for kept_ in read(f"PLAN\n{text}").kept]
    assert kept in (one.detail or "")


def test_q_day_is_once_a_day() -> None:
    assert titles("PLAN\nLisinopril 10 mg 1 tab po q day") == ["Take Lisinopril 10 mg, 1 tablet once a day"]
