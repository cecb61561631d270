"""Demo data: a few accounts that can sign in at once and show every part of the service."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Literal, NamedTuple

from hospital_rt.runtime.private_server import write_private

WORDS = (  # noqa: SIM905 - a list of words as one text
    "amber brook cedar daisy ember fjord grove hazel iris juniper kelp linden maple nettle "
    "olive poppy quartz river sorrel tansy umber violet willow yarrow"
).split()


class DemoPerson(NamedTuple):
    name: str
    email: str
    role: Literal["doctor", "patient", "carer"]
    birth_date: str | None = None
    phone: str | None = None


PEOPLE = (
    DemoPerson("Dr Amara Osei", "doctor@demo.example", "doctor"),
    DemoPerson("Ruth Keller", "patient@demo.example", "patient", "1948-03-02", "+34 600 123 456"),
    DemoPerson("Tomás Rivera", "tomas@demo.example", "patient", "1955-11-20", "+34 600 654 321"),
    DemoPerson("Carmen Keller", "carer@demo.example", "carer"),
)


def demo_passwords(data_dir: Path) -> dict[str, str]:
    """The passwords of the demo accounts by e-mail address: generated when first needed, stored in a private file."""
    path = data_dir / "demo-accounts.json"
    known: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    made = {person.email: "-".join(secrets.choice(WORDS) for _ in range(4)) for person in PEOPLE} | known
    if made != known:
        write_private(path, json.dumps(made))
    return made
