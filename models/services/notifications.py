"""Builds the events about a patient's steps and notes for each of their recipients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from hospital_rt.domain.clock import to_wire
from hospital_rt.domain.course import Slot, slot_id
from hospital_rt.storage.database import Document, Session
from models.events import NewEvent
from models.notes import Note
from models.reminders import LedgerEntry
from models.steps import Step
from models.store import Store
from models.visibility import Access, can_see_quote, recipients

By = Literal["note", "patient", "carer", "doctor", "course", "system"]
Why = Literal["note", "stopped", "withdrawn", "ended"]


@dataclass(frozen=True, slots=True)
class Audience:
    """The recipients of events about a patient's steps, each with their access to the patient's records."""

    patient_id: str
    accesses: Sequence[Access]

    @classmethod
    async def each(cls, store: Store, patient_ids: Iterable[str], *, session: Session) -> dict[str, Audience]:
        """The audience of each of these patients, in one read."""
        found = await recipients(store, patient_ids, session=session)
        return {id: cls(id, accesses) for id, accesses in found.items()}

    @classmethod
    async def of(cls, store: Store, patient_id: str, *, session: Session) -> Audience:
        return (await cls.each(store, [patient_id], session=session))[patient_id]

    @property
    def user_ids(self) -> list[str]:
        return [access.viewer_id for access in self.accesses]

    def _to_each(
        self,
        event: str,
        steps: Sequence[Step],
        data_of: Callable[[list[Document]], Document],
        *,
        key: str,
        note_id: str,
        now: datetime,
    ) -> list[NewEvent]:
        """One event for each recipient, with the data of the steps as they may see them."""
        whole = [step.as_json(now=now) for step in steps]
        new_events: list[NewEvent] = []
        for access in self.accesses:
            shown = [_without_closed_quote(access, step, one) for step, one in zip(steps, whole, strict=True)]
            new_events.append(
                NewEvent(
                    user_id=access.viewer_id,
                    about=self.patient_id,
                    event=event,
                    key=key,
                    via=access.event_via,
                    note_id=note_id,
                    data=data_of(shown),
                )
            )
        return new_events

    def with_carers(self, new_events: Sequence[NewEvent], step: Step) -> list[NewEvent]:
        """These events of one step, and the reminders among them for each carer too."""
        return [*new_events, *reminders_for_carers(new_events, {step.id: step}, {self.patient_id: self.accesses})]

    def steps_changed(
        self,
        *,
        note_id: str,
        created: Sequence[Step] = (),
        cancelled: Sequence[str] = (),
        completed: Sequence[str] = (),
        kept: Sequence[str] = (),
        by: By,
        why: Why,
        key: str,
        now: datetime,
    ) -> list[NewEvent]:
        """That the plan changed. ``kept``: earlier steps that run on beside the new ones, by the author's word."""
        more = {"cancelled": list(cancelled), "completed": list(completed), "kept": list(kept), "by": by, "why": why}

        def data_of(shown: list[Document]) -> Document:
            return {"patient_id": self.patient_id, "note_id": note_id, "created": shown, **more}

        return self._to_each("steps.changed", created, data_of, key=key, note_id=note_id, now=now)

    def checked_in(
        self,
        step: Step,
        *,
        slot_at: datetime | None,
        outcome: str,
        key: str,
        now: datetime,
        over_limit: bool = False,
        by: Document | None = None,
    ) -> list[NewEvent]:
        """A check-in or its undoing. ``by``: id and name of the carer who answered; None: the patient."""

        def data_of(shown: list[Document]) -> Document:
            more: Document = {**({"by": by} if by else {}), **({"over_limit": True} if over_limit else {})}
            return {"step": shown[0], "slot": to_wire(slot_at), "outcome": outcome, **more}

        return self._to_each("step.checked_in", [step], data_of, key=key, note_id=step.note_id, now=now)


def _without_closed_quote(access: Access, step: Step, shown: Document) -> Document:
    return shown if can_see_quote(access, step) else {**shown, "quote": None}


