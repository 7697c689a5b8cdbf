"""Which way to run containers is chosen, with scripted programs in place of real ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.errors import BenchFault
from harness.owners import owned_name
from harness.pbx import ContainerRuntime
from harness.pbx.runtime import _probe

IMAGE = "localhost/asterisk:22"
HAS_IMAGE = '*" image inspect "*) exit 0;;'
NO_IMAGE = '*" image inspect "*) exit 1;;'
RUNS = '*" run "*) echo "Asterisk 22.10.1";;'
NEEDS_RUNC = (
    '"--runtime runc run "*"nproc=4096:4096 "*) echo "Asterisk 22.10.1";;\n'
    '*" run "*) echo "Error: crun: cannot set limits" >&2; exit 126;;'
)
NO_DAEMON = '*) echo "Cannot connect to the Docker daemon" >&2; exit 1;;'


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Put programs that answer as told on an otherwise empty PATH; their calls go to a file."""
    monkeypatch.setenv("PATH", str(tmp_path))
    _probe.cache_clear()

    def write(program: str, *cases: str) -> Path:
        calls = tmp_path / f"{program}.calls"
        path = tmp_path / program
        body = "\n".join(cases)
        path.write_text(
            f'#!/bin/sh\necho "$*" >> {calls}\ncase " $*" in\n{body}\nesac\n', encoding="utf-8"
        )
        path.chmod(0o755)
        return calls

    yield write
    _probe.cache_clear()


def test_the_plain_runtime_is_tried_first(script: Callable[..., Path]) -> None:
    script("runc")
    calls = script("podman", HAS_IMAGE, RUNS)
    chosen = ContainerRuntime.probe(IMAGE)
    assert (chosen.program, chosen.global_options, chosen.run_options) == ("podman", (), ())
    assert chosen.description == "podman (Asterisk 22.10.1)"
    runs = [line for line in calls.read_text().splitlines() if line.startswith("run")]
    assert runs == [f"run --rm --pull never --network none {IMAGE} asterisk -V"]


def test_runc_with_lowered_limits_comes_second(script: Callable[..., Path]) -> None:
    script("runc")
    script("podman", HAS_IMAGE, NEEDS_RUNC.replace('"--runtime', '" --runtime'))
    chosen = ContainerRuntime.probe(IMAGE)
    assert chosen.global_options == ("--runtime", "runc")
    assert chosen.run_options == (
        "--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096",
    )  # fmt: skip
    assert chosen.description.startswith("podman --runtime runc --ulimit nofile=4096:4096")


def test_a_success_is_remembered(script: Callable[..., Path]) -> None:
    calls = script("podman", HAS_IMAGE, RUNS)
    ContainerRuntime.probe(IMAGE)
    before = calls.read_text()
    ContainerRuntime.probe(IMAGE)
    assert calls.read_text() == before


def test_docker_when_podman_lacks_the_image(script: Callable[..., Path]) -> None:
    script("podman", NO_IMAGE)
    script("docker", HAS_IMAGE, RUNS)
    assert ContainerRuntime.probe(IMAGE).program == "docker"


def test_docker_is_never_given_podmans_global_option(script: Callable[..., Path]) -> None:
    script("runc")
    calls = script("docker", HAS_IMAGE, '*" run "*"nofile=4096:4096 "*) echo "Asterisk 22.1";;')
    assert ContainerRuntime.probe(IMAGE).global_options == ()
    assert "--runtime" not in calls.read_text()


def test_no_runtime_at_all(script: Callable[..., Path]) -> None:
    with pytest.raises(BenchFault, match="no container runtime on this machine") as fault:
        ContainerRuntime.probe(IMAGE)
    assert "podman" in fault.value.hint


def test_image_missing(script: Callable[..., Path]) -> None:
    script("podman", NO_IMAGE)
    script("docker", NO_DAEMON)
    with pytest.raises(BenchFault, match="image localhost/asterisk:22 is missing") as fault:
        ContainerRuntime.probe(IMAGE)
    assert fault.value.hint == "build it: make image"
    assert "docker: Cannot connect to the Docker daemon" in fault.value.state


def test_docker_without_its_daemon_is_not_a_missing_image(script: Callable[..., Path]) -> None:
    script("docker", NO_DAEMON)
    with pytest.raises(BenchFault, match="cannot start localhost/asterisk:22") as fault:
        ContainerRuntime.probe(IMAGE)
    assert "make image" not in fault.value.hint


def test_nothing_starts(script: Callable[..., Path]) -> None:
    script("podman", HAS_IMAGE, '*" run "*) echo "Error: no cgroup" >&2; exit 126;;')
    with pytest.raises(BenchFault, match="cannot start") as fault:
        ContainerRuntime.probe(IMAGE)
    assert fault.value.state.count("Error: no cgroup") == 2


def test_a_stuck_runtime_is_a_fault_in_time(script: Callable[..., Path]) -> None:
    script("podman", "*) while :; do :; done;;")
    with pytest.raises(BenchFault, match="did not end within"):
        ContainerRuntime("podman").call("ps", timeout=0.2)


def test_command_line_of_the_start() -> None:
    runtime = ContainerRuntime("podman", ("--runtime", "runc"), ("--ulimit", "nofile=1:1"))
    command = runtime.start_command("name", IMAGE, Path("/runs/etc"), Path("/runs/cores"))
    assert command[:4] == ["podman", "--runtime", "runc", "run"]
    mounts = [command[at + 1] for at, word in enumerate(command) if word == "-v"]
    assert mounts == ["/runs/cores:/cores", "/runs/etc:/etc/asterisk:ro"]
    assert command[command.index("--network") + 1] == "host"
    assert "--read-only" in command
    # Options after the image would be Asterisk's.
    assert command.index("--ulimit") < command.index(IMAGE)
    first, option, script = command[command.index(IMAGE) + 1 :]
    assert (first, option) == ("sh", "-c")
    assert script.startswith("asterisk -f -n -T -g -vvv &")
    # A core file goes to the working directory.
    assert command[command.index("-w") + 1] == "/cores"


def test_only_orphans_are_removed(script: Callable[..., Path]) -> None:
    mine, orphan = owned_name(), f"phone-bench-{os.getpid()}-1-abcdef"
    calls = script("podman", f'*" ps "*) echo "{mine}"; echo "{orphan}"; echo other;;')
    assert ContainerRuntime("podman").remove_orphans() == [orphan]
    assert f"rm -f {orphan}" in calls.read_text()
    assert f"rm -f {mine}" not in calls.read_text()
