"""Note that a doctor called a patient: one transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

from hospital_rt.domain.errors import NotFound
from hospital_rt.storage.database import Session
from models.audit import AuditActor
from models.people.phone_calls import PhoneCall
from models.store import Store, transactional
from models.visibility import doctors_access

SAME_WITHIN = timedelta(minutes=1)


@transactional
async def record_call(
    store: Store, session: Session, *, by_id: str, patient_id: str, text: str | None, now: datetime, actor: AuditActor
) -> PhoneCall:
    """Record a call by the patient's doctor, or who covers for that one. The same words again within a minute are the
    same call.

    Raises:
        NotFound: the patient is not theirs.
    """
    await store.patient_sequences.advance(patient_id, session=session)
    access = await doctors_access(store, by_id, patient_id, session=session)
    if access is None or access.doctor_id is None:
        raise NotFound
    call = PhoneCall(id=str(uuid4()), patient_id=patient_id, doctor_id=access.doctor_id, by_id=by_id, at=now, text=text)
    known = await store.phone_calls.since([patient_id], now - SAME_WITHIN, session=session)
    same = next((one for one in known if replace(call, id=one.id, at=one.at) == one), None)
    if same is None:
        await store.phone_calls.insert(call, session=session)
    await store.audit.write(actor, "patient.called", of=[patient_id], item=(same or call).id, session=session)
    return same or call
