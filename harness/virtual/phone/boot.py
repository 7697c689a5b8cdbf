"""From power-on to a configuration: what the phone asks the network for, and in which order."""

from __future__ import annotations

from dataclasses import dataclass

from harness.virtual.phone.clock import Clock
from harness.virtual.phone.config import ConfigError, PhoneConfig, parse_config, parse_default
from harness.virtual.phone.defects import Defects
from harness.virtual.phone.dialplan import DialPlan, parse_dial_plan
from harness.virtual.phone.firmware import generation, is_older, parse_loads
from harness.virtual.phone.flash import Flash
from harness.virtual.phone.http import get
from harness.virtual.phone.legacy import LegacyBoot
from harness.virtual.phone.logs import Logs
from harness.virtual.phone.spec import TwinSpec
from harness.virtual.phone.tftp import FileTooBig, ServerError, fetch

__all__ = ["Booted", "Reboot", "boot"]

#: "size limit of 550001 bytes" in the console log of a 7942.
_CONFIG_LIMIT = 550001
_IP_SECONDS = 6.0
_FLASH_SECONDS = 40.0
_RETRY_SECONDS = 180.0


class Reboot(Exception):
    """New firmware is in; start again."""


@dataclass(frozen=True, slots=True)
class Booted:
    """What the phone has when it begins to register."""

    config: PhoneConfig
    dial_plan: DialPlan


class _Boot:
    def __init__(
        self, spec: TwinSpec, flash: Flash, clock: Clock, logs: Logs, defects: Defects
    ) -> None:
        self._spec = spec
        self._flash = flash
        self._clock = clock
        self._logs = logs
        self._defects = defects
        # A server set by hand beats what DHCP says, until a reset that clears it.
        self._server = (flash.tftp_servers(spec.lease.tftp)[0], spec.lease.tftp_port)

    async def get(self, name: str, *, limit: int | None = _CONFIG_LIMIT) -> bytes | None:
        """Fetch a file; None when the server has none, or it is too big. Silence propagates."""
        if self._spec.lease.http_first:
            content = await get(self._spec.address, self._server[0], name, limit)
            if content is not None:
                self._logs.to_console(f"{name}: HTTP Finished --> rcvd {len(content)} bytes")
                return content
        try:
            content = await fetch(self._spec.address, self._server, name, limit)
        except ServerError:
            self._logs.to_status(f"File Not Found : {name}")
            return None
        except FileTooBig:
            self._logs.to_status(f"TFTP Error : {name}")
            self._logs.to_console(f"{name}: size limit of {_CONFIG_LIMIT} bytes")
            return None
        self._logs.to_console(f"{name}: Finished --> rcvd {len(content)} bytes")
        return content

    async def upgrade(self, loads_file: str) -> bool:
        """Fetch a load and all its components; True when it is in flash."""
        content = await self.get(loads_file, limit=None)
        load = parse_loads(content) if content is not None else None
        if load is None:
            return False
        if is_older(load.load, self._flash.load or self._flash.newest):
            self._logs.to_console(f"{loads_file}: {load.load} is not newer, Load rejected")
            return False
        for name in load.components:
            image = await self.get(name, limit=None)
            if image is None:
                self._logs.to_status(f"Load ID incorrect : {loads_file}")
                return False
            await self._clock.spend(_FLASH_SECONDS)
        self._flash.load = self._flash.newest = load.load
        self._flash.components = list(load.components)
        self._flash.save()
        self._logs.to_console(f"flashed {load.load}")
        return True

    async def boot_loads(self) -> None:
        """After a reset: ask for the boot loads until they are good, twice every three minutes."""
        name = self._spec.facts.boot_loads
        if self._defects.fires("asks-wrong-file"):
            name = name.removesuffix("s")
        while True:
            for _ in range(2):
                if await self.upgrade(name):
                    raise Reboot
            await self._clock.spend(_RETRY_SECONDS)

    async def configuration(self) -> PhoneConfig:
        host = self._spec.host_name
        await self.get(f"CTL{host}.tlv")
        if generation(self._flash.load) >= 9:
            for name in (f"ITL{host}.tlv", "ITLFile.tlv"):
                await self.get(name)
        self._logs.to_status("No Trust List Installed")
        tftp = self._server[0]
        content = await self.get(f"{host}.cnf.xml")
        try:
            if content is not None:
                return self._own(content)
            content = await self.get("XMLDefault.cnf.xml")
            if content is not None:
                return parse_default(content, self._spec.facts.number, tftp)
            if self._flash.config:
                # Users of the family report that the last good file is used [remembered for 79x2].
                self._logs.to_console("no configuration served: the one in flash is used")
                return self._own(self._flash.config.encode())
        except ConfigError as error:
            self._logs.to_status(str(error))
        return PhoneConfig(servers=((tftp, 5060),))

    def _own(self, content: bytes) -> PhoneConfig:
        config = parse_config(
            content, generation(self._flash.load), self._spec.facts.lines, self._server[0]
        )
        self._flash.config = content.decode("utf-8", "replace")
        self._flash.save()
        return config

    async def extras(self, config: PhoneConfig) -> DialPlan:
        """Locale, tones, dial plan, soft keys: each is optional and only logged when missing."""
        if config.user_locale is not None or config.lines:
            folder = config.user_locale or ""
            if await self.get(f"{folder}/mk-sip.jar") is None:
                self._logs.to_status("Error Updating Locale")
        tones = f"{config.network_locale}/g3-tones.xml"
        if config.network_locale and await self.get(tones) is None:
            self._logs.to_status("Error Updating Locale")
        plan = DialPlan()
        if config.dial_template and not self._defects.fires("skips-dialplan"):
            content = await self.get(config.dial_template)
            if content is not None:
                parsed = parse_dial_plan(content)
                if parsed is None:
                    self._logs.to_status(f"1 Error(s) Parsing: {config.dial_template}")
                plan = parsed or plan
        if config.soft_key_file:
            await self.get(config.soft_key_file)
        return plan


async def boot(spec: TwinSpec, flash: Flash, clock: Clock, logs: Logs, defects: Defects) -> Booted:
    """Bring the phone from "Configuring IP" to the point where it registers.

    Raises:
        Reboot: new firmware was flashed.
        ServerSilent: the TFTP server never answered; the network has to come up again.
    """
    steps = _Boot(spec, flash, clock, logs, defects)
    await clock.spend(_IP_SECONDS)
    if defects.fires("stuck-in-boot"):
        await clock.spend(10**9)
    if defects.fires("is-a-7940"):
        await LegacyBoot(steps.get, spec.mac, clock, logs).run()
    if not flash.load:
        await steps.boot_loads()
    config = await steps.configuration()
    for problem in config.problems:
        logs.to_console(problem)
    if config.load and config.load != flash.load and await steps.upgrade(f"{config.load}.loads"):
        raise Reboot
    plan = await steps.extras(config)
    if not config.lines:
        logs.to_status("Unprovisioned")
    return Booted(config, plan)
