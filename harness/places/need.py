"""What a lab needs of which place, and what is wrong with a place that cannot give it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from harness.errors import BenchFault, HarnessError, InUse, UsageFault
from harness.lab import Lab, PlacePowerSpec, PowerPort, SerialRef

__all__ = ["Need", "PlaceSeen", "needs"]

_POWER, _SERIAL = "NetworkPowerPort", "NetworkSerialPort"


@dataclass
class Need:
    """What devices of a lab need of one place.

    ``power`` is names of outlets by PDU, ``serial`` is by keypad and key of its entry.
    """

    place: str
    power: dict[str, tuple[str, ...]] = field(default_factory=dict)
    serial: dict[tuple[str, str], SerialRef] = field(default_factory=dict)

    @property
    def devices(self) -> tuple[str, ...]:
        """The names in lab.yaml of the devices that are in it."""
        return (*self.power, *dict.fromkeys(keypad for keypad, _ in self.serial))


def needs(lab: Lab) -> dict[str, Need]:
    """Return what a lab needs, by place."""
    found: dict[str, Need] = {}
    for name, pdu in lab.power.items():
        if isinstance(pdu, PlacePowerSpec):
            need = found.setdefault(pdu.address, Need(pdu.address))
            need.power[name] = pdu.outlet_names
    for name, keypad in lab.keypads.items():
        for key, ref in keypad.leases.items():
            need = found.setdefault(ref.place, Need(ref.place))
            need.serial[name, key] = ref
    return dict(sorted(found.items()))


@dataclass(frozen=True)
class PlaceSeen:
    """A place as the coordinator tells it, next to what is needed of it."""

    need: Need
    holder: str
    changed: float
    reserved_for: str
    unmatched: tuple[str, ...]
    resources: tuple[Mapping[str, Any], ...]

    @classmethod
    def of(cls, need: Need, told: Mapping[str, Any]) -> PlaceSeen:
        """Read what the worker told of a place."""
        return cls(
            need,
            told["acquired"] or "",
            told["changed"],
            told["reserved_for"] or "",
            tuple(told["unmatched"]),
            tuple(told["resources"]),
        )

    @property
    def exporters(self) -> str:
        """Whose resources are in it, for people."""
        return ", ".join(sorted({one["path"].partition("/")[0] for one in self.resources}))

    def whose(self, me: str) -> str:
        """Return who else has it, or is to have it next, for people; empty when nobody."""
        if self.holder and self.holder != me:
            host, _, user = self.holder.partition("/")
            since = datetime.fromtimestamp(self.changed).astimezone()
            return f"held by {user} on {host} since {since:%Y-%m-%d %H:%M:%S}"
        if self.reserved_for not in {"", me}:
            return f"reserved for {self.reserved_for}"
        return ""

    def taken(self, me: str, waited: float = 0.0) -> Iterator[HarnessError]:
        """Yield that somebody else has it, or is to have it next, still after so many seconds."""
        place, whose = self.need.place, self.whose(me)
        if not whose:
            return
        give_back = f"labgrid-client -p {place} release --kick"
        if self.holder in {"", me}:
            give_back = "labgrid-client reservations, cancel-reservation TOKEN"
        yield InUse(
            f"place {place} is {whose}",
            device="labgrid",
            state=f"waited {waited:.1f} s for it" if waited else "",
            expected=f"it free for {', '.join(self.need.devices)}",
            hint=f"wait for it with --wait SECONDS; if nobody uses it: {give_back}",
        )

    def lacks(self) -> Iterator[HarnessError]:
        """Yield each thing needed of it that is not in it."""
        for pdu, outlets in self.need.power.items():
            for outlet in outlets:
                if self._power(outlet) is None:
                    yield self._lack(pdu, f"no power port {outlet}", _POWER, "its outlets")
        urls: dict[str, str] = {}
        for (keypad, key), ref in self.need.serial.items():
            found = self._serial(ref)
            if len(found) != 1:
                what = f"no serial port {ref.resource}".rstrip()
                if found:
                    names = ", ".join(str(one["name"]) for one in found)
                    what = f"more than one serial port ({names})"
                yield self._lack(keypad, what, _SERIAL, f"its {key}, labgrid:PLACE/RESOURCE,")
                continue
            path = str(found[0]["path"])
            if path in urls:
                yield UsageFault(
                    f"serial port {found[0]['name']} of place {self.need.place} is already "
                    f"{urls[path]}'s",
                    device=keypad,
                    hint=f"correct its {key} in lab.yaml",
                )
            urls.setdefault(path, keypad)
        yield from self._unusable()

    @property
    def used(self) -> list[Mapping[str, Any]]:
        """The resources that are needed."""
        power = [self._power(name) for names in self.need.power.values() for name in names]
        serial = [one for ref in self.need.serial.values() for one in self._serial(ref)]
        return [one for one in [*power, *serial] if one is not None]

    def power_ports(self, pdu: str) -> dict[str, PowerPort]:
        """Return the power ports of a PDU of the lab, by outlet."""
        ports = {}
        for outlet in self.need.power[pdu]:
            resource = self._power(outlet)
            if resource is not None:
                params = resource["params"]
                exporter = resource["path"].partition("/")[0]
                ports[outlet] = PowerPort(
                    str(params["model"]), str(params["host"]), str(params["index"]), exporter
                )
        return ports

    def url(self, ref: SerialRef) -> str:
        """Return where a serial port is served, once it is acquired, as pyserial takes it.

        Raises:
            BenchFault: its exporter serves it nowhere.
        """
        resource = self._serial(ref)[0]
        params, exporter = resource["params"], resource["path"].partition("/")[0]
        whose = f"{self.need.place}/{resource['name']}@{exporter}"
        if not params.get("port"):
            raise BenchFault(
                f"exporter {exporter} does not serve serial port {whose}",
                device="labgrid",
                expected="a TCP port once its place is acquired",
                hint="is ser2net installed there, does the device exist? see the exporter's log",
            )
        scheme = "socket" if params.get("protocol") == "raw" else "rfc2217"
        host = f"[{params['host']}]" if ":" in str(params["host"]) else params["host"]
        return f"{scheme}://{host}:{params['port']}#{whose}"

    def _power(self, name: str) -> Mapping[str, Any] | None:
        found = [one for one in self.resources if (one["cls"], one["name"]) == (_POWER, name)]
        return found[0] if found else None

    def _serial(self, ref: SerialRef) -> list[Mapping[str, Any]]:
        ports = [one for one in self.resources if one["cls"] == _SERIAL]
        return [one for one in ports if ref.resource in ("", one["name"])]

    def _lack(self, device: str, what: str, cls: str, where: str) -> HarnessError:
        place = self.need.place
        has = ", ".join(f"{one['name']} ({one['cls']})" for one in self.resources) or "nothing"
        if self.unmatched:
            missing = ", ".join(self.unmatched)
            return BenchFault(
                f"place {place} has {what}: its exporter is not there",
                device=device,
                state=f"nobody exports {missing}; it has {has}",
                expected=f"a {cls}",
                hint=f"start labgrid-exporter there; labgrid-client -p {place} show",
            )
        return UsageFault(
            f"place {place} has {what}",
            device=device,
            state=f"it has {has}",
            expected=f"a {cls}",
            hint=f"correct {where} in lab.yaml, or labgrid-client -p {place} add-match EXPORTER/"
            f"GROUP/{cls}/NAME",
        )

    def _unusable(self) -> Iterator[HarnessError]:
        for resource in self.used:
            exporter, name = resource["path"].partition("/")[0], resource["name"]
            extra = resource["params"].get("extra", {})
            if extra.get("broken"):
                state = f"exporter {exporter}: {extra['broken']}"
            elif not resource["avail"]:
                state = f"exporter {exporter} says that it is not there"
            elif extra.get("proxy_required"):
                state = f"exporter {exporter} is isolated: its ports are reached by ssh only"
            else:
                continue
            yield BenchFault(
                f"{name} of place {self.need.place} cannot be used",
                device="labgrid",
                state=state,
                expected="a port this machine can reach",
                hint="is it plugged in over there? restart labgrid-exporter, without --isolated",
            )
