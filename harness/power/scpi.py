"""Outlets of a device that speaks SCPI."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable

from harness.errors import BenchFault, UsageFault
from harness.events import Note, OutletRead, OutletSwitched
from harness.power.api import OutletState
from harness.power.dialects import PLAIN, ScpiDialect
from harness.power.session import (
    Dropped,
    Garbled,
    NoAddress,
    Refused,
    ScpiSession,
    Silent,
    WireTrouble,
)
from harness.timeline import Observer

__all__ = ["ScpiPower"]

#: Seconds between two read-backs: the device has no way to tell us by itself.
_POLL_S = 0.05
#: SCPI-99 volume 1, 7.2.1: values from here up stand for infinity and "not a number".
_SCPI_INFINITY = 9.9e37


class ScpiPower:
    """Drive the outlets of a PDU or power supply through pyvisa.

    The constructor connects and asks who is there, so a driver that exists has been answered.
    When the connection breaks later it is opened again once per call; the state is then read
    back before anything is switched, and a command is sent again only when the device itself
    says that it was not carried out.

    Args:
        address: VISA resource name, e.g. ``TCPIP0::192.0.2.10::5025::SOCKET``.
        name: the device's name in lab.yaml.
        outlets: how many outlets it has (named ``1`` to ``n``), or their names.
        observe: where events go.
        dialect: the device's words.
        timeout_s: seconds to wait for one answer.
        confirm_s: seconds a switched outlet may take to read back its new state; some PDUs
            switch by a relay with a delay of seconds.

    Raises:
        BenchFault: nobody answers there.
        UsageFault: the address is not a VISA resource name.
    """

    def __init__(
        self,
        address: str,
        name: str,
        outlets: int | Iterable[str],
        observe: Observer,
        dialect: ScpiDialect = PLAIN,
        timeout_s: float = 2.0,
        confirm_s: float = 5.0,
    ) -> None:
        self._address = address
        self._name = name
        if isinstance(outlets, int):
            outlets = (str(number) for number in range(1, outlets + 1))
        self._outlets = tuple(outlets)
        self._observe = observe
        self._dialect = dialect
        self._timeout_s = timeout_s
        self._confirm_s = confirm_s
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._session = ScpiSession(address, timeout_s)
        self._last_known = "never reached"
        try:
            self._identity = self._session.open()
        except NoAddress as trouble:
            raise UsageFault(
                f"{address!r} is not a VISA resource name: {trouble}",
                device=name,
                expected="something like TCPIP0::192.0.2.10::5025::SOCKET",
                hint="correct its address in lab.yaml",
            ) from trouble
        except WireTrouble as trouble:
            self._session.close()
            raise self._opening_fault(trouble) from trouble
        self._last_known = f"connected to {self._identity}"

    @property
    def name(self) -> str:
        """The device's name in lab.yaml."""
        return self._name

    @property
    def identity(self) -> str:
        """The device's answer to ``*IDN?``."""
        return self._identity

    def set(self, outlet: str, on: bool) -> None:
        """Switch an outlet and read it back until the device agrees.

        Raises:
            BenchFault: the outlet does not follow, or the device cannot be talked to.
            UsageFault: the device has no such outlet.
        """
        self._check(outlet)
        with self._lock:
            # Reading first shows a connection that broke while idle before it eats the command.
            self._read_state(outlet)
            template = self._dialect.on if on else self._dialect.off
            wanted = OutletState.ON if on else OutletState.OFF
            sent_whole = self._send(outlet, template)
            if not self._follows(outlet, wanted):
                if sent_whole:
                    raise self._stuck_fault(outlet, wanted)
                # The device has just said that the command, sent as the line broke, was lost.
                self._observe(Note(text=f"{template.format(n=outlet)} was lost; sent again"))
                self._send(outlet, template)
                if not self._follows(outlet, wanted):
                    raise self._stuck_fault(outlet, wanted)
            self._last_known = f"outlet {outlet} {wanted}"
            self._observe(
                OutletSwitched(outlet=f"{self._name}/{outlet}", on=on, confirmed_by="read-back"),
                device=self._name,
            )

    def state(self, outlet: str) -> OutletState:
        """Read an outlet's state from the device.

        Raises:
            BenchFault: the device cannot be talked to, or its answer means nothing.
            UsageFault: the device has no such outlet.
        """
        self._check(outlet)
        with self._lock:
            found = self._read_state(outlet)
        self._observe(
            OutletRead(outlet=f"{self._name}/{outlet}", state=found.value), device=self._name
        )
        return found

    def current(self, outlet: str) -> float | None:
        """Measure what the outlet draws, in amperes; None when the device cannot tell.

        Raises:
            BenchFault: the device cannot be talked to, or its answer is no number.
            UsageFault: the device has no such outlet.
        """
        self._check(outlet)
        if not self._dialect.current:
            return None
        with self._lock:
            answer = self._ask(outlet, self._dialect.current)
            try:
                amperes = float(answer)
            except ValueError as error:
                raise self._garbage_fault(
                    self._dialect.current.format(n=outlet), answer, "a number of amperes"
                ) from error
        return amperes if math.isfinite(amperes) and abs(amperes) < _SCPI_INFINITY else None

    def close(self) -> None:
        """Let go of the device; outlets keep their state."""
        self._closing.set()
        with self._lock:
            self._session.close()

    def _check(self, outlet: str) -> None:
        if outlet not in self._outlets:
            raise UsageFault(
                f"it has no outlet {outlet!r}",
                device=self._name,
                expected=f"one of {', '.join(self._outlets)}",
                hint="correct the phone's outlet, or the PDU's outlets, in lab.yaml",
            )
        if self._closing.is_set():
            raise BenchFault(
                "its driver was closed", device=self._name, hint="a test outlived its bench"
            )

    def _read_state(self, outlet: str) -> OutletState:
        answer = self._ask(outlet, self._dialect.state).upper()
        for state, answers in (
            (OutletState.ON, self._dialect.answers_on),
            (OutletState.OFF, self._dialect.answers_off),
            (OutletState.UNKNOWN, self._dialect.answers_unknown),
        ):
            if answer in answers:
                self._last_known = f"outlet {outlet} {state}"
                return state
        known = sorted(self._dialect.answers_on | self._dialect.answers_off)
        raise self._garbage_fault(
            self._dialect.state.format(n=outlet), answer, f"one of {', '.join(known)}"
        )

    def _follows(self, outlet: str, wanted: OutletState) -> bool:
        deadline = time.monotonic() + self._confirm_s
        while self._read_state(outlet) is not wanted:
            if time.monotonic() >= deadline or self._closing.wait(_POLL_S):
                return False
        return True

    def _ask(self, outlet: str, template: str) -> str:
        """Ask a question; asking twice does no harm, so once more on a new connection."""
        question = template.format(n=outlet)
        if self._session.is_open:
            try:
                return self._select_and_query(outlet, question)
            except Garbled as trouble:
                raise self._garbage_fault(question, str(trouble), "an ASCII answer") from trouble
            except WireTrouble as trouble:
                self._observe(Note(text=f"{question}: {trouble}; connecting again"))
        self._reopen()
        try:
            return self._select_and_query(outlet, question)
        except Garbled as trouble:
            raise self._garbage_fault(question, str(trouble), "an ASCII answer") from trouble
        except Silent as trouble:
            raise BenchFault(
                f"it answers *IDN? but not {question}",
                device=self._name,
                state=f"{self._last_known}; error queue: {self._error_queue()}",
                expected=f"an answer within {self._timeout_s:.1f} s, asked twice",
                hint=f"does it speak the SCPI dialect {self._dialect.name!r}?",
            ) from trouble
        except WireTrouble as trouble:
            raise self._dropped_fault(question, trouble) from trouble

    def _select_and_query(self, outlet: str, question: str) -> str:
        if self._dialect.select:
            self._session.write(self._dialect.select.format(n=outlet))
        return self._session.query(question)

    def _send(self, outlet: str, template: str) -> bool:
        """Send a switching command once; False when the line broke meanwhile."""
        try:
            if self._dialect.select:
                self._session.write(self._dialect.select.format(n=outlet))
            self._session.write(template.format(n=outlet))
            # A write into a connection the peer has closed succeeds; the answer to a harmless
            # question shows that the command before it arrived.
            self._session.query("*IDN?")
        except WireTrouble as trouble:
            self._observe(Note(text=f"{template.format(n=outlet)}: {trouble}; connecting again"))
            self._reopen()
            return False
        return True

    def _reopen(self) -> None:
        try:
            identity = self._session.open()
        except WireTrouble as trouble:
            self._session.close()
            raise self._opening_fault(trouble) from trouble
        if identity != self._identity:
            self._session.close()
            raise BenchFault(
                f"another device answers at {self._address} after the connection broke",
                device=self._name,
                state=f"*IDN? answers {identity!r}",
                expected=f"{self._identity!r} as before",
                hint="two devices share an address, or a DHCP lease moved",
            )

    def _error_queue(self) -> str:
        try:
            if not self._session.is_open:
                self._session.open()
            return self._session.query("SYST:ERR?")
        except WireTrouble as trouble:
            return f"not readable ({trouble})"

    def _opening_fault(self, trouble: WireTrouble) -> BenchFault:
        expected = f"an answer to *IDN? within {self._timeout_s:.1f} s"
        if isinstance(trouble, Refused):
            return BenchFault(
                f"no connection to {self._address}: {trouble}",
                device=self._name,
                state=self._last_known,
                expected=expected,
                hint="is it powered and on the network, are address and port in lab.yaml right, "
                "does another client hold its only session?",
            )
        if isinstance(trouble, Silent):
            return BenchFault(
                f"{self._address} takes the connection but does not answer",
                device=self._name,
                state=self._last_known,
                expected=expected,
                hint="restart the device; check that the port is its raw SCPI port, often 5025",
            )
        if isinstance(trouble, Garbled):
            return self._garbage_fault("*IDN?", str(trouble), "an ASCII answer")
        return self._dropped_fault("*IDN?", trouble)

    def _dropped_fault(self, question: str, trouble: WireTrouble) -> BenchFault:
        kind = "breaks" if isinstance(trouble, Dropped) else "fails"
        return BenchFault(
            f"its connection {kind} during {question}: {trouble}",
            device=self._name,
            state=self._last_known,
            expected="a connection that holds for one question after reconnecting",
            hint="look for a second client on its session, a bad cable or a restarting device",
        )

    def _garbage_fault(self, question: str, answer: str, expected: str) -> BenchFault:
        # The rest of a garbled answer must not be taken for the next one.
        self._session.close()
        return BenchFault(
            f"it answers {question} with {answer[:80]!r}",
            device=self._name,
            state=self._last_known,
            expected=expected,
            hint=f"does it speak the SCPI dialect {self._dialect.name!r}? is the port shared?",
        )

    def _stuck_fault(self, outlet: str, wanted: OutletState) -> BenchFault:
        found = self._read_state(outlet)
        self._observe(
            OutletRead(outlet=f"{self._name}/{outlet}", state=found.value), device=self._name
        )
        return BenchFault(
            f"outlet {outlet} does not switch {wanted}",
            device=self._name,
            state=f"reads back {found}; error queue: {self._error_queue()}",
            expected=f"{wanted} within {self._confirm_s:.1f} s of the command",
            hint="switch it by hand: a locked outlet, a tripped breaker or a welded relay",
        )
