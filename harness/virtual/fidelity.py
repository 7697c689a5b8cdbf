"""What the twins do as real devices do, and how sure we are of each: written into the docs.

No twin is decided by this table. What a row says can be held against a recording of hardware by its
aspects (``harness twin compare``); which rows ever agreed is in ``confirmations.toml``, beside this
file.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["BEHAVIOURS", "TEST", "UNSHOWN", "Behaviour", "Grade"]

#: How a row names a test among its aspects, and what no test shows of it.
TEST = "test:"
UNSHOWN = "unshown:"


class Grade(StrEnum):
    """What speaks for it that the real device does the same, before any was looked at."""

    SOURCED = "sourced"
    INFERRED = "inferred"
    REMEMBERED = "remembered"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One thing a twin does, in the module ``where`` below harness.virtual.

    ``aspects`` is what of a recording shows it: aspects by their keys, and tests that pass on both
    benches as ``test:NAME``. What no test of the suite shows of it is ``unshown:WHAT``: the rest
    may agree, the row never does in full. A behaviour without one shows in no recording at all.
    """

    key: str
    area: str
    aspects: tuple[str, ...]
    does: str
    where: str
    source: str
    grade: Grade

    @property
    def can_be_shown(self) -> bool:
        """Whether a recording of the suite can show all of it."""
        return bool(self.aspects) and not any(each.startswith(UNSHOWN) for each in self.aspects)


