"""Each way in which a Tasmota device can fail us ends in one clear sentence."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from pydantic import TypeAdapter
from rig_tasmota import tasmota
from rigs import Outlets, http_device

from harness.errors import BenchFault, UsageFault
from harness.lab import PowerSpec
from harness.power import OutletState, SwitchedOutlets, open_power
from harness.timeline import Timeline

Connect = Callable[..., SwitchedOutlets]
Answer = Callable[[Outlets, str], tuple[int, str]]

OPEN = {"StatusFWR": '{"StatusFWR":{"Version":"14.2.0"}}'}


@pytest.fixture
def connect(timeline: Timeline, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    monkeypatch.setenv("PDU_USER", "admin")
    monkeypatch.setenv("PDU_PASSWORD", "joker")
    with ExitStack() as stack:

        def make(answer: Answer, outlets: int = 4, **entry: Any) -> SwitchedOutlets:
            host, port, _ = stack.enter_context(http_device(answer, Outlets()))
            given = {
                "driver": "tasmota",
                "address": f"http://{host}:{port}",
                "outlets": outlets,
                "timeout_s": 0.5,
                "confirm_s": 0.4,
                "credentials": {"user": "PDU_USER", "password": "PDU_PASSWORD"},
            }
            spec: PowerSpec = TypeAdapter(PowerSpec).validate_python(given | entry)
            power = open_power(spec, "pdu-1", timeline.observer("pdu-1"))
            stack.callback(power.close)
            return power

        yield make


def answering(**answers: str) -> Answer:
    def answer(_: Outlets, path: str) -> tuple[int, str]:
        command = path.rpartition("cmnd=")[2].replace("%20", "_")
        return 200, {"Status_2": OPEN["StatusFWR"], **answers}.get(command, "{}")

    return answer


def test_a_wrong_password_is_the_users_to_mend_and_not_told(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PDU_PASSWORD", "wr0ngpass")
    with pytest.raises(UsageFault, match="does not let us in") as caught:
        connect(tasmota)
    assert "wr0ngpass" not in str(caught.value)


def test_an_old_one_says_so_with_200(connect: Connect) -> None:
    with pytest.raises(UsageFault, match="does not let us in"):
        connect(answering(Status_2='{"WARNING":"Need user=<username>&password=<password>"}'))


@pytest.mark.parametrize("text", ["<html>router</html>", "[]", "{}", '{"StatusFWR":1}', "\xff"])
def test_another_device_there(connect: Connect, text: str) -> None:
    with pytest.raises(BenchFault, match="it answers Status 2 with"):
        connect(answering(Status_2=text))


@pytest.mark.parametrize("address", ["192.0.2.1", "ftp://192.0.2.1", "http://"])
def test_address_that_is_none(connect: Connect, address: str) -> None:
    with pytest.raises(UsageFault, match="is no address of a Tasmota device"):
        connect(tasmota, address=address)


def test_a_relay_it_does_not_have(connect: Connect) -> None:
    power = connect(tasmota, outlets=6)
    with pytest.raises(BenchFault, match="it answers Power6 with"):
        power.state("6")


@pytest.mark.parametrize(
    ("power1", "state"), [('{"POWER":"ON"}', "on"), ('{"POWER1":"OFF"}', "off")]
)
def test_one_relay_is_numbered_or_not(connect: Connect, power1: str, state: str) -> None:
    assert connect(answering(Power1=power1), outlets=1).state("1") == state


@pytest.mark.parametrize(
    ("current", "outlets", "amperes"),
    [("0.123", 1, 0.123), ("0.123", 2, None), ("[0.1,0.2]", 2, 0.1), ("0", 1, 0.0)],
)
def test_one_meter_is_not_taken_for_that_of_each_relay(
    connect: Connect, current: str, outlets: int, amperes: float | None
) -> None:
    text = f'{{"StatusSNS":{{"ENERGY":{{"Current":{current}}}}}}}'
    assert connect(answering(Status_10=text), outlets=outlets).current("1") == amperes


def test_without_a_meter(connect: Connect) -> None:
    assert connect(answering(Status_10='{"StatusSNS":{}}')).current("1") is None


def test_a_current_that_is_none(connect: Connect) -> None:
    text = '{"StatusSNS":{"ENERGY":{"Current":"much"}}}'
    with pytest.raises(BenchFault, match="Current much"):
        connect(answering(Status_10=text), outlets=1).current("1")


@pytest.mark.parametrize("head", [b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.0 200 OK\r\nX-Slow: "])
def test_an_answer_that_never_ends_is_given_up_in_time(connect: Connect, head: bytes) -> None:
    power = connect(tasmota)
    with socket.create_server(("127.54.1.4", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with suppress(OSError), connection:
                connection.recv(4096)
                connection.sendall(head)
                while True:
                    connection.sendall(b" ")
                    time.sleep(0.05)

        threading.Thread(target=drip, daemon=True).start()
        host, port = server.getsockname()
        began = time.monotonic()
        with pytest.raises(BenchFault, match="does not end"):
            connect(tasmota, address=f"http://{host}:{port}")
        assert time.monotonic() - began < 2.0
    assert power.state("1") is OutletState.OFF


def test_the_proxy_of_the_environment_is_not_asked(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.54.1.5:9")
    connect(tasmota).set("1", on=True)
