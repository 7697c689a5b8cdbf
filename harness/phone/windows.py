"""The phone's own web windows: what a 79x2 answers on port 80 when webAccess is open.

Source: Cisco Unified IP Phone Services Application Development Notes 9.1(1), "Internal URI
Features" and "Component APIs": a CiscoIPPhoneExecute object posted to /CGI/Execute, Basic
authentication, at most three items.
"""

from __future__ import annotations

import base64
import html
import re
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET
from xml.sax.saxutils import quoteattr

from harness.errors import BenchFault, ProductFault

__all__ = ["PhoneWeb"]

_ERRORS = {"1": "bad Execute XML", "2": "cannot frame the response", "4": "authentication refused"}


class PhoneWeb:
    """Talk to one phone's web server.

    Args:
        name: the phone's name in lab.yaml.
        address: its IP address.
        user: user name the authentication responder accepts.
        password: its password.
    """

    def __init__(self, name: str, address: str, user: str, password: str) -> None:
        self._name = name
        self._address = address
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}"}
        # A lab phone is never behind the proxy of the machine's environment.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def send_digits(self, digits: str) -> None:
        """Send DTMF in the active call, also A to D, which the phone has no keys for."""
        self.execute(f"SendDigits:{digits}:0::")

    def execute(self, uri: str) -> None:
        """Post one internal URI (``Key:...``, ``Dial:...``, ``SendDigits:...``).

        Raises:
            ProductFault: the phone answered with an error.
            BenchFault: its web server cannot be reached.
        """
        item = f"<ExecuteItem URL={quoteattr(uri)} Priority='0'/>"
        form = {"XML": f"<CiscoIPPhoneExecute>{item}</CiscoIPPhoneExecute>"}
        answer = self._fetch("/CGI/Execute", urllib.parse.urlencode(form).encode())
        try:
            root = ET.fromstring(answer)
        except ET.ParseError as error:
            raise ProductFault(
                f"its answer to {uri!r} is not XML: {error}", device=self._name
            ) from error
        if root.tag == "CiscoIPPhoneError":
            number = root.get("Number", "?")
            raise ProductFault(
                f"it refused {uri!r}: error {number} ({_ERRORS.get(number, 'unknown')})",
                device=self._name,
                hint="error 4: authenticationURL must answer exactly AUTHORIZED",
            )
        for response in root.iter("ResponseItem"):
            if response.get("Status") != "0":
                raise ProductFault(
                    f"it did not carry out {uri!r}: {response.get('Data')}", device=self._name
                )

    def status_messages(self) -> str:
        """Return the status log page, the best account a phone gives of its own boot."""
        return self._fetch(
            "/CGI/Java/Serviceability?adapter=device.settings.status.messages", None
        ).decode("utf-8", "replace")

    def status_lines(self) -> list[str]:
        """Return the status messages, oldest first.

        Raises:
            BenchFault: the web server cannot be reached.
        """
        return [
            html.unescape(line) for line in re.findall(r"<li>(.*?)</li>", self.status_messages())
        ]

    def _fetch(self, path: str, body: bytes | None) -> bytes:
        request = urllib.request.Request(
            f"http://{self._address}{path}", data=body, headers=self._headers
        )
        try:
            with self._opener.open(request, timeout=5.0) as response:
                content: bytes = response.read()
                return content
        except urllib.error.HTTPError as error:
            with error:
                return error.read()
        except (urllib.error.URLError, OSError) as error:
            raise BenchFault(
                f"its web server at http://{self._address} does not answer: {error}",
                device=self._name,
                expected="port 80 open (webAccess 0 means on)",
                hint="check webAccess in the SEP file as served",
            ) from error
