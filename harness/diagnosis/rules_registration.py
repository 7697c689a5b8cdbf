"""A phone that stays on "Registering": each cause apart, by what is seen on the wire or in logs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from harness.diagnosis.case import Case, Clue, Exchange, credentials
from harness.diagnosis.diagnosis import Confidence, Diagnosis
from harness.diagnosis.rule import Rule
from harness.events import ConnectionRefused, FileServed
from harness.evidence import HIDDEN_LONG, SipText, is_hidden
from harness.provisioning.lint import Document

__all__ = ["usable_password"]

#: Bytes of a password a 79x2 keeps: a buffer of 32 with its closing NUL (SIPCC prot_configmgr.h).
_KEPT = 31
_LOADS_9 = re.compile(r"SIP\d+\.9-", re.IGNORECASE)


def usable_password(password: str) -> str:
    """Return what a 79x2 keeps of a password."""
    return password[:_KEPT]


def _sent_by(message: SipText) -> tuple[str, int, bool]:
    """Return host, port and whether rport is asked for, of the topmost Via."""
    found = re.match(r"SIP/2\.0/\w+\s+([^;:\s]+)(?::(\d+))?(.*)", message.via)
    if found is None:
        return "", 0, False
    return found[1], int(found[2] or 5060), ";rport" in found[3].lower()


def _port(end: str) -> int:
    return int(end.rpartition(":")[2] or 0)


class AnswerToSourcePort(Rule):
    """The PBX answers where the request came from; the phone listens where its Via says."""

    id = "answer-to-source-port"
    symptom = "stays on Registering; console: REG auth failed: ack timer, about every 32 s"
    fix = (
        "PJSIP endpoint: force_rport=no and rewrite_contact=no; chan_sip peer: nat=no; "
        "or SIP over TCP (transportLayerProtocol 1)"
    )
    source = "traces of 7961 and 7962 phones; Issabel 7942 guide; RFC 3261 18.2.2, RFC 3581"

    def look(self, case: Case) -> Iterator[Diagnosis]:
        """Find answers to a port that is not the Via's, after which the phone says the same."""
        for exchange in case.registrations:
            proof: list[Clue] = []
            spent = set[int]()
            for clue, request in exchange.requests:
                _, via_port, asks_rport = _sent_by(request)
                source_port = _port(_source(clue))
                if asks_rport or via_port == source_port or "/UDP" not in request.via.upper():
                    continue
                # A request sent again has the CSeq of the first; each answer proves one of them.
                wrong = [
                    answer
                    for answer, _ in exchange.answers_to(request)
                    if _port(_destination(answer)) == source_port and id(answer) not in spent
                ]
                if wrong:
                    spent.add(id(wrong[0]))
                    proof += [clue, wrong[0]]
            heard = any("authorization" in request.headers for _, request in exchange.requests)
            if spent and not heard and not exchange.succeeded:
                where = _source(exchange.requests[0][0])
                _, via_port, _ = _sent_by(exchange.requests[0][1])
                yield self.found(
                    f"the PBX answers to {where}, where the request came from, but the phone "
                    f"listens on the port of its Via, {via_port}: it never sees the challenge",
                    Confidence.CERTAIN if len(spent) > 1 else Confidence.LIKELY,
                    proof,
                )


class NoAnswer(Rule):
    """REGISTER after REGISTER, and nothing comes back."""

    id = "no-answer"
    symptom = "stays on Registering"
    fix = (
        "make sipPort in the phone's file the port the PBX listens on (FreePBX has chan_sip on "
        "5160), and look at the firewall"
    )
    source = "FreePBX 7942 notes; SIPCC ccsip_register.c: retransmission until the ack timer"

    def look(self, case: Case) -> Iterator[Diagnosis]:
        """Find REGISTER requests without any answer."""
        for exchange in case.registrations:
            if exchange.answers or len(exchange.requests) < 2:
                continue
            server = _destination(exchange.requests[0][0])
            speaking = {
                _source(clue)
                for clue, message in case.sip
                if not message.is_request and _host(_source(clue)) == _host(server)
            }
            other = f"; the PBX is heard on {', '.join(sorted(speaking))}" if speaking else ""
            yield self.found(
                f"{len(exchange.requests)} REGISTER requests to {server} had no answer: nobody "
                f"listens there, or a filter drops it{other}",
                Confidence.CERTAIN if speaking else Confidence.LIKELY,
                [clue for clue, _ in exchange.requests],
            )


