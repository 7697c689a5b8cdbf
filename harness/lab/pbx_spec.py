"""What lab.yaml may say of the PBX: which Asterisk, and where it listens."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from harness.errors import UsageFault

__all__ = ["PBX_KINDS", "PbxKind", "PbxSpec"]

PbxKind = Literal["asterisk16", "asterisk22"]
#: Asterisk 16 with chan_sip, the world of most how-tos; Asterisk 22, which has chan_pjsip only.
PBX_KINDS: tuple[PbxKind, ...] = get_args(PbxKind)

_VERSION = "{version}"

Port = Annotated[int, Field(ge=1, le=65535)]


class PbxSpec(BaseModel):
    """The Asterisk the phones register to.

    ``image`` names its container image; ``{version}`` in it stands for 16 or 22, so one setting
    serves a night on either. ``conference_key`` is an address for the optional element that answers
    the phones' conference REFER; with it, phones register there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    kind: PbxKind = "asterisk22"
    """Which Asterisk."""
    image: str = f"localhost/asterisk:{_VERSION}"
    """Its container image; ``{version}`` stands for 16 or 22."""
    address: IPv4Address = IPv4Address("127.42.0.2")
    """Where it listens, an address of this machine."""
    sip_port: Port = 5060
    """UDP and TCP port of SIP."""
    ami_port: Port = 5038
    """TCP port of the manager interface."""
    rtp_start: Port = 10000
    """First UDP port of its RTP."""
    rtp_end: Port = 10999
    """Last UDP port of its RTP."""
    conference_key: IPv4Address | None = None
    """An address for the element that answers the conference REFER; phones register there."""
    conference: Annotated[str, Field(pattern=r"^[0-9]{2,8}$")] = "290"
    """The number of the conference room."""

    @property
    def version(self) -> int:
        """Asterisk's major version."""
        return int(self.kind.removeprefix("asterisk"))

    @property
    def image_name(self) -> str:
        """The image with its version filled in."""
        return self.image.replace(_VERSION, str(self.version))

    @property
    def server(self) -> IPv4Address:
        """What a phone is told as its server."""
        return self.conference_key or self.address

    def of_kind(self, kind: PbxKind) -> PbxSpec:
        """Return the same place with the other Asterisk in it.

        Raises:
            UsageFault: the lab names one image, which cannot hold both.
        """
        if kind != self.kind and _VERSION not in self.image:
            raise UsageFault(
                f"the lab's image {self.image} is that of {self.kind}, so there is none of {kind}",
                hint=f"leave pbx.image out of lab.yaml, or write {_VERSION} for its number",
            )
        return self.model_copy(update={"kind": kind})
