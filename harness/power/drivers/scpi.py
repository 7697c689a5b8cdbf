"""Outlets of a device that speaks SCPI, or another line protocol that a dialect describes."""

from __future__ import annotations

import math

from harness.errors import BenchFault, UsageFault
from harness.events import Note
from harness.lab import ScpiPowerSpec
from harness.power.api import OutletState
from harness.power.build import Opening, register
from harness.power.dialects import DIALECTS, PLAIN, ScpiDialect
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

__all__ = ["ScpiOutlets"]

#: SCPI-99 volume 1, 7.2.1: values from here up stand for infinity and "not a number".
_SCPI_INFINITY = 9.9e37


class ScpiOutlets:
    """Drive the outlets of a PDU or power supply through pyvisa (an `OutletDriver`).

    The constructor connects and asks who is there, so a driver that exists has been answered.
    When the connection breaks later it is opened again once per call; whether a command sent
    meanwhile arrived, nobody knows, and `switch` says so.

    Args:
        address: VISA resource name, e.g. ``TCPIP0::192.0.2.10::5025::SOCKET``.
        name: the device's name in lab.yaml.
        observe: where events go.
        dialect: the device's words.
        timeout_s: seconds to wait for one answer.
        baud: speed of a serial line.
        library: pyvisa's name of its backend.

    Raises:
        BenchFault: nobody answers there.
        UsageFault: the address is not a VISA resource name.
    """

    reads_back = True

    def __init__(
        self,
        address: str,
        name: str,
        observe: Observer,
        dialect: ScpiDialect = PLAIN,
        timeout_s: float = 2.0,
        baud: int = 9600,
        library: str = "@py",
    ) -> None:
        self._address = address
        self._name = name
        self._observe = observe
        self._dialect = dialect
        self._timeout_s = timeout_s
        self._session = ScpiSession(address, timeout_s, dialect, baud, library)
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
    def identity(self) -> str:
        """The device's answer to ``*IDN?``, or to what its dialect asks instead."""
        return self._identity

    def switch(self, outlet: str, on: bool) -> bool:
        """Send the switching command once; False when the line broke meanwhile."""
        command = (self._dialect.on if on else self._dialect.off).format(n=outlet)
        try:
            if self._dialect.select:
                self._session.write(self._dialect.select.format(n=outlet))
            self._session.write(command)
            # A write into a connection the peer has closed succeeds; the answer to a harmless
            # question shows that the command before it arrived.
            self._session.query(self._dialect.identify)
        except WireTrouble as trouble:
            self._observe(Note(text=f"{command}: {trouble}; connecting again"))
            self._reopen()
            return False
        return True

    def read(self, outlet: str) -> OutletState:
        """Ask the device for an outlet's state."""
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

    def amperes(self, outlet: str) -> float | None:
        """Ask what an outlet draws."""
        if not self._dialect.current:
            return None
        answer = self._ask(outlet, self._dialect.current)
        try:
            amperes = float(answer)
        except ValueError as error:
            raise self._garbage_fault(
                self._dialect.current.format(n=outlet), answer, "a number of amperes"
            ) from error
        return amperes if math.isfinite(amperes) and abs(amperes) < _SCPI_INFINITY else None

    def complaint(self, outlet: str) -> str:  # noqa: ARG002 (the queue is the device's, not an outlet's)
        """Read the device's error queue."""
        return f"error queue: {self._error_queue()}" if self._dialect.errors else ""

    def close(self) -> None:
        """Let go of the device; outlets keep their state."""
        self._session.close()

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
                f"it answers {self._dialect.identify} but not {question}",
                device=self._name,
                state="; ".join(filter(None, (self._last_known, self.complaint(outlet)))),
                expected=f"an answer within {self._timeout_s:.1f} s, asked twice",
                hint=f"does it speak the SCPI dialect {self._dialect.name!r}?",
            ) from trouble
        except WireTrouble as trouble:
            raise self._dropped_fault(question, trouble) from trouble

    def _select_and_query(self, outlet: str, question: str) -> str:
        if self._dialect.select:
            self._session.write(self._dialect.select.format(n=outlet))
        return self._session.query(question)

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
                state=f"{self._dialect.identify} answers {identity!r}",
                expected=f"{self._identity!r} as before",
                hint="two devices share an address, or a DHCP lease moved",
            )

    def _error_queue(self) -> str:
        try:
            if not self._session.is_open:
                self._session.open()
            return self._session.query(self._dialect.errors)
        except WireTrouble as trouble:
            return f"not readable ({trouble})"

    def _opening_fault(self, trouble: WireTrouble) -> BenchFault:
        expected = f"an answer to {self._dialect.identify} within {self._timeout_s:.1f} s"
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
            return self._garbage_fault(self._dialect.identify, str(trouble), "an ASCII answer")
        return self._dropped_fault(self._dialect.identify, trouble)

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


@register("scpi")
def _open(opening: Opening) -> ScpiOutlets:
    spec: ScpiPowerSpec = opening.spec
    return ScpiOutlets(
        opening.address,
        opening.name,
        opening.observe,
        DIALECTS[spec.dialect],
        spec.timeout_s,
        spec.baud,
    )
