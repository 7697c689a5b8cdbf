"""The station view: a page that shows the bench live, and the last nights, in a browser.

It is a process of its own that reads what a run writes as things happen, and follows it from file
to file by the kernel's file events. Nothing here acts on the bench, writes into a run, or sends
out what :mod:`harness.runs.export` would not.
"""

from harness.station.server import serve

__all__ = ["serve"]
