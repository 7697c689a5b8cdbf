"""SIP messages as Asterisk's console prints them: ``sip set debug``, ``pjsip set logger``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from harness.events import SipMessage
from harness.evidence import parse_sip

__all__ = ["SipDebug"]

#: What stands for the PBX's own end, which neither channel driver prints.
PBX = "asterisk:0"
_END = re.compile(r"^(?:<?-{3,}>?|<---.*|\[[A-Z0-9].*|--- \(\d+ headers.*)$")
_CHAN_SIP_SENT = (
    r"(?:<--- )?(?:Reliably )?(?:Re)?[Tt]ransmitting (?:#\d+ )?\([^)]*\) to ([\d.:]+?):?(?: --->)?$"
)
_PJSIP = r"<--- {} SIP \w+ \(\d+ bytes\) {} (?:UDP|TCP|TLS)\S*?:(\d\S+) --->"
#: Announcements, and whether what follows was received.
_HEADS = (
    (re.compile(r"<--- SIP read from (?:UDP|TCP|TLS):(\S+) --->"), True),
    (re.compile(_PJSIP.format("Received", "from")), True),
    (re.compile(_PJSIP.format("Transmitting", "to")), False),
    (re.compile(_CHAN_SIP_SENT), False),
)


@dataclass
class _Block:
    end: str
    received: bool
    line: int
    lines: list[str] = field(default_factory=list)


class SipDebug:
    """Collect the lines between an announcement and its end into one message."""

    def __init__(self) -> None:
        self._block: _Block | None = None

    def take(self, number: int, line: str) -> tuple[int, SipMessage] | None:
        """Take a line; returns a message it completes, with the line it was announced on."""
        head = self._head(number, line)
        block = self._block
        if head is None and (block is None or not _END.match(line)):
            if block is not None:
                block.lines.append(line)
            return None
        self._block = head
        return self._message(block) if block is not None else None

    def end(self) -> tuple[int, SipMessage] | None:
        """The log ended; returns the message that was under way."""
        block, self._block = self._block, None
        return self._message(block) if block is not None else None

    @staticmethod
    def _head(number: int, line: str) -> _Block | None:
        for pattern, received in _HEADS:
            if found := pattern.search(line):
                return _Block(found[1], received, number)
        return None

    @staticmethod
    def _message(block: _Block) -> tuple[int, SipMessage] | None:
        text = "\r\n".join(block.lines).strip("\r\n") + "\r\n\r\n"
        message = parse_sip(text.encode())
        if message is None:
            return None
        source, destination = (block.end, PBX) if block.received else (PBX, block.end)
        event = SipMessage(
            source=source,
            destination=destination,
            start_line=message.start_line,
            call_id=message.call_id,
            cseq=message.cseq,
            text=message.text,
        )
        return block.line, event