class PasswordRefused(Rule):
    """Credentials are sent and challenged again."""

    id = "password-refused"
    symptom = "stays on Registering; 401 again after the phone has authenticated itself"
    fix = "give PBX and phone the same password, 8 to 12 letters and digits"
    source = "SIPCC prot_configmgr.h (buffer of 32), ccsip_register.c (3 tries); article, comment 9"

    def look(self, case: Case) -> Iterator[Diagnosis]:
        """Find refused credentials, and with the phone's file at hand prove what was sent."""
        said = False
        for exchange in case.registrations:
            refused = _refused(exchange)
            if not refused or _authenticates_as(exchange) - {exchange.user}:
                continue
            said = True
            request = refused[0][1]
            clues = [clue for item in refused for clue in (item[0], item[2])]
            yield self._explain(case, request, clues)
        if not said:
            lines = case.lines(r"failed for '[^']*'.* - (Wrong password|Failed to authenticate)")
            if len(lines) > 1:
                yield self.found(
                    "the PBX refuses the phone's credentials, time and again",
                    Confidence.LIKELY,
                    [clue for clue, _ in lines],
                )

    def _explain(self, case: Case, request: SipText, clues: list[Clue]) -> Diagnosis:
        sent = credentials(request.header("authorization"))
        user = sent.get("username", "")
        for document in case.configurations():
            for name, password, line in _passwords(document):
                if name != user:
                    continue
                place = f"{document.path}:{line}"
                if password == HIDDEN_LONG:
                    return self.found(
                        f"the password of {user} is longer than the {_KEPT} characters that a "
                        f"79x2 keeps ({place}; hidden by whoever sent this)",
                        Confidence.LIKELY,
                        clues,
                    )
                if is_hidden(password):
                    continue
                if len(password) > _KEPT and _digest(sent, usable_password(password)):
                    return self.found(
                        f"the password of {user} has {len(password)} characters; the digest on "
                        f"the wire was made with its first {_KEPT}, which is all a 79x2 keeps "
                        f"({place})",
                        Confidence.CERTAIN,
                        clues,
                    )
                if _digest(sent, password):
                    return self.found(
                        f"the phone sent the password of its file ({place}) for {user}; the PBX "
                        "has another one",
                        Confidence.CERTAIN,
                        clues,
                        fix="make secret (chan_sip) or password (PJSIP) of the PBX the same",
                    )
                return self.found(
                    f"the digest of {user} was not made with the password in {place}: the phone "
                    "has not taken this file, or changes the password",
                    Confidence.LIKELY,
                    clues,
                )
        return self.found(
            f"the PBX refuses the credentials of {user or 'the phone'} each time: the passwords "
            "differ, or it is longer than the phone keeps (31; some loads fail above 12)",
            Confidence.LIKELY,
            clues,
        )


class UnknownUser(Rule):
    """The PBX knows nobody of that name."""

    id = "unknown-user"
    symptom = "Registering, or Registration Rejected for 15 s (404)"
    fix = "make name, authName and contact of the line the peer's (endpoint's) name on the PBX"
    source = "SIPCC ccsip_register.c (404: rejected); article, comments 5 and 7"

    def look(self, case: Case) -> Iterator[Diagnosis]:
        """Find 404 and 403 to REGISTER, and what the PBX logs of unknown users."""
        # An INVITE by nobody known is what every scanner of the Internet sends.
        lines = case.lines(
            r"(?:Registration|Request 'REGISTER') from .*failed for '[^']*'.* - "
            r"(No matching (?:peer|endpoint) found|"
            r"Username/auth name mismatch|Device does not match ACL|Peer is not supposed)"
        )
        for exchange in case.registrations:
            others = _authenticates_as(exchange) - {exchange.user}
            statuses = (403, 404) if not others else (401, 403, 404, 407)
            rejected = [each for each in exchange.answers if each[1].status in statuses]
            if exchange.succeeded or not rejected:
                continue
            status = rejected[-1][1].status
            cause = f"the PBX answers {status} to the registration of {exchange.user}"
            if others:
                cause += f", which authenticates itself as {', '.join(sorted(others))}"
            clues = [exchange.requests[-1][0], *(clue for clue, _ in rejected)]
            clues += [clue for clue, _ in lines]
            yield self.found(
                f"{cause}: name and authName of the line differ"
                if others
                else f"{cause}: it has no such peer",
                Confidence.CERTAIN if status == 404 or others or lines else Confidence.LIKELY,
                clues,
            )
            return
        if lines:
            words = lines[0][1][1]
            mismatch = "mismatch" in words
            yield self.found(
                f"the PBX says: {words}"
                + ("; name and authName of the line differ" if mismatch else ""),
                Confidence.CERTAIN,
                [clue for clue, _ in lines],
            )


class TransportRefused(Rule):
    """SIP over TCP to a PBX that listens on UDP only."""

    id = "transport-refused"
    symptom = "stays on Registering, no REGISTER is seen"
    fix = (
        "transportLayerProtocol 2 (UDP) in the phone's file, or a TCP listener on the PBX: "
        "tcpenable=yes and transport=tcp,udp (chan_sip), a transport with protocol=tcp (PJSIP)"
    )
    source = "usecallmanager.nz, transportLayerProtocol; provisioning record of a 7962"

    def look(self, case: Case) -> Iterator[Diagnosis]:
        """Find TCP connections that are reset at once."""
        by_end: dict[tuple[str, str], list[Clue]] = {}
        for clue, event in case.of(ConnectionRefused):
            ends = event.source.rpartition(":")[0], event.destination
            by_end.setdefault(ends, []).append(clue)
        for (source, destination), clues in by_end.items():
            spoke = any(
                message.method == "REGISTER" and _host(_source(clue)) == source
                for clue, message in case.sip
            )
            if not spoke:
                yield self.found(
                    f"the phone at {source} speaks SIP over TCP; {destination} refuses it",
                    Confidence.CERTAIN if len(clues) > 1 else Confidence.LIKELY,
                    clues,
                )


