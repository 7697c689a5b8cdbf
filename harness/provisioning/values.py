"""The values the shipped templates take, with the article's settings as defaults."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFAULTS", "TemplateValue"]


@dataclass(frozen=True, slots=True)
class TemplateValue:
    """One value: its name in the templates, its default and what it does to a phone."""

    name: str
    default: str
    meaning: str


def _(name: str, default: str, meaning: str) -> TemplateValue:
    return TemplateValue(name, default, meaning)


_ALL = (
    _("date_template", "D.M.Y", "order and separators of the date on the display"),
    _("time_zone", "W. Europe Standard/Daylight Time", "one of the phone's own zone names"),
    _("ntp_server", "", "host name or address; empty: the clock comes from SIP Date headers"),
    _("rfc2543_hold", "false", "true: hold by c=0.0.0.0 instead of a=sendonly"),
    _("register_expires", "3600", "seconds a registration is asked for"),
    _("preferred_codec", "g711alaw", "none, g711ulaw, g711alaw, g729a, g722, iLBC or L16"),
    _("dtmf_out_of_band", "avt", "avt, avt_always or none"),
    _("kpml", "3", "0 none, 1 signal, 2 dtmf, 3 both"),
    _("phone_label", "", "top line of the display; empty: the phone's name in lab.yaml"),
    _("call_stats", "false", "true: RTP-RxStat and RTP-TxStat headers in BYE"),
    _("start_media_port", "16384", "first RTP port, even"),
    _("stop_media_port", "32766", "last RTP port, even"),
    _("voip_control_port", "5060", "the phone's own SIP port"),
    _("dial_template", "dialplan.xml", "file name of the dial plan"),
    _("soft_key_file", "", "file name of the soft-key template; empty: the load's own keys"),
    _("cnf_join_enabled", "true", "true: Conf and Join send a REFER only some PBXs understand"),
    _("dial_pattern", "2..", "numbers that are dialled at once"),
    _("phone_password", "1234", "unlocks the settings menu"),
    _("load", "", "name of the .loads file without suffix; empty: the lab's"),
    _("pc_port", "1", "0 on, 1 off (inverted, as the article has it: off)"),
    _("web_access", "0", "0 on, 1 off (inverted)"),
    _("ssh_access", "0", "0 on, 1 off (inverted)"),
    _("ssh_user", "cisco", "first login of the phone's console"),
    _("ssh_password", "cisco", "its password; at the second login the shell has its own"),
    _("user_locale", "English_United_Kingdom", "folder that holds mk-sip.jar"),
    _("network_locale", "Germany", "folder that holds g3-tones.xml"),
    _("authentication_url", "", "asked by the phone before CGI/Execute; empty as in the article"),
    _("transport", "2", "1 TCP, 2 UDP, 3 TLS"),
    _("line_proxy", "USECALLMANAGER", "on 9.x loads nothing else registers"),
    _("pbx_address", "", "empty: the lab's pbx.address"),
    _("pbx_port", "", "empty: the lab's pbx.sip_port"),
)

#: Every value by name.
DEFAULTS: dict[str, TemplateValue] = {value.name: value for value in _ALL}
