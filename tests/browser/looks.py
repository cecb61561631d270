"""Two looks at a page as it stands: axe's, and whether anything sticks out."""

from __future__ import annotations

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page) -> list[str]:
    """What axe finds on the page as it stands; pages are opened with reduced motion, so that nothing is half seen."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate(
        "rules => axe.run(document, { runOnly: rules, resultTypes: ['violations'] }).then((all) => all.violations)",
        RULES,
    )
    return [
        f"{v['id']}: {v['help']}\n    "
        + "\n    ".join(n["html"][:160] + " " + (n.get("failureSummary") or "")[:240] for n in v["nodes"][:3])
        for v in found
    ]


def sideways(page: Page) -> list[str]:
    """Elements that stick out to the right."""
    found: list[str] = page.evaluate(
        """() => document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("body *")]
        .filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
        .map((e) => `${e.tagName}.${e.className} ${e.getBoundingClientRect().right}`).slice(0, 8)"""
    )
    return found


def covered(page: Page, lying: str, *below: str) -> list[str]:
    """Those of the elements ``below`` of which something lies under the element ``lying``, by their selectors."""
    found: list[str] = page.evaluate(
        """([lying, below]) => {
          const over = document.querySelector(lying).getBoundingClientRect();
          const hit = (e) => {
            const box = e.getBoundingClientRect();
            const across = Math.min(box.right, over.right) - Math.max(box.left, over.left);
            return box.width > 0 && across > 0 && Math.min(box.bottom, over.bottom) > Math.max(box.top, over.top);
          };
          return below.filter((one) => [...document.querySelectorAll(one)].some(hit));
        }""",
        [lying, list(below)],
    )
    return found
