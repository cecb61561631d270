"""Demo data: a few accounts that can sign in at once and show every part of the service."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Literal, NamedTuple

WORDS = (
    "amber",
    "brook",
    "cedar",
    "daisy",
    "ember",
    "fjord",
    "grove",
    "hazel",
    "iris",
    "juniper",
    "kelp",
    "linden",
    "maple",
    "nettle",
    "olive",
    "poppy",
    "quartz",
    "river",
    "sorrel",
    "tansy",
    "umber",
    "violet",
    "willow",
    "yarrow",
)


class DemoPerson(NamedTuple):
    name: str
    email: str
    role: Literal["doctor", "patient"]


PEOPLE = (
    DemoPerson("Dr Amara Osei", "doctor@demo.example", "doctor"),
    DemoPerson("Ruth Keller", "patient@demo.example", "patient"),
    DemoPerson("Tomás Rivera", "tomas@demo.example", "patient"),
)


def demo_passwords(data_dir: Path) -> dict[str, str]:
    """The passwords of the demo accounts by e-mail address: generated on the first start, stored in a private file."""
    path = data_dir / "demo-accounts.json"
    if path.exists():
        found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        return found
    made = {person.email: "-".join(secrets.choice(WORDS) for _ in range(4)) for person in PEOPLE}
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(made, file)
    return made
