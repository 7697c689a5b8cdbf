"""The files for CI systems and systemd: valid by their own tools, and as their page shows them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from configs.ci.tell import CONCERNS, message
from harness.cli import COMMANDS, build_parser
from harness.errors import BenchFault, HarnessBug, Inconclusive, ProductFault, UsageFault
from tools.doc_pages import ROOT, blocks, harness_words

CI, SYSTEMD = ROOT / "configs" / "ci", ROOT / "configs" / "systemd"
FILES = sorted(path for folder in (CI, SYSTEMD) for path in folder.iterdir() if path.is_file())
PAGE = ROOT / "docs" / "how-to" / "run-nightly-in-ci.md"
_HARNESS = re.compile(r"[\w./]*\.venv/bin/harness [^'`\n]*")


def faults(schema: str, file: Path) -> str:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    done = subprocess.run([*check, str(file)], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_the_workflow_fits_its_schema() -> None:
    assert faults("github-workflows", CI / "github-nightly.yml") == ""


def extended(text: str, folder: Path) -> Path:
    """The pipeline as GitLab has it after `extends`: the schema looks into no hidden job."""
    pipeline = YAML(typ="safe", pure=True).load(text)
    hidden = {name: pipeline.pop(name) for name in list(pipeline) if name.startswith(".")}
    for job in pipeline.values():
        if isinstance(job, dict) and "extends" in job:
            job |= {**hidden[job.pop("extends")], **job}
    (folder / "pipeline.json").write_text(json.dumps(pipeline), encoding="utf-8")
    return folder / "pipeline.json"


def test_the_pipeline_fits_its_schema(tmp_path: Path) -> None:
    text = (CI / "gitlab-ci.yml").read_text(encoding="utf-8")
    assert faults("gitlab-ci", CI / "gitlab-ci.yml") == ""
    assert faults("gitlab-ci", extended(text, tmp_path)) == ""
    for old, new in (("allow_failure:", "allow_failures:"), ("when: always", "when: ever")):
        assert old in text
        assert faults("gitlab-ci", extended(text.replace(old, new), tmp_path)) != "", new


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """The units, with a host's paths below a folder where their programs are."""
    program = tmp_path / "srv/phone-bench/.venv/bin/harness"
    program.parent.mkdir(parents=True)
    program.symlink_to("/bin/true")
    for unit in SYSTEMD.iterdir():
        text = unit.read_text(encoding="utf-8").replace("/srv/", f"{tmp_path}/srv/")
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    return tmp_path


def verified(host: Path) -> str:
    units = sorted(str(host / unit.name) for unit in SYSTEMD.iterdir())
    command = ["systemd-analyze", "verify", "--recursive-errors=no", *units]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return f"{done.returncode} {done.stderr}"


def test_systemd_takes_the_units(host: Path) -> None:
    assert verified(host) == "0 "


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SuccessExitStatus=1", "SuccessExitCode=1"),
        ("KillMode=mixed", "KillMode=both"),
        ("OnCalendar=*-*-* 01:30", "OnCalendar=at half past one"),
        ("bin/harness", "bin/harnes"),
    ],
)
def test_a_mistake_in_a_unit_is_found(host: Path, old: str, new: str) -> None:
    changed = 0
    for unit in host.glob("phone-bench-*"):
        text = unit.read_text(encoding="utf-8")
        changed += text.count(old)
        unit.write_text(text.replace(old, new), encoding="utf-8")
    assert changed
    assert verified(host) != "0 "


def test_the_timer_elapses_every_night() -> None:
    (when,) = re.findall(
        r"^OnCalendar=(.*)$",
        (SYSTEMD / "phone-bench-nightly.timer").read_text("utf-8"),
        re.MULTILINE,
    )
    command = ["systemd-analyze", "calendar", "--iterations=3", when]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    nights = re.findall(r"(\d{4}-\d\d-\d\d) 01:30:00", told)
    assert len(set(nights)) == 3, told


def test_every_harness_command_of_a_recipe_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    found = 0
    for path in FILES:
        for line in _HARNESS.findall(path.read_text(encoding="utf-8")):
            for words in harness_words(line.replace("$NIGHT_OPTIONS", "").replace("|| true", "")):
                found += 1
                assert words[0] in COMMANDS, path
                try:
                    build_parser(words[0]).parse_args(words[1:])
                except SystemExit:
                    pytest.fail(f"{path.name}: {line}\n{capsys.readouterr().err}")
    assert found >= 12


def test_what_the_page_shows_stands_in_a_recipe() -> None:
    texts = [path.read_text(encoding="utf-8") for path in FILES]
    shown = [each for each in blocks(PAGE) if each.language in {"yaml", "groovy", "ini"}]
    assert len(shown) >= 5
    for block in shown:
        # What goes into lab.yaml is no part of a recipe.
        if not block.text.startswith("notify:"):
            assert any(block.text in text for text in texts), block.text


def test_the_codes_of_the_recipes_are_the_harnesss() -> None:
    assert {
        ProductFault.exit_code, UsageFault.exit_code, BenchFault.exit_code,
        Inconclusive.exit_code, HarnessBug.exit_code,
    } == set(CONCERNS)  # fmt: skip
    unit = (SYSTEMD / "phone-bench-nightly.service").read_text(encoding="utf-8")
    fine = f"SuccessExitStatus={ProductFault.exit_code} {Inconclusive.exit_code} 130"
    never = f"RestartPreventExitStatus={UsageFault.exit_code} {HarnessBug.exit_code}"
    assert fine in unit
    assert never in unit
    pipeline = YAML(typ="safe", pure=True).load((CI / "gitlab-ci.yml").read_text("utf-8"))
    allowed = pipeline[".night"]["allow_failure"]["exit_codes"]
    assert allowed == [BenchFault.exit_code, Inconclusive.exit_code]


NIGHT: dict[str, Any] = {
    "run": "20261125-013000-lab-asterisk22",
    "bench": "lab (virtual)",
    "verdicts": {"passed": 30, "bench fault": 1},
    "changes": [{"kind": "newly failing", "of": "test_x[desk]", "told": "passed → product fault"}],
    "notes": ["fewer tests"],
}


@pytest.mark.parametrize(
    ("code", "to"), [(0, ""), (1, "fw@example.org"), (3, "lab@example.org"), (130, "")]
)
def test_who_is_mailed(code: int, to: str, tmp_path: Path) -> None:
    sent = tmp_path / "sent"
    sendmail = tmp_path / "sendmail"
    sendmail.write_text(f'#!/bin/sh\n[ "$1" = -t ] && cat > {sent}\n', encoding="utf-8")
    sendmail.chmod(0o755)
    command = [sys.executable, str(CI / "tell.py"), "--sendmail", str(sendmail)]
    command += ["--developers", "fw@example.org", "--lab", "lab@example.org"]
    summary = json.dumps({"exit_code": code, "nights": [NIGHT]})
    subprocess.run(command, input=summary, text=True, check=True)
    if not to:
        assert not sent.exists()
        return
    mail = sent.read_text(encoding="utf-8")
    assert f"To: {to}\n" in mail
    assert NIGHT["run"] in mail
    assert "newly failing" in mail


def test_a_night_in_which_nothing_ran_is_told_too() -> None:
    mail = message({"exit_code": 3, "nights": []}, {"lab": "lab@example.org"})
    assert mail is not None
    assert mail["Subject"] == "phone bench: bench fault (no test ran)"
