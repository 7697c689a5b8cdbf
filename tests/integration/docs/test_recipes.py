"""The recipes for CI systems and systemd, carried out: their own lines, on the virtual bench.

A night is narrowed by ``PYTEST_ADDOPTS``, so that no line of a recipe has to be changed; a release
is a made-up one. Only the paths of a lab host become the test's own.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doc_reader import Reader
from ruamel.yaml import YAML

from harness.namespaces import namespace
from harness.provisioning import load_manifest, make_up
from tools.doc_pages import ROOT, blocks

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

CI, SYSTEMD = ROOT / "configs" / "ci", ROOT / "configs" / "systemd"
QUICK = "export PYTEST_ADDOPTS='-k test_contact_is_the_phones'\n"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Reader]:
    with namespace("recipe") as network:
        yield Reader(tmp_path, network)


def at(host: Reader, script: str) -> str:
    """A script of a lab host, its paths below the test's folder."""
    script = re.sub(r"/(?=var/lib/phone-bench|srv/firmware)", f"{host.here}/", script)
    return script.replace("/srv/phone-bench", str(host.project))


def runs_well(host: Reader, script: str, code: int = 0) -> str:
    status, said = host.type(QUICK + at(host, script))
    assert status == code, f"{script}\n{said}"
    return said


def verdicts(run: Path) -> dict[str, str]:
    lines = (run / "results.jsonl").read_text(encoding="utf-8").splitlines()
    return {each["test"].rpartition("::")[2]: each["verdict"] for each in map(json.loads, lines)}


def mails_to(host: Reader, sent: Path) -> None:
    """The page's `notify`, with a sendmail of our own."""
    sendmail = host.here / "sendmail"
    sendmail.write_text(f"#!/bin/sh\ncat > {sent}\n", encoding="utf-8")
    sendmail.chmod(0o755)
    page = ROOT / "docs" / "how-to" / "run-nightly-in-ci.md"
    (text,) = (each.text for each in blocks(page) if each.text.startswith("notify:"))
    with (host.project / "lab.yaml").open("a", encoding="utf-8") as lab:
        lab.write(text.replace("tell.py", f"tell.py --sendmail {sendmail}"))


def spoil(host: Reader, seeded: str) -> None:
    lab = host.project / "lab.yaml"
    text = lab.read_text(encoding="utf-8")
    lab.write_text(text.replace("virtual:\n", f"virtual:\n  seeded: {seeded}\n", 1), "utf-8")


def load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load((CI / name).read_text("utf-8"))
    return loaded


def test_a_night_by_gitlab(host: Reader) -> None:
    pipeline = load("gitlab-ci.yml")
    common = pipeline[".night"]
    variables = "".join(
        f"export {name}={shlex.quote(value)}\n" for name, value in pipeline["variables"].items()
    )
    install, *prepare = common["before_script"]
    assert install == "make install"
    runs_well(host, variables + "\n".join([*prepare, *pipeline["night"]["script"]]))
    assert set(verdicts(host.project / "runs" / "latest").values()) == {"passed"}
    runs_well(host, "\n".join(common["after_script"]))
    artifacts = common["artifacts"]
    for pattern in (*artifacts["paths"], artifacts["reports"]["junit"]):
        assert list(host.project.glob(pattern)), pattern
    # The history is where the next night finds it, whatever becomes of the workspace.
    assert (host.here / "var/lib/phone-bench/history.sqlite").exists()

    (release, _) = pipeline["release"]["parallel"]["matrix"][0]["RELEASE"]
    folder = host.here / release.removeprefix("/")
    make_up(load_manifest("SIP42.9-4-2SR3-1S"), folder)
    said = runs_well(host, f"export RELEASE={release}\n" + "\n".join(pipeline["release"]["script"]))
    assert "trying SIP42.9-4-2SR3-1S" in said


def test_a_bench_fault_by_github_actions_is_a_warning(host: Reader) -> None:
    spoil(host, "{keypads: {keypad-2: {silent: true}}}")
    sent = host.here / "sent"
    mails_to(host, sent)
    workflow = load("github-nightly.yml")
    output = host.here / "output"
    exports = f"export GITHUB_OUTPUT={output}\nexport HISTORY={workflow['env']['HISTORY']}\n"
    steps = [each["run"] for each in workflow["jobs"]["night"]["steps"] if "run" in each]
    assert steps[0] == "make install"
    night, recover, export = steps[1:]
    said = runs_well(host, f"{exports}set -e\n{night}")
    assert "::warning title=phone bench::exit code 3 " in said
    assert output.read_text(encoding="utf-8") == "code=3\n"
    assert list(verdicts(host.project / "runs" / "latest").values()) == ["passed"]
    mail = sent.read_text(encoding="utf-8")
    assert "To: lab@example.org\nSubject: phone bench: bench fault (" in mail
    assert "keypad-2" in mail
    assert "nothing to recover" in runs_well(host, recover)
    runs_well(host, export)
    for pattern in workflow["jobs"]["night"]["steps"][-1]["with"]["path"].split():
        assert list(host.project.glob(pattern)), pattern


def test_a_night_by_systemd_under_its_limits(host: Reader) -> None:
    """What the unit starts, with the rights it leaves, and Ctrl-C as its way to stop."""
    unit = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string((SYSTEMD / "phone-bench-nightly.service").read_text(encoding="utf-8"))
    service = unit["Service"]
    dropped = service["CapabilityBoundingSet"].removeprefix("~").lower().split()
    limits = "--bounding-set=" + ",".join(f"-{each.removeprefix('cap_')}" for each in dropped)
    assert service["NoNewPrivileges"] == "yes"
    options = "export NIGHT_OPTIONS='--phones desk-7942'\n"
    confined = f"{options}exec setpriv --no-new-privs {limits} -- {service['ExecStart']}"
    runs = host.here / "var/lib/phone-bench/runs"

    # KillMode=mixed: the signal goes to the harness alone.
    assert (service["KillSignal"], service["KillMode"]) == ("SIGINT", "mixed")
    status, said = host.type(QUICK + at(host, confined), until="booting", interrupt=os.kill)
    assert status == 130, said
    assert str(status) in service["SuccessExitStatus"].split()
    assert (runs / "latest" / "report.html").exists(), said

    assert "nothing to recover" in runs_well(host, service["ExecStopPost"])
    said = runs_well(host, confined)
    assert list(verdicts(runs / "latest").values()) == ["passed"], said
