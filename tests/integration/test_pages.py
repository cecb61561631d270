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


BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


async def test_whoever_types_a_wrong_address_sees_a_page_with_a_way_home(ward: Clinic) -> None:
    for path in ("/today", "/patients", "/a/b/c", "/index.php"):
        answer = await ward.anyone.get(path, headers=BROWSER)
        assert answer.status == 404 and answer.headers["Content-Type"].startswith("text/html"), path
        page = answer.raw.decode()
        assert "There is nothing here" in page and "Aquí no hay nada" in page and 'href="/"' in page
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert path not in page, "nothing of the address is repeated"


async def test_programs_and_the_api_still_hear_a_problem(ward: Clinic) -> None:
    for path, headers in (("/today", {}), ("/today", {"Accept": "*/*"}), ("/api/nothing/", BROWSER)):
        answer = await ward.anyone.get(path, headers=headers)
        assert (answer.status, answer.slug) == (404, "not-found"), path
        assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert (await ward.anyone.post("/today", {}, headers=BROWSER)).slug == "not-found"


async def test_a_long_list_of_patients_comes_compressed_and_no_two_of_one_length(clinic: Clinic) -> None:
    doctor = await clinic.doctor()
    for number in range(8):
        await clinic.assign(await clinic.patient(name=f"Patient {number}"), doctor)
    plain = await doctor.get("/api/my-patients/")
    assert "Content-Encoding" not in plain.headers
    lengths = set()
    for _ in range(6):
        packed = await doctor.get("/api/my-patients/", headers={"Accept-Encoding": "gzip"})
        assert packed.headers["Content-Encoding"] == "gzip" and packed.headers["Vary"] == "Accept-Encoding"
        assert gzip.decompress(packed.raw) == plain.raw
        lengths.add(len(packed.raw))
    assert max(lengths) < len(plain.raw) / 3
    assert len(lengths) > 1, "the length is padded by chance"
    few = await doctor.get("/api/my-patients/?limit=1", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in few.headers
