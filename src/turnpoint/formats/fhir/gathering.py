"""Every resource goes its way: read into a draft, kept because others point to it, or counted as not read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from turnpoint.formats.fhir.conditions import Cancer, cancer_of, is_cancer
from turnpoint.formats.fhir.drafts import (
    DoseDraft,
    Drafts,
    EventDraft,
    MarkerDraft,
    SizeDraft,
    StatusDraft,
)
from turnpoint.formats.fhir.drugs import medication_name, treats_cancer
from turnpoint.formats.fhir.elements import child
from turnpoint.formats.fhir.events import event_of, is_graded
from turnpoint.formats.fhir.index import Named, People, subject_key
from turnpoint.formats.fhir.ledger import Ledger, Place, described
from turnpoint.formats.fhir.medications import KINDS, dose_of
from turnpoint.formats.fhir.observations import is_disease_status, is_size, markers_of, status_of
from turnpoint.formats.fhir.resources import Resource
from turnpoint.formats.fhir.sizes import Tumour, size_of, tumour_of

_POINTED_TO: Final = ("Medication", "BodyStructure", "Specimen", "Condition", "Patient")
# Who did it, where and for how much: no part of what happened to the patient, and counted only.
_ADMINISTRATIVE: Final = frozenset(
    {
        "Practitioner",
        "PractitionerRole",
        "Organization",
        "Location",
        "Device",
        "Encounter",
        "Coverage",
        "Claim",
        "ClaimResponse",
        "ExplanationOfBenefit",
        "Provenance",
        "OperationOutcome",
        "Group",
        "CareTeam",
        "Endpoint",
        "RelatedPerson",
        "Composition",
        "MessageHeader",
        "Schedule",
        "Slot",
        "Appointment",
    }
)


@dataclass(slots=True)
class Gathered:
    """What is gathered from the resources, one after the other.

    Attributes:
        ledger: what is not read.
        people: the Patient resources.
        subjects: the first resource about each subject.
        tumours: BodyStructure and Specimen resources.
        medications: Medication resources: the drug, and whether it treats cancer.
        conditions: Condition resources: whether they are a cancer.
        cancers: those that are a primary cancer.
        markers, sizes, doses, events, statuses: what was read of the others.
    """

    ledger: Ledger = field(default_factory=Ledger)
    people: People = field(default_factory=People)
    subjects: dict[str, Place] = field(default_factory=dict)
    tumours: Named[Tumour] = field(default_factory=Named)
    medications: Named[tuple[str, bool]] = field(default_factory=Named)
    conditions: Named[bool] = field(default_factory=Named)
    cancers: list[Cancer] = field(default_factory=list)
    markers: Drafts[MarkerDraft] = field(default_factory=Drafts)
    sizes: Drafts[SizeDraft] = field(default_factory=Drafts)
    doses: Drafts[DoseDraft] = field(default_factory=Drafts)
    events: Drafts[EventDraft] = field(default_factory=Drafts)
    statuses: Drafts[StatusDraft] = field(default_factory=Drafts)

    def take(self, resource: Resource) -> None:
        """Take in a resource."""
        place, body = resource.place, resource.body
        if place.kind == "Patient":
            self.people.add(resource, self.ledger)
            return
        place = replace(place, subject=subject_key(body, place))
        if place.subject is not None:
            self.subjects.setdefault(place.subject, place)
        if place.kind in _POINTED_TO:
            self._keep(replace(resource, place=place))
        elif place.kind in _ADMINISTRATIVE:
            self.ledger.note(place, f"of type {place.kind} are not read", "Nothing to do.")
        elif place.kind in _READERS and place.subject is None:
            self.ledger.leave(
                place, described(body), "without a patient", "They are kept in the side table.", "subject"
            )
        elif place.kind in _READERS:
            _READERS[place.kind](self, place, resource)
        else:
            self.ledger.leave(place, described(body), f"of type {place.kind} are not read", "Nothing to do.")

    def _keep(self, resource: Resource) -> None:
        """What other resources point to."""
        kind, body = resource.place.kind, resource.body
        if kind == "Medication":
            name = medication_name(body)
            if name is not None:
                self.medications.add(resource, (name, treats_cancer(name, child(body, "code"))))
            return
        if kind != "Condition":
            self.tumours.add(resource, tumour_of(resource))
            return
        self.conditions.add(resource, is_cancer(body))
        cancer = cancer_of(resource)
        if cancer is not None:
            self.cancers.append(cancer)
        else:
            self.ledger.leave(
                resource.place, described(body), "conditions that are no primary cancer", "Nothing to do."
            )

    def observation(self, place: Place, resource: Resource) -> None:
        """An Observation: a size, a judgement of the disease, an adverse event, markers, or something else."""
        body, ledger = resource.body, self.ledger
        if is_size(body):
            size = size_of(place, body, ledger)
            if size is not None:
                self.sizes.add(size, ledger)
        elif is_disease_status(body):
            status = status_of(place, body, ledger)
            if status is not None:
                self.statuses.add(status, ledger)
        elif is_graded(body):
            self.event(place, resource)
        else:
            found = markers_of(place, body, ledger)
            if found is None:
                ledger.leave(
                    place,
                    described(body),
                    "observations that are no tumour marker and no tumour size",
                    "They are not read; nothing to do.",
                    "code",
                )
            for marker in found or ():
                self.markers.add(marker, ledger)

    def event(self, place: Place, resource: Resource) -> None:
        """An adverse event."""
        event = event_of(place, resource.body, self.ledger)
        if event is not None:
            self.events.add(event, self.ledger)

    def dose(self, place: Place, resource: Resource) -> None:
        """A drug given, taken or ordered."""
        dose = dose_of(place, resource.body, self.ledger)
        if dose is not None:
            self.doses.add(dose, self.ledger)


_READERS: Final[Mapping[str, Callable[[Gathered, Place, Resource], None]]] = {
    "Observation": Gathered.observation,
    "AdverseEvent": Gathered.event,
    **dict.fromkeys(KINDS, Gathered.dose),
}
