"""The phone's RTP: its microphone is a tone, its digits are RFC 4733 events."""
