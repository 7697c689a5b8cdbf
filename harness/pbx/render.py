"""Render Asterisk's configuration from the inventory."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

from jinja2 import DictLoader, Environment, StrictUndefined

from harness.errors import UsageFault
from harness.lab import PbxSpec
from harness.pbx.channel_driver import ChannelDriver

__all__ = ["ECHO_TEST", "Endpoint", "asterisk_codec", "render_configuration"]

#: Asterisk's names for the codecs, by the names of RFC 3551 that peers and captures use.
_CODECS = {"PCMA": "alaw", "PCMU": "ulaw", "G722": "g722", "GSM": "gsm"}

#: The echo test's number: FreePBX's, and no extension of the lab, for those are digits only.
ECHO_TEST = "*43"

_CONFIG_LINE_BREAKERS = re.compile(r"[\r\n;\"<>\[\]]")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One user of the PBX: a line of a phone, or a peer. Codecs are Asterisk's names, in order."""

    user: str
    password: str
    codecs: tuple[str, ...] = ("alaw", "ulaw", "g722")
    kind: Literal["phone", "peer"] = "peer"
    callerid: str = ""


def asterisk_codec(name: str) -> str:
    """Return Asterisk's name for a codec given as in RFC 3551 (``PCMA`` is ``alaw``).

    Raises:
        UsageFault: the codec is not one the bench knows.
    """
    if name not in _CODECS:
        raise UsageFault(f"no codec named {name!r}", hint=f"choose from: {', '.join(_CODECS)}")
    return _CODECS[name]


def render_configuration(
    directory: Path,
    spec: PbxSpec,
    endpoints: Sequence[Endpoint],
    *,
    driver: ChannelDriver,
    ami_user: str,
    ami_secret: str,
) -> None:
    """Write all configuration files into ``directory``, each replaced in one move.

    A reload during the write then never reads half a file.

    Raises:
        UsageFault: a user or password holds a character that would end its line.
    """
    directory.mkdir(parents=True, exist_ok=True)
    root = files("configs") / "asterisk"
    templates = {
        entry.name: entry.read_text(encoding="utf-8")
        for folder in ("common", str(spec.version))
        for entry in (root / folder).iterdir()
        if entry.name.endswith(".j2")
    }
    environment = _environment(tuple(sorted(templates.items())))
    values = {
        "address": str(spec.address),
        "sip_port": spec.sip_port,
        "ami_port": spec.ami_port,
        "rtp_start": spec.rtp_start,
        "rtp_end": spec.rtp_end,
        "conference": spec.conference,
        "echo": ECHO_TEST,
        "technology": driver.technology,
        "required": driver.required,
        "optional": driver.optional,
        "ami_user": ami_user,
        "ami_secret": ami_secret,
        "endpoints": [_safe(endpoint, driver.endpoint_file) for endpoint in endpoints],
    }
    for template in sorted(templates):
        target = directory / template.removesuffix(".j2")
        fresh = target.with_suffix(".new")
        fresh.write_text(environment.get_template(template).render(values), encoding="utf-8")
        # The container's asterisk user reads them; secrets are of this run only.
        fresh.chmod(0o644)
        os.replace(fresh, target)  # noqa: PTH105


@lru_cache(maxsize=2)
def _environment(templates: tuple[tuple[str, str], ...]) -> Environment:
    """Templates by name, compiled once: each change of codecs in a night writes all files."""
    return Environment(  # noqa: S701 (no HTML: .conf files)
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=DictLoader(dict(templates)),
    )


def _safe(endpoint: Endpoint, file: str) -> Endpoint:
    for what, value in (("user name", endpoint.user), ("password", endpoint.password)):
        if not value or _CONFIG_LINE_BREAKERS.search(value):
            raise UsageFault(
                f"the {what} of extension {endpoint.user!r} is empty or holds a character that "
                f"{file} takes for something else",
                hint="use letters and digits",
            )
    caller = _CONFIG_LINE_BREAKERS.sub(" ", endpoint.callerid).strip() or endpoint.user
    return replace(endpoint, callerid=caller)
