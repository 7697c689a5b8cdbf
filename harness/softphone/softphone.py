"""The softphone in a peer's process: one Endpoint, one account, its legs, and the commands.

Everything here runs in the process's owner thread: callbacks on library threads crash under
Python, so the library gets no threads for SIP and its events are pumped (see ``__main__``).
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import singledispatchmethod
from pathlib import Path

from harness.errors import HarnessBug
from harness.softphone.leg import Leg
from harness.softphone.library import audio_only, pj
from harness.softphone.messages import (
    Answer,
    Answered,
    AutoAnswer,
    Command,
    Dial,
    HangUp,
    HangUpAll,
    Hold,
    Leave,
    Message,
    PeerSpec,
    Register,
    RegistrationReported,
    Resume,
    SendDtmf,
    SetCodecs,
    Statistics,
    Transfer,
    TransferTo,
)

__all__ = ["Softphone"]

#: The conference bridge's rate: enough for G.722, and what recordings are written in.
_RATE = 16000
#: Amplitude of what keeps recordings growing: one quantisation step, -93 dBFS.
_HUSH_VOLUME = 1
#: The peer's tone: 0.18 of full scale, so that three parties mixed do not clip.
_TONE_VOLUME = 6000
_RTP_PORTS = 90
#: How long the last BYE and un-REGISTER may take.
_LEAVE_SECONDS = 0.7


class _Account(pj.Account):  # type: ignore[misc]
    """The peer's account: reports registrations and hands incoming calls on."""

    def __init__(self, softphone: Softphone) -> None:
        super().__init__()
        self._softphone = softphone

    def onRegState(self, prm: pj.OnRegStateParam) -> None:  # noqa: N802
        self._softphone.registered = prm.code == pj.PJSIP_SC_OK and prm.expiration > 0
        self._softphone.say(
            RegistrationReported(int(prm.code), prm.reason, max(0, int(prm.expiration)))
        )

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:  # noqa: N802
        self._softphone.incoming(prm.callId, prm.rdata.wholeMsg)


