"""loggiactl doctor: green on a healthy router, and each of the faults that routers really have is named, with the
command or line that mends it."""

import contextlib
import json
import shutil
import subprocess

import pytest
from city.netns import wait_for
from city.router import PROGRAMS
from portal_world import Square


@pytest.fixture(scope="module")
def square():
    square = Square()
    try:
        square.router.start()
        square.phone().tap()
        yield square
        for daemon in ("loggiad", "loggia-gate"):
            assert "ERROR: AddressSanitizer" not in square.router.log(daemon)
    except BaseException:
        print(square.router.logs(60))
        raise
    finally:
        square.close()


def doctor(square, *options, before=None):
    """(exit status, findings). before: a shell command in loggiactl's own mount namespace."""
    command = [PROGRAMS["loggiactl"], "-c", square.router.conf, "doctor", "--json", *options]
    if before:
        command = ["unshare", "--mount", "sh", "-c", f'{before} && exec "$@"', "sh", *command]
    r = square.router.ns.run(*command, check=False)
    assert "ERROR: AddressSanitizer" not in r.stderr
    assert r.stdout, r.stderr
    answer = json.loads(r.stdout)
    assert answer["ok"] == (r.returncode == 0)
    for level in ("bad", "warn"):
        assert answer[level] == len([f for f in answer["findings"] if f["level"] == level])
    for f in answer["findings"]:
        assert (f["level"] == "ok") == ("why" not in f) == ("mend" not in f), f
    return r.returncode, answer["findings"]


def bad(findings):
    # A machine without NTP is doubtful, not bad; what else is doubtful is part of a fault.
    return [f for f in findings if f["level"] != "ok" and f["check"] != "clock"]


def named(square, check, level="bad", status=1, **kw):
    """The one thing that is wrong: its what, why and mend in one text."""
    code, findings = doctor(square, **kw)
    wrong = bad(findings)
    assert code == status, wrong
    assert {f["check"] for f in wrong} == {check}, wrong
    assert {f["level"] for f in wrong} == {level}, wrong
    return "\n".join(f"{f['what']} | {f['why']} | {f['mend']}" for f in wrong)


@contextlib.contextmanager
def rules(square, text, table):
    square.router.ns.run("nft", "-f", "-", input=text)
    try:
        yield
    finally:
        square.router.ns.run("nft", "delete", "table", *table.split())


def dnsmasq(square, text):
    """Another configuration for the router's name and DHCP server."""
    router, conf = square.router, square.router.dir / "dnsmasq.conf"
    conf.write_text(text)
    router.dnsmasq.stop()
    process = router.dnsmasq = router.ns.start(
        "dnsmasq", "--keep-in-foreground", "--log-facility=-", "--pid-file=", "--user=root",
        f"--dhcp-leasefile={router.dir / 'leases'}", "-C", conf)
    wait_for("dnsmasq", lambda: "started" in process.output() or not process.alive())
    assert process.alive(), process.output()


def expired(square):
    """A certificate that was good for a week in 2020, by the city's own authority."""
    ca, directory = square.internet.ca, square.router.dir / "tls"
    key, request, cert = (directory / f"old.{end}" for end in ("key", "csr", "pem"))
    index = directory / "index"
    index.write_text("")
    (directory / "serial").write_text("1000\n")
    conf = directory / "ca.conf"
    conf.write_text(f"[ca]\ndefault_ca = d\n[d]\ndatabase = {index}\nserial = {directory / 'serial'}\nnew_certs_dir = {directory}\n"
                    "default_md = sha256\npolicy = p\ncopy_extensions = copy\nunique_subject = no\n[p]\ncommonName = supplied\n")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", request,
            "-subj", "/CN=wifi.prato.example", "-addext", "subjectAltName=DNS:wifi.prato.example")
    openssl("ca", "-batch", "-notext", "-config", conf, "-cert", ca.cert, "-keyfile", ca.key, "-in", request, "-out", cert,
            "-startdate", "20200101000000Z", "-enddate", "20200108000000Z")
    (directory / "portal.key").write_text(key.read_text())
    (directory / "portal.pem").write_text(cert.read_text() + ca.cert.read_text())


