"""The people a phone talks to: pjsua2 peers, each in a process of its own.

A peer registers, calls, answers, transfers, sends and hears DTMF, plays its tone and measures what
it hears. The process itself is :mod:`harness.softphone`. This room knows nothing of phones or of
the PBX's insides.
"""

from harness.sip.call import Codec, PeerCall
from harness.sip.hearing import CallEar
from harness.sip.peer import Peer
from harness.softphone.messages import MediaStatistics

__all__ = ["CallEar", "Codec", "MediaStatistics", "Peer", "PeerCall"]
