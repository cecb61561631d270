"""WebAuthn: this service as a relying party. Options for the browser, and checks of what its authenticator answers.

The relying party's id is the host of ``PUBLIC_URL``: a passkey works there and at no look-alike. Attestation is not
asked for: which make an authenticator is of does not matter here.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    parse_authentication_credential_json,
    parse_client_data_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

NAME = "Aftercare"
TIMEOUT_MS = 300_000


class NotGenuine(Exception):
    """What came is no answer of a known authenticator to this challenge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A new passkey: id and public key in base64url."""

    credential_id: str
    public_key: str = field(repr=False)
    sign_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """A passkey's answer, read but not checked: ``challenge`` is the one that it says it answers."""

    credential_id: str
    challenge: str = field(repr=False)
    user_id: str | None
    answer: Mapping[str, Any] = field(repr=False)


@contextlib.contextmanager
def _or_not_genuine() -> Iterator[None]:
    """The library parses untrusted input, CBOR and ASN.1 included: any of its errors means that it is not genuine."""
    try:
        yield
    except MemoryError:  # no fault of the answer
        raise
    except Exception as error:
        raise NotGenuine(type(error).__name__ if isinstance(error, WebAuthnException) else "malformed") from None


class RelyingParty:
    """Options and checks for one public address."""

    def __init__(self, public_url: str) -> None:
        parts = urlsplit(public_url)
        self.id = parts.hostname or ""
        self._origin = f"{parts.scheme}://{parts.netloc}".lower()

    def registration_options(self, *, user_id: str, name: str, challenge: str, known: Sequence[str]) -> dict[str, Any]:
        """``PublicKeyCredentialCreationOptions`` as JSON. ``known``: the user's passkeys, not to be made twice."""
        options = generate_registration_options(
            rp_id=self.id,
            rp_name=NAME,
            user_id=UUID(user_id).bytes,
            user_name=name,
            user_display_name=name,
            challenge=base64url_to_bytes(challenge),
            timeout=TIMEOUT_MS,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED,
                user_verification=UserVerificationRequirement.PREFERRED,
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=base64url_to_bytes(id)) for id in known],
        )
        return dict(json.loads(options_to_json(options)))

    def check_registration(self, credential: Mapping[str, Any], *, challenge: str) -> Registered:
        """The new passkey in an authenticator's answer.

        Raises:
            NotGenuine: for another challenge, origin or relying party, or malformed.
        """
        with _or_not_genuine():
            found = verify_registration_response(
                credential=dict(credential),
                expected_challenge=base64url_to_bytes(challenge),
                expected_rp_id=self.id,
                expected_origin=self._origin,
            )
        return Registered(
            credential_id=bytes_to_base64url(found.credential_id),
            public_key=bytes_to_base64url(found.credential_public_key),
            sign_count=found.sign_count,
        )

    def request_options(self, *, challenge: str, allowed: Sequence[str] = ()) -> dict[str, Any]:
        """``PublicKeyCredentialRequestOptions`` as JSON: for these passkeys, or for any that the device offers, which
        must then verify its user by itself.
        """
        verification = UserVerificationRequirement.PREFERRED if allowed else UserVerificationRequirement.REQUIRED
        options = generate_authentication_options(
            rp_id=self.id,
            challenge=base64url_to_bytes(challenge),
            timeout=TIMEOUT_MS,
            allow_credentials=[PublicKeyCredentialDescriptor(id=base64url_to_bytes(id)) for id in allowed],
            user_verification=verification,
        )
        return dict(json.loads(options_to_json(options)))

    @staticmethod
    def read_assertion(answer: Mapping[str, Any]) -> Assertion:
        """Which passkey answers which challenge, by its own account.

        Raises:
            NotGenuine: malformed.
        """
        with _or_not_genuine():
            parsed = parse_authentication_credential_json(dict(answer))
            client = parse_client_data_json(parsed.response.client_data_json)
            handle = parsed.response.user_handle
            return Assertion(
                credential_id=bytes_to_base64url(parsed.raw_id),
                challenge=bytes_to_base64url(client.challenge),
                user_id=str(UUID(bytes=handle)) if handle else None,
                answer=dict(answer),
            )

    def check_assertion(
        self, assertion: Assertion, *, challenge: str, public_key: str, sign_count: int, alone: bool
    ) -> int:
        """The authenticator's new counter, if its signature is right.

        Args:
            alone: it is the only factor, so the device must have verified its user (a PIN, a finger, a face).

        Raises:
            NotGenuine: a wrong signature, another challenge or origin, a counter that went back.
        """
        with _or_not_genuine():
            found = verify_authentication_response(
                credential=dict(assertion.answer),
                expected_challenge=base64url_to_bytes(challenge),
                expected_rp_id=self.id,
                expected_origin=self._origin,
                credential_public_key=base64url_to_bytes(public_key),
                credential_current_sign_count=sign_count,
                require_user_verification=alone,
            )
        return found.new_sign_count
