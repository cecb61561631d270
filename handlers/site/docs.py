"""The API documents: OpenAPI, derived from the routes and their types, and Swagger UI."""

from __future__ import annotations

from typing import Any

from handlers.base.base_handler import BaseHandler

INIT_JS = """window.addEventListener("load", () => {
  window.ui = SwaggerUIBundle({
    url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, persistAuthorization: false,
    presets: [SwaggerUIBundle.presets.apis], validatorUrl: null, tryItOutEnabled: true,
  });
});
"""
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>hospital_rt: the API</title>
<link rel="icon" href="/swagger/files/favicon-32x32.png">
<link rel="stylesheet" href="/swagger/files/swagger-ui.css">
<script src="/swagger/files/swagger-ui-bundle.js"></script>
<script src="/swagger/init.js"></script>
</head>
<body><main id="swagger-ui"></main></body>
</html>
"""
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class TextHandler(BaseHandler):
    """Static text, built once together with the routes."""

    # Tornado's method has no arguments.
    def initialize(self, context: Any, text: str, media_type: str) -> None:  # type: ignore[override]
        super().initialize(context)
        self._text, self._media_type = text, media_type

    async def get(self) -> None:
        self.set_header("Content-Type", self._media_type)
        self.set_header("Content-Security-Policy", _CSP)
        self.set_header("Cache-Control", "no-cache")
        if self._media_type.startswith("application/json"):
            self.set_header("Access-Control-Allow-Origin", "*")
        self.finish(self._text)
