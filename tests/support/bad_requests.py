"""Bad requests as data: what is sent, by whom, and how it must be refused.

``{name}`` in a target or a body is filled from the scene of ``test_bad_input.py``: ``step``, ``note``, ``patient``,
``doctor`` and ``session`` are the sender's own circle; ``their_*`` are those of two people whom the sender has nothing
to do with.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

NOTE = {"patient_id": "{patient}", "text": "Walk 20 minutes daily."}


@dataclass(frozen=True, kw_only=True)
class Bad:
    """One request. ``body`` is bytes as they are, or a document; ``slug`` None: no problem document is asked for."""

    name: str
    status: int
    slug: str | None
    method: str = "GET"
    target: str = "/api/me/"
    who: str = "patient"
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    lines: tuple[bytes, ...] = ()

    def __str__(self) -> str:
        return self.name


def named(values: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    return values.items()


def malformed(name: str, body: bytes, status: int = 400, slug: str = "not-json", **more: Any) -> Bad:
    """The body of a note."""
    return Bad(
        name=name, status=status, slug=slug, method="POST", target="/api/notes/", who="doctor", body=body, **more
    )


def wrong(name: str, method: str, target: str, body: Any, *, who: str = "patient", status: int = 422) -> Bad:
    slug = {422: "invalid", 404: "not-found", 403: "forbidden", 401: "unauthenticated", 400: "bad-request"}[status]
    return Bad(name=name, status=status, slug=slug, method=method, target=target, who=who, body=body)


_TEXT = b'{"patient_id": "x", "text": '
BODIES = (
    malformed("an empty body", b""),
    malformed("half a body", b"{"),
    malformed("a word", b"nul"),
    malformed("two documents", b"{}{}"),
    malformed("a trailing comma", b'{"text": "x",}'),
    malformed("single quotes", b"{'text': 'x'}"),
    malformed("a comment", b'{"text": "x" /* y */}'),
    malformed("NaN", _TEXT + b"NaN}"),
    malformed("Infinity", _TEXT + b"Infinity}"),
    malformed("-Infinity", _TEXT + b"-Infinity}"),
    malformed("1e999", _TEXT + b"1e999}"),
    malformed("a number of 5,000 digits", _TEXT + b"1" * 5000 + b"}"),
    malformed("a member twice", b'{"text": "a", "text": "b"}'),
    malformed("a member twice, once escaped", b'{"text": "a", "t\\u0065xt": "b"}'),
    malformed("900 levels", b"[" * 900 + b"]" * 900),
    malformed("100,000 levels", b"[" * 100_000),
    malformed("33 levels of objects", b'{"a":' * 33 + b"1" + b"}" * 33),
    malformed("invalid UTF-8", _TEXT + b'"\xff"}'),
    malformed("overlong UTF-8", _TEXT + b'"\xc0\xaf"}'),
    malformed("a surrogate as UTF-8", _TEXT + b'"\xed\xa0\x80"}'),
    malformed("UTF-16", json.dumps(NOTE).encode("utf-16")),
    malformed("a byte order mark", b"\xef\xbb\xbf" + json.dumps(NOTE).encode()),
    malformed("a raw line break in a string", b'{"text": "a\nb"}'),
    *(
        malformed(f"{value!r} for a document", value, 422, "invalid")
        for value in (b"[]", b'"x"', b"1", b"null", b"true")
    ),
    malformed("a lone surrogate", _TEXT + b'"\\ud800"}', 422, "invalid"),
    malformed("a lone surrogate in a name", b'{"\\udfff": 1}', 422, "invalid"),
    malformed("NUL", _TEXT + b'"a\\u0000b"}', 422, "invalid"),
    malformed("NUL in a name", b'{"a\\u0000b": 1}', 422, "invalid"),
    malformed(
        "gzip",
        gzip.compress(json.dumps(NOTE).encode()),
        415,
        "unsupported-media-type",
        headers={"Content-Encoding": "gzip"},
    ),
    malformed("gzip that is none", b"{}", 415, "unsupported-media-type", headers={"Content-Encoding": "gzip"}),
    *(
        malformed(
            f"as {kind or 'nothing'}",
            json.dumps(NOTE).encode(),
            415,
            "unsupported-media-type",
            headers={"Content-Type": kind},
        )
        for kind in (
            "text/plain",
            "",
            "application/xml",
            "application/json; charset=utf-16",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "multipart/form-data",
            "application/jsonp",
            "text/plain, application/json",
        )
    ),
)

# What a body says

WORDS = (
    *(
        wrong(f"a note with {name}", "POST", "/api/notes/", {**NOTE, **changes}, who="doctor")
        for name, changes in named(
            {
                "no text": {"text": ""},
                "blanks": {"text": " \n\u3000\t"},
                "nothing to be seen": {"text": "\u200b\u2060\ufeff"},
                "20,001 characters": {"text": "x" * 20_001},
                "a number": {"text": 5},
                "a list": {"text": ["Walk"]},
                "no patient": {"patient_id": None},
                "an operator for an id": {"patient_id": {"$gt": ""}},
                "an id and a blank": {"patient_id": "{patient} "},
                "an id of a number": {"patient_id": 1},
                "a member too many": {"doctor_id": "{doctor}"},
                "a prototype": {"__proto__": {"role": "admin"}},
                "an operator": {"$where": "sleep(5000)"},
                "its own status": {"status": "ready"},
            }
        )
    ),
    *(
        wrong(
            f"sign-up with {name}",
            "POST",
            "/api/signup/",
            {
                "name": "Ruth",
                "email": "new@clinic.example",
                "password": "quiet-meadow-lantern-42",
                "role": "patient",
                **more,
            },
            who="anonymous",
        )
        for name, more in named(
            {
                "the role admin": {"role": "admin"},
                "the role Doctor": {"role": "Doctor"},
                "no role": {"role": None},
                "a list of roles": {"role": ["doctor"]},
                "an id of its own": {"id": "{patient}"},
                "an _id": {"_id": "x"},
                "a status": {"status": "active"},
                "a confirmed address": {"email_confirmed": True},
                "a hash": {"password_hash": "x"},
                "a creation time": {"created_at": "2020-01-01T00:00:00Z"},
                "an operator for an address": {"email": {"$ne": None}},
                "two addresses": {"email": "a@b.example,c@d.example"},
                "a header in the address": {"email": "a@b.example\r\nBcc: c@d.example"},
                "a line break in the name": {"name": "A\nB"},
                "an unseen name": {"name": "\u200b"},
                "a name that turns the page around": {"name": "Dr\u202eKeller"},
                "a hidden blank": {"name": "Dr\u200bKeller"},
                "a filler": {"name": "Dr Keller\u3164"},
                "a name of 101": {"name": "x" * 101},
                "a password of 11": {"password": "elevenchars"},
                "a password of 129": {"password": "x" * 129},
                "a password of a list": {"password": ["quiet-meadow-lantern-42"]},
                "a common password": {"password": "password1234"},
                "a zone that is none": {"timezone": "Mars/Olympus"},
                "a path for a zone": {"timezone": "../../../etc/passwd"},
                "a language that is none": {"language": "<script>"},
            }
        )
    ),
    *(
        wrong(f"settings with {name}", "PATCH", "/api/me/", body)
        for name, body in named(
            {
                "a role": {"role": "doctor"},
                "a status": {"status": "active"},
                "an address": {"email": "x@clinic.example"},
                "a password": {"password": "x" * 20},
                "an operator": {"$set": {"role": "doctor"}},
                "a dotted name": {"a.b": 1},
                "no name": {"name": None},
                "a time that is none": {"reminder_time": "24:00"},
                "digits of elsewhere": {"reminder_time": "٠٩:٠٠"},
                "a time of a number": {"reminder_time": 540},
                "a zone of an operator": {"timezone": {"$gt": ""}},
            }
        )
    ),
    *(
        wrong(f"a check-in with {name}", "POST", "/api/check-in/{step}/", body)
        for name, body in named(
            {
                "a slot that is none": {"slot": "tomorrow"},
                "somebody else's slot": {"slot": "2027-03-01T12:34:00Z"},
                "a slot with an offset": {"slot": "2027-03-01T21:00:00+00:00"},
                "month 13": {"slot": "2027-13-01T21:00:00Z"},
                "an outcome that is none": {"outcome": "undone"},
                "a reason of 201": {"reason": "x" * 201},
                "a step of its own": {"step_id": "{their_step}"},
                "progress": {"progress": {"done": 99}},
            }
        )
    ),
    *(
        wrong(f"a snooze with {name}", "POST", "/api/snooze/{step}/", body)
        for name, body in named(
            {
                "nothing": {},
                "no slot": {"minutes": 30},
                "a slot that is none": {"slot": "tomorrow", "minutes": 30},
                "a slot of an operator": {"slot": {"$gt": ""}, "minutes": 30},
                "4 minutes": {"slot": "2027-03-01T21:00:00Z", "minutes": 4},
                "721 minutes": {"slot": "2027-03-01T21:00:00Z", "minutes": 721},
                "half a minute more": {"slot": "2027-03-01T21:00:00Z", "minutes": 30.5},
                "minutes in words": {"slot": "2027-03-01T21:00:00Z", "minutes": "30"},
                "a moment of its own": {"slot": "2027-03-01T21:00:00Z", "until": "2027-03-01T22:00:00Z"},
            }
        )
    ),
    *(
        wrong(f"an answer with {name}", "POST", "/api/answer/", body, who="anonymous")
        for name, body in named(
            {
                "nothing": {},
                "an operator": {"token": {"$ne": ""}, "outcome": "done"},
                "a token of 201": {"token": "x" * 201, "outcome": "done"},
                "an outcome that is none": {"token": "x", "outcome": "skipped"},
                "a slot of its own": {"token": "x", "outcome": "done", "slot": "2027-03-01T21:00:00Z"},
                "a time to come": {"token": "x", "outcome": "done", "at": "2099-01-01T00:00:00Z"},
            }
        )
    ),
    wrong("assigning an operator", "POST", "/api/assign/", {"doctor_id": {"$ne": None}}),
    wrong("sharing with a word", "POST", "/api/assign/", {"doctor_id": "{doctor}", "share_history": "true"}),
    wrong(
        "a token for operators", "POST", "/api/token/", {"email": {"$gt": ""}, "password": {"$gt": ""}}, who="anonymous"
    ),
    wrong(
        "a password of 1,025", "POST", "/api/token/", {"email": "x@y.example", "password": "x" * 1025}, who="anonymous"
    ),
    wrong(
        "a reset by an operator",
        "POST",
        "/api/reset-password/",
        {"token": {"$ne": ""}, "password": "quiet-meadow-lantern-42"},
        who="anonymous",
    ),
    wrong("a refresh of a number", "POST", "/api/token/refresh/", {"refresh": 1}, who="anonymous"),
    wrong(
        "a refresh that is an access token",
        "POST",
        "/api/token/refresh/",
        {"refresh": "{access}"},
        who="anonymous",
        status=401,
    ),
    wrong(
        "a refresh with somebody's session",
        "POST",
        "/api/token/refresh/",
        {"refresh": "rt1.{their_session}.0.AAAA"},
        who="anonymous",
        status=401,
    ),
)

# Other people's ids, and ids that are none

THEIRS = (
    *(
        wrong(f"{method} {target}", method, target, body, who=who, status=404)
        for method, target, body, who in (
            ("GET", "/api/steps/{their_step}/", None, "patient"),
            ("GET", "/api/steps/{their_step}/", None, "doctor"),
            ("POST", "/api/steps/{their_step}/cancel/", None, "patient"),
            ("POST", "/api/steps/{their_step}/cancel/", None, "doctor"),
            ("POST", "/api/check-in/{their_step}/", {}, "patient"),
            ("DELETE", "/api/check-in/{their_step}/", None, "patient"),
            ("POST", "/api/snooze/{their_step}/", {"slot": "2027-03-01T21:00:00Z", "minutes": 30}, "patient"),
            ("GET", "/api/notes/{their_note}/", None, "patient"),
            ("GET", "/api/notes/{their_note}/", None, "doctor"),
            ("POST", "/api/notes/{their_note}/retry/", None, "doctor"),
            ("POST", "/api/notes/{their_note}/approve/", None, "doctor"),
            ("POST", "/api/notes/{their_note}/reject/", None, "doctor"),
            ("POST", "/api/notes/{their_note}/withdraw/", None, "doctor"),
            ("GET", "/api/steps/?patient_id={their_patient}", None, "doctor"),
            ("GET", "/api/steps/?patient_id={their_patient}", None, "patient"),
            ("GET", "/api/notes/?patient_id={their_patient}", None, "doctor"),
            ("GET", "/api/notes/?patient_id={their_patient}", None, "patient"),
            ("GET", "/api/adherence/?patient_id={their_patient}", None, "doctor"),
            ("GET", "/api/adherence/?patient_id={their_patient}", None, "patient"),
            ("DELETE", "/api/me/sessions/{their_session}/", None, "patient"),
            ("POST", "/api/assign/", {"doctor_id": "{their_patient}"}, "patient"),
            ("POST", "/api/assign/", {"doctor_id": "{patient}"}, "patient"),
            ("POST", "/api/notes/", {**NOTE, "patient_id": "{their_patient}"}, "doctor"),
            ("POST", "/api/notes/", {**NOTE, "patient_id": "{doctor}"}, "doctor"),
            ("GET", "/api/steps/{note}/", None, "patient"),
            ("GET", "/api/notes/{step}/", None, "patient"),
            ("GET", "/api/steps/not-an-id/", None, "patient"),
            ("GET", "/api/steps/%00/", None, "patient"),
            ("GET", "/api/steps/%7B%22$gt%22:%22%22%7D/", None, "patient"),
            ("GET", "/api/steps/" + "a" * 4000 + "/", None, "patient"),
            ("GET", "/fhir/Patient/{their_patient}", None, "doctor"),
            ("GET", "/fhir/Task/{their_step}", None, "patient"),
        )
    ),
    *(
        wrong(f"{method} {target} by a {who}", method, target, body, who=who, status=403)
        for method, target, body, who in (
            ("POST", "/api/notes/", NOTE, "patient"),
            ("POST", "/api/notes/{note}/withdraw/", None, "patient"),
            ("GET", "/api/my-patients/", None, "patient"),
            ("POST", "/api/assign/", {"doctor_id": "{doctor}"}, "doctor"),
            ("POST", "/api/check-in/{step}/", {}, "doctor"),
            ("POST", "/api/snooze/{step}/", {"slot": "2027-03-01T21:00:00Z", "minutes": 30}, "doctor"),
            ("GET", "/api/me/access-log/", None, "doctor"),
        )
    ),
)

QUERIES = tuple(
    wrong(f"?{query}", "GET", f"{path}?{query}", None)
    for path, query in (
        ("/api/steps/", "limit=0"),
        ("/api/steps/", "limit=201"),
        ("/api/steps/", "limit=ten"),
        ("/api/steps/", "limit=1e2"),
        ("/api/steps/", "limit="),
        ("/api/steps/", "cursor=%00"),
        ("/api/steps/", "cursor=bnVsbA"),
        ("/api/notes/", "cursor=WyJ4IiwieCJd"),
        ("/api/steps/", "status=every"),
        ("/api/steps/", "patient_id=%ff"),
        ("/api/events/", "after=-1"),
        ("/api/events/", "after=1"),
        ("/api/events/", "after=99999999999999999999"),
        ("/api/adherence/", "days=0"),
        ("/api/adherence/", "days=366"),
    )
)

# What stands around it

AROUND = (
    *(
        Bad(name=f"{method} {target}", status=405, slug="method-not-allowed", method=method, target=target)
        for method, target in (
            ("PUT", "/api/me/"),
            ("GET", "/api/token/"),
            ("PUT", "/api/token/"),
            ("PATCH", "/api/steps/"),
            ("TRACE", "/api/me/"),
            ("CONNECT", "/api/me/"),
            ("PROPFIND", "/api/me/"),
            ("get", "/api/me/"),
            ("POST", "/static/index.html"),
            ("DELETE", "/healthz"),
            ("POST", "/openapi.json"),
            ("POST", "/swagger/"),
        )
    ),
    *(
        Bad(name=f"no such place: {target}", status=404, slug="not-found", target=target)
        for target in (
            "/api/",
            "/api/me/../steps/",
            "/api//me/",
            "/API/me/",
            "/api/me/x/",
            "/admin/",
            "/.git/config",
            "/.env",
            "/api/me;x",
            "/wp-login.php",
            "//evil.example/",
            "/api/users/{patient}/",
        )
    ),
    *(
        Bad(name=f"a file that is none: {target}", status=404, slug="not-found", target=target, who="anonymous")
        for target in (
            "/static/../main.py",
            "/static/..%2fmain.py",
            "/static/%2e%2e/main.py",
            "/static/%2e%2e%2fmain.py",
            "/static/js/../../main.py",
            "/static//etc/passwd",
            "/static/%2fetc/passwd",
            "/static/..%5cmain.py",
            "/static/..\\main.py",
            "/static/x%00.js",
            "/static/%00",
            "/static/js",
            "/static/js/",
            "/static/.",
            "/static/..",
            "/static/%252e%252e/main.py",
            "/static/" + "a" * 3000,
            "/static/" + "a/" * 1000,
            "/static/index.html/",
            "/swagger/files/../../__init__.py",
            "/swagger/files/%2e%2e/%2e%2e/__init__.py",
            "/swagger/files/%2fetc/passwd",
            "/static/....//main.py",
            "/static/con",
            "/static/~root/",
        )
    ),
    *(
        Bad(name=f"no UTF-8: {target}", status=400, slug="bad-request", target=target, who="anonymous")
        for target in ("/static/%ff", "/static/%c0%ae%c0%ae/main.py", "/api/steps/%ff/")
    ),
    *(
        Bad(name=f"the host {host!r}", status=400, slug="bad-host", headers={"Host": host})
        for host in (
            "evil.example",
            "evil.example:80",
            "127.0.0.1",
            "localhost.evil.example",
            "{host}.evil.example",
        )
    ),
    *(
        Bad(name=name, status=401, slug="unauthenticated", who="anonymous", headers=headers)
        for name, headers in named(
            {
                "no Authorization": {},
                "Basic": {"Authorization": "Basic cnV0aDpydXRo"},
                "Bearer alone": {"Authorization": "Bearer"},
                "two words": {"Authorization": "Bearer {access} {access}"},
                "no blank": {"Authorization": "Bearer{access}"},
                "quotes": {"Authorization": 'Bearer "{access}"'},
                "two in one": {"Authorization": "Bearer {access}, Bearer {access}"},
                "Latin-1": {"Authorization": "Bearer \xe9"},
                "8 KiB": {"Authorization": "Bearer " + "a" * 8000},
                "the refresh token": {"Authorization": "Bearer {refresh}"},
                "a cookie": {"Cookie": "hrt_refresh={refresh}; access={access}"},
                "another header": {
                    "X-Access-Token": "{access}",
                    "X-User-Id": "{patient}",
                    "X-Forwarded-User": "{patient}",
                },
            }
        )
    ),
    Bad(
        name="a token in the query",
        status=401,
        slug="unauthenticated",
        who="anonymous",
        target="/api/me/?access_token={access}&token={access}",
    ),
    *(
        Bad(
            name=f"a length of {name}",
            status=status,
            slug=slug,
            method="POST",
            target="/api/token/",
            who="anonymous",
            headers={"Content-Type": "application/json", "Content-Length": length},
        )
        for name, status, slug, length in (
            ("10^12", 413, "too-large", "1" + "0" * 12),
            ("5,000 digits", 413, "too-large", "9" * 5000),
            ("a square", 400, None, "\xb2"),
            ("a plus", 400, None, "+5"),
            ("hex", 400, None, "0x5"),
            ("minus", 400, None, "-1"),
            ("two words", 400, None, "5 5"),
            ("a fraction", 400, None, "5.0"),
            ("two values", 400, None, "5, 6"),
        )
    ),
    Bad(
        name="10 MB to a page",
        status=400,
        slug=None,
        method="POST",
        target="/static/index.html",
        who="anonymous",
        headers={"Content-Length": "10000000"},
    ),
    Bad(name="Authorization twice", status=401, slug="unauthenticated", lines=(b"Authorization: Bearer x",)),
    Bad(
        name="a cookie from elsewhere",
        status=403,
        slug="cross-origin",
        method="POST",
        target="/api/token/refresh/",
        who="anonymous",
        headers={"Cookie": "hrt_refresh={refresh}", "Origin": "http://evil.example"},
    ),
    Bad(
        name="an Idempotency-Key of 129",
        status=400,
        slug="bad-request",
        method="POST",
        target="/api/check-in/{step}/",
        headers={"Idempotency-Key": "x" * 129},
    ),
    Bad(
        name="an empty Idempotency-Key",
        status=400,
        slug="bad-request",
        method="POST",
        target="/api/check-in/{step}/",
        headers={"Idempotency-Key": ""},
    ),
    Bad(
        name="an Idempotency-Key with a blank",
        status=400,
        slug="bad-request",
        method="POST",
        target="/api/check-in/{step}/",
        headers={"Idempotency-Key": "a b"},
    ),
    Bad(
        name="two Idempotency-Keys",
        status=400,
        slug="bad-request",
        method="POST",
        target="/api/check-in/{step}/",
        lines=(b"Idempotency-Key: a", b"Idempotency-Key: b"),
    ),
)

# What is odd and still answered: by name the request, and the status that it gets.

ODD = (
    Bad(
        name="bearer in small letters",
        status=200,
        slug=None,
        who="anonymous",
        headers={"Authorization": "bearer {access}"},
    ),
    Bad(name="Accept: text/html", status=200, slug=None, headers={"Accept": "text/html"}),
    Bad(name="Accept: nothing", status=200, slug=None, headers={"Accept": "*/*;q=0"}),
    Bad(
        name="a forwarded host",
        status=200,
        slug=None,
        headers={"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil"},
    ),
    Bad(name="an X-Request-ID of junk", status=200, slug=None, headers={"X-Request-ID": "<script>" + "x" * 500}),
    Bad(name="an X-Forwarded-For of junk", status=200, slug=None, headers={"X-Forwarded-For": "::1, ' or 1=1, \xe9"}),
    Bad(name="a body with a GET", status=200, slug=None, body=b"{}"),
    Bad(name="200 headers", status=200, slug=None, lines=tuple(f"X-{n}: y".encode() for n in range(90))),
    Bad(
        name="a range beyond the file",
        status=416,
        slug=None,
        target="/static/index.html",
        who="anonymous",
        headers={"Range": "bytes=99999999-"},
    ),
    Bad(
        name="a range of junk",
        status=200,
        slug=None,
        target="/static/index.html",
        who="anonymous",
        headers={"Range": "bytes=--,,9-1,x"},
    ),
    Bad(
        name="a date of junk",
        status=200,
        slug=None,
        target="/static/index.html",
        who="anonymous",
        headers={"If-Modified-Since": "Mon, 99 Foo 99999999999 99:99:99 +9999"},
    ),
    Bad(
        name="a date before all dates",
        status=200,
        slug=None,
        target="/static/index.html",
        who="anonymous",
        headers={"If-Modified-Since": "Mon, 01 Jan 0001 00:00:00 GMT"},
    ),
    Bad(
        name="a tag of junk",
        status=200,
        slug=None,
        target="/static/index.html",
        who="anonymous",
        headers={"If-None-Match": '"' * 300},
    ),
    Bad(name="absolute form", status=404, slug="not-found", target="http://{host}/api/me/"),
)
