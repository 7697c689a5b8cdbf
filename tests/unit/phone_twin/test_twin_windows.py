"""The twin's web window through the driver that also talks to hardware: state in, state out."""

from __future__ import annotations

import asyncio
import io
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from harness.errors import ProductFault
from harness.phone import PhoneWeb
from harness.phone.windows import ExecuteItem
from harness.provisioning.http import HttpServer
from harness.timeline import Timeline
from harness.virtual.phone.config import LineConfig, PhoneConfig
from harness.virtual.phone.flash import Flash
from harness.virtual.phone.logs import Logs
from harness.virtual.phone.media.statistics import StreamStatistics
from harness.virtual.phone.menu import SettingsMenu
from harness.virtual.phone.spec import TwinSpec
from harness.virtual.phone.windows.handset import LineView, Picture, StreamView, Viewed
from harness.virtual.phone.windows.server import WebServer

ADDRESS = "127.57.1.42"
LINE = LineConfig(1, "201", "Desk & co", "201", "secret", "201", "USECALLMANAGER", "Desk")


class FakeHandset:
    """A telephone that remembers what was done to it."""

    def __init__(self) -> None:
        self.idle = True
        self.done: list[str] = []
        self.stream: list[StreamView] = []
        self.shown = Picture("desk", ("Connected 211",), ("Desk",), ("Hold", "EndCall"))

    def key(self, name: str, *, down: bool) -> None:
        if down:
            self.done.append(f"key {name}")

    async def send_digits(self, digits: str) -> bool:
        self.done.append(f"digits {digits}")
        return not self.idle

    def dial(self, number: str) -> None:
        self.done.append(f"dial {number}")

    def streams(self) -> list[StreamView]:
        return self.stream

    def line_views(self) -> list[LineView]:
        return []

    def picture(self) -> Picture:
        return self.shown


class Window:
    """A running web server with what is behind it, and the driver in front."""

    def __init__(self, tmp_path: Path, run: Callable[[Any], Any], **spec: object) -> None:
        self.responder = HttpServer(tmp_path, "127.57.1.1", 0, Timeline().observer("http"))
        self.responder.start()
        port = self.responder._server.server_address[1]  # type: ignore[union-attr]
        url = f"http://127.57.1.1:{port}/authenticate"
        self.handset = FakeHandset()
        self.flash = Flash(tmp_path / "flash.json", "SIP42.9-3-1SR4-1S")
        self.logs = Logs()
        config = PhoneConfig((("127.57.1.2", 5060),), lines=(LINE,), authentication_url=url)
        twin = TwinSpec.model_validate(
            {
                "name": "desk", "outlet": "pdu-1/1", "keypad": "k", "model": "7942G",
                "mac": "0024C4ABCDEF", "address": ADDRESS, "load": "x",
                "lease": {"tftp": ["127.57.1.1"]}, "flash": tmp_path / "flash.json", **spec,
            }
        )  # fmt: skip
        self._run = run
        self.server = WebServer(Viewed(self.handset, twin, config, self.flash, self.logs), port=0)
        run(self.server.start())

    def web(self, user: str | None = None) -> PhoneWeb:
        http = self.responder
        return PhoneWeb("desk", ADDRESS, user or http.user, http.password, port=self.server.port)

    def close(self) -> None:
        self._run(self.server.stop())
        self.responder.stop()


