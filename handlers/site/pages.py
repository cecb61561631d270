"""The dashboard's files and Swagger UI: local files under a strict content security policy."""

from __future__ import annotations

import mimetypes
from pathlib import Path

import swagger_ui_bundle
from tornado.web import GZipContentEncoding, HTTPError, StaticFileHandler

from handlers.base.api_handler import NotFoundHandler
from handlers.base.base_handler import BaseHandler
from handlers.base.context import HandlerContext
from hospital_rt.web.plain_page import PLAIN_CSP, plain_page
from hospital_rt.web.problems import Problem

STATIC = Path(__file__).resolve().parents[2] / "static"
SWAGGER = next((Path(swagger_ui_bundle.__file__).parent / "vendor").glob("swagger-ui-5*"))
_SELF = (
    "default-src 'none'; script-src 'self'; style-src 'self'{styles}; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'{live}; manifest-src 'self'; worker-src 'self'; media-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("text/javascript", ".mjs")
mimetypes.add_type("application/manifest+json", ".webmanifest")

_NOTHING_HERE = plain_page(
    "There is nothing here",
    "<p>The address may have changed. Your reminders and notes are where they were.</p>"
    '<p><a class="button button-main" href="/">Go to the start page</a></p>'
    '<div lang="es"><h2>Aquí no hay nada</h2>'
    "<p>La dirección puede haber cambiado. Sus avisos y notas siguen en su sitio.</p>"
    '<p><a class="button button-outline" href="/">Ir al inicio</a></p></div>',
)


class UnknownPathHandler(NotFoundHandler):
    """404: a page for a browser that was sent to an address which does not exist, else a problem document."""

    def refuse(self, problem: Problem) -> None:
        is_page = self.request.method in {"GET", "HEAD"} and problem.slug == "not-found"
        if not is_page or self.request.path.startswith("/api/") or not self._is_browser():
            super().refuse(problem)
            return
        self.set_status(404)
        self.finish_page(_NOTHING_HERE, csp=PLAIN_CSP)

    def _is_browser(self) -> bool:
        """Whether HTML is asked for by name, as browsers do for a page and programs do not."""
        kinds = [part.partition(";")[0].strip().lower() for part in self.request.headers.get("Accept", "").split(",")]
        return "text/html" in kinds


class ChangePasswordHandler(BaseHandler):
    """Where password managers look for the page on which a password is changed (W3C, change-password)."""

    async def get(self) -> None:
        self.set_header("Cache-Control", "no-store")
        self.redirect("/#/me")


class FileHandler(BaseHandler, StaticFileHandler):
    """Files of one folder. ``only`` serves a single one of them."""

    def initialize(  # type: ignore[override]  # Tornado's own takes other arguments
        self, context: HandlerContext, path: str, only: str | None = None, inline_styles: bool = False
    ) -> None:
        BaseHandler.initialize(self, context)
        StaticFileHandler.initialize(self, path, None)
        self._only = only
        self._inline_styles = inline_styles

    async def prepare(self) -> None:
        await super().prepare()
        if "Range" not in self.request.headers:
            # Static files alone: an answer with both a secret and input of another user must not be compressed
            # (BREACH).
            self._transforms = [GZipContentEncoding(self.request)]

    async def get(self, path: str = "", include_body: bool = True) -> None:
        wanted = self._only or path
        if "\x00" in wanted or "\\" in wanted or wanted.endswith("/"):
            raise HTTPError(404)
        try:
            await StaticFileHandler.get(self, wanted, include_body)
        except (OSError, ValueError):
            raise HTTPError(404) from None

    head = StaticFileHandler.head  # type: ignore[assignment]  # which sends no body

    def validate_absolute_path(self, root: str, absolute_path: str) -> str | None:
        try:
            return super().validate_absolute_path(root, absolute_path)
        except HTTPError as error:
            raise HTTPError(404) from error

    def set_extra_headers(self, path: str) -> None:
        host = self.request.headers.get("Host", "")
        scheme = "wss" if self.settings_.behind_tls else "ws"
        # In older browsers 'self' does not include WebSockets.
        self.set_header(
            "Content-Security-Policy",
            _SELF.format(styles=" 'unsafe-inline'" if self._inline_styles else "", live=f" {scheme}://{host}"),
        )
        self.set_header("Cache-Control", "no-cache")
        if path == "sw.js":
            self.set_header("Service-Worker-Allowed", "/")
