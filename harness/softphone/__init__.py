"""The process of one peer: ``python -m harness.softphone``, and what it and the harness say.

pjsua2 is imported here and nowhere else, and only by that process: one Endpoint is all a process
may have, and a crash inside the library takes its process down. The harness imports ``messages``
alone; :class:`harness.sip.Peer` is the process seen from its side.
"""
