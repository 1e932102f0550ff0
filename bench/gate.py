# SPDX-License-Identifier: GPL-2.0-or-later
"""make bench-gate: what the gate costs, each figure beside its base, measured in the same run and interleaved with it.

Paths of a phone, a router and a wire that ends: plain forwarding; conntrack, NAT and a forward chain; the same with the
gate's table; the gate's table on a router that does no NAT. Packets are measured in CPU nanoseconds of the whole path on one core, joins against bare
libnftnl transactions. Prints a table and writes bench/gate.json in the build directory. Needs root."""

import contextlib
import ipaddress
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

SOURCE = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("LOGGIA_BUILD", SOURCE))
sys.path[:0] = [str(SOURCE / "tests"), str(SOURCE / "bench")]

import gate_flush  # noqa: E402
import gate_offload  # noqa: E402
import gate_system  # noqa: E402
import opennds  # noqa: E402
from city.netns import World  # noqa: E402
from report import Report, output  # noqa: E402

SIZES = (1, 2000, 100_000)
SINK, DESTINATION, OUTSIDE, BEHIND = "198.51.100.2", "203.0.113.0", "198.51.100.1", "10.127.255.254"
CPU = 1 if os.cpu_count() > 1 else 0
FLOOD_MS = 250
READ_EVERY_S = 61
FLOOD_ROUNDS, JOIN_ROUNDS = 9, 7
FIREWALL = """
table inet fw { chain forward { type filter hook forward priority 10;
    ct state established,related counter accept; ct state invalid drop; counter accept; }; }
table ip nat { chain post { type nat hook postrouting priority 100; oifname "wan0" masquerade; }; }
"""


class Path:
    """A phone, a router, and an interface at which everything ends."""

    def __init__(self, world, name):
        self.phone, self.router, self.sink = (world.namespace(f"{name}-{n}") for n in ("phone", "router", "sink"))
        world.link(self.phone, "wlan0", self.router, "lan0")
        world.link(self.router, "wan0", self.sink, "eth0")
        r = self.router
        r.sysctl("net.ipv4.ip_forward", 1)
        r.ip("addr", "add", "10.64.0.1/10", "dev", "lan0")
        r.ip("addr", "add", "198.51.100.1/24", "dev", "wan0")
        r.ip("route", "add", f"{DESTINATION}/24", "via", SINK)
        # Nobody's address: the far end drops the packet as soon as it has it.
        r.ip("neigh", "add", SINK, "lladdr", "02:00:00:00:00:99", "dev", "wan0", "nud", "permanent")
        self.mac, self.outer = (json.loads(r.run("ip", "-j", "link", "show", name).stdout)[0]["address"]
                                for name in ("lan0", "wan0"))
        self.nat, self.flows = "own", False

    def firewall(self):
        self.router.run("nft", "-f", "-", input=FIREWALL)
        self.conntrack()
        self.nat = OUTSIDE

    def conntrack(self):
        """As conf/router/sysctl.conf has it; and no flow ends during a run."""
        self.router.sysctl("net.netfilter.nf_conntrack_checksum", 0)
        for name in ("udp_timeout", "udp_timeout_stream"):
            self.router.sysctl(f"net.netfilter.nf_conntrack_{name}", 600)
        self.flows = True

    def one_neighbour(self):
        """All phones behind one: no path has to look for 100,000."""
        self.router.ip("neigh", "add", BEHIND, "lladdr", "02:00:00:00:00:98", "dev", "lan0", "nud", "permanent")
        for half in ("10.64.0.0/11", "10.96.0.0/11"):
            self.router.ip("route", "add", half, "via", BEHIND, "dev", "lan0")

    def forget(self):
        """Its flows. The kernel has one table of them for all namespaces, and who was there first is found last: with
        the other paths' flows in it, too, a path's cost depends on its turn (measured: a fifth, with 100,000)."""
        if self.flows:
            self.router.run("conntrack", "-F")

    def arrived(self):
        return int(self.sink.run("cat", "/sys/class/net/eth0/statistics/rx_packets").stdout)

    def flood(self, clients, ms=FLOOD_MS):
        argv = [BUILD / "bench/flood", "wlan0", self.mac, DESTINATION, clients, ms, CPU, ksoftirqd()]
        return self.phone.argv(*argv)

    def answers(self, clients, ms=FLOOD_MS):
        """To the flows of a flood before it."""
        argv = [BUILD / "bench/flood", "eth0", self.outer, DESTINATION, clients, ms, CPU, ksoftirqd(), self.nat]
        return self.sink.argv(*argv)


