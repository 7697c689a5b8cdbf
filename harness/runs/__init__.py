"""What a run was: verdicts, results, the reports made of them, and the view while it goes on.

Everything here reads the timeline and writes files or a screen; nothing acts on the bench.
"""

from harness.runs.html import write_html
from harness.runs.junit import write_junit
from harness.runs.live import LiveView
from harness.runs.results import RunResult, TestResult, load_run
from harness.runs.verdict import Verdict, classify, exit_code

__all__ = [
    "LiveView",
    "RunResult",
    "TestResult",
    "Verdict",
    "classify",
    "exit_code",
    "load_run",
    "write_html",
    "write_junit",
]
