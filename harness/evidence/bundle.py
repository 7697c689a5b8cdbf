"""A test's folder of evidence: pcap, ladder, timeline; no password in any of it.

Digest responses stay: they are what a registration fault is read from, and they are not the
secret. Secrets are found by their value, wherever they stand and however they are written.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

from harness.errors import UsageFault
from harness.events import Record
from harness.evidence.ladder import ladder_html, ladder_text

__all__ = ["Bundle", "redact", "timeline_text", "write_bundle"]

#: What stands in a text in place of a secret.
HIDDEN = "[hidden]"
#: A shorter value may stand in RTP by chance, and replacing it there would spoil the audio.
_LEAST_IN_PCAP = 6


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files of one test's folder; ``pcap`` is None when nothing was captured."""

    folder: Path
    pcap: Path | None
    ladder: Path
    ladder_html: Path
    timeline_text: Path
    timeline_jsonl: Path


def redact(text: str, secrets: Iterable[str]) -> str:
    """Hide every secret in ``text``, plain or as XML, JSON or a URL writes it."""
    written: set[str] = set()
    for secret in secrets:
        if secret:
            written |= {secret, escape(secret), escape(secret, quote=False), quote(secret, safe="")}
            written |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    # The longest first: a secret may be part of another.
    for form in sorted(written, key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return text


def timeline_text(records: Iterable[Record]) -> str:
    """The records as lines for a person: wall time, source, device, what happened."""
    lines = []
    for record in records:
        clock = time.strftime("%H:%M:%S", time.localtime(record.wall))
        clock += f".{int(record.wall * 1000) % 1000:03d}"
        said = " ".join(str(record.event).split())
        lines.append(
            f"{clock}  {record.source:<12} {record.device:<14} {record.event.kind}: {said}"
        )
    return "\n".join(lines) + ("\n" if lines else "")


def write_bundle(
    folder: Path,
    records: Collection[Record],
    names: Mapping[str, str],
    secrets: Collection[str],
    pcap: Path | None = None,
) -> Bundle:
    """Write a test's evidence into ``folder`` (made when missing).

    Args:
        folder: where to; the pcap normally lies there already.
        records: the test's slice of the timeline.
        names: actor by ``ip`` or ``ip:port``, for the ladder.
        secrets: values that must not appear in any file.
        pcap: the test's capture, closed; secrets in it are overwritten in place.

    Raises:
        UsageFault: the folder cannot be written.
    """
    bundle = Bundle(
        folder=folder,
        pcap=pcap if pcap is not None and pcap.exists() else None,
        ladder=folder / "ladder.txt",
        ladder_html=folder / "ladder.html",
        timeline_text=folder / "timeline.txt",
        timeline_jsonl=folder / "timeline.jsonl",
    )
    lines = [json.dumps(record.as_dict(), ensure_ascii=False) for record in records]
    contents = {
        bundle.ladder: ladder_text(records, names),
        bundle.ladder_html: ladder_html(records, names),
        bundle.timeline_text: timeline_text(records),
        bundle.timeline_jsonl: "".join(f"{line}\n" for line in lines),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in contents.items():
            path.write_text(redact(text, secrets), encoding="utf-8")
        if bundle.pcap is not None:
            _redact_pcap(bundle.pcap, secrets)
    except OSError as error:
        raise UsageFault(
            f"cannot write the evidence to {folder}: {error.strerror}",
            hint="look at the free space and the rights of that folder",
        ) from error
    return bundle


def _redact_pcap(path: Path, secrets: Iterable[str]) -> None:
    """Overwrite secrets by as many asterisks, so that every length in the file stays true."""
    data = original = path.read_bytes()
    for secret in sorted(secrets, key=len, reverse=True):
        raw = secret.encode()
        if len(raw) >= _LEAST_IN_PCAP:
            data = data.replace(raw, b"*" * len(raw))
    if data != original:
        path.write_bytes(data)