def ksoftirqd():
    for comm in pathlib.Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if comm.read_text().strip() == f"ksoftirqd/{CPU}":
                return comm.parent.name
    return 0


def run_json(argv):
    r = subprocess.run(list(map(str, argv)), capture_output=True, text=True, check=False, timeout=300)
    if r.returncode:
        raise SystemExit(f"{argv[-6:]}: exit {r.returncode}\n{r.stderr}")
    return json.loads(r.stdout)


class Gate:
    def __init__(self, world, router, name="", more=""):
        self.world, self.router, self.process = world, router, None
        self.run_dir, self.conf = world.dir / f"run{name}", world.dir / f"gate{name}.conf"
        self.run_dir.mkdir()
        self.conf.write_text(f'run_directory = "{self.run_dir}"\nuser = "root"\ngate_user = "nobody"\n'
                             'nas_identifier = "bench"\nportal_name = "wifi.test.example"\nnetwork = "Bench"\n'
                             f'max_clients = 1000000\n{more}\n' 'zone "bench" { title = "Bench" interfaces = {"lan0"} }\n')

    def begin(self):
        self.process = self.router.start(BUILD / "netfilter/loggia-gate", "-c", self.conf)

    def start(self):
        """Seconds until it is ready, all devices adopted."""
        began = time.monotonic()
        self.begin()
        while "event=ready" not in self.process.output():
            if not self.process.alive():
                raise SystemExit(self.process.output())
            time.sleep(0.001)
        return time.monotonic() - began

    def ask(self, verb, first, count, in_flight=1, spread_s=0):
        return run_json([BUILD / "bench/gate_client", self.run_dir / "gate.sock", verb, first, count, in_flight, spread_s])

    def resize(self, now, wanted):
        if wanted > now:
            self.ask("open", now, wanted - now, 100)
        return wanted

    def remove(self):
        """With all its devices: what else is measured goes on beside an empty kernel."""
        self.process.stop()
        self.router.run(BUILD / "netfilter/loggia-gate", "-c", self.conf, "--remove")

    def cpu_s(self):
        return int(pathlib.Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[0]) / 1e9



class Bare:
    def __init__(self, space):
        self.space, self.size = space, 0
        subprocess.run(space.argv(BUILD / "bench/bare_nft", "init"), check=True)

    def ask(self, verb, first, count, batch):
        return run_json(self.space.argv(BUILD / "bench/bare_nft", verb, first, count, batch))

    def resize(self, wanted):
        if wanted > self.size:
            self.ask("open", self.size, wanted - self.size, 100)
        self.size = max(self.size, wanted)


def kernel_kb():
    lines = dict(line.split(":") for line in pathlib.Path("/proc/meminfo").read_text().splitlines())
    return sum(int(lines[k].split()[0]) for k in ("Slab", "Percpu"))


@contextlib.contextmanager
def on_cores(pid, cores):
    """A process, and the programs that we start, on these cores alone; None: on all."""
    everything = os.sched_getaffinity(0)
    for who in (0, pid):
        os.sched_setaffinity(who, cores or everything)
    yield
    for who in (0, pid):
        os.sched_setaffinity(who, everything)


def joins(report, gate, bare, size):
    """With a cap each way: three elements, two of them with limit and counter."""
    for in_flight, count in ((1, 1000), (100, 5000)):
        ours, theirs, ways = [], [], []
        # One after the other on one core: else it is the waking of an idle core that is measured.
        with on_cores(gate.process.pid, {CPU} if in_flight == 1 else None):
            for _ in range(JOIN_ROUNDS):
                for list_, who in ((ours, gate), (theirs, bare)):
                    list_.append(who.ask("cap", 1_000_000, count, in_flight)["per_s"])
                    who.ask("close", 1_000_000, count, 100)
                ways.append(gate.ask("hello", 1, count, in_flight)["per_s"])
        report.ratio(f"joins, {size:,} clients, {in_flight} in flight", ours, theirs, "joins/s", least=0.75)
        report.add("   questions to the gate that ask nothing of the kernel", statistics.median(ways), "a second")
        yield in_flight, statistics.median(ours)


def bare_alone(bare):
    """Joins a second of bare libnftnl, one in flight, in the namespace where it is."""
    rates = []
    with on_cores(0, {CPU}):
        for _ in range(JOIN_ROUNDS):
            rates.append(bare.ask("cap", 1_000_000, 1000, 1)["per_s"])
            bare.ask("close", 1_000_000, 1000, 100)
    return rates


