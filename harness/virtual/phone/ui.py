"""The phone in the user's hands: hook, digits, soft keys, lamps, and calls behind them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any

from harness.virtual.phone.call import Call, CallState, Phoneset
from harness.virtual.phone.config import PhoneConfig
from harness.virtual.phone.consult import ask_to_join, transfer
from harness.virtual.phone.defects import Defects
from harness.virtual.phone.dialler import Dialler
from harness.virtual.phone.dialplan import DialPlan
from harness.virtual.phone.face import Face, display_of
from harness.virtual.phone.flash import Flash
from harness.virtual.phone.lamps import Lamps
from harness.virtual.phone.logs import Logs
from harness.virtual.phone.menu import SettingsMenu
from harness.virtual.phone.sip.identity import Identity
from harness.virtual.phone.sip.message import Message, tag_of
from harness.virtual.phone.sip.notify import remotecc_code, service_action, transfer_status
from harness.virtual.phone.sip.registration import Registration
from harness.virtual.phone.sip.transport import NoAnswer, SipTransport, TcpTransport
from harness.virtual.phone.softkeys import Display, soft_key
from harness.virtual.phone.spec import TwinSpec
from harness.virtual.phone.windows.handset import LineView, Picture, StreamView

__all__ = ["Telephone"]

_DIGITS = frozenset("0123456789*#")
#: transportLayerProtocol: 1 is TCP, 4 "TCP temporary".
_TCP = (1, 4)
#: How long a digit sent by SendDigits lasts.
_SENT_DIGIT_SECONDS = 0.12


class Telephone:
    """A booted phone: registered lines, calls, and the keys that make them.

    Args:
        reason: why it booted, for the first REGISTER.
        restart: called with a reason when the phone shall restart.
    """

    def __init__(
        self,
        *,
        spec: TwinSpec,
        config: PhoneConfig,
        dial_plan: DialPlan,
        flash: Flash,
        reason: str,
        lamps: Lamps,
        logs: Logs,
        defects: Defects,
        restart: Callable[[str], None],
    ) -> None:
        self._spec = spec
        self._config = config
        self._face = Face(config, lamps)
        self._logs = logs
        self._defects = defects
        self._ask_restart = restart
        self._reason = reason
        self._flash = flash
        self._registrations: list[Registration] = []
        self._calls: list[Call] = []
        self._active: Call | None = None
        self._consult_for: Call | None = None
        self._consult_kind = ""
        self._dialler = Dialler(dial_plan, self._dial)
        self._page = 0
        self._menu = SettingsMenu(
            self._restart_keys, self._save_tftp, config.phone_password, flash.alternate_tftp
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._others_started = False
        self._transport: SipTransport
        self._identity: Identity
        self._phoneset: Phoneset

    async def start(self) -> None:
        """Open the sockets and register; the prime line first, the others once it is in."""
        spec, config = self._spec, self._config
        if config.transport in _TCP:
            self._transport = TcpTransport(
                spec.address, config.servers[0], config.t1, config.t2, self._on_request,
                lambda: self._ask_restart("cm-closed-tcp"),
            )  # fmt: skip
        else:
            self._transport = SipTransport(
                spec.address, config.voip_control_port, config.t1, config.t2, self._on_request
            )
        await self._transport.open()
        self._identity = Identity(
            spec.mac.lower(), spec.address, self._transport.port, spec.facts.product,
            spec.facts.number, self._flash.load, self._transport.protocol,
        )  # fmt: skip
        self._phoneset = Phoneset(self._transport, self._identity, config, self._defects, spec.tone)
        self._registrations = [
            Registration(
                self._transport, self._identity, config, line, self._reason, spec.host_name,
                self._logs, self._defects, self._on_registered,
            )
            for line in config.lines
        ]  # fmt: skip
        if config.register and self._registrations:
            self._spawn(self._registrations[0].run())

    def _on_registered(self) -> None:
        if not self._others_started:
            self._others_started = True
            for registration in self._registrations[1:]:
                self._spawn(registration.run())
        self._show()

    async def stop(self) -> None:
        """End calls and registrations and close every socket, as before a restart."""
        for call in self._calls:
            if call.state is not CallState.ENDED:
                await call.hang_up()
        for task in list(self._tasks):
            task.cancel()
        for registration in self._registrations:
            await registration.unregister()
        self._transport.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, NoAnswer):
            self._logs.to_console(f"no answer: {error}")
        elif error is not None:
            raise error

    # Keys

    def key(self, name: str, *, down: bool) -> None:
        """A key moved."""
        if not down:
            if name in _DIGITS and self._active is not None:
                self._active.rtp.release()
            return
        if self._menu.is_open:
            self._menu.key(name)
        elif name == "settings":
            self._menu.open()
        elif name in _DIGITS:
            self._digit(name)
        elif name.startswith("soft"):
            self._soft(soft_key(self.display, self._page, int(name[4:])))
        elif name in ("speaker", "headset", "hook") or name.startswith("line"):
            self._hook(name)

    def _digit(self, digit: str) -> None:
        active = self._active
        if self._dialler.active:
            self._dialler.digit(digit)
        elif active is not None and active.state is CallState.CONNECTED:
            self._press_dtmf(active, digit)

    def _press_dtmf(self, call: Call, digit: str) -> None:
        sent = digit
        if digit == "4" and self._defects.fires("wrong-dtmf-digit"):
            sent = "7"
        call.rtp.press(sent)
        if self._defects.fires("dtmf-doubled"):
            call.rtp.release()
            call.rtp.press(sent)

    async def send_digits(self, digits: str) -> bool:
        """Send digits in the active call; False when there is none."""
        call = self._active
        if call is None or call.state is not CallState.CONNECTED:
            return False
        for digit in digits:
            call.rtp.press(digit)
            await asyncio.sleep(_SENT_DIGIT_SECONDS)
            call.rtp.release()
        return True

    def _restart_keys(self) -> None:
        if self._config.settings_access and not self._defects.fires("restart-ignored"):
            self._ask_restart("phone-keypad")

    def _save_tftp(self, server: str) -> None:
        if self._config.settings_access:
            self._flash.alternate_tftp = server
            self._flash.save()

    def _hook(self, name: str) -> None:
        ringing = self._call_in(CallState.RING_IN)
        if ringing is not None:
            self._spawn(self._answer(ringing))
        elif self._active is not None and name == "speaker":
            self._spawn(self._end(self._active))
        elif self._dialler.active:
            self._dialler.stop()
        elif self._active is None:
            self._dialler.start()
        self._show()

    def _soft(self, label: str) -> None:
        active = self._active
        if label == "more":
            self._page += 1
            return
        self._page = 0
        if label == "NewCall":
            self._dialler.start()
        elif label == "Answer":
            ringing = self._call_in(CallState.RING_IN)
            if ringing is not None:
                self._spawn(self._answer(ringing))
        elif label == "EndCall" and self._dialler.active:
            self._dialler.stop()
        elif active is None:
            return
        elif label == "EndCall":
            self._spawn(self._end(active))
        elif label == "Hold":
            self._spawn(self._hold(active))
        elif label == "Resume":
            self._spawn(self._resume(active))
        elif label in ("Trnsfer", "Confrn"):
            self._consult_key(active, label)
        self._show()

    def _consult_key(self, active: Call, label: str) -> None:
        if self._consult_for is None:
            self._spawn(self._begin_consult(active, label))
        elif label == "Trnsfer":
            self._spawn(self._transfer(self._consult_for, active))
        elif self._config.remote_cc:
            self._spawn(self._conference(self._consult_for, active))

    # Calls

    def _dial(self, number: str) -> None:
        if self._registrations:
            registration = self._registrations[0]
            call = Call(self._phoneset, registration.line, registration.server)
            self._calls.append(call)
            self._active = call
            self._spawn(self._place(call, number))
        self._show()

    async def _place(self, call: Call, number: str) -> None:
        status = await call.dial(number)
        if status != 200:
            self._logs.to_console(f"call to {number} failed: {status}")
        self._after_end(call)
        self._show()

    async def _answer(self, call: Call) -> None:
        if self._active is not None and self._active.state is CallState.CONNECTED:
            await self._active.hold()
        self._active = call
        await call.answer()
        self._show()

    async def _end(self, call: Call) -> None:
        await call.hang_up()
        self._after_end(call)
        self._show()

    async def _hold(self, call: Call) -> None:
        await call.hold()
        self._show()

    async def _resume(self, call: Call) -> None:
        await call.resume()
        self._show()

    async def _begin_consult(self, call: Call, label: str) -> None:
        await call.hold()
        self._consult_for, self._consult_kind = call, label
        self._active = None
        self._dialler.start()
        self._show()

    async def _transfer(self, first: Call, second: Call) -> None:
        status = await transfer(first, second)
        self._logs.to_console(f"transfer: {status}")
        if status != 202:
            self._consult_for = None
            self._show()

    async def _conference(self, first: Call, second: Call) -> None:
        """The second press of Confrn; when it is refused both calls stay, the first one held."""
        joined = await ask_to_join(
            first, second, self._registrations[0], self._identity, self._transport, self._logs
        )
        if joined:
            return
        self._consult_for, self._consult_kind = None, ""
        if self._defects.fires("hangs-up-on-conference"):
            await first.hang_up()
            self._after_end(first)
        self._show()

    def _call_in(self, state: CallState) -> Call | None:
        return next((call for call in self._calls if call.state is state), None)

    def _after_end(self, ended: Call) -> None:
        if ended.state is not CallState.ENDED:
            return
        if ended in self._calls:
            self._calls.remove(ended)
        if self._active is ended:
            self._active = None
        if self._consult_for is ended or self._active is None:
            self._consult_for, self._consult_kind = None, ""
        if self._active is None and self._calls:
            self._active = self._calls[-1]

    # Requests from the network

    def _on_request(self, request: Message) -> None:
        call = next((c for c in self._calls if c.call_id == request.call_id), None)
        method = request.method
        if method == "OPTIONS":
            self._transport.respond(request, request.reply(200, "OK", to_tag=self._identity.tag()))
        elif method == "NOTIFY":
            self._on_notify(request, call)
        elif method == "CANCEL":
            self._transport.respond(request, request.reply(200, "OK"))
            if call is not None and call.state is CallState.RING_IN:
                call.refuse(487, "Request Cancelled")
                self._after_end(call)
        elif call is not None:
            self._spawn(self._in_dialog(call, request))
        elif method == "INVITE" and not tag_of(request.get("To")):
            self._spawn(self._incoming(request))
        elif method == "SUBSCRIBE":
            self._transport.respond(request, request.reply(489, "Bad Event"))
        else:
            answer = request.reply(481, "Call Leg/Transaction Does Not Exist")
            self._transport.respond(request, answer)
        self._show()

    async def _in_dialog(self, call: Call, request: Message) -> None:
        await call.take_request(request)
        self._after_end(call)
        self._show()

    async def _incoming(self, invite: Message) -> None:
        registration = self._registration_for(invite)
        if registration is None:
            self._transport.respond(invite, invite.reply(404, "Not Found"))
            return
        if len(self._calls) >= max(1, registration.line.busy_trigger):
            busy = invite.reply(486, "Busy Here", to_tag=self._identity.tag())
            self._transport.respond(invite, busy)
            return
        call = Call(self._phoneset, registration.line, registration.server)
        self._calls.append(call)
        if not await call.ring(invite):
            self._calls.remove(call)
        self._show()

    def _registration_for(self, invite: Message) -> Registration | None:
        match = re.match(r"sips?:([^@;]+)@", invite.start.split(" ")[1])
        user = match[1] if match else ""
        return next((r for r in self._registrations if user in (r.line.name, r.line.contact)), None)

    def _on_notify(self, request: Message, call: Call | None) -> None:
        event = request.get("Event").split(";", maxsplit=1)[0]
        if event == "service-control":
            self._service_control(request)
            return
        self._transport.respond(request, request.reply(200, "OK"))
        told = remotecc_code(request.body)
        if told is not None:
            self._logs.to_status(f"Conference {told}")
            self._consult_for, self._consult_kind = None, ""
        if event == "refer" and call is not None:
            status = transfer_status(request.body)
            if status is not None:
                self._spawn(self._transferred(call, status))

    async def _transferred(self, call: Call, status: int) -> None:
        self._logs.to_console(f"transfer ended: {status}")
        self._consult_for = None
        if status >= 300 or self._defects.fires("transfer-leaves-leg"):
            return
        for leg in list(self._calls):
            if leg.state is CallState.ENDED:
                self._after_end(leg)
            elif leg is call or leg is self._active:
                await self._end(leg)

    def _service_control(self, request: Message) -> None:
        """The server's restart or reset."""
        action = service_action(request.body, {r.call_id for r in self._registrations})
        if action is None:
            self._transport.respond(request, request.reply(400, "Bad Request"))
            return
        self._transport.respond(request, request.reply(200, "OK"))
        if action in ("restart", "reset"):
            self._ask_restart("reset-restart")

    # What the user sees, and what the windows show of it

    @property
    def display(self) -> Display:
        """Which set of soft keys the phone shows."""
        return display_of(
            self._calls, self._active, self._consult_for, self._consult_kind,
            dialling=self._dialler.active,
        )  # fmt: skip

    @property
    def idle(self) -> bool:
        """No call and no dial tone."""
        return not self._calls and not self._dialler.active

    def dial(self, number: str) -> None:
        """Call a number on line 1, as ``Dial:`` from afar does."""
        self._dialler.stop()
        self._dial(number)

    def streams(self) -> list[StreamView]:
        """The sessions of all calls, the active one first."""
        calls = sorted(self._calls, key=lambda call: call is not self._active)
        return [
            StreamView(
                (self._spec.address, call.rtp.port), call.rtp.target,
                call.state is CallState.CONNECTED, call.rtp.statistics,
            )
            for call in calls
            if call.rtp.port
        ]  # fmt: skip

    def line_views(self) -> list[LineView]:
        """The registrations."""
        return [registration.view() for registration in self._registrations]

    def picture(self) -> Picture:
        """What the display shows now."""
        registered = any(line.registered for line in self.line_views())
        return self._face.picture(
            self.display, self._page, self._calls, self._dialler.typed, self._menu.lines(),
            registered=registered,
        )  # fmt: skip

    def _show(self) -> None:
        self._face.show(self._calls, dialling=self._dialler.active)