def openssl(*args):
    subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True)


@pytest.fixture(autouse=True)
def healthy_again(square):
    yield
    code, findings = doctor(square)
    assert not bad(findings) and code == 0, bad(findings)


def test_a_healthy_router_is_green_and_everything_was_looked_at(square):
    code, findings = doctor(square)
    assert (code, bad(findings)) == (0, [])
    assert {f["check"] for f in findings} >= {
        "loggiad", "loggia-gate", "configuration", "interfaces", "isolation", "forwarding", "neighbours", "clock", "kernel",
        "firewall", "uplink", "resolver", "portal-name", "dhcp", "radius", "notices", "disk"}
    people = square.router.ctl("doctor")
    assert people.rstrip().endswith(" 0 to mend") and "BAD" not in people


def test_nobody_is_disturbed_by_the_doctor(square):
    leases = (square.router.dir / "leases").read_text()
    clients, log = square.router.clients().keys(), len(square.router.log("loggiad"))
    ruleset = square.router.ns.run("nft", "-s", "list", "table", "inet", "router").stdout
    doctor(square)
    assert (square.router.dir / "leases").read_text() == leases
    assert square.router.clients().keys() == clients
    assert square.router.ns.run("nft", "-s", "list", "table", "inet", "router").stdout == ruleset
    assert "level=warning" not in square.router.log("loggiad")[log:]


def test_rates_that_are_policed_where_queues_were_asked_for(square):
    assert "rates        policed" in square.router.ctl("status")
    conf = square.router.conf.read_text()
    try:
        square.router.conf.write_text('shaping = "htb"\n' + conf)
        found = [f for f in doctor(square)[1] if f["check"] == "shaping"]
        assert [f["what"] for f in found] == ['shaping = "htb", but the gate polices']
    finally:
        square.router.conf.write_text(conf)


def test_rates_that_are_shaped_and_who_is_in_the_way_of_it(square):
    """The real thing: queues, an SQM script's qdisc, br_netfilter."""
    conf, ns = square.router.conf.read_text(), square.router.ns
    def rates():
        return next(line for line in square.router.ctl("status").splitlines() if line.startswith("rates"))[13:]
    def nf(on):
        return ns.run("sh", "-c", f"for f in ip ip6; do echo {on} > /proc/sys/net/bridge/bridge-nf-call-${{f}}tables; done", check=False)
    bridged = nf(0).returncode == 0
    square.router.conf.write_text('shaping = "htb"\n' + conf)
    try:
        square.router.restart("loggia-gate")
        square.router.ctl("reload")
        wait_for("the gate is back", lambda: rates() == "shaped: queues for downloads and uploads")
        assert [f["what"] for f in doctor(square)[1] if f["check"] == "shaping"] == ["downloads and uploads have queues"]
        ns.run("tc", "qdisc", "del", "dev", "br-lan", "clsact")
        wait_for("it comes back", lambda: "clsact" in ns.run("tc", "qdisc", "show", "dev", "br-lan").stdout)
        assert rates() == "shaped: queues for downloads and uploads"
        if bridged:
            nf(1)
            ns.ip("link", "add", "docker0", "type", "bridge")
            wait_for("it is noticed", lambda: rates() == "shaped: queues for downloads; uploads policed")
            assert "br_netfilter is at work" in named(square, "shaping", "warn", 0)
            nf(0)
            ns.ip("link", "del", "docker0")
            wait_for("it is noticed", lambda: rates() == "shaped: queues for downloads and uploads")
        else:
            print("no br_netfilter in this kernel: policed uploads are not looked at")
        square.router.kill("loggia-gate")
        ns.run("tc", "qdisc", "del", "dev", "br-lan", "clsact")
        ns.run("tc", "qdisc", "add", "dev", "br-lan", "ingress")
        square.router.restart("loggia-gate")
        wait_for("the gate is back", lambda: rates().startswith("shaped: AN INTERFACE CANNOT BE, so all are policed"))
        said = named(square, "shaping", "warn", 0)
        assert 'br-lan has another program\'s qdisc "ingress"' in said and "tc qdisc del dev br-lan ingress" in said
        ns.run("tc", "qdisc", "del", "dev", "br-lan", "ingress")
        wait_for("mended", lambda: rates() == "shaped: queues for downloads and uploads")
    finally:
        square.router.conf.write_text(conf)
        square.router.restart("loggia-gate")
        square.router.ctl("reload")
    wait_for("policed again", lambda: rates() == "policed")


