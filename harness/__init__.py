"""Lab test harness for Cisco 7942G/7962G SIP phones on an Asterisk bench.

The rooms of this package and the arrows between them are drawn in ARCHITECTURE.md; the
arrows are checked by import-linter. Nothing here imports a twin except the assembly.
"""

import os

# No array of a harness is large enough to share out, but every process of a rack (three peers, a
# twin and a pytest to each phone) would start numpy's threads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"
