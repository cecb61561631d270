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
TimezoneMode = Literal["home", "follow"]
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


class LeaveBody(Body):
    password: Password


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
    status: Literal["active", "pending", "deactivated"]
    timezone: str
    timezone_mode: TimezoneMode
    reminder_time: str
    day_times: DayTimesView
    repeat_minutes: Literal[10, 15, 30, 60] | None
    repeat_most: int
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
