"""Start the bench-twin process for the devices that lab.yaml calls virtual.

This is the only place where the harness learns that a device is a twin: it hands the spec to
``python -m harness.virtual`` and gets back a VISA resource name for each PDU and a serial device
for each keypad and sensor. From there on the ordinary drivers talk to them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.errors import BenchFault
from harness.events import Note, PartLost
from harness.keypad.build import gantry_twin, phones_under, position_name
from harness.lab import GrblSpec, Lab, PowerSpec, SnmpPowerSpec
from harness.switch import switch_ports
from harness.timeline import Observer

__all__ = ["Twins", "twin_spec"]

#: What a twin's flash holds when it leaves the factory: older than what the lab provisions,
#: because a 79x2 takes only a newer load after a reset (article, comment 9).
FACTORY_LOAD = "SIP42.8-5-2S"


def twin_spec(lab: Lab, state_dir: Path) -> dict[str, Any]:
    """Return what the bench-twin process must know of ``lab``, as plain values."""
    seeded = lab.virtual.seeded
    dhcp = lab.network.dhcp
    ports = switch_ports(lab)
    return {
        "bridge": lab.network.interface if lab.network.namespace else "",
        "state_dir": str(state_dir),
        "speed": lab.virtual.speed,
        "pdus": {
            name: {
                "outlets": pdu.outlets,
                "faults": seeded.pdus.get(name, {}),
                **_protocol(pdu, name),
            }
            for name, pdu in lab.power.items()
            if pdu.virtual
        },
        "keypads": {
            name: {"faults": seeded.keypads.get(name, {})}
            for name, keypad in lab.keypads.items()
            if keypad.virtual and keypad.driver == "matrix"
        },
        "gantries": {
            name: gantry_twin(keypad, name, phones_under(lab, name), seeded.keypads.get(name, {}))
            for name, keypad in lab.keypads.items()
            if keypad.virtual and keypad.driver == "grbl"
        },
        "phones": {
            name: {
                "outlet": str(phone.outlet),
                "keypad": _position(lab, name),
                "port": ports[name],
                "model": phone.model.value,
                "mac": phone.mac,
                # By DHCP the phone learns where it is, and what serves it, on the wire only.
                "address": "" if dhcp else str(phone.address),
                "lease": {
                    "tftp": [] if dhcp else [str(lab.network.host)],
                    "tftp_port": lab.network.tftp_port,
                    "http_first": lab.virtual.http_first,
                },
                "load": lab.virtual.installed.get(name, FACTORY_LOAD),
                "tone": phone.tone,
                "boot_loader_s": lab.virtual.boot_loader_s,
                "defects": list(seeded.phones.get(name, ())),
            }
            for name, phone in lab.phones.items()
            if phone.virtual
        },
    }


def _position(lab: Lab, phone: str) -> str:
    keypad = lab.phones[phone].keypad
    spec = lab.keypads[keypad]
    return position_name(spec, keypad, phone) if isinstance(spec, GrblSpec) else keypad


def _protocol(pdu: PowerSpec, name: str) -> dict[str, Any]:
    if not isinstance(pdu, SnmpPowerSpec):
        return {}
    secrets = {key: secret.get_secret_value() for key, secret in pdu.secrets(name).items()}
    return pdu.model_dump(include={"mib", "version", "auth", "priv"}) | {"secrets": secrets}


class Twins:
    """The running bench-twin process and the endpoints it offers."""

    def __init__(self, lab: Lab, state_dir: Path, observe: Observer) -> None:
        self._observe = observe
        self._spec = twin_spec(lab, state_dir)
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._last_words: list[str] = []
        self._asked_to_stop = False
        self.pdus: dict[str, str] = {}
        self.keypads: dict[str, str] = {}
        self.sensors: dict[str, str] = {}

    def start(self) -> None:
        """Start the process and learn its endpoints.

        Raises:
            BenchFault: it ended instead of answering.
        """
        self._process = subprocess.Popen(
            [sys.executable, "-m", "harness.virtual"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        assert self._process.stdin is not None  # noqa: S101 (Popen with PIPE)
        assert self._process.stdout is not None  # noqa: S101
        self._reader = threading.Thread(target=self._read_log, name="twins-log", daemon=True)
        self._reader.start()
        try:
            self._process.stdin.write(json.dumps(self._spec) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        answer = self._process.stdout.readline()
        if not answer:
            self._process.wait(5.0)
            self._reader.join(1.0)
            raise BenchFault(
                "the bench-twin process did not start",
                device="virtual bench",
                state="; ".join(self._last_words[-3:]),
                expected="its endpoints on standard output",
            )
        endpoints = json.loads(answer)
        self.pdus = endpoints["pdus"]
        self.keypads = endpoints["keypads"]
        self.sensors = endpoints["sensors"]

    def _read_log(self) -> None:
        process = self._process
        if process is None or process.stderr is None:
            return
        for line in process.stderr:
            text = line.rstrip()
            self._last_words = [*self._last_words[-20:], text]
            self._observe(Note(text=text))
        if self.pdus or self.keypads:
            self._see_end(process)

    def _see_end(self, process: subprocess.Popen[str]) -> None:
        """Say that every virtual device is gone, unless it was asked to end."""
        try:
            code = process.wait(5.0)
        except subprocess.TimeoutExpired:
            return
        if not self._asked_to_stop:
            ended = f"signal {-code}" if code < 0 else f"exit code {code}"
            hint = "all its devices and phones went with it: begin the night again"
            lost = f"the bench-twin process ended by itself: {ended}"
            self._observe(PartLost("virtual bench", lost, hint=hint))

    def stop(self) -> None:
        """End the process; its phones end with it."""
        process = self._process
        if process is None:
            return
        self._asked_to_stop = True
        if process.stdin is not None:
            # After its end there is nobody who would take the last line.
            with suppress(BrokenPipeError):
                process.stdin.close()
        try:
            process.wait(5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._reader is not None:
            self._reader.join(2.0)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        self._process = None