class ProxyByAddress(Rule):
    """A 9.x load and an address in line/proxy."""

    id = "proxy-by-address"
    symptom = "stays on Registering; no REGISTER leaves the phone"
    fix = "<proxy>USECALLMANAGER</proxy>; the server goes into callManagerGroup"
    source = "provisioning record of a 7962 with 9.4(2); article, comment 7"

    def look(self, case: Case) -> Iterator[Diagnosis]:
        """Find such a file, served to a phone that then says nothing."""
        for document in case.configurations():
            load = document.get("loadInformation")
            for line in document.lines():
                proxy = document.value("proxy", line)
                if proxy is None or proxy.text in {"", "USECALLMANAGER"}:
                    continue
                if not _LOADS_9.match(load):
                    continue
                served = [
                    clue
                    for clue, event in case.of(FileServed)
                    if event.name.lower() == document.name.lower()
                ]
                if _spoke(case, document, served):
                    continue
                yield self.found(
                    f"line/proxy is {proxy.text} ({document.path}:{proxy.line}); with load {load} "
                    "only USECALLMANAGER registers"
                    + (" and no REGISTER followed the file" if served else ""),
                    Confidence.CERTAIN if served else Confidence.LIKELY,
                    served,
                )
                break


class Unprovisioned(Rule):
    """The phone has a file, and no line in it."""

    id = "unprovisioned"
    symptom = "Unprovisioned on the display"
    fix = "sipLines inside sipProfile, a line with button 1, featureID 9 and a name"
    source = "provisioning record of a 7962; SIPCC sipMinCfgCheck: Line 1 not configured"

    def look(self, case: Case) -> Iterator[Diagnosis]:
        """Find the phone's own words."""
        lines = case.lines(r"\bUnprovisioned\b|sipMinCfgCheck\(\): ?Line 1 not configured", "phone")
        if lines:
            bad = [doc.path for doc in case.configurations() if not doc.lines()]
            yield self.found(
                "the phone found no line it could register"
                + (f": {', '.join(bad)} has none inside sipProfile/sipLines" if bad else ""),
                Confidence.CERTAIN,
                [clue for clue, _ in lines],
            )


def _source(clue: Clue) -> str:
    return str(getattr(clue.event, "source", ""))


def _destination(clue: Clue) -> str:
    return str(getattr(clue.event, "destination", ""))


def _host(end: str) -> str:
    return end.rpartition(":")[0]


def _refused(exchange: Exchange) -> list[tuple[Clue, SipText, Clue]]:
    """Return requests with credentials whose answer is another challenge, no stale nonce."""
    found = []
    for clue, request in exchange.requests:
        if "authorization" not in request.headers:
            continue
        for answer_clue, answer in exchange.answers_to(request):
            stale = credentials(answer.header("www-authenticate")).get("stale", "")
            if answer.status in (401, 407) and stale.lower() != "true":
                found.append((clue, request, answer_clue))
                break
    return [] if exchange.succeeded else found


def _authenticates_as(exchange: Exchange) -> set[str]:
    """Return the user names in the credentials of a registration."""
    found = {
        credentials(request.header("authorization")).get("username", "")
        for _, request in exchange.requests
    }
    return found - {""}


def _passwords(document: Document) -> Iterator[tuple[str, str, int]]:
    for line in document.lines():
        name = document.get("authName", document.get("name", within=line), line)
        password = document.value("authPassword", line)
        if password is not None:
            yield name, password.text, password.line


def _digest(sent: dict[str, str], password: str) -> bool:
    """Whether a digest answer (RFC 2617) was made with a password."""

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    try:
        secret = md5(f"{sent['username']}:{sent['realm']}:{password}")
        request = md5(f"REGISTER:{sent['uri']}")
        middle = sent["nonce"]
        if "qop" in sent:
            middle += f":{sent['nc']}:{sent['cnonce']}:{sent['qop']}"
        return md5(f"{secret}:{middle}:{request}") == sent["response"]
    except KeyError:
        return False


def _spoke(case: Case, document: Document, served: list[Clue]) -> bool:
    """Whether a user of the file was seen in a REGISTER, after the file when that was seen."""
    names = {document.get("name", within=line) for line in document.lines()}
    since = served[0].time if served else 0.0
    return any(
        exchange.user in names and exchange.requests[-1][0].time >= since
        for exchange in case.registrations
    )
