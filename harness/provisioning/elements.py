"""What the elements of SEP<MAC>.cnf.xml mean: how a phone reads them, and what hangs on them.

Sources: SIPCC ``config_parser.c`` (kinds, defaults), usecallmanager.nz "SEPMAC.cnf.xml" (meaning).
An element that is not here is shown by its own name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "ELEMENTS",
    "Area",
    "Element",
    "Kind",
    "Risk",
    "element_of",
    "meaning_of",
    "without_credentials",
]


class Kind(StrEnum):
    """How the phone reads a value."""

    TEXT = "text"
    BOOLEAN = "boolean"
    NUMBER = "number"
    SECRET = "secret"  # noqa: S105 (the word for the kind)


class Risk(StrEnum):
    """What a wrong value can cost: no registration or calls, a feature, or looks."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Area(StrEnum):
    """The parts of the regression suite a change can touch; the words are test keywords."""

    PROVISIONING = "provisioning"
    REGISTRATION = "registration"
    CALLS = "calls"
    DTMF = "dtmf"
    TRANSFER = "transfer"


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its path, how it is read, its default, its name for people, what it can do."""

    path: str
    kind: Kind
    default: str
    title: str
    risk: Risk
    areas: tuple[Area, ...]


_AREAS = {"p": Area.PROVISIONING, "r": Area.REGISTRATION, "c": Area.CALLS, "d": Area.DTMF}
_AREAS |= {"t": Area.TRANSFER}
_KINDS = {"t": Kind.TEXT, "b": Kind.BOOLEAN, "n": Kind.NUMBER, "s": Kind.SECRET}
_RISKS = {"h": Risk.HIGH, "m": Risk.MEDIUM, "l": Risk.LOW}

#: path | kind | default | title | risk | areas
_TABLE = """
deviceProtocol|t|SIP|device protocol|h|r
sshUserId|t||SSH user|l|
sshPassword|s||SSH password|l|
devicePool/dateTimeSetting/dateTemplate|t|M/D/Y|date format|l|
devicePool/dateTimeSetting/timeZone|t||time zone|l|
devicePool/dateTimeSetting/ntps/ntp/name|t||NTP server|l|
devicePool/dateTimeSetting/ntps/ntp/ntpMode|t|unicast|NTP mode|l|
callManager/ports/sipPort|n|5060|PBX's SIP port|h|r
callManager/processNodeName|t||PBX address|h|r
sipProfile/sipProxies/registerWithProxy|b|true|registration|h|r
sipProfile/sipProxies/outboundProxy|t||outbound proxy|h|rc
sipProfile/sipCallFeatures/cnfJoinEnabled|b|true|conference and join|m|t
sipProfile/sipCallFeatures/rfc2543Hold|b|false|old style hold|m|ct
sipProfile/sipCallFeatures/semiAttendedTransfer|b|true|transfer while ringing|m|t
sipProfile/sipCallFeatures/localCfwdEnable|b|true|CFwdAll key|m|c
sipProfile/sipCallFeatures/anonymousCallBlock|n|0|block anonymous calls|m|c
sipProfile/sipCallFeatures/callerIdBlocking|n|0|hide caller ID|m|c
sipProfile/sipCallFeatures/remoteCcEnable|t|1|remote call control|m|t
sipProfile/sipStack/sipRetx|n|10|SIP retransmissions|m|r
sipProfile/sipStack/timerRegisterExpires|n|3600|registration lifetime (s)|h|r
sipProfile/sipStack/timerRegisterDelta|n|5|registration refresh margin (s)|m|r
sipProfile/sipStack/timerT1|n|500|SIP timer T1 (ms)|m|rc
sipProfile/sipStack/timerT2|n|4000|SIP timer T2 (ms)|m|rc
sipProfile/sipStack/remotePartyID|b|true|Remote-Party-ID|l|c
sipProfile/enableVad|b|false|silence suppression|m|c
sipProfile/preferredCodec|t|none|preferred codec|m|c
sipProfile/dtmfAvtPayload|n|101|DTMF payload type|m|d
sipProfile/dtmfOutofBand|t|avt|DTMF mode|m|d
sipProfile/kpml|n|3|KPML|m|cd
sipProfile/natEnabled|b|false|NAT|h|rc
sipProfile/natAddress|t||NAT address|h|rc
sipProfile/phoneLabel|t||phone label|l|
sipProfile/callStats|b|false|call statistics in BYE|l|c
sipProfile/startMediaPort|n|16384|first RTP port|m|c
sipProfile/stopMediaPort|n|32766|last RTP port|m|c
sipProfile/voipControlPort|n|5060|phone's SIP port|h|rc
sipProfile/dialTemplate|t||dial template|m|pc
sipProfile/softKeyFile|t||soft-key file|m|pt
line/featureID|n|0|line key feature|h|r
line/featureLabel|t||line label|l|
line/proxy|t|USECALLMANAGER|line proxy|h|r
line/port|n|5060|line port|m|r
line/name|t||line name|h|rc
line/displayName|t||display name|l|c
line/autoAnswer/autoAnswerEnabled|n|0|auto answer|m|c
line/callWaiting|n|0|call waiting|m|ct
line/authName|t||SIP user|h|r
line/authPassword|s||SIP password|h|r
line/contact|t||contact|h|rc
line/sharedLine|b|false|shared line|m|c
line/maxNumCalls|n|4|calls per line|m|t
line/busyTrigger|n|2|busy trigger|m|t
line/messagesNumber|t||voice mail number|l|
commonProfile/phonePassword|s||phone password|l|
loadInformation|t||firmware load|h|pr
vendorConfig/pcPort|n|0|PC port (0 on, 1 off)|m|
vendorConfig/webAccess|n|0|web pages (0 on, 1 off)|m|p
vendorConfig/sshAccess|n|0|SSH (0 on, 1 off)|l|
vendorConfig/settingsAccess|n|1|settings menu|m|p
vendorConfig/spanToPCPort|n|0|voice copy to PC port (0 on, 1 off)|l|
vendorConfig/loadServer|t||load server|h|p
userLocale/name|t||user locale|l|p
networkLocale|t||network locale|l|p
networkLocaleInfo/name|t||network locale|l|p
deviceSecurityMode|n|1|security mode|h|r
transportLayerProtocol|n|2|SIP transport (1 TCP, 2 UDP, 3 TLS)|h|rc
authenticationURL|t||authentication URL|m|d
encrConfig|b|false|encrypted configuration|h|pr
"""


def _read(row: str) -> Element:
    path, kind, default, title, risk, areas = row.split("|")
    return Element(
        path, _KINDS[kind], default, title, _RISKS[risk], tuple(_AREAS[area] for area in areas)
    )


#: Every known element by its path; lines and servers by their own part of it.
ELEMENTS: dict[str, Element] = {e.path: e for e in map(_read, _TABLE.strip().splitlines())}
_SECRETS = re.compile(r"passw|pswd|secret|community|token|pin$|key$", re.IGNORECASE)
#: http://USER:PASSWORD@HOST
_CREDENTIALS = re.compile(r"//[^/@\s]+:[^/@\s]+@")


def element_of(path: str) -> Element | None:
    """Return the element at a path such as ``sipProfile/sipLines/line[1]/proxy``, if known."""
    bare = re.sub(r"\[[^]]*\]", "", path)
    for part in ("line/", "callManager/"):
        if f"/{part}" in bare:
            bare = part + bare.split(f"/{part}", 1)[1]
    return ELEMENTS.get(bare)


def without_credentials(text: str) -> str:
    """Return a value with what stands before the @ of a URL hidden."""
    return _CREDENTIALS.sub("//•••@", text)


def meaning_of(path: str) -> Element:
    """Return the element at a path; one the table lacks gets its own name and a medium risk."""
    known = element_of(path)
    if known is not None:
        return known
    kind = Kind.SECRET if _SECRETS.search(path) else Kind.TEXT
    return Element(path, kind, "", path, Risk.MEDIUM, (Area.REGISTRATION,))
