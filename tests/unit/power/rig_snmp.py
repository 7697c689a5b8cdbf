"""SNMP: the twin for each MIB and version, and snmpsim, which is not ours."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from rigs import Loop, Rig, World

from harness.lab import SnmpPowerSpec
from harness.power.snmp_client import SnmpClient, SnmpTrouble, login
from harness.virtual.snmp_pdu import SnmpPduTwin
from harness.virtual.spec import PduFaults, PduSpec

PX1_STATE = "1.3.6.1.4.1.13742.4.1.2.2.1.3"
PX1_MILLIAMPERES = "1.3.6.1.4.1.13742.4.1.2.2.1.4"


@contextmanager
def twin(
    entry: dict[str, Any], faults: dict[str, Any] | None = None, log: list[str] | None = None
) -> Iterator[tuple[SnmpPowerSpec, World, str, Any]]:
    """Start an SNMP twin for an entry of lab.yaml; gives world, address and how to stop it."""
    loop, world = Loop(), World()
    spec = SnmpPowerSpec.model_validate({"driver": "snmp", "outlets": 4, **entry})
    secrets = {name: secret.get_secret_value() for name, secret in spec.secrets("pdu-1").items()}
    device = SnmpPduTwin(
        "pdu-1",
        PduSpec(
            outlets=4,
            secrets=secrets,
            faults=PduFaults.model_validate(faults or {}),
            **spec.model_dump(include={"mib", "version", "auth", "priv"}),
        ),
        cast(Any, world),
        (log if log is not None else []).append,
    )
    yield spec, world, loop.run(device.start()), lambda: loop.run(device.stop())
    loop.run(device.stop())
    loop.close()


def _twin(mib: str, *, measures: bool = False, **entry: Any) -> Any:
    @contextmanager
    def make(_: Path) -> Iterator[Rig]:
        given = {"mib": mib, **entry}
        with twin(given) as (_spec, world, address, stop):
            if mib.startswith("poe"):
                # A port without a powered device stays off however long it is enabled.
                world.amperes = lambda outlet: 0.12 * world.outlet_is_on(outlet)  # type: ignore[method-assign]
            yield Rig(
                entry={"driver": "snmp", **given},
                address=address,
                truth=lambda outlet: world.outlet_is_on(f"pdu-1/{outlet}"),
                unplug=stop,
                measures=measures,
            )

    return make


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.54.1.2", 0))
        return int(probe.getsockname()[1])


class Snmpsim:
    """A running snmpsim that serves records.

    Args:
        folder: where its files go.
        recordings: by community (v3: context), lines of an .snmprec file: oid, type, value.
        v3: its options for one SNMPv3 user.
    """

    def __init__(
        self, folder: Path, recordings: dict[str, list[str]], v3: list[str] | None = None
    ) -> None:
        data = folder / "snmpsim"
        data.mkdir()
        described = ["1.3.6.1.2.1.1.1.0|4|snmpsim PDU", "1.3.6.1.2.1.1.5.0|4|pdu-1"]
        for community, records in {"alive": [], **recordings}.items():
            # In order of their numbers, as snmpsim searches by halves.
            ordered = sorted(
                [*described, *records], key=lambda r: [int(n) for n in r.split("|")[0].split(".")]
            )
            (data / f"{community}.snmprec").write_text("\n".join(ordered) + "\n")
        owner, group = data.owner(), data.group()
        self.port = free_port()
        self.address = f"127.54.1.2:{self.port}"
        self.process: subprocess.Popen[bytes] | None = subprocess.Popen(
            [
                *(str(Path(sys.executable).parent / "snmpsim-command-responder"), "--quiet"),
                *("--process-user", owner, "--process-group", group),
                *("--cache-dir", str(folder / "cache")),
                # The engine's options in this order, or snmpsim makes a second, deaf engine.
                *("--v3-engine-id", "auto", "--data-dir", str(data), *(v3 or [])),
                *("--agent-udpv4-endpoint", self.address),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        client = SnmpClient("127.54.1.2", self.port, self._login("alive"), 0.3)
        deadline = time.monotonic() + 20.0
        while True:
            try:
                client.get("1.3.6.1.2.1.1.1.0")
                client.close()
                return
            except SnmpTrouble:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.process.kill()
                    client.close()
                    raise AssertionError(f"snmpsim: {self.process.communicate()[1]!r}") from None

    @staticmethod
    def _login(community: str) -> Any:
        return login(SnmpPowerSpec(driver="snmp", mib="raritan-px1"), {"community": community})

    def stop(self) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.terminate()
            process.communicate(timeout=5.0)

    def read(self, community: str, oid: str) -> int | str | None:
        """Ask by a client of our own, beside the driver's."""
        client = SnmpClient("127.54.1.2", self.port, self._login(community), 1.0)
        try:
            return client.get(oid)[0]
        finally:
            client.close()


@contextmanager
def _snmpsim(folder: Path) -> Iterator[Rig]:
    records = [f"{PX1_STATE}.{n}|2:writecache|value=0" for n in range(1, 5)]
    agent = Snmpsim(folder, {"recorded": records})
    yield Rig(
        entry={
            "driver": "snmp",
            "mib": "raritan-px1",
            "address": agent.address,
            "credentials": {"community": "SNMPSIM_COMMUNITY"},
            "outlets": ["1", "2", "3", "4"],
        },
        environment={"SNMPSIM_COMMUNITY": "recorded"},
        truth=lambda outlet: agent.read("recorded", f"{PX1_STATE}.{outlet}") == 1,
        unplug=agent.stop,
    )
    agent.stop()


RIGS = {
    "apc-rpdu": _twin("apc-rpdu"),
    "apc-rpdu2": _twin("apc-rpdu2", measures=True),
    "apc-rpdu2-v3": _twin("apc-rpdu2", measures=True, version="v3"),
    "raritan": _twin("raritan", measures=True),
    "raritan-v3-sha256-des": _twin(
        "raritan", measures=True, version="v3", auth="sha256", priv="des"
    ),
    "raritan-px1": _twin("raritan-px1", measures=True),
    "poe": _twin("poe"),
    "poe-cisco": _twin("poe-cisco", measures=True),
    "snmpsim": _snmpsim,
}
