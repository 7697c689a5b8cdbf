"""What the windows show, parsed: pages, logs, pictures; and bytes that are none of it."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from harness.errors import ProductFault
from harness.phone.windows import (
    DeviceInformation,
    NetworkConfiguration,
    StreamingStatistics,
    parse_console_log,
    parse_register,
    parse_status,
    picture_as_png,
)

# A phone client's notes on a 7975G with 9.4(2)SR3.
STREAM = b"""<?xml version="1.0" encoding="utf-8"?>
<StreamingStatistics>
  <RemoteAddr>192.168.125.100/16384</RemoteAddr>
  <LocalAddr>192.168.125.178/24576</LocalAddr>
  <StreamStatus>Active</StreamStatus>
  <SenderPackets>1500</SenderPackets>
  <SenderCodec>G.711 ulaw</SenderCodec>
  <RcvrPackets>1499</RcvrPackets>
  <RcvrCodec>G.722</RcvrCodec>
  <RcvrLostPackets>1</RcvrLostPackets>
</StreamingStatistics>
"""
# The frame of a CP-8845's page, as dumped in the Open Paging Server docs, with status rows.
STATUS = b"""<HTML><BODY><TABLE BORDER="1"><TR><TD>Status messages</TD></TR>
<TR><td VALIGN=top><TABLE><TR>
<TD><a href="/CGI/Java/Serviceability?adapter=device.statistics.device">Device</A></TD></TR>
</TABLE></TD>
<td VALIGN=top><DIV ALIGN=center>
<TABLE BORDER="0" CELLSPACING="10" CELLPADDING="0"><TR><TD><B>10:24:30a No Trust List Installed</B>
</TD></TR><TR><TD><B>File Not Found : dial&#x2D;plan.xml</B></TD></TR></TABLE></DIV></TD></TR>
</TABLE></BODY></HTML>"""
LOG = b"""|== Syslogd TNP==
2231: NOT 09:09:31.183458 TFTP: [19]:Requesting SEP001122334455.cnf.xml with size limit of 550001
2232: ERR 09:09:31.200000 JVM: lookupCTL: ** no CTL, assume TFTP NONSECURE
java.lang.NullPointerException
"""


def test_a_stream() -> None:
    stream = StreamingStatistics.parse(STREAM)
    assert stream.active
    assert (stream.sender_payload_type, stream.receiver_payload_type) == (0, 9)
    assert (stream.sent, stream.received, stream.lost) == (1500, 1499, 1)
    assert stream.remote == "192.168.125.100:16384"


@pytest.mark.parametrize(
    ("name", "payload_type"),
    [
        ("G.711u", 0),
        ("G711 mu-law", 0),
        ("g711alaw", 8),
        ("G.729A", 18),
        ("iLBC", None),
        ("", None),
    ],
)
def test_codecs_by_the_names_phones_use(name: str, payload_type: int | None) -> None:
    page = f"<StreamingStatistics><SenderCodec>{name}</SenderCodec></StreamingStatistics>"
    assert StreamingStatistics.parse(page.encode()).sender_payload_type == payload_type


def test_a_bare_ampersand_spoils_nothing() -> None:
    page = b"<DeviceInformation><phoneDN>a&b &amp; c</phoneDN></DeviceInformation>\0"
    assert DeviceInformation.parse(page).directory_number == "a&b & c"


def test_a_load_is_read_whatever_its_suffix() -> None:
    page = (
        b"<DeviceInformation><versionID>SIP42.9-3-1SR4-1S.loads</versionID><MACAddress>00:24:c4:"
        b"ab:cd:ef</MACAddress><AppLoadID>jar42sip.9-3-1ES26.sbn</AppLoadID></DeviceInformation>"
    )
    device = DeviceInformation.parse(page)
    assert (device.load, device.app_load) == ("SIP42.9-3-1SR4-1S", "jar42sip.9-3-1ES26")
    assert device.mac == "0024C4ABCDEF"


def test_what_is_missing_is_none() -> None:
    page = NetworkConfiguration.parse(b"<NetworkConfiguration/>")
    assert (page.address, page.tftp_server, page.call_managers) == (None, None, [])


@pytest.mark.parametrize(
    "page",
    [
        b"",
        b"<html><br></html>",
        b"<NetworkConfiguration/>",
        b"<!DOCTYPE d [<!ENTITY a 'x'>]><DeviceInformation>&a;</DeviceInformation>",
        b'<?xml version="1.0" encoding="klingon"?><DeviceInformation/>',
    ],
)
def test_another_page_is_refused(page: bytes) -> None:
    with pytest.raises(ProductFault):
        DeviceInformation.parse(page)


def test_status_messages_are_the_rows_of_the_main_cell() -> None:
    messages = parse_status(STATUS)
    assert [message.text for message in messages] == [
        "No Trust List Installed",
        "File Not Found : dial-plan.xml",
    ]
    assert [message.time for message in messages] == ["10:24:30a", ""]


def test_a_page_in_another_layout_gives_its_rows() -> None:
    assert [m.text for m in parse_status(b"<ul><li>one<li>two</ul>")] == ["one", "two"]


def test_console_log_lines() -> None:
    lines = parse_console_log(LOG)
    assert [line.sequence for line in lines] == [None, 2231, 2232, None]
    assert (lines[2].level, lines[2].task) == ("ERR", "JVM")
    assert lines[2].text == "lookupCTL: ** no CTL, assume TFTP NONSECURE"


def test_show_register() -> None:
    """Header and rows as SIPCC prints them."""
    text = (
        "\r\nLINE REGISTRATION TABLE\r\nProxy Registration: ENABLED, state: IDLE\r\n"
        "line  APR  state          timer       expires     proxy:port\r\n"
        "----  ---  -------------  ----------  ----------  ----------------------------\r\n"
        "1     111  REGISTERED     3600        3592        192.0.2.1:5060\r\n"
        "2     .1x  IDLE           0           0           undefined:0\r\n"
    )
    one, two = parse_register(text)
    assert (one.line, one.registered, one.expires, one.server) == (1, True, 3592, "192.0.2.1:5060")
    assert (two.authenticated, two.provisioned, two.registered) == (False, True, False)


def pixels(png: bytes) -> tuple[tuple[int, int], list[int]]:
    with Image.open(io.BytesIO(png)) as image:
        return image.size, list(image.convert("L").tobytes())


def test_a_cip_picture_has_its_first_pixel_in_the_low_bits() -> None:
    """ImageMagick coders/cip.c: 0x1b is 3, 2, 1, 0 from left to right."""
    cip = (
        b"<CiscoIPPhoneImage><Title>t</Title><LocationX>0</LocationX><Width>5</Width>"
        b"<Height>1</Height><Depth>2</Depth><Data>1b 03</Data></CiscoIPPhoneImage>"
    )
    assert pixels(picture_as_png(cip)) == ((5, 1), [0, 85, 170, 255, 0])


@pytest.mark.parametrize("kind", ["BMP", "PNG"])
@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P"])
def test_bitmaps_of_every_depth(kind: str, mode: str) -> None:
    out = io.BytesIO()
    Image.new("RGB", (7, 3), (255, 255, 255)).convert(mode).save(out, kind)
    size, grey = pixels(picture_as_png(out.getvalue()))
    assert size == (7, 3)
    assert set(grey) == {255}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>no</html>",
        b"<CiscoIPPhoneImage><Width>9</Width></CiscoIPPhoneImage>",
        b"<CiscoIPPhoneImage><Width>9000</Width><Height>9000</Height></CiscoIPPhoneImage>",
        b"<CiscoIPPhoneImage><Width>4</Width><Height>1</Height><Data>zz</Data></CiscoIPPhoneImage>",
        b"<CiscoIPPhoneImage><Width>4</Width><Height>1</Height><Data>1</Data></CiscoIPPhoneImage>",
    ],
)
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(ProductFault, match="screenshot cannot be read"):
        picture_as_png(content, "desk")


def _bmp() -> bytes:
    out = io.BytesIO()
    Image.new("P", (6, 6)).save(out, "BMP")
    return out.getvalue()


BMP = _bmp()


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, len(BMP) - 1), st.integers(0, 255)), max_size=12))
def test_a_damaged_bitmap_is_a_picture_or_a_fault(damage: list[tuple[int, int]]) -> None:
    spoilt = bytearray(BMP)
    for place, value in damage:
        spoilt[place] = value
    try:
        assert picture_as_png(bytes(spoilt)).startswith(b"\x89PNG")
    except ProductFault:
        return


@settings(max_examples=150)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=200).map(str.encode)))
def test_no_bytes_crash_the_parsers(content: bytes) -> None:
    for wrapped in (content, b"<DeviceInformation>" + content + b"</DeviceInformation>"):
        try:
            str(DeviceInformation.parse(wrapped))
        except ProductFault:
            continue
    parse_status(content)
    parse_console_log(content)
    parse_register(content.decode("latin-1"))
    try:
        picture_as_png(content)
    except ProductFault:
        return


@given(st.integers(0, 60))
def test_a_log_cut_anywhere_keeps_its_whole_lines(cut: int) -> None:
    whole = {line.sequence for line in parse_console_log(LOG)}
    assert {line.sequence for line in parse_console_log(LOG[:-cut] if cut else LOG)} <= whole
