"""The PBX: Asterisk in a container, rendered from the inventory, watched by AMI and console.

Everything about Asterisk lives here: images, container runtimes, configuration, the manager
interface and the interactive console. What a phone should do with it does not.
"""

from harness.pbx.ami import AmiClient, AmiMessage
from harness.pbx.asterisk import Asterisk
from harness.pbx.channel_driver import Contact
from harness.pbx.conference_key import ConferenceKey
from harness.pbx.console import Console, ConsoleChannel, ConsoleContact
from harness.pbx.console_pjsip import ConsoleEndpoint, PjsipChannel, PjsipConsole
from harness.pbx.console_sip import SipChannel, SipConsole, SipPeer, SipPeerDetail, SipUser
from harness.pbx.crash import Crash
from harness.pbx.image import build_image
from harness.pbx.log_slice import LogMark, log_mark, log_since
from harness.pbx.render import Endpoint
from harness.pbx.runtime import ContainerRuntime

__all__ = [
    "AmiClient",
    "AmiMessage",
    "Asterisk",
    "ConferenceKey",
    "Console",
    "ConsoleChannel",
    "ConsoleContact",
    "ConsoleEndpoint",
    "Contact",
    "ContainerRuntime",
    "Crash",
    "Endpoint",
    "LogMark",
    "PjsipChannel",
    "PjsipConsole",
    "SipChannel",
    "SipConsole",
    "SipPeer",
    "SipPeerDetail",
    "SipUser",
    "build_image",
    "log_mark",
    "log_since",
]
