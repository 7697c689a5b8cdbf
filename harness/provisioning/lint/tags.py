"""Names of elements a SEP<MAC>.cnf.xml may have, to tell a misspelt one from a new one.

Those with a meaning to the harness are in ``elements``; the others are of usecallmanager.nz's page,
public sample files and, where rare, from memory: being here only keeps a name from being doubted.
"""

from __future__ import annotations

from harness.provisioning.elements import ELEMENTS

__all__ = ["MEANT", "TAGS"]

#: Elements the phone would miss: a name next to one of these is doubted.
MEANT: frozenset[str] = frozenset(step for path in ELEMENTS for step in path.split("/")) | {
    *("sipLines", "callManagerGroup", "member", "members", "registerWithProxy", "ports"),
}
_OTHERS = """
MissedCallLoggingOption T302Timer TVS abbreviatedDialURI addOnModule addOnModules
advertiseG722Codec alwaysUsePrimeLine alwaysUsePrimeLineVoiceMail autoAnswerAltBehavior
autoAnswerOverride autoAnswerTimer autoCallSelect autoSelectLineEnable backgroundImageAccess
backupProxy backupProxyPort callForwardURI callHoldRingback callLogBlfEnabled callManagerGroup
callPickupGroupURI callPickupListURI callPickupURI callerName callerNumber capf capfAuthMode
capfList certHash commonConfig daysDisplayNotActive detectCMConnectionFailure device dialedNumber
directoryURL dirn disableLocalSpeedDialConfig disableSpeaker disableSpeakerAndHeadset
displayIdleTimeout displayOnDuration displayOnTime dndControl dscpForAudio dscpForCm2Dvce
dscpForSCCPPhoneConfig dscpForSCCPPhoneServices dtmfDbLevel ehookEnable emergencyProxy
emergencyProxyPort enableCdpPcPort enableCdpSwPort enableLldpPcPort enableLldpSwPort
ethernetPhonePort failConnectTime featureOptionMask forwardCallInfoDisplay fullConfig
g722CodecSupport garp handsetWidebandEnable handsetWidebandUIControl headsetDisabled
headsetWidebandEnable headsetWidebandUIControl idleTimeout idleURL informationURL ipAddr1 ipAddr2
ipAddr3 isSecure keepAlive langCode lineIndex listen logServer loggingDisplay maxRedirects
meetMeServiceURI member members messageWaitingLampPolicy messagesURL mgcpPorts minimumRingVolume
mobility moreKeyReversionTimer natReceivedProcessing natRecievedProcessing
offhookToFirstDigitTimer outboundProxyPort peerFirmwareSharing phonePersonalization phonePort
phoneServices port1 port2 port3 proxyServerURL recordingTone recordingToneDuration
recordingToneLocalVolume recordingToneRemoteVolume redirectedNumber retainForwardInformation
rfcTimer ringSettingActive ringSettingBusyStationPolicy ringSettingIdle secureAuthenticationURL
secureDirectoryURL secureIdleURL secureInformationURL secureMessagesURL secureServicesURL
securedSipPort serviceURI servicesURL silentPeriodBetweenCallWaitingBursts sipInviteRetx
sipIpAddr1 sipIpAddr2 sipIpAddr3 sipLines sipPort1 sipPort2 sipPort3 speakerDisabled
speedDialNumber srstInfo srstOption sshPort stutterMsgWaiting timerInviteExpires
timerKeepAliveExpires timerSubscribeDelta timerSubscribeExpires transferOnhookEnabled uid
userCredentials userInfo userModifiable version versionStamp videoCapability voiceVlanAccess
vpnGroup webProtocol winCharSet wirelessHeadsetHookswitchControl
"""
#: Every known name.
TAGS: frozenset[str] = MEANT | frozenset(_OTHERS.split())
