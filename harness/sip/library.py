"""The one place where pjsua2 is imported; only a peer's own process may do so.

pjsua2 allows one Endpoint per process, and a crash inside it takes the process down: so it must
never be imported by the process that runs the tests.
"""

from __future__ import annotations

from harness.errors import UsageFault

__all__ = ["pj"]

try:
    import pjsua2 as pj
except ImportError as error:
    raise UsageFault(
        f"pjsua2 cannot be imported: {error}",
        expected="the Python binding of pjproject in this virtual environment",
        hint="pip install pjsua2-python, or build it: make pjsua2-from-source",
    ) from error
