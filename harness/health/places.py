"""What labgrid's coordinator says of the places a lab leases, as found when leasing them."""

from __future__ import annotations

from collections.abc import Iterator

from harness.health.finding import Finding, State, faults_of
from harness.places import Lease

__all__ = ["place_findings"]

_LABGRID = "labgrid"


def place_findings(lease: Lease) -> Iterator[Finding]:
    """Yield how it is with the coordinator and each place; nothing for a lab without places."""
    if lease.coordinator:
        yield Finding(_LABGRID, "coordinator", State.OK, lease.coordinator)
    for place, text in lease.held.items():
        yield Finding(_LABGRID, f"place {place}", State.OK, text)
    told: set[int] = set()
    for place, fault in lease.faults.items():
        # A coordinator that is not there is one fault, however many places it has.
        if id(fault) not in told:
            check = f"place {place}" if lease.coordinator else "coordinator"
            yield from faults_of(_LABGRID, check, fault)
        told.add(id(fault))
