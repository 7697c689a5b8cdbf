from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

_PATH = Path(__file__).parents[3] / "tools" / "pjsua2_from_source.py"
_SPEC = importlib.util.spec_from_file_location("pjsua2_from_source", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
tool = importlib.util.module_from_spec(_SPEC)
sys.modules["pjsua2_from_source"] = tool
_SPEC.loader.exec_module(tool)

NEW = """Types: deb
# a comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
"""
OLD = """deb [arch=amd64] http://old.example/debian bookworm main contrib
deb http://old.example/security bookworm-security main
# deb http://off.example/debian bookworm main
deb http://other.example stable other
"""


@pytest.mark.parametrize(
    ("text", "found"),
    [(NEW, ["http://mirror.example/debian"]), (OLD, ["http://old.example/debian"])],
    ids=["deb822", "one-line"],
)
def test_the_mirror_is_read_from_apt(text: str, found: list[str]) -> None:
    assert list(tool.mirrors([text])) == found


def test_the_source_is_found_by_pattern_in_the_index() -> None:
    listing = (
        "Reading package lists...\n"
        "'http://m/a/asterisk_22.1.orig-Xpjproject.tar.xz' asterisk_22.1.orig-Xpjproject.tar.xz "
        "123 SHA256:0a1b\n"
    )
    (found,) = tool.parse_uris(listing)
    assert (found.version, found.checksum) == ("22.1", "SHA256:0a1b")


def test_a_tampered_source_is_thrown_away(tmp_path: Path) -> None:
    source = tool.SourceFile("http://m/x", "x.tar.xz", "SHA256:" + "0" * 64)
    (tmp_path / "x.tar.xz").write_bytes(b"something else")
    with pytest.raises(tool.BuildError, match="not what the index says"):
        tool.fetch(source, [], tmp_path, tmp_path / "log")
    assert not (tmp_path / "x.tar.xz").exists()


def test_a_failed_step_shows_the_end_of_its_output(tmp_path: Path) -> None:
    with pytest.raises(tool.BuildError, match="swig is missing"):
        tool.run([sys.executable, "-c", "raise SystemExit('swig is missing')"], log=tmp_path / "l")


def test_the_kept_wheel_of_this_python_is_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "22.1" / tool.platform_tag() / "pjsua2-2.17.whl"
    other = tmp_path / "22.1" / "cp39-other" / "pjsua2-2.17.whl"
    for wheel in (kept, other):
        wheel.parent.mkdir(parents=True)
        wheel.touch()
    assert tool.main(["--cache", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{kept}\n"
