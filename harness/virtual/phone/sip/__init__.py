"""The phone's SIP, on raw sockets: its quirks (source port, header shapes) are what users meet."""
