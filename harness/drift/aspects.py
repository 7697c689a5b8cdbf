"""What of a phone is compared: each aspect by its key, whether it is a time, and whose clock."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ASPECTS", "BOOTING", "NONE", "Aspect", "Clock", "Sight"]

#: Stands for the lamps of a test in which the phone booted: those are a boot's, not a call's.
BOOTING = "booting"
#: Stands for files, codecs or parameters when there are none of them.
NONE = "none"


class Clock(StrEnum):
    """Which clock a time runs on: the phone's, which twins run faster, or the network's."""

    DEVICE = "device"
    WIRE = "wire"


@dataclass(frozen=True, slots=True)
class Aspect:
    """One thing phones can differ in.

    ``per_test`` is compared test by test, since the test itself is what made the phone do it; what
    is not is compared over the whole recording. ``clock`` is set for times, in seconds.
    """

    title: str
    per_test: bool = False
    clock: Clock | None = None


@dataclass(frozen=True, slots=True)
class Sight:
    """One thing a phone was seen to do.

    ``subject`` is what it is about (a message, a kind of boot); ``value`` text without what must
    differ, or seconds of the aspect's clock as they passed on the recording's bench.
    """

    phone: str
    test: str
    aspect: str
    subject: str
    value: str | float
    place: str


ASPECTS = {
    "dhcp.class": Aspect("DHCP option 60, the class"),
    "dhcp.name": Aspect("DHCP option 12, the name"),
    "dhcp.asked": Aspect("DHCP option 55, what is asked for"),
    "dhcp.other": Aspect("other DHCP options sent"),
    "boot.files": Aspect("files asked for"),
    "boot.locale": Aspect("files of the locale asked for"),
    "boot.trust-8": Aspect("trust lists an 8.x asks for"),
    "boot.default-file": Aspect("asked for when its own file is not there"),
    "boot.protocols": Aspect("protocols files are asked by"),
    "boot.http": Aspect("HTTP before TFTP, or after"),
    "boot.first-file": Aspect("time from power or lamps to the first file", clock=Clock.DEVICE),
    "boot.register": Aspect("time from the first file to REGISTER", clock=Clock.DEVICE),
    "flash.files": Aspect("files of a flash"),
    "reset.files": Aspect("files of a flash that begins with the boot loader's"),
    "flash.equal-load": Aspect("an equal load after a reset"),
    "flash.time": Aspect("time of a flash", clock=Clock.DEVICE),
    "tftp.request": Aspect("mode and options of a TFTP request"),
    "tftp.block": Aspect("bytes of a TFTP block"),
    "tftp.port": Aspect("source ports of TFTP requests"),
    "tftp.refused": Aspect("after a file that is not there"),
    "reset.walk": Aspect("lamps of a reset"),
    "reset.amber": Aspect("time from power to the amber walk", clock=Clock.DEVICE),
    "reset.red": Aspect("time from the code to red lamps", clock=Clock.DEVICE),
    "sip.port": Aspect("port SIP is sent from"),
    "sip.resend": Aspect("time until a request is sent again", clock=Clock.WIRE),
    "register.headers": Aspect("headers and their order"),
    "register.values": Aspect("value of a header"),
    "register.digest": Aspect("credentials"),
    "register.refresh": Aspect("time between two registrations", clock=Clock.WIRE),
    "register.removed": Aspect("contact taken away", per_test=True),
    "asked.headers": Aspect("headers of an answer outside a call"),
    "asked.values": Aspect("value of a header of an answer outside a call"),
    "call.messages": Aspect("messages sent", per_test=True),
    "call.headers": Aspect("headers and their order", per_test=True),
    "call.values": Aspect("value of a header", per_test=True),
    "call.answer": Aspect("time until it answers", per_test=True, clock=Clock.WIRE),
    "call.body": Aspect("body", per_test=True),
    "call.lamps": Aspect("lamps lit", per_test=True),
    "refer.remotecc": Aspect("conference request", per_test=True),
    "refer.transfer": Aspect("transfer request", per_test=True),
    "sdp.codecs": Aspect("codecs and their order", per_test=True),
    "sdp.form": Aspect("form of the session description", per_test=True),
    "sdp.parameters": Aspect("parameters of the codecs", per_test=True),
    "sdp.direction": Aspect("direction of the audio", per_test=True),
    "rtp.codec": Aspect("payload types of the audio sent", per_test=True),
    "rtp.interval": Aspect("interval of the audio packets", per_test=True),
    "dtmf.digits": Aspect("digits sent", per_test=True),
    "dtmf.payload": Aspect("payload type of digits", per_test=True),
    "dtmf.ends": Aspect("end packets of a digit", per_test=True),
    "dtmf.interval": Aspect("interval of a digit's packets", per_test=True),
    "dtmf.duration": Aspect("duration of a digit", per_test=True, clock=Clock.WIRE),
    "test.verdict": Aspect("how the test ended", per_test=True),
}
