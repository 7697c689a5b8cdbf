from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessBug
from harness.softphone import messages
from harness.softphone.messages import (
    Answered,
    CallReported,
    DigitReported,
    MediaStatistics,
    PeerSpec,
    SendDtmf,
    SetCodecs,
    decode,
    encode,
)

STATISTICS = MediaStatistics("PCMA", 8, 8, 50, 49, 1, 0.25)


@given(st.text(), st.text(), st.integers(0, 699))
def test_whatever_a_peer_says_is_one_line_and_comes_back(
    reason: str, remote: str, code: int
) -> None:
    said = CallReported(1, "ended", code, reason, remote, "abc@host", STATISTICS)
    line = encode(said)
    assert line.count(b"\n") == 1
    assert decode(line) == said


@pytest.mark.parametrize(
    "said",
    [
        SetCodecs(("PCMA", "G722"), id=3),
        SendDtmf(2, "1#", 160, 90, id=4),
        Answered(4, fault="no"),
        Answered(5, statistics=STATISTICS),
        DigitReported(1, "A", 100),
    ],
    ids=lambda said: type(said).__name__,
)
def test_messages_come_back_as_they_were(said: messages.Message) -> None:
    assert decode(encode(said)) == said


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"pjlib says hello\n",
        b"[]\n",
        b'"Ready"\n',
        b'{"kind": "Nonsense"}\n',
        b'{"kind": "Ready", "local": "x"}\n',
        b'{"kind": "Ready", "local": "x", "version": "2", "more": 1}\n',
        b'{"local": "x", "version": "2"}\n',
        b'{"kind": "Ready", "local": "x", "vers',
    ],
)
def test_anything_else_on_the_pipe_is_our_mistake(line: bytes) -> None:
    with pytest.raises(HarnessBug, match="not a message"):
        decode(line)


def test_a_spec_does_not_show_its_password() -> None:
    spec = PeerSpec("alice", "211", 440, "127.0.0.1", "s3cret", "", 14000, "/nowhere")
    assert "s3cret" not in repr(spec)
