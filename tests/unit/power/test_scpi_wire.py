"""Whatever bytes an SCPI device sends, and in whatever pieces: the truth or a bench fault."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import BenchFault
from harness.power import OutletState
from harness.power.drivers.scpi import ScpiOutlets
from harness.timeline import Timeline

#: Only these whole lines may ever be taken for a state.
STATES = {
    b"1": OutletState.ON,
    b"ON": OutletState.ON,
    b"0": OutletState.OFF,
    b"OFF": OutletState.OFF,
    b"UNKNOWN": OutletState.UNKNOWN,
}
IDN = b"Maker,PDU,1,1.0\n"


class Wire:
    """A device that answers *IDN? well and everything else with the given chunks."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self._server = socket.create_server(("127.54.1.3", 0))
        host, port = self._server.getsockname()
        self.address = f"TCPIP0::{host}::{port}::SOCKET"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as lines:
            for line in lines:
                if line == b"*IDN?\n":
                    connection.sendall(IDN)
                    continue
                for chunk in self.chunks:
                    connection.sendall(chunk)

    def close(self) -> None:
        self._server.close()


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.close()


def connect(wire: Wire, timeout_s: float) -> ScpiOutlets:
    return ScpiOutlets(wire.address, "pdu-1", Timeline().observer("pdu-1"), timeout_s=timeout_s)


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    at = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(at)]


QUIET = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@QUIET
@given(
    on=st.booleans(),
    word=st.booleans(),
    space=st.sampled_from(["", " ", "\t", "\r"]),
    cuts=st.lists(st.integers(0, 20), max_size=5),
)
def test_an_answer_in_any_pieces_is_understood(
    wire: Wire, on: bool, word: bool, space: str, cuts: list[int]
) -> None:
    told = ("on" if on else "Off") if word else str(int(on))
    wire.chunks = pieces_of(f"{space}{told}{space}\n".encode(), cuts)
    device = connect(wire, 1.0)
    try:
        assert device.read("1") is (OutletState.ON if on else OutletState.OFF)
    finally:
        device.close()


@QUIET
@given(
    # A device that never ends its line costs two timeouts: few of those.
    data=st.binary(max_size=24).flatmap(
        lambda data: st.sampled_from([data + b"\n"] * 7 + [b"1\n" + data, data])
    ),
    cuts=st.lists(st.integers(0, 24), max_size=3),
)
def test_garbage_is_a_bench_fault_and_never_a_state(
    wire: Wire, data: bytes, cuts: list[int]
) -> None:
    first = data.partition(b"\n")[0] if b"\n" in data else None
    wire.chunks = pieces_of(data, cuts)
    device = connect(wire, 0.25)
    try:
        if first is not None and first.strip().upper() in STATES:
            assert device.read("1") is STATES[first.strip().upper()]
        else:
            with pytest.raises(BenchFault) as caught:
                device.read("1")
            assert caught.value.device == "pdu-1"
            assert caught.value.expected
    finally:
        device.close()


@QUIET
@given(
    amperes=st.floats(0, 100, allow_nan=False),
    style=st.sampled_from(["{:.3f}", "{:+.6E}", "{:e}", " {:g}"]),
    cuts=st.lists(st.integers(0, 20), max_size=4),
)
def test_amperes_in_any_notation_and_pieces(
    wire: Wire, amperes: float, style: str, cuts: list[int]
) -> None:
    text = style.format(amperes)
    wire.chunks = pieces_of(f"{text}\n".encode(), cuts)
    device = connect(wire, 1.0)
    try:
        assert device.amperes("1") == float(text)
    finally:
        device.close()


def test_two_answers_glued_together_do_not_answer_the_next_question(wire: Wire) -> None:
    """A device that says more than it was asked is read from a clean line the next time."""
    wire.chunks = [b"1\n0\n"]
    device = connect(wire, 0.2)
    try:
        states = [device.read("1") for _ in range(4)]
    finally:
        device.close()
    assert states == [OutletState.ON] * 4
