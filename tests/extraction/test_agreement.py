"""Two readers of one note: what they agree on is sure, what they differ about is asked, and no act is two steps."""

from __future__ import annotations

from typing import Any

import pytest

from hospital_rt.domain.schedule import Kind
from hospital_rt.extraction.agreement import agree, amounts, same
from hospital_rt.extraction.api import Item, Option, PlanItem, Question, Reading
from tests.extraction.notes import note_of

NOTE = note_of(
    "Takes ibuprofen now and then.",
    "Take amoxicillin 500 mg three times a day for 7 days.",
    "We will order an echocardiogram and send the prescription.",
    "Follow up in 3 months.",
    "Start meloxicam 15 mg.",
)


def placed(number: int) -> dict[str, Any]:
    sentence = NOTE.sentences[number - 1]
    return {"quote": sentence.text, "start": sentence.start, "end": sentence.end, "sentences": (number,)}


def item(number: int, title: str, **more: Any) -> Item:
    return Item(title=title, **placed(number), **more)


def plan_item(number: int, title: str, **more: Any) -> PlanItem:
    return PlanItem(title=title, **placed(number), **more)


def question(number: int, kind: Any = "how-often", **more: Any) -> Question:
    where = {name: value for name, value in placed(number).items() if name != "sentences"}
    return Question(**where, question=kind, text="How often?", **more)


AMOXICILLIN = plan_item(2, "Take amoxicillin 500 mg 3 times a day", times_per_day=3, duration_days=7)
SURE: frozenset[tuple[Kind, int]] = frozenset({("plan", 0)})


def test_what_both_say_is_one_sure_step_in_the_models_words() -> None:
    model = plan_item(2, "Take one amoxicillin 500 mg, 3 times each day", times_per_day=3, duration_days=7)
    both = agree(NOTE, Reading(plan=[AMOXICILLIN], sure=SURE), Reading(plan=[model]))
    assert [p.title for p in both.plan] == [model.title]
    assert both.sure == SURE
    assert both.questions == []


def test_the_rules_alone_are_not_enough_to_be_sure() -> None:
    alone = agree(NOTE, Reading(plan=[AMOXICILLIN], sure=SURE), Reading())
    assert [p.title for p in alone.plan] == [AMOXICILLIN.title]
    assert alone.sure == frozenset()


def test_what_the_rules_did_not_wholly_understand_stays_unsure_when_the_model_agrees() -> None:
    both = agree(NOTE, Reading(plan=[AMOXICILLIN]), Reading(plan=[AMOXICILLIN]))
    assert len(both.plan) == 1
    assert both.sure == frozenset()


@pytest.mark.parametrize(
    "change",
    [
        {"times_per_day": 2},
        {"duration_days": None},
        {"start_in_days": 1},
        {"every_days": 2},
        {"weekdays": ["mon"]},
        {"as_needed": True},
        {"title": "Take amoxicillin 250 mg 3 times a day"},
    ],
    ids=str,
)
def test_where_they_differ_the_doctor_is_asked_with_both_and_no_step_is_made(change: dict[str, Any]) -> None:
    model = AMOXICILLIN.model_copy(update=change)
    both = agree(NOTE, Reading(plan=[AMOXICILLIN], sure=SURE), Reading(plan=[model]))
    assert both.plan == []
    assert [q.question for q in both.questions] == ["readers-differ"]
    assert [o.item for o in both.questions[0].options] == [AMOXICILLIN, model]
    assert len({o.label for o in both.questions[0].options}) == 2


def test_one_step_and_one_list_for_an_act_that_the_readers_put_in_different_lists() -> None:
    both = agree(NOTE, Reading(plan=[AMOXICILLIN]), Reading(checklist=[item(2, "Take amoxicillin 500 mg")]))
    assert (both.plan, both.checklist) == ([], [])
    assert [o.kind for o in both.questions[0].options] == ["plan", "checklist"]


def test_an_act_in_other_words_is_the_same_act_when_it_is_alone_in_its_sentence() -> None:
    local, model = item(4, "See your doctor in 3 months"), item(4, "Come for a check-up in 3 months")
    both = agree(NOTE, Reading(checklist=[local], sure=frozenset({("checklist", 0)})), Reading(checklist=[model]))
    assert [i.title for i in both.checklist] == [model.title]
    assert both.sure == {("checklist", 0)}


