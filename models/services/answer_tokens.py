"""Answers from a notification: a one-time token closes or puts off the slot of one pushed reminder, without sign-in."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from hospital_rt.domain.clock import to_wire
from hospital_rt.domain.errors import Conflict, Invalid, NotFound
from models.audit import AuditActor
from models.services.check_in import check_in, read_at
from models.services.snooze import snooze_slot
from models.store import Store

SNOOZE_MINUTES = 30
TokenOutcome = Literal["done", "snooze"]


async def answer_by_token(
    store: Store, token_hash: str, *, outcome: TokenOutcome, at: str | None, now: datetime, actor: AuditActor
) -> frozenset[str] | None:
    """Answer the slot for which the token was made. Returns the users to wake; None for a token that is not valid.

    The same token with the same outcome again changes nothing. A crash between the claim of the token and the answer
    is completed by the next request: both answers are idempotent.

    Raises:
        DomainError: 422 ``at`` is no moment, ahead, or more than 48 hours ago.
    """
    read_at(at, now=now)
    token = await store.answer_tokens.claim(token_hash, outcome=outcome, now=now)
    if token is None:
        return None
    if token.finished:
        return frozenset()
    step = await store.steps.get(token.step_id)
    if step is None or step.patient_id != token.user_id or step.course is None:
        return None
    waiting, slot = step.course.open_slot if step.status == "active" else None, to_wire(token.slot_at)
    if waiting is None or waiting.at != token.slot_at:
        held = next((one for one in step.course.window if one.at == token.slot_at), None)
        return frozenset() if token.claimed_before and held is not None and held.state == outcome else None
    arguments: dict[str, Any] = {
        "patient_id": token.user_id,
        "step_id": step.id,
        "slot": slot,
        "now": now,
        "actor": actor,
    }
    users: frozenset[str] = frozenset()
    try:
        if outcome == "done":
            done = await check_in(store, outcome="done", reason=None, at=at, **arguments)
        else:
            done = await snooze_slot(store, count=SNOOZE_MINUTES, **arguments)
        users = done.users
    except Invalid:
        if outcome == "done":
            raise
        # The next slot comes before the snooze would end: the patient is reminded then.
    except (Conflict, NotFound):  # closed or erased a moment ago
        return None
    await store.answer_tokens.finish(token_hash)
    return users
