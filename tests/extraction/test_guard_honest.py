"""What an honest answer says in words of its own, and the guard keeps; and what stands beside it, and it does not.

Each row: the note (its first sentence is quoted, unless the row has the quote), the title, what else the item says.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.extraction.guarding import item, verdict

ONCE: dict[str, Any] = {}
DAILY: dict[str, Any] = {"times_per_day": 1}
BD: dict[str, Any] = {"times_per_day": 2}
TDS: dict[str, Any] = {"times_per_day": 3}
QDS: dict[str, Any] = {"times_per_day": 4}
NEEDED: dict[str, Any] = {"as_needed": True}

REWORDED = [
    ("Ramipril 5 mg 1 tab OM.", "Take one tablet in the morning", DAILY),
    ("Salbutamol 2 puffs qds prn.", "Use 2 puffs of salbutamol up to four times a day if you need it", QDS | NEEDED),
    ("Rpt U&E 1/52.", "Have your kidney blood test repeated in one week", ONCE),
    ("Suture removal day 7.", "Have your stitches taken out on day 7", ONCE),
    ("Timolol 0.5% 1 gtt bd OU.", "Put one drop of timolol 0.5% in both eyes twice a day", BD),
    ("GTN 1 spray sl prn chest pain.", "Spray glyceryl trinitrate under your tongue", NEEDED),
    ("NBM from midnight on Thursday.", "Do not eat or drink after midnight on Thursday", ONCE),
    ("Vit B12 1 mg im every 3 months.", "Have your vitamin B12 injection 1 mg", DAILY | {"every_days": 90}),
    ("Follow up w/ PCP in 1 mo.", "See your family doctor in one month", ONCE),
    ("Weigh yourself once a fortnight.", "Weigh yourself every two weeks", DAILY | {"every_days": 14}),
    ("Chlorhexidine 10 ml held for a minute bd.", "Hold 10 ml of chlorhexidine in your mouth for a minute", BD),
    ("Keep wound dry 48 h.", "Keep the wound dry for 48 hours", DAILY | {"duration_days": 2}),
    ("Fentanyl patch 25 mcg/h, change every 72 h.", "Change your fentanyl patch", DAILY | {"every_days": 3}),
]
MISREAD = [
    ("Your first check is tomorrow at 9:15.", "Come for your first check tomorrow at 9:15", ONCE),
    ("We will see you again in 3 days.", "Come back in 3 days", ONCE),
    ("We ask for control of the blood count in 2 weeks.", "Have your blood count checked in 2 weeks", ONCE),
    ("A reading of 150/100 or more: come to the day unit.", "Come to the day unit at 150/100 or more", NEEDED),
    ("Your next appointment is on 3 June.", "Come to your appointment on 3 June", ONCE),
    ("Wean off sertraline: 50 mg a day for 2 weeks.", "Take sertraline 50 mg a day", DAILY | {"duration_days": 14}),
    ("Prednisone 20 mg 3x/d 5d.", "Take prednisone 20 mg three times a day for 5 days", TDS | {"duration_days": 5}),
    ("Retirada de puntos a los 7 días.", "Retirada de los puntos a los 7 días", ONCE),
    ("Drop off the care plan at the school office.", "Drop off the care plan at the school office", ONCE),
    ("Medication at discharge: ramipril 2.5 mg 1-0-0.", "Take ramipril 2.5 mg in the morning", DAILY),
    ("Come off diazepam slowly: 15 mg a day for 2 weeks.", "Take diazepam 15 mg a day", DAILY | {"duration_days": 14}),
    ("Start Flovent 2 puffs BID, even when he is well.", "Use 2 puffs of Flovent twice a day", BD),
    ("Turn every 2 hrs by day.", "Turn every 2 hours by day", {"times_per_day": 8}),
    ("Risedronate 35 mg on Sunday mornings.", "Take risedronate 35 mg", DAILY | {"every_days": 7, "start_in_days": 5}),
    ("Ibuprofeno 600 mg con el desayuno, la comida y la cena.", "Tomar ibuprofeno 600 mg", TDS),
    ("Amoxicilin 250 mg BIDx10d.", "Take amoxicillin for 10 days", BD | {"duration_days": 10}),
    ("Zinc 20 mg od on days 2 through 5.", "Take zinc 20 mg", DAILY | {"start_in_days": 1, "duration_days": 4}),
    ("Filgrastim od from day 3, five doses.", "Filgrastim", DAILY | {"start_in_days": 2, "duration_days": 5}),
    ("Docusate 100 mg qHS until 3/16.", "Take docusate 100 mg at bedtime until 16 March", DAILY | {"duration_days": 7}),
    ("Apixaban 10 mg bd up to and including 14.03.", "Take apixaban 10 mg until 14 March", BD | {"duration_days": 5}),
    ("Sitz bath twice a day this week.", "Take a sitz bath twice a day this week", BD | {"duration_days": 7}),
]


@pytest.mark.parametrize(("note", "title", "plan"), REWORDED + MISREAD)
def test_an_honest_answer_is_kept(note: str, title: str, plan: dict[str, Any]) -> None:
    assert verdict(note, item(note, title, quote=note.split(". ")[0].rstrip("."), **plan)) == "kept"


LENGTH, START, NUMBER, DRUG = (f"{what}-not-in-quote" for what in ("duration", "start", "number", "drug"))
SUPPLY = "Cefalexin 500 mg q6h, #28, no refills."
WHILE = "Docusate 100 mg BD while taking codeine. Codeine 30 mg qds for 5 days."
PATCH = "Quit date set for Monday. From the quit date, patch 21 mg daily for 6 weeks; then 14 mg daily for 2 weeks."
SENNA = "Morphine MR 10 mg every 12 hours, with senna 15 mg at night."
METFORMIN = "Metformin 500 mg in the morning and 1 g at night."
FOLIC = "Folic acid 5 mg nightly until 12 weeks. Now 8 weeks pregnant."
STEROIDS = "Dexamethasone 8 mg mane x 5/7, 4 mg mane x 5/7, then off. Omeprazole 20 mg od while on steroids."
STARTS = "Vortioxetine from day 8: 5 mg in the morning for 7 days, from day 15 10 mg in the morning."
NEIGHBOUR = "Amoxicillin 250 mg for 5 days. Proguanil 200 mg daily, to start after the amoxicillin is finished."
COURSES = [
    (SUPPLY, SUPPLY, "Take cefalexin 500 mg", QDS | {"duration_days": 7}, "kept"),
    (SUPPLY, SUPPLY, "Take cefalexin 500 mg", QDS | {"duration_days": 14}, LENGTH),
    (WHILE, WHILE[:39], "Take docusate 100 mg", BD | {"duration_days": 5}, "kept"),
    (WHILE, WHILE[:39], "Take docusate 100 mg", BD | {"duration_days": 6}, LENGTH),
    (WHILE, WHILE[:39], "Take codeine 100 mg", BD, DRUG),
    (PATCH, PATCH[-30:-1], "14 mg patch", DAILY | {"start_in_days": 48, "duration_days": 14}, "kept"),
    (PATCH, PATCH[-30:-1], "14 mg patch", DAILY | {"start_in_days": 30, "duration_days": 14}, START),
    (SENNA, "senna 15 mg at night", "Take senna 15 mg at night", DAILY, "kept"),
    (SENNA, "Morphine MR 10 mg every 12 hours", "Take morphine MR 10 mg", DAILY, "frequency-not-in-quote"),
    (SENNA, "senna 15 mg at night", "Take morphine 15 mg at night", DAILY, NUMBER),
    (SENNA, "senna 15 mg at night", "Take senna 10 mg at night", DAILY, NUMBER),
    (METFORMIN, "1 g at night", "Take metformin 1 g at night", DAILY, "kept"),
    (METFORMIN, "1 g at night", "Take metformin 1 g in the morning", DAILY, "opposite"),
    (METFORMIN, "1 g at night", "Take metformin 500 mg at night", DAILY, NUMBER),
    (FOLIC, FOLIC[:38], "Take folic acid 5 mg", DAILY | {"duration_days": 28}, "kept"),
    (STEROIDS, STEROIDS[-38:-1], "Take omeprazole 20 mg", DAILY | {"duration_days": 10}, "kept"),
    (STEROIDS, STEROIDS[-38:-1], "Take omeprazole", DAILY | {"duration_days": 7}, LENGTH),
    (STARTS, "from day 15 10 mg in the morning", "10 mg from day 15", DAILY | {"start_in_days": 14}, "kept"),
    (NEIGHBOUR, NEIGHBOUR[31:], "Take proguanil 200 mg", DAILY | {"start_in_days": 5}, "kept"),
    (NEIGHBOUR, NEIGHBOUR[31:], "Take proguanil 200 mg", DAILY | {"start_in_days": 9}, START),
]


@pytest.mark.parametrize(("note", "quote", "title", "plan", "reason"), COURSES)
def test_a_course_follows_another_as_the_note_says(
    note: str, quote: str, title: str, plan: dict[str, Any], reason: str
) -> None:
    assert (verdict(note, item(note, title, quote=quote, **plan)) == "kept") == (reason == "kept")


@pytest.mark.parametrize(
    ("note", "title", "plan"),
    [
        ("Ramipril 5 mg held for a chest infection.", "Take ramipril 5 mg", DAILY),
        ("Amoxicillin 250 mg tds was completed.", "Take amoxicillin 250 mg", TDS),
        ("No problems while taking ramipril 5 mg daily.", "Take ramipril 5 mg", DAILY),
        ("We see her husband next week, ramipril 5 mg daily.", "Take ramipril 5 mg", DAILY),
        ("Retirada de ramipril 5 mg.", "Tomar ramipril 5 mg", DAILY),
        ("Medication before admission: ramipril 5 mg 1-0-0.", "Take ramipril 5 mg in the morning", DAILY),
        ("Came off diazepam slowly, 5 mg daily.", "Take diazepam 5 mg", DAILY),
        ("Drop the plan and all reminders.", "Drop the plan and all reminders", ONCE),
        ("Your last check was yesterday at 9:15.", "Come for your check at 9:15", ONCE),
    ],
)
def test_what_only_sounds_like_it_is_not_kept(note: str, title: str, plan: dict[str, Any]) -> None:
    assert verdict(note, item(note, title, **plan)) != "kept"
