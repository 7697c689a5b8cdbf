"""One call as pjsua2 has it: its callbacks, turned into reports at once.

Runs in the peer's process, always in its owner thread. Everything pjsua2 hands over is copied
into plain values before the callback returns, because it dies with the callback.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from harness.softphone.library import pj
from harness.softphone.messages import (
    CallReported,
    DigitReported,
    MediaReported,
    MediaStatistics,
    Message,
    RecordingStarted,
    SdpReported,
    Successor,
    TransferReported,
)

__all__ = ["Host", "Leg"]

_STATES = {
    pj.PJSIP_INV_STATE_CALLING: "calling",
    pj.PJSIP_INV_STATE_INCOMING: "incoming",
    pj.PJSIP_INV_STATE_EARLY: "early",
    pj.PJSIP_INV_STATE_CONNECTING: "connecting",
    pj.PJSIP_INV_STATE_CONFIRMED: "confirmed",
    pj.PJSIP_INV_STATE_DISCONNECTED: "ended",
}
_MEDIA = {
    pj.PJSUA_CALL_MEDIA_NONE: "none",
    pj.PJSUA_CALL_MEDIA_ACTIVE: "active",
    pj.PJSUA_CALL_MEDIA_LOCAL_HOLD: "on hold",
    pj.PJSUA_CALL_MEDIA_REMOTE_HOLD: "held",
    pj.PJSUA_CALL_MEDIA_ERROR: "error",
}
#: pjmedia/stream_common.h; the Python binding does not name it.
_DTMF_IS_END = 0x2


class Host(Protocol):
    """What a leg needs of the softphone it belongs to."""

    directory: Path
    tone: pj.AudioMedia
    hush: pj.AudioMedia

    def say(self, message: Message) -> None:
        """Report something."""

    def adopt(self, leg: Leg) -> int:
        """Keep the leg referenced to the process's end and return its number."""


