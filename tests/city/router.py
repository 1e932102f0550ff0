"""An access router: bridge, address translation, dnsmasq, loggia-gate and loggiad, all from the
sample files of conf/router, with this router's values in place of the sample's.

The first router of a city is the sample's own: 10.80.0.1/20, 2001:db8:80::1/64; the next 81, 82, …
"""

import itertools
import json
import os
import pathlib
import pwd
import re
import shutil
import time

from city.netns import wait_for

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("LOGGIA_BUILD", SOURCE / "build")).resolve()
SAMPLES = SOURCE / "conf" / "router"
PORTAL_NAME = "wifi.prato.example"
PROGRAMS = {"loggiad": BUILD / "portal" / "loggiad", "loggia-gate": BUILD / "netfilter" / "loggia-gate",
            "loggiactl": BUILD / "portal" / "loggiactl"}
SERIALS = itertools.count(1)
USERS = {"user": "nobody", "gate_user": "daemon"}  # exist everywhere; nothing is added to the machine


def filled(text, values):
    """A sample with other values; each must be in it, so that sample and city cannot drift apart."""
    for old, new in values.items():
        if old not in text:
            raise AssertionError(f"the sample has no {old!r}")
        text = text.replace(old, new)
    return text


class Router:
    def __init__(self, internet, name="router", number=0, zone=("piazza-duomo", "Piazza del Duomo"),
                 radius=None, notices=SOURCE / "conf" / "notices", gated=True, tls=False):
        """radius: (address of the centre, secret). gated=False: an access router before Loggia.
        tls: secure pages and the API, with a certificate of the city's authority."""
        self.world, self.internet, self.name, self.number = internet.world, internet, name, number
        self.zone, self.radius, self.notices, self.gated = zone, radius, notices, gated
        self.ns = self.world.namespace(name)
        self.net = 80 + number
        self.ipv4, self.ipv6, self.prefix = f"10.{self.net}.0.1", f"2001:db8:{self.net}::1", f"2001:db8:{self.net}::/64"
        self.wan = internet.attach(self.ns)
        internet.route(self.prefix, self.wan[1])
        self.dir = self.world.dir / name
        self.dir.mkdir()
        self.daemons, self.extra_conf, self.tls = {}, "", tls
        self.dnsmasq_extra = ""  # further lines for dnsmasq
        self.radius_conf = ""  # options for the radius section
        self._network()

    # --- the machine ---------------------------------------------------------------------------
    def _network(self):
        self.ns.sysctl("net.ipv6.conf.default.accept_dad", 0)
        # A fixed address: else the bridge takes the lowest of its ports, and phones have the old one in ARP.
        self.ns.batch(f"link add br-lan address 02:10:9a:00:{self.net:02x}:01 type bridge mcast_snooping 0 forward_delay 0",
                      f"address add {self.ipv4}/20 dev br-lan", f"address add {self.ipv6}/64 dev br-lan nodad",
                      "link set br-lan up")
        # What belongs to the whole machine (neighbour tables, conntrack's size) a namespace has not.
        settings = dict(re.findall(r"^([a-z][\w.]+) = (\S+)$", (SAMPLES / "sysctl.conf").read_text(), re.M))
        self.ns.run("sh", "-c", "".join(
            f"[ ! -w /proc/sys/{key.replace('.', '/')} ] || echo {value} > /proc/sys/{key.replace('.', '/')}\n"
            for key, value in settings.items()))
        self.load_ruleset()

    def ruleset(self):
        centre = self.radius[0] if self.radius else "192.0.2.1"
        return filled((SAMPLES / "router.nft").read_text(), {"ip saddr 198.51.100.2 udp": f"ip saddr {centre} udp"})

    def load_ruleset(self):
        self.ns.run("nft", "-f", "-", input=self.ruleset())

    def load_ruleset_with_flush(self):
        """What an admin's script does who has not read the sample's first lines."""
        script = self.dir / "flushing.nft"
        script.write_text("flush ruleset\n" + self.ruleset())
        self.ns.run("nft", "-f", script)

    def port(self, name):
        """A bridge port for a phone's cable: isolated from the others, as an access point does it."""
        self.ns.batch(f"link set {name} master br-lan", f"link set {name} type bridge_slave isolated on",
                      f"link set {name} up")

    # --- its daemons ---------------------------------------------------------------------------
    def start(self):
        self._start_dnsmasq()
        if self.gated:
            self._configure()
            self._launch("loggia-gate")
            self._launch("loggiad")
        return self

    def _start_dnsmasq(self):
        conf = self.dir / "dnsmasq.conf"
        text = filled((SAMPLES / "dnsmasq.conf").read_text(), {
            "10.80.": f"10.{self.net}.", "2001:db8:80:": f"2001:db8:{self.net}:"})
        conf.write_text((filled(text, {"#dhcp-option=": "dhcp-option="}) if self.tls else text) + self.dnsmasq_extra)
        self.dnsmasq = self.ns.start("dnsmasq", "--keep-in-foreground", "--log-facility=-", "--pid-file=", "--user=root",
                                     f"--dhcp-leasefile={self.dir / 'leases'}", "-C", conf)
        wait_for("dnsmasq of the router", lambda: "started" in self.dnsmasq.output() or not self.dnsmasq.alive())
        if not self.dnsmasq.alive():
            raise AssertionError(self.dnsmasq.output())

    def _configure(self):
        run, state, notices, locale = (self.dir / part for part in ("run", "state", "notices", "locale"))
        for directory in (run, state):
            directory.mkdir(exist_ok=True)
        run.chmod(0o1777)  # as /run/loggia is for the group of both users
        shutil.copytree(self.notices, notices, dirs_exist_ok=True)
        locale.mkdir(exist_ok=True)  # copied: the build may lie where loggiad's user cannot read
        for catalogue in (BUILD / "po").glob("*.mo"):
            shutil.copy(catalogue, locale)
        secret = self.dir / "radius.secret"
        secret.write_text((self.radius[1] if self.radius else "none") + "\n")
        secret.chmod(0o600)
        owner = pwd.getpwnam(USERS["user"])
        for path in (state, secret):
            os.chown(path, owner.pw_uid, owner.pw_gid)
        text = filled((SAMPLES / "loggia.conf").read_text(), {
            '"piazza-duomo"': f'"{self.zone[0]}"', '"Piazza del Duomo"': f'"{self.zone[1]}"',
            '"/etc/loggia/notices"': f'"{notices}"', '"/etc/loggia/radius.secret"': f'"{secret}"',
            '"198.51.100.2"': f'"{self.radius[0] if self.radius else "192.0.2.1"}"'})
        if not self.radius:
            text = text[:text.index("radius {")]
        if self.tls:
            text, found = re.subn(r"^# tls \{\n(?:# .*\n)*?# \}\n", lambda m: m[0].replace("# ", ""), text, flags=re.M)
            assert found == 1, "the sample has no tls section"
            text = filled(text, {'"/etc/loggia/tls/': f'"{self.certificate().parent}/'})
        text = text.replace("radius {\n", "radius {\n" + self.radius_conf)
        own = {"state_directory": state, "run_directory": run, "nas_identifier": self.name,
               "locale_directory": locale, **USERS}
        self.conf = self.dir / "loggia.conf"
        self.conf.write_text(text + "".join(f'{k} = "{v}"\n' for k, v in own.items()) + self.extra_conf)

    def certificate(self, issuer=None, names=(PORTAL_NAME,), days=30):
        """Puts a certificate for the portal's name where the portal reads it; the path of its chain."""
        directory, owner = self.dir / "tls", pwd.getpwnam(USERS["user"])
        directory.mkdir(exist_ok=True)
        chain, key = (issuer or self.internet.ca).issue(list(names), f"portal-{self.name}-{next(SERIALS)}", days)
        for source, name in ((key, "portal.key"), (chain, "portal.pem")):
            fresh = directory / f".{name}"
            fresh.write_bytes(source.read_bytes())
            fresh.chmod(0o640)
            os.chown(fresh, 0, owner.pw_gid)
            fresh.rename(directory / name)
        return directory / "portal.pem"

    def _launch(self, daemon):
        began = time.monotonic()
        process = self.ns.start(PROGRAMS[daemon], "-c", self.conf,
                                log=self.dir / f"{daemon}.log.{len(self.world.processes)}")
        self.daemons[daemon] = process
        wait_for(f"{daemon} ready on {self.name}", lambda: "event=ready" in process.output() or not process.alive())
        if not process.alive():
            raise AssertionError(f"{daemon} on {self.name}: exit {process.popen.returncode}\n{process.output()}")
        return round((time.monotonic() - began) * 1000)

    def reboot(self):
        """A power cut: nothing that was in memory is left, what is on the disk is."""
        for daemon in ("loggiad", "loggia-gate"):
            self.kill(daemon)
        self.ns.run("nft", "flush", "ruleset")
        self.ns.run("conntrack", "-F")
        self.ns.run("ip", "neigh", "flush", "all")
        shutil.rmtree(self.dir / "run")
        (self.dir / "run").mkdir()
        (self.dir / "run").chmod(0o1777)
        self.load_ruleset()
        began = time.monotonic()
        for daemon in ("loggia-gate", "loggiad"):
            self._launch(daemon)
        return round((time.monotonic() - began) * 1000)

    def second(self, daemon):
        """Starts another one beside it and waits for it to give up."""
        return self.ns.run(PROGRAMS[daemon], "-c", self.conf, check=False, timeout=20)

    def kill(self, daemon, sig=9):
        return self.daemons[daemon].kill(sig)

    def restart(self, daemon):
        """Starts it (anew, or after kill); the milliseconds until it is ready."""
        self.daemons[daemon].stop()
        return self._launch(daemon)

    def stop(self):
        for daemon in ("loggiad", "loggia-gate"):
            if daemon in self.daemons:
                self.daemons[daemon].stop()
        self.dnsmasq.stop()

    # --- looking at it -------------------------------------------------------------------------
    def ctl(self, *words, check=True):
        """loggiactl; parsed when --json is among the words."""
        r = self.ns.run(PROGRAMS["loggiactl"], "-c", self.conf, *words, check=check)
        return json.loads(r.stdout) if "--json" in words and r.returncode == 0 else r.stdout

    def clients(self):
        """What is open here: MAC -> the client's row."""
        rows = self.ctl("clients", "--json")
        rows = rows.get("clients", rows) if isinstance(rows, dict) else rows
        return {row["mac"].lower(): row for row in rows}

    def http_port(self):
        """Where loggiad listens; phones' port 80 leads there."""
        listening = self.ns.run("ss", "-Hltnp").stdout
        return int(re.search(r":(\d+)\s+\S+\s+users:\(\(\"loggiad\"", listening)[1])

    def log(self, daemon):
        """All that the daemon's lives on this router said."""
        return "".join(p.read_text(errors="replace") for p in sorted(
            self.dir.glob(f"{daemon}.log.*"), key=lambda p: int(p.suffix[1:])))

    def logs(self, lines=25):
        """The ends of the logs, for a person who wants to know what went wrong."""
        out = []
        for daemon in self.daemons:
            out += [f"--- {daemon} on {self.name}", *self.log(daemon).splitlines()[-lines:]]
        return "\n".join(out)
