"""The people a phone talks to: pjsua2 peers, each in a process of its own.

A peer registers, calls, answers, transfers, sends and hears DTMF, plays its tone and measures what
it hears. pjsua2 itself is imported only in the peer's process, so that a crash costs one peer; no
other room may import it, and this one knows nothing of phones or of the PBX's insides.
"""

from harness.sip.call import Codec, PeerCall
from harness.sip.hearing import CallEar
from harness.sip.messages import MediaStatistics
from harness.sip.peer import Peer

__all__ = ["CallEar", "Codec", "MediaStatistics", "Peer", "PeerCall"]
