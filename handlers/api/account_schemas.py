"""Accounts as they go over REST, typed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from handlers.api.schemas import Body, ClockTime, Id, Moment, Name, Role, View
from hospital_rt.domain.clock import zone_names
from hospital_rt.domain.normalize import normal_email


def _zone(value: str) -> str:
    if value not in zone_names():
        raise ValueError("Choose an IANA time zone such as Europe/Paris.")
    return value


Email = Annotated[str, Field(max_length=254), AfterValidator(normal_email)]
NewPassword = Annotated[str, Field(min_length=12, max_length=128)]
Password = Annotated[str, Field(min_length=1, max_length=1024)]
TimeZone = Annotated[str, Field(max_length=64), AfterValidator(_zone)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
Secret = Annotated[str, Field(min_length=1, max_length=512)]


class SignUpBody(Body):
    name: Name
    email: Email
    password: NewPassword
    role: Role
    timezone: TimeZone | None = None
    language: Language = "en"


class VerifyEmailBody(Body):
    token: Secret
    password: Password


class TokenBody(Body):
    email: Annotated[str, Field(max_length=1024)]
    password: Password
    session: Literal["body", "cookie"] = "body"


class RefreshBody(Body):
    refresh: Secret | None = None


class ForgotPasswordBody(Body):
    email: Email


class ResetPasswordBody(Body):
    token: Secret
    password: NewPassword


class ChangeMeBody(Body):
    name: Name | None = None
    timezone: TimeZone | None = None
    reminder_time: ClockTime | None = None
    language: Language | None = None


class LeaveBody(Body):
    password: Password


class ChangePasswordBody(Body):
    current: Password
    password: NewPassword


class UserView(View):
    id: Id
    name: str | None
    email: str | None
    role: Role
    status: Literal["active", "pending", "deactivated"]
    timezone: str
    reminder_time: str
    language: str
    created_at: Moment


class TokensView(View):
    access: str
    refresh: str | None = None
    expires_in: int
    user: UserView


class RefreshedView(View):
    access: str
    refresh: str | None = None
    expires_in: int


class AcceptedView(View):
    detail: str


class DeviceView(View):
    id: Id
    device: str | None
    created_at: Moment
    last_used_at: Moment
    current: bool
