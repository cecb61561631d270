"""Access tokens (modelled on RFC 9068, following RFC 8725) and refresh tokens, without database access.

An access token is a JWT of one algorithm, typed ``at+jwt``, bound to a session; every claim is checked. A refresh token
is ``rt1.<session>.<generation>.<mac>``: derived from the session's stored nonce and our secret, so that the same
successor can be issued twice and only the nonce is stored. Neither kind is accepted as the other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID, uuid4

import jwt

ISSUER = "hospital_rt"
AUDIENCE = "hospital_rt/api"
ALGORITHM = "HS256"
VERIFIED_KEPT = 4096
Use = Literal["reset", "verify", "unsubscribe", "invitation"]


class InvalidToken(Exception):
    """The token is not one of ours, is for another use, or has expired."""


class EndedToken(InvalidToken):
    """An access token of ours whose time is over: a renewed one will do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessClaims:
    """The claims of a valid access token."""

    user_id: str
    session_id: str
    begins_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshClaims:
    session_id: str
    generation: int
    mac: str


class Tokens:
    """Makes and checks tokens. Keys for each use are derived from ``SECRET_KEY``.

    ``leeway_s``: how far ahead of this clock an access token may begin, since another node's clock may be ahead of
    it; its end is exact.
    """

    def __init__(self, secret_key: str, *, access_s: int, leeway_s: int = 0) -> None:
        self._secret = secret_key.encode()
        self._access_key = self._derive("access")
        self._refresh_key = self._derive("refresh")
        self._link_key = self._derive("link")
        self.access_s = access_s
        self._leeway = timedelta(seconds=leeway_s)
        self._verified = lru_cache(maxsize=VERIFIED_KEPT)(self._verify_access)

    def _derive(self, use: str) -> bytes:
        return hmac.new(self._secret, b"hospital_rt/1|" + use.encode(), hashlib.sha256).digest()

    def issue_access(self, *, user_id: str, session_id: str, now: datetime) -> str:
        issued = int(now.timestamp())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user_id,
            "sid": session_id,
            "jti": uuid4().hex,
            "iat": issued,
            "nbf": issued,
            "exp": issued + self.access_s,
        }
        return jwt.encode(claims, self._access_key, algorithm=ALGORITHM, headers={"typ": "at+jwt"})

    def read_access(self, token: str) -> AccessClaims:
        """Check an access token completely. For a token seen before (cached), only its times are checked again.

        Raises:
            EndedToken: it is ours, and its time is over.
            InvalidToken: whatever else is wrong with it; the caller learns no more.
        """
        access = self._verified(token)
        now = datetime.now(UTC)
        if now >= access.expires_at:
            raise EndedToken
        if now < access.begins_at - self._leeway:
            raise InvalidToken
        return access

    def _verify_access(self, token: str) -> AccessClaims:
        if len(token) > 4096 or not token.isascii() or "=" in token:  # RFC 7515: base64url without padding
            raise InvalidToken
        claims = _decode(
            token,
            self._access_key,
            typ="at+jwt",
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=self._leeway,  # of the beginning; the end is looked at in `read_access`
            options={"require": ["exp", "iat", "nbf", "sub", "jti", "aud", "iss", "sid"], "strict_aud": True},
        )
        times = [claims["exp"], claims["iat"], claims["nbf"]]
        if not all(isinstance(value, int) and not isinstance(value, bool) for value in times):
            raise InvalidToken
        if claims["exp"] - claims["iat"] > 86_400 or not all(isinstance(claims[name], str) for name in ("sub", "sid")):
            raise InvalidToken
        return AccessClaims(
            user_id=claims["sub"],
            session_id=claims["sid"],
            begins_at=datetime.fromtimestamp(max(claims["nbf"], claims["iat"]), UTC),
            expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        )

    @staticmethod
    def new_nonce() -> str:
        return secrets.token_urlsafe(32)

    def refresh_token(self, *, session_id: str, generation: int, nonce: str) -> str:
        """The refresh token of that generation: always the same for the same session and nonce."""
        digest = hmac.new(self._refresh_key, f"{session_id}|{generation}|{nonce}".encode(), hashlib.sha256).digest()
        return f"rt1.{session_id}.{generation}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"

    @staticmethod
    def read_refresh(token: str) -> RefreshClaims:
        """Parse a refresh token; its authenticity is checked later against the session's nonce.

        Raises:
            InvalidToken: wrong format.
        """
        parts = token.split(".") if len(token) <= 200 and token.isascii() else []
        if len(parts) != 4 or parts[0] != "rt1" or not parts[2].isdigit() or len(parts[2]) > 9:
            raise InvalidToken
        try:
            session_id = str(UUID(parts[1]))
        except ValueError:
            raise InvalidToken from None
        return RefreshClaims(session_id=session_id, generation=int(parts[2]), mac=parts[3])

    def is_genuine(self, refresh: RefreshClaims, *, nonce: str) -> bool:
        wanted = self.refresh_token(session_id=refresh.session_id, generation=refresh.generation, nonce=nonce)
        return hmac.compare_digest(wanted.rsplit(".", 1)[1], refresh.mac)

    def link_token(self, *, use: Use, link_id: str) -> str:
        """The secret of a mailed link, derived from its id so that it need not be stored or queued (256 bits)."""
        digest = hmac.new(self._link_key, f"{use}|{link_id}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    @staticmethod
    def hash_link(token: str) -> str:
        """The hash of a mailed link, as stored."""
        return hashlib.sha256(b"link|" + token.encode("utf-8", "replace")).hexdigest()

    # The state of a sign-in at the identity provider: what the browser holds is signed, and the rest follows from it.

    def issue_oidc(self, *, state: str, following: str, expires_at: datetime) -> str:
        """The cookie of a sign-in that has begun."""
        claims = {"state": state, "next": following, "exp": expires_at}
        return jwt.encode(claims, self._derive("oidc"), algorithm=ALGORITHM, headers={"typ": "oidc+jwt"})

    def read_oidc(self, cookie: str) -> tuple[str, str]:
        """State and where to go afterwards.

        Raises:
            InvalidToken: not ours, or over.
        """
        required = {"require": ["exp", "state", "next"]}
        claims = _decode(cookie, self._derive("oidc"), typ="oidc+jwt", options=required)
        return str(claims["state"]), str(claims["next"])

    def of_state(self, state: str, use: Literal["nonce", "verifier"]) -> str:
        """The nonce or the PKCE verifier of a state: derived, so that neither is stored."""
        digest = hmac.new(self._derive(f"oidc-{use}"), state.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def keyed_hash(self, *parts: bytes) -> str:
        """A keyed hash: for idempotency keys, bodies and limits."""
        mac = hmac.new(self._derive("hash"), digestmod=hashlib.sha256)
        for part in parts:
            mac.update(len(part).to_bytes(8, "big") + part)
        return mac.hexdigest()


def _decode(token: str, key: bytes, *, typ: str, **wanted: Any) -> dict[str, Any]:
    """The claims of a JWT of ours.

    Raises:
        EndedToken: its signature is right, and its time is over.
        InvalidToken: whatever else is wrong with it.
    """
    try:
        whole = jwt.decode_complete(token, key, algorithms=[ALGORITHM], **wanted)
    except jwt.ExpiredSignatureError:
        raise EndedToken from None
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError, OverflowError):
        raise InvalidToken from None
    if whole["header"].get("typ") != typ:
        raise InvalidToken
    claims: dict[str, Any] = whole["payload"]
    return claims
