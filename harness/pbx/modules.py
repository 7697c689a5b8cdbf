"""The modules both Asterisks load: only what the bench uses, so that a start takes no second."""

from __future__ import annotations

__all__ = ["OPTIONAL", "REQUIRED"]

#: Asterisk must not start without these.
REQUIRED = (
    "res_sorcery_config", "res_sorcery_memory", "res_sorcery_astdb",
    "res_pjproject", "res_rtp_asterisk", "pbx_config", "bridge_simple", "bridge_softmix",
    "codec_ulaw", "codec_alaw", "codec_g722", "codec_resample", "app_dial", "app_confbridge",
)  # fmt: skip
#: Found in some builds only, or of use to people at the console.
OPTIONAL = (
    "res_timing_timerfd", "res_crypto", "res_speech", "res_security_log",
    "bridge_builtin_features", "codec_a_mu", "codec_gsm", "app_echo",
    "func_callerid", "func_channel", "func_hangupcause",
)  # fmt: skip
