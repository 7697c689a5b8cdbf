"""The SSH console on port 22, with its second login.

Old on purpose: the key exchange, host key and ciphers are those that make today's ssh refuse until
told otherwise [remembered]. ``show register`` prints as SIPCC does (``ccsip_register.c``); prompts
and the other commands' words are made up, because no log of them is public.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable, Coroutine
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from harness.virtual.phone.windows.handset import LineView, Viewed

if TYPE_CHECKING:
    import asyncssh

__all__ = ["SshConsole"]

_PORT = 22
#: The second logins every phone of the family has; what each may do is inferred.
_SHELLS = {"log": "log", "debug": "debug", "default": "user"}
_TRIES = 3
_KEY_BITS = 1024
_STRACE = 20


class SshConsole:
    """An SSH server at the phone's address, for sshUserId and sshPassword.

    What speaks SSH is loaded when somebody comes: few boots of a night are looked at, and loading
    it takes as long as all else of a twin's start.
    """

    def __init__(self, viewed: Viewed) -> None:
        self._viewed = viewed
        self._door: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen on port 22; what hinders is told on the console log."""
        if find_spec("asyncssh") is None:
            self._viewed.logs.to_console("sshd: no asyncssh on this host", level="ERR")
            return
        door = self._door = socket.socket()
        door.setblocking(False)
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((self._viewed.spec.address, _PORT))
            door.listen()
        except OSError as error:
            self._viewed.logs.to_console(f"sshd: {error}", level="ERR")
            return
        self._spawn(self._let_in(door))
        self._viewed.logs.to_console(f"sshd: listening on port {_PORT}")

    async def stop(self) -> None:
        """Hang up and stop listening."""
        for task in self._tasks:
            task.cancel()
        if self._door is not None:
            self._door.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _let_in(self, door: socket.socket) -> None:
        while True:
            connected, _ = await asyncio.get_running_loop().sock_accept(door)
            self._spawn(self._speak(connected))

    async def _speak(self, connected: socket.socket) -> None:
        # Not on the loop: a call's audio goes on meanwhile.
        asyncssh = await asyncio.to_thread(import_module, "asyncssh")
        config, flash = self._viewed.config, self._viewed.flash

        class Door(asyncssh.SSHServer):  # type: ignore[misc, name-defined]
            def password_auth_supported(self) -> bool:
                return True

            def validate_password(self, username: str, password: str) -> bool:
                right = secrets.compare_digest(password.encode(), config.ssh_password.encode())
                return bool(config.ssh_user) and username == config.ssh_user and right

        try:
            if not flash.host_key:
                key = await asyncio.to_thread(
                    asyncssh.generate_private_key, "ssh-rsa", key_size=_KEY_BITS
                )
                flash.host_key = key.export_private_key().decode()
                flash.save()
            session = await asyncssh.run_server(
                connected,
                server_factory=Door,
                server_host_keys=[asyncssh.import_private_key(flash.host_key)],
                process_factory=self._shell,
                kex_algs=["diffie-hellman-group1-sha1"],
                encryption_algs=["aes128-cbc", "3des-cbc"],
                mac_algs=["hmac-sha1"],
                compression_algs=["none"],
                signature_algs=["ssh-rsa"],
            )
            async with session:
                await session.wait_closed()
        except (OSError, asyncssh.Error, ValueError) as error:
            self._viewed.logs.to_console(f"sshd: {error}", level="ERR")

    async def _shell(self, process: asyncssh.SSHServerProcess[str]) -> None:
        import asyncssh

        try:
            user = await self._second_login(process)
            if user:
                await self._commands(process, user)
        except (asyncssh.BreakReceived, asyncssh.TerminalSizeChanged, OSError, EOFError):
            pass
        process.exit(0)

    async def _second_login(self, process: asyncssh.SSHServerProcess[str]) -> str:
        for _ in range(_TRIES):
            user = await _ask(process, f"{self._viewed.spec.host_name} login: ")
            _echo(process, on=False)
            password = await _ask(process, "Password: ")
            _echo(process, on=True)
            process.stdout.write("\n")
            if _SHELLS.get(user) == password:
                return user
            process.stdout.write("Login incorrect\n")
        return ""

    async def _commands(self, process: asyncssh.SSHServerProcess[str], user: str) -> None:
        while True:
            command = " ".join((await _ask(process, f"{user}> ")).split())
            if command in ("exit", "quit", "logout"):
                return
            if not command:
                continue
            known = _COMMANDS.get(command)
            if known is None or (command == "show register" and user != "debug"):
                process.stdout.write(f"{command}: unknown command, try help\n")
            else:
                process.stdout.write(known[1](self._viewed) + "\n")


def _echo(process: asyncssh.SSHServerProcess[str], *, on: bool) -> None:
    # Only a channel with a line editor echoes; a session without a terminal has none.
    channel: Any = process.channel
    if hasattr(channel, "set_echo"):
        channel.set_echo(on)


async def _ask(process: asyncssh.SSHServerProcess[str], prompt: str) -> str:
    process.stdout.write(prompt)
    line = await process.stdin.readline()
    if not line:
        raise EOFError
    return line.rstrip("\r\n")


def _help(viewed: Viewed) -> str:  # noqa: ARG001 (as the other commands)
    return "\n".join(f"{name:16}{purpose}" for name, (purpose, _) in _COMMANDS.items())


def _register(viewed: Viewed) -> str:
    lines = viewed.handset.line_views()
    enabled = "ENABLED" if viewed.config.register else "DISABLED"
    state = "REGISTERED" if any(line.registered for line in lines) else "REGISTERING"
    return "\n".join(
        [
            "",
            "LINE REGISTRATION TABLE",
            f"Proxy Registration: {enabled}, state: {state}",
            "line  APR  state          timer       expires     proxy:port",
            "----  ---  -------------  ----------  ----------  ----------------------------",
            *map(_line, lines),
            "",
            "Note: APR is Authenticated, Provisioned, Registered",
        ]
    )


def _line(line: LineView) -> str:
    flags = f"{'1' if line.authenticated else '.'}1{'1' if line.registered else 'x'}"
    state = "REGISTERED" if line.registered else "REGISTERING"
    server = f"{line.server[0]}:{line.server[1]}"
    return f"{line.button:<6}{flags}  {state:<13}  {line.expires:<10}  {line.expires:<10}  {server}"


def _strace(viewed: Viewed) -> str:
    return "\n".join(list(viewed.logs.console)[-_STRACE:])


_COMMANDS: dict[str, tuple[str, Callable[[Viewed], Any]]] = {
    "help": ("this list", _help),
    "show register": ("lines and their registration", _register),
    "show strace": ("the last lines of the console log", _strace),
    "exit": ("hang up", lambda _: ""),
}
