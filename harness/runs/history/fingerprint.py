"""How a phone behaves on the wire, without what is different every time.

A fingerprint is a set of values for each aspect: the files of a boot in their order, the messages
it sends, the order of their headers, what it says it supports, the codecs it offers. Call-IDs,
tags, branches, addresses, ports and times are no part of it; MAC and versions of images are masked.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from harness.events import FileRequested, PhoneStateChanged, Record, SipMessage
from harness.evidence import Sdp, SipText, parse_sip

__all__ = [
    "WireChange",
    "codec_order",
    "fingerprint",
    "header_order",
    "masked_file",
    "message_kind",
    "wire_changes",
]

_MAC = re.compile(r"(?<=SEP)[0-9A-F]{12}", re.IGNORECASE)
_IMAGE = re.compile(r"^([a-z]+\d\d(?:sip|sccp)?)\..+\.sbn$", re.IGNORECASE)
_LOAD = re.compile(r"^(SIP|SCCP)\d\d\..+\.loads$", re.IGNORECASE)
_BOOT_LOAD = re.compile(r"^term\d\d\.default\.loads?$", re.IGNORECASE)
#: Headers whose value says what a load can do, and is the same in every call.
_TELLING = ("allow", "supported", "allow-events", "accept", "require", "content-type")
_NAME = re.compile(r"^([!-9;-~]+)\s*:")

#: The aspect that is a set of messages, not of lists.
_SENT = "messages sent"
#: A reset and a file that names another load begin a flash with another file: two aspects.
_FLASH = "files of a flash by "

Aspects = dict[str, set[str]]


@dataclass(frozen=True, slots=True)
class WireChange:
    """One aspect of a phone that is another than before."""

    phone: str
    aspect: str
    gone: tuple[str, ...]
    new: tuple[str, ...]

    def __str__(self) -> str:
        if len(self.gone) == len(self.new) == 1 and self.aspect != _SENT:
            return _lists(self.gone[0], self.new[0])
        told = [f"no longer {value}" for value in self.gone]
        return "; ".join([*told, *(f"now {value}" for value in self.new)])


def fingerprint(records: Iterable[Record]) -> dict[str, Aspects]:
    """Return the aspects of each phone that booted in these records, by its name."""
    boots: dict[str, _Boots] = {}
    phone_at: dict[str, str] = {}
    messages: list[SipMessage] = []
    for record in records:
        event = record.event
        if isinstance(event, FileRequested) and record.device:
            phone_at[event.address] = record.device
            boots.setdefault(record.device, _Boots()).asked(event.name)
        elif isinstance(event, PhoneStateChanged) and record.device in boots:
            boots[record.device].is_now(event.state)
        elif isinstance(event, SipMessage):
            messages.append(event)
    found = {phone: each.aspects() for phone, each in boots.items()}
    for message in messages:
        phone = phone_at.get(message.source.rpartition(":")[0])
        sip = parse_sip(message.text.encode()) if phone is not None else None
        if phone is not None and sip is not None:
            for aspect, value in _of_message(sip):
                found[phone].setdefault(aspect, set()).add(value)
    return found


class _Boots:
    """The files of each boot that ended in a registration, and of each flash."""

    def __init__(self) -> None:
        self._files: list[str] = []
        self._images: list[str] = []
        self._seen: Aspects = {}

    def asked(self, name: str) -> None:
        masked, firmware = masked_file(name)
        if firmware:
            # Whatever was asked for before belongs to a boot that a flash cut short.
            self._files.clear()
            self._images.append(masked)
        else:
            self._keep_images()
            self._files.append(masked)

    def is_now(self, state: str) -> None:
        if state == "OFF":
            self._files.clear()
            self._images.clear()
        elif state == "READY":
            self._keep_images()
            self._keep("files asked for in a boot", self._files)

    def aspects(self) -> Aspects:
        return self._seen

    def _keep_images(self) -> None:
        if self._images:
            self._keep(f"{_FLASH}{self._images[0]}", self._images)

    def _keep(self, aspect: str, names: list[str]) -> None:
        if names:
            self._seen.setdefault(aspect, set()).add(", ".join(names))
            names.clear()


def masked_file(name: str) -> tuple[str, bool]:
    """Return a file's name without MAC and versions, and whether it is firmware."""
    if image := _IMAGE.match(name):
        return f"{image[1]}.*.sbn", True
    if load := _LOAD.match(name):
        return f"{load[1].upper()}*.loads", True
    return _MAC.sub("<MAC>", name), bool(_BOOT_LOAD.match(name))


def message_kind(sip: SipText) -> str:
    """Return what a message is: its method, and of an answer the status in front of it."""
    return f"{sip.status} {sip.method}" if sip.status else sip.method


def header_order(sip: SipText) -> list[str]:
    """Return the names of a message's headers as they are written, in their order."""
    head = re.split(r"\r?\n\r?\n", sip.text, maxsplit=1)[0].splitlines()[1:]
    return [match[1] for line in head if (match := _NAME.match(line))]


def codec_order(sdp: Sdp) -> list[str]:
    """Return the codecs of a session description, each with its payload type, in their order."""
    return [f"{sdp.rtpmap.get(n) or sdp.codec(n)} ({n})" for n in sdp.payload_types]


def _of_message(sip: SipText) -> Iterable[tuple[str, str]]:
    kind = message_kind(sip)
    yield _SENT, kind
    yield f"headers of {kind}", ", ".join(header_order(sip))
    for name in ("user-agent", "server"):
        if sip.header(name):
            yield "User-Agent", sip.header(name)
    for name in _TELLING:
        if sip.header(name):
            value = ", ".join(part.strip() for v in sip.headers[name] for part in v.split(","))
            # The boundary of a multipart body is another each time.
            yield f"{name.title()} in {kind}", value.partition(";boundary=")[0]
    if sip.sdp is not None and sip.sdp.media_port:
        yield f"codecs in {kind}", ", ".join(codec_order(sip.sdp))


def wire_changes(
    before: Mapping[str, Mapping[str, Collection[str]]],
    after: Mapping[str, Mapping[str, Collection[str]]],
) -> list[WireChange]:
    """Return what phones seen in both nights do otherwise.

    The headers and codecs of a message only one of the nights has are not told beside the message.
    """
    found = []
    for phone in (name for name in after if name in before):
        old, new = before[phone], after[phone]
        sent = {*old.get(_SENT, ())} ^ {*new.get(_SENT, ())}
        for aspect in dict.fromkeys([*old, *new]):
            if aspect.partition(" of ")[2] in sent or aspect.partition(" in ")[2] in sent:
                continue
            if aspect.startswith(_FLASH) and not (aspect in old and aspect in new):
                # Whether a night flashed at all is the night's doing, not the phone's.
                continue
            was, now = {*old.get(aspect, ())}, {*new.get(aspect, ())}
            if was != now:
                change = WireChange(phone, aspect, (*sorted(was - now),), (*sorted(now - was),))
                found.append(change)
    return found


def _lists(before: str, after: str) -> str:
    """What happened to a list: names that came, went, or stand in another order."""
    old, new = before.split(", "), after.split(", ")
    if len(old) == len(new) == 1:
        return f"{before} → {after}"
    told = [f"also {name}" for name in new if name not in old]
    told += [f"no longer {name}" for name in old if name not in new]
    left = [name for name in new if name in old]
    if left != [name for name in old if name in new]:
        told.append(f"in another order: {after} (was {before})")
    return "; ".join(told)
