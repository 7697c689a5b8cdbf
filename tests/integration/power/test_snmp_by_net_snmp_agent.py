"""The SNMP driver against net-snmp's own agent, which shares no line with pysnmp."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import BenchFault, UsageFault
from harness.events import OutletSwitched
from harness.lab import SnmpPowerSpec
from harness.power import OutletState, SwitchedOutlets, open_power
from harness.timeline import Timeline

pytestmark = pytest.mark.integration

#: An agent with the state of four Raritan PX outlets and their draw, which may be written.
CONFIGURATION = """
agentaddress udp:{address}
rwcommunity s3cret-rw
rocommunity s3cret-ro
createUser bench SHA "authauthauth" AES "privprivpriv"
rwuser bench authPriv
override 1.3.6.1.2.1.1.1.0 octet_str "net-snmp PDU"
{rows}
"""
ROW = "override -rw 1.3.6.1.4.1.13742.4.1.2.2.1.3.{n} integer 0"


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("snmpd")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.54.6.1", 0))
        address = f"127.54.6.1:{probe.getsockname()[1]}"
    rows = "\n".join(ROW.format(n=n) for n in range(1, 5))
    file = folder / "snmpd.conf"
    file.write_text(CONFIGURATION.format(address=address, rows=rows))
    program = shutil.which("snmpd", path="/usr/sbin:/usr/bin:/sbin")
    assert program is not None, "no snmpd: make install brings it"
    log = folder / "log"
    process = subprocess.Popen(
        [program, "-f", "-C", "-c", str(file), "-Lf", str(log), "-p", str(folder / "pid")],
        env={"SNMP_PERSISTENT_DIR": str(folder), "PATH": "/usr/sbin:/usr/bin"},
    )
    deadline = time.monotonic() + 10.0
    while "NET-SNMP version" not in (log.read_text() if log.exists() else ""):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    yield address
    process.terminate()
    process.wait(5.0)


@pytest.fixture
def timeline() -> Timeline:
    return Timeline()


def connect(agent: str, timeline: Timeline, version: str, file: Path) -> SwitchedOutlets:
    spec = SnmpPowerSpec.model_validate(
        {
            "driver": "snmp",
            "mib": "raritan-px1",
            "version": version,
            "address": agent,
            "credentials": {"file": str(file)},
            "outlets": 4,
            "timeout_s": 1.0,
            "confirm_s": 1.0,
        }
    )
    return open_power(spec, "pdu-1", timeline.observer("pdu-1"), named=["1", "2"])


def credentials(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "pdu-1.secret"
    file.touch(0o600)
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("version", "secrets", "outlet"),
    [
        ("v2c", "community: s3cret-rw\n", "1"),
        ("v3", "user: bench\nauth_key: authauthauth\npriv_key: privprivpriv\n", "2"),
    ],
)
def test_switches_and_reads_back(
    agent: str, timeline: Timeline, tmp_path: Path, version: str, secrets: str, outlet: str
) -> None:
    power = connect(agent, timeline, version, credentials(tmp_path, secrets))
    assert "net-snmp PDU" in power.identity
    for on in (True, False, True):
        power.set(outlet, on=on)
        assert power.state(outlet) is (OutletState.ON if on else OutletState.OFF)
    assert power.state("3") is OutletState.OFF
    with pytest.raises(UsageFault, match=r"not named in lab\.yaml"):
        power.set("3", on=True)
    assert len(timeline.events(OutletSwitched)) == 3
    power.close()


def test_a_community_that_may_only_read(agent: str, timeline: Timeline, tmp_path: Path) -> None:
    power = connect(agent, timeline, "v2c", credentials(tmp_path, "community: s3cret-ro\n"))
    with pytest.raises(
        BenchFault, match="refuses when told to switch outlet 1: noAccess"
    ) as caught:
        power.set("1", on=False)
    assert "write" in caught.value.hint
    assert "s3cret" not in str(caught.value)
    power.close()


@pytest.mark.parametrize(
    "secrets",
    [
        "user: stranger\nauth_key: authauthauth\npriv_key: privprivpriv\n",
        "user: bench\nauth_key: wrongwrong\npriv_key: privprivpriv\n",
        "user: bench\nauth_key: authauthauth\npriv_key: wrongwrong\n",
    ],
    ids=["user", "auth_key", "priv_key"],
)
def test_wrong_v3_credentials(agent: str, timeline: Timeline, tmp_path: Path, secrets: str) -> None:
    with pytest.raises((UsageFault, BenchFault)) as caught:
        connect(agent, timeline, "v3", credentials(tmp_path, secrets))
    assert "user and keys" in caught.value.hint or "user, keys" in caught.value.hint
    assert "wrongwrong" not in str(caught.value)
