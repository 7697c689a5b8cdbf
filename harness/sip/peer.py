"""A peer from the outside: its process, its registration and its calls."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import BenchFault, HarnessBug, ProductFault, UsageFault
from harness.events import CallStateChanged, DtmfHeard, Note, PartBack, PartLost, Registered
from harness.sip.call import PeerCall
from harness.sip.process import AGENT, PeerProcess
from harness.softphone.messages import (
    Answered,
    AutoAnswer,
    CallReported,
    Command,
    Dial,
    DigitReported,
    HangUpAll,
    MediaReported,
    Message,
    PeerSpec,
    RecordingStarted,
    Register,
    RegistrationReported,
    SdpReported,
    SetCodecs,
    Successor,
    TransferReported,
)
from harness.timeline import Observer, Timeline

__all__ = ["Peer"]


class Peer:
    """Somebody with a softphone, at an extension, with a tone of their own.

    Args:
        name: the peer's name in lab.yaml.
        extension: the user it registers as.
        tone: its tone in Hz.
        address: the IP address it speaks from; the system chooses its SIP port.
        password: of its registration.
        registrar: host and port of the PBX; None to call by URI only.
        observe: writes its events.
        workdir: gets a folder of its name with its log and recordings.
        rtp_port: first of the 90 UDP ports it uses for RTP and RTCP.
        command: what to run as its process.

    Attributes:
        local: ``address:port`` of its SIP port, once started.
        needed: whether somebody counts on it now, so that its death concerns the running test; as
            it does when a call of it is up.
    """

    def __init__(
        self,
        name: str,
        extension: str,
        tone: int,
        address: str,
        password: str,
        registrar: tuple[str, int] | None,
        observe: Observer,
        workdir: Path,
        rtp_port: int,
        *,
        command: Sequence[str] = AGENT,
    ) -> None:
        self.name = name
        self.extension = extension
        self.tone = tone
        self.observe = observe
        self.timeline: Timeline = observe.timeline
        self.local = ""
        self.needed = False
        self._registrar = f"{registrar[0]}:{registrar[1]}" if registrar else ""
        spec = PeerSpec(
            name=name,
            extension=extension,
            tone=tone,
            address=address,
            password=password,
            registrar=self._registrar,
            rtp_port=rtp_port,
            directory=str((workdir / name).resolve()),
        )
        self._folder = workdir / name
        self._command = command
        self._process = PeerProcess(spec, self._take, self._died, command)
        self._registrations: list[RegistrationReported] = []
        self._calls: dict[int, PeerCall] = {}
        self._incoming: list[PeerCall] = []

    @property
    def changed(self) -> threading.Condition:
        """Notified after each report of the peer's process, and at its end."""
        return self._process.changed

    @property
    def uri(self) -> str:
        """Where to call this peer without a PBX: ``sip:211@127.0.0.3:40123``."""
        return f"sip:{self.extension}@{self.local}"

    @property
    def pid(self) -> int | None:
        """The number of its process while it runs."""
        return self._process.pid

    @property
    def gone(self) -> str:
        """Why its process can no longer be asked; empty while it can."""
        return self._process.gone

    def start(self) -> None:
        """Start the process and wait until its SIP port is open.

        Raises:
            UsageFault: pjsua2 is not installed.
            BenchFault: it ended, or was not ready in time.
        """
        ready = self._process.start()
        self.local = ready.local
        self.observe(Note(f"peer at {ready.local}, pjsua2 {ready.version}"), device=self.name)

    def stop(self) -> None:
        """End calls, registration and the process; never raises."""
        self._process.stop()

    def mend(self) -> None:
        """Begin anew after its process is gone: no calls, registered, log in another folder.

        Raises:
            BenchFault: as from :meth:`start` and :meth:`register`.
        """
        self._process.stop()
        number = 2
        while (folder := self._folder.with_name(f"{self.name}-{number}")).exists():
            number += 1
        # What the last one left, its log and recordings, is evidence.
        spec = replace(self._process.spec, directory=str(folder.resolve()))
        self._process = PeerProcess(spec, self._take, self._died, self._command)
        self._registrations, self._calls, self._incoming = [], {}, []
        self.start()
        if self._registrar:
            self.register(within=5.0)
        self.observe(PartBack(self.name), device=self.name)

    def register(self, *, within: float) -> None:
        """Register at the PBX.

        Raises:
            UsageFault: the peer was given no PBX.
            BenchFault: it was refused or not answered: a peer is part of the bench.
        """
        if not self._registrar:
            raise UsageFault(
                "cannot register: it was given no PBX", device=self.name, expected="a registrar"
            )
        with self.changed:
            self._registrations.clear()
        self.ask(Register())
        with self.changed:
            self.changed.wait_for(lambda: self._registrations or self._process.gone, within)
            answer = self._registrations[-1] if self._registrations else None
        self.check()
        if answer is None or answer.code != 200:
            raise BenchFault(
                f"cannot register at {self._registrar} as {self.extension}",
                device=self.name,
                state=f"answer: {answer.code} {answer.reason}" if answer else "no answer",
                expected=f"200 within {within:.0f} s",
                hint="read the PBX log of this run",
            )

    def set_codecs(self, *names: str) -> None:
        """Allow exactly these codecs (``PCMA``, ``PCMU``, ``G722``, ``GSM``), preferred first.

        Holds for calls from now on, until it is set again.

        Raises:
            BenchFault: pjsua2 was built without one of them.
        """
        self.ask(SetCodecs(names))

    def auto_answer(self, on: bool) -> None:
        """Take incoming calls at once from now on, or let them ring (as at the start)."""
        self.ask(AutoAnswer(on))

    def dial(self, number: str, codecs: Sequence[str] | None = None) -> PeerCall:
        """Call an extension or a whole SIP URI; returns at once.

        Args:
            number: an extension of the PBX, or ``sip:user@host:port``.
            codecs: as :meth:`set_codecs` first.

        Raises:
            UsageFault: an extension, but the peer was given no PBX.
        """
        target = self.dialable(number)
        if codecs is not None:
            self.set_codecs(*codecs)
        return self.numbered(self.ask(Dial(target)).call)

    def wait_incoming(self, *, within: float) -> PeerCall:
        """Return the oldest incoming call nobody took yet; it is ringing.

        Raises:
            BenchFault: the peer's process ended.
            ProductFault: nobody called in time.
        """
        with self.changed:
            self.changed.wait_for(lambda: self._incoming or self._process.gone, within)
            if self._incoming:
                return self._incoming.pop(0)
        self.check()
        raise ProductFault(
            "nobody called",
            device=self.name,
            state=f"at {self.local}, extension {self.extension}",
            expected=f"an incoming call within {within:.1f} s",
            hint="read the SIP ladder: was the INVITE sent, and where to?",
        )

    def hang_up_all(self) -> None:
        """End every call and forget calls nobody took; those of a dead process have ended."""
        if self.gone:
            return
        self.ask(HangUpAll())
        with self.changed:
            self._incoming.clear()

    # What its calls need.

    def ask(self, command: Command) -> Answered:
        """Send a command to the process and return its answer.

        Raises:
            BenchFault: the process ended, did not answer, or pjsua2 refused.
        """
        return self._process.ask(command)

    def check(self) -> None:
        """Make sure that the process lives.

        Raises:
            BenchFault: it does not.
        """
        self._process.check()

    def dialable(self, number: str) -> str:
        """Return what to dial.

        Raises:
            UsageFault: an extension, but the peer was given no PBX.
        """
        if not number.startswith("sip:") and not self._registrar:
            raise UsageFault(
                f"cannot dial {number}: it was given no PBX",
                device=self.name,
                expected="a whole URI such as sip:201@192.0.2.7",
            )
        return number

    def numbered(self, number: int) -> PeerCall:
        """Return the call with this number, made known by whichever report comes first."""
        with self.changed:
            if number not in self._calls:
                self._calls[number] = PeerCall(self, number)
            return self._calls[number]

    def _died(self, reason: str) -> None:
        said = f"its process is gone: {reason}"
        if self.needed or any(call.state != "ended" for call in self._calls.values()):
            hint = f"read {self._process.spec.directory}"
            self.observe(PartLost(self.name, said, hint=hint), device=self.name)
        else:
            self.observe(Note(f"peer: {said}"), device=self.name)

    def _take(self, message: Message) -> None:
        match message:
            case RegistrationReported(code, _, expires):
                if code == 200 and expires:
                    event = Registered(self.extension, self.local, expires)
                    self.observe(event, device=self.name)
                self._registrations.append(message)
            case CallReported():
                self._take_state(message)
            case MediaReported(number, status, codec, _):
                self.numbered(number).take_media(message)
                said = f"{self.numbered(number).name} audio {status} {codec}".rstrip()
                self.observe(Note(said), device=self.name)
            case SdpReported(number, side, text):
                self.numbered(number).take_sdp(side, text)
            case RecordingStarted(number, path):
                self.numbered(number).ear.open(Path(path))
            case DigitReported(number, digit, duration_ms):
                call = self.numbered(number)
                heard = DtmfHeard(digit, duration_ms, call.name)
                call.take_digit(heard)
                self.observe(heard, device=self.name)
            case TransferReported(number, code, reason):
                call = self.numbered(number)
                call.take_transfer(message)
                self.observe(Note(f"{call.name} transfer: {code} {reason}"), device=self.name)
            case Successor(number, successor):
                self.numbered(number).take_successor(successor)
            case _:
                raise HarnessBug(f"a report nobody takes: {message}", device=self.name)

    def _take_state(self, report: CallReported) -> None:
        call = self.numbered(report.call)
        call.take_state(report)
        with self.changed:
            if report.state == "incoming":
                self._incoming.append(call)
            elif report.state == "ended":
                self._incoming = [other for other in self._incoming if other is not call]
        self.observe(
            CallStateChanged(call.id, report.state, report.code, report.reason, report.remote),
            device=self.name,
        )
