"""DHCP as bytes: what is written is read back, and rubbish is refused, never a crash."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.virtual.phone.dhcp_message import DhcpError, Kind, Message, Option, addresses

ADDRESSES = st.integers(0, 2**32 - 1).map(IPv4Address)
# 52 tells the reader to look elsewhere, 0 and 255 are no options.
CODES = st.integers(1, 254).filter(lambda code: code != 52)
# From 256 bytes on an option is split (RFC 3396).
VALUES = st.binary(max_size=40) | st.binary(min_size=250, max_size=600)
MESSAGES = st.builds(
    Message,
    op=st.sampled_from([1, 2]),
    xid=st.integers(0, 2**32 - 1),
    mac=st.binary(min_size=6, max_size=6),
    options=st.dictionaries(CODES, VALUES, max_size=12),
    broadcast=st.booleans(),
    seconds=st.integers(0, 65535),
    ciaddr=ADDRESSES,
    yiaddr=ADDRESSES,
    siaddr=ADDRESSES,
    giaddr=ADDRESSES,
)


@given(MESSAGES)
def test_what_is_written_is_read_back(message: Message) -> None:
    assert Message.decode(message.encode()) == message


@given(st.binary(max_size=700))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        Message.decode(content)
    except DhcpError:
        return
    assert len(content) >= 240


@given(MESSAGES, st.integers(0, 400), st.binary(min_size=1, max_size=4))
def test_a_damaged_message_is_read_or_refused(message: Message, at: int, damage: bytes) -> None:
    content = bytearray(message.encode())
    content[at : at + len(damage)] = damage
    try:
        Message.decode(bytes(content))
    except DhcpError:
        return


def test_the_bytes_of_a_discover() -> None:
    message = Message(
        op=1,
        xid=0x01020304,
        mac=bytes.fromhex("0024C4ABCDEF"),
        options={Option.KIND: bytes((Kind.DISCOVER,)), Option.VENDOR_CLASS: b"x\0"},
        broadcast=True,
    )
    content = message.encode()
    # RFC 2131, figure 1: Ethernet, flags at 10, chaddr at 28, cookie at 236.
    assert content[:12] == bytes.fromhex("01010600 01020304 0000 8000")
    assert content[28:34] == bytes.fromhex("0024C4ABCDEF")
    assert content[236:248] == bytes.fromhex("63825363 350101 3c027800 ff")
    assert len(content) == 300


def test_options_in_the_fields_for_names_are_found() -> None:
    plain = Message(op=2, xid=1, mac=bytes(6), options={Option.KIND: b"\x05", 52: b"\x03"}).encode()
    # RFC 2132, 9.3: sname (44..107) and file (108..235) carry options, file first.
    full = bytearray(plain)
    full[108:111] = bytes((66, 1, 97)) + b""
    full[111] = 255
    full[44:50] = bytes((150, 4, 10, 42, 0, 1))
    full[50] = 255
    read = Message.decode(bytes(full))
    assert read.options == {53: b"\x05", 66: b"a", 150: bytes((10, 42, 0, 1))}


def test_an_option_over_the_end_is_refused() -> None:
    content = Message(op=2, xid=1, mac=bytes(6)).encode()[:240] + bytes((66, 20, 97))
    with pytest.raises(DhcpError, match="option 66 runs over the end"):
        Message.decode(content)


def test_addresses_in_an_option() -> None:
    assert addresses(bytes((10, 42, 0, 1, 10, 42, 0, 9, 7))) == (
        IPv4Address("10.42.0.1"),
        IPv4Address("10.42.0.9"),
    )
    assert addresses(b"") == ()
