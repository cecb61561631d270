"""Accounts as they go over REST, typed."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from handlers.api.schemas import Body, ClockTime, Id, Moment, Name, View
from hospital_rt.domain.clock import utcnow, zone_names
from hospital_rt.domain.normalize import normal_email
from models.identity.second_factors import FactorKind
from models.users import Role, Status, TimezoneMode


def _zone(value: str) -> str:
    if value not in zone_names():
        raise ValueError("Choose an IANA time zone such as Europe/Paris.")
    return value


def _birth_date(value: str) -> str:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        day = date.max
    if not FIRST_BIRTH <= day <= utcnow().date() or day.isoformat() != value:
        raise ValueError("Write a date such as 1948-03-02.")
    return value


def _phone(value: str) -> str:
    if sum(char.isdigit() for char in value) < MIN_DIGITS:
        raise ValueError("Write a phone number such as +34 600 123 456.")
    return " ".join(value.split())


FIRST_BIRTH = date(1900, 1, 1)
MIN_DIGITS = 3  # an extension within a hospital
BirthDate = Annotated[str, Field(max_length=10, json_schema_extra={"format": "date"}), AfterValidator(_birth_date)]
Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9 ()./-]{3,31}$"), AfterValidator(_phone)]
Email = Annotated[str, Field(max_length=254), AfterValidator(normal_email)]
NewPassword = Annotated[str, Field(min_length=12, max_length=128)]
Password = Annotated[str, Field(min_length=1, max_length=1024)]
TimeZone = Annotated[str, Field(max_length=64), AfterValidator(_zone)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
Secret = Annotated[str, Field(min_length=1, max_length=512)]
Code = Annotated[str, Field(min_length=1, max_length=64)]
WebAuthnAnswer = Annotated[dict[str, Any], Field(description="PublicKeyCredential, as its toJSON() gives it")]


class SignUpBody(Body):
    name: Name
    email: Email
    password: NewPassword
    role: Literal["doctor", "patient", "carer"]
    timezone: TimeZone | None = None
    language: Language = "en"
    invitation: Secret | None = Field(
        default=None, description="of a carer, required: the token of the mailed invitation, for the invited address"
    )


class VerifyEmailBody(Body):
    token: Secret
    password: Password


class TokenBody(Body):
    email: Annotated[str, Field(max_length=1024)] | None = None
    password: Password | None = None
    assertion: WebAuthnAnswer | None = Field(default=None, description="a passkey's, in place of the two others")
    session: Literal["body", "cookie"] = "body"


class SecondStepBody(Body):
    challenge: Secret
    code: Code | None = Field(default=None, description="of an authenticator app, or a recovery code")
    assertion: WebAuthnAnswer | None = None
    session: Literal["body", "cookie"] = "body"


class PasskeyOptionsView(View):
    options: dict[str, Any]


class ProofBody(Body):
    """Who you are, shown again: one of these."""

    password: Password | None = None
    code: Code | None = None
    assertion: WebAuthnAnswer | None = None


class FactorBody(ProofBody):
    """Which factor; and ten minutes after signing in, who you are, shown again: one of the others."""

    kind: FactorKind


class ConfirmFactorBody(Body):
    code: Code | None = Field(default=None, description="of the authenticator app")
    credential: WebAuthnAnswer | None = Field(default=None, description="the new passkey's answer")


class FactorView(View):
    id: Id
    kind: FactorKind
    created_at: Moment
    last_used_at: Moment | None


class FactorsView(View):
    items: list[FactorView]
    next: None = None
    recovery_codes_left: int
    required: bool = Field(description="of this account")
    proofs: list[Literal["password", "code", "assertion"]] = Field(
        description="by which of these you can show again who you are"
    )


class NewFactorView(View):
    """What to set up: of an app `secret`, `uri` and `qr`, of a passkey `options`."""

    id: Id
    kind: FactorKind
    secret: str | None = None
    uri: str | None = None
    qr: str | None = Field(default=None, description="the uri as a QR code: an SVG path on a square grid")
    qr_size: int | None = None
    options: dict[str, Any] | None = Field(default=None, description="PublicKeyCredentialCreationOptions")


class ConfirmedFactorView(FactorView):
    recovery_codes: list[str] | None = Field(description="shown once, with the first factor")


class RecoveryCodesView(View):
    recovery_codes: list[str]


class RefreshBody(Body):
    refresh: Secret | None = None


class ForgotPasswordBody(Body):
    email: Email


class ResetPasswordBody(Body):
    token: Secret
    password: NewPassword


class DayTimesBody(Body):
    """When the parts of your day are; a part that is left out stays."""

    noon: ClockTime | None = None
    evening: ClockTime | None = None
    bedtime: ClockTime | None = None


class ChangeMeBody(Body):
    name: Name | None = None
    timezone: TimeZone | None = None
    timezone_mode: TimezoneMode | None = Field(
        default=None, description="follow: the page tells the zone of the device that is in use"
    )
    reminder_time: ClockTime | None = Field(default=None, description="the morning")
    day_times: DayTimesBody | None = None
    repeat_minutes: Literal[10, 15, 30, 60] | None = Field(
        default=None, description="how often an open reminder is repeated; null: on the next day"
    )
    repeat_most: int | None = Field(default=None, ge=1, le=5)
    language: Language | None = None
    birth_date: BirthDate | None = Field(default=None, description="of a patient: tells namesakes apart; null: none")
    phone: Phone | None = Field(default=None, description="of a patient: where your doctor can call; null: none")


class ChangePasswordBody(Body):
    current: Password
    password: NewPassword


class DayTimesView(View):
    noon: str
    evening: str
    bedtime: str


class UserView(View):
    id: Id
    name: str | None
    email: str | None
    role: Role
    status: Status
    timezone: str
    timezone_mode: TimezoneMode
    reminder_time: str
    day_times: DayTimesView
    repeat_minutes: Literal[10, 15, 30, 60] | None
    repeat_most: int
    language: str
    birth_date: str | None = Field(description="of a patient, for their doctor and who covers for them")
    phone: str | None = Field(description="the same")
    created_at: Moment


class RefreshedView(View):
    access: str
    refresh: str | None = None
    expires_in: int


class TokensView(RefreshedView):
    user: UserView


class AcceptedView(View):
    detail: str


class DeviceView(View):
    id: Id
    device: str | None
    created_at: Moment
    last_used_at: Moment
    current: bool
