"""The pages of the phone's web server, written from its state.

Names and order of elements: GLPI agent notes (7940, 7945G) and a phone client's notes on a 7975G
with 9.4(2)SR3. Frame of the HTML pages: one of a CP-8845 as dumped in the Open Paging Server docs,
the same server family; the row of a status message is inferred from its other tables.
"""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Iterable
from xml.sax.saxutils import escape

from harness.virtual.phone.windows.handset import Viewed

__all__ = ["page", "status_page"]

_CODECS = {0: "G.711u", 8: "G.711a", 9: "G.722", 18: "G.729"}
_STREAMS = 5

Elements = list[tuple[str, object]]


def page(viewed: Viewed, path: str) -> bytes | None:
    """Return the XML or HTML page at a path; None when there is none."""
    name, _, query = path.partition("?")
    if name == "/":
        return _html("Device information", viewed, _rows(_device(viewed)))
    if name == "/CGI/Java/Serviceability":
        kind, _, adapter = query.partition("=")
        found = _ADAPTERS.get(adapter)
        if found is None or kind not in ("adapter", "adapterX"):
            return None
        title, elements, root = found
        if kind == "adapterX":
            return _xml(root, elements(viewed))
        return _html(title, viewed, _rows(elements(viewed)))
    if name == "/PortInformationX":
        return _xml("PortInformation", _port(viewed))
    if name == "/StreamingStatisticsX":
        number = int(query) if query.isdecimal() and query.isascii() else 1
        inside = 1 <= number <= _STREAMS
        return _xml("StreamingStatistics", _stream(viewed, number - 1)) if inside else None
    for title, elements, root in _ADAPTERS.values():
        if name == f"/{root}X" and title:
            return _xml(root, elements(viewed))
    return None


def status_page(viewed: Viewed) -> bytes:
    """Return the status messages as HTML."""
    rows = [
        f"<TR><TD><B>{_text(f'{when} {text}')}</B></TD></TR>" for when, text in viewed.logs.status
    ]
    return _html("Status messages", viewed, rows)


def _device(viewed: Viewed) -> Elements:
    spec, flash, config = viewed.spec, viewed.flash, viewed.config
    # The App Load ID is the Java image of the load, not the load's own name.
    load = spec.load if viewed.defects.fires("stale-load-page") else flash.load
    java = next((name for name in flash.components if name.startswith("jar")), "")
    return [
        ("MACAddress", spec.mac.upper()),
        ("HostName", spec.host_name),
        ("phoneDN", config.lines[0].name if config.lines else ""),
        ("appLoadID", java),
        ("bootLoadID", "twin"),
        ("versionID", load),
        ("addonModule1", ""),
        ("addonModule2", ""),
        ("hardwareRevision", "twin"),
        ("serialNumber", f"TWIN{spec.mac.upper()[-7:]}"),
        ("modelNumber", spec.facts.product),
        ("MessageWaiting", "No"),
        ("time", time.strftime("%I:%M:%S%p").lower()),
        ("timezone", time.strftime("%Z")),
        ("date", time.strftime("%m/%d/%y")),
    ]


def _network(viewed: Viewed) -> Elements:
    spec, config = viewed.spec, viewed.config
    managers = [
        (f"CallManager{number}", f"{host} {'Active' if number == 1 else 'Standby'}")
        for number, (host, _) in enumerate(config.servers, start=1)
    ]
    tftp = viewed.flash.tftp_servers(spec.lease.tftp)
    return [
        ("MACAddress", spec.mac.upper()),
        ("HostName", spec.host_name),
        ("DHCPEnabled", "Yes"),
        ("IPAddress", spec.address),
        ("AltTFTP", "Yes" if viewed.flash.alternate_tftp else "No"),
        *((f"TFTPServer{number}", server) for number, server in enumerate(tftp[:2], start=1)),
        *managers,
        ("UserLocale", config.user_locale or ""),
        ("NetworkLocale", config.network_locale),
        ("AuthenticationURL", config.authentication_url),
        ("WebAccess", "Enabled"),
        ("SSHAccess", "Enabled" if config.ssh_access else "Disabled"),
    ]


def _ethernet(viewed: Viewed) -> Elements:
    # The kernel's counters are of the whole loopback; RTP is what this phone itself can tell.
    streams = viewed.handset.streams()
    return [
        ("TxFrames", sum(stream.statistics.sent for stream in streams)),
        ("RxFrames", sum(stream.statistics.received for stream in streams)),
    ]


