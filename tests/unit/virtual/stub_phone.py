"""A phone twin in miniature: lights line1 at power-on, lights mwi while 5 is down, talks."""

import json
import os
import sys
from pathlib import Path


def say(**line: object) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


spec = json.loads(sys.stdin.readline())
flash = Path(spec["flash"])
boots = int(flash.read_text()) + 1 if flash.exists() else 1
flash.write_text(str(boots))
say(log=f"boot {boots} pid {os.getpid()} held {spec['held']} speed {spec['speed']} {spec['model']}")
if "#" in spec["held"]:
    for line in (1, 2, 1, 2):
        say(lamp=f"line{line}", colour="amber")
        say(lamp=f"line{line}", colour="dark")
say(lamp="line1", colour="green")
for text in sys.stdin:
    key = json.loads(text)
    if key == {"key": "5", "down": True}:
        say(lamp="mwi", colour="red")
    elif key == {"key": "5", "down": False}:
        say(lamp="mwi", colour="dark")
    elif key == {"key": "0", "down": True}:
        sys.stderr.write("about to crash\n")
        sys.exit(3)
    elif key == {"key": "*", "down": True}:
        sys.stdout.write("no JSON\n")
        say(lamp="line1", colour="blue")
