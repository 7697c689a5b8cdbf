"""The web server of a phone: its pages, its logs, its display, its keys.

A 79x2 answers on port 80 when webAccess is open. Pages and logs ask for no credentials; Execute
and Screenshot ask the authentication URL, which the harness' own responder answers.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import TypeVar

from harness.errors import Inconclusive, ProductFault
from harness.phone.windows.execute import (
    MOST_ITEMS,
    ExecuteItem,
    ExecuteResponse,
    error_of,
    form_of,
    key_uri,
    parse_responses,
)
from harness.phone.windows.fetch import Answer, Fetcher
from harness.phone.windows.logs import LogLine, StatusMessage, parse_console_log, parse_status
from harness.phone.windows.pages import (
    DeviceInformation,
    EthernetInformation,
    NetworkConfiguration,
    Page,
    PortInformation,
    StreamingStatistics,
)
from harness.phone.windows.screenshot import picture_as_png, refusal

__all__ = ["PhoneWeb"]

P = TypeVar("P", bound=Page)
_SERVICEABILITY = "/CGI/Java/Serviceability?adapter"
_STREAMS = range(1, 6)
#: The newest first; how many there are differs.
_LOG_FILES = ("log", "log1", "log2", "log3")


class PhoneWeb:
    """Talk to one phone's web server.

    Every method raises WindowClosed when nobody listens on the port, and ProductFault when the
    phone answers something that is not what was asked for.

    Args:
        name: the phone's name in lab.yaml.
        address: its IP address.
        user: user name the authentication responder accepts.
        password: its password.
        within: seconds for one page.
        port: TCP port of the web server.
    """

    def __init__(
        self,
        name: str,
        address: str,
        user: str = "",
        password: str = "",
        *,
        within: float = 5.0,
        port: int = 80,
    ) -> None:
        self._name = name
        self._fetcher = Fetcher(name, address, user, password, within, port)

    # Pages

    def device_information(self) -> DeviceInformation:
        """Model, MAC, load: what the phone says it is."""
        return self._page(DeviceInformation, "/DeviceInformationX", "device.statistics.device")

    def network_configuration(self) -> NetworkConfiguration:
        """The addresses it uses, also the TFTP server in force."""
        return self._page(
            NetworkConfiguration, "/NetworkConfigurationX", "device.statistics.configuration"
        )

    def ethernet_information(self) -> EthernetInformation:
        """Its frame counters."""
        return self._page(
            EthernetInformation, "/EthernetInformationX", "device.statistics.ethernet"
        )

    def port_information(self, port: int = 1) -> PortInformation:
        """One of its ports: 1 is the network's, 2 the PC's."""
        adapter = "device.statistics.port.network" if port == 1 else "device.statistics.port.access"
        return self._page(PortInformation, f"/PortInformationX?{port}", adapter)

    def streaming_statistics(self, stream: int = 1) -> StreamingStatistics:
        """One of its five streams, counted from 1."""
        return self._page(
            StreamingStatistics,
            f"/StreamingStatisticsX?{stream}",
            f"device.statistics.streaming.{stream - 1}",
        )

    def active_stream(self) -> StreamingStatistics:
        """Return the stream that is up now.

        Raises:
            ProductFault: none of the five is.
        """
        seen = []
        for number in _STREAMS:
            stream = self.streaming_statistics(number)
            if stream.active:
                return stream
            seen.append(f"{number}: {stream.get('StreamStatus') or 'no status'}")
        raise ProductFault(
            "it says that no stream is active",
            device=self._name,
            state="; ".join(seen),
            expected="a stream with StreamStatus Active during a call",
        )

    # Logs

    def status_messages(self) -> list[StatusMessage]:
        """Return the status messages, the best account a phone gives of its own boot."""
        answer = self._fetcher.get(f"{_SERVICEABILITY}=device.settings.status.messages")
        return parse_status(self._whole(answer, "status messages"))

    def status_lines(self) -> list[str]:
        """Return the texts of the status messages, without their times."""
        return [message.text for message in self.status_messages()]

    def console_log(self) -> list[LogLine]:
        """Return the console log, oldest line first, of all the files the phone keeps."""
        files: list[bytes] = []
        for file in _LOG_FILES:
            answer = self._fetcher.get(f"/FS/cache/{file}")
            if answer.status == 404 and files:
                break
            files.append(self._whole(answer, f"/FS/cache/{file}"))
        return [line for content in reversed(files) for line in parse_console_log(content)]

    # Display

    def screenshot(self) -> bytes:
        """Return its display as PNG.

        Raises:
            ProductFault: it refuses the credentials, or sends no picture.
        """
        answer = self._fetcher.get("/CGI/Screenshot")
        number = "4" if answer.status == 401 else refusal(answer.body)
        if number:
            raise error_of(number, self._name, "/CGI/Screenshot")
        return picture_as_png(self._whole(answer, "/CGI/Screenshot"), self._name)

    # Keys

    def press(self, *keys: str) -> None:
        """Press keys by the robot's names for them (``5``, ``#``, ``soft1``, ``line2``)."""
        self.execute_all([ExecuteItem(key_uri(key)) for key in keys])

    def dial(self, number: str) -> None:
        """Call a number from line 1."""
        self.execute(f"Dial:{number}")

    def send_digits(self, digits: str) -> None:
        """Send DTMF in the active call, also A to D, which the phone has no keys for."""
        self.execute(f"SendDigits:{digits}:0::")

    def execute(self, uri: str, priority: int = 0) -> None:
        """Have the phone carry out one internal URI.

        Raises:
            ProductFault: the phone refused it.
        """
        self.execute_all([ExecuteItem(uri, priority)])

    def execute_all(self, items: Iterable[ExecuteItem]) -> list[ExecuteResponse]:
        """Have the phone carry out items in order, three to a request.

        Raises:
            ProductFault: the phone refused one, or answered fewer than it was given.
        """
        done: list[ExecuteResponse] = []
        for batch in _batches(items):
            asked = ", ".join(item.uri for item in batch)
            answer = self._fetcher.post("/CGI/Execute", form_of(batch))
            if answer.status == 401:
                raise error_of("4", self._name, asked)
            responses = parse_responses(self._whole(answer, asked), self._name, asked)
            for response in responses:
                if response.status != "0":
                    raise ProductFault(
                        f"it did not carry out {response.uri!r}: "
                        f"{response.data or f'status {response.status}'}",
                        device=self._name,
                    )
            if len(responses) < len(batch):
                raise ProductFault(
                    f"it answered {len(responses)} of {len(batch)} items: {asked}",
                    device=self._name,
                )
            done += responses
        return done

    def _page(self, kind: type[P], path: str, adapter: str) -> P:
        answer = self._fetcher.get(path)
        if answer.status == 404:
            # A 7945G was seen to have its XML there only (GLPI agent notes).
            answer = self._fetcher.get(f"{_SERVICEABILITY}X={adapter}")
        return kind.parse(self._whole(answer, path), self._name)

    def _whole(self, answer: Answer, asked: str) -> bytes:
        if answer.status == 404:
            raise Inconclusive(f"its load has no page for {asked}", device=self._name)
        if answer.status != 200:
            raise ProductFault(
                f"its web server answers {answer.status} for {asked}", device=self._name
            )
        return answer.body


def _batches(items: Iterable[ExecuteItem]) -> Iterable[list[ExecuteItem]]:
    left = iter(items)
    while batch := list(itertools.islice(left, MOST_ITEMS)):
        yield batch
