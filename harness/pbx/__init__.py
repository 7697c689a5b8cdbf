"""The PBX: Asterisk in a container, rendered from the inventory, watched by AMI and console.

Everything about Asterisk lives here: images, container runtimes, configuration, the manager
interface and the interactive console. What a phone should do with it does not.
"""

from harness.pbx.ami import AmiClient, AmiMessage
from harness.pbx.asterisk import Asterisk, Contact
from harness.pbx.console import Console, ConsoleChannel, ConsoleContact, ConsoleEndpoint
from harness.pbx.image import build_image
from harness.pbx.render import Endpoint
from harness.pbx.runtime import ContainerRuntime

__all__ = [
    "AmiClient",
    "AmiMessage",
    "Asterisk",
    "Console",
    "ConsoleChannel",
    "ConsoleContact",
    "ConsoleEndpoint",
    "Contact",
    "ContainerRuntime",
    "Endpoint",
    "build_image",
]