def test_a_radius_server_that_is_gone(square):
    square.centre.daemon.stop()
    try:
        said = named(square, "radius")
        assert "centre (access, 198.51.100.2 port 1812) does not answer" in said
        assert "centre (accounting, 198.51.100.2 port 1813) does not answer" in said
        assert "ping 198.51.100.2" in said
    finally:
        square.centre.start()
    wait_for("loggiad sees it again", lambda: doctor(square)[0] == 0, timeout=20)


def test_a_portal_name_that_leads_elsewhere(square):
    good = (square.router.dir / "dnsmasq.conf").read_text()

    def restart(text):
        dnsmasq(square, text)
    restart(good.replace("address=/wifi.prato.example/10.80.0.1", "address=/wifi.prato.example/203.0.113.99"))
    try:
        said = named(square, "portal-name")
        assert "wifi.prato.example leads to 203.0.113.99, which is not here" in said
        assert "address=/wifi.prato.example/10.80.0.1" in said
        restart("\n".join(line for line in good.splitlines() if "2001:db8:80::1" not in line or "address=" not in line))
        assert "wifi.prato.example has no AAAA record" in named(square, "portal-name")
        restart(good + "dhcp-option=114,https://wifi.prato.example/api\n")
        said = named(square, "dhcp")
        assert "option 114 says https://wifi.prato.example/api, but TLS is off" in said
        square.router.dnsmasq.stop()
        code, findings = doctor(square)
        assert code == 1 and {f["check"] for f in bad(findings)} == {"portal-name", "dhcp"}
        assert "no DHCP server answers" in str(findings) and "no name server answers on" in str(findings)
    finally:
        restart(good)


DOCKER = """table ip filter {
    chain DOCKER-USER { counter return; }
    chain FORWARD {
        type filter hook forward priority 0; policy drop;
        counter jump DOCKER-USER
        oifname "docker0" ct state related,established counter accept
        iifname "docker0" oifname != "docker0" counter accept
    }
}"""


def test_a_foreign_table_that_drops_what_we_accept_as_docker_does(square):
    with rules(square, DOCKER, "ip filter"):
        said = named(square, "firewall")
        assert "table ip filter, chain FORWARD (hook forward, policy drop) drops what citizens send" in said
        assert "iptables -I FORWARD -i br-lan -j ACCEPT" in said and "DOCKER-USER" in said
        square.router.ns.run("nft", "insert rule ip filter DOCKER-USER iifname br-lan accept")
        square.router.ns.run("nft", "insert rule ip filter DOCKER-USER oifname br-lan accept")
        assert doctor(square)[0] == 0, "the command that mends it does not mend it"


