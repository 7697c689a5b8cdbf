"""What the phones are given and how they fetch it.

Templates become files, manifests become firmware sets, and the embedded TFTP and HTTP servers hand
both out while they write down who fetched what. What a phone then does with its files is judged
elsewhere.
"""

from harness.provisioning.firmware import FirmwareSet, load_manifest, make_up
from harness.provisioning.http import HttpServer
from harness.provisioning.provisioning import Fetched, Provisioning
from harness.provisioning.render import render_phone, render_site, render_tree
from harness.provisioning.tftp import TftpServer
from harness.provisioning.values import DEFAULTS, TemplateValue

__all__ = [
    "DEFAULTS",
    "Fetched",
    "FirmwareSet",
    "HttpServer",
    "Provisioning",
    "TemplateValue",
    "TftpServer",
    "load_manifest",
    "make_up",
    "render_phone",
    "render_site",
    "render_tree",
]
