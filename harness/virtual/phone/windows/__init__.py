"""The phone's own windows on real sockets: web pages, keys from afar, display, SSH console.

All they show is read from the phone's state at that moment. They are open as the configuration
says, inverted as on the phone: webAccess and sshAccess 0 is on.
"""