def reminder_due(step: Step, slot: Slot, *, repeat: int, now: datetime) -> NewEvent:
    """The reminder event: its key is made of step, slot and repetition, so that it is recorded once."""
    key = f"reminder/{slot_id(step.id, slot.key)}/{repeat}"
    return _to_patient("reminder.due", step, slot, {"repeat": repeat}, key=key, now=now)


def reminder_snoozed(step: Step, slot: Slot, *, version: int, now: datetime, by: Document | None) -> NewEvent:
    """To the patient: an open slot is repeated later. ``version`` is the step's before, since a slot may be put off
    more than once.
    """
    key = f"snoozed/{slot_id(step.id, slot.key)}/{version}"
    more: Document = {"until": to_wire(slot.snoozed_until), **({"by": by} if by else {})}
    return _to_patient("reminder.snoozed", step, slot, more, key=key, now=now)


def _to_patient(event: str, step: Step, slot: Slot, more: Document, *, key: str, now: datetime) -> NewEvent:
    data = {"step": step.as_json(now=now), "slot": to_wire(slot.at), **more}
    return NewEvent(
        user_id=step.patient_id, about=step.patient_id, event=event, key=key, note_id=step.note_id, data=data
    )


def reminders_for_carers(
    new_events: Sequence[NewEvent], steps: Mapping[str, Step], accesses: Mapping[str, Sequence[Access]]
) -> list[NewEvent]:
    """The reminders among these events for the carers of their patients, without the quote where it is closed."""
    found: list[NewEvent] = []
    for event in new_events:
        if event.event not in {"reminder.due", "reminder.snoozed"} or event.user_id != event.about:
            continue
        step = event.data["step"]
        for access in accesses.get(event.about, ()):
            if access.via != "care":
                continue
            shown = _without_closed_quote(access, steps[step["id"]], step)
            found.append(
                replace(event, user_id=access.viewer_id, via=access.event_via, data={**event.data, "step": shown})
            )
    return found


def note_status(
    note: Note, status: str, *, discriminator: str, failure: str | None = None, dropped: int = 0, questions: int = 0
) -> list[NewEvent]:
    """To the author at every status, and to who wrote it while covering; to the patient when the note is ready.
    ``discriminator`` distinguishes events of the same status.

    ``dropped`` and ``questions`` are counts, for the author.
    """

    def event_for(user_id: str, more: Document, via: str | None = None) -> NewEvent:
        return NewEvent(
            user_id=user_id,
            about=note.patient_id,
            event="note.status",
            key=f"note/{note.id}/{status}/{discriminator}",
            note_id=note.id,
            data={"note_id": note.id, "status": status, "failure": failure, **more},
            via=via,
        )

    new_events = [event_for(note.doctor_id, {"dropped": dropped, "questions": questions})]
    if note.written_by:
        new_events.append(event_for(note.written_by, {"dropped": dropped, "questions": questions}, via="cover"))
    if status == "ready":
        new_events.append(event_for(note.patient_id, {}))
    return new_events


def ledger_entries(
    step: Step,
    touched: tuple[Slot, ...],
    *,
    new: Slot | None = None,
    answered: Slot | None = None,
    reason: str | None = None,
    done_at: datetime | None = None,
    by_id: str | None = None,
) -> list[LedgerEntry]:
    """The reminder records for the changes of a course. Each slot is written once, in its final state.

    Args:
        new: the slot for which a first reminder is recorded.
        done_at: when what was answered really was, if the patient said so.
        by_id: the carer who answered.
    """
    if step.course is None:
        return []
    timeline = step.course.timeline(step.zone)
    latest = {slot.number: slot for slot in touched}
    return [
        LedgerEntry(
            step_id=step.id,
            patient_id=step.patient_id,
            slot=slot,
            day=timeline.local_date(number),
            is_new=new is not None and new.number == number,
            answer=answered is not None and answered.number == number,
            reason=reason,
            done_at=done_at,
            by_id=by_id,
        )
        for number, slot in latest.items()
    ]


def completed(audience: Audience, step: Step, *, by: By, now: datetime) -> list[NewEvent]:
    return audience.steps_changed(
        note_id=step.note_id,
        completed=[step.id],
        by=by,
        why="ended",
        key=f"completed/{step.id}/{step.version}",
        now=now,
    )
