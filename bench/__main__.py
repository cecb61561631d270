"""``python -m bench``: run the scenarios and print one Markdown table.

python -m bench [--size full|quick|tiny] [--peer PATH] [--only reminders,idle,live,rest,notes,start,growth]
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from bench import growth, live, reminders, rest, start
from bench.machine import describe, raise_file_limit
from bench.peer import Peer
from bench.sizes import SIZES
from bench.table import HEAD, Row, write

PARTS = ("reminders", "idle", "live", "rest", "notes", "start", "growth")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Speed, beside bare loops and the peer.")
    parser.add_argument("--size", choices=list(SIZES), default="full")
    parser.add_argument("--peer", help="the folder of the peer's stack, with its run_all.py")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas")
    options = parser.parse_args()
    sizes, parts = SIZES[options.size], options.only.split(",")
    raise_file_limit()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # what was started is ended on the way out
    results = Path(__file__).parent / "results"
    peer = Peer(Path(options.peer)) if options.peer else None
    began, load = time.time(), os.getloadavg()
    rows: list[Row] = []
    runs = {
        "reminders": lambda: reminders.recorded(sizes, peer),
        "idle": lambda: reminders.idle(sizes, peer),
        "live": lambda: live.sockets(sizes, peer),
        "rest": lambda: rest.reads_and_check_ins(sizes, peer),
        "notes": lambda: rest.notes(sizes, peer),
        "start": lambda: start.start(sizes),
        "growth": lambda: growth.growth(sizes),
    }
    try:
        for part in PARTS:
            if part in parts:
                print(f"  {part} ...", file=sys.stderr, flush=True)
                rows += runs[part]()
    finally:
        if peer:
            peer.stop()
        head = {
            "machine": describe(),
            "at": datetime.fromtimestamp(began, UTC).isoformat(timespec="seconds"),
            "size": options.size,
            "load_before": load,
            "load_after": os.getloadavg(),
            "seconds": round(time.time() - began),
            "peer": bool(peer),
        }
        name = "all" if parts == list(PARTS) else "-".join(parts)
        write(rows, head=head, folder=results, name=f"{options.size}-{name}")
        print(f"\n{head['machine']}; {head['at']}, size {options.size}, {head['seconds']} s.")
        print(f"Load average before {load[0]:.1f}, after {os.getloadavg()[0]:.1f} (the bench's own included).\n")
        print("\n".join([HEAD, *(row.as_line() for row in rows)]))
    return 0


sys.exit(main())