class Lookup:
    """The least that tells who may pass: on top of conntrack and NAT one lookup each way, and a counter each."""

    def __init__(self, world):
        self.path, self.size = Path(world, "lookup"), 0
        self.path.firewall()
        self.path.router.run("nft", "-f", "-", input="""table inet least {
            set up { type ether_addr; flags timeout; counter; };
            set down { type ipv4_addr; flags timeout; counter; };
            chain forward { type filter hook forward priority 0; iifname lan0 ether saddr @up accept;
                iifname lan0 drop; oifname lan0 ip daddr @down accept; oifname lan0 drop; }; }""")

    def resize(self, wanted):
        numbers = range(self.size, wanted)
        macs = [f"02:be:{i >> 24:02x}:{i >> 16 & 255:02x}:{i >> 8 & 255:02x}:{i & 255:02x} timeout 1d" for i in numbers]
        ips = [f"{ipaddress.ip_address('10.64.1.0') + i} timeout 1d" for i in numbers]
        for name, elements in (("up", macs), ("down", ips)):
            self.path.router.run("nft", "-f", "-", input=f"add element inet least {name} {{ {', '.join(elements)} }}")
        self.size = wanted


def packets(report, plain, base, ours, least, routed, clients):
    """CPU ns a packet on the paths in turn."""
    taken, back = ({p: [] for p in (plain, base, ours, least, routed)} for _ in range(2))
    for _ in range(FLOOD_ROUNDS):
        for path, values in taken.items():
            values.append(run_json(path.flood(clients))["ns"])
            back[path].append(run_json(path.answers(clients))["ns"])
            path.forget()
    name = f"packets, {clients:,} clients active, against "
    ratio = report.ratio(name + "conntrack + NAT", taken[ours], taken[base], "ns", least=0.85, inverse=True)
    report.ratio(name + "plain forwarding", taken[ours], taken[plain], "ns", least=0.72, inverse=True)
    report.ratio(f"packets, {clients:,} clients active, router without NAT, against plain forwarding", taken[routed],
                 taken[plain], "ns", least=0.72, inverse=True)
    report.ratio(f"   the base itself, {clients:,} clients, against plain", taken[base], taken[plain], "ns", inverse=True)
    report.ratio("   one lookup and a counter alone, against the base", taken[least], taken[base], "ns", inverse=True)
    report.ratio(f"   to {clients:,} clients, against conntrack + NAT", back[ours], back[base], "ns", inverse=True)
    report.ratio("   one lookup and a counter alone, against the base", back[least], back[base], "ns", inverse=True)
    return ratio


def workers_ms():
    """What each of the kernel's workers has taken so far."""
    taken = {}
    for comm in pathlib.Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if comm.read_text().startswith("kworker"):
                taken[comm.parent.name] = int((comm.parent / "schedstat").read_text().split()[0]) / 1e6
    return taken


def at_rest(report, clients, seconds=10):
    """Nobody sends: what the kernel's workers take to look for whom they may forget. Base: the bare sets' own pace."""
    taken = []
    for ours in (True, False):
        with World() as world:
            space = world.namespace("rest")
            if ours:
                world.link(world.namespace("phone"), "wlan0", space, "lan0")
                gate = Gate(world, space)
                gate.start()
                gate.resize(0, clients)
                gate.process.kill()
            else:
                Bare(space).resize(clients)
            time.sleep(2)  # what filling them left to do
            before = workers_ms()
            time.sleep(seconds)
            taken.append(sum(now - before.get(pid, 0) for pid, now in workers_ms().items()) / seconds)
    report.add(f"the kernel's workers, {clients:,} clients and no packet", round(taken[0], 1), "ms a s", round(taken[1], 1))


def flat(report, name, values, within):
    worst = min(values) / max(values)
    report.add(name, round(worst, 3), "of best", must=f">= {1 - within:g}", ok=worst >= 1 - within)


def reads(report, gate, bare, clients):
    ours, theirs, longest = [], [], 0.0
    for _ in range(3):
        before = gate.cpu_s()
        longest = max(longest, gate.ask("read", 0, clients, 100)["max_us"])
        ours.append((gate.cpu_s() - before) / clients * 1e6)
        theirs.append(bare.ask("read", 0, clients, 32)["cpu_us"])
    report.ratio(f"counters of {clients:,} clients, CPU a client", ours, theirs, "us", most=1.15)
    report.add("   longest wait for an answer, 100 reads in flight without a pause", round(longest / 1000, 2), "ms")
    # The gate tells its longest turn of two minutes at most: those before, when devices joined, are to be over.
    spread = [gate.ask("read", 0, clients, 32, READ_EVERY_S)["max_us"] for _ in range(2)]
    told = gate.ask("hello", 1, 1)
    report.add(f"counters of {clients:,} clients once a minute: the gate's longest turn", round(told["turn_us"] / 1000, 2), "ms",
               must="<= 5", ok=told["turn_us"] <= 5000)
    report.add("   of it no processor, page or lock", round(told["turn_waited_us"] / 1000, 2), "ms")
    report.add("   longest wait for an answer", round(max(spread) / 1000, 2), "ms")


