"""What a parallel run is asked for by, and what is refused."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]
TEST = "def test_one(phone): pass\ndef test_two(lab): pass"


def test_xdists_own_option_does_not_open_a_bench_twice(tree: pytest.Pytester) -> None:
    tree.makepyfile(TEST)
    result = tree.runpytest_subprocess("-p", "no:cacheprovider", "-n", "2")
    said = result.stdout.str() + result.stderr.str()
    assert "use --parallel N instead of xdist's -n" in said
    assert "Traceback" not in said
    result.assert_outcomes(errors=1)
    assert not (tree.path / "runs").exists()


def test_without_xdist_there_are_no_sides(tree: pytest.Pytester) -> None:
    tree.makepyfile(TEST)
    result = tree.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:xdist", "--parallel=2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "--parallel needs pytest-xdist" in result.stderr.str()


@pytest.mark.parametrize("wanted", ["0", "many", "-1", "1.5"])
def test_a_number_of_sides_is_a_number(tree: pytest.Pytester, wanted: str) -> None:
    tree.makepyfile(TEST)
    result = tree.runpytest_subprocess("-p", "no:cacheprovider", f"--parallel={wanted}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"'{wanted}' is neither auto nor a number of sides from 1" in result.stderr.str()


def test_a_mistake_in_the_lab_is_told_once_and_before_any_worker(tree: pytest.Pytester) -> None:
    tree.makepyfile(TEST)
    text = (tree.path / "lab.yaml").read_text()
    (tree.path / "lab.yaml").write_text(text.replace("interface: lo", "interface: lo\n  sped: 1"))
    result = tree.runpytest_subprocess("-p", "no:cacheprovider", "--parallel=auto")
    # The tree's own path names the worker that this test runs on.
    said = (result.stdout.str() + result.stderr.str()).replace(str(tree.path), "")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert said.count("network.sped: no such key here") == 1
    assert "gw0" not in said
    assert "Traceback" not in said
