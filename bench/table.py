"""What was measured: one row a figure, as a Markdown table and as JSON lines."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure of ours, and the same of the bare loop and of the peer where they were measured in the same run."""

    id: str
    what: str
    unit: str
    ours: float
    bare: float | None = None
    peer: float | None = None
    reach: str = ""
    aim: str = ""
    cpu_us: dict[str, float] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)

    def as_line(self) -> str:
        return (
            f"| {self.id} | {self.what} | {self.reach} | {self.aim} | **{_short(self.ours)}** {self.unit} "
            f"| {_short(self.bare)} | {_ratio(self.ours, self.bare)} | {_short(self.peer)} "
            f"| {_ratio(self.ours, self.peer)} | {self._cpu()} |"
        )

    def _cpu(self) -> str:
        """What one costs in CPU, all processes of a system together: it hangs less on what else the machine does."""
        known = [self.cpu_us.get(name) for name in ("ours", "bare", "peer")]
        return " / ".join("-" if one is None else f"{one:,.0f}" for one in known) if self.cpu_us else ""


HEAD = (
    "| # | measured | reach | aim | hospital_rt | bare loop | of bare | peer | of peer "
    "| CPU us each: ours / bare / peer |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


def median(values: Sequence[float]) -> float:
    """Of the rounds; NaN without any."""
    known = [value for value in values if not math.isnan(value)]
    return statistics.median(known) if known else math.nan


def _short(value: float | None) -> str:
    if value is None:
        return ""
    if math.isnan(value):
        return "-"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def _ratio(ours: float, other: float | None) -> str:
    if other is None or not other or math.isnan(ours) or math.isnan(other):
        return ""
    return f"{ours / other:.2f}x"


def _plain(value: Any) -> Any:
    """The same with null for what JSON has no number for."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write(rows: Sequence[Row], *, head: dict[str, Any], folder: Path, name: str) -> None:
    """Keep the rows as JSON lines, the machine and the moment first."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(_plain(one)) for one in (head, *map(asdict, rows))]
    (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
