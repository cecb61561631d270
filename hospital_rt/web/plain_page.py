"""A page of a few words in the dashboard's style, without scripts of its own: what stands outside of the dashboard."""

from __future__ import annotations

from html import escape

PLAIN_CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_STYLES = "".join(
    f'<link rel="stylesheet" href="/static/css/{name}.css">' for name in ("tokens", "base", "parts", "pages")
)


def plain_page(title: str, inside: str, *, language: str = "en") -> str:
    """A whole document. ``inside`` is HTML that the caller has escaped."""
    return (
        f'<!doctype html><html lang="{escape(language)}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
        '<link rel="icon" href="/static/icons/sun.svg" type="image/svg+xml">'
        f'<script src="/static/js/theme-early.js"></script>{_STYLES}</head>'
        '<body><div class="frame patient"><header class="top"><div class="top-inner"><a class="brand" href="/">'
        '<img src="/static/icons/sun.svg" width="28" height="28" alt=""><span>Aftercare</span></a></div></header>'
        '<main class="plain-page">'
        f"<h1>{escape(title)}</h1>{inside}</main></div></body></html>"
    )
