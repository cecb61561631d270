"""The visibility policy as tables: who sees which step, quote and note."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.assignments import Assignment
from models.notes import Note, NoteStatus
from models.people.grants import Grant
from models.steps import Step, StepStatus, StepText
from models.visibility import (
    Access,
    access_of_carer,
    access_of_doctor,
    access_of_patient,
    can_see_note,
    can_see_quote,
    can_see_step,
    steps_beside_note,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SINCE = NOW - timedelta(days=10)
BEFORE, AFTER = SINCE - timedelta(days=1), SINCE + timedelta(days=1)


def held(doctor_id: str, *, share_history: bool = False, covered_by: str | None = None) -> Access:
    return access_of_doctor(
        Assignment(id="a", patient_id="patient", doctor_id=doctor_id, since=SINCE, share_history=share_history),
        covered_by=covered_by,
    )


def cared(*, notes: bool) -> Access:
    return access_of_carer(
        Grant(
            id="g",
            kind="care",
            state="active",
            grantor_id="patient",
            grantee_id="carer",
            since=SINCE,
            until=None,
            created_at=SINCE,
            notes=notes,
        )
    )


READERS: dict[str, Access | None] = {
    "patient": access_of_patient("patient"),
    "author": held("author"),
    "other": held("other"),
    "shared": held("other", share_history=True),
    "covering": held("author", covered_by="colleague"),
    "carer": cared(notes=False),
    "reader": cared(notes=True),
    "former": None,
    "stranger": access_of_patient("stranger"),
}


def step(status: StepStatus = "active", **more: Any) -> Step:
    return Step(
        id="step",
        sort="1",
        note_id="note",
        note_number=1,
        patient_id="patient",
        doctor_id="author",
        kind="checklist",
        as_needed=False,
        by="doctor",
        status=status,
        created_at=BEFORE,
        timezone="UTC",
        words=StepText(title="Drink water", detail=None, quote="Drink water."),
        **more,
    )


def note(status: NoteStatus = "ready") -> Note:
    return Note(
        id="note",
        patient_id="patient",
        doctor_id="author",
        number=1,
        status=status,
        created_at=BEFORE,
        sealed_text="",
    )


@pytest.mark.parametrize(
    ("seen", "readers"),
    [
        (step(), "patient author other shared covering carer reader"),
        (step("proposed"), "author covering"),
        (step("rejected"), "author covering"),
        (step("completed", completed_at=BEFORE), "patient author shared covering carer reader"),
        (step("completed", completed_at=SINCE), "patient author other shared covering carer reader"),
        (step("cancelled", cancelled_at=BEFORE), "patient author shared covering carer reader"),
        (step("cancelled", cancelled_at=AFTER), "patient author other shared covering carer reader"),
    ],
    ids=lambda value: value.status if isinstance(value, Step) else "",
)
def test_who_sees_a_step(seen: Step, readers: str) -> None:
    assert {name for name, access in READERS.items() if can_see_step(access, seen)} == set(readers.split())


def test_who_sees_the_quote_of_a_step_that_they_see() -> None:
    quoted = {
        name for name, access in READERS.items() if access and name != "stranger" and can_see_quote(_of(name), step())
    }
    assert quoted == {"patient", "author", "shared", "covering", "reader"}
    closed = frozenset({"note"})
    assert not can_see_quote(_of("patient"), step(), withdrawn=closed)
    assert not can_see_quote(_of("reader"), step(), withdrawn=closed)
    assert can_see_quote(_of("patient"), replace(step(), note_id="another"), withdrawn=closed)


@pytest.mark.parametrize(
    ("seen", "readers"),
    [(note(), "patient author shared covering reader"), (note("withdrawn"), "author shared covering")],
)
def test_who_reads_a_note(seen: Note, readers: str) -> None:
    assert {name for name, access in READERS.items() if can_see_note(access, seen)} == set(readers.split())


def test_what_was_not_approved_is_shown_beside_its_note_to_the_author_alone() -> None:
    steps = [step(), step("proposed"), step("rejected")]
    for name in ("author", "covering"):
        assert steps_beside_note(_of(name), note(), steps) == steps, name
    for name in ("patient", "other", "shared", "reader"):
        assert steps_beside_note(_of(name), note(), steps) == steps[:1], name


def _of(name: str) -> Access:
    access = READERS[name]
    assert access is not None
    return access
