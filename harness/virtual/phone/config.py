"""The configuration as the phone reads it: forgiving in values, strict in form.

Rules from Cisco's own parser of this family (SIPCC ``config_parser.c``): numbers as ``atoi``,
booleans true only for the exact word ``true``, and each ``processNodeName`` closes its server, so
ports after it land on the next one. A file that is not well formed is refused whole.
"""

from __future__ import annotations

import ipaddress
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field

__all__ = ["ConfigError", "LineConfig", "PhoneConfig", "parse_config", "parse_default"]

#: MAX_LINE_PASSWORD_SIZE is 32 in SIPCC: 31 characters and a terminator; the rest is cut.
PASSWORD_KEPT = 31
_MAX_SERVERS = 3
#: usecallmanager.nz: a longer phoneLabel is cut on these displays.
_LABEL_KEPT = 12
_ATOI = re.compile(r"\s*([+-]?\d+)")
_CODECS = {"g711ulaw": 0, "g711alaw": 8, "g729a": 18, "g722": 9, "iLBC": 116}
_PROXY = "USECALLMANAGER"
#: The words of SIPCC's table for dtmfOutofBand; any other is taken for the first (inferred).
_DTMF = ("avt", "avt_always", "none")


class ConfigError(Exception):
    """The file cannot be used; the text is what the status log says."""


@dataclass(frozen=True, slots=True)
class LineConfig:
    """One usable line."""

    button: int
    name: str
    display_name: str
    auth_name: str
    auth_password: str
    contact: str
    proxy: str
    label: str
    busy_trigger: int = 2


@dataclass(frozen=True, slots=True)
class PhoneConfig:
    """What the phone took from its file."""

    servers: tuple[tuple[str, int], ...]
    lines: tuple[LineConfig, ...] = ()
    load: str = ""
    generation: int = 9
    transport: int = 2
    register: bool = True
    register_expires: int = 3600
    register_delta: int = 5
    retries: int = 10
    t1: float = 0.5
    t2: float = 4.0
    voip_control_port: int = 5060
    start_media_port: int = 16384
    stop_media_port: int = 32766
    preferred_codec: int | None = None
    g722: bool = True
    dtmf: str = "avt"
    dtmf_payload: int = 101
    rfc2543_hold: bool = False
    remote_cc: bool = True
    semi_attended: bool = True
    call_stats: bool = False
    dial_template: str = ""
    soft_key_file: str = ""
    user_locale: str | None = None
    network_locale: str = ""
    web_access: bool = True
    settings_access: bool = True
    authentication_url: str = ""
    phone_label: str = ""
    phone_password: str = ""
    ssh_access: bool = True
    ssh_user: str = ""
    ssh_password: str = ""
    problems: tuple[str, ...] = field(default=())

    @property
    def offered_dtmf(self) -> int | None:
        """The payload type of telephone-event in an offer; None: digits go in band as tones."""
        return None if self.dtmf == "none" else self.dtmf_payload

    def sent_dtmf(self, remote: int | None) -> int | None:
        """Return the payload type digits are sent with to a party that takes ``remote``.

        ``avt_always`` asks nobody; ``avt`` falls back to tones where the other side names no
        telephone-event (both inferred from the words and SIPCC's defaults).
        """
        if self.dtmf == "avt_always":
            return remote or self.dtmf_payload
        return None if self.dtmf == "none" else remote


def atoi(text: str | None) -> int:
    """Read a number as C does: leading digits, else 0."""
    match = _ATOI.match(text or "")
    return int(match[1]) if match else 0


def _true(text: str | None) -> bool:
    return text == "true"


def _dtmf_word(text: str) -> str:
    return text if text in _DTMF else _DTMF[0]


class _Reader:
    """Look values up under one element, with defaults for absent ones."""

    def __init__(self, element: ET.Element | None) -> None:
        self.element = element

    def text(self, path: str, default: str = "") -> str:
        found = self.element.find(path) if self.element is not None else None
        return default if found is None else (found.text or "").strip()

    def number(self, path: str, default: int) -> int:
        text = self.text(path, "\0")
        return default if text in ("\0", "") else atoi(text)

    def flag(self, path: str, *, default: bool) -> bool:
        text = self.text(path, "\0")
        return default if text == "\0" else _true(text)


def _root(content: bytes) -> ET.Element:
    # An entity declaration is refused unread: nothing the phone is given needs one.
    if b"<!ENTITY" in content or b"<!DOCTYPE" in content:
        raise ConfigError("Error(s) Parsing: document type declared")
    try:
        return ET.fromstring(content)
    except (ET.ParseError, ValueError, LookupError) as error:
        raise ConfigError(f"1 Error(s) Parsing: {error}") from error


def parse_default(content: bytes, number: int, tftp: str) -> PhoneConfig:
    """Read XMLDefault.cnf.xml: only servers and the load for this model number.

    Raises:
        ConfigError: it is not well formed.
    """
    root = _root(content)
    servers, problems = _servers(root, tftp)
    load = _Reader(root).text(f"loadInformation{number}")
    return PhoneConfig(servers=servers, load=load, problems=problems)