@pytest.fixture
def open_window(tmp_path: Path) -> Iterator[Callable[..., Window]]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    windows: list[Window] = []

    def run(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(5.0)

    def begin(**spec: object) -> Window:
        windows.append(Window(tmp_path, run, **spec))
        return windows[-1]

    yield begin
    for window in windows:
        window.close()

    async def settle() -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    run(settle())
    loop.call_soon_threadsafe(loop.stop)
    thread.join(2.0)
    loop.close()


def test_device_information_is_what_is_in_flash(open_window: Callable[..., Window]) -> None:
    window = open_window()
    window.flash.components = ["jar42sip.9-3-1ES26.sbn", "cnu42.9-3-1ES26.sbn"]
    device = window.web().device_information()
    assert (device.load, device.app_load) == ("SIP42.9-3-1SR4-1S", "jar42sip.9-3-1ES26")
    assert (device.mac, device.model, device.directory_number) == (
        "0024C4ABCDEF", "CP-7942G", "201",
    )  # fmt: skip
    window.flash.wipe()
    assert window.web().device_information().load is None


def test_network_page_shows_the_tftp_server_in_force(open_window: Callable[..., Window]) -> None:
    window = open_window()
    assert window.web().network_configuration().tftp_server == "127.57.1.1"
    window.flash.alternate_tftp = "127.57.1.9"
    network = window.web().network_configuration()
    assert (network.tftp_server, network.get("AltTFTP")) == ("127.57.1.9", "Yes")
    assert network.call_managers == ["127.57.1.2"]


def rtp(number: int, payload_type: int = 0, size: int = 160) -> bytes:
    return struct.pack("!BBHII", 0x80, payload_type, number & 0xFFFF, number * 160, 7) + b"x" * size


def test_streaming_statistics_are_the_sessions_counters(
    open_window: Callable[..., Window],
) -> None:
    window = open_window()
    counted = StreamStatistics()
    for number in (65534, 65535, 65536, 65538):
        counted.took(rtp(number, 9))
    counted.took(rtp(65539, 101, 4))
    counted.gave(8, 160)
    window.handset.stream = [
        StreamView((ADDRESS, 16384), ("127.57.1.2", 10000), False, StreamStatistics()),
        StreamView((ADDRESS, 16386), ("127.57.1.2", 10002), True, counted),
    ]
    stream = window.web().active_stream()
    assert (stream.sender_payload_type, stream.receiver_payload_type) == (8, 9)
    assert (stream.sent, stream.received, stream.lost) == (1, 5, 1)
    assert stream.remote == "127.57.1.2:10002"
    window.handset.stream = []
    with pytest.raises(ProductFault, match="no stream is active"):
        window.web().active_stream()
    assert window.web().ethernet_information().frames_sent == 0
    assert window.web().port_information().speed == "100 Full"


def test_logs(open_window: Callable[..., Window]) -> None:
    window = open_window()
    window.logs.to_status("File Not Found : <a & b>-c.xml")
    for number in range(900):
        window.logs.to_console(f"line {number}")
    (message,) = window.web().status_messages()
    assert message.text == "File Not Found : <a & b>-c.xml"
    assert message.time[-1] in "ap"
    lines = [line for line in window.web().console_log() if line.sequence is not None]
    numbers = [line.sequence for line in lines]
    assert numbers == sorted(numbers) == list(range(1, 902))
    assert (lines[-1].text, lines[-1].level, lines[-1].task) == ("line 899", "NOT", "JVM")


def test_execute_presses_dials_and_sends(open_window: Callable[..., Window]) -> None:
    window = open_window()
    window.web().press("5", "*", "#", "soft1", "navdown", "settings")
    window.web().dial("211")
    keys = ["key 5", "key *", "key #", "key soft1", "key navdown", "key settings"]
    assert window.handset.done == [*keys, "dial 211"]
    with pytest.raises(ProductFault, match="No Active Call"):
        window.web().send_digits("A")
    window.handset.idle = False
    window.web().send_digits("12AB")
    assert window.handset.done[-1] == "digits 12AB"


def test_execute_priorities(open_window: Callable[..., Window]) -> None:
    window = open_window()
    window.handset.idle = False
    with pytest.raises(ProductFault, match="Phone not idle"):
        window.web().execute("Key:Line1", 2)
    window.web().execute_all([ExecuteItem("Key:Line2", 1), ExecuteItem("Key:Info", 0)])
    assert window.handset.done == ["key info"]
    window.handset.idle = True
    window.web().execute("Key:Services", 2)
    assert "key services" in window.handset.done


@pytest.mark.parametrize("action", ["dial", "screenshot"])
def test_strangers_are_kept_out(open_window: Callable[..., Window], action: str) -> None:
    window = open_window()
    web = window.web("stranger")
    with pytest.raises(ProductFault, match="authentication refused"):
        web.dial("211") if action == "dial" else web.screenshot()
    assert window.handset.done == []


@pytest.mark.parametrize("kind", ["bmp", "png", "cip"])
def test_screenshot_shows_the_display_in_each_format(
    open_window: Callable[..., Window], kind: str
) -> None:
    window = open_window(screenshot=kind)
    shots = [window.web().screenshot()]
    window.handset.shown = Picture("desk", ("From 999",), ("Desk",), ("Answer",))
    shots.append(window.web().screenshot())
    with Image.open(io.BytesIO(shots[0])) as before, Image.open(io.BytesIO(shots[1])) as after:
        assert before.size == after.size == (320, 222)
        # The two call lines differ, and so do the soft keys; the line labels do not.
        boxes = {"call": (0, 56, 200, 90), "keys": (0, 200, 320, 222), "label": (205, 20, 320, 50)}
        same = {
            name: before.convert("L").crop(box).tobytes() == after.convert("L").crop(box).tobytes()
            for name, box in boxes.items()
        }
    assert same == {"call": False, "keys": False, "label": True}


def test_unknown_pages_are_not_there(open_window: Callable[..., Window]) -> None:
    window = open_window()
    fetcher = window.web()._fetcher
    for path in ("/FS/cache/log7", "/StreamingStatisticsX?6", "/etc/passwd", "/CGI/Nothing"):
        assert fetcher.get(path).status == 404
    page = fetcher.get("/")
    assert b"Device information" in page.body
    assert b"SIP42.9&#x2D;3" in page.body


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_statistics_survive_any_packet(packets: list[bytes]) -> None:
    counted = StreamStatistics()
    for packet in packets:
        counted.took(packet)
    assert counted.received <= len(packets)
    assert counted.lost >= 0


def in_menu(keys: str, password: str = "") -> tuple[SettingsMenu, list[str]]:
    done: list[str] = []

    async def type_all() -> SettingsMenu:
        menu = SettingsMenu(
            lambda: done.append("restart"), lambda server: done.append(f"tftp {server}"), password
        )
        menu.open()
        for key in keys.split():
            menu.key(key)
        if menu._timer is not None:
            menu._timer.cancel()
        return menu

    return asyncio.run(type_all()), done


NETWORK = "2 3 2 soft1 3 3 soft1 1 9 2 * 0 * 2 * 9 soft1 soft3"


@pytest.mark.parametrize(
    ("keys", "password", "done"),
    [
        ("* * # *", "", []),
        ("* * # * *", "", ["restart"]),
        ("* * # * *", "1234", ["restart"]),
        (f"* * # {NETWORK}", "", ["tftp 192.0.2.9"]),
        (f"* * # 1 2 3 4 soft1 {NETWORK}", "1234", ["tftp 192.0.2.9"]),
        (f"* * # 1 2 3 5 soft1 {NETWORK}", "1234", []),
        (NETWORK, "", []),
        ("* * # 2 3 2 soft1 3 3 soft1 9 9 9 soft1 soft3", "", ["tftp "]),
    ],
)
def test_settings_menu(keys: str, password: str, done: list[str]) -> None:
    assert in_menu(keys, password)[1] == done


def test_the_padlock_is_on_the_display() -> None:
    assert in_menu("2")[0].lines()[0] == "Settings locked"
    assert in_menu("* * #")[0].lines()[0] == "Settings unlocked"
    locked = ["Settings locked", "Unlock password **"]
    assert in_menu("* * # 1 2", "1234")[0].lines() == locked
