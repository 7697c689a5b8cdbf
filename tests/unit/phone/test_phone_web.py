"""The web window's driver by exact transcript. Pages as public clients have recorded them."""

from __future__ import annotations

import base64
import io
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from http_peer import Exchange, HttpPeer, ok
from PIL import Image

from harness.errors import HarnessBug, Inconclusive, ProductFault
from harness.phone import PhoneWeb, WindowClosed
from harness.phone.windows import ExecuteItem, keep_evidence
from harness.phone.windows.execute import form_of, key_uri

TOKEN = base64.b64encode(b"harness:secret").decode()
# GLPI agent notes, "Specs for POIP": a 7940 with 8.1(2), with fewer elements.
DEVICE_7940 = b"""<?xml version="1.0" encoding="iso-8859-1"?>
<DeviceInformation>
   <MACAddress>0003E369A125</MACAddress>
   <HostName>SEP0003E369A125</HostName>
   <phoneDN>5920</phoneDN>
   <appLoadID>P00308010200</appLoadID>
   <versionID>8.1(2.0)</versionID>
   <C3PORevision>2</C3PORevision>
   <MessageWaiting> OUI</MessageWaiting>
</DeviceInformation>
"""
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
STATUS = "/CGI/Java/Serviceability?adapter=device.settings.status.messages"

Start = Callable[..., PhoneWeb]


@pytest.fixture
def start() -> Iterator[Start]:
    peers: list[HttpPeer] = []

    def begin(*script: Exchange, within: float = 5.0) -> PhoneWeb:
        peers.append(HttpPeer(script))
        return PhoneWeb(
            "desk", "127.0.0.1", "harness", "secret", within=within, port=peers[-1].port
        )

    yield begin
    for peer in peers:
        peer.close()


def asked(path: str, form: bytes | None = None) -> bytes:
    method = "GET" if form is None else "POST"
    kind = "" if form is None else "Content-Type: application/x-www-form-urlencoded\r\n"
    length = "" if form is None else f"Content-Length: {len(form)}\r\n"
    return (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n"
        f"Authorization: Basic {TOKEN}\r\n{kind}{length}Connection: close\r\n\r\n"
    ).encode() + (form or b"")


def bytewise(content: bytes) -> list[bytes]:
    return [content[i : i + 1] for i in range(len(content))]


def executed(*responses: str) -> bytes:
    return ok(f"<CiscoIPPhoneResponse>{''.join(responses)}</CiscoIPPhoneResponse>".encode())


@pytest.mark.parametrize("cut", [lambda answer: [answer], bytewise], ids=["whole", "bytewise"])
def test_device_information(start: Start, cut: Callable[[bytes], list[bytes]]) -> None:
    web = start(Exchange(asked("/DeviceInformationX"), cut(ok(DEVICE_7940))))
    device = web.device_information()
    assert (device.mac, device.directory_number) == ("0003E369A125", "5920")
    assert (device.load, device.app_load) == ("8.1(2.0)", "P00308010200")
    # What no type names is kept.
    assert device.get("c3porevision") == "2"


def test_a_page_that_is_elsewhere_is_found_there(start: Start) -> None:
    """A 7945G has its XML at adapterX."""
    web = start(
        Exchange(asked("/DeviceInformationX"), [NOT_FOUND]),
        Exchange(
            asked("/CGI/Java/Serviceability?adapterX=device.statistics.device"), [ok(DEVICE_7940)]
        ),
    )
    assert web.device_information().host_name == "SEP0003E369A125"


def test_a_page_that_is_nowhere_leaves_no_verdict(start: Start) -> None:
    web = start(
        Exchange(asked("/EthernetInformationX"), [NOT_FOUND]),
        Exchange(
            asked("/CGI/Java/Serviceability?adapterX=device.statistics.ethernet"), [NOT_FOUND]
        ),
    )
    with pytest.raises(Inconclusive, match="its load has no page"):
        web.ethernet_information()


def test_a_closed_window_says_so_in_one_sentence() -> None:
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    web = PhoneWeb("desk", "127.0.0.1", port=port)
    with pytest.raises(WindowClosed, match="its web window is closed") as closed:
        web.status_messages()
    assert "webAccess" in closed.value.hint


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-something\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n<DeviceInformation>",
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<<<<",
        ok(b"<CiscoIPPhoneError Number='4'/>"),
        b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["no-http", "cut-short", "nothing", "no-xml", "another-page", "500"],
)
def test_an_answer_that_is_none_is_the_phones_fault(start: Start, answer: bytes) -> None:
    web = start(Exchange(asked("/DeviceInformationX"), [answer]))
    with pytest.raises(ProductFault):
        web.device_information()


def test_the_deadline_is_for_the_whole_page(start: Start) -> None:
    """Neither a slow head nor a slow body may go on byte by byte."""
    answer = ok(DEVICE_7940)
    for pieces in (bytewise(answer), [answer[:120], *bytewise(answer[120:])]):
        web = start(Exchange(asked("/DeviceInformationX"), pieces, 0.02), within=0.3)
        began = time.monotonic()
        with pytest.raises(ProductFault, match=r"does not answer \S+ in time"):
            web.device_information()
        assert time.monotonic() - began < 1.5


def test_a_page_that_stops_short_is_no_page(start: Start) -> None:
    """Rows that did come must not pass for all there are."""
    page = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n<ul><li>No Trust List Installed</li>"
    web = start(Exchange(asked(STATUS), [page]))
    with pytest.raises(ProductFault, match="does not answer") as fault:
        web.status_messages()
    assert "more were announced" in fault.value.state


