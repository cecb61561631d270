"""S8: how long a warm start takes, what the roles hold in memory at rest, and how soon a patient's page is there."""

from __future__ import annotations

import json
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil

from bench.hospital import ROOT
from bench.machine import EVERYWHERE, Processes, free_port
from bench.page import page_ready_s
from bench.sizes import Sizes
from bench.table import Row, median


def start(sizes: Sizes) -> list[Row]:
    """``main.py demo``, what ``make run`` runs once everything is installed: started again and again in one folder."""
    taken_s: list[float] = []
    memory_mb: dict[str, float] = {}
    page_s = float("nan")
    with tempfile.TemporaryDirectory(prefix="hospital-bench-") as name:
        turns = min(4, sizes.rounds + 1)
        for turn in range(turns):
            port = free_port()
            processes = Processes(Path(name) / "logs")
            began = time.monotonic()
            processes.start(
                "demo",
                [sys.executable, str(ROOT / "main.py"), "demo"],
                cores=EVERYWHERE,
                cwd=ROOT,
                env={"DATA_DIR": f"{name}/data", "PORT": str(port)},
            )
            while not _is_ready(port):
                time.sleep(0.02)  # looks again until the deadline: the address answers only once it is there
            if turn:  # the first one makes the data
                taken_s.append(time.monotonic() - began)
            time.sleep(3)  # memory at rest, after the first ticks
            memory_mb = _memory(processes.pids["demo"])
            if turn == turns - 1:
                page_s = page_ready_s(f"http://127.0.0.1:{port}", Path(name))
            processes.stop()
    return [
        Row(id="S8", what="warm start to ready", unit="s", ours=round(median(taken_s), 2), reach="5", aim="3"),
        Row(
            id="S8",
            what="web at rest",
            unit="MB",
            ours=memory_mb.get("web", float("nan")),
            reach="110",
            aim="95",
            more=memory_mb,
        ),
        Row(
            id="S8",
            what="worker at rest",
            unit="MB",
            ours=memory_mb.get("worker", float("nan")),
            reach="130",
            aim="110",
        ),
        Row(
            id="S8",
            what="patient's page ready, a quarter of the speed",
            unit="s",
            ours=round(page_s, 2),
            reach="1.0",
            aim="0.8",
        ),
    ]


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(json.loads(answer.read())) and answer.status == 200
    except (OSError, ValueError):
        return False


def _memory(pid: int) -> dict[str, float]:
    """Resident memory of each role: what an operator sees. Shared pages are counted whole."""
    found: dict[str, float] = {}
    for child in psutil.Process(pid).children(recursive=True):
        words = child.cmdline()
        role = next((word for word in ("web", "worker", "scheduler") if word in words), None)
        if role:
            found[role] = round(child.memory_info().rss / 2**20, 1)
    return found
