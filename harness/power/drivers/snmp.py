"""Outlets of a PDU, or ports of a PoE switch, that speak SNMP."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from pysnmp.error import PySnmpError

from harness.errors import BenchFault, UsageFault
from harness.events import Note
from harness.lab import SnmpPowerSpec
from harness.power.api import OutletState
from harness.power.build import Opening, register
from harness.power.mibs import MIBS, SYS_DESCR, SYS_NAME
from harness.power.snmp_client import (
    SnmpClient,
    SnmpNotLetIn,
    SnmpRefused,
    SnmpSilent,
    SnmpTrouble,
    SnmpWrongType,
    login,
)

__all__ = ["SnmpOutlets"]

_DEFAULT_PORT = 161


class SnmpOutlets:
    """Drive the outlets of one agent (an `OutletDriver`).

    The constructor asks for sysDescr, so a driver that exists has been let in and answered.

    Args:
        opening: with an `SnmpPowerSpec`.

    Raises:
        BenchFault: nobody answers.
        UsageFault: address or credentials cannot be used, or the agent does not let us in.
    """

    reads_back = True

    def __init__(self, opening: Opening) -> None:
        spec: SnmpPowerSpec = opening.spec
        self._name = opening.name
        self._address = opening.address
        self._spec = spec
        self._observe = opening.observe
        self._mib = MIBS[spec.mib]
        self._digits: dict[str, int] = {}
        self._last_known = "never reached"
        host, port = self._host_and_port()
        credentials = login(spec, opening.secrets)
        self._client = SnmpClient(host, port, credentials, spec.timeout_s, spec.context)
        try:
            described, named = self._client.get(SYS_DESCR, SYS_NAME)
        except (SnmpTrouble, PySnmpError) as trouble:
            self._client.close()
            raise self._fault("asked who is there", trouble) from trouble
        self._identity = ", ".join(str(part) for part in (described, named) if part)
        self._last_known = f"connected to {self._identity[:60]}"

    def _host_and_port(self) -> tuple[str, int]:
        host, colon, port = self._address.rpartition(":")
        if not colon:
            return self._address, _DEFAULT_PORT
        if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
            raise UsageFault(
                f"{self._address!r} is no address of an SNMP agent",
                device=self._name,
                expected="a host, or host:port, like 192.0.2.20:161",
                hint="correct its address in lab.yaml",
            )
        return host, int(port)

    @property
    def identity(self) -> str:
        """The agent's sysDescr and sysName."""
        return self._identity

    def switch(self, outlet: str, on: bool) -> bool:
        """Write the command once; False when no answer came."""
        oid = self._mib.command.format(n=self._mib.index(outlet))
        try:
            self._client.set(oid, self._mib.on if on else self._mib.off)
        except SnmpSilent as trouble:
            self._observe(Note(text=f"SET {oid}: {trouble}"))
            return False
        except SnmpTrouble as trouble:
            raise self._fault(f"told to switch outlet {outlet}", trouble) from trouble
        return True

    def read(self, outlet: str) -> OutletState:
        """Read the outlet's state, and with PoE whether its port is enabled."""
        index = self._mib.index(outlet)
        oids = [self._mib.state.format(n=index)]
        if self._mib.gate:
            oids.append(self._mib.command.format(n=index))
        value, *gate = self._integers(f"asked for outlet {outlet}", *oids)
        if value is None:
            raise self._no_such_outlet(outlet, oids[0])
        found = self._mib.states.get(value, OutletState.UNKNOWN)
        if found is OutletState.UNKNOWN and gate and gate[0] == self._mib.off:
            found = OutletState.OFF
        self._last_known = f"outlet {outlet} {found}"
        return found

    def amperes(self, outlet: str) -> float | None:
        """Read what the outlet draws; None where the device has no such object."""
        if not self._mib.draw:
            return None
        index = self._mib.index(outlet)
        doing = f"asked what outlet {outlet} draws"
        (value,) = self._integers(doing, self._mib.draw.format(n=index))
        if value is None:
            return None
        if not self._mib.digits:
            return value * self._mib.scale
        if index not in self._digits:
            (digits,) = self._integers(doing, self._mib.digits.format(n=index))
            self._digits[index] = digits or 0
        return float(value / 10 ** self._digits[index])

    def complaint(self, outlet: str) -> str:
        """Say what state and power class the device gives, in the MIB's words."""
        index = self._mib.index(outlet)
        asked = [oid.format(n=index) for oid in (self._mib.state, self._mib.power_class) if oid]
        with suppress(SnmpTrouble):
            state, *power_class = self._client.get(*asked)
            told = self._mib.words.get(state, str(state)) if isinstance(state, int) else str(state)
            if power_class and isinstance(power_class[0], int):
                return f"the device says: {told}, power class {power_class[0] - 1}"
            return f"the device says: {told}"
        return ""

    def close(self) -> None:
        """Stop the client; outlets keep their state."""
        self._client.close()

    def _integers(self, doing: str, *oids: str) -> list[int | None]:
        try:
            values = self._client.get(*oids)
        except SnmpTrouble as trouble:
            raise self._fault(doing, trouble) from trouble
        for oid, value in zip(oids, values, strict=True):
            if isinstance(value, str):
                raise self._fault(doing, SnmpWrongType(f"{value[:40]!r} for {oid}"))
        return [value for value in values if not isinstance(value, str)]

    def _no_such_outlet(self, outlet: str, oid: str) -> BenchFault:
        return BenchFault(
            f"it has no outlet {outlet} in its {self._mib.name} tables",
            device=self._name,
            state=f"no such object: {oid}; {self._last_known}",
            expected="an integer",
            hint="is mib in lab.yaml the one of this device? does its user see these objects?",
        )

    def _fault(self, doing: str, trouble: Exception) -> BenchFault | UsageFault:
        about: dict[str, Any] = {"device": self._name, "state": self._last_known}
        who = "address and community" if self._spec.version == "v2c" else "user and keys"
        within = f"an answer from {self._address} within {self._spec.timeout_s:.1f} s"
        if isinstance(trouble, SnmpNotLetIn):
            return UsageFault(
                f"it does not let us in: {trouble}",
                expected=f"SNMP {self._spec.version} with auth {self._spec.auth} and priv "
                f"{self._spec.priv}",
                hint="compare user, keys and protocols with the device's own settings",
                **about,
            )
        if isinstance(trouble, SnmpSilent):
            return BenchFault(
                f"it does not answer when {doing}",
                expected=within,
                hint=f"is it powered and on the network, is SNMP {self._spec.version} enabled, "
                f"are its {who} right? An agent is silent to a wrong one",
                **about,
            )
        if isinstance(trouble, SnmpRefused):
            return BenchFault(
                f"it refuses when {doing}: {trouble}",
                expected="no error status",
                hint=f"may its {who} write? is the outlet locked, or mib in lab.yaml another's?",
                **about,
            )
        if isinstance(trouble, SnmpWrongType):
            return BenchFault(
                f"its answer when {doing} means nothing: {trouble}",
                expected="an integer",
                hint="is mib in lab.yaml the one of this device?",
                **about,
            )
        return BenchFault(
            f"it cannot be asked when {doing}: {trouble}",
            expected=within,
            hint="does its name resolve? is a network there?",
            **about,
        )


@register("snmp")
def _open(opening: Opening) -> SnmpOutlets:
    return SnmpOutlets(opening)