@pytest.mark.parametrize("chain, level, says", [
    ("chain f { type filter hook forward priority 10; policy drop; ct state established,related accept; "
     'iifname "br-lan" accept; }', "ok", ""),
    ("chain f { type filter hook forward priority 10; policy drop; ct state established,related accept; }", "bad",
     "drops what citizens send"),
    ('chain f { type filter hook forward priority 10; policy drop; iifname "br-lan" accept; }', "bad",
     "drops what is sent to citizens"),
    ('chain l { counter drop; }\n chain f { type filter hook forward priority 10; iifname "br-lan" jump l; }', "bad",
     "chain f (hook forward, policy accept) drops what citizens send"),
    ("chain f { type filter hook forward priority 10; policy drop; ct state established accept; tcp dport 443 accept; }",
     "warn", "chain f (hook forward) may drop citizens' packets"),
    ('chain f { type filter hook forward priority 10; iifname "wan0" ct state new drop; ct state invalid drop; }', "ok", ""),
    ('chain i { type filter hook input priority 10; policy drop; iifname "lo" accept; iifname "wan0" tcp dport 22 accept; }',
     "bad", "chain i (hook input, policy drop) drops what citizens send"),
    ("chain i { type filter hook input priority 10; policy drop; udp dport { 53, 67 } accept; }", "warn",
     "chain i (hook input) may drop"),
    ('chain p { type filter hook prerouting priority 10; iifname "br-lan" tcp dport 25 drop; }', "ok", ""),
    ('chain p { type filter hook prerouting priority 10; iifname "br*" drop; }', "bad", "hook prerouting"),
    ("chain f { type filter hook output priority 10; policy accept; }", "ok", ""),
])
def test_which_rules_of_others_are_in_the_way(square, chain, level, says):
    with rules(square, "table inet other {\n%s\n}\n" % chain, "inet other"):
        code, findings = doctor(square)
        wrong = [f for f in bad(findings) if f["check"] == "firewall"]
        assert [f["level"] for f in wrong] == ([] if level == "ok" else [level]), wrong
        assert says in "".join(f["what"] for f in wrong)
        if "hook forward" in chain:  # elsewhere the doctor's own questions may be dropped too, and it says so
            assert code == (1 if level == "bad" else 0)
            assert doctor(square, "--strict")[0] == 1


def test_another_programs_flowtable_that_citizens_packets_take(square):
    """OpenWrt's, with flow_offloading: on the ports of the bridge."""
    ns = square.router.ns
    port = ns.run("sh", "-c", "ls /sys/class/net/br-lan/brif").stdout.split()[-1]
    text = "table inet fw4 { flowtable ft { hook ingress priority 0; devices = { %s, wan0 }; }; }" % port
    if ns.run("nft", "-f", "-", input=text, check=False).returncode != 0:
        pytest.skip("this kernel has no flowtables: see make check-kernel-uml")
    try:
        said = named(square, "firewall")
        assert "table inet fw4, flowtable ft forwards citizens' packets" in said
        assert "flow_offloading=0" in said
    finally:
        ns.run("nft", "delete", "table", "inet", "fw4")


def test_a_neighbour_table_that_is_too_small_for_the_square(square):
    # A namespace has no such file of its own, so a machine with a small one is put around loggiactl.
    small = ("mount -t tmpfs none /proc/sys/net/ipv4/neigh && mkdir /proc/sys/net/ipv4/neigh/default && "
             "echo 1024 > /proc/sys/net/ipv4/neigh/default/gc_thresh3")
    said = named(square, "neighbours", before=small)
    assert "gc_thresh3 is 1024, for 4096 clients it should be 8192" in said
    assert "sysctl -w net.ipv4.neigh.default.gc_thresh3=8192" in said


def test_a_bridge_port_that_is_not_isolated(square):
    phone = square.phone()
    port = square.router.ns.run("sh", "-c", "ls /sys/class/net/br-lan/brif").stdout.split()[-1]
    square.router.ns.run("bridge", "link", "set", "dev", port, "isolated", "off")
    try:
        said = named(square, "isolation")
        assert f"br-lan: port {port} is not isolated" in said
        assert f"bridge link set dev {port} isolated on" in said
    finally:
        square.router.ns.run("bridge", "link", "set", "dev", port, "isolated", "on")
    assert phone.probe("ios") == "portal"


