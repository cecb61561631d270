"""A patient's question about a step: asked, answered or marked as seen. Each is one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import uuid4

from hospital_rt.domain.errors import Conflict, DomainError, NotFound
from hospital_rt.storage.database import Session
from models.audit import Act, AuditActor
from models.events import NewEvent
from models.questions.patient_questions import PatientQuestion
from models.store import Store, transactional
from models.visibility import recipients

A_DAY = timedelta(days=1)
MAX_PER_STEP = 3  # questions of a patient about one step within a day
MAX_PER_DAY = 10  # and in all


@dataclass(frozen=True, slots=True)
class QuestionOutcome:
    """A question after one turn, whether it is new, and the users to wake."""

    question: PatientQuestion
    is_new: bool
    users: frozenset[str] = field(default_factory=frozenset)


async def _events_of(store: Store, question: PatientQuestion, *, session: Session) -> list[NewEvent]:
    """To the patient, the doctor, and who covers for them; not to carers."""
    accesses = (await recipients(store, [question.patient_id], session=session))[question.patient_id]
    return [
        NewEvent(
            user_id=access.viewer_id,
            about=question.patient_id,
            event="question.changed",
            key=f"question/{question.id}/{question.state}",
            data={"question": question.as_json()},
            via=access.event_via,
        )
        for access in accesses
        if access.via != "care"
    ]


@transactional
async def ask_doctor(
    store: Store, session: Session, *, patient_id: str, step_id: str, text: str, now: datetime, actor: AuditActor
) -> QuestionOutcome:
    """Ask the present doctor about a step. The same words again, while they are open, are the same question.

    Raises:
        DomainError: 404 ``not-assigned``; 429 over the limits of a day.
    """
    current = await store.assignments.current(patient_id, session=session)
    if current is None:
        raise NotFound(code="not-assigned")
    # Lock feeds first: waiting restarts the transaction. It also makes the count below exact.
    session.lock((f"feeds/{current.doctor_id}", f"feeds/{patient_id}"))
    await store.patient_sequences.advance(patient_id, session=session)
    asked = await store.patient_questions.asked_since(patient_id, now - A_DAY, session=session)
    of_step = [one for one in asked if one.step_id == step_id]
    for one in of_step:
        if one.state == "open" and one.text == text and one.doctor_id == current.doctor_id:
            await store.audit.write(actor, "question.asked", of=[patient_id], item=one.id, session=session)
            return QuestionOutcome(one, False)
    for known, most in ((of_step, MAX_PER_STEP), (asked, MAX_PER_DAY)):
        if len(known) >= most:
            wait_s = (known[-most].asked_at + A_DAY - now).total_seconds()
            raise DomainError(
                "rate-limited", "That is all for today. Call when it is urgent.", retry_after_s=max(1, int(wait_s))
            )
    question = PatientQuestion(
        id=str(uuid4()),
        patient_id=patient_id,
        doctor_id=current.doctor_id,
        step_id=step_id,
        state="open",
        asked_at=now,
        text=text,
    )
    await store.patient_questions.insert(question, session=session)
    await store.audit.write(actor, "question.asked", of=[patient_id], item=question.id, session=session)
    users = await store.events.append(await _events_of(store, question, session=session), at=now, session=session)
    return QuestionOutcome(question, True, users)


@transactional
async def settle_question(
    store: Store, session: Session, question: PatientQuestion, *, answer: str | None, now: datetime, actor: AuditActor
) -> QuestionOutcome:
    """Answer a question, or mark it as seen (``answer`` None). The same again changes nothing.

    Raises:
        DomainError: 409 when it was settled in another way; 404 when it is no longer this doctor's.
    """
    act: Act = "question.seen" if answer is None else "question.answered"
    session.lock((f"feeds/{question.doctor_id}", f"feeds/{question.patient_id}"))
    await store.patient_sequences.advance(question.patient_id, session=session)
    if await store.assignments.between(question.patient_id, question.doctor_id, session=session) is None:
        raise NotFound()
    known = await store.patient_questions.get(question.id, session=session)
    if known is None:
        raise NotFound()
    await store.audit.write(actor, act, of=[question.patient_id], item=question.id, session=session)
    if known.state != "open":
        if known.state == ("seen" if answer is None else "answered") and known.answer == answer:
            return QuestionOutcome(known, False)
        raise Conflict("conflict", "It is settled already.")
    settled = replace(known, state="seen" if answer is None else "answered", settled_at=now, answer=answer)
    await store.patient_questions.settle(known, state=settled.state, at=now, answer=answer, session=session)
    users = await store.events.append(await _events_of(store, settled, session=session), at=now, session=session)
    return QuestionOutcome(settled, True, users)
