"""The history: every test of every night, and what can be asked of it.

It lies as one SQLite file beside the runs. What a run's own folder says is the truth: the history
is filled as tests end and can be filled again from the folders at any time.
"""

from harness.runs.history.compare import Comparison, Slower, compare
from harness.runs.history.filling import import_run
from harness.runs.history.fingerprint import (
    WireChange,
    codec_order,
    fingerprint,
    header_order,
    masked_file,
    message_kind,
    wire_changes,
)
from harness.runs.history.first_bad import FirstBad, by_pbx, first_bad
from harness.runs.history.flips import Flips, flips, wilson
from harness.runs.history.morning import Morning, morning
from harness.runs.history.records import Entry, Key, Night
from harness.runs.history.store import FILE_NAME, History
from harness.runs.history.trend import Change, Trend, change_in, trends

__all__ = [
    "FILE_NAME",
    "Change",
    "Comparison",
    "Entry",
    "FirstBad",
    "Flips",
    "History",
    "Key",
    "Morning",
    "Night",
    "Slower",
    "Trend",
    "WireChange",
    "by_pbx",
    "change_in",
    "codec_order",
    "compare",
    "fingerprint",
    "first_bad",
    "flips",
    "header_order",
    "import_run",
    "masked_file",
    "message_kind",
    "morning",
    "trends",
    "wilson",
    "wire_changes",
]