def test_an_interface_that_was_renamed(square):
    good = square.router.conf.read_text()
    square.router.conf.write_text(good.replace('interfaces = { "br-lan" }', 'interfaces = { "br-lan", "br-gone" }'))
    try:
        code, findings = doctor(square)
        assert code == 1
        assert {f["check"]: f["level"] for f in bad(findings)} == {"interfaces": "bad", "configuration": "warn"}
        assert "br-gone of the configuration does not exist" in str(findings)
        assert "was changed since loggiad read" in str(findings)
        square.router.ctl("reload")
        assert "zone was changed and waits for a restart" in str(doctor(square)[1])
    finally:
        square.router.conf.write_text(good)
        square.router.ctl("reload")


def test_an_uplink_without_a_way_out_or_a_resolver(square):
    ns = square.router.ns
    route = ns.run("ip", "route", "show", "default").stdout.split("\n")[0].split()
    ns.run("ip", "route", "del", "default")
    try:
        assert "there is no IPv4 default route" in str(bad(doctor(square)[1]))
    finally:
        ns.run("ip", "route", "add", *route)
    resolv = ns.resolv.read_text()
    ns.resolv.write_text("nameserver 203.0.113.250\n")
    try:
        said = named(square, "resolver")
        assert "203.0.113.250 does not answer" in said
        ns.resolv.write_text("")
        assert "/etc/resolv.conf names no server" in named(square, "resolver")
    finally:
        ns.resolv.write_text(resolv)


def test_forwarding_switched_off(square):
    square.router.ns.sysctl("net.ipv4.ip_forward", 0)
    try:
        said = named(square, "forwarding")
        assert "does not forward IPv4" in said and "sysctl -w net.ipv4.ip_forward=1" in said
    finally:
        square.router.ns.sysctl("net.ipv4.ip_forward", 1)


def test_a_notice_that_nobody_will_read(square):
    notice = square.router.dir / "notices" / "zz-broken.md"
    notice.write_text("publisher\n")
    try:
        wait_for("it was skipped", lambda: square.router.ctl("status", "--json")["notices"]["skipped"] == 1)
        assert "1 files of" in named(square, "notices", level="warn", status=0)
        assert doctor(square, "--strict")[0] == 1
    finally:
        notice.unlink()
        wait_for("it is gone", lambda: square.router.ctl("status", "--json")["notices"]["skipped"] == 0)


def test_a_configuration_with_errors_is_quoted_line_by_line(square):
    good = square.router.conf.read_text()
    square.router.conf.write_text(good + "nonsense = 1\n")
    try:
        said = named(square, "configuration")
        assert "nonsense: found an option that does not exist" in said and "loggiactl reload" in said
    finally:
        square.router.conf.write_text(good)


def test_daemons_that_are_down(square):
    square.router.kill("loggia-gate")
    try:
        wait_for("loggiad notices", lambda: not square.router.ctl("status", "--json")["gate"]["connected"])
        code, findings = doctor(square)
        assert code == 1 and "loggia-gate does not answer loggiad" in str(findings)
        square.router.kill("loggiad")
        code, findings = doctor(square)
        assert code == 1 and "loggiad does not answer on" in str(findings)
        assert {f["level"] for f in findings if f["check"] in ("uplink", "portal-name")} == {"ok"}, "it went no further"
    finally:
        square.router.restart("loggia-gate")
        square.router.restart("loggiad")
        code, findings = doctor(square)  # a server that has answered nothing yet, and this one does not sign Status-Server
        assert "centre (access) answers Status-Server, but unsigned" in str(bad(findings)) and code == 0
        square.phone().tap()


