"""``python -m bench.ratio``: three short rounds beside the bare loops, against the ratios that are stored.

Compared is the CPU that all processes of a system use for one request, of ours and of a bare loop of the same work, in
pairs in one run: a rate says as much of the machine and of what else runs on it as of the code. Ends with 1 when a
ratio has fallen below half of what is stored in ``ratios.json``; ``--store`` writes them anew.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from bench.hospital import running_servers
from bench.machine import SYSTEM, raise_file_limit
from bench.rest import bare_requests, in_pairs, start_bare
from bench.site import serving
from bench.sizes import SIZES

STORED = Path(__file__).parent / "ratios.json"
ENOUGH = 0.5


def measure() -> dict[str, float]:
    """Each kind of request: how many of ours the CPU of one of the bare loop pays for."""
    sizes = SIZES["ratio"]
    with running_servers(SYSTEM) as servers:
        hospital = servers.hospital()
        site = serving(hospital, patients=sizes.patients, steps=10, doctors=20)
        bare = f"http://127.0.0.1:{start_bare(servers)}"

        def uses() -> float:
            return sum(use.cpu_s for use in servers.processes.use().values())

        steps = in_pairs(
            sizes,
            uses,
            connections=32,
            ours=(site.base, site.steps),
            bare=(bare, lambda: bare_requests("GET", "steps")),
        )
        check_ins = in_pairs(
            sizes,
            uses,
            connections=32,
            ours=(site.base, site.check_ins),
            bare=(bare, lambda: bare_requests("POST", "check-in")),
        )
        hospital.stop("web", "bare")
    return {
        "steps": steps["bare"]["cpu_us"] / steps["ours"]["cpu_us"],
        "check-in": check_ins["bare"]["cpu_us"] / check_ins["ours"]["cpu_us"],
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.ratio", description="Our speed beside bare loops.")
    parser.add_argument("--store", action="store_true", help="keep what is measured as what to compare with")
    options = parser.parse_args()
    raise_file_limit()
    found = measure()
    if options.store:
        STORED.write_text(json.dumps({name: round(ratio, 3) for name, ratio in found.items()}, indent=2) + "\n")
    stored = json.loads(STORED.read_text())
    slower = [name for name, ratio in found.items() if ratio < ENOUGH * stored[name]]
    print("ours beside the bare loop     now  stored")
    for name, ratio in found.items():
        print(f"{name:<25}{ratio:>8.2f}{stored[name]:>8.2f}{'  below half' if name in slower else ''}")
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
