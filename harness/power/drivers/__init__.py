"""One file for each kind of device; docs/how-to/add-a-pdu.md says what goes into one.

The file's name is the driver's name in lab.yaml, and the file registers itself. Nothing here
confirms, waits or guards: that is `harness.power.outlets`.
"""
