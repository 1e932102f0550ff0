# SPDX-License-Identifier: GPL-2.0-or-later
"""openNDS as Debian has it (9.10), in the same run as the gate: what a login and a packet cost it.

It wants iptables-legacy, writes in /etc and /tmp, and admits whom it finds among dnsmasq's leases: all of that is in a
mount namespace of its own. A login is its redirect (by which it gets to know the device) and `ndsctl auth`; what its
pages cost beside that is left out."""

import pathlib
import shutil
import statistics
import subprocess
import time

MAC, IP = "02:be:00:00:00:00", "10.64.1.0"  # of flood's first device
LOGINS, ROUNDS = 10, 9
PREPARE = """set -e
mount -t tmpfs none {dir}
mkdir {dir}/upper {dir}/work {dir}/misc {dir}/tmp
mount -t overlay none -o lowerdir=/etc,upperdir={dir}/upper,workdir={dir}/work /etc
echo "$(($(date +%s) + 86400)) {mac} {ip} phone *" > {dir}/misc/dnsmasq.leases
mount --bind {dir}/misc /var/lib/misc
mkdir /etc/opennds/bin
for name in iptables ip6tables; do ln -s /usr/sbin/$name-legacy /etc/opennds/bin/$name; done
ln -s /bin/true /etc/opennds/bin/systemctl
cat > /etc/opennds/opennds.conf <<'END'
GatewayInterface lan0
GatewayAddress 10.64.0.1
FirewallRuleSet authenticated-users {{
    FirewallRule allow all
}}
FirewallRuleSet users-to-router {{
    FirewallRule allow all
}}
END
mount --bind {dir}/tmp /tmp
PATH=/etc/opennds/bin:$PATH exec opennds -f -d 1 -c /etc/opennds/opennds.conf
"""


def lacking():
    """Why it cannot be measured here; None: it can."""
    programs = ("opennds", "ndsctl", "iptables-legacy", "curl")
    missing = [p for p in programs if not shutil.which(p, path="/usr/sbin:/usr/bin:/sbin:/bin")]
    return f"not there: {', '.join(missing)} (apt-get install --no-install-recommends opennds iptables curl)" if missing else None


class OpenNDS:
    def __init__(self, world, path):
        self.path, where = path, world.dir / "opennds"
        where.mkdir()
        phone = path.phone
        phone.ip("link", "set", "wlan0", "address", MAC)
        phone.ip("addr", "add", f"{IP}/10", "dev", "wlan0")
        phone.ip("route", "add", "default", "via", "10.64.0.1")
        self.process = path.router.start("unshare", "-m", "sh", "-c", PREPARE.format(dir=where, mac=MAC, ip=IP))
        end = time.monotonic() + 20
        while "Version" not in self.control("status"):
            if not self.process.alive() or time.monotonic() > end:
                raise RuntimeError("it does not start: " + self.process.output()[-300:])
            time.sleep(0.1)

    def inside(self, *argv):
        return subprocess.run(["nsenter", "-t", str(self.process.pid), "-m", "-n", *argv], capture_output=True, text=True,
                              check=False, timeout=20).stdout

    def control(self, *argv):
        return self.inside("ndsctl", *argv)

    def knock(self, *argv):
        return self.path.phone.run(*argv).stdout

    def login(self):
        """Seconds, and how many processes the machine began meanwhile."""
        before, began = forks(), time.monotonic()
        page = self.knock("curl", "-s", "-m", "5", "-i", "http://198.51.100.2/")
        said = self.control("auth", MAC)
        took, started = time.monotonic() - began, forks() - before
        if "307" not in page or "authenticated" not in said:
            raise RuntimeError(f"no login: {page[:80]!r}, {said[:80]!r}")
        return took, started

    def ours(self):
        """The processes that measuring itself begins."""
        before = forks()
        self.knock("true")
        self.inside("true")
        return forks() - before


def forks():
    return int(pathlib.Path("/proc/stat").read_text().split("\nprocesses ")[1].split()[0])


def measure(report, world, path, base, flood):
    """path, base: two alike (gate.Path with its firewall). flood(path): ns a packet with the first device alone.
    None, or why it was not measured."""
    reason = lacking()
    if reason:
        return reason
    try:
        nds, logins = OpenNDS(world, path), []
        for _ in range(LOGINS):
            logins.append(nds.login())
            if len(logins) < LOGINS:
                nds.control("deauth", MAC)
        took = statistics.median(seconds for seconds, _ in logins)
        begun = min(started for _, started in logins) - min(nds.ours() for _ in range(LOGINS))
        before, taken = path.arrived(), [(flood(path), flood(base)) for _ in range(ROUNDS)]
        if path.arrived() == before:
            raise RuntimeError("nothing passes after the login")
    except (RuntimeError, OSError, subprocess.SubprocessError) as e:
        return str(e)
    report.add(f"openNDS: redirect and ndsctl auth, p50 of {LOGINS}", round(took * 1000, 1), "ms")
    report.add("   logins a second, one after the other", round(1 / took, 1), "a second")
    report.add("   processes a login, the measurement's own left out", begun, "")
    report.ratio("   packets, 1 client active, against conntrack + NAT", *zip(*taken, strict=True), "ns", inverse=True)
    nds.process.stop()
    return None
