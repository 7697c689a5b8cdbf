"""The objects by which SNMP devices switch, tell and measure their outlets, as data.

Not even within one vendor does a number mean the same: 2 is off in APC's rPDU and on in rPDU2.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from harness.power.api import OutletState

__all__ = ["MIBS", "SYS_DESCR", "SYS_NAME", "OutletMib"]

#: SNMPv2-MIB (RFC 3418): who is there.
SYS_DESCR, SYS_NAME = "1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.1.5.0"

_ON, _OFF = OutletState.ON, OutletState.OFF


@dataclass(frozen=True, slots=True)
class OutletMib:
    """The objects of one family; ``{n}`` stands for the outlet's index.

    Args:
        name: how lab.yaml calls it.
        source: where the objects are defined.
        command: written to switch.
        on: written for on.
        off: written for off.
        state: read for the state.
        states: what its values mean; any other means that the device does not know.
        words: what its values are called, for faults.
        gate: ``command`` read back as off means off, whatever ``state`` says but on (PoE: a port
            that is disabled feeds nothing, one that is enabled need not).
        draw: read for the current; empty when there is no such object.
        scale: amperes for one unit of ``draw``.
        digits: read for the decimal digits of ``draw``, instead of ``scale``.
        power_class: read for faults only: a port's 802.3af class, counted from 1.
        groups: outlets are ``group.port``, and a plain number means group 1.
    """

    name: str
    source: str
    command: str
    on: int
    off: int
    state: str
    states: dict[int, OutletState]
    words: dict[int, str] = field(default_factory=dict)
    gate: bool = False
    draw: str = ""
    scale: float = 1.0
    digits: str = ""
    power_class: str = ""
    groups: bool = False

    def index(self, outlet: str) -> str:
        """Return an outlet's index in the tables."""
        return f"1.{outlet}" if self.groups and "." not in outlet else outlet


_APC_RPDU = OutletMib(
    name="apc-rpdu",
    source="PowerNet-MIB: rPDUOutletControlOutletCommand immediateOn(1) immediateOff(2), "
    "rPDUOutletStatusOutletState outletStatusOn(1) outletStatusOff(2). This family measures "
    "phases and banks, not outlets.",
    command="1.3.6.1.4.1.318.1.1.12.3.3.1.1.4.{n}",
    on=1,
    off=2,
    state="1.3.6.1.4.1.318.1.1.12.3.5.1.1.4.{n}",
    states={1: _ON, 2: _OFF},
)

_APC_RPDU2 = OutletMib(
    name="apc-rpdu2",
    source="PowerNet-MIB: rPDU2OutletSwitchedControlCommand immediateOn(1) immediateOff(2), "
    "rPDU2OutletSwitchedStatusState off(1) on(2), rPDU2OutletMeteredStatusCurrent in tenths of "
    "an ampere",
    command="1.3.6.1.4.1.318.1.1.26.9.2.4.1.5.{n}",
    on=1,
    off=2,
    state="1.3.6.1.4.1.318.1.1.26.9.2.3.1.5.{n}",
    states={1: _OFF, 2: _ON},
    draw="1.3.6.1.4.1.318.1.1.26.9.4.3.1.6.{n}",
    scale=0.1,
)

_RARITAN = OutletMib(
    name="raritan",
    source="PDU2-MIB (Raritan PX2, PX3; Server Technology PRO4X), pduId 1: switchingOperation "
    "off(0) on(1), outletSwitchingState on(7) off(8), measurementsOutletSensorValue of "
    "rmsCurrent(1) with outletSensorDecimalDigits",
    command="1.3.6.1.4.1.13742.6.4.1.2.1.2.1.{n}",
    on=1,
    off=0,
    state="1.3.6.1.4.1.13742.6.4.1.2.1.3.1.{n}",
    states={7: _ON, 8: _OFF},
    draw="1.3.6.1.4.1.13742.6.5.4.3.1.4.1.{n}.1",
    digits="1.3.6.1.4.1.13742.6.3.5.4.1.7.1.{n}.1",
)

_RARITAN_PX1 = OutletMib(
    name="raritan-px1",
    source="PDU-MIB (Raritan Dominion PX, first generation): outletOperationalState off(0) on(1) "
    "cycling(2), read and written; outletCurrent in milliamperes",
    command="1.3.6.1.4.1.13742.4.1.2.2.1.3.{n}",
    on=1,
    off=0,
    state="1.3.6.1.4.1.13742.4.1.2.2.1.3.{n}",
    states={0: _OFF, 1: _ON},
    draw="1.3.6.1.4.1.13742.4.1.2.2.1.4.{n}",
    scale=0.001,
)

_POE = OutletMib(
    name="poe",
    source="POWER-ETHERNET-MIB (RFC 3621): pethPsePortAdminEnable true(1) false(2), "
    "pethPsePortDetectionStatus, pethPsePortPowerClassifications. What a port draws is not in it.",
    command="1.3.6.1.2.1.105.1.1.1.3.{n}",
    on=1,
    off=2,
    state="1.3.6.1.2.1.105.1.1.1.6.{n}",
    states={1: _OFF, 3: _ON},
    words={
        1: "disabled",
        2: "searching",
        3: "delivering power",
        4: "fault",
        5: "test",
        6: "other fault",
    },
    gate=True,
    power_class="1.3.6.1.2.1.105.1.1.1.10.{n}",
    groups=True,
)

_POE_CISCO = replace(
    _POE,
    name="poe-cisco",
    source=f"{_POE.source} CISCO-POWER-ETHERNET-EXT-MIB: cpeExtPsePortPwrConsumption in "
    "milliwatts, taken at 48 V (inferred: 802.3af allows 44 to 57 V)",
    draw="1.3.6.1.4.1.9.9.402.1.2.1.9.{n}",
    scale=0.001 / 48,
)

#: All families by name.
MIBS: dict[str, OutletMib] = {
    mib.name: mib for mib in (_APC_RPDU, _APC_RPDU2, _RARITAN, _RARITAN_PX1, _POE, _POE_CISCO)
}
