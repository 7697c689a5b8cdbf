"""One phone twin: a process that boots, provisions itself and makes calls as a 79x2 does.

It lives on real sockets and on the keys and lamps its world moves for it. It knows nothing of the
harness. What is inferred about the phone rather than sourced is said where it is done.
"""
