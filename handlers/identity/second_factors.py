"""The user's own second factors: set up, confirm, remove."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import segno
from pymongo.errors import DuplicateKeyError

from handlers.api.account_schemas import (
    ConfirmedFactorView,
    ConfirmFactorBody,
    FactorBody,
    FactorsView,
    NewFactorView,
    ProofBody,
    RecoveryCodesView,
)
from handlers.api.session_handler import SessionTokenHandler
from hospital_rt.domain.clock import utcnow
from hospital_rt.domain.errors import Invalid
from hospital_rt.storage.database import Document
from hospital_rt.web.one_time_codes import (
    matching_step,
    new_recovery_codes,
    new_secret,
    normal_code,
    provisioning_uri,
)
from hospital_rt.web.operation import Operation
from hospital_rt.web.problems import Problem
from hospital_rt.web.rate_limits import FACTOR_ACCOUNT
from hospital_rt.web.relying_party import NAME, NotGenuine
from hospital_rt.web.tokens import Tokens
from models.identity.second_factors import MAX_FACTORS, SecondFactor
from models.services.second_factors import add_factor, new_recovery, remove_factor, secret_of

PROOF_REFUSED = ("wrong-password", "wrong-factor", "rate-limited", "busy")


class SecondFactorsHandler(SessionTokenHandler):
    @Operation(allow="user", responses={200: FactorsView}, allow_pending=True, allow_without_factor=True)
    async def get(self) -> None:
        """Your second factors, and how many recovery codes are left."""
        factors = await self.store.second_factors.of_user(self.who.id)
        user = await self.store.users.read_row(self.who.row)
        self.respond(
            {
                "items": [factor.as_json() for factor in factors],
                "next": None,
                "recovery_codes_left": await self.store.second_factors.recovery_left(self.who.id),
                "required": self.settings_.needs_second_factor(self.who.role),
                "proofs": self.proofs(user, factors),
            }
        )

    @Operation(
        allow="user",
        responses={201: NewFactorView},
        problems=("conflict", "proof-required", *PROOF_REFUSED),
        allow_pending=True,
        allow_without_factor=True,
    )
    async def post(self, body: FactorBody) -> None:
        """Begin to set up a second factor: an authenticator app or a passkey. It counts once it is confirmed, within 15
        minutes. Ten minutes after signing in, show again who you are: by password, by a code, or by a passkey.
        """
        kind = body.kind
        await self.check_recent(body)
        known = await self.store.second_factors.of_user(self.who.id)
        if len(known) >= MAX_FACTORS:
            raise Problem("conflict", f"An account has {MAX_FACTORS} second factors at most. Remove one first.")
        user = await self.store.users.read_row(self.who.row)
        name = user.email or user.name or user.id
        factor = SecondFactor(id=str(uuid4()), user_id=user.id, kind=kind, created_at=utcnow())
        answer: Document = {"id": factor.id, "kind": kind}
        if kind == "totp":
            secret = new_secret()
            uri = provisioning_uri(secret, account=name, issuer=NAME)
            answer |= {"secret": secret, "uri": uri, **_qr(uri)}
            sealed = await self.store.vault.seal(user.id, factor.context, secret)
            factor = replace(factor, sealed=sealed)
        else:
            challenge = Tokens.new_nonce()
            passkeys = [one.credential_id for one in known if one.credential_id]
            answer["options"] = self.relying_party.registration_options(
                user_id=user.id, name=name, challenge=challenge, known=passkeys
            )
            factor = replace(factor, challenge=challenge)
        await self.store.second_factors.begin(factor)
        self.respond(answer, status=201)


def _qr(uri: str) -> Document:
    """A QR code as the path of an SVG, one unit a module, with the quiet zone around it."""
    code = segno.make(uri, error="m", micro=False)
    rows = list(code.matrix_iter(border=4))
    path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    return {"qr": path, "qr_size": len(rows)}


class ConfirmFactorHandler(SessionTokenHandler):
    @Operation(
        allow="user",
        responses={200: ConfirmedFactorView},
        problems=("not-found", "conflict", "rate-limited"),
        allow_pending=True,
        allow_without_factor=True,
        audit="second_factor.added",
    )
    async def post(self, factor_id: str, body: ConfirmFactorBody) -> None:
        """Confirm a second factor by its first code, or by the new passkey's answer. The first factor comes with ten
        recovery codes, which are shown this once.
        """
        factor = await self.store.second_factors.get(factor_id, user_id=self.who.id)
        if factor is None or factor.confirmed_at:
            raise Problem("not-found")
        limits = self.resources.limits
        account = self.context.tokens.keyed_hash(b"confirm", self.who.id.encode())
        await limits.count(FACTOR_ACCOUNT, account)
        found = await (self._app(factor, body) if factor.kind == "totp" else self._passkey(factor, body))
        await limits.reset(FACTOR_ACCOUNT, account)
        codes = new_recovery_codes()
        try:
            fresh, letter_id = await self.while_signed_in(
                lambda session: add_factor(self.store, found, codes, actor=self.actor, session=session)
            )
        except DuplicateKeyError:
            raise Problem("conflict", "This passkey is in use already.") from None
        await self.context.dispatcher.send_letter(letter_id)
        self.respond({**found.as_json(), "recovery_codes": codes if fresh else None})

    async def _app(self, factor: SecondFactor, body: ConfirmFactorBody) -> SecondFactor:
        if body.code is None or body.credential is not None:
            raise Invalid("#/code", "Give a code of the app.")
        step = matching_step(await secret_of(self.store, factor), normal_code(body.code), at=utcnow())
        if step is None:
            raise Invalid("#/code", "This is not the code that the app shows now.")
        return replace(factor, spent_step=step)

    async def _passkey(self, factor: SecondFactor, body: ConfirmFactorBody) -> SecondFactor:
        if body.credential is None or body.code is not None:
            raise Invalid("#/credential", "Give the new passkey's answer.")
        try:
            new = self.relying_party.check_registration(body.credential, challenge=factor.challenge or "")
        except NotGenuine:
            raise Invalid("#/credential", "This is no answer to what was asked.") from None
        sealed = await self.store.vault.seal(factor.user_id, factor.context, new.public_key)
        return replace(factor, credential_id=new.credential_id, sealed=sealed, sign_count=new.sign_count)


class SecondFactorHandler(SessionTokenHandler):
    @Operation(
        allow="user",
        responses={204: None},
        problems=("not-found", *PROOF_REFUSED),
        allow_pending=True,
        allow_without_factor=True,
        audit="second_factor.removed",
    )
    async def delete(self, factor_id: str, body: ProofBody) -> None:
        """Take a second factor away. Show again who you are: by password, by a code, or by a passkey."""
        if await self.store.second_factors.get(factor_id, user_id=self.who.id) is None:
            raise Problem("not-found")
        await self.check_proof(body)
        letter_id = await self.while_signed_in(
            lambda session: remove_factor(self.store, self.who.id, factor_id, actor=self.actor, session=session)
        )
        if letter_id:
            await self.context.dispatcher.send_letter(letter_id)
        self.respond(status=204)


class RecoveryCodesHandler(SessionTokenHandler):
    @Operation(
        allow="user",
        responses={200: RecoveryCodesView},
        problems=("conflict", *PROOF_REFUSED),
        allow_pending=True,
        audit="recovery_codes.made",
    )
    async def post(self, body: ProofBody) -> None:
        """Make ten new recovery codes, shown this once; the old ones no longer work. Show again who you are."""
        if not await self.store.second_factors.of_user(self.who.id):
            raise Problem("conflict", "Set up a second factor first.")
        await self.check_proof(body)
        codes = new_recovery_codes()
        letter_id = await self.while_signed_in(
            lambda session: new_recovery(self.store, self.who.id, codes, actor=self.actor, session=session)
        )
        await self.context.dispatcher.send_letter(letter_id)
        self.respond({"recovery_codes": codes})
