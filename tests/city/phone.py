"""A phone: a namespace with one Wi-Fi interface, a real DHCP client, IPv6 addresses that it makes
itself (privacy addresses too), and what its user does: probe, read the splash, tap, download.
"""

import dataclasses
import ipaddress
import json
import pathlib
import secrets
import signal
import subprocess
import sys
import time
import urllib.parse

from city import internet
from city.netns import wait_for
from city.platforms import PLATFORMS, Answer
from city.router import PORTAL_NAME
from city.webpage import Page

HERE = pathlib.Path(__file__).parent


def random_mac():
    """Locally administered, as phones make them up for each network."""
    return ":".join(f"{b:02x}" for b in (secrets.randbits(8) & 0xFC | 2, *secrets.token_bytes(5)))


@dataclasses.dataclass
class Visit:
    """What one walk through the pop-up was like."""
    splash: Page
    online: Page
    answers: list  # every HTTP answer on the way
    splash_ms: float  # from the probe to the splash
    tap_ms: float  # from the tap to the page that says "online"


class Transfer:
    """An iperf3 client under way."""

    def __init__(self, phone, argv, down):
        self.phone, self.down, self.began = phone, down, time.monotonic()
        self.popen = subprocess.Popen(phone.ns.argv(*argv), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                      start_new_session=True)

    def running(self):
        return self.popen.poll() is None

    def interrupt(self):
        """Ends it as a person does; what arrived until then is known."""
        self.popen.send_signal(signal.SIGINT)
        return self.result()

    def result(self, timeout=60):
        out, err = self.popen.communicate(timeout=timeout)
        try:
            self.report = json.loads(out)
        except ValueError:
            raise AssertionError(f"iperf3: {out}\n{err}") from None
        if not self.report.get("intervals"):
            raise AssertionError(f"iperf3: {self.report.get('error', out)}")
        self.phone.payload["down" if self.down else "up"] += self.payload
        return self

    @property
    def intervals(self):
        """(begin s, end s, bytes) of each interval, as this phone saw it."""
        return [(i["sum"]["start"], i["sum"]["end"], i["sum"]["bytes"]) for i in self.report["intervals"]]

    @property
    def payload(self):
        """Bytes received by the receiver (the phone itself when downloading), the omitted seconds too."""
        if self.down or "sum_received" not in self.report.get("end", {}):
            return sum(i[2] for i in self.intervals)
        return self.report["end"]["sum_received"]["bytes"]

    def rate_bps(self, after_s=0.0):
        """Mean rate, without the first seconds."""
        counted = [i for i in self.intervals if i[0] >= after_s - 0.001]
        return 8 * sum(i[2] for i in counted) / sum(i[1] - i[0] for i in counted)

    def longest_stall_s(self):
        longest = run = 0.0
        for begin, end, got in self.intervals:
            run = 0.0 if got else run + (end - begin)
            longest = max(longest, run)
        return longest


