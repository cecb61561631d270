"""Base of the FHIR handlers: REST's access control with FHIR's media type, searches, Bundles and OperationOutcomes.

Read only. A search parameter that is not known is passed over, which an OperationOutcome in the Bundle says, or refused
when the client prefers ``handling=strict``; a modifier that is not known is always refused. ``patient`` and ``subject``
that name a patient who is not yours answer 404, as everywhere; ``_id`` is a filter over what may be seen.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field
from tornado.escape import parse_qs_bytes

from handlers.base.api_handler import ApiHandler
from handlers.fhir.mapping import Resource
from handlers.fhir.search_dates import Span, read_span
from hospital_rt.web.operation import Operation
from hospital_rt.web.problems import Problem
from hospital_rt.web.rate_limits import FHIR_ACCOUNT
from models.audit import Act

T = TypeVar("T")
MEDIA_TYPE = "application/fhir+json"
FORM = "application/x-www-form-urlencoded"
MAX_COUNT = 200
MAX_PATIENTS = 100  # that one search names
DEFAULT_COUNT = 50
UUID_CHARACTERS = 36  # an id is one, or begins with one
PROBLEMS = "urn:hospital-rt:problem"
_JSON_TYPES = {"application/fhir+json", "application/json", "text/json", "json", "*/*", "application/*", "text/*"}
_COUNT = re.compile(r"[0-9]{1,9}", re.ASCII)
# FHIR issue types by problem slug; the type says what a client may do about it.
ISSUES = {
    "unauthenticated": "login",
    "forbidden": "forbidden",
    "doctor-pending": "forbidden",
    "not-found": "not-found",
    "method-not-allowed": "not-supported",
    "not-acceptable": "not-supported",
    "invalid": "invalid",
    "rate-limited": "throttled",
    "unavailable": "transient",
    "internal": "exception",
    "too-large": "too-long",
    "unsupported-media-type": "not-supported",
}
READ_PROBLEMS = ("not-found", "rate-limited", "invalid")
# Where FHIR's status differs from REST's.
STATUS = {"invalid": 400}


# The search parameters of each type of resource, beside ``_id``.
PARAMETERS: dict[str, tuple[str, ...]] = {
    "Patient": ("name",),
    "Practitioner": ("name",),
    "CarePlan": ("patient", "subject", "status"),
    "Task": ("patient", "subject", "status"),
    "Communication": ("patient", "subject", "category", "sent"),
}


class FhirView(BaseModel):
    """A resource as HL7 describes it for R4B (4.3.0)."""

    model_config = ConfigDict(extra="allow")

    resourceType: str  # noqa: N815 - FHIR's names


class ResourceView(FhirView):
    id: str


class BundleView(FhirView):
    resourceType: Literal["Bundle"]  # noqa: N815 - FHIR's names
    type: Literal["searchset"]
    total: int | None = Field(default=None, ge=0, exclude_if=lambda value: value is None)
    link: list[dict[str, str]]
    entry: list[dict[str, Any]] | None = Field(default=None, exclude_if=lambda value: value is None)


class OutcomeView(FhirView):
    """FHIR's error document: ``issue[0].details.coding[0].code`` is the slug of the problem's type in REST."""

    resourceType: Literal["OperationOutcome"]  # noqa: N815 - FHIR's names
    issue: list[dict[str, Any]] = Field(min_length=1)


class FhirQuery(BaseModel):
    """Search parameters, for the OpenAPI document. Values are read by :meth:`FhirHandler.search`."""

    id: str | None = Field(default=None, alias="_id", description="Ids, separated by commas")
    count: int | None = Field(
        default=None,
        alias="_count",
        ge=0,
        description=f"{DEFAULT_COUNT} unless said, at most {MAX_COUNT}; 0 is `_summary=count`",
    )
    summary: str | None = Field(default=None, alias="_summary", description="`count`: no entries, only `total`")
    total: str | None = Field(
        default=None, alias="_total", description="`accurate`: also on a page that is not the whole"
    )
    cursor: str | None = Field(default=None, alias="_cursor", description="From the link `next`")


class OfPatientQuery(FhirQuery):
    patient: str | None = Field(default=None, description="`Patient/<id>` or the id, several separated by commas")
    subject: str | None = Field(default=None, description="The same as `patient`")


class StatusQuery(OfPatientQuery):
    status: str | None = Field(default=None, description="Codes, separated by commas")


class CategoryQuery(OfPatientQuery):
    category: str | None = Field(default=None, description="`reminder`, `check-in`")
    sent: str | None = Field(default=None, description="`ge2027-03-01`; twice for both ends of a span")


class NameQuery(FhirQuery):
    name: str | None = Field(default=None, description="The beginning of a name or of one of its words")


class NotAcceptable(Problem):
    """406: the client accepts no JSON. Of FHIR alone, so that REST's list of problems does not have it."""

    def __init__(self) -> None:
        super().__init__("bad-request", f"Only {MEDIA_TYPE} is spoken here.")
        self.code, self.status = "not-acceptable", 406


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A parsed search. ``used`` are its parameters, for the link ``self``."""

    # By parameter the values of which one must match: of a repeated one, those that are in each.
    values: Mapping[str, frozenset[str]] = field(repr=False)
    count: int
    cursor: str | None
    used: tuple[tuple[str, str], ...] = field(repr=False)
    sent: Span | None = None
    wants_total: bool = False
    ignored: tuple[str, ...] = ()  # the names of parameters that are not known


def search_operation(query: type[FhirQuery], audit: Act | None) -> Operation:
    return Operation(
        allow="non_admin", query=query, responses={200: BundleView}, problems=READ_PROBLEMS, audit=audit, fhir=True
    )


def read_operation(audit: Act | None) -> Operation:
    return Operation(allow="non_admin", responses={200: ResourceView}, problems=READ_PROBLEMS, audit=audit, fhir=True)


class FhirHandler(ApiHandler):
    """Base class of all types of resources."""

    media_type = MEDIA_TYPE
    type_name: ClassVar[str] = ""

    async def _check_before_body(self) -> None:
        await super()._check_before_body()
        if self._who is not None:
            who = self.context.tokens.keyed_hash(b"account", self._who.id.encode())
            await self.resources.limits.count(FHIR_ACCOUNT, who)
        if self.request.method != "OPTIONS":
            self._check_form()

    def _check_form(self) -> None:
        """Whether the client accepts JSON: ``_format`` overrides ``Accept``."""
        form = self.get_query_argument("_format", "").replace(" ", "+")  # an unescaped plus
        accepted = [form] if form else self.request.headers.get("Accept", "*/*").split(",")
        kinds = {one.partition(";")[0].strip().lower() for one in accepted}
        if not kinds & _JSON_TYPES:
            raise NotAcceptable

    @property
    def base(self) -> str:
        return f"{self.settings_.public_url}/fhir"

    def arguments(self, path: Sequence[str]) -> list[Any]:
        """The ids as they came: some are no UUIDs. :meth:`search` reads the query."""
        return list(path)

    # Searching

    def search(self) -> Search:
        """Parse the search in the query string.

        Raises:
            Problem: it cannot be parsed, or not be done as strictly as the client prefers.
        """
        known = {"_id", *PARAMETERS[self.type_name]}
        ignored: list[str] = []
        wants_total = False
        strict = "handling=strict" in self.request.headers.get("Prefer", "").lower().replace(" ", "")
        values: dict[str, frozenset[str]] = {}
        used: list[tuple[str, str]] = []
        count, cursor, sent = DEFAULT_COUNT, None, None
        for full, given in self._parameters().items():
            name, _, modifier = full.partition(":")
            if name in known and modifier not in ({"", "Patient"} if name in {"patient", "subject"} else {""}):
                raise Problem("invalid", "This modifier is not known.")
            for raw in given:
                text = _text(raw)
                if name == "sent" and name in known:
                    sent = _span(text).within(sent or Span())
                elif name in known:
                    found = frozenset(self._value(name, one) for one in text.split(",") if one)
                    name_is = "patient" if name == "subject" else name
                    values[name_is] = values[name_is] & found if name_is in values else found
                elif name == "_count":
                    if not _COUNT.fullmatch(text):
                        raise Problem("invalid", "_count is a whole number from 0.")
                    count = min(int(text), MAX_COUNT)
                elif name == "_summary" and text == "count":
                    count = 0
                elif name == "_total" and text in {"none", "estimate", "accurate"}:
                    wants_total = text != "none"
                elif name == "_cursor":
                    cursor = text[:400]
                    continue
                elif name == "_format":
                    continue
                elif strict:
                    raise Problem("invalid", "A parameter is not known here, and handling=strict was preferred.")
                else:
                    ignored.append(full)
                    continue
                used.append((full, text))
        return Search(
            values=values,
            count=count,
            cursor=cursor,
            used=tuple(used),
            sent=sent,
            wants_total=wants_total,
            ignored=tuple(ignored),
        )

    def _parameters(self) -> dict[str, list[bytes]]:
        """The parameters of the query, and of the form of a POST.

        Raises:
            Problem: 413, 415: the body is no form.
        """
        found = {name: list(values) for name, values in self.request.query_arguments.items()}
        if self.request.method != "POST":
            return found
        if self._too_large:
            raise Problem("too-large")
        media_type = self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if self.raw_body and media_type != FORM:
            raise Problem("unsupported-media-type", f"Send {FORM}.")
        for name, values in parse_qs_bytes(self.raw_body, keep_blank_values=True).items():
            found.setdefault(name, []).extend(values)
        return found

    def _value(self, name: str, text: str) -> str:
        """One value: of a reference its id, of a token its code."""
        if name in {"patient", "subject"}:
            return text.removeprefix(f"{self.base}/").removeprefix("Patient/")
        found = text.rpartition("|")[2]
        return found[:UUID_CHARACTERS].lower() + found[UUID_CHARACTERS:] if name == "_id" else found

    def patients(self, search: Search) -> Sequence[str | None]:
        """The patients that a search names; one None when it names none.

        Raises:
            Problem: 404 when it cannot be an id of ours.
        """
        named = search.values.get("patient")
        if named is None:
            return [None]
        if not 1 <= len(named) <= MAX_PATIENTS:
            raise Problem("not-found")
        return sorted({self.id_from_path(one) for one in named})

    async def page(
        self, search: Search, find: Callable[[Search], Awaitable[tuple[Sequence[T], str | None]]]
    ) -> tuple[Sequence[T], str | None, int | None]:
        """A page of what ``find`` finds, the cursor of the next one, and how many there are on all of them: when that
        was asked for, or is seen on this page.
        """
        shown: Sequence[T] = ()
        following: str | None = None
        if search.count:
            shown, following = await find(search)
            if following is None and search.cursor is None:
                return shown, None, len(shown)
            if not search.wants_total:
                return shown, following, None
        total, here = 0, replace(search, count=MAX_COUNT, cursor=None)
        while True:
            found, cursor = await find(here)
            total += len(found)
            if cursor is None:
                return shown, following, total
            here = replace(here, cursor=cursor)

    # Responses

    def respond_bundle(
        self, search: Search, found: Sequence[Resource], following: str | None, total: int | None
    ) -> None:
        """A page of a search: ``following`` is the cursor of the next one, ``total`` counts all pages."""
        here = f"{self.base}/{self.type_name}"

        def link(relation: str, *more: tuple[str, str]) -> dict[str, str]:
            asked = urlencode([*search.used, *more])
            return {"relation": relation, "url": f"{here}?{asked}" if asked else here}

        links = [link("self", *([("_cursor", search.cursor)] if search.cursor else []))]
        if following:
            links.append(link("next", ("_cursor", following)))
        bundle: Resource = {"resourceType": "Bundle", "type": "searchset", "link": links}
        if total is not None:
            bundle["total"] = total
        entries: list[Resource] = [
            {"fullUrl": f"{here}/{one['id']}", "resource": one, "search": {"mode": "match"}} for one in found
        ]
        if search.ignored:
            entries.append({"resource": _ignored_parameters(search.ignored), "search": {"mode": "outcome"}})
        if entries:
            bundle["entry"] = entries
        self.respond(bundle)

    def refusal(self, problem: Problem) -> tuple[int, str, Resource]:
        return STATUS.get(problem.slug, problem.status), MEDIA_TYPE, outcome(problem)


def form_of(handler: type[FhirHandler]) -> type[FhirHandler]:
    """The handler of ``POST <type>/_search``: a search with its parameters in a form, not in a URL, which is logged."""
    search = handler.operations["GET"]
    operation = replace(search, problems=(*search.problems, "unsupported-media-type", "too-large"))

    async def post(self: FhirHandler) -> None:
        """Search with the parameters in a form. They are the same as those of GET."""
        get: Callable[..., Any] = self.get
        await get()

    name = f"{handler.__name__.removesuffix('Handler')}FormHandler"
    return type(name, (handler,), {"post": operation(post)})


class FhirNotFoundHandler(FhirHandler):
    """404 for every FHIR path without a route: another type of resource, an operation."""

    async def _check_before_body(self) -> None:
        self.receive()
        raise Problem("not-found")


def _span(text: str) -> Span:
    try:
        return read_span(text)
    except ValueError:
        raise Problem("invalid", "Write a date such as ge2027-03-01; eq, ge, gt, le and lt are known.") from None


def _text(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Problem("invalid", "A value is not UTF-8.") from None
    if "\x00" in text:
        raise Problem("invalid", "A value holds a control character.")
    return text


def _ignored_parameters(names: Sequence[str]) -> Resource:
    """A warning about ignored parameters: the results are wider than requested."""
    shown = ", ".join(re.sub(r"[^\x21-\x7e]", "?", name)[:40] for name in names[:20])
    return {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "warning",
                "code": "not-supported",
                "diagnostics": f"Not known here and passed over, so that more was found than was asked for: {shown}",
            }
        ],
    }


def outcome(problem: Problem) -> Resource:
    """An error as an OperationOutcome."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": ISSUES.get(problem.slug, "processing"),
                "details": {"coding": [{"system": PROBLEMS, "code": problem.slug}], "text": problem.title},
                "diagnostics": problem.detail,
            }
        ],
    }
