"""Smart plugs and relay boards that run Tasmota, by its HTTP commands.

Source: tasmota.github.io/docs/Commands ("Using web requests": ``/cm?cmnd=…``, ``Power<x>``,
``Status 2``, ``Status 10``) and docs/JSON-Status-Responses. Credentials are ``user`` and
``password``; Tasmota takes them in the query, so a URL is never written anywhere.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
import urllib.parse
from contextlib import suppress
from http.client import HTTPConnection
from typing import Any

from harness.errors import BenchFault, UsageFault
from harness.power.api import OutletState
from harness.power.build import Opening, register

__all__ = ["TasmotaOutlets"]

#: No answer of these commands is longer; what is, is somebody else.
_LONGEST = 64 * 1024


class _NoAnswer(Exception):
    """The command was not answered: the connection failed, broke or took too long."""


def _end(connection: socket.socket, ended: threading.Event) -> None:
    """Wake up whoever still reads."""
    ended.set()
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class TasmotaOutlets:
    """Drive the relays of one device (an `OutletDriver`)."""

    reads_back = True

    def __init__(self, opening: Opening) -> None:
        self._name = opening.name
        self._timeout_s = opening.spec.timeout_s
        self._base = opening.address.rstrip("/")
        self._where = urllib.parse.urlsplit(self._base)
        if self._where.scheme not in ("http", "https") or not self._where.hostname:
            raise UsageFault(
                f"{self._base!r} is no address of a Tasmota device",
                device=self._name,
                expected="something like http://192.0.2.40",
                hint="correct its address in lab.yaml",
            )
        self._login = {key: opening.secrets[key] for key in ("user", "password") if opening.secrets}
        self._relays = len(opening.spec.outlet_names)
        firmware = self._ask("Status 2").get("StatusFWR")
        if not isinstance(firmware, dict):
            raise self._garbage("Status 2", "no StatusFWR")
        self._identity = f"Tasmota {firmware.get('Version', 'of unknown version')}"

    @property
    def identity(self) -> str:
        """The firmware's version."""
        return self._identity

    def switch(self, outlet: str, on: bool) -> bool:
        """Send ``Power<x>`` once; False when no answer came."""
        try:
            self._fetch(f"Power{outlet} {'On' if on else 'Off'}")
        except _NoAnswer:
            return False
        return True

    def read(self, outlet: str) -> OutletState:
        """Ask ``Power<x>``."""
        command = f"Power{outlet}"
        answer = self._ask(command)
        # A device with one relay leaves out its number.
        told = answer.get(f"POWER{outlet}", answer.get("POWER") if outlet == "1" else None)
        if told not in ("ON", "OFF"):
            raise self._garbage(command, json.dumps(answer)[:80])
        return OutletState.ON if told == "ON" else OutletState.OFF

    def amperes(self, outlet: str) -> float | None:
        """Ask ``Status 10``: a list has one current for each relay, a number is that of all."""
        sensors = self._ask("Status 10").get("StatusSNS")
        energy = sensors.get("ENERGY") if isinstance(sensors, dict) else None
        if not isinstance(energy, dict) or "Current" not in energy:
            return None
        current = energy["Current"]
        if isinstance(current, list) and outlet.isdecimal() and 0 < int(outlet) <= len(current):
            current = current[int(outlet) - 1]
        elif self._relays != 1:
            return None
        if isinstance(current, bool) or not isinstance(current, int | float):
            raise self._garbage("Status 10", f"Current {str(current)[:40]}")
        return float(current)

    def complaint(self, outlet: str) -> str:  # noqa: ARG002 (a protocol)
        """Say nothing: Tasmota keeps no errors."""
        return ""

    def close(self) -> None:
        """Let go; there is no connection between two commands."""

    def _ask(self, command: str) -> dict[str, Any]:
        try:
            return self._fetch(command)
        except _NoAnswer as trouble:
            raise BenchFault(
                f"it does not answer {command}: {trouble}",
                device=self._name,
                expected=f"an answer from {self._base} within {self._timeout_s:.1f} s",
                hint="is it powered and on the network, and its address in lab.yaml right?",
            ) from None

    def _fetch(self, command: str) -> dict[str, Any]:
        query = urllib.parse.urlencode(
            {**self._login, "cmnd": command}, quote_via=urllib.parse.quote
        )
        where = self._where
        kind = http.client.HTTPSConnection if where.scheme == "https" else HTTPConnection
        connection = kind(where.hostname or "", where.port, timeout=self._timeout_s)
        ended = threading.Event()
        timer: threading.Timer | None = None
        try:
            connection.connect()
            # The connection's own timeout is for each piece, and pieces may drip for ever.
            timer = threading.Timer(self._timeout_s, _end, (connection.sock, ended))
            timer.start()
            connection.request("GET", f"{where.path}/cm?{query}")
            response = connection.getresponse()
            body = response.read(_LONGEST)
        except (OSError, http.client.HTTPException) as error:
            why = "its answer does not end" if ended.is_set() else str(error)
            raise _NoAnswer(why or type(error).__name__) from None
        finally:
            if timer is not None:
                timer.cancel()
            connection.close()
        if ended.is_set():
            raise _NoAnswer("its answer does not end")
        if response.status == http.HTTPStatus.UNAUTHORIZED:
            raise self._not_let_in()
        if response.status != http.HTTPStatus.OK:
            raise _NoAnswer(f"HTTP {response.status}")
        try:
            answer = json.loads(body)
        except ValueError:
            raise self._garbage(command, repr(body[:60])) from None
        if not isinstance(answer, dict):
            raise self._garbage(command, repr(body[:60]))
        if "WARNING" in answer:
            raise self._not_let_in()
        return answer

    def _not_let_in(self) -> UsageFault:
        return UsageFault(
            "it does not let us in",
            device=self._name,
            expected="its user and password under credentials",
            hint="compare them with Configuration, Other, Web Admin Password of the device",
        )

    def _garbage(self, command: str, answer: str) -> BenchFault:
        return BenchFault(
            f"it answers {command} with {answer}",
            device=self._name,
            expected="what Tasmota answers, a JSON object",
            hint="does the device run Tasmota, and has it this relay?",
        )


@register("tasmota")
def _open(opening: Opening) -> TasmotaOutlets:
    return TasmotaOutlets(opening)
