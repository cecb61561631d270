"""How long a patient's first page keeps the processor of a slow device busy."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

from bench.table import median

SLOWER = 4  # an old phone beside the machine of the benchmark
EMAIL = "patient@demo.example"


def page_ready_s(base: str, data: Path, *, rounds: int = 3) -> float:
    """Time in seconds that the page's thread ran until the demo patient's day stood there, times ``SLOWER``; the
    network's share is not in it. Not a number where there is no Chromium.
    """
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        return float("nan")
    (accounts,) = data.rglob("demo-accounts.json")
    password = json.loads(accounts.read_text(encoding="utf-8"))[EMAIL]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(service_workers="block")
        page.goto(base)
        page.get_by_label("E-mail", exact=True).fill(EMAIL)
        page.get_by_label("Password", exact=True).fill(password)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_role("navigation").wait_for()
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})

        def ran_s() -> float:
            figures = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
            return float(figures["TaskDuration"])

        taken_s = []
        for _ in range(rounds):
            page.goto("about:blank")
            before_s = ran_s()
            page.goto(base)
            page.get_by_role("navigation").wait_for()
            page.get_by_role("heading", level=1).wait_for()
            taken_s.append(SLOWER * (ran_s() - before_s))
        browser.close()
    return median(taken_s)
