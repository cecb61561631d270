"""FHIR R4B, read only: the CapabilityStatement, Patient and Practitioner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers.base.cursors import page_of
from handlers.fhir.handler import (
    MEDIA_TYPE,
    PARAMETERS,
    FhirHandler,
    FhirView,
    NameQuery,
    read_operation,
    search_operation,
)
from handlers.fhir.mapping import Resource, patient, practitioner
from hospital_rt.web.operation import Operation
from hospital_rt.web.problems import Problem
from models.users import accepts_patients, fold
from models.visibility import Access, access_to, accesses_of, can_see_contact, reached_patients

FHIR_VERSION = "4.3.0"


class MetadataHandler(FhirHandler):
    @Operation(allow="anyone", responses={200: FhirView}, fhir=True)
    async def get(self) -> None:
        """The capabilities of this server, as a CapabilityStatement."""
        types = {"_id": "token", "patient": "reference", "subject": "reference", "name": "string", "sent": "date"}
        self.respond(
            {
                "resourceType": "CapabilityStatement",
                "status": "active",
                "date": "2026-11-25",
                "kind": "instance",
                "software": {"name": "hospital_rt"},
                "fhirVersion": FHIR_VERSION,
                "format": [MEDIA_TYPE],
                "implementation": {"description": "What doctors wrote and patients did, read only", "url": self.base},
                "rest": [
                    {
                        "mode": "server",
                        "security": {"description": "A bearer token from POST /api/token/; the access rules of /api/."},
                        "resource": [
                            {
                                "type": kind,
                                "interaction": [{"code": "read"}, {"code": "search-type"}],
                                "versioning": "no-version",
                                "searchParam": [
                                    {"name": name, "type": types.get(name, "token")} for name in ("_id", *names)
                                ],
                            }
                            for kind, names in PARAMETERS.items()
                        ],
                    }
                ],
            }
        )


class _Patients(FhirHandler):
    type_name = "Patient"

    async def _resources(self, ids: list[str], accesses: Mapping[str, Access]) -> list[Resource]:
        people = await self.store.users.rows(ids)
        contact = await self.store.users.people({id for id in ids if can_see_contact(accesses.get(id))}, contact=True)
        doctors = await self.store.assignments.of_patients(ids)
        names = await self.store.users.names({*ids, *(one.doctor_id for one in doctors.values())})
        own = await self.store.users.read_row(self.who.row) if self.who.id in ids else None
        return [
            patient(
                id,
                name=names[id],
                is_active=people[id]["status"] == "active",
                doctor_id=doctors[id].doctor_id if id in doctors else None,
                names=names,
                email=own.email if own and id == own.id else None,
                language=own.language if own and id == own.id else None,
                birth_date=contact[id].birth_date if id in contact else None,
                phone=contact[id].phone if id in contact else None,
            )
            for id in ids
            if id in people
        ]


class PatientsHandler(_Patients):
    @search_operation(NameQuery, "record.read")
    async def get(self) -> None:
        """Yourself, the patients now assigned to you, or those for whom you care."""
        search = self.search()
        ids = await reached_patients(self.store, self.who)
        wanted, begins = search.values.get("_id"), search.values.get("name")
        ids = [id for id in ids if wanted is None or id in wanted]
        if begins is not None:
            names = await self.store.users.names(set(ids))
            ids = [id for id in ids if _begins(names[id], begins)]
        shown, following = page_of(ids, cursor=search.cursor, limit=search.count) if search.count else ([], None)
        await self.audit_read(of=shown or [self.who.id])
        accesses = await accesses_of(self.store, self.who)
        self.respond_bundle(search, await self._resources(list(shown), accesses), following, len(ids))


class PatientHandler(_Patients):
    @read_operation("record.read")
    async def get(self, id: str) -> None:
        """A patient."""
        patient_id = self.id_from_path(id)
        access = await access_to(self.store, self.who, patient_id)
        await self.audit_read(of=[patient_id])
        self.respond((await self._resources([patient_id], {patient_id: access}))[0])


def _begins(name: str | None, wanted: frozenset[str]) -> bool:
    folded = fold(name or "")
    return any(part.startswith(fold(one)) for one in wanted for part in (folded, *folded.split()))


class _Practitioners(FhirHandler):
    type_name = "Practitioner"

    async def _known(self, id: str) -> dict[str, Any] | None:
        """The record of a doctor that this viewer may see: one who accepts patients, or an author of their notes."""
        row = await self.store.users.row(id)
        if row is None or row["role"] != "doctor":
            return None
        if id == self.who.id or accepts_patients(row):
            return dict(row)
        of = await reached_patients(self.store, self.who)
        wrote = await self.store.notes.page({"patient_id": {"$in": of}, "doctor_id": id}, before=None, limit=1)
        return dict(row) if wrote else None

    async def _resource(self, row: dict[str, Any]) -> Resource:
        names = await self.store.users.names({row["_id"]})
        return practitioner(row["_id"], name=names[row["_id"]], is_active=row["status"] == "active")


class PractitionersHandler(_Practitioners):
    @search_operation(NameQuery, None)
    async def get(self) -> None:
        """Doctors that accept patients, by name; with ``_id`` also authors of your notes."""
        search = self.search()
        ids = search.values.get("_id")
        if ids is not None:
            rows = [row for id in sorted(ids)[:200] if (row := await self._known(id))]
            found = [await self._resource(row) for row in rows]
        else:
            doctors = await self.store.users.accepting_doctors()
            found = [practitioner(id, name=name, is_active=True) for id, name in doctors]
        begins = search.values.get("name")
        if begins is not None:
            found = [one for one in found if _begins(one["name"][0]["text"] if "name" in one else None, begins)]
        shown, following = page_of(found, cursor=search.cursor, limit=search.count) if search.count else ([], None)
        self.respond_bundle(search, shown, following, len(found))


class PractitionerHandler(_Practitioners):
    @read_operation(None)
    async def get(self, id: str) -> None:
        """A doctor."""
        row = await self._known(self.id_from_path(id))
        if row is None:
            raise Problem("not-found")
        self.respond(await self._resource(row))