def test_a_page_without_end_is_refused(start: Start) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
    web = start(Exchange(asked(STATUS), [head, *[b"x" * 65536] * 80]))
    with pytest.raises(ProductFault, match="longer than"):
        web.status_messages()


def test_keys_go_three_to_a_request(start: Start) -> None:
    keys = ["Key:Soft1", "Key:KeyPad5", "Key:KeyPadPound", "Key:NavDwn"]
    items = [ExecuteItem(uri) for uri in keys]
    done = [f'<ResponseItem URL="{uri}" Data="Success" Status="0"/>' for uri in keys]
    web = start(
        Exchange(asked("/CGI/Execute", form_of(items[:3])), [executed(*done[:3])]),
        Exchange(asked("/CGI/Execute", form_of(items[3:])), [executed(done[3])]),
    )
    web.press("soft1", "5", "#", "navdown")


def test_the_form_on_the_wire() -> None:
    assert form_of([ExecuteItem("Dial:211", 2)]) == (
        b"XML=%3CCiscoIPPhoneExecute%3E%3CExecuteItem+URL%3D%22Dial%3A211%22+Priority%3D%222%22"
        b"%2F%3E%3C%2FCiscoIPPhoneExecute%3E"
    )
    assert key_uri("line2") == "Key:Line2"
    for items in ([], [ExecuteItem("Key:Info")] * 4, [ExecuteItem("Key:Info", 3)]):
        with pytest.raises(HarnessBug):
            form_of(items)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (ok(b'<CiscoIPPhoneError Number="4" />'), r"error 4 \(authentication refused\)"),
        (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", "error 4"),
        (executed('<ResponseItem URL="Dial:9" Data="URI not found" Status="6"/>'), "URI not found"),
        (executed(), "answered 0 of 1"),
        (ok(b"<html>"), "not XML"),
    ],
)
def test_a_refused_execute(start: Start, answer: bytes, says: str) -> None:
    web = start(Exchange(asked("/CGI/Execute", form_of([ExecuteItem("Dial:9")])), [answer]))
    with pytest.raises(ProductFault, match=says):
        web.dial("9")


def test_the_console_log_of_all_files_oldest_first(start: Start) -> None:
    web = start(
        Exchange(asked("/FS/cache/log"), [ok(b"3: NOT 10:00:03.000001 JVM: c\n", "text/plain")]),
        Exchange(asked("/FS/cache/log1"), [ok(b"|== Syslogd TNP==\n2: ERR 10:00:02.5 cmd: b\n")]),
        Exchange(asked("/FS/cache/log2"), [NOT_FOUND]),
    )
    assert [line.text for line in web.console_log()] == ["|== Syslogd TNP==", "b", "c"]


def test_a_screenshot_behind_a_redirect(start: Start) -> None:
    """The old phones answer the screenshot from another path (Cisco::IPPhone example)."""
    bmp = io.BytesIO()
    Image.new("L", (8, 4), 128).save(bmp, "BMP")
    moved = b"HTTP/1.1 302 Found\r\nLocation: /CGI/shot.bmp\r\nContent-Length: 0\r\n\r\n"
    web = start(
        Exchange(asked("/CGI/Screenshot"), [moved]),
        Exchange(asked("/CGI/shot.bmp"), [ok(bmp.getvalue(), "image/bmp")]),
    )
    with Image.open(io.BytesIO(web.screenshot())) as shown:
        assert (shown.format, shown.size) == ("PNG", (8, 4))


def test_credentials_never_leave_for_another_host(start: Start) -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.9/\r\nContent-Length: 0\r\n\r\n"
    web = start(Exchange(asked("/CGI/Screenshot"), [moved]))
    with pytest.raises(ProductFault, match="answers 302"):
        web.screenshot()


def test_no_active_stream_names_what_there_is(start: Start) -> None:
    idle = b"<StreamingStatistics><StreamStatus>Not Ready</StreamStatus></StreamingStatistics>"
    web = start(
        *(Exchange(asked(f"/StreamingStatisticsX?{n}"), [ok(idle)]) for n in range(1, 6)),
    )
    with pytest.raises(ProductFault, match="no stream is active") as fault:
        web.active_stream()
    assert fault.value.state.startswith("1: Not Ready")


def test_evidence_hides_secrets_and_says_what_is_missing(start: Start, tmp_path: Path) -> None:
    page = b"<DIV ALIGN=center><TABLE><TR><TD><B>10:24:30a pin hunter22</B></TD></TR></TABLE></DIV>"
    web = start(
        Exchange(asked(STATUS), [ok(page, "text/html")]),
        Exchange(asked("/FS/cache/log"), [ok(b"1: NOT 10:00:00.1 JVM: hunter22\n")]),
        Exchange(asked("/FS/cache/log1"), [NOT_FOUND]),
        Exchange(asked("/CGI/Screenshot"), [ok(b'<CiscoIPPhoneError Number="4" />')]),
    )
    assert keep_evidence(web, tmp_path / "desk", ["hunter22"]) == "pin [hidden]"
    kept = {file.name: file.read_text() for file in (tmp_path / "desk").iterdir()}
    assert set(kept) == {"status.txt", "console.txt", "missing.txt"}
    assert "hunter22" not in "".join(kept.values())
    assert "authentication refused" in kept["missing.txt"]


def test_evidence_of_a_closed_window_is_one_sentence(tmp_path: Path) -> None:
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    text = keep_evidence(PhoneWeb("desk", "127.0.0.1", port=port), tmp_path / "desk", [])
    assert text.startswith("its web window is closed")
    assert "\n" not in text
    assert not (tmp_path / "desk").exists()
