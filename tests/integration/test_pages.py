"""The dashboard's files: small on the way, whole on arrival, and asked for again only when they changed."""

from __future__ import annotations

import gzip
from pathlib import Path

from tests.support.driver import Clinic

STATIC = Path(__file__).resolve().parents[2] / "static"


async def test_files_come_compressed_and_whole_and_answers_do_not(clinic: Clinic) -> None:
    wants = {"Accept-Encoding": "gzip"}
    for name in ("js/main.js", "css/base.css", "index.html"):
        plain = (STATIC / name).read_bytes()
        answer = await clinic.anyone.get(f"/static/{name}", headers=wants)
        assert answer.headers["Content-Encoding"] == "gzip" and "Accept-Encoding" in answer.headers["Vary"]
        assert len(answer.raw) < len(plain) and gzip.decompress(answer.raw) == plain
        assert (await clinic.anyone.get(f"/static/{name}")).raw == plain
    patient = await clinic.patient()
    assert "Content-Encoding" not in (await patient.get("/api/me/", headers=wants)).headers


async def test_a_file_that_did_not_change_is_not_sent_again(clinic: Clinic) -> None:
    first = await clinic.anyone.get("/static/js/main.js")
    again = await clinic.anyone.get("/static/js/main.js", headers={"If-None-Match": first.headers["Etag"]})
    assert again.status == 304 and again.raw == b""
