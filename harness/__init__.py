"""Lab test harness for Cisco 7942G/7962G SIP phones on an Asterisk bench.

The rooms of this package and the arrows between them are drawn in ARCHITECTURE.md; the
arrows are checked by import-linter. Nothing here imports a twin except the assembly.
"""

__version__ = "0.1.0"
