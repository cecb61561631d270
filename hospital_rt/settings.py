"""The settings: read once, from the environment and ``.env``, into one frozen, typed object.

Each setting may also come as ``NAME_FILE``, the path of a file that holds the value. Wrong
settings are reported in one line each, never with their value. Secrets never appear in a ``repr``.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping, MutableMapping
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from cryptography.fernet import Fernet
from dotenv import dotenv_values
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from hospital_rt.storage.data_tls import with_ca

LOOPBACK = ("127.0.0.0/8", "::1/128")
SINGLE_ROLES = frozenset({"web", "worker", "scheduler"})
NO_SENDER = "no-reply@localhost"
ALL_IN_ONE_COMMANDS = frozenset({"all", "demo"})  # run all roles in one instance


class SettingsError(Exception):
    """Some settings are wrong: ``lines`` holds one sentence for each, without any value."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


def _words(value: Any) -> Any:
    """A comma-separated list, as written in an environment variable."""
    return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value


def is_push_subject(value: str) -> bool:
    """Whether push services take this as the operator's address: ``https://`` or ``mailto:``, at a real domain."""
    parts = urlsplit(value)
    if parts.scheme == "https":
        host = parts.hostname or ""
    elif parts.scheme == "mailto" and re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", parts.path):
        host = parts.path.rpartition("@")[2].lower()
    else:
        return False
    labels = host.split(".")
    if len(labels) < 2 or labels[-1].isdigit() or labels[-1] in {"localhost", "local", "invalid", "internal"}:
        return False
    return all(re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", label) for label in labels)


Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Switch = Literal["on", "off"]


class Settings(BaseModel):
    """Contract, "Settings": each field with its meaning, from which the reference page is made."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    host: str = "127.0.0.1"
    """Address at which the web role listens."""
    port: int = Field(default=8000, ge=1, le=65535)
    """Port at which the web role listens."""
    ops_port: int | None = Field(default=None, ge=1, le=65535)
    """Port at which a single worker or scheduler answers `/healthz`, `/readyz` and `/metrics`; the web role answers
    them on `PORT`.
    """
    public_url: str = ""
    """Base of links in mail, and the accepted `Host`. Default `http://HOST:PORT`; required in single roles."""
    data_dir: Path = Path("data")
    """Embedded servers' data, generated secrets and letters; mode 0700."""
    mongo_url: str | None = Field(default=None, repr=False)
    """External MongoDB, a replica set; without it an embedded one."""
    redis_url: str | None = Field(default=None, repr=False)
    """External Redis; without it an embedded one."""
    mongo_driver: Literal["motor", "pymongo"] = "motor"
    """`pymongo` is PyMongo's own asyncio client, the successor of Motor."""
    data_ca_path: Path | None = None
    """CA certificate (PEM) of MongoDB and Redis, with `tls=true` in `MONGO_URL` or `rediss://`; without it the
    system's, or `SSL_CERT_FILE`.
    """
    secret_key: str = Field(default="", repr=False)
    """Signs tokens: 32 bytes or more. Embedded: generated once; else required."""
    encryption_keys: Words = Field(default=(), repr=False)
    """Fernet keys: the first encrypts, all decrypt. Embedded: generated once; else required."""
    openai_api_key: str | None = Field(default=None, repr=False)
    """Key of an OpenAI-compatible endpoint. With neither key nor base URL the local reader reads alone."""
    openai_base_url: str | None = None
    """Base URL of an OpenAI-compatible endpoint, also a local one."""
    openai_model: str | None = None
    """Model; required with a key or a base URL."""
    openai_timeout_seconds: float = Field(default=30, gt=0, le=600)
    """Budget of one call, in seconds, retries within it apart."""
    smtp_url: str | None = Field(default=None, repr=False)
    """`smtp://user:pass@host:587?starttls=true` or `smtps://`; without it letters are written to `DATA_DIR/mail/` for
    a day.
    """
    mail_from: str = NO_SENDER
    """Sender of letters."""
    email_verification: Switch | None = None
    """Whether an account works only once its address is confirmed; sign-up then does not reveal whether an address is
    known. Default: `on` with `SMTP_URL`.
    """
    doctor_signup: Literal["open", "approval"] | None = None
    """Whether a new doctor waits for `admin approve-doctor`. Default `approval`; `open` in `demo`."""
    step_review: Literal["required", "unsure", "auto"] = "required"
    """When steps go live: `required`: when the author approves; `unsure`: at once when every step is sure and nothing
    is open, dropped or shown; `auto`: unless something was asked or dropped. `unsure` in `demo`.
    """
    erasure: Literal["immediate", "request"] = "immediate"
    """`request`: closing an account is immediate, destroying its key takes `admin erase`."""
    oidc_issuer: str | None = None
    """Issuer of the hospital's identity provider (OpenID Connect); its discovery document is below it."""
    oidc_client_id: str | None = None
    """This service's client id at the provider."""
    oidc_client_secret: str | None = Field(default=None, repr=False)
    """This service's secret at the provider."""
    oidc_roles: Words = ()
    """Which values of which claims give which role, `doctor` or `patient`; the first that fits decides:
    `groups:clinicians=doctor,groups:patients=patient`.
    """
    oidc_name: str = ""
    """Name on the button of the sign-in page. Default: the host of `OIDC_ISSUER`."""
    oidc_scopes: str = "openid profile email"
    """Scopes asked for: add the one that brings the claims of `OIDC_ROLES`."""
    password_sign_in: Switch = "on"  # noqa: S105 - a switch
    """`off`: people sign in through the identity provider alone."""
    second_factor: Literal["optional", "doctors", "all"] = "optional"
    """Who must have a second factor: no role, doctors, or all; role `admin` always must. A user who must and has none
    signs in and may only set one up.
    """
    push_hosts: Words = ()
    """Hosts to which Web Push may be sent although their address is not public."""
    vapid_subject: str = ""
    """How push services reach the operator: `mailto:` or https. Default: `PUBLIC_URL` when https, else `mailto:` and
    `MAIL_FROM`. A subject without a public domain is refused where Web Push is used.
    """
    allowed_origins: Words = ()
    """Other origins for CORS (never with credentials) and for the live channel."""
    trusted_proxies: Words = ()
    """Addresses or networks whose `X-Forwarded-For` is trusted."""
    ops_allow: Words = LOOPBACK
    """Addresses or networks that may read `/metrics` and the details of `/readyz`."""
    access_token_seconds: int = Field(default=900, ge=5, le=86400)
    """Lifetime of an access token."""
    refresh_token_seconds: int = Field(default=1_209_600, ge=60, le=31_536_000)
    """Lifetime of a refresh token."""
    session_max_seconds: int = Field(default=2_592_000, ge=60, le=31_536_000)
    """Longest life of a session, however often it is renewed: then its user signs in again."""
    default_timezone: str = "UTC"
    """IANA time zone of accounts that name none."""
    day_seconds: int | None = Field(default=None, ge=1, le=86400)
    """Length of a reminder day in seconds, for trying things out; none: calendar days. `60` in `demo`."""
    reminder_tick_seconds: int | None = Field(default=None, ge=1, le=3600)
    """Seconds between two looks for due reminders. Default 5; 1 with `DAY_SECONDS`."""
    rate_limits: Switch = "on"
    """`off` for load tests."""
    clock_leeway_seconds: int = Field(default=30, ge=0, le=300)
    """How far the clocks of nodes may differ before a token counts as not yet valid, in seconds."""
    event_retention_days: int = Field(default=30, ge=1, le=3650)
    """Days for which a missed event can be resumed."""
    log_format: Literal["json", "text"] = "json"
    """Default `text` on a terminal."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged is an event name and ids, from an allow-list."""

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, value: str) -> str:
        if value and len(value.encode()) < 32:
            raise ValueError("needs 32 bytes or more")
        return value

    @field_validator("encryption_keys")
    @classmethod
    def _are_fernet_keys(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for number, key in enumerate(value, 1):
            try:
                Fernet(key)
            except (ValueError, TypeError):
                raise ValueError(f"key {number} is not a Fernet key (32 bytes, URL-safe base64)") from None
        return value

    @field_validator("default_timezone")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("is not an IANA time zone")
        return value

    @field_validator("trusted_proxies", "ops_allow")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for word in value:
            try:
                ipaddress.ip_network(word, strict=False)
            except ValueError:
                raise ValueError("takes IP addresses or networks, separated by commas") from None
        return value

    @field_validator("public_url", "openai_base_url")
    @classmethod
    def _is_web_address(cls, value: str | None) -> str | None:
        if value:
            parts = urlsplit(value)
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                raise ValueError("needs an http:// or https:// address")
            return value.rstrip("/")
        return value

    @field_validator("mail_from")
    @classmethod
    def _is_mail_address(cls, value: str) -> str:
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", parseaddr(value)[1]):
            raise ValueError("needs an address such as no-reply@clinic.example")
        return value

    @field_validator("vapid_subject")
    @classmethod
    def _is_push_subject(cls, value: str) -> str:
        if value and not is_push_subject(value):
            raise ValueError("needs mailto: and an address, or an https:// address, at a domain of the public internet")
        return value

    @field_validator("allowed_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for word in value:
            parts = urlsplit(word)
            if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/"):
                raise ValueError("takes origins such as https://clinic.example, separated by commas")
        return tuple(word.rstrip("/") for word in value)

    @field_validator("mongo_url", "redis_url", "smtp_url")
    @classmethod
    def _has_scheme(cls, value: str | None, info: Any) -> str | None:
        schemes = {
            "mongo_url": {"mongodb", "mongodb+srv"},
            "redis_url": {"redis", "rediss", "unix"},
            "smtp_url": {"smtp", "smtps"},
        }[info.field_name]
        if value and urlsplit(value).scheme not in schemes:
            raise ValueError(f"needs a URL that begins with {' or '.join(f'{name}://' for name in sorted(schemes))}")
        return value

    @model_validator(mode="after")
    def _model_is_named(self) -> Settings:
        if (self.openai_api_key or self.openai_base_url) and not self.openai_model:
            raise ValueError("OPENAI_MODEL is required with OPENAI_API_KEY or OPENAI_BASE_URL")
        return self

    @field_validator("oidc_issuer")
    @classmethod
    def _is_issuer(cls, value: str | None) -> str | None:
        if value:
            parts = urlsplit(value)
            here = (parts.hostname or "") in {"localhost", "127.0.0.1", "::1"}
            if not parts.hostname or parts.query or parts.fragment or parts.scheme not in {"https", "http"}:
                raise ValueError("needs an https:// address without a query")
            if parts.scheme == "http" and not here:
                raise ValueError("needs https://; http:// only on this machine")
        return value

    @field_validator("oidc_roles")
    @classmethod
    def _are_roles(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(r"[^:=]+:.+=(doctor|patient)", word) for word in value):
            raise ValueError("takes claim:value=doctor or claim:value=patient, separated by commas")
        return value

    @model_validator(mode="after")
    def _provider_is_whole(self) -> Settings:
        given = [self.oidc_issuer, self.oidc_client_id, self.oidc_client_secret, self.oidc_roles]
        if any(given) and not all(given):
            raise ValueError("OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET and OIDC_ROLES are required together")
        if not self.signs_in_by_password and not self.oidc_issuer:
            raise ValueError("PASSWORD_SIGN_IN=off needs OIDC_ISSUER: else no user could sign in")
        return self

    @property
    def signs_in_by_password(self) -> bool:
        return self.password_sign_in == "on"  # noqa: S105 - a switch

    @property
    def verifies_email(self) -> bool:
        return (self.email_verification or ("on" if self.smtp_url else "off")) == "on"

    @property
    def doctors_need_approval(self) -> bool:
        return (self.doctor_signup or "approval") == "approval"

    @property
    def missing_secrets(self) -> list[str]:
        """Of the secrets that are generated only where the servers are embedded, those that are not given."""
        return [name.upper() for name in ("secret_key", "encryption_keys") if not getattr(self, name)]

    def needs_second_factor(self, role: str) -> bool:
        """Whether accounts of this role must have a second factor."""
        return role == "admin" or self.second_factor == "all" or (self.second_factor == "doctors" and role == "doctor")

    @property
    def tick_s(self) -> int:
        return self.reminder_tick_seconds or (1 if self.day_seconds else 5)

    @property
    def plain_on_loopback(self) -> bool:
        """Plain http that does not leave this machine: only then may a cookie go without ``Secure``."""
        parts = urlsplit(self.public_url)
        return parts.scheme == "http" and (parts.hostname or "") in {"localhost", "127.0.0.1", "::1"}

    @property
    def push_subject(self) -> str:
        """How push services reach the operator."""
        if self.vapid_subject:
            return self.vapid_subject
        if is_push_subject(self.public_url):
            return self.public_url
        return f"mailto:{parseaddr(self.mail_from)[1]}"

    @property
    def push_is_refused(self) -> bool:
        """Whether browsers subscribe here (https, or this machine), and push services would refuse what we send.

        What merely tries the service out, on this machine and with no sender of its own, is let be.
        """
        host = urlsplit(self.public_url).hostname or ""
        here = host in {"127.0.0.1", "::1"} or host.split(".")[-1] == "localhost"
        tried_out = here and self.mail_from == NO_SENDER
        return (self.behind_tls or here) and not tried_out and not is_push_subject(self.push_subject)

    @property
    def behind_tls(self) -> bool:
        return self.public_url.startswith("https://")


PASSED_ON = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE")
"""No settings of ours: libraries read them. Compose passes them on, empty where the operator gives none."""


def drop_empty(environ: MutableMapping[str, str]) -> None:
    """Take away what :data:`PASSED_ON` names and is empty: OpenSSL would take an empty name for a file."""
    for name in PASSED_ON:
        if name in environ and not environ[name].strip():
            del environ[name]


def read_environment(environ: Mapping[str, str] | None = None, *, dotenv: Path | None = None) -> dict[str, str]:
    """The raw values by upper-case name: ``.env`` below the environment, ``NAME_FILE`` resolved.

    Raises:
        SettingsError: a ``NAME_FILE`` cannot be read, or is given beside ``NAME``.
    """
    below = dotenv_values(dotenv) if dotenv is not None and dotenv.is_file() else {}
    given = os.environ if environ is None else environ
    values: dict[str, str] = {}
    wrong: list[str] = []
    for name in Settings.model_fields:
        key = name.upper()
        source = given if key in given or f"{key}_FILE" in given else below
        plain, path = source.get(key) or "", source.get(f"{key}_FILE") or ""
        if plain and path:
            wrong.append(f"{key}: given twice, as {key} and as {key}_FILE")
        elif path:
            try:
                values[key] = Path(path).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                wrong.append(f"{key}_FILE: the file cannot be read")
        elif plain.strip():
            values[key] = plain.strip()
    if (bundle := given.get("SSL_CERT_FILE")) and not os.access(bundle, os.R_OK):
        wrong.append("SSL_CERT_FILE: the file cannot be read")
    if wrong:
        raise SettingsError(wrong)
    return values


def load_settings(command: str, values: Mapping[str, str]) -> Settings:
    """The settings of one command, checked. ``values`` come from :func:`read_environment`.

    Raises:
        SettingsError: one line for each wrong or missing setting.
    """
    raw = {name: values[name.upper()] for name in Settings.model_fields if values.get(name.upper())}
    if command == "demo":
        # Its terminal shows log-ins and letters; a line for each request would bury them.
        usual = {"day_seconds": "60", "doctor_signup": "open", "step_review": "unsure", "log_level": "warning"}
        raw = {**usual, **raw, "host": "127.0.0.1"}
        raw["data_dir"] = str(Path(raw.get("data_dir", "data")) / "demo")
    try:
        settings = Settings.model_validate(raw)
    except ValidationError as refused:
        lines = []
        for error in refused.errors(include_input=False, include_url=False):
            name = str(error["loc"][0]).upper() if error["loc"] else ""
            reason = error["msg"].removeprefix("Value error, ")
            lines.append(f"{name}: {reason}" if name else reason)
        raise SettingsError(sorted(set(lines))) from None
    if settings.data_ca_path is not None:
        try:
            mongo_url, redis_url = with_ca(settings.mongo_url, settings.redis_url, settings.data_ca_path)
        except ValueError as wrong:
            raise SettingsError([f"DATA_CA_PATH: {wrong}"]) from None
        settings = settings.model_copy(update={"mongo_url": mongo_url, "redis_url": redis_url})
    needed = (
        ("public_url", "mongo_url", "redis_url", "secret_key", "encryption_keys") if command in SINGLE_ROLES else ()
    )
    missing = [f"{name.upper()}: is required by `{command}`" for name in needed if not getattr(settings, name)]
    if missing:
        raise SettingsError(missing)
    if not settings.public_url:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        host = "127.0.0.1" if host in {"0.0.0.0", "[::]"} else host  # noqa: S104 - compared, not bound
        settings = settings.model_copy(update={"public_url": f"http://{host}:{settings.port}"})
    if settings.push_is_refused:
        raise SettingsError(
            ["VAPID_SUBJECT: is required: push services take neither PUBLIC_URL nor MAIL_FROM (no public domain)"]
        )
    return settings.model_copy(update={"data_dir": settings.data_dir.absolute()})
