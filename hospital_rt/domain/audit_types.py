"""Types of the audit that every layer uses: acts, roles, the actor of a request, the result of a verification."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Act = Literal[
    # read
    "notes.listed",
    "note.read",
    "steps.listed",
    "step.read",
    "patients.listed",
    "events.read",
    "adherence.read",
    "live.joined",
    "record.read",
    "calendar.read",
    "answer.repeated",
    "questions.listed",
    # changed
    "note.written",
    "note.extracted",
    "note.retried",
    "note.approved",
    "note.rejected",
    "note.withdrawn",
    "step.cancelled",
    "step.checked_in",
    "step.undone",
    "step.snoozed",
    "question.asked",
    "question.answered",
    "question.seen",
    "patient.called",
    "doctor.chosen",
    "doctor.left",
    "account.created",
    "address.confirmed",
    "session.begun",
    "session.ended",
    "session.reused",
    "sign_in.failed",
    "sign_in.locked",
    "reset.asked",
    "account.changed",
    "account.closed",
    "account.erased",
    "password.changed",
    "password.reset",
    "calendar.changed",
    "second_factor.added",
    "second_factor.removed",
    "second_factor.failed",
    "recovery_code.used",
    "recovery_codes.made",
    "carer.invited",
    "carer.accepted",
    "carer.changed",
    "carer.ended",
    "cover.begun",
    "cover.ended",
    # by the operator
    "admin.created",
    "doctor.created",
    "doctor.approved",
    "doctor.refused",
    "accounts.listed",
    "overview.read",
    "audit.read",
    "reset.linked",
    "second_factor.reset",
    "keys.rotated",
    "backup.written",
    "backup.restored",
    "backup.drilled",
    "epoch.begun",
]
AuditRole = Literal["patient", "doctor", "carer", "stranger", "link", "admin", "system"]


@dataclass(kw_only=True)
class AuditActor:
    """The user of one request, and its address. ``written``: the request has an entry in the audit."""

    role: AuditRole
    user_id: str | None = None
    session_id: str | None = None
    request_id: str | None = None
    address: str | None = field(default=None, repr=False)  # of a user: stored sealed
    operator: str | None = None  # of an operator: the account that ran the command
    written: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditVerification:
    """What the audit looks like. ``findings`` is empty when all is well; ``head`` is worth keeping elsewhere."""

    entries: int
    pages: int
    loose: int
    findings: tuple[str, ...]
    head: str
