"""The peer's own process: ``python -m harness.sip.agent``.

One thread owns pjsua2: it pumps the library's events and reads commands, both in turn, because
callbacks on library threads crash under Python (pjproject #2685). Events go out as JSON lines and
are plain data. Ended calls stay referenced until the process ends: collecting an old Call object
can hang up a new one that got its id (pjproject #3856).
"""

from __future__ import annotations

import ctypes
import json
import os
import selectors
import sys
from pathlib import Path
from typing import Any

import pjsua2 as pj

__all__ = ["main"]

_PUMP_MS = 10
#: pjlib writes to standard output before it can be told not to, so the events get their own
#: descriptor and everything else goes where the errors go.
_EVENTS = os.dup(1)
os.dup2(2, 1)
_STATES = {
    pj.PJSIP_INV_STATE_CALLING: "calling",
    pj.PJSIP_INV_STATE_INCOMING: "incoming",
    pj.PJSIP_INV_STATE_EARLY: "ringing",
    pj.PJSIP_INV_STATE_CONNECTING: "connecting",
    pj.PJSIP_INV_STATE_CONFIRMED: "confirmed",
    pj.PJSIP_INV_STATE_DISCONNECTED: "ended",
}


def _say(**message: Any) -> None:
    os.write(_EVENTS, (json.dumps(message) + "\n").encode())


class _Call(pj.Call):  # type: ignore[misc]
    """One call; reports everything under its own number."""

    def __init__(self, agent: _Agent, account: pj.Account, call_id: int = -1) -> None:
        super().__init__(account, call_id)
        self.agent = agent
        self.number = agent.next_number()
        self.recorder: pj.AudioMediaRecorder | None = None

    def onCallState(self, _: object) -> None:  # noqa: N802 (pjsua2's name)
        info = self.getInfo()
        _say(
            event="call", call=self.number, state=_STATES.get(info.state, info.stateText),
            code=int(info.lastStatusCode), reason=info.lastReason, remote=info.remoteUri,
            call_id=info.callIdString,
        )  # fmt: skip

    def onCallMediaState(self, _: object) -> None:  # noqa: N802
        # The vector belongs to the info object: without a name it is freed while being read.
        info = self.getInfo()
        for index, media in enumerate(info.media):
            if media.type != pj.PJMEDIA_TYPE_AUDIO:
                continue
            if media.status in (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD):
                self._connect(self.getAudioMedia(index))
            codec = ""
            try:
                codec = self.getStreamInfo(index).codecName
            except pj.Error:
                # On hold by us there is no stream.
                codec = ""
            _say(event="media", call=self.number, status=int(media.status), codec=codec)

    def _connect(self, audio: pj.AudioMedia) -> None:
        self.agent.tone.startTransmit(audio)
        if self.recorder is None:
            path = self.agent.directory / f"call-{self.number}.wav"
            self.recorder = pj.AudioMediaRecorder()
            self.recorder.createRecorder(str(path))
            _say(event="recording", call=self.number, path=str(path))
        audio.startTransmit(self.recorder)

    def onDtmfEvent(self, prm: pj.OnDtmfEventParam) -> None:  # noqa: N802
        # pjmedia reports a digit as it begins, while it lasts and when it ends; the end counts.
        if prm.flags & pj.PJMEDIA_STREAM_DTMF_IS_END:
            _say(event="dtmf", call=self.number, digit=prm.digit, duration=int(prm.duration))

    def onCallTransferStatus(self, prm: pj.OnCallTransferStatusParam) -> None:  # noqa: N802
        _say(event="transfer", call=self.number, code=int(prm.statusCode), reason=prm.reason)


class _Account(pj.Account):  # type: ignore[misc]
    def __init__(self, agent: _Agent) -> None:
        super().__init__()
        self.agent = agent

    def onRegState(self, prm: pj.OnRegStateParam) -> None:  # noqa: N802
        _say(event="registration", code=int(prm.code), reason=prm.reason, expires=prm.expiration)

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:  # noqa: N802
        call = _Call(self.agent, self, prm.callId)
        self.agent.calls[call.number] = call
        info = call.getInfo()
        _say(event="incoming", call=call.number, remote=info.remoteUri, call_id=info.callIdString)
        answer = pj.CallOpParam()
        answer.statusCode = pj.PJSIP_SC_RINGING
        call.answer(answer)