def test_it_says_why_it_cannot_look(square):
    ns = square.router.ns
    r = ns.run(PROGRAMS["loggiactl"], "-c", "/nowhere.conf", "doctor", check=False)
    assert r.returncode == 2 and "/nowhere.conf" in r.stderr
    tool = shutil.copy(PROGRAMS["loggiactl"], square.world.dir / "loggiactl")
    r = ns.run("setpriv", "--reuid=games", "--regid=games", "--clear-groups", tool, "-s", "/nowhere.sock", "doctor",
               check=False)
    assert r.returncode == 2 and "must be root" in r.stderr


# --- with secure pages ----------------------------------------------------------------------------

@pytest.fixture(scope="module")
def secure():
    square = Square(tls=True)
    try:
        square.router.start()
        square.phone().tap()
        yield square
        assert "ERROR: AddressSanitizer" not in square.router.log("loggiad")
    except BaseException:
        print(square.router.logs(60))
        raise
    finally:
        square.close()


def test_a_router_with_secure_pages_is_green_too(secure):
    code, findings = doctor(secure)
    assert not bad(findings) and code == 0, bad(findings)
    said = {f["check"]: f["what"] for f in findings}
    assert said["certificate"].startswith("for wifi.prato.example, valid until ")
    assert said["dhcp"] == "br-lan: option 114 says https://wifi.prato.example/api"


@pytest.mark.parametrize("kw, level, says", [
    ({"days": 10}, "warn", "portal.pem expires on "),
    ({"names": ("www.comune.prato.it",)}, "bad", "the certificate is not for wifi.prato.example"),
])
def test_a_certificate_that_phones_will_refuse(secure, kw, level, says):
    secure.router.certificate(**kw)
    try:
        assert says in named(secure, "certificate", level=level, status=int(level == "bad"))
    finally:
        secure.router.certificate()


def test_a_certificate_that_has_expired(secure):
    expired(secure)
    try:
        said = named(secure, "certificate")
        assert "portal.pem expired on 2020-" in said and "certbot renew" in said
    finally:
        secure.router.certificate()


def test_a_certificate_without_its_chain_or_with_another_key_or_unreadable(secure):
    directory = secure.router.dir / "tls"
    try:
        chain = directory / "portal.pem"
        chain.write_text(chain.read_text().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n")
        assert "holds one certificate and not its chain" in named(secure, "certificate")
        secure.router.certificate()
        old = (directory / "portal.key").read_text()
        secure.router.certificate()
        (directory / "portal.key").write_text(old)
        assert "the key is not this certificate's" in named(secure, "certificate")
        (directory / "portal.key").chmod(0o644)
        assert "others may read it" in named(secure, "certificate")
        (directory / "portal.key").unlink()
        assert "portal.key cannot open" in named(secure, "certificate")
    finally:
        secure.router.certificate()


def test_option_114_that_is_missing_or_leads_elsewhere(secure):
    conf = secure.router.dir / "dnsmasq.conf"
    good = conf.read_text()
    line = "dhcp-option=114,https://wifi.prato.example/api"
    assert line in good
    try:
        dnsmasq(secure, good.replace(line, ""))
        said = named(secure, "dhcp")
        assert "br-lan: option 114 is missing" in said and f"in dnsmasq.conf: {line}" in said
        dnsmasq(secure, good.replace(line, line.replace("/api", "/elsewhere")))
        assert "option 114 says https://wifi.prato.example/elsewhere" in named(secure, "dhcp")
    finally:
        dnsmasq(secure, good)


def test_a_disk_that_cannot_be_written(secure):
    """The state directory of a loggiad whose disk went read-only: what it makes at a start cannot be made."""
    state = secure.router.dir / "state"
    elsewhere = state.rename(state.with_name("state.away"))
    state.write_text("not a directory")
    try:
        secure.router.restart("loggiad")
        _, findings = doctor(secure)
        said = [f for f in findings if f["check"] == "disk"]
        assert said[0]["level"] == "bad" and "token-key cannot be kept in" in said[0]["what"], said
    finally:
        state.unlink()
        elsewhere.rename(state)
        secure.router.restart("loggiad")
        secure.phone().tap()