def parse_config(content: bytes, generation: int, line_keys: int, tftp: str) -> PhoneConfig:
    """Read SEP<MAC>.cnf.xml.

    Args:
        content: the file.
        generation: major version of the installed load; 9 wants USECALLMANAGER.
        line_keys: how many lines the model has.
        tftp: the TFTP server's address, the last resort as a SIP server.

    Raises:
        ConfigError: it is not well formed, or has no usable line 1.
    """
    root = _root(content)
    servers, problems = _servers(root.find("devicePool"), tftp)
    profile = _Reader(root.find("sipProfile"))
    vendor = _Reader(root.find("vendorConfig"))
    whole = _Reader(root)
    lines, line_problems = _lines(profile.element, generation, line_keys)
    calls, stack, proxies = "sipCallFeatures/", "sipStack/", "sipProxies/"
    locale = whole.text("userLocale/name") if root.find("userLocale") is not None else None
    return PhoneConfig(
        servers=servers,
        lines=lines,
        load=whole.text("loadInformation"),
        generation=generation,
        transport=whole.number("transportLayerProtocol", 2),
        register=profile.flag(proxies + "registerWithProxy", default=True),
        register_expires=profile.number(stack + "timerRegisterExpires", 3600),
        register_delta=profile.number(stack + "timerRegisterDelta", 5),
        retries=profile.number(stack + "sipRetx", 10),
        t1=profile.number(stack + "timerT1", 500) / 1000,
        t2=profile.number(stack + "timerT2", 4000) / 1000,
        voip_control_port=profile.number("voipControlPort", 5060),
        start_media_port=profile.number("startMediaPort", 16384),
        stop_media_port=profile.number("stopMediaPort", 32766),
        preferred_codec=_CODECS.get(profile.text("preferredCodec")),
        g722=whole.number("advertiseG722Codec", 1) != 0,
        dtmf=_dtmf_word(profile.text("dtmfOutofBand")),
        dtmf_payload=profile.number("dtmfAvtPayload", 101),
        rfc2543_hold=profile.flag(calls + "rfc2543Hold", default=False),
        remote_cc=profile.text(calls + "remoteCcEnable", "true").lower().startswith("true"),
        semi_attended=profile.flag(calls + "semiAttendedTransfer", default=True),
        call_stats=profile.flag("callStats", default=False),
        dial_template=profile.text("dialTemplate"),
        soft_key_file=profile.text("softKeyFile"),
        user_locale=locale,
        network_locale=whole.text("networkLocale"),
        web_access=vendor.number("webAccess", 0) == 0,
        settings_access=vendor.number("settingsAccess", 1) != 0,
        authentication_url=whole.text("authenticationURL"),
        phone_label=profile.text("phoneLabel")[:_LABEL_KEPT],
        phone_password=whole.text("commonProfile/phonePassword"),
        ssh_access=vendor.number("sshAccess", 0) == 0,
        ssh_user=whole.text("sshUserId"),
        ssh_password=whole.text("sshPassword"),
        problems=(*problems, *line_problems),
    )


def _servers(
    scope: ET.Element | None, tftp: str
) -> tuple[tuple[tuple[str, int], ...], tuple[str, ...]]:
    """Return the SIP servers in order, read in document order as the phone does."""
    servers: list[tuple[str, int]] = []
    problems: list[str] = []
    port = 5060
    group = scope.find("callManagerGroup") if scope is not None else None
    for element in group.iter() if group is not None else ():
        if element.tag == "sipPort":
            port = atoi(element.text) or 5060
        elif element.tag == "processNodeName":
            host = (element.text or "").strip()
            if _resolves(host):
                servers.append((host, port))
            elif host:
                problems.append(f"cannot resolve {host}")
            port = 5060
    if not servers:
        problems.append(f"No Valid Unified CMs. Defaulting to TFTP Server: {tftp}")
        servers = [(tftp, 5060)]
    return tuple(servers[:_MAX_SERVERS]), tuple(problems)


def _resolves(host: str) -> bool:
    # The virtual bench has no name server: only addresses resolve.
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


def _lines(
    profile: ET.Element | None, generation: int, line_keys: int
) -> tuple[tuple[LineConfig, ...], tuple[str, ...]]:
    found: list[LineConfig] = []
    problems: list[str] = []
    for element in profile.findall("sipLines/line") if profile is not None else ():
        line = _Reader(element)
        button = atoi(element.get("button"))
        name = line.text("name")
        proxy = line.text("proxy")
        if line.number("featureID", 0) != 9 or not 1 <= button <= line_keys or not name:
            continue
        if generation >= 9 and proxy != _PROXY:
            # Seen on 9.4(2): an address here and no REGISTER ever leaves.
            problems.append(f"line {button}: proxy {proxy!r} is not {_PROXY}")
            continue
        found.append(
            LineConfig(
                button=button,
                name=name,
                display_name=line.text("displayName", name)[:31],
                auth_name=line.text("authName", name),
                auth_password=line.text("authPassword")[:PASSWORD_KEPT],
                contact=line.text("contact", name) or name,
                proxy=proxy,
                label=line.text("featureLabel", name),
                busy_trigger=line.number("busyTrigger", 2),
            )
        )
    if not any(line.button == 1 for line in found):
        problems.append("sipMinCfgCheck():Line 1 not configured..")
        found = []
    return tuple(sorted(found, key=lambda line: line.button)), tuple(problems)