class _Agent:
    """The library, one account, its calls."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.directory = Path(spec["directory"])
        self.calls: dict[int, _Call] = {}
        self._count = 0
        self.endpoint = pj.Endpoint()
        self.endpoint.libCreate()
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.uaConfig.maxCalls = 16
        config.uaConfig.userAgent = f"phone-bench peer {spec['name']}"
        config.medConfig.noVad = True
        config.medConfig.ecTailLen = 0
        config.logConfig.consoleLevel = 0
        config.logConfig.level = 4
        config.logConfig.filename = str(self.directory / "pjsua.log")
        self.endpoint.libInit(config)
        transport = pj.TransportConfig()
        transport.port = 0
        transport.boundAddress = spec["address"]
        transport_id = self.endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
        self.endpoint.libStart()
        self.endpoint.audDevManager().setNullDev()
        self.local = self.endpoint.transportGetInfo(transport_id).localAddress
        self.set_codecs(["PCMA", "PCMU", "G722"])
        self.tone = self._play_tone(int(spec["tone"]))
        self.account = _Account(self)
        self.account.create(self._account_config())

    def next_number(self) -> int:
        self._count += 1
        return self._count

    def _play_tone(self, hertz: int) -> pj.ToneGenerator:
        tone = pj.ToneDesc()
        tone.freq1 = hertz
        tone.on_msec = 1000
        tone.off_msec = 0
        tones = pj.ToneDescVector()
        tones.append(tone)
        generator = pj.ToneGenerator()
        generator.createToneGenerator(16000)
        generator.play(tones, True)
        # Three parties mixed must not clip.
        generator.adjustTxLevel(0.5)
        return generator

    def _account_config(self) -> pj.AccountConfig:
        spec = self.spec
        config = pj.AccountConfig()
        registrar = spec.get("registrar") or self.local
        config.idUri = f"sip:{spec['extension']}@{registrar}"
        config.mediaConfig.transportConfig.port = spec["rtp_port"]
        config.mediaConfig.transportConfig.portRange = 90
        config.mediaConfig.transportConfig.boundAddress = spec["address"]
        config.mediaConfig.srtpUse = pj.PJMEDIA_SRTP_DISABLED
        config.natConfig.contactRewriteUse = 0
        config.natConfig.sdpNatRewriteUse = 0
        if spec.get("registrar"):
            config.regConfig.registrarUri = f"sip:{registrar}"
            config.regConfig.registerOnAdd = False
            config.sipConfig.authCreds.append(
                pj.AuthCredInfo("digest", "*", spec["extension"], 0, spec["password"])
            )
        return config

    def set_codecs(self, names: list[str]) -> None:
        for codec in self.endpoint.codecEnum2():
            name = codec.codecId.split("/")[0]
            priority = 255 - names.index(name) if name in names else 0
            self.endpoint.codecSetPriority(codec.codecId, priority)

    # Commands, by the name in the message.

    def do_register(self, _: dict[str, Any]) -> None:
        self.account.setRegistration(True)

    def do_codecs(self, message: dict[str, Any]) -> None:
        self.set_codecs(message["names"])

    def do_dial(self, message: dict[str, Any]) -> dict[str, Any]:
        number = message["number"]
        uri = number if number.startswith("sip:") else f"sip:{number}@{self.spec['registrar']}"
        call = _Call(self, self.account)
        self.calls[call.number] = call
        call.makeCall(uri, pj.CallOpParam(True))
        return {"call": call.number}

    def do_answer(self, message: dict[str, Any]) -> None:
        parameters = pj.CallOpParam()
        parameters.statusCode = message["code"]
        self.calls[message["call"]].answer(parameters)

    def do_hangup(self, message: dict[str, Any]) -> None:
        parameters = pj.CallOpParam()
        parameters.statusCode = message["code"]
        call = self.calls[message["call"]]
        if call.isActive():
            call.hangup(parameters)

    def do_hangup_all(self, _: dict[str, Any]) -> None:
        self.endpoint.hangupAllCalls()

    def do_hold(self, message: dict[str, Any]) -> None:
        self.calls[message["call"]].setHold(pj.CallOpParam(True))

    def do_resume(self, message: dict[str, Any]) -> None:
        parameters = pj.CallOpParam(True)
        parameters.opt.flag = pj.PJSUA_CALL_UNHOLD
        self.calls[message["call"]].reinvite(parameters)

    def do_transfer(self, message: dict[str, Any]) -> None:
        number = message["number"]
        uri = number if number.startswith("sip:") else f"sip:{number}@{self.spec['registrar']}"
        self.calls[message["call"]].xfer(uri, pj.CallOpParam(True))

    def do_transfer_to(self, message: dict[str, Any]) -> None:
        self.calls[message["call"]].xferReplaces(self.calls[message["other"]], pj.CallOpParam(True))

    def do_dtmf(self, message: dict[str, Any]) -> None:
        parameters = pj.CallSendDtmfParam()
        parameters.method = pj.PJSUA_DTMF_METHOD_RFC2833
        parameters.duration = message["duration"]
        parameters.digits = message["digits"]
        self.calls[message["call"]].sendDtmf(parameters)

    def do_statistics(self, message: dict[str, Any]) -> dict[str, Any]:
        stat = self.calls[message["call"]].getStreamStat(0).rtcp
        info = self.calls[message["call"]].getStreamInfo(0)
        return {
            "codec": info.codecName, "sent_type": info.txPt, "received_type": info.rxPt,
            "sent": stat.txStat.pkt, "received": stat.rxStat.pkt, "lost": stat.rxStat.loss,
            "jitter_ms": stat.rxStat.jitterUsec.mean / 1000.0,
        }  # fmt: skip

    def obey(self, message: dict[str, Any]) -> None:
        """Carry out one command and answer it under its id."""
        try:
            answer = getattr(self, f"do_{message['do']}")(message) or {}
        except pj.Error as error:
            _say(event="answer", id=message["id"], fault=error.reason)
        else:
            _say(event="answer", id=message["id"], **answer)


def main() -> None:
    """Read the spec, then serve commands until standard input ends."""
    agent = _Agent(json.loads(sys.stdin.buffer.readline()))
    _say(event="ready", local=agent.local, version=agent.endpoint.libVersion().full)
    selector = selectors.DefaultSelector()
    os.set_blocking(0, False)
    selector.register(0, selectors.EVENT_READ)
    buffered = b""
    while True:
        agent.endpoint.libHandleEvents(_PUMP_MS)
        if not selector.select(0):
            continue
        received = os.read(0, 65536)
        if not received:
            break
        *lines, buffered = (buffered + received).split(b"\n")
        for line in lines:
            agent.obey(json.loads(line))
    # libDestroy takes a second and there is nothing left to save but the log's buffer.
    ctypes.CDLL(None).fflush(None)
    os._exit(0)


if __name__ == "__main__":
    main()
