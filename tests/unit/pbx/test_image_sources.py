"""The mirror comes from the machine's apt sources, whichever way they are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.errors import BenchFault, UsageFault
from harness.pbx.image import AptSource, build_image, debian_mirror, read_apt_sources
from harness.pbx.runtime import _probe

DEB822 = """\
Types: deb deb-src
# a comment inside a stanza
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
 contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Enabled: no
Types: deb
URIs: http://disabled.example/debian
Suites: bookworm
Components: main
"""
ONE_LINE = """\
# deb http://comment.example/debian bookworm main
deb-src http://source.example/debian bookworm main
deb [ arch=amd64 signed-by=/k.gpg ] http://third.example/debian bookworm stable
deb [arch=amd64] http://one-line.example/debian bookworm main contrib # trailing
deb http://security.example/debian-security bookworm-security main
"""


@pytest.fixture
def apt(tmp_path: Path) -> Path:
    (tmp_path / "sources.list.d").mkdir()
    return tmp_path


@pytest.fixture
def os_release(tmp_path: Path) -> Path:
    path = tmp_path / "os-release"
    path.write_text('ID=debian\nVERSION_CODENAME="bookworm"\n', encoding="utf-8")
    return path


def test_deb822(apt: Path, os_release: Path) -> None:
    (apt / "sources.list.d" / "debian.sources").write_text(DEB822, encoding="utf-8")
    uri = "http://mirror.example/debian"
    assert read_apt_sources(apt) == [
        AptSource(uri, "bookworm", ("main", "contrib")),
        AptSource(uri, "bookworm-updates", ("main", "contrib")),
    ]
    assert debian_mirror(apt, os_release) == uri


def test_one_line(apt: Path, os_release: Path) -> None:
    (apt / "sources.list").write_text(ONE_LINE, encoding="utf-8")
    assert [source.uri.split("/")[2] for source in read_apt_sources(apt)] == [
        "third.example",
        "one-line.example",
        "security.example",
    ]
    assert debian_mirror(apt, os_release) == "http://one-line.example/debian"


def test_mirror_list_in_a_file(apt: Path, os_release: Path, tmp_path: Path) -> None:
    listed = tmp_path / "mirrors"
    listed.write_text("# ours\nhttp://listed.example/debian priority:1\n", encoding="utf-8")
    line = f"deb mirror+file:{listed} bookworm main\n"
    (apt / "sources.list").write_text(line, encoding="utf-8")
    assert debian_mirror(apt, os_release) == "http://listed.example/debian"


def test_no_debian_mirror(apt: Path, os_release: Path) -> None:
    (apt / "sources.list").write_text("deb http://x.example/y stable main\n", encoding="utf-8")
    with pytest.raises(UsageFault, match="no Debian mirror") as fault:
        debian_mirror(apt, os_release)
    assert "pbx.image" in fault.value.hint


def test_unknown_version(tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match="no recipe for Asterisk 18"):
        build_image("x", tmp_path, version=18)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], Path]]:
    """Scripted tools alone on PATH; their calls go to a file each."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    _probe.cache_clear()

    def write(program: str, body: str) -> Path:
        calls = tmp_path / f"{program}.calls"
        (folder / program).write_text(
            f'#!/bin/sh\necho "$*" >> {calls}\n{body}\n', encoding="utf-8"
        )
        (folder / program).chmod(0o755)
        return calls

    yield write
    _probe.cache_clear()


def podman(tmp_path: Path) -> str:
    return f"""case "$*" in
"image inspect"*) [ -e {tmp_path}/imported ] || exit 1;;
import*) : > {tmp_path}/imported;;
run*) echo "Asterisk 22.10.1";;
esac"""


BOOTSTRAP = 'for word; do case "$word" in *.tar) : > "$word";; esac; done'


def test_build_import_then_nothing_left_to_do(
    tools: Callable[[str, str], Path], tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    runtime = tools("podman", podman(tmp_path))
    bootstrap = tools("mmdebstrap", BOOTSTRAP)
    said: list[str] = []
    build_image("asterisk:t", cache, mirror="http://m.example/debian", say=said.append)
    (call,) = bootstrap.read_text().splitlines()
    assert '--aptopt=Acquire::Check-Valid-Until "false"' in call
    assert call.split()[-3] == "forky"
    assert call.endswith(" http://m.example/debian")
    assert len(said) == 2
    build_image("asterisk:t", cache, say=said.append)
    assert len(said) == 2
    assert len(bootstrap.read_text().splitlines()) == 1
    # A lost image is imported again from the kept file system.
    (tmp_path / "imported").unlink()
    build_image("asterisk:t", cache)
    assert len(bootstrap.read_text().splitlines()) == 1
    assert len([c for c in runtime.read_text().splitlines() if c.startswith("import")]) == 2


def test_sixteen_is_from_bullseye(tools: Callable[[str, str], Path], tmp_path: Path) -> None:
    tools("podman", podman(tmp_path))
    bootstrap = tools("mmdebstrap", BOOTSTRAP)
    build_image("asterisk:16", tmp_path / "c", version=16, mirror="http://m.example/debian")
    assert " bullseye " in bootstrap.read_text()
    assert "Check-Valid-Until" not in bootstrap.read_text()


def test_a_failed_build_leaves_no_file_system(
    tools: Callable[[str, str], Path], tmp_path: Path
) -> None:
    tools("podman", podman(tmp_path))
    tools("mmdebstrap", BOOTSTRAP + '\necho "I: running"\necho "E: no such suite"\nexit 25')
    with pytest.raises(BenchFault, match="Debian forky failed") as fault:
        build_image("asterisk:t", tmp_path / "c", mirror="http://m.example/debian")
    assert fault.value.state == "E: no such suite"
    assert list((tmp_path / "c").glob("*.tar")) == []


def test_no_mmdebstrap(tools: Callable[[str, str], Path], tmp_path: Path) -> None:
    tools("podman", podman(tmp_path))
    with pytest.raises(BenchFault, match="mmdebstrap is not installed"):
        build_image("asterisk:t", tmp_path / "c", mirror="http://m.example/debian")