class Leg(pj.Call):  # type: ignore[misc]
    """One call; reports everything under its own number."""

    def __init__(self, host: Host, account: pj.Account, call_id: int = -1) -> None:
        super().__init__(account, call_id)
        self._host = host
        self._account = account
        self._recorder: pj.AudioMediaRecorder | None = None
        self._state = ""
        self._counted: MediaStatistics | None = None
        self._sdp: dict[str, str] = {}
        self._digit: tuple[str, int] | None = None
        #: Digits still to be sent, the moment the next is due, and how.
        self.pending = ""
        self._due = 0.0
        self._duration_ms = 0
        self._gap_ms = 0
        self.number = host.adopt(self)

    # Callbacks, named by pjsua2.

    def onCallState(self, _: object) -> None:  # noqa: N802
        """Report the new state; close the recording at the end."""
        info = self.getInfo()
        state = _STATES.get(info.state, info.stateText)
        if state == "early" and info.lastStatusCode == pj.PJSIP_SC_RINGING:
            state = "ringing"
        if state == self._state == "incoming":
            return
        self._state = state
        statistics = self._counted if state == "ended" else None
        self._host.say(
            CallReported(
                self.number,
                state,
                int(info.lastStatusCode),
                info.lastReason,
                info.remoteUri,
                info.callIdString,
                statistics,
            )
        )
        if state == "ended":
            # Closes the recording; a leg is kept, but must not keep writing.
            self._recorder = None

    def onCallMediaState(self, _: object) -> None:  # noqa: N802
        """Speak and listen wherever there is audio, and report what was agreed."""
        # The vector belongs to the info object: without a name it is freed while being read.
        info = self.getInfo()
        for index, media in enumerate(info.media):
            if media.type != pj.PJMEDIA_TYPE_AUDIO:
                continue
            if media.status in (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD):
                self._connect(self.getAudioMedia(index))
            codec, payload_type = "", -1
            if media.status != pj.PJSUA_CALL_MEDIA_LOCAL_HOLD:
                try:
                    stream = self.getStreamInfo(index)
                    codec, payload_type = stream.codecName, int(stream.txPt)
                except pj.Error:
                    # Refused or ended: there is no stream to ask.
                    codec, payload_type = "", -1
            status = _MEDIA.get(media.status, "none")
            self._host.say(MediaReported(self.number, status, codec, payload_type))

    def onStreamDestroyed(self, _: object) -> None:  # noqa: N802
        """Keep what was counted: an ended call has no stream left to ask."""
        self._counted = self.statistics() or self._counted

    def onCallSdpCreated(self, prm: pj.OnCallSdpCreatedParam) -> None:  # noqa: N802
        """Report what is about to be offered or answered, and to what."""
        self.take_sdp("remote", prm.remSdp.wholeSdp)
        self.take_sdp("local", prm.sdp.wholeSdp)

    def onCallTsxState(self, prm: pj.OnCallTsxStateParam) -> None:  # noqa: N802
        """Report the session description in whatever message moved a transaction."""
        event = prm.e.body.tsxState
        if event.type == pj.PJSIP_EVENT_RX_MSG:
            self.take_sdp("remote", _body(event.src.rdata.wholeMsg))
        elif event.type == pj.PJSIP_EVENT_TX_MSG:
            self.take_sdp("local", _body(event.src.tdata.wholeMsg))

    def onDtmfEvent(self, prm: pj.OnDtmfEventParam) -> None:  # noqa: N802
        """Report each RFC 4733 event once, when it has ended."""
        # pjmedia reports a digit as it begins, while it lasts and at its first end packet. When
        # all three end packets are lost, the beginning of the next digit is its end.
        begins = prm.flags == 0
        if begins and self._digit is not None:
            self._host.say(DigitReported(self.number, *self._digit))
        self._digit = (prm.digit, int(prm.duration))
        if prm.flags & _DTMF_IS_END:
            self._host.say(DigitReported(self.number, *self._digit))
            self._digit = None

    def onCallTransferRequest(self, prm: pj.OnCallTransferRequestParam) -> None:  # noqa: N802
        """Follow a REFER with a leg of our own."""
        leg = Leg(self._host, self._account)
        prm.newCall = leg
        self._host.say(Successor(self.number, leg.number))

    def onCallReplaced(self, prm: pj.OnCallReplacedParam) -> None:  # noqa: N802
        """Follow an INVITE with Replaces (RFC 3891) with a leg of our own."""
        leg = Leg(self._host, self._account, prm.newCallId)
        prm.newCall = leg
        self._host.say(Successor(self.number, leg.number))

    def onCallTransferStatus(self, prm: pj.OnCallTransferStatusParam) -> None:  # noqa: N802
        """Report a NOTIFY about our REFER; a transfer that succeeded ends the call."""
        self._host.say(TransferReported(self.number, int(prm.statusCode), prm.reason))
        if prm.finalNotify and prm.statusCode // 100 == 2 and self.isActive():
            # RFC 5589 section 5: the transferor ends its call once the transfer has succeeded.
            with suppress(pj.Error):  # the other side's BYE may be quicker
                self.hangup(pj.CallOpParam())

    # What the softphone asks.

    @property
    def ended(self) -> bool:
        """Whether its end has been reported."""
        return self._state == "ended"

    def take_sdp(self, side: str, text: str) -> None:
        """Report a session description when it is another than the last of its side."""
        if text and self._sdp.get(side) != text:
            self._sdp[side] = text
            self._host.say(SdpReported(self.number, side, text))

    def statistics(self) -> MediaStatistics | None:
        """Return what the RTP session has counted, None when there is none."""
        try:
            counted = self.getStreamStat(0).rtcp
            stream = self.getStreamInfo(0)
        except pj.Error:
            return None
        return MediaStatistics(
            codec=stream.codecName,
            sent_type=int(stream.txPt),
            received_type=int(stream.rxPt),
            sent=int(counted.txStat.pkt),
            received=int(counted.rxStat.pkt),
            lost=int(counted.rxStat.loss),
            jitter_ms=counted.rxStat.jitterUsec.mean / 1000.0,
        )

    def queue_digits(self, digits: str, duration_ms: int, gap_ms: int) -> None:
        """Send digits one by one: pjmedia's own queue leaves no gap between two."""
        self.pending += digits
        self._duration_ms, self._gap_ms = duration_ms, gap_ms

    def send_due_digit(self) -> None:
        """Send the next digit when its moment has come."""
        if not self.pending or time.monotonic() < self._due:
            return
        digit, self.pending = self.pending[0], self.pending[1:]
        if not self.isActive():
            self.pending = ""
            return
        parameters = pj.CallSendDtmfParam()
        parameters.method = pj.PJSUA_DTMF_METHOD_RFC2833
        parameters.duration = self._duration_ms
        parameters.digits = digit
        self.sendDtmf(parameters)
        self._due = time.monotonic() + (self._duration_ms + self._gap_ms) / 1000.0

    def _connect(self, audio: pj.AudioMedia) -> None:
        self._host.tone.startTransmit(audio)
        if self._recorder is None:
            path = self._host.directory / f"call-{self.number}.wav"
            self._recorder = pj.AudioMediaRecorder()
            self._recorder.createRecorder(str(path))
            # A recorder nobody speaks to writes nothing; this one must tell silence from death.
            self._host.hush.startTransmit(self._recorder)
            self._host.say(RecordingStarted(self.number, str(path)))
        audio.startTransmit(self._recorder)


def _body(message: str) -> str:
    """Return the session description in a whole SIP message, or nothing."""
    head, _, body = message.partition("\r\n\r\n")
    return body if "application/sdp" in head.lower() else ""