def losses(report, gate, path, clients):
    """All clients send without a pause while the gate is killed and started three times."""
    before = path.arrived()
    flood = subprocess.Popen(list(map(str, path.flood(clients, 6000))), stdout=subprocess.PIPE, text=True)
    for _ in range(3):
        gate.process.kill()
        gate.start()
    sent = json.loads(flood.communicate(timeout=120)[0])["sent"] + clients
    lost = sent - (path.arrived() - before)
    report.add(f"packets lost of {sent:,} during three restarts, {clients:,} clients", max(lost, 0), "packets", must="0",
               ok=lost <= 0)


def system(report, gate, portal, clients, most_mb, most_splash_s, most_adopted_s):
    """What has loggiad in it; it is ended again, and nobody's session with it."""
    portal.start()
    portal.wait(f"open={clients} adopted={clients} ")
    gate_system.restarts(report, gate, portal, clients, most_splash_s, most_adopted_s)
    gate_system.stall(report, portal, clients)  # with few clients: what the machine itself makes one wait
    if most_mb:  # when both have been at work
        gate_system.memory(report, gate, portal, clients, most_mb)
    portal.stop()


def sizes(report, world, bare):
    plain, base, ours, least = Path(world, "plain"), Path(world, "base"), Path(world, "gate"), Lookup(world)
    routed = Path(world, "routed")
    base.firewall()
    ours.firewall()
    routed.conntrack()
    for path in (plain, base, ours, least.path, routed):
        path.one_neighbour()
    gate, other = Gate(world, ours.router), Gate(world, routed.router, "-routed")
    portal = gate_system.Portal(gate, ours.phone, BUILD / "portal/loggiad")
    unwatched = bare_alone(bare)
    gate.start()
    report.ratio("   bare libnftnl, one in flight: a gate watches nf_tables, against nobody", bare_alone(bare), unwatched,
                 "joins/s")
    now, ratios, rates = 0, [], {1: [], 100: []}
    for in_flight, rate in joins(report, gate, bare, 0):
        rates[in_flight].append(rate)
    for size in SIZES:
        kernel, opened = kernel_kb(), size - now
        now = gate.resize(now, size)
        if opened > 10_000:
            report.add("kernel memory a client", round((kernel_kb() - kernel) * 1024 / opened), "bytes")
        least.resize(size)
        if size > 1:
            bare.resize(size)
            for in_flight, rate in joins(report, gate, bare, size):
                rates[in_flight].append(rate)
        other.start()
        other.resize(0, size)
        ratios.append(packets(report, plain, base, ours, least.path, routed, size))
        other.remove()
        if size == 2000:
            system(report, gate, portal, size, 8, 0.3, 0.3)
            now = gate.resize(now, 10_000)
            system(report, gate, portal, now, None, 0.3, 0.3)
    for in_flight, found in rates.items():
        flat(report, f"joins, {in_flight} in flight, from 0 to 100,000 clients", found, 0.2)
    flat(report, "packets' ratio to the base, from 1 to 100,000 clients", ratios, 0.08)
    reads(report, gate, bare, SIZES[-1])
    system(report, gate, portal, SIZES[-1], 96, 0.5, 4)
    losses(report, gate, ours, SIZES[-1])


def another(report):
    """What Debian has for the same purpose; why not, if it was not measured."""
    with World() as world:
        path, base = Path(world, "nds"), Path(world, "ndsbase")
        for p in (path, base):
            p.firewall()
        return opennds.measure(report, world, path, base, lambda p: run_json(p.flood(1))["ns"])


def main():
    report = Report()
    why_not = another(report)
    gate_system.clicks(report)
    with World() as world:
        sizes(report, world, Bare(world.namespace("bare")))
    at_rest(report, SIZES[-1])
    report.missing = [
        {"name": "openNDS with 2,000 other clients", "reason": "each takes a login of its own: minutes"}]
    gate_flush.measure(report)
    gate_offload.measure(report, Path, Gate, run_json)
    if why_not:
        report.missing.append({"name": "openNDS", "reason": why_not})
    report.save(BUILD / "bench/gate.json", nft=output("nft", "--version"),
                **{"loggia-gate": output(str(BUILD / "netfilter/loggia-gate"), "--version")})


if __name__ == "__main__":
    main()
