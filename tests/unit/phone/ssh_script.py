"""Stands in for ssh on a terminal: plays one scenario, a byte at a time when told to."""

from __future__ import annotations

import sys
import termios

SCENARIO = sys.argv[1]
BYTEWISE = SCENARIO.startswith("bytewise")


def show(text: str) -> None:
    for piece in text if BYTEWISE else [text]:
        sys.stdout.write(piece)
        sys.stdout.flush()


def echo(on: bool) -> None:
    modes = termios.tcgetattr(0)
    modes[3] = modes[3] | termios.ECHO if on else modes[3] & ~termios.ECHO
    termios.tcsetattr(0, termios.TCSANOW, modes)


def ask(prompt: str, *, hidden: bool = False) -> str:
    echo(not hidden)
    show(prompt)
    line = sys.stdin.readline().rstrip("\n")
    if hidden:
        show("\r\n")
    return line


SAYS = {
    "refused": "ssh: connect to host 192.0.2.42 port 22: Connection refused",
    "too-new": "Unable to negotiate with 192.0.2.42 port 22: no matching key exchange found.",
    "denied": "cisco@192.0.2.42: Permission denied (password).",
}

if SCENARIO in ("refused", "too-new"):
    show(SAYS[SCENARIO] + "\r\n")
    sys.exit(255)
first = ask("cisco@192.0.2.42's password: ", hidden=True)
if SCENARIO == "denied" or first != "outer":
    show(SAYS["denied"] + "\r\n")
    sys.exit(255)
if SCENARIO == "hangs":
    sys.stdin.read()
user = ask("\r\nlog in: ")
password = ask("password: ", hidden=True)
if (user, password) != ("debug", "debug"):
    show("Login incorrect\r\n")
    sys.exit(1)
show("\x1b[1mWelcome to the shell\x1b[0m\r\n")
while True:
    command = ask("$ ")
    if command == "hang up":
        sys.exit(0)
    # The dollar at a line's end must not be taken for the prompt.
    show(f"price: 5 $ \r\n{command} done\r\n" if command else "")