def test_an_act_said_twice_in_the_note_and_read_from_either_place_is_one_step() -> None:
    model = plan_item(1, "Take amoxicillin 500 mg three times daily", times_per_day=3, duration_days=7)
    both = agree(NOTE, Reading(plan=[AMOXICILLIN]), Reading(plan=[model, model]))
    assert len(both.plan) == 1


def test_what_only_the_model_found_is_a_step_that_is_not_sure() -> None:
    both = agree(NOTE, Reading(plan=[AMOXICILLIN], sure=SURE), Reading(checklist=[item(3, "Have an echocardiogram")]))
    assert [i.title for i in both.checklist] == ["Have an echocardiogram"]
    assert ("checklist", 0) not in both.sure


def test_of_a_step_without_reminders_the_condition_alone_is_nothing_to_ask() -> None:
    local, model = item(4, "See your doctor in 3 months", as_needed=True), item(4, "See your doctor in 3 months")
    both = agree(NOTE, Reading(checklist=[local], sure=frozenset({("checklist", 0)})), Reading(checklist=[model]))
    assert both.checklist == [local]
    assert (both.sure, both.questions) == (frozenset(), [])


def test_words_about_the_patient_that_only_the_model_takes_for_a_step_are_asked_about() -> None:
    both = agree(NOTE, Reading(), Reading(checklist=[item(3, "Patient understands the plan")]))
    assert both.checklist == []
    assert [q.question for q in both.questions] == ["readers-differ"]


@pytest.mark.parametrize(
    "title",
    [
        "Take amoxicillin",
        "Amoxicillin 500 mg, 3 times a day PO",
        "He takes amoxicillin 500 mg 3 times a day",
        "Initiate amoxicillin 500 mg 3 times a day",
        "Amoxicillin 500 mg 3 times a day was ordered",
    ],
)
def test_a_title_of_the_models_without_the_dose_in_shorthand_or_not_to_the_patient_gives_way(title: str) -> None:
    model = AMOXICILLIN.model_copy(update={"title": title})
    both = agree(NOTE, Reading(plan=[AMOXICILLIN], sure=SURE), Reading(plan=[model]))
    assert [p.title for p in both.plan] == [AMOXICILLIN.title]
    assert both.sure == SURE


def test_what_the_guard_refutes_unseats_no_step_and_asks_nothing() -> None:
    model = AMOXICILLIN.model_copy(update={"times_per_day": 9})

    def passes(_kind: Kind, one: Item) -> bool:
        return getattr(one, "times_per_day", 0) < 9

    both = agree(NOTE, Reading(plan=[AMOXICILLIN], sure=SURE), Reading(plan=[model]), passes=passes)
    assert both.plan == [AMOXICILLIN]
    assert both.questions == []
    assert both.sure == frozenset()
    turned = agree(NOTE, Reading(plan=[model], sure=SURE), Reading(plan=[AMOXICILLIN]), passes=passes)
    assert turned.plan == [AMOXICILLIN]
    assert turned.sure == frozenset()


def test_what_the_rules_took_for_the_clinics_own_act_or_for_history_is_asked_and_not_done() -> None:
    order = NOTE.sentences[2]
    clinics = Reading(clinic=[(order.start, order.end)])
    asked = agree(NOTE, clinics, Reading(checklist=[item(3, "Pick up the prescription")]))
    assert asked.checklist == []
    assert [q.question for q in asked.questions] == ["readers-differ"]
    history = agree(NOTE, Reading(understood=frozenset({1})), Reading(plan=[plan_item(1, "Take ibuprofen daily")]))
    assert history.plan == []
    assert [o.item.title for o in history.questions[0].options] == ["Take ibuprofen daily"]


