"""How phones and computers find out whether they are online, each by its own rules: what they ask, as
whom, and what they conclude. `judge` gets the answers (None: no answer in time) and says

    "online"   the device is content
    "portal"   the device opens its pop-up, or shows that one must sign in
    "none"     the device says "no internet", and nobody is shown anything
"""

import dataclasses
import re
import typing


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict  # lower-case names
    body: bytes
    url: str = ""
    ms: float = 0.0

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    @property
    def location(self):
        return self.headers.get("location")


@dataclasses.dataclass(frozen=True)
class Platform:
    agent: str
    urls: tuple
    judge: typing.Callable
    resolves: tuple = ()  # (name, addresses one of which must come)


def exactly(expected):
    def judge(answer):
        if answer is None:
            return "none"
        return "online" if answer.status == 200 and answer.body.strip() == expected else "portal"
    return judge


def apple(answer):
    if answer is None:
        return "none"
    if answer.status != 200:
        return "portal"
    body = answer.text
    good = re.search(r"<title>\s*success\s*</title>", body, re.I) and re.search(r"<body>\s*success\s*</body>", body, re.I)
    return "online" if good else "portal"


def android(plain, secure):
    """NetworkMonitor: a portal is only what HTTP says; validated is what HTTPS says."""
    if plain is not None and 200 <= plain.status <= 399 and plain.status != 204:
        return "none" if plain.status == 200 and len(plain.body) <= 4 else "portal"
    if secure is not None and secure.status == 204:
        return "online"
    return "none"


def chromium(answer):
    if answer is None or answer.status >= 400:
        return "none"
    return "online" if answer.status == 204 else "portal"


def network_manager(answer):
    if answer is None:
        return "none"
    if answer.headers.get("x-networkmanager-status") == "online":
        return "online"
    if answer.status == 200 and answer.body.startswith(b"NetworkManager is online"):
        return "online"
    return "portal"


def kindle(answer):
    if answer is None:
        return "none"
    return "online" if b"81ce4465-7167-4dcb-835b-dcc9e44c112a" in answer.body else "portal"


CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36"
PLATFORMS = {
    "ios": Platform("CaptiveNetworkSupport-443.120.2 wispr", ("http://captive.apple.com/hotspot-detect.html",), apple),
    "android": Platform(CHROME, ("http://connectivitycheck.gstatic.com/generate_204",
                                 "https://www.google.com/generate_204"), android),
    "windows": Platform("Microsoft NCSI", ("http://www.msftconnecttest.com/connecttest.txt",),
                        exactly(b"Microsoft Connect Test"),
                        (("dns.msftncsi.com", ("131.107.255.255", "fd3e:4f5a:5b81::1")),)),
    "firefox": Platform("Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0",
                        ("http://detectportal.firefox.com/canonical.html",),
                        exactly(b'<meta http-equiv="refresh" content="0;url=https://support.mozilla.org/kb/captive-portal"/>')),
    "chromium": Platform(CHROME, ("http://www.gstatic.com/generate_204",), chromium),
    "networkmanager": Platform("NetworkManager/1.42.4", ("http://network-test.debian.org/nm",), network_manager),
    "kindle": Platform("Mozilla/5.0 (Linux; U; en-US) AppleWebKit/528.5+ Kindle/3.0",
                       ("http://spectrum.s3.amazonaws.com/kindle-wifi/wifistub.html",), kindle),
}
