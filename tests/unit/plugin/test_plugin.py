"""The plug-in in somebody else's test tree, run by an inner pytest."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
ROOT = Path(__file__).parents[3]


def test_a_tree_without_a_bench_is_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_own(tmp_path): assert tmp_path.exists()")
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
    assert not (pytester.path / "runs").exists()


def test_an_own_fixture_named_lab_is_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        @pytest.fixture
        def lab(): return "mine"
        def test_own(lab): assert lab == "mine"
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
    assert not (pytester.path / "runs").exists()


def test_a_test_runs_once_per_phone_and_reports_its_label(tree: pytest.Pytester) -> None:
    tree.makepyfile(
        """
        import pytest
        def test_each(station, lab): assert station in lab.phones
        @pytest.mark.models("7962G")
        def test_some(station, lab): assert lab.phones[station].model == "7962G"
        """
    )
    result = tree.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["*desk-7942: virtual*", "*report.html*"])
    (report,) = (tree.path / "runs").glob("2*/report.html")
    assert "test_each[desk-7942]" in report.read_text()
    assert report.with_name("junit.xml").exists()


@pytest.mark.parametrize(("given", "kind"), [("", "asterisk22"), ("asterisk16", "asterisk16")])
def test_every_result_names_its_pbx(tree: pytest.Pytester, given: str, kind: str) -> None:
    tree.makepyfile("def test_it(lab): assert lab.pbx.kind")
    result = tree.runpytest_subprocess("-p", "no:cacheprovider", f"--pbx={given}")
    result.assert_outcomes(passed=1)
    (report,) = (tree.path / "runs").glob(f"2*-{kind}/report.html")
    assert f'<span class="label">{kind}</span>' in report.read_text()
    assert f'"pbx": "{kind}"' in report.with_name("results.jsonl").read_text()
    assert f'name="pbx" value="{kind}"' in report.with_name("junit.xml").read_text()


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        ("ProductFault('it sulks', device='desk')", "product fault"),
        ("BenchFault('outlet stuck', device='pdu-1')", "bench fault"),
        ("Inconclusive('nothing captured')", "inconclusive"),
        ("AssertionError('1 == 2')", "product fault"),
        ("KeyError('ours')", "harness bug"),
    ],
)
def test_what_ends_a_test_decides_its_verdict(
    tree: pytest.Pytester, error: str, verdict: str
) -> None:
    tree.makepyfile(
        f"""
        from harness.errors import *
        def test_it(timeline): raise {error}
        """
    )
    result = tree.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    (results,) = (tree.path / "runs").glob("2*/results.jsonl")
    assert f'"verdict": "{verdict}"' in results.read_text()


def test_no_password_of_the_lab_is_in_any_report(tree: pytest.Pytester) -> None:
    tree.makepyfile(
        """
        from pathlib import Path
        from harness.events import Note
        def test_it(lab, timeline):
            secret = sorted(lab.secrets())[0]
            Path("secret").write_text(secret)
            timeline.append(Note(f"login {secret}, secret=OfNobody1"), source="pbx")
            assert secret == "", f"refused {secret}"
        """
    )
    tree.runpytest_subprocess("-p", "no:cacheprovider")
    (run,) = (tree.path / "runs").glob("2*")
    secret = (tree.path / "secret").read_text()
    kept = [path for path in (run / "tests").rglob("*") if path.is_file()]
    kept += [run / name for name in ("results.jsonl", "report.html", "junit.xml", "timeline.jsonl")]
    assert {"timeline.jsonl", "timeline.html", "ladder.txt"} <= {path.name for path in kept}
    for path in kept:
        assert secret not in path.read_text(), path
        assert "OfNobody1" not in path.read_text(), path
    assert "refused [hidden]" in (run / "report.html").read_text()


def test_a_test_names_its_evidence_and_its_numbers(tree: pytest.Pytester) -> None:
    tree.makepyfile("def test_it(measure): measure('wait_ms', 12.5)")
    tree.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
    (run,) = (tree.path / "runs").glob("2*")
    (result,) = map(json.loads, (run / "results.jsonl").read_text().splitlines())
    assert result["measurements"] == {"wait_ms": 12.5}
    assert set(result["files"]) == {"ladder", "timeline"}
    for path in result["files"].values():
        assert (run / path).is_file()
    assert "wait_ms <b>12.5</b>" in (run / "report.html").read_text()
    assert 'name="measured wait_ms" value="12.5"' in (run / "junit.xml").read_text()


def test_our_errors_show_no_traceback(tree: pytest.Pytester) -> None:
    tree.makepyfile(
        """
        from harness.errors import BenchFault
        def test_it(timeline): raise BenchFault('outlet stuck', device='pdu-1', hint='look')
        """
    )
    result = tree.runpytest_subprocess("-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(["*bench fault: pdu-1: outlet stuck*", "*try: *look*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_bad_lab_is_told_with_its_lines(pytester: pytest.Pytester) -> None:
    text = (ROOT / "lab.yaml").read_text(encoding="utf-8")
    pytester.makefile(".yaml", lab=text.replace("speed: 40", "sped: 40"))
    pytester.makepyfile("def test_it(lab): pass")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    assert result.ret != 0
    (result.stdout if "sped" in result.stdout.str() else result.stderr).fnmatch_lines(
        ["*lab.yaml:10:3: virtual.sped: no such key here*"]
    )


def test_an_unknown_phone_names_the_known_ones(tree: pytest.Pytester) -> None:
    tree.makepyfile("def test_it(lab): pass")
    result = tree.runpytest_subprocess("-p", "no:cacheprovider", "--phones=desk-9")
    assert "choose from: desk-7942, desk-7962" in result.stdout.str() + result.stderr.str()


def test_every_test_is_in_the_history_as_it_ends(tree: pytest.Pytester) -> None:
    tree.makepyfile(
        """
        from pathlib import Path
        from harness.runs.history import History
        def test_one(measure): measure("boot_s", 61.0)
        def test_two(recorder):
            with History(recorder.directory.parent / "history.sqlite") as history:
                (entry,) = history.night("latest").entries
            assert entry.measurements == {"boot_s": 61.0}
            assert entry.key.model == "7942G + 7962G"
        """
    )
    tree.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)
    assert (tree.path / "runs" / "history.sqlite").exists()


def test_a_history_that_cannot_be_written_costs_no_verdict(tree: pytest.Pytester) -> None:
    tree.makepyfile(
        """
        def test_it(recorder): recorder._history.close()
        """
    )
    result = tree.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*history*cannot be written*", "*harness runs import RUN*"])
    (results,) = (tree.path / "runs").glob("2*/results.jsonl")
    assert '"verdict": "passed"' in results.read_text()


def test_a_history_of_a_newer_harness_is_refused_at_once(tree: pytest.Pytester) -> None:
    import sqlite3
    from contextlib import closing

    (tree.path / "runs").mkdir()
    with closing(sqlite3.connect(tree.path / "runs" / "history.sqlite")) as database:
        database.execute("PRAGMA user_version = 99")
    tree.makepyfile("def test_it(lab): pass")
    result = tree.runpytest_subprocess("-p", "no:cacheprovider")
    said = result.stdout.str() + result.stderr.str()
    assert result.ret != 0
    assert "has version 99, this harness knows" in said
    assert "Traceback" not in said


def test_an_upgrade_is_left_out_where_no_release_is_given(tree: pytest.Pytester) -> None:
    tree.makepyfile(
        """
        import pytest
        @pytest.mark.needs_firmware
        def test_upgrade(lab): assert lab.provisioning.firmware
        def test_other(lab): pass
        """
    )
    result = tree.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, deselected=1)
    result = tree.runpytest_subprocess("-p", "no:cacheprovider", "--firmware=nowhere")
    assert "there is no folder" in result.stdout.str() + result.stderr.str()


def test_a_load_is_no_template(tree: pytest.Pytester) -> None:
    """Two nights with two loads have one digest, or a release would be blamed on its templates."""
    tree.makepyfile("def test_it(recorder): print(recorder.run.facts)")
    for load in ("SIP42.9-3-1SR4-1S", "SIP42.9-4-2SR3-1S"):
        text = (ROOT / "lab.yaml").read_text(encoding="utf-8")
        tree.makefile(".yaml", lab=text.replace("load: SIP42.9-3-1SR4-1S", f"load: {load}"))
        tree.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
    from harness.runs.history import History

    with History(tree.path / "runs" / "history.sqlite") as history:
        keys = {entry.key for night in history.nights() for entry in night.entries}
    assert len({key.load for key in keys}) == 2
    assert len({key.templates for key in keys}) == 1


def test_a_killed_run_keeps_what_it_had(tree: pytest.Pytester) -> None:
    tree.makepyfile(
        """
        import os, signal
        def test_one(lab): pass
        def test_two(lab): os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    result = tree.runpytest_subprocess("-p", "no:cacheprovider")
    assert result.ret == -9
    from harness.runs.history import History

    with History(tree.path / "runs" / "history.sqlite") as history:
        night = history.night("latest")
    assert [entry.name for entry in night.entries] == [
        "test_a_killed_run_keeps_what_it_had.py::test_one"
    ]
    assert night.ended == 0


def test_a_test_for_a_model_nobody_has_is_left_out(tree: pytest.Pytester) -> None:
    tree.makepyfile(
        """
        import pytest
        @pytest.mark.models("7962G")
        def test_some(station, lab): pass
        def test_each(station, lab): pass
        """
    )
    result = tree.runpytest_subprocess("-p", "no:cacheprovider", "--phones=desk-7942")
    result.assert_outcomes(passed=1, deselected=1)


def test_a_night_that_pytest_could_not_end_is_no_good_night(tree: pytest.Pytester) -> None:
    tree.makepyfile(test_it="def test_one(lab): pass\ndef test_two(lab): pass")
    tree.makeconftest(
        """
        def pytest_runtest_logstart(nodeid):
            if "test_two" in nodeid:
                raise KeyError("a plug-in of somebody else's")
        """
    )
    result = tree.run(
        sys.executable, "-m", "harness.cli", "nightly", "--plain", "--suite", "test_it.py"
    )
    assert result.ret == 70