def _port(viewed: Viewed) -> Elements:  # noqa: ARG001 (as the other pages)
    return [("PortSpeed", "100 Full"), ("CDPNeighborDeviceId", ""), ("LLDPNeighborDeviceId", "")]


def _stream(viewed: Viewed, index: int) -> Elements:
    streams = viewed.handset.streams()
    if index >= len(streams):
        return [
            ("RemoteAddr", "0.0.0.0/0"),
            ("LocalAddr", "0.0.0.0/0"),
            ("StreamStatus", "Not Ready"),
        ]
    view = streams[index]
    counted = view.statistics
    return [
        ("RemoteAddr", _end(view.remote)),
        ("LocalAddr", _end(view.local)),
        ("StreamStatus", "Active" if view.active else "Not Ready"),
        ("Name", viewed.spec.host_name),
        ("SenderPackets", counted.sent),
        ("SenderOctets", counted.sent_octets),
        ("SenderCodec", _codec(counted.sent_type)),
        ("RcvrLostPackets", counted.lost),
        ("AvgJitter", round(counted.jitter_ms)),
        ("RcvrCodec", _codec(counted.received_type)),
        ("RcvrPackets", counted.received),
        ("RcvrOctets", counted.received_octets),
        ("MaxJitter", round(counted.max_jitter_ms)),
    ]


def _codec(payload_type: int | None) -> str:
    return "None" if payload_type is None else _CODECS.get(payload_type, str(payload_type))


def _end(end: tuple[str, int] | None) -> str:
    return f"{end[0]}/{end[1]}" if end is not None else "0.0.0.0/0"


def _nth_stream(index: int) -> Callable[[Viewed], Elements]:
    return lambda viewed: _stream(viewed, index)


#: Title, elements and XML root by adapter name; a stream has its own path as XML.
_ADAPTERS: dict[str, tuple[str, Callable[[Viewed], Elements], str]] = {
    "device.statistics.device": ("Device information", _device, "DeviceInformation"),
    "device.statistics.configuration": ("Network setup", _network, "NetworkConfiguration"),
    "device.statistics.ethernet": ("Ethernet information", _ethernet, "EthernetInformation"),
    "device.statistics.port.network": ("Network", _port, "PortInformation"),
    "device.statistics.port.access": ("Access", _port, "PortInformation"),
    **{
        f"device.statistics.streaming.{index}": (
            f"Stream {index + 1}", _nth_stream(index), "StreamingStatistics",
        )
        for index in range(_STREAMS)
    },
}  # fmt: skip


def _xml(root: str, elements: Elements) -> bytes:
    inner = "".join(f"<{name}>{escape(str(text))}</{name}>\n" for name, text in elements)
    return f'<?xml version="1.0" encoding="utf-8"?>\n<{root}>\n{inner}</{root}>\n'.encode()


def _text(text: str) -> str:
    return html.escape(text).replace("-", "&#x2D;")


def _rows(elements: Elements) -> list[str]:
    return [
        f"<TR><TD><B> {_text(name)}</B></TD><td width=20></TD>"
        f"<TD><B>{_text(str(text))}</B></TD></TR>"
        for name, text in elements
    ]


def _html(title: str, viewed: Viewed, rows: Iterable[str]) -> bytes:
    links = "".join(
        f'<TR>\n<TD><a href="/CGI/Java/Serviceability?adapter={adapter}">{entry[0]}</A></TD></TR>\n'
        for adapter, entry in _ADAPTERS.items()
    )
    spec = viewed.spec
    return (
        '<HTML>\n<HEAD><META http-equiv="Content-Type" content="text/html; charset=utf-8">'
        "<TITLE>Cisco Systems, Inc.</TITLE>\n</HEAD>\n"
        '<BODY bgcolor="#FFFFFF"><TABLE BORDER="1" WIDTH="100%"><TR>\n'
        f'<td WIDTH="200"></TD><td><p ALIGN=center><B><font size="6">{title}</FONT></B>'
        f"<p ALIGN=center><B>Cisco IP Phone {spec.facts.product} ( {spec.host_name} )</B></TD>\n"
        '</TR>\n<TR><td WIDTH="200" VALIGN=top><TABLE BORDER="0" CELLSPACING="10">'
        f"{links}</TABLE>\n</TD>\n<td VALIGN=top><DIV ALIGN=center>\n"
        '<TABLE BORDER="0" CELLSPACING="10" CELLPADDING="0">'
        f"{''.join(rows)}</TABLE></DIV></TD></TR></TABLE></BODY></HTML>"
    ).encode()
