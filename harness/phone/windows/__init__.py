"""The phone's own windows: what a 79x2 itself says and shows, as a second witness.

Here live its web pages and keys from afar (``PhoneWeb``), its display as a picture, and its
console behind SSH (``PhoneConsole``). Each can be closed by configuration (webAccess and sshAccess
1): then :class:`WindowClosed` says so and verdicts rest on the wire. Nothing here judges a phone.
"""

from harness.phone.windows.console import ConsoleLogin, PhoneConsole, RegisterLine, parse_register
from harness.phone.windows.evidence import keep_evidence
from harness.phone.windows.execute import ExecuteItem, ExecuteResponse
from harness.phone.windows.fetch import WindowClosed
from harness.phone.windows.logs import LogLine, StatusMessage, parse_console_log, parse_status
from harness.phone.windows.pages import (
    DeviceInformation,
    EthernetInformation,
    NetworkConfiguration,
    PortInformation,
    StreamingStatistics,
)
from harness.phone.windows.screenshot import picture_as_png
from harness.phone.windows.web import PhoneWeb

__all__ = [
    "ConsoleLogin",
    "DeviceInformation",
    "EthernetInformation",
    "ExecuteItem",
    "ExecuteResponse",
    "LogLine",
    "NetworkConfiguration",
    "PhoneConsole",
    "PhoneWeb",
    "PortInformation",
    "RegisterLine",
    "StatusMessage",
    "StreamingStatistics",
    "WindowClosed",
    "keep_evidence",
    "parse_console_log",
    "parse_register",
    "parse_status",
    "picture_as_png",
]