class Phone:
    def __init__(self, internet_, name="phone", mac=None, language="it-IT,it;q=0.9,en;q=0.6"):
        self.world, self.internet, self.name = internet_.world, internet_, name
        self.mac, self.language = (mac or random_mac()).lower(), language
        self.ns = self.world.namespace(name)
        self.router, self.dhcp, self.ipv4 = None, None, None
        self.payload = {"down": 0, "up": 0}  # what iperf3 carried for this phone so far
        self.seen = []  # every HTTP answer that it ever got
        self.lease_file = self.world.dir / f"{name}.lease"
        for key, value in {"accept_ra": 2, "use_tempaddr": 2, "router_solicitation_delay": 0}.items():
            self.ns.sysctl(f"net.ipv6.conf.default.{key}", value)

    # --- on the air ----------------------------------------------------------------------------
    def join(self, router, ipv6=True):
        """Walks into the square: link, DHCP, IPv6. The milliseconds until it has its IPv4 address."""
        began = time.monotonic()
        port = f"p-{self.name}"[:15]
        subprocess.run(["ip", "link", "add", port, "netns", router.ns.full, "type", "veth", "peer", "name", "wlan0",
                        "address", self.mac, "netns", self.ns.full], check=True)
        self.router = router
        router.port(port)
        self.ns.ip("link", "set", "wlan0", "up")
        self.ask_dhcp()
        took = round((time.monotonic() - began) * 1000)
        if ipv6:
            self.wait_ipv6()
        return took

    def ask_dhcp(self):
        self.lease_file.unlink(missing_ok=True)
        self.dhcp = self.ns.start("udhcpc", "-f", "-i", "wlan0", "-s", HERE / "udhcpc.script", "-t", "10", "-T", "1",
                                  "-V", "android-dhcp-14", "-x", f"hostname:{self.name}", "-O", "114",
                                  env={"LEASE": str(self.lease_file)})
        wait_for(f"a DHCP lease for {self.name}", self.lease_file.exists)
        self.ipv4 = self.lease()["ip"]

    def lease(self):
        """What DHCP told: ip, router, dns, opt114, …"""
        return dict(line.split("=", 1) for line in self.lease_file.read_text().splitlines() if "=" in line)

    def link_local(self):
        rows = json.loads(self.ns.run("ip", "-j", "-6", "address", "show", "dev", "wlan0", "scope", "link").stdout)
        return next(a["local"] for row in rows for a in row.get("addr_info", []) if "local" in a)

    def wait_ipv6(self):
        """Until it has a privacy address that it may use, and a way out."""
        def ready():
            rows = json.loads(self.ns.run("ip", "-j", "-6", "address", "show", "dev", "wlan0", "scope", "global").stdout)
            usable = [a for row in rows for a in row.get("addr_info", [])
                      if a.get("temporary") and not a.get("tentative") and not a.get("deprecated")]
            return [a["local"] for a in usable
                    if ipaddress.ip_address(a["local"]) in ipaddress.ip_network(self.router.prefix)]
        return wait_for(f"an IPv6 address for {self.name}", ready)[0]

    def leave(self):
        """Walks out of reach."""
        if self.dhcp:
            self.dhcp.kill()
        if self.router:
            self.ns.ip("link", "del", "wlan0")
        self.router = self.dhcp = self.ipv4 = None

    def move_to(self, router, ipv6=True):
        self.leave()
        return self.join(router, ipv6)

    # --- HTTP ----------------------------------------------------------------------------------
    def fetch(self, url, *options, agent=None, timeout=5.0):
        """One request, no redirect followed. None if there was no answer."""
        began = time.monotonic()
        r = self.ns.run("curl", "-sSi", "--max-time", timeout, "--cacert", self.internet.ca.cert,
                        "-A", agent or PLATFORMS["android"].agent, "-H", f"Accept-Language: {self.language}",
                        *options, url, check=False, text=False)
        self.trouble = r.stderr.decode(errors="replace").strip()
        if r.returncode != 0 and not r.stdout.startswith(b"HTTP/"):
            return None
        head, _, body = r.stdout.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        answer = Answer(int(lines[0].split()[1]), headers, body, url, (time.monotonic() - began) * 1000)
        self.seen.append(answer)
        return answer

    def never_saw_portal(self):
        """Not a redirect to it, not a page of it."""
        return not [a for a in self.seen if PORTAL_NAME in (a.location or "") or PORTAL_NAME in a.url]

    def resolve(self, name):
        r = self.ns.run("getent", "ahosts", name, check=False)
        return {line.split()[0] for line in r.stdout.splitlines()}

    def probe(self, platform="ios"):
        """What this platform concludes about the network: "online", "portal" or "none"."""
        p = PLATFORMS[platform]
        verdict = p.judge(*(self.fetch(url, agent=p.agent) for url in p.urls))
        if verdict == "online":
            for name, addresses in p.resolves:
                if not self.resolve(name) & set(addresses):
                    return "none"
        return verdict

    def browse(self, url, answers, *options):
        """Follows redirects as the pop-up's browser does."""
        for _ in range(5):
            answer = self.fetch(url, *options)
            if answer is None:
                raise AssertionError(f"no answer from {url}: {self.trouble}")
            answers.append(answer)
            if answer.status not in (301, 302, 303, 307):
                return answer
            url, options = urllib.parse.urljoin(url, answer.location), ()
        raise AssertionError(f"redirected in circles: {[a.url for a in answers]}")

    def splash(self, platform="ios"):
        """Opens the pop-up: the splash page as its user sees it, and all answers on the way."""
        answers = []
        last = self.browse(PLATFORMS[platform].urls[0], answers)
        if last.status != 200:
            raise AssertionError(f"{last.url}: {last.status}\n{last.text}")
        return Page(last.text), answers

    def submit(self, page, path, answers):
        """Sends the page's form that goes to path, as it stands, and follows."""
        form = page.form(path)
        if form is None:
            raise AssertionError(f"no form to {path}; the page says: {page.text}")
        target = urllib.parse.urljoin(answers[-1].url, form.action)
        return self.browse(target, answers, "--data-raw", form.encoded())

    def tap(self, platform="ios"):
        """What a person does with the pop-up: reads the splash page and taps its button."""
        began = time.monotonic()
        page, answers = self.splash(platform)
        read = time.monotonic()
        after = self.submit(page, "/join", answers)
        done = time.monotonic()
        if after.status != 200:
            raise AssertionError(f"after the tap: {after.status}\n{after.text}")
        return Visit(page, Page(after.text), answers, (read - began) * 1000, (done - read) * 1000)

    def press(self, path):
        """Opens the portal's page and presses the button that goes to path (/leave, /forget)."""
        answers = []
        page = Page(self.browse(self.portal("/"), answers).text)
        return Page(self.submit(page, path, answers).text), answers

    def portal(self, path="/"):
        return f"http://{PORTAL_NAME}{path}"

    # --- bytes ---------------------------------------------------------------------------------
    def start_iperf(self, direction="down", seconds=5, family=4, interval=0.1, options=()):
        """Under way when the first bytes may flow; see Transfer."""
        host = internet.IPERF[0 if family == 4 else 1]
        argv = ["iperf3", "--client", host, "--port", self.internet.iperf_port(), "--json", "--time", seconds,
                "--interval", interval, "--connect-timeout", 3000, *options]
        if direction == "down":
            argv.append("--reverse")
        return Transfer(self, argv, direction == "down")

    def iperf(self, *args, **kw):
        return self.start_iperf(*args, **kw).result()

    def reaches(self, address, port=80, timeout=1.0):
        """Whether a TCP connection is made."""
        code = f"import socket;socket.create_connection(({address!r},{port}),{timeout}).close()"
        return self.ns.run(sys.executable, "-c", code, check=False).returncode == 0

    def pings(self, address, timeout=1.0):
        return self.ns.run("ping", "-n", "-c", "1", "-W", timeout, address, check=False).returncode == 0
