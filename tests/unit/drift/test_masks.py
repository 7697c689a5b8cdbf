"""What must differ is masked whole; the form around it stays."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.drift.masks import Masks

MASKS = Masks.of("0024C4ABCDEF", {"192.0.2.42"}, {"192.0.2.2"}, {"201"})


@pytest.mark.parametrize(
    ("name", "value", "masked"),
    [
        ("From", '"Desk 201" <sip:201@192.0.2.2>;tag=0024c4abcdef64671c0ec86b-5fdba1a4',
         '"<name>" <sip:<user>@<pbx>>;tag=<MAC><hex>-<hex>'),
        ("From", "<sip:201@192.0.2.2>;tag=5fdba1a4", "<sip:<user>@<pbx>>;tag=<tag>"),
        ("Via", "SIP/2.0/UDP 192.0.2.42:5060;branch=z9hG4bK4982a7ef",
         "SIP/2.0/UDP <phone>:5060;branch=z9hG4bK<branch>"),
        ("Via", "SIP/2.0/UDP 192.0.2.42:50171;branch=4982a7ef",
         "SIP/2.0/UDP <phone>:<port>;branch=<branch>"),
        ("Call-ID", "0024c4ab-cdefd8e0-5a0d31a6-df4bb2c6@192.0.2.42",
         "<MAC><hex>-<hex>-<hex>@<phone>"),
        ("Call-ID", "1c2d@192.0.2.42", "<call-id>"),
        ("CSeq", "101 REGISTER", "<number> REGISTER"),
        ("Expires", "3600", "3600"),
        ("Refer-To",
         "<sip:212@192.0.2.2?Replaces=a-b%40192.0.2.2%3Bto-tag%3D77%3Bfrom-tag%3D0024c4abcdef1>",
         "<sip:<other>@<pbx>?Replaces=<call-id>;to-tag=<tag>;from-tag=<tag>>"),
        ("Authorization", 'Digest username="201",nonce="ab/+",response="1",algorithm=MD5',
         'Digest username="...",nonce="...",response="...",algorithm=MD5'),
    ],
)  # fmt: skip
def test_a_header(name: str, value: str, masked: str) -> None:
    assert MASKS.header(name, value) == masked


def test_another_form_stays_another_form() -> None:
    by_mac = MASKS.header("Call-ID", "0024c4ab-cdefd8e0-5a0d31a6-df4bb2c6@192.0.2.42")
    without = MASKS.header("Call-ID", "5a0d31a6-df4bb2c6@192.0.2.42")
    assert by_mac != without


_HEX = st.text("0123456789abcdef", min_size=12, max_size=12)
_OCTETS = st.tuples(*[st.integers(1, 254)] * 4).map(lambda four: ".".join(map(str, four)))


@given(_HEX, _OCTETS, st.integers(16384, 65535), _HEX)
def test_two_phones_of_the_same_form_are_alike(
    mac: str, address: str, port: int, random: str
) -> None:
    masks = Masks.of(mac.upper(), {address}, (), {"201"})
    value = f"<sip:201@{address}:{port}>;tag={mac}{random}-{random[:8]}"
    other = Masks.of("0024C4ABCDEF", {"192.0.2.42"}, (), {"345"})
    same = "<sip:345@192.0.2.42:50999>;tag=0024c4abcdef0123456789ab-01234567"
    assert masks.header("From", value) == other.header("From", same)


@given(st.text(), st.sampled_from(["From", "Via", "Call-ID", "Refer-To", "Authorization", "X"]))
def test_anything_can_be_masked_and_no_address_is_left(text: str, name: str) -> None:
    masked = MASKS.header(name, f"{text} 192.0.2.42 {text}")
    assert "192.0.2.42" not in masked or re.search(r"[\d.]192\.0\.2\.42|192\.0\.2\.42[\d.]", masked)
