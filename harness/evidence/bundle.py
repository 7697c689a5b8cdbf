"""A test's folder of evidence: whole for a failure, trimmed for a pass; no secret in any of it.

What goes into it, and what is left out for a test that passed, is in docs/reference/evidence.md.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import UsageFault
from harness.events import Record
from harness.evidence.ladder import ladder_html, ladder_text
from harness.evidence.pages import lamps_text, page, timeline_html, timeline_text
from harness.evidence.quality import quality_as_table
from harness.evidence.redaction import redact, redact_capture
from harness.evidence.survey import Survey, survey

__all__ = ["Bundle", "Material", "write_bundle"]


@dataclass(frozen=True)
class Material:
    """What a test's evidence is made of.

    Args:
        test: its name, for the heads of pages.
        records: its slice of the timeline.
        names: actor by ``ip`` or ``ip:port``, for the ladder.
        tones: every party's tone in Hz, to tell whom each stream carries.
        pcap: its capture, closed.
        pbx: the PBX's IP address.
        texts: further files of text by their name in the folder (``pbx.log``, ``configs/…``).
        secrets: values that must not appear in any file.
    """

    test: str
    records: Collection[Record]
    names: Mapping[str, str] = field(default_factory=dict)
    tones: Mapping[str, int] = field(default_factory=dict)
    pcap: Path | None = None
    pbx: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    secrets: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Bundle:
    """What was written: files by what they are, the streams, the ladder for the report."""

    folder: Path
    files: dict[str, Path]
    survey: Survey
    ladder_html: str


def write_bundle(folder: Path, material: Material, *, whole: bool) -> Bundle:
    """Write a test's evidence into ``folder`` (made when missing).

    Args:
        folder: where to; the capture normally lies there already.
        material: what there is.
        whole: everything, as a failure deserves; else what is enough to compare a pass with it.

    Raises:
        UsageFault: the folder cannot be written.
    """
    records, secrets = material.records, material.secrets
    files: dict[str, Path] = {}
    told = Survey()
    drawing = redact(ladder_html(records, material.names), secrets)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if material.pcap is not None and material.pcap.exists():
            told = survey(material.pcap, material.tones, pbx=material.pbx, trim=not whole)
            redact_capture(material.pcap, secrets)
            files["capture"] = material.pcap
        contents = {
            "ladder": ("ladder.txt", ladder_text(records, material.names)),
            "timeline": ("timeline.txt", timeline_text(records)),
        }
        if told.streams:
            contents["RTP"] = ("rtp.txt", quality_as_table(told.streams))
        if lamps := lamps_text(records):
            contents["lamps"] = ("lamps.txt", lamps)
        if whole:
            contents |= _pages(material, drawing)
        contents |= {name: (name, text) for name, text in material.texts.items() if text}
        for what, (name, text) in contents.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(redact(text, secrets), encoding="utf-8")
            files[what] = path
    except OSError as error:
        raise UsageFault(
            f"cannot write the evidence to {folder}: {error.strerror}",
            hint="look at the free space and the rights of that folder",
        ) from error
    return Bundle(folder, files, told, drawing)


def _pages(material: Material, drawing: str) -> dict[str, tuple[str, str]]:
    lines = [json.dumps(record.as_dict(), ensure_ascii=False) for record in material.records]
    found = {
        "timeline as a page": ("timeline.html", timeline_html(material.records, material.test)),
        "timeline as JSON": ("timeline.jsonl", "".join(f"{line}\n" for line in lines)),
    }
    if drawing:
        found["ladder as a page"] = ("ladder.html", page(material.test, drawing))
    return found
