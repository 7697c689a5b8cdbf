"""Calls: no codec, no digits, one side silent, a conference refused, a PBX that died."""

from __future__ import annotations

from collections.abc import Iterator

from harness.diagnosis.case import Case, Clue
from harness.diagnosis.diagnosis import Confidence, Diagnosis
from harness.diagnosis.rule import Rule
from harness.events import PbxStopped
from harness.evidence import SipText

__all__: list[str] = []


def _asks_conference(message: SipText) -> bool:
    return (
        message.is_request
        and message.method == "REFER"
        and "<softkeyevent>Conference</softkeyevent>" in message.body.replace("\n", "")
    )


class ConferenceRefused(Rule):
    """The second press of Conf."""

    id = "conference-refused"
    symptom = "the second press of Conf (Confrn) shows an error; both calls stay, one on hold"
    fix = (
        "stock Asterisk has no answer to the phone's conference REFER: put the conference key "
        "(pbx.conference_key) in front of it, take an Asterisk with the usecallmanager patch or a "
        "chan_pjsip module for it, or let users dial a ConfBridge room"
    )
    source = "article, comments 6 and 8; measured: Asterisk 22 answers 401 then 501, 16 answers 603"

    def look(self, case: Case) -> Iterator[Diagnosis]:
        """Find the REFER and its refusal."""
        for clue, request in case.sip:
            if not _asks_conference(request):
                continue
            answers = [
                (answer_clue, answer)
                for answer_clue, answer in case.sip
                if not answer.is_request
                and answer.call_id == request.call_id
                and answer.cseq == request.cseq
            ]
            refused = [(c, a) for c, a in answers if a.status >= 300]
            if refused and not any(200 <= a.status < 300 for _, a in answers):
                code, reason = refused[0][1].status, refused[0][1].reason
                yield self.found(
                    "the phone asks the PBX to join its two calls by a REFER with an "
                    f"x-cisco-remotecc-request; it answers {code} {reason}".rstrip(),
                    Confidence.CERTAIN,
                    [clue, *(c for c, _ in refused)],
                )


class NoCommonCodec(Rule):
    """Phone and PBX have no codec in common, or the peer allows none."""

    id = "no-common-codec"
    symptom = "calls fail at once; Asterisk: No (audio) format found to offer"
    fix = (
        "allow=ulaw and allow=alaw at the peer after disallow=all: Asterisk's names differ from "
        "the phone's preferredCodec (g711ulaw, g711alaw)"
    )
    source = "article, comment 3 and the answer to it"

    def look(self, case: Case) -> Iterator[Diagnosis]:
        """Find 488 answers and the PBX's words."""
        said = case.lines(
            # Asterisk 16 says "No format", older ones "No audio format".
            r"No (?:audio )?format found to offer|No compatible codecs",
            "asterisk",
        )
        refused = [
            (clue, message)
            for clue, message in case.sip
            if message.method == "INVITE" and message.status in (488, 606)
        ]
        if not said and not refused:
            return
        clues = [clue for clue, _ in said] + [clue for clue, _ in refused]
        offers = [
            f"offered: {', '.join(request.sdp.codecs) or 'nothing'}"
            for _, request in case.sip
            if request.is_request
            and request.sdp is not None
            and any(request.call_id == answer.call_id for _, answer in refused)
        ]
        cause = "no codec is allowed on both sides"
        if offers:
            cause += f" ({offers[0]})"
        yield self.found(cause, Confidence.CERTAIN, clues)


class DigitsOneByOne(Rule):
    """KPML: the phone sends what is dialled digit by digit."""

    id = "kpml-484"
    symptom = "dialling fails after the first digit: 484 Address Incomplete"
    fix = "<kpml>0</kpml>"
    source = "Issabel 7942 guide; usecallmanager.nz uses 0"

    def look(self, case: Case) -> Iterator[Diagnosis]:
        """Find 484 answers to INVITEs."""
        refused = [clue for clue, m in case.sip if m.method == "INVITE" and m.status == 484]
        if refused:
            kpml = [
                f"{document.path}:{value.line} has kpml {value.text}"
                for document in case.configurations()
                if (value := document.value("sipProfile/kpml")) is not None and value.text != "0"
            ]
            yield self.found(
                "the number is sent before it is whole" + (f"; {kpml[0]}" if kpml else ""),
                Confidence.CERTAIN if kpml else Confidence.LIKELY,
                refused,
            )


class PbxDied(Rule):
    """Asterisk ended by itself."""

    id = "pbx-died"
    symptom = "all phones lose their registration, calls end without BYE"
    fix = "read the PBX's log and core dump kept with the run; it is no fault of the phone"
    source = "the harness's own watch on the container"

    def look(self, case: Case) -> Iterator[Diagnosis]:
        """Find an end nobody asked for."""
        ended: list[Clue] = [clue for clue, event in case.of(PbxStopped) if not event.asked]
        if ended:
            yield self.found("Asterisk ended by itself", Confidence.CERTAIN, ended)
