"""The documentation as tests read it: the README and every page below ``docs/``."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]


def pages() -> list[Path]:
    """The README first, then the pages in order."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def documentation() -> str:
    """The text of all pages, one after the other."""
    return "\n".join(page.read_text(encoding="utf-8") for page in pages())
