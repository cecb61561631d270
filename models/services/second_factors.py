"""Adds and removes second factors, and verifies codes and passkeys, in a transaction of the caller.

What changes here is in the audit, and the user gets a letter about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from hospital_rt.domain.clock import utcnow
from hospital_rt.domain.errors import NotFound, NotSignedIn
from hospital_rt.storage.database import Session
from hospital_rt.storage.field_encryption import Unreadable
from hospital_rt.web.one_time_codes import matching_step, normal_code
from hospital_rt.web.relying_party import Assertion, NotGenuine, RelyingParty
from models.audit import AuditActor
from models.identity.second_factors import SecondFactor
from models.store import Store, transactional

CodeKind = Literal["totp", "recovery"]


def hash_recovery(store: Store, user_id: str, code: str) -> str:
    """The keyed hash of a recovery code, as stored."""
    return store.vault.blind_index(f"{user_id}|{normal_code(code)}", use="recovery")


# What is entered


async def spend_code(store: Store, user_id: str, code: str, *, session: Session) -> CodeKind | None:
    """Use up a code of an authenticator app or a recovery code. None when it is neither, or was used before."""
    now, given = utcnow(), normal_code(code)
    for factor in await store.second_factors.of_user(user_id, session=session):
        if factor.kind != "totp":
            continue
        step = matching_step(await secret_of(store, factor), given, at=now)
        if step is not None and await store.second_factors.spend_time_step(factor, step, at=now, session=session):
            return "totp"
    if await store.second_factors.spend_recovery(user_id, hash_recovery(store, user_id, given), session=session):
        return "recovery"
    return None


async def secret_of(store: Store, factor: SecondFactor) -> str:
    """The secret of an app, or the public key of a passkey."""
    return str(await store.vault.open_value(factor.user_id, factor.context, factor.sealed or ""))


async def spend_assertion(
    store: Store,
    party: RelyingParty,
    factor: SecondFactor,
    assertion: Assertion,
    *,
    challenge: str,
    alone: bool,
    session: Session,
) -> bool:
    """Whether this passkey signed this challenge; its counter is kept."""
    try:
        count = party.check_assertion(
            assertion,
            challenge=challenge,
            public_key=await secret_of(store, factor),
            sign_count=factor.sign_count,
            alone=alone,
        )
    except (NotGenuine, Unreadable):
        return False
    return await store.second_factors.count_signature(factor, count, at=utcnow(), session=session)


# Changes


async def add_factor(
    store: Store, factor: SecondFactor, recovery: Sequence[str], *, actor: AuditActor, session: Session
) -> tuple[bool, str]:
    """Let a factor count. Whether these recovery codes are the user's from now on, and the letter to send.

    Raises:
        NotFound: it is confirmed already, or its time is over.
        NotSignedIn: the account was closed meanwhile.
    """
    now, user_id = utcnow(), factor.user_id
    held = await store.users.compare_and_update(
        user_id, {"status": {"$ne": "deactivated"}}, {"second_factor": True}, session=session
    )
    if not held:
        raise NotSignedIn
    if not await store.second_factors.confirm(factor, at=now, session=session):
        raise NotFound
    hashes = [hash_recovery(store, user_id, code) for code in recovery]
    fresh = await store.second_factors.keep_recovery(user_id, hashes, at=now, session=session)
    await store.audit.write(actor, "second_factor.added", of=[user_id], item=factor.id, session=session)
    return fresh, await store.letters.write(user_id=user_id, kind="second-factor-added", now=now, session=session)


async def remove_factor(
    store: Store, user_id: str, factor_id: str, *, actor: AuditActor, session: Session
) -> str | None:
    """Take one factor away; with the last one the recovery codes go too. The letter to send, None for one that was
    never confirmed.

    Raises:
        NotFound: it is not this user's.
    """
    confirmed = await store.second_factors.of_user(user_id, session=session)
    if not await store.second_factors.delete(factor_id, user_id=user_id, session=session):
        raise NotFound
    await store.audit.write(actor, "second_factor.removed", of=[user_id], item=factor_id, session=session)
    left = [factor for factor in confirmed if factor.id != factor_id]
    if len(left) == len(confirmed):
        return None
    # Written also when one is left: two removals at once meet here, and one of them begins anew.
    await store.users.update(user_id, {"second_factor": bool(left), "factor_changed_at": utcnow()}, session=session)
    if not left:
        await store.second_factors.delete_recovery(user_id, session=session)
    return await store.letters.write(user_id=user_id, kind="second-factor-removed", now=utcnow(), session=session)


async def new_recovery(
    store: Store, user_id: str, recovery: Sequence[str], *, actor: AuditActor, session: Session
) -> str:
    """Replace the recovery codes; the letter to send."""
    await store.second_factors.delete_recovery(user_id, session=session)
    hashes = [hash_recovery(store, user_id, code) for code in recovery]
    await store.second_factors.keep_recovery(user_id, hashes, at=utcnow(), session=session)
    await store.audit.write(actor, "recovery_codes.made", of=[user_id], session=session)
    return await store.letters.write(user_id=user_id, kind="recovery-codes-made", now=utcnow(), session=session)


@transactional
async def plan_reset(
    store: Store, session: Session, user_id: str, *, after: timedelta, actor: AuditActor
) -> tuple[datetime, list[str], str]:
    """Have all second factors of a user end after a time in which they can object by signing in with one of them;
    at once without such a time. When, which sessions ended, and the letter to send.
    """
    now = utcnow()
    at = now + after
    await store.audit.write(actor, "second_factor.reset", of=[user_id], session=session)
    ended: list[str] = []
    if after:
        await store.users.update(user_id, {"factors_end_at": at}, session=session)
    else:
        ended = await _end_factors(store, user_id, session=session)
    kind: Literal["second-factor-ends", "second-factor-removed"] = (
        "second-factor-ends" if after else "second-factor-removed"
    )
    return at, ended, await store.letters.write(user_id=user_id, kind=kind, now=now, session=session)


@transactional
async def end_factors(store: Store, session: Session, user_id: str, *, actor: AuditActor) -> list[str]:
    """The time of a planned reset has come: factors and sessions end. The sessions that ended."""
    row = await store.users.row(user_id, session=session)
    if row is None or not is_reset_due(row.get("factors_end_at"), now=utcnow()):
        return []  # another sign-in was first, or the user objected
    await store.audit.write(replace(actor), "second_factor.removed", of=[user_id], session=session)
    return await _end_factors(store, user_id, session=session)


def is_reset_due(at: datetime | None, *, now: datetime) -> bool:
    return at is not None and at <= now


async def _end_factors(store: Store, user_id: str, *, session: Session) -> list[str]:
    await store.second_factors.delete_all(user_id, session=session)
    await store.challenges.revoke_all(user_id, session=session)
    await store.users.update(user_id, {"second_factor": False, "factors_end_at": None}, session=session)
    return await store.sessions.revoke_all(user_id, now=utcnow(), session=session)