_ROWS = {
    "Network and files": (
        ("dhcp-class", "dhcp.class",
         "DHCP option 60 is `Cisco Systems, Inc. IP Phone CP-79x2G` and one NUL byte",
         "phone.dhcp", "Wazo's plug-in, logged on 79x1; the models' names by analogy", "inferred"),
        ("dhcp-asked", "dhcp.name dhcp.asked",
         "DHCP option 12 is `SEP` and the MAC; option 55 asks for 1, 66, 6, 3, 15, 150, 35",
         "phone.dhcp", "no capture of a 79x2 is public", "remembered"),
        ("dhcp-150-first", "",
         "of the TFTP servers, option 150 comes before 66", "phone.dhcp", "users' experience",
         "remembered"),
        ("dhcp-siaddr", "",
         "without either option, the header's siaddr is the TFTP server", "phone.dhcp",
         "udhcpd re-flashed 79x2 phones by it", "sourced"),
        ("no-server", "",
         "without a TFTP server it tries all over again after 20 s", "phone.uplink",
         "the time is a guess", "remembered"),
        ("tftp-requests", "tftp.request tftp.block tftp.port",
         "TFTP: octet, no options, 512-byte blocks, a new source port for each file", "phone.tftp",
         "capture of a 7962 with 9.4(2)", "sourced"),
        ("tftp-error", "tftp.refused",
         "ERROR means go on without the file", "phone.tftp", "tftpd log of a 7942 with 9.4(2)",
         "sourced"),
        ("tftp-silence", "",
         "silence is fatal: three tries, then DHCP again", "phone.tftp",
         "a 7961 whose requests were lost; the seconds between tries are a guess", "inferred"),
        ("boot-files", "boot.files",
         "trust lists, then `SEP<MAC>.cnf.xml`, locale, dial plan, soft keys", "phone.boot",
         "tftpd log of a 7942 with 9.4(2); console log of a 7942", "sourced"),
        ("tones-file", "boot.locale",
         "g3-tones.xml is asked for whenever a networkLocale is set", "phone.boot",
         "seen on a 7962, not on a 7942", "inferred"),
        ("trust-lists-8", "boot.trust-8",
         "8.x asks for no ITL file", "phone.boot", "ITL came with 9.x; reports of 2008 to 2010",
         "inferred"),
        ("file-limit", "",
         "files other than firmware end at 550001 bytes", "phone.boot", "console log of a 7942",
         "sourced"),
        ("default-file", "boot.default-file",
         "XMLDefault.cnf.xml when its own file is missing", "phone.boot",
         "Cisco administration guides; users' scripts", "sourced"),
        ("last-good-file", "",
         "with neither, the last good file in flash is used", "phone.boot",
         "users of the family", "remembered"),
        ("http-first", "boot.protocols boot.http",
         "HTTP on port 6970 before TFTP, off unless asked for", "phone.http",
         "usecallmanager.nz; not seen on a 7942 with 9.4(2)", "sourced"),
    ),
    "Firmware and reset": (
        ("reset-files", "reset.files",
         "after a reset term42 or term62.default.loads, then its images by the exact name",
         "phone.boot", "the article; users' scripts", "sourced"),
        ("older-refused", "",
         "an older boot load is refused: asked for twice, again every three minutes", "phone.boot",
         "the article, comment 9", "sourced"),
        ("equal-taken", "flash.equal-load",
         "after a reset an equal load is taken", "phone.firmware",
         "docs/decisions/0010-equal-load-after-reset.md", "inferred"),
        ("older-after-reset", "",
         "a reset does not let an older load in", "phone.flash", "the article, comment 9",
         "inferred"),
        ("load-format", "",
         "load files are read: the twin's are stand-ins, real ones are signed and never parsed",
         "phone.firmware", "the format is not published", "inferred"),
        ("reset-lamps", "reset.walk reset.amber unshown:within-60-s",
         "`#` held at power-on: amber walk, code within 60 s, red, reset", "phone.process",
         "Cisco support threads; carriers' instructions", "sourced"),
        ("reset-codes",
         "reset.red test:test_format_code_wipes_everything"
         " test:test_keep_network_code_wipes_the_rest",
         "three codes: what each wipes, five dark minutes after a format", "phone.reset",
         "users' notes quoting Cisco support", "sourced"),
        ("7940-files", "",
         "a 7940 in a 7942's place asks for OS79XX.TXT and SIPDefault.cnf", "phone.legacy",
         "Cisco 7940/7960 administration guide; voip-info", "sourced"),
        ("7940-again", "",
         "that 7940 tries again every minute", "phone.legacy", "users' experience", "remembered"),
    ),
    "Configuration": (
        ("config-values", "",
         "numbers as atoi, booleans only by the exact word true, ports before processNodeName",
         "phone.config", "SIPCC config_parser.c", "sourced"),
        ("config-malformed", "",
         "a file that is not well formed is refused whole", "phone.config",
         "no parser of the phone's own is public", "inferred"),
        ("password-length", "",
         "passwords are cut after 31 characters", "phone.config", "SIPCC prot_configmgr.h",
         "sourced"),
        ("dtmf-word", "",
         "an unknown dtmfOutofBand is taken for avt", "phone.config", "SIPCC's defaults",
         "inferred"),
        ("proxy-address", "",
         "9.x with an address as a line's proxy never registers", "phone.config",
         "report of a 7962 with 9.4(2); the article, comment 7", "sourced"),
        ("dial-template", "",
         "dial template: `.`, `*`, `\\*`, `,` and Timeout", "phone.dialplan", "usecallmanager.nz",
         "sourced"),
    ),
    "Registration and calls": (
        ("sip-ports", "sip.port",
         "UDP leaves from an ephemeral port, answers are heard on voipControlPort only",
         "phone.sip.transport", "captures of 7961 and 7962", "sourced"),
        ("register-form", "register.headers register.values",
         "REGISTER: headers, tags and Call-ID made of the MAC", "phone.sip.identity",
         "traces of 7961 (8.5) and 7970 (8.4); model numbers by analogy", "inferred"),
        ("digest", "register.digest",
         "digest MD5 without qop", "phone.sip.digest", "traces of this family", "sourced"),
        ("register-tries", "",
         "three tries with a password; 404, 413, 480 and 486 reject", "phone.sip.registration",
         "SIPCC ccsip_register.c", "sourced"),
        ("register-removed", "register.removed",
         "the contact is taken away before a restart", "phone.sip.registration", "SIPCC",
         "inferred"),
        ("offers", "sdp.form sdp.codecs",
         "offers with `c=` at media level and codecs in its own order", "phone.sip.sdp",
         "traces of this family", "sourced"),
        ("digits", "dtmf.ends dtmf.payload",
         "digits as RFC 4733 events, three end packets", "phone.media.rtp", "RFC 4733", "inferred"),
        ("conference-refer", "refer.remotecc",
         "Confrn is an out-of-dialog REFER with a remotecc body", "phone.sip.remotecc",
         "trace of CallManager with a later model; the article, comments 6 and 8", "inferred"),
        ("blind-transfer", "refer.transfer test:test_blind_transfer",
         "Transfer while the target rings is blind", "phone.consult", "semiAttendedTransfer",
         "inferred"),
    ),
    "Keys, lamps and windows": (
        ("settings-keys",
         "test:test_restart_from_the_settings_menu_comes_back_registered"
         " unshown:the-TFTP-server",
         "`**#` unlocks, `**#**` restarts, a TFTP server by items 32 and 33", "phone.menu",
         "users' notes; Cisco 7942G administration guide", "sourced"),
        ("settings-soft-keys", "",
         "which soft key does what in the settings menu", "phone.menu", "no picture is public",
         "inferred"),
        ("soft-keys",
         "test:test_hold_silences_and_resume_brings_both_back test:test_attended_transfer"
         " unshown:each-state",
         "soft keys in each state of a call", "phone.softkeys", "users' descriptions of 9.x",
         "remembered"),
        ("web-pages",
         "test:test_network_page_names_our_servers test:test_codec_by_the_phones_own_count"
         " unshown:the-order",
         "web pages: names and order of elements", "phone.windows.pages",
         "notes on 7940, 7945G and 7975G, by analogy", "inferred"),
        ("execute",
         "test:test_a_call_dialled_from_afar_is_a_call unshown:three-items unshown:another-word",
         "Execute: three items, the authentication URL must say AUTHORIZED",
         "phone.windows.execute", "Cisco's development notes 9.1(1)", "sourced"),
        ("execute-closed", "",
         "without an authentication URL nobody is let in", "phone.windows.execute",
         "users of 79x1 and 79x2", "remembered"),
        ("execute-refused", "",
         "an Execute item that is refused: the words of the answer", "phone.windows.execute",
         "the notes do not say", "inferred"),
        ("screenshot", "test:test_display_and_logs_can_be_read unshown:size-and-formats",
         "a screenshot of 320 x 222; BMP, PNG or CIP on order", "phone.windows.screen",
         "data sheets; the format is not published", "inferred"),
        ("ssh", "test:test_console_agrees_that_line_1_is_registered unshown:only-old-ones",
         "SSH with old key exchange and ciphers only", "phone.windows.console",
         "users' experience", "remembered"),
        ("console-logins", "",
         "second logins log, debug and default, and what each may do", "phone.windows.console",
         "users' notes; the rights are a guess", "inferred"),
        ("show-register", "test:test_console_agrees_that_line_1_is_registered",
         "`show register` prints as SIPCC does", "phone.windows.console", "ccsip_register.c",
         "sourced"),
        ("status-messages", "",
         "status messages: the form of the time before each", "phone.logs", "users' quotes",
         "remembered"),
    ),
    "Outlet and keypad": (
        ("power-cut", "test:test_power_cycle_boots_without_flashing_again",
         "power cut: the phone is gone at once, only its flash stays", "phone_process",
         "a desk phone has no battery", "inferred"),
        ("power-draw", "",
         "a phone draws 0.12 A at 48 V", "world", "at most 6.3 W by the data sheets", "inferred"),
        ("scpi", "",
         "SCPI: switching and read-back in the plain dialect", "pdu",
         "made up: SCPI PDUs differ, each has a dialect", "inferred"),
        ("snmp", "",
         "SNMP v2c and v3 by the vendors' tables", "snmp_pdu", "the MIBs of APC, Raritan, PoE",
         "sourced"),
        ("keypad-protocol", "",
         "keypad line protocol 2", "keypad", "docs/reference/keypad-protocol.md", "sourced"),
        ("grbl", "",
         "GRBL 1.1h: buffers, ok, dwells, alarms; moves stop at their end", "grbl",
         "gnea/grbl's documents and sources", "sourced"),
    ),
}  # fmt: skip

BEHAVIOURS = tuple(
    Behaviour(key, area, tuple(aspects.split()), does, where, source, Grade(grade))
    for area, rows in _ROWS.items()
    for key, aspects, does, where, source, grade in rows
)
