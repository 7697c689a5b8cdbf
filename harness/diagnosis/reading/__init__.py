"""From files a user sent to a case: captures, logs, configurations, runs and bundles."""

from harness.diagnosis.reading.gather import name_from, read_case, read_lines, unpack

__all__ = ["name_from", "read_case", "read_lines", "unpack"]
