"""All routes in one list: the only place where paths are bound to handlers."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from tornado.web import url

from handlers.api import (
    access_log,
    accounts,
    administration,
    answers,
    assignments,
    carers,
    covers,
    email_reminders,
    events,
    me,
    notes,
    patients,
    questions,
    reminder_channels,
    sign_in,
    steps,
)
from handlers.api.schemas import ProblemView
from handlers.base.api_handler import ApiHandler
from handlers.base.context import HandlerContext
from handlers.fhir import people, records
from handlers.fhir.handler import FhirNotFoundHandler, OutcomeView, form_of
from handlers.identity import provider, second_factors
from handlers.live import schemas
from handlers.live.handler import LiveHandler
from handlers.site import health
from handlers.site.docs import INIT_JS, PAGE, TextHandler
from handlers.site.pages import STATIC, SWAGGER, ChangePasswordHandler, FileHandler
from hospital_rt.realtime import protocol
from hospital_rt.version import version
from hospital_rt.web.asyncapi import build_asyncapi
from hospital_rt.web.asyncapi_page import asyncapi_page
from hospital_rt.web.openapi import RouteOperation, build_openapi
from hospital_rt.web.problems import PUBLISHED

VERSION = version()


@dataclass(frozen=True, slots=True)
class Route:
    """A path in OpenAPI notation, its handler, and its tag in the document."""

    path: str
    handler: type[ApiHandler]
    tag: str

    @property
    def pattern(self) -> str:
        """Regular expression with and without the final slash."""
        return re.sub(r"\{\w+\}", r"([^/]+)", self.path.rstrip("/")) + "/?"


API: tuple[Route, ...] = (
    Route("/api/signup/", accounts.SignUpHandler, "accounts"),
    Route("/api/verify-email/", accounts.VerifyEmailHandler, "accounts"),
    Route("/api/token/", sign_in.TokenHandler, "accounts"),
    Route("/api/token/refresh/", sign_in.RefreshHandler, "accounts"),
    Route("/api/token/revoke/", sign_in.RevokeHandler, "accounts"),
    Route("/api/token/second-factor/", sign_in.SecondStepHandler, "accounts"),
    Route("/api/sign-in/", provider.SignInOptionsHandler, "accounts"),
    Route("/api/passkeys/options/", sign_in.PasskeyOptionsHandler, "accounts"),
    Route("/api/forgot-password/", accounts.ForgotPasswordHandler, "accounts"),
    Route("/api/reset-password/", accounts.ResetPasswordHandler, "accounts"),
    Route("/api/me/", me.MeHandler, "me"),
    Route("/api/me/password/", me.PasswordHandler, "me"),
    Route("/api/me/sessions/", me.SessionsHandler, "me"),
    Route("/api/me/second-factors/", second_factors.SecondFactorsHandler, "me"),
    Route("/api/me/second-factors/{factor_id}/", second_factors.SecondFactorHandler, "me"),
    Route("/api/me/second-factors/{factor_id}/confirm/", second_factors.ConfirmFactorHandler, "me"),
    Route("/api/me/recovery-codes/", second_factors.RecoveryCodesHandler, "me"),
    Route("/api/me/access-log/", access_log.AccessLogHandler, "me"),
    Route("/api/me/sessions/{session_id}/", me.SessionHandler, "me"),
    Route("/api/me/calendar/", reminder_channels.CalendarHandler, "channels"),
    Route("/api/me/push/", reminder_channels.PushHandler, "channels"),
    Route("/api/me/email-reminders/", email_reminders.EmailRemindersHandler, "channels"),
    Route("/api/me/carers/", carers.CarersHandler, "carers"),
    Route("/api/me/carers/{grant_id}/", carers.CarerHandler, "carers"),
    Route("/api/carers/invitation/", carers.InvitationHandler, "carers"),
    Route("/api/carers/accept/", carers.AcceptHandler, "carers"),
    Route("/api/caring/", carers.CaringHandler, "carers"),
    Route("/api/caring/{patient_id}/", carers.CaringForHandler, "carers"),
    Route("/api/me/cover/", covers.CoversHandler, "cover"),
    Route("/api/me/cover/{grant_id}/", covers.CoverHandler, "cover"),
    Route("/api/doctors/", assignments.DoctorsHandler, "assignments"),
    Route("/api/assign/", assignments.AssignHandler, "assignments"),
    Route("/api/my-patients/", patients.MyPatientsHandler, "assignments"),
    Route("/api/my-patients/{patient_id}/called/", patients.CalledHandler, "assignments"),
    Route("/api/notes/", notes.NotesHandler, "notes"),
    Route("/api/notes/{note_id}/", notes.NoteHandler, "notes"),
    Route("/api/notes/{note_id}/retry/", notes.RetryHandler, "notes"),
    Route("/api/notes/{note_id}/approve/", notes.ApproveHandler, "notes"),
    Route("/api/notes/{note_id}/reject/", notes.RejectHandler, "notes"),
    Route("/api/notes/{note_id}/withdraw/", notes.WithdrawHandler, "notes"),
    Route("/api/steps/", steps.StepsHandler, "steps"),
    Route("/api/steps/{step_id}/", steps.StepHandler, "steps"),
    Route("/api/steps/{step_id}/cancel/", steps.CancelStepHandler, "steps"),
    Route("/api/check-in/{step_id}/", steps.CheckInHandler, "steps"),
    Route("/api/snooze/{step_id}/", steps.SnoozeHandler, "steps"),
    Route("/api/answer/", answers.AnswerHandler, "steps"),
    Route("/api/questions/", questions.QuestionsHandler, "questions"),
    Route("/api/questions/{question_id}/answer/", questions.AnswerQuestionHandler, "questions"),
    Route("/api/questions/{question_id}/seen/", questions.SeenQuestionHandler, "questions"),
    Route("/api/events/", events.EventsHandler, "feed"),
    Route("/api/adherence/", steps.AdherenceHandler, "feed"),
    Route("/api/adherence/steps/", steps.StepAnswersHandler, "feed"),
    Route("/api/admin/accounts/", administration.AccountsHandler, "admin"),
    Route("/api/admin/accounts/{user_id}/approve/", administration.ApproveAccountHandler, "admin"),
    Route("/api/admin/accounts/{user_id}/refuse/", administration.RefuseAccountHandler, "admin"),
    Route("/api/admin/accounts/{user_id}/deactivate/", administration.DeactivateAccountHandler, "admin"),
    Route("/api/admin/accounts/{user_id}/reset-link/", administration.ResetLinkHandler, "admin"),
    Route("/api/admin/overview/", administration.OverviewHandler, "admin"),
    Route("/api/admin/audit/", administration.AuditHandler, "admin"),
    Route("/fhir/metadata", people.MetadataHandler, "fhir"),
    Route("/fhir/Patient", people.PatientsHandler, "fhir"),
    Route("/fhir/Patient/_search", form_of(people.PatientsHandler), "fhir"),
    Route("/fhir/Patient/{id}", people.PatientHandler, "fhir"),
    Route("/fhir/Practitioner", people.PractitionersHandler, "fhir"),
    Route("/fhir/Practitioner/_search", form_of(people.PractitionersHandler), "fhir"),
    Route("/fhir/Practitioner/{id}", people.PractitionerHandler, "fhir"),
    Route("/fhir/CarePlan", records.CarePlansHandler, "fhir"),
    Route("/fhir/CarePlan/_search", form_of(records.CarePlansHandler), "fhir"),
    Route("/fhir/CarePlan/{id}", records.CarePlanHandler, "fhir"),
    Route("/fhir/Task", records.TasksHandler, "fhir"),
    Route("/fhir/Task/_search", form_of(records.TasksHandler), "fhir"),
    Route("/fhir/Task/{id}", records.TaskHandler, "fhir"),
    Route("/fhir/Communication", records.CommunicationsHandler, "fhir"),
    Route("/fhir/Communication/_search", form_of(records.CommunicationsHandler), "fhir"),
    Route("/fhir/Communication/{id}", records.CommunicationHandler, "fhir"),
)


def describe_routes() -> list[RouteOperation]:
    """Every operation of the API, for the document."""
    return [
        RouteOperation(
            path=route.path,
            method=method,
            doc=getattr(route.handler, method.lower()).__doc__ or "",
            tag=route.tag,
            operation=operation,
        )
        for route in API
        for method, operation in route.handler.operations.items()
    ]


def openapi_document() -> dict[str, Any]:
    """OpenAPI 3.1, derived from the routes."""
    return build_openapi(describe_routes(), version=VERSION, problem=ProblemView, outcome=OutcomeView)


def asyncapi_document(public_url: str) -> dict[str, Any]:
    """AsyncAPI 3.0, derived from the live channel's messages."""
    return build_asyncapi(
        client=(protocol.Auth, protocol.CheckIn, protocol.Snooze, protocol.Ack, protocol.Ping),
        server=schemas.SERVER_MESSAGES,
        envelope=schemas.Event,
        events=schemas.EVENTS,
        close_codes=protocol.CLOSE_CODES,
        version=VERSION,
        subprotocol=protocol.SUBPROTOCOL,
        public_url=public_url,
    )


