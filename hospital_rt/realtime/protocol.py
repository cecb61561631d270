"""Messages of the live channel, independent of the socket (contract, "The live channel").

Client messages are typed and validated here, server messages are built here. The AsyncAPI document is derived from the
same types.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from hospital_rt.domain.errors import FieldError
from hospital_rt.web.problems import Problem
from hospital_rt.web.strict_json import NotJson, is_storable, parse_json

SUBPROTOCOL = "hospital-rt.v1"
MAX_MESSAGE_BYTES = 16 * 1024
MAX_SEQ = 2**53
# Close codes of the channel itself; ``strict_websocket.py`` has those of the WebSocket protocol.
BINARY, RESTARTING, TOO_SLOW = 1003, 1012, 1013
NOT_VALID, UNAUTHENTICATED, TOKEN_ENDED, NO_AUTH, TOO_MANY, TOO_FAST = 4400, 4401, 4403, 4408, 4409, 4429
# What each code means, as published in the AsyncAPI document and in docs/reference/problems.md. The comments say which
# function closes: of ``LiveHandler`` (``handlers/live/handler.py``), or of a class of this folder.
CLOSE_CODES = {
    1002: "not the WebSocket protocol",  # StrictProtocol._read_message
    1003: "a binary frame",  # LiveHandler.on_message
    1007: "not UTF-8",  # StrictProtocol._whole
    1009: "a frame over 16 KiB",  # StrictProtocol._read_message
    1011: "no answer to a ping within 20 s: come back",  # StrictProtocol.close
    # LiveHandler.open and _fail, run_web (handlers/server.py); Hub, where the client has to resume
    1012: "the server restarts: come back after a random wait",
    1013: "the reader was too slow: resume",  # SendQueue.offer, Hub._replay
    4400: "not a valid message",  # LiveHandler.on_message, _authenticate
    # LiveHandler.on_message, _dispatch, _authenticate and _renew; Hub._bind and _end_sessions
    4401: "not or no longer authenticated: the session is over, or something else than `auth` came first",
    # LiveHandler._authenticate and _warn_then_close
    4403: "the access token ended: renew it and come back",
    4408: "no auth within 5 s",  # LiveHandler.open
    # Hub.join (this node), Hub.handle_message (another node)
    4409: "more than 8 connections of one user: the oldest closes",
    4429: "more than 20 messages a second",  # LiveHandler.on_message
}


def _storable(value: str) -> str:
    if not is_storable(value):
        raise ValueError("Contains a character that cannot be stored.")
    return value


def _whole(value: Any) -> Any:
    """``1.0`` is an integer to JSON Schema, and so to some writers of JSON."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Seq = Annotated[int, Field(ge=0, le=MAX_SEQ), BeforeValidator(_whole)]
Text = Annotated[str, AfterValidator(_storable)]


class _ClientMessage(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, hide_input_in_errors=True)


class Auth(_ClientMessage):
    """First, within 5 s, and again (token only) before the token ends."""

    type: Literal["auth"]
    token: str = Field(max_length=8192, repr=False)
    resume_after: Seq | None = None
    epoch: str | None = Field(default=None, max_length=64)


class CheckIn(_ClientMessage):
    """The body and rules of POST /api/check-in/."""

    type: Literal["check_in"]
    id: str = Field(max_length=64)
    step_id: Annotated[str, StringConstraints(to_lower=True)]
    slot: str | None = Field(default=None, max_length=40)
    outcome: Literal["done", "skipped"] = "done"
    reason: Text | None = Field(default=None, max_length=200, repr=False)
    at: str | None = Field(default=None, max_length=40)
    confirm: bool = False


class Snooze(_ClientMessage):
    """The body and rules of POST /api/snooze/."""

    type: Literal["snooze"]
    id: str = Field(max_length=64)
    step_id: Annotated[str, StringConstraints(to_lower=True)]
    slot: str = Field(max_length=40)
    minutes: Annotated[int, Field(ge=5, le=720), BeforeValidator(_whole)]


class Ack(_ClientMessage):
    """Shown up to ``seq``: holds back push and mail, deletes nothing."""

    type: Literal["ack"]
    seq: Seq


class Ping(_ClientMessage):
    type: Literal["ping"]
    id: str = Field(max_length=64)


COMMANDS = ("check_in", "snooze")  # which are answered by a reply, also when their body is not valid
Message = Auth | CheckIn | Snooze | Ack | Ping
_messages: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


class NotValid(Exception):
    """Not a message of this channel: close code 4400."""


class CommandRefused(Exception):
    """A valid command with an invalid body: answered by a reply, as REST answers 422."""

    def __init__(self, id: str, problem: Problem) -> None:
        super().__init__(problem.slug)
        self.id, self.problem = id, problem


def read_message(text: str) -> Message:
    """Parse and validate a client message.

    Raises:
        NotValid: not JSON, or not one of the messages.
        CommandRefused: a command whose body is invalid.
    """
    try:
        value = parse_json(text.encode())
    except NotJson:
        raise NotValid from None
    try:
        return _messages.validate_python(value)
    except ValidationError as wrong:
        errors = wrong.errors(include_input=False, include_url=False, include_context=False)
    # A location starts with the type of the message.
    members = [str(error["loc"][1]) if len(error["loc"]) > 1 else "" for error in errors]
    if not isinstance(value, dict) or value.get("type") not in COMMANDS or not {"", "id"}.isdisjoint(members):
        raise NotValid
    raise CommandRefused(
        value["id"],
        Problem(
            "invalid",
            errors=tuple(
                FieldError(f"#/{member}", error["msg"].removeprefix("Value error, "))
                for member, error in zip(members, errors, strict=True)
            ),
        ),
    )


def ready(*, user_id: str, role: str, epoch: str, seq: int, expires_at: str) -> dict[str, Any]:
    return {"type": "ready", "user_id": user_id, "role": role, "epoch": epoch, "seq": seq, "expires_at": expires_at}


def reset(*, epoch: str, seq: int) -> dict[str, Any]:
    return {"type": "reset", "epoch": epoch, "seq": seq}


def reply(id: str, *, data: Any = None, problem: Problem | None = None) -> dict[str, Any]:
    if problem is not None:
        return {"type": "reply", "id": id, "ok": False, "error": problem.document()}
    return {"type": "reply", "id": id, "ok": True, "data": data}


def pong(id: str) -> dict[str, Any]:
    return {"type": "pong", "id": id}


def expiring(at: str) -> dict[str, Any]:
    return {"type": "expiring", "at": at}


def encode(message: dict[str, Any]) -> bytes:
    """Encode a message as the text of one frame."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
