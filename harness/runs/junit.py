"""JUnit XML for CI systems, with verdict, device labels and measurements as properties."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from types import MappingProxyType

from harness.evidence import redact
from harness.runs.results import RunResult, TestResult
from harness.runs.verdict import Verdict

__all__ = ["write_junit"]

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(
    run: RunResult,
    path: Path,
    *,
    secrets: AbstractSet[str],
    changes: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write the run as one test suite. Product faults are failures, all else is an error.

    Args:
        run: what to write.
        path: where to.
        secrets: what must not be in it.
        changes: by test, what is another than in the night it was compared with.
    """
    results = run.counted
    product = run.count(Verdict.PRODUCT_FAULT)
    passed = run.count(Verdict.PASSED)
    suite = ET.Element(
        "testsuite", name=run.lab, tests=str(len(results) + len(run.not_run)),
        failures=str(product), errors=str(len(results) - product - passed),
        skipped=str(len(run.not_run)),
        time=f"{sum(result.duration for result in results):.3f}",
    )  # fmt: skip
    properties = {f"device {name}": label for name, label in run.devices.items()}
    own = {"run": run.run_id, "pbx": run.pbx}
    if run.interrupted:
        own["interrupted"] = run.interrupted
    if run.resumed:
        own["resumed"] = f"{len(run.resumed)} times"
    out = {f"quarantined {name}": reason for name, reason in run.quarantined.items()}
    _properties(suite, properties | run.versions | run.seeded | own | out, secrets)
    for result in results:
        suite.append(_case(run, result, secrets, changes.get(result.test, "")))
    for test in run.not_run:
        module, _, name = test.partition("::")
        case = ET.SubElement(suite, "testcase", classname=module, name=name, time="0")
        ET.SubElement(case, "skipped", message=_clean(run.reason_not_run(test), secrets))
    tree = ET.ElementTree(suite)
    ET.indent(tree)
    tree.write(path, encoding="utf-8", xml_declaration=True)


def _case(run: RunResult, result: TestResult, secrets: AbstractSet[str], change: str) -> ET.Element:
    module, _, name = result.test.partition("::")
    case = ET.Element("testcase", classname=module, name=name, time=f"{result.duration:.3f}")
    labels = {f"device {device}": label for device, label in result.devices.items()}
    told = {"verdict": result.verdict.value, "pbx": result.pbx}
    if change:
        told["change"] = change
    cut = [r for r in run.results if r.test == result.test and r.interrupted and r is not result]
    if cut:
        told["tried before"] = f"{len(cut)} x {cut[-1].verdict.value}: {cut[-1].reason}"
    kept_by = {
        f"{name} {device}": value
        for device in result.devices
        for name, value in run.facts.get(device, {}).items()
    }
    measured = {f"measured {what}": f"{number:g}" for what, number in result.measurements.items()}
    _properties(case, told | labels | kept_by | measured, secrets)
    if result.verdict is not Verdict.PASSED:
        tag = "failure" if result.verdict is Verdict.PRODUCT_FAULT else "error"
        fault = ET.SubElement(
            case, tag, type=result.verdict.value, message=_clean(result.reason, secrets)
        )
        fault.text = _clean(result.detail, secrets)
    return case


def _properties(parent: ET.Element, values: dict[str, str], secrets: AbstractSet[str]) -> None:
    holder = ET.SubElement(parent, "properties")
    for name, value in values.items():
        ET.SubElement(holder, "property", name=name, value=_clean(value, secrets))


def _clean(text: str, secrets: AbstractSet[str]) -> str:
    return _NOT_XML.sub("�", redact(text, secrets))