def make_routes(context: HandlerContext) -> list[Any]:
    """All routes with the arguments of their handlers."""
    given = {"context": context}

    def text(pattern: str, content: str, media_type: str) -> Any:
        return url(pattern, TextHandler, {**given, "text": content, "media_type": media_type})

    def file(pattern: str, name: str) -> Any:
        return url(pattern, FileHandler, {**given, "path": str(STATIC), "only": name})

    openapi = json.dumps(openapi_document(), ensure_ascii=False)
    live_channel = asyncapi_document(context.app.settings.public_url)
    asyncapi = json.dumps(live_channel, ensure_ascii=False)
    return [
        *(url(route.pattern, route.handler, given) for route in API),
        url(r"/fhir(?:/.*)?", FhirNotFoundHandler, given),
        url(r"/api/live/?", LiveHandler, given),
        url(r"/calendar/([A-Za-z0-9_-]{20,100})\.ics", reminder_channels.CalendarFileHandler, given),
        url(r"/unsubscribe/([0-9a-f-]{36})\.([A-Za-z0-9_-]{43})", email_reminders.UnsubscribeHandler, given),
        url(r"/api/oidc/start/?", provider.OidcStartHandler, given),
        url(r"/api/oidc/callback/?", provider.OidcCallbackHandler, given),
        url(r"/api/oidc/logout/?", provider.OidcLogoutHandler, given),
        url(r"/\.well-known/change-password/?", ChangePasswordHandler, given),
        url(r"/healthz/?", health.HealthHandler, given),
        url(r"/readyz/?", health.ReadyHandler, given),
        url(r"/metrics/?", health.MetricsHandler, given),
        *(
            text(
                rf"/problems/{slug}/?",
                json.dumps({"type": f"/problems/{slug}", "title": title, "status": status}),
                "application/json; charset=utf-8",
            )
            for slug, (status, title) in PUBLISHED.items()
        ),
        text(r"/openapi\.json/?", openapi, "application/json; charset=utf-8"),
        text(r"/asyncapi\.json/?", asyncapi, "application/json; charset=utf-8"),
        text(r"/asyncapi/?", asyncapi_page(live_channel), "text/html; charset=utf-8"),
        text(r"/swagger/?", PAGE, "text/html; charset=utf-8"),
        text(r"/swagger/init\.js", INIT_JS, "text/javascript; charset=utf-8"),
        url(r"/swagger/files/(.+)", FileHandler, {**given, "path": str(SWAGGER), "inline_styles": True}),
        file(r"/()", "index.html"),
        file(r"/(sw\.js)", "sw.js"),
        file(r"/(manifest\.webmanifest)", "manifest.webmanifest"),
        url(r"/static/(.+)", FileHandler, {**given, "path": str(STATIC)}),
    ]
