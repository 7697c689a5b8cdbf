"""What changes for which phones between two sets of files, by meaning and not by text.

Order, white space and what the phone reads alike are no change. Secrets are compared, never shown.
"""

from harness.provisioning.diff.changes import ALL_PHONES, Change, diff_trees
from harness.provisioning.diff.report import as_json, as_text
from harness.provisioning.diff.settings import Settings, read_settings

__all__ = ["ALL_PHONES", "Change", "Settings", "as_json", "as_text", "diff_trees", "read_settings"]
