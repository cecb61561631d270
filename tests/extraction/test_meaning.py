"""What a note says stays what it says: doses that change, names, limits, ends, stops and conditions."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from hospital_rt.extraction.api import Result
from hospital_rt.extraction.pipeline import read_now

NOTE_DAY = date(2026, 11, 30)


def read(text: str) -> Result:
    return read_now(text, day=NOTE_DAY)


def titles(text: str) -> list[str]:
    return [kept.item.title for kept in read(text).kept]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Increase furosemide from 40 to 80 mg in the morning.", "Take furosemide 80 mg every morning"),
        ("Reduce gabapentin 300 to 200 mg tds.", "Take gabapentin 200 mg 3 times a day"),
        ("Ibuprofen 200-400 mg tds with food.", "Take Ibuprofen 200-400 mg 3 times a day with food"),
        ("Continue sacubitril/valsartan 49/51 bd.", "Take sacubitril/valsartan 49/51 twice a day"),
        ("Nitrofurantoin MR 100 mg bd for 5 days.", "Take Nitrofurantoin MR 100 mg twice a day for 5 days"),
        ("Vitamin B12 1 mg injection every month on the 1st.", "Inject Vitamin B12 1 mg once a month on the 1st"),
        (
            "Ferrous sulfate 200 mg od on an empty stomach.",
            "Take Ferrous sulfate 200 mg once a day on an empty stomach",
        ),
        ("Zopiclone 3.75 mg on alternate nights.", "Take Zopiclone 3.75 mg every other day at bedtime"),
        ("Ring the 24/7 line if pain is not controlled.", "Ring the 24/7 line if pain is not controlled"),
        ("Recheck FBC in 8 weeks.", "Have a blood count in 8 weeks"),
        ("Book lipids prior to next visit.", "Have a lipid panel (cholesterol blood test) prior to next visit"),
        ("RV 6/12 or sooner if SOB.", "Come back for a review in 6 months or sooner if shortness of breath"),
        ("Stop ibuprofen and call us if stools black.", "Stop ibuprofen and call the clinic if stools black"),
    ],
)
def test_the_title_says_what_the_note_says(text: str, title: str) -> None:
    assert titles(text) == [title]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Apply clobetasol bd to elbows for 2 weeks.", "Apply clobetasol to elbows twice a day for 2 weeks"),
        ("Betnovate to scalp nocte.", "Apply Betnovate to scalp at bedtime"),
        (
            "Instil chloramphenicol qds to right eye for 5 days.",
            "Use chloramphenicol in the right eye 4 times a day for 5 days",
        ),
        ("Cosopt bd to left eye.", "Use Cosopt in the left eye twice a day"),
        ("Inject methotrexate 15 mg every Monday.", "Inject methotrexate 15 mg every Monday"),
        ("Insert clotrimazole 500 mg vaginally at night.", "Insert clotrimazole 500 mg at bedtime"),
        ("Cyclopentolate 1% tds R eye.", "Use Cyclopentolate 1% in the right eye 3 times a day"),
        ("Emollient qds.", "Apply Emollient 4 times a day"),
        ("Chew aspirin 300 mg once.", "Chew aspirin 300 mg once"),
        ("Take salbutamol 2 puffs tds.", "Inhale salbutamol 2 puffs 3 times a day"),
        ("Hydroxocobalamin 1 mg IM every 12 weeks.", "Inject Hydroxocobalamin 1 mg every 12 weeks"),
        ("Morphine 2.5 mg s/c prn.", "Inject Morphine 2.5 mg when you need it"),
        ("Escitalopram 10 mg od.", "Take Escitalopram 10 mg once a day"),
        ("Enoxaparina 40 mg sc cada 24 horas.", "Inyecte Enoxaparina 40 mg una vez al día"),
        ("Timolol 1 gota cada 12 horas.", "Aplique Timolol 1 gota cada 12 horas"),
        ("Humira 40 mg fortnightly.", "Inject Humira 40 mg every 2 weeks"),
        ("Canesten HC bd.", "Apply Canesten HC twice a day"),
    ],
)
def test_what_is_not_swallowed_is_not_said_to_be_taken(text: str, title: str) -> None:
    assert titles(text) == [title]


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("Swap ramipril for losartan 50 mg od.", "Swap ramipril for losartan"),
        ("Switch from sertraline to mirtazapine 15 mg nocte.", "Switch from sertraline to mirtazapine"),
        ("Switch her to losartan 50 mg od.", None),
    ],
)
def test_the_medicine_that_is_replaced_is_named(text: str, detail: str | None) -> None:
    (kept,) = read(text).kept
    assert kept.item.detail == detail


@pytest.mark.parametrize(
    ("text", "detail", "limits"),
    [
        ("Paracetamol 1 g up to 4 times a day, max 4 g/24h.", "at most 4 times a day, 4 g/24h", 4),
        ("Salbutamol 2 puffs prn up to QDS.", "at most 4 times a day", 4),
        ("Codeine 30 mg 1-2 tabs q4h prn, no more than 8 in 24 h.", "at most 8 in 24 h", 4),
        ("Loperamide 2 mg after each loose motion, not above 8 capsules in 24 h.", "at most 8 capsules in 24 h", 8),
    ],
)
def test_a_limit_is_no_dose_and_counts_uses(text: str, detail: str, limits: int) -> None:
    (kept,) = read(text).kept
    item: Any = kept.item
    assert (item.detail, item.limits.max_per_day) == (detail, limits)
    assert item.as_needed


@pytest.mark.parametrize(
    "text",
    [
        "Metformin 1000 mg bd if tolerated.",
        "Pantoprazole 40 mg in the morning while on prednisone.",
        "Colchicine 500 mcg bd until pain settles.",
        "Bisoprolol up to 3.75 mg od.",
    ],
)
def test_an_end_without_a_date_and_a_dose_not_read_are_never_live_without_review(text: str) -> None:
    (kept,) = read(text).kept
    assert not kept.sure
    assert not kept.item.as_needed


STOPS_AND_CONDITIONS = [
    "Sick day rules: pause ramipril, metformin if vomiting.",
    "Omit metformin on the morning of the scan.",
    "Hold apixaban 2 days before the extraction.",
    "Please ensure that he does not take aspirin or ibuprofen.",
    "CXR if still coughing in 3 weeks.",
]
PLAIN_ORDERS = [
    "I would like to obtain an MRI of the lumbar spine.",
    "In the meantime, he should avoid heavy lifting.",
    "She was instructed to stop Afrin.",
]


@pytest.mark.parametrize("text", STOPS_AND_CONDITIONS)
def test_a_stop_and_a_condition_are_never_taken_for_an_order(text: str) -> None:
    assert not [title for title in titles(text) if not title.startswith("Stop")]


@pytest.mark.parametrize("text", [*STOPS_AND_CONDITIONS, *PLAIN_ORDERS])
def test_no_order_and_no_stop_is_passed_over(text: str) -> None:
    result = read(text)
    assert result.kept or result.questions or result.unmatched


@pytest.mark.parametrize(
    ("later", "title"),
    [
        ("a full tablet daily", "Take Lexapro a full tablet once a day starting in 7 days"),
        ("one full tablet daily", "Take Lexapro one full tablet once a day starting in 7 days"),
        ("a tablet daily", "Take Lexapro a tablet once a day starting in 7 days"),
    ],
)
def test_the_dose_of_a_later_week_is_its_own(later: str, title: str) -> None:
    first, second = titles(f"Start Lexapro 10 mg, half a tablet daily for 1 week, then {later}.")
    assert first == "Take Lexapro 10 mg, half a tablet once a day for 1 week"
    assert second == title


def test_a_condition_before_an_order_or_against_it_is_never_left_out() -> None:
    switch = read("Amoxicillin 500 mg tds for 5 days, if no better after 48 h switch to doxycycline 100 mg bd.")
    assert not [kept.item.title for kept in switch.kept if "doxycycline" in kept.item.title]
    (kept,) = read("Take ibuprofen 400 mg tds for 5 days but not if you have tummy pain.").kept
    assert (kept.item.as_needed, kept.item.detail, kept.sure) == (False, "not if you have tummy pain", False)
    assert titles("If BP stays high start ramipril 2.5 mg od.") == [
        "Take ramipril 2.5 mg once a day if blood pressure stays high"
    ]
    (kept,) = read("Let me know if there are problems, continue ramipril 5 mg daily.").kept
    assert not kept.item.as_needed


def test_what_the_clinic_does_itself_and_what_waits_for_a_result_are_no_steps() -> None:
    assert titles("Will refill her levothyroxine 88 mcg. TSH in 6 weeks.") == ["Have a thyroid blood test in 6 weeks"]
    assert titles("Repeat PSA in 3/12 - if raised refer 2WW.") == ["Have a repeat PSA blood test in 3 months"]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        (
            "Return to ED or call 999 if you cough up blood.",
            "Return to ED or call 999 if you cough up blood",
        ),
        ("If worse, return to ED or call 999.", "Return to ED or call 999 if worse"),
        ("Red flags given: fever, wound discharge -> call ortho ward.", "Call ortho ward if fever, wound discharge"),
        (
            "Phone the ward if the wound opens or you feel feverish.",
            "Phone the ward if the wound opens or you feel feverish",
        ),
    ],
)
def test_the_condition_for_getting_help_stays_with_it(text: str, title: str) -> None:
    assert titles(text) == [title]


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("You can take up to 8 paracetamol tablets a day.", "how-much"),
        ("Cefalexin 500 mg TDS to complete 7 days (started 28/11).", "how-long"),
        ("Use the cream twice a day for two weeks, then once a day for a week, then stop.", "how-often"),
    ],
)
def test_what_one_step_cannot_say_is_asked(text: str, question: str) -> None:
    found = read(text)
    assert not found.kept
    assert [one.question for one in found.questions] == [question]


def test_an_exception_is_never_passed_over() -> None:
    text = "Keep taking your usual medicines except ramipril, which you should stop until we have seen you."
    assert [(one.start, one.end) for one in read(text).unmatched] == [(0, len(text))]


def test_a_medicine_with_another_that_is_as_needed_is_asked_how_often() -> None:
    found = read("Naproxen 500 mg bd with omeprazole 20 mg od as needed for flares.")
    assert [question.question for question in found.questions] == ["how-often"]
    assert all("Naproxen" not in kept.item.title for kept in found.kept)


@pytest.mark.parametrize(
    "text", ["Take paracetamol 1 g qds or ibuprofen 400 mg tds.", "Senna 15 mg nocte or lactulose 10 ml bd."]
)
def test_of_two_medicines_with_or_between_them_it_is_asked_which(text: str) -> None:
    found = read(text)
    assert not found.kept
    assert [question.question for question in found.questions] == ["which-medicine"] * 2


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Complete enoxaparin, then aspirin 75 mg od.", "which-day"),
        (
            "Plan:\n- Ozempic 0.25 mg once weekly for 4 weeks, first dose Saturday\n- then Ozempic 0.5 mg once weekly",
            "which-day",
        ),
    ],
)
def test_what_comes_after_something_without_a_known_end_does_not_begin_today(text: str, question: str) -> None:
    found = read(text)
    assert question in {one.question for one in found.questions}
    assert all("aspirin" not in kept.item.title and "0.5" not in kept.item.title for kept in found.kept)


@pytest.mark.parametrize(
    "text", ["WBAT with 1 crutch, wean crutch over 2/52", "NWB L leg 6/52.", "Off work 6/52, fit note given"]
)
def test_limits_on_what_one_may_do_are_shown_and_are_no_appointment(text: str) -> None:
    found = read(f"Plan:\n{text}")
    assert not found.kept
    assert any(text[:6] in f"Plan:\n{text}"[one.start : one.end] for one in found.unmatched)


def test_an_exercise_is_not_taken() -> None:
    assert all(not title.startswith("Take") for title in titles("Physio 2x/wk, knee bends 10 reps 5x/day."))


def test_two_doses_at_a_part_of_the_day_and_a_clock_time_are_one_step() -> None:
    (kept,) = read("Furosemide 80 mg om and 40 mg at 2 pm.").kept
    item: Any = kept.item
    assert item.title == "Take Furosemide 80 mg every morning and 40 mg at 14:00"
    assert (item.times_per_day, item.parts, item.times) == (2, ["morning"], ["14:00"])


def test_a_second_dose_that_cannot_be_placed_is_asked_about() -> None:
    found = read("Take metformin 1 g od and 500 mg at 6 pm.")
    assert not found.kept and found.questions


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("Restart apixaban 5 mg bd on Wednesday.", 2),
        ("Start lisinopril 10 mg daily on Thursday.", 3),
        ("Increase metformin to 1 g bd from next Monday.", 7),
    ],
)
def test_a_weekday_on_which_something_daily_begins_is_its_start(text: str, start: int) -> None:
    (kept,) = read(text).kept
    item: Any = kept.item
    assert (item.start_in_days, item.every_days, item.weekdays) == (start, 1, None)


def test_twice_a_day_on_one_weekday_is_asked_about() -> None:
    found = read("Take apixaban 5 mg bd on Wednesday.")
    assert not found.kept and found.questions


@pytest.mark.parametrize(
    ("text", "title"),
    [
        (
            "If your weight goes up by 2 kg, take an extra spironolactone 25 mg and weigh yourself twice a day.",
            "Weigh yourself twice a day if your weight goes up by 2 kg",
        ),
        (
            "If your sugar is above 15, test for ketones and ring the diabetes nurse.",
            "Ring the diabetes nurse if your sugar is above 15",
        ),
        (
            "If you are pregnant, stop methotrexate and take folic acid 5 mg daily.",
            "Take folic acid 5 mg once a day if you are pregnant",
        ),
    ],
)
def test_a_condition_holds_for_every_act_that_it_opens(text: str, title: str) -> None:
    kept = {one.item.title: one for one in read(text).kept}
    assert kept[title].kind == "checklist" and kept[title].item.as_needed
    assert all("if " in one for one in kept)


def test_what_an_act_goes_on_to_is_cut_from_a_title_before_one_of_its_medicines() -> None:
    text = "If you are sick or have diarrhoea and cannot drink, stop dapagliflozin and ramipril until you are eating."
    assert "Stop dapagliflozin and ramipril if you are sick or have diarrhoea and cannot drink" in titles(text)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        (
            "Take an extra tablet of furosemide 40 mg if your ankles swell.",
            "Take an extra furosemide 40 mg if your ankles swell",
        ),
        (
            "Torasemide 10 mg od. Take an extra 5 mg if your ankles swell.",
            "Take an extra Torasemide 5 mg if your ankles swell",
        ),
    ],
)
def test_a_dose_on_top_of_the_usual_one_says_so(text: str, title: str) -> None:
    assert title in titles(text)


def test_a_medicine_taken_with_extra_care_is_no_extra_dose() -> None:
    assert titles("Extra care with amoxicillin 500 mg tds.") == ["Take amoxicillin 500 mg 3 times a day"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Blood test for kidney function and potassium in one week.",
            ["Have a blood test for kidney function and potassium in one week"],
        ),
        ("Repeat calprotectin in 6 weeks.", ["Have a repeat calprotectin stool test in 6 weeks"]),
        ("Check ferritin in 2 months.", ["Have a ferritin blood test in 2 months"]),
        (
            "F/u with practice nurse in 2 weeks for BP, GP in 3 months.",
            ["Come back for a follow-up visit in 2 weeks", "See the GP in 3 months"],
        ),
        ("Refer to diabetes education.", ["Go to diabetes education (referral)"]),
    ],
)
def test_tests_and_visits_are_named_so_that_a_patient_knows_them(text: str, expected: list[str]) -> None:
    assert titles(f"Plan:\n{text}") == expected


@pytest.mark.parametrize(
    "text",
    [
        "Rescue pack: prednisolone 30 mg od for 5 days.",
        "Emergency pack at home: prednisolone 30 mg od for 5 days.",
        "Prednisolone 30 mg od for 5 days and doxycycline 100 mg od for 5 days - to start if sputum turns green.",
    ],
)
def test_a_course_in_reserve_does_not_begin_by_itself(text: str) -> None:
    found = read(f"Plan:\n{text}")
    assert all(kept.item.as_needed for kept in found.kept)
    assert any(question.question == "other" for question in found.questions)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Growth ultrasound at 32 weeks.", "Have a growth ultrasound at 32 weeks"),
        ("CT booked for 14/12 at 10.40.", "Have a CT (14/12 at 10.40)"),
        ("MRI on 3 January at 9.15 am.", "Have an MRI (3 January at 9.15 in the morning)"),
        ("Follow up with me on January 12 at 3:30 pm.", "Follow up with the doctor (January 12 at 3:30 pm)"),
        ("Miss Okafor's clinic at 6 weeks.", "Keep this appointment: Miss Okafor's clinic at 6 weeks"),
    ],
)
def test_the_day_and_hour_of_an_appointment_are_those_of_the_note(text: str, title: str) -> None:
    assert titles(f"Plan:\n{text}") == [title]


def test_a_last_dose_ahead_is_the_end_and_one_that_is_over_no_step() -> None:
    (kept,) = read("Rivaroxaban 10 mg od, last dose 12 December.").kept
    item: Any = kept.item
    assert item.duration_days == 13
    assert not read("Rivaroxaban 10 mg od, last dose 12 November.").kept


def test_a_letter_that_comes_is_no_act_of_the_patient() -> None:
    assert not titles("Plan:\nReferral to the rehab team is made, she will get a letter within 6 weeks.")


def test_a_day_on_which_a_medicine_is_skipped_makes_it_no_medicine_as_needed() -> None:
    (kept,) = read("Levothyroxine 125 mcg daily except Sundays, when she should skip it.").kept
    item: Any = kept.item
    assert not item.as_needed and not kept.sure
    assert item.weekdays == ["mon", "tue", "wed", "thu", "fri", "sat"]


def test_a_dose_for_two_meals_stands_in_the_title_for_both() -> None:
    (title,) = titles("Humalog 6 units with breakfast and lunch, 8 units with dinner.")
    assert title == "Inject Humalog 6 units every morning, 6 units every day at noon and 8 units every evening"


@pytest.mark.parametrize(
    ("text", "times", "parts"),
    [
        ("Take lisinopril 10 mg at 8 in the morning.", ["08:00"], None),
        ("Take melatonin 3 mg at 9 at night.", ["21:00"], None),
        ("Take metformin 500 mg before breakfast and at 6 pm.", ["18:00"], ["morning"]),
        ("Take iron in the morning at 11 am.", ["11:00"], None),
    ],
)
def test_hours_in_words_and_parts_of_the_day_beside_hours_are_kept(
    text: str, times: list[str], parts: list[str] | None
) -> None:
    (kept,) = read(text).kept
    item: Any = kept.item
    assert (item.times, item.parts, item.times_per_day) == (times, parts, len(times) + len(parts or ()))


@pytest.mark.parametrize(
    "text",
    [
        "Take prednisolone 5 mg at 20 in the evening.",
        "Test sugars fasting and before dinner, and at 3 am once this week.",
        "Zoledronate infusion yearly - next in May.",
    ],
)
def test_what_fits_no_schedule_is_asked_about(text: str) -> None:
    found = read(f"Plan:\n{text}")
    assert not found.kept and found.questions


def test_an_order_that_changes_a_medicine_replaces_what_the_note_says_of_it_before() -> None:
    text = "Donepezil 5 mg nocte for 3 months, tolerated.\nPlan:\nIncrease donepezil to 10 mg at night from tomorrow."
    assert titles(text) == ["Take donepezil 10 mg at bedtime from tomorrow"]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Start HRT patch: change twice a week, Mon & Thu.", "Change the HRT patch twice a week, Mon & Thu"),
        ("Depo-Provera every 12 weeks.", "Have Depo-Provera every 12 weeks"),
        (
            "Hand clinic appt Thursday 3 December 14:15.",
            "Keep this appointment: Hand clinic (Thursday 3 December 14:15)",
        ),
    ],
)
def test_a_title_names_what_it_is_about(text: str, title: str) -> None:
    assert titles(f"Plan:\n{text}") == [title]


def test_the_day_of_a_call_is_not_the_day_of_the_test_that_it_books() -> None:
    found = titles("Plan:\nEye exam overdue: she will call the office this week.")
    assert found == ["Have an eye exam", "Call the clinic this week"]


def test_an_end_that_hangs_on_an_event_is_no_number_of_days() -> None:
    found = read("Nystatin 1 ml qds, continue for 2 days after it clears.")
    assert not any(getattr(kept.item, "duration_days", None) for kept in found.kept)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Move bisoprolol from evening to morning, 2.5 mg.", ["morning"]),
        ("Insulin: 10 units morning, 6 units tea time.", ["morning", "evening"]),
    ],
)
def test_a_time_of_day_that_is_left_is_none_and_every_dose_has_its_own(text: str, parts: list[str]) -> None:
    (kept,) = read(text).kept
    assert getattr(kept.item, "parts", None) == parts


@pytest.mark.parametrize(
    "text",
    [
        "GTN patch 5 mg: on at 8 am, off at 8 pm.",
        "Ferrous sulfate 200 mg once every other day, not with tea.",
        "Amlodipine 5 mg nightly instead of in the morning.",
    ],
)
def test_an_hour_at_which_nothing_is_taken_makes_no_dose(text: str) -> None:
    assert all(getattr(kept.item, "times_per_day", 1) == 1 and not kept.sure for kept in read(text).kept)


def test_each_dose_of_a_climb_ends_where_the_next_begins() -> None:
    text = "Levetiracetam 500 mg BD, increase to 750 mg BD after 2 weeks and 1 g BD after 4 weeks."
    items: list[Any] = [one.item for one in read(text).kept]
    assert [(item.start_in_days, item.duration_days) for item in items] == [(0, 14), (14, 14), (28, None)]


def test_next_tuesday_may_be_that_of_the_week_after() -> None:
    assert not any(kept.sure for kept in read("Restart methotrexate next Tuesday 10 mg weekly.").kept)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("See the dentist before the first infusion.", "See the dentist"),
        ("Vitamin B12 injection every 3 months.", "Have Vitamin B12 injection every 3 months"),
        ("Start the new eye drops (latanoprost) one drop in the left eye every evening.",
         "Use eye drops (latanoprost) one drop in the left eye every evening"),
    ],
)  # fmt: skip
def test_a_title_says_nothing_that_the_note_does_not(text: str, title: str) -> None:
    assert titles(f"Plan:\n{text}")[0].startswith(title)


def test_two_medicines_by_turns_are_asked_about() -> None:
    found = read("Alternate paracetamol and ibuprofen every 3 hours.")
    assert not found.kept and found.questions


def test_the_last_dose_of_a_medicine_is_one() -> None:
    (kept,) = read("Take the last dose of Eliquis on Thursday evening.").kept
    assert kept.kind == "checklist"


@pytest.mark.parametrize(
    "text",
    [
        "Nicotine gum 2 mg as needed for cravings, up to 10 pieces a day.",
        "Plan:\nIncrease by 2 units every 3 days until fasting < 130.",
    ],
)
def test_an_amount_that_is_not_understood_is_asked_about(text: str) -> None:
    found = read(text)
    assert not found.kept and found.questions


def test_less_than_is_no_medicine() -> None:
    assert not any("than" in title.split()[:3] for title in titles("Low sodium diet, less than 2 grams a day."))


def test_followed_by_is_the_next_stage() -> None:
    assert len(read("Xarelto 15 mg BID with food for 21 days followed by 20 mg once daily.").kept) == 2


def test_what_must_not_be_done_after_an_operation_is_shown() -> None:
    assert read("May shower after that. No tub baths for 2 weeks.").unmatched


@pytest.mark.parametrize(
    "text",
    [
        "Once the pain settles, reduce naproxen to 250 mg daily.",
        "Sertraline 50 mg to 100 mg daily.",
        "Phenytoin 300 mg at night, miss one dose tonight.",
    ],
)
def test_what_begins_later_or_names_two_doses_is_asked_about(text: str) -> None:
    found = read(text)
    assert not found.kept and found.questions


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Tramadol 50 mg q4-6h prn.", "Take Tramadol 50 mg every 4 to 6 hours when you need it"),
        (
            "Take 2 paracetamol tablets up to 4 times a day, leaving 4 hours between doses.",
            "Take paracetamol 2 tablets when you need it",
        ),
    ],
)
def test_amounts_and_gaps_stand_in_the_title_as_they_are(text: str, title: str) -> None:
    assert titles(text) == [title]


def test_a_length_of_time_behind_a_condition_is_not_surely_the_course() -> None:
    assert not any(kept.sure for kept in read("Increase bisoprolol to 5 mg if pulse stays above 80 for a week.").kept)


def test_symptoms_that_return_are_no_visit() -> None:
    assert not any("Return" in title for title in titles("Restart omeprazole 20 mg od if symptoms return."))


def test_the_morning_of_one_day_is_not_every_morning() -> None:
    kept = read("Take half your usual dose of gliclazide on the morning of the test.").kept
    assert not any(getattr(one.item, "parts", None) for one in kept)


def test_two_strengths_in_one_dose_are_not_sure() -> None:
    assert not any(
        one.sure for one in read("Take 4 tablets (20 mg) of prednisolone 5 mg each morning for 5 days.").kept
    )
