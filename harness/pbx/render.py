"""Render Asterisk's configuration from the inventory."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FunctionLoader, StrictUndefined

from harness.errors import UsageFault
from harness.lab import PbxSpec

__all__ = ["ECHO_TEST", "Endpoint", "asterisk_codec", "render_configuration"]

#: Asterisk's names for the codecs, by the names of RFC 3551 that peers and captures use.
_CODECS = {"PCMA": "alaw", "PCMU": "ulaw", "G722": "g722", "GSM": "gsm"}

#: Asterisk must not start without these.
_REQUIRED = (
    "res_sorcery_config", "res_sorcery_memory", "res_sorcery_astdb",
    "res_rtp_asterisk", "res_pjproject", "res_pjsip", "res_pjsip_session",
    "res_pjsip_authenticator_digest", "res_pjsip_endpoint_identifier_user",
    "res_pjsip_sdp_rtp", "res_pjsip_registrar", "res_pjsip_refer",
    "chan_pjsip", "pbx_config", "bridge_simple", "bridge_softmix",
    "codec_ulaw", "codec_alaw", "codec_g722", "codec_resample", "app_dial", "app_confbridge",
)  # fmt: skip
#: Found in some builds only, or of use to people at the console.
_OPTIONAL = (
    "res_timing_timerfd", "res_crypto", "res_geolocation", "res_speech",
    "res_pjsip_outbound_authenticator_digest", "res_pjsip_caller_id", "res_pjsip_nat",
    "res_pjsip_pubsub", "res_pjsip_rfc3326", "res_pjsip_endpoint_identifier_ip",
    "res_pjsip_dtmf_info", "res_pjsip_logger", "res_security_log",
    "bridge_builtin_features", "codec_a_mu", "codec_gsm", "app_echo",
    "func_callerid", "func_channel", "func_hangupcause",
)  # fmt: skip

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
    ami_user: str,
    ami_secret: str,
) -> None:
    """Write all configuration files into ``directory``, each replaced in one move.

    A reload during the write then never reads half a file.

    Raises:
        UsageFault: a user or password holds a character that would end its line.
    """
    directory.mkdir(parents=True, exist_ok=True)
    folder = files("configs") / "asterisk" / "22"
    environment = Environment(  # noqa: S701 (no HTML: .conf files)
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8")),
    )
    values = {
        "address": str(spec.address),
        "sip_port": spec.sip_port,
        "ami_port": spec.ami_port,
        "rtp_start": spec.rtp_start,
        "rtp_end": spec.rtp_end,
        "conference": spec.conference,
        "echo": ECHO_TEST,
        "required": _REQUIRED,
        "optional": _OPTIONAL,
        "ami_user": ami_user,
        "ami_secret": ami_secret,
        "endpoints": [_safe(endpoint) for endpoint in endpoints],
    }
    for template in sorted(entry.name for entry in folder.iterdir()):
        if not template.endswith(".j2"):
            continue
        target = directory / template.removesuffix(".j2")
        fresh = target.with_suffix(".new")
        fresh.write_text(environment.get_template(template).render(values), encoding="utf-8")
        # The container's asterisk user reads them; secrets are of this run only.
        fresh.chmod(0o644)
        os.replace(fresh, target)  # noqa: PTH105


def _safe(endpoint: Endpoint) -> Endpoint:
    for what, value in (("user name", endpoint.user), ("password", endpoint.password)):
        if not value or _CONFIG_LINE_BREAKERS.search(value):
            raise UsageFault(
                f"the {what} of extension {endpoint.user!r} is empty or holds a character that "
                "pjsip.conf takes for something else",
                hint="use letters and digits",
            )
    caller = _CONFIG_LINE_BREAKERS.sub(" ", endpoint.callerid).strip() or endpoint.user
    return replace(endpoint, callerid=caller)
