"""``python -m harness.virtual.phone``: one phone, from power-on to power cut."""

from harness.virtual.phone.process import main

main()