class Softphone:
    """A registered user with a tone; obeys commands and reports through ``say``.

    Raises:
        pj.Error: the address cannot be bound, or pjsua2 refuses its settings.
    """

    def __init__(self, spec: PeerSpec, say: Callable[[Message], None]) -> None:
        self.spec = spec
        self.say = say
        self.directory = Path(spec.directory)
        self.registered = False
        #: Ended legs stay here until the process ends: collecting an old Call object can hang up
        #: the new call that got its id (pjproject #3856).
        self.legs: dict[int, Leg] = {}
        self._open: list[Leg] = []
        #: Whether a call goes on, or is still to be ended.
        self.in_call = False
        self._auto_answer = False
        self.endpoint = pj.Endpoint()
        self._start_library()
        self.tone = _play(spec.tone, _TONE_VOLUME)
        self.hush = _play(100, _HUSH_VOLUME)
        self._allow(("PCMA", "PCMU", "G722"))
        self._account = _Account(self)
        self._account.create(self._account_config())

    def _start_library(self) -> None:
        self.endpoint.libCreate()
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.uaConfig.maxCalls = 30
        config.uaConfig.userAgent = f"phone-bench peer {self.spec.name}"
        config.medConfig.clockRate = _RATE
        config.medConfig.sndClockRate = _RATE
        # A tone is no speech: voice detection would silence it, echo cancelling would eat it.
        config.medConfig.noVad = True
        config.medConfig.ecTailLen = 0
        # RTP is pumped with SIP: a thread for it would wake a hundred times a second in every idle
        # peer of a rack.
        config.medConfig.hasIoqueue = False
        config.medConfig.threadCnt = 0
        config.logConfig.consoleLevel = 0
        config.logConfig.level = 4
        config.logConfig.filename = str(self.directory / "pjsua.log")
        self.endpoint.libInit(config)
        transport = pj.TransportConfig()
        transport.port = 0
        transport.boundAddress = self.spec.address
        transport_id = self.endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
        self.endpoint.libStart()
        self.endpoint.audDevManager().setNoDev()
        self.local = str(self.endpoint.transportGetInfo(transport_id).localAddress)

    def _account_config(self) -> pj.AccountConfig:
        spec = self.spec
        config = pj.AccountConfig()
        config.idUri = f"sip:{spec.extension}@{spec.registrar or self.local}"
        config.mediaConfig.transportConfig.port = spec.rtp_port
        config.mediaConfig.transportConfig.portRange = _RTP_PORTS
        config.mediaConfig.transportConfig.boundAddress = spec.address
        config.mediaConfig.srtpUse = pj.PJMEDIA_SRTP_DISABLED
        # A capture shows what a peer means only when nothing is rewritten on its way.
        config.natConfig.contactRewriteUse = 0
        config.natConfig.viaRewriteUse = 0
        config.natConfig.sdpNatRewriteUse = 0
        # Locking the codec re-INVITEs after each answer with two codecs: noise in every ladder.
        config.mediaConfig.lockCodecEnabled = False
        if spec.registrar:
            config.regConfig.registrarUri = f"sip:{spec.registrar}"
            config.regConfig.registerOnAdd = False
            config.sipConfig.authCreds.append(
                pj.AuthCredInfo("digest", "*", spec.extension, 0, spec.password)
            )
        return config

    def adopt(self, leg: Leg) -> int:
        """Keep a leg referenced to the process's end and return its number."""
        number = len(self.legs) + 1
        self.legs[number] = leg
        self._open.append(leg)
        self._be_in_call(True)
        return number

    def incoming(self, call_id: int, invite: str) -> None:
        """Let an incoming call ring, or take it at once."""
        leg = Leg(self, self._account, call_id)
        leg.take_sdp("remote", invite.partition("\r\n\r\n")[2])
        leg.onCallState(None)
        leg.answer(audio_only(pj.PJSIP_SC_RINGING))
        if self._auto_answer:
            leg.answer(audio_only(pj.PJSIP_SC_OK))

    def sip_socket(self) -> int:
        """Return the descriptor that SIP comes in by, to wait on; pjsua2 does not tell it."""
        for entry in Path("/proc/self/fd").iterdir():
            with suppress(OSError):
                own = socket.socket(fileno=int(entry.name))
                try:
                    if own.type == socket.SOCK_DGRAM and _at(own) == self.local:
                        return own.fileno()
                finally:
                    own.detach()
        raise HarnessBug(f"no socket of this process is at {self.local}")

    def pump(self, milliseconds: int) -> None:
        """Let the library work for at most this long, and send digits that are due."""
        self.endpoint.libHandleEvents(milliseconds)
        if not self.in_call:
            return
        for leg in self._open:
            if leg.pending:
                leg.send_due_digit()
        self._open = [leg for leg in self._open if not leg.ended]
        self._be_in_call(any(leg.isActive() for leg in self._open))

    def _be_in_call(self, now: bool) -> None:
        """Let the bridge's clock run while there is a call; in idle peers nobody listens to it."""
        if now != self.in_call:
            self.in_call = now
            devices = self.endpoint.audDevManager()
            devices.setNullDev() if now else devices.setNoDev()

    def leave(self) -> None:
        """End calls and registration, waiting a moment for the answers."""
        self.endpoint.hangupAllCalls()
        if self.registered:
            self._account.setRegistration(False)
        deadline = time.monotonic() + _LEAVE_SECONDS
        while time.monotonic() < deadline and (self.registered or self.in_call):
            self.pump(10)

    def obey(self, command: Command) -> None:
        """Carry out one command and answer it under its id."""
        try:
            answer = self._do(command)
        except pj.Error as error:
            answer = Answered(command.id, fault=error.reason)
        except KeyError as error:
            answer = Answered(command.id, fault=f"no call number {error}")
        self.say(answer)

    # One method per command.

    @singledispatchmethod
    def _do(self, command: Command) -> Answered:
        return Answered(command.id, fault=f"unknown command {type(command).__name__}")

    @_do.register
    def _(self, command: Register) -> Answered:
        self._account.setRegistration(True)
        return Answered(command.id)

    @_do.register
    def _(self, command: SetCodecs) -> Answered:
        missing = self._allow(command.names)
        fault = f"this pjsua2 has no {', '.join(missing)}" if missing else ""
        return Answered(command.id, fault=fault)

    @_do.register
    def _(self, command: AutoAnswer) -> Answered:
        self._auto_answer = command.on
        return Answered(command.id)

    @_do.register
    def _(self, command: Dial) -> Answered:
        leg = Leg(self, self._account)
        leg.makeCall(self._uri(command.number), audio_only())
        return Answered(command.id, call=leg.number)

    @_do.register
    def _(self, command: Answer) -> Answered:
        self.legs[command.call].answer(audio_only(command.code))
        return Answered(command.id)

    @_do.register
    def _(self, command: HangUp) -> Answered:
        parameters = pj.CallOpParam()
        parameters.statusCode = command.code
        leg = self.legs[command.call]
        if leg.isActive():
            leg.hangup(parameters)
        return Answered(command.id)

    @_do.register
    def _(self, command: HangUpAll) -> Answered:
        self.endpoint.hangupAllCalls()
        return Answered(command.id)

    @_do.register
    def _(self, command: Hold) -> Answered:
        self.legs[command.call].setHold(audio_only())
        return Answered(command.id)

    @_do.register
    def _(self, command: Resume) -> Answered:
        parameters = audio_only()
        parameters.opt.flag = pj.PJSUA_CALL_UNHOLD
        self.legs[command.call].reinvite(parameters)
        return Answered(command.id)

    @_do.register
    def _(self, command: Transfer) -> Answered:
        self.legs[command.call].xfer(self._uri(command.number), audio_only())
        return Answered(command.id)

    @_do.register
    def _(self, command: TransferTo) -> Answered:
        other = self.legs[command.other]
        self.legs[command.call].xferReplaces(other, audio_only())
        return Answered(command.id)

    @_do.register
    def _(self, command: SendDtmf) -> Answered:
        leg = self.legs[command.call]
        if not leg.isActive():
            return Answered(command.id, fault="the call has ended")
        leg.queue_digits(command.digits, command.duration_ms, command.gap_ms)
        return Answered(command.id)

    @_do.register
    def _(self, command: Statistics) -> Answered:
        return Answered(command.id, statistics=self.legs[command.call].statistics())

    @_do.register
    def _(self, command: Leave) -> Answered:
        self.leave()
        return Answered(command.id)

    def _uri(self, number: str) -> str:
        return number if number.startswith("sip:") else f"sip:{number}@{self.spec.registrar}"

    def _allow(self, names: tuple[str, ...]) -> list[str]:
        """Enable these codecs only; return those the library does not have."""
        known: set[str] = set()
        for codec in self.endpoint.codecEnum2():
            name = codec.codecId.split("/")[0]
            known.add(name)
            self.endpoint.codecSetPriority(
                codec.codecId, 255 - names.index(name) if name in names else 0
            )
        return [name for name in names if name not in known]


def _at(bound: socket.socket) -> str:
    """Where a socket listens, as pjsua2 writes it."""
    address = bound.getsockname()
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else ""


def _play(hertz: int, volume: int) -> pj.ToneGenerator:
    """Start a tone that never ends; ``volume`` is its peak, of 32767."""
    tone = pj.ToneDesc()
    tone.freq1 = hertz
    # Whole periods only: a cut one would click each time the tone starts over.
    tone.on_msec = 1000
    tone.off_msec = 0
    tone.volume = volume
    tones = pj.ToneDescVector()
    tones.append(tone)
    generator = pj.ToneGenerator()
    generator.createToneGenerator(_RATE)
    generator.play(tones, True)
    return generator