def test_what_the_rules_ask_stays_a_question_and_the_models_answer_is_one_of_the_ready_ones() -> None:
    daily = plan_item(5, "Take meloxicam 15 mg once a day")
    twice = plan_item(5, "Take meloxicam 15 mg twice a day", times_per_day=2)
    local = Reading(questions=[question(5, options=[Option(label="Once a day", kind="plan", item=daily)])])
    for model in (daily, twice):
        both = agree(NOTE, local, Reading(plan=[model], questions=[question(5, "how-much")]))
        assert both.plan == []
        assert len(both.questions) == 1
        assert model.times_per_day in [getattr(o.item, "times_per_day", 0) for o in both.questions[0].options]
        assert len(both.questions[0].options) == model.times_per_day


def test_a_doubt_of_the_models_is_asked_unless_the_rules_understood_the_sentence() -> None:
    unsure = agree(NOTE, Reading(plan=[AMOXICILLIN]), Reading(questions=[question(2)]))
    assert len(unsure.questions) == 1
    settled = agree(NOTE, Reading(plan=[AMOXICILLIN], sure=SURE), Reading(questions=[question(2)]))
    assert settled.questions == []
    contrary = agree(NOTE, Reading(plan=[AMOXICILLIN], sure=SURE), Reading(questions=[question(2, "contradiction")]))
    assert len(contrary.questions) == 1


def test_an_act_of_once_for_which_the_model_gave_no_frequency_is_the_act_that_the_rules_found() -> None:
    visit = item(4, "Come for a check-up in 3 months")
    doubt = question(4, options=[Option(label="Come", kind="checklist", item=visit)])
    local = Reading(checklist=[item(4, "See your doctor in 3 months")], sure=frozenset({("checklist", 0)}))
    both = agree(NOTE, local, Reading(questions=[doubt]))
    assert [i.title for i in both.checklist] == [visit.title]
    assert both.sure == local.sure
    assert both.questions == []


def test_a_schedule_that_the_model_did_not_find_leaves_the_step_unsure() -> None:
    bare = item(2, "Take amoxicillin 500 mg")
    doubt = question(2, options=[Option(label="Take it", kind="checklist", item=bare)])
    both = agree(NOTE, Reading(plan=[AMOXICILLIN], sure=SURE), Reading(questions=[doubt]))
    assert both.plan == [AMOXICILLIN]
    assert (both.sure, both.questions) == (frozenset(), [])


def test_a_doubt_about_an_item_that_the_guard_refutes_is_not_asked() -> None:
    option = Option(label="Take nothing", kind="checklist", item=item(5, "Take nothing"))
    model = Reading(questions=[question(5, options=[option])])
    assert len(agree(NOTE, Reading(), model).questions) == 1
    assert agree(NOTE, Reading(), model, passes=lambda kind, one: False).questions == []


def test_every_item_of_both_readers_is_a_step_or_a_ready_answer_and_none_is_two() -> None:
    """All pairs of a few readings of one sentence."""
    readings = [
        AMOXICILLIN,
        AMOXICILLIN.model_copy(update={"duration_days": 5}),
        item(2, "Take amoxicillin 500 mg", as_needed=True),
        item(2, "Stop amoxicillin"),
        item(2, "Take amoxicillin"),
    ]
    for local in readings:
        for model in readings:
            both = agree(NOTE, _reading(local), _reading(model))
            steps = [*both.checklist, *both.plan]
            assert len(steps) + len(both.questions) == 1
            answers = [o.item for q in both.questions for o in q.options]
            assert all(any(same_act(one, left) for left in steps + answers) for one in (local, model))


def same_act(one: Item, other: Item) -> bool:
    return same(_kind(one), one, _kind(other), other)


def _kind(one: Item) -> Kind:
    return "plan" if isinstance(one, PlanItem) else "checklist"


def _reading(one: Item) -> Reading:
    return Reading(plan=[one]) if isinstance(one, PlanItem) else Reading(checklist=[one])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Take 2.50 mg", {("2.5", "mg")}),
        ("Take 1,000 mg", {("1000", "mg")}),
        ("Tome 2 comprimidos", {("2", "com")}),
        ("Take 2 tablets (20 mg)", {("2", "tab"), ("20", "mg")}),
        ("Walk 20 minutes", set()),
    ],
)
def test_amounts_are_compared_with_their_units(text: str, found: set[tuple[str, str]]) -> None:
    assert amounts(item(1, text)) == found
