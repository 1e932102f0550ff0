"""Everything that directories do to those who ask them, done to the federation by a real one, while another is well.

In each case: nobody who is only in the healthy one notices (all answers, in time, with all entitlements), who is known
to the ill one keeps what was last known, a stranger is told within the deadline, nothing leaks, and two seconds after
the directory is well again everybody has everything. Figures: pytest -s."""

import contextlib
import os
import re
import signal
import statistics
import threading
import time

import pytest

from city.ca import Authority
from city.directories import Comune, Provincia, ldif, mac_of, plain
from city.netns import World, wait_for
from city.wire import Wire
from conftest import BUILD
from federation_world import CITIZEN, DEADLINE, OPTIONS, PROVINCIAL, STRANGER, SUSPENDED, Drive

pytestmark = pytest.mark.alone

MARGIN = 50
RECOVERY_S = 2.0
WIRE = 3899
# The wire is what the federation knows of the Provincia.
THROUGH_THE_WIRE = OPTIONS.replace("authority.port 3892", f"authority.port {WIRE}")
SANITIZED = re.search(rb"__[at]san_init", (BUILD / "tests/unit/federation_drive").read_bytes())
CROWD, GIANT = mac_of("provincia", 4_000_000), mac_of("provincia", 4_000_004)


class Sick(Provincia):
    """One more thing in the directory for each fault that is made of data."""

    def population(self, people):
        yield from super().population(people)
        for n in range(10_000):  # all of them answer to one question
            yield self.person(100_000 + n, "Folla", [CROWD], False)
        megabyte = "x" * (1 << 20)
        yield self.person(200_000, megabyte, [GIANT], False)
        # A subtree that is elsewhere, and elsewhere is here.
        yield ldif(f"ou=altrove,{self.suffix}", objectClass=["referral", "extensibleObject"], ou="altrove",
                   ref=f"ldap://127.0.0.1:{self.port}/{self.suffix}")


@pytest.fixture(scope="module")
def city():
    with World() as world:
        space = world.namespace("centre")
        comune = Comune(world, space, "comune", "127.0.0.1", 3891)
        provincia = Sick(world, space, "provincia", "127.0.0.1", 3892)
        for d in (comune, provincia):
            d.fill(300)
            d.start()
        with Wire(space, WIRE, 3892) as wire:
            yield world, space, comune, provincia, wire


def usage(pid):
    """Descriptors, threads, and memory in KiB."""
    status = open(f"/proc/{pid}/status", encoding="ascii").read()
    return (len(os.listdir(f"/proc/{pid}/fd")), int(re.search(r"Threads:\s+(\d+)", status)[1]),
            int(re.search(r"VmRSS:\s+(\d+)", status)[1]))


class Case:
    """A fault: what was before, what is during, what has to be again."""

    def __init__(self, world, space, options=THROUGH_THE_WIRE):
        self.drive = Drive(world, space, options)
        self.worst = 0.0
        self.asked = 0

    def healthy(self):
        wait_for("both directories answer", lambda: self.drive.states(STRANGER) == ["not_found", "not_found"])
        for mac, states in ((PROVINCIAL, ["not_found", "found"]), (SUSPENDED, ["not_found", "found"]),
                            (CITIZEN, ["found", "not_found"])):
            wait_for(f"{mac} is known", lambda m=mac, s=states: self.drive.states(m) == s)
        # Twice: the second finds all memory that the first has taken.
        self.drive.load(8, 40)
        self.citizens = {n: self.drive.load(8, n)["found"] for n in (4, 40)}
        assert self.citizens[40] > 100
        self.before = usage(self.drive.process.pid)
        return self

    def in_time(self, answer, most=DEADLINE + MARGIN):
        took = answer.get("worst_ms", answer["ms"]) - answer["late_ms"]
        self.worst = max(self.worst, took)
        self.asked += 1
        assert took <= most, f"{took:.0f} ms: {answer}"
        return answer

    def nobody_notices(self, each=40):
        """The people of the healthy directory, in a crowd and alone."""
        got = self.in_time(self.drive.load(8, each))
        assert got["found"] == self.citizens[each], f"people of the healthy directory lost their entitlements: {got}"
        answer = self.in_time(self.drive.ask(CITIZEN))["answers"][0]
        assert answer["state"] == "found" and not answer["stale"], answer

    def those_of_the_ill_one(self, stale=True):
        """Keep what was known; a stranger is nobody, in time."""
        known = self.in_time(self.drive.ask(PROVINCIAL))["answers"][1]
        assert known["state"] == "found" and (known["stale"] or not stale), "who was known is a stranger now"
        shut_out = self.in_time(self.drive.ask(SUSPENDED))["answers"][1]
        assert shut_out["denied"], "who was shut out is let in"
        assert self.in_time(self.drive.ask(STRANGER))["answers"][1]["state"] in ("unknown", "not_found")

    def until_given_up(self):
        wait_for("the breaker opens", lambda: self.nobody_notices() or self.drive.stats(1)["breaker"] != "closed", timeout=3)
        self.those_of_the_ill_one()
        quick = statistics.median(self.drive.ask(CITIZEN)["ms"] for _ in range(5))
        assert quick < 20, f"an open breaker is waited for: {quick} ms"

    def recovered(self, what):
        began = time.monotonic()
        wait_for("everybody has everything again", lambda: (
            a := self.in_time(self.drive.ask(PROVINCIAL))["answers"][1])["state"] == "found" and not a["stale"], timeout=10)
        took = time.monotonic() - began
        assert took <= RECOVERY_S, f"{took:.2f} s until everybody has everything again"
        self.nothing_leaked()
        print(f"\n{what}: worst {self.worst:.0f} ms of {self.asked} questions and crowds, recovered in {took:.2f} s, "
              f"memory {self.after[2] - self.before[2]:+d} KiB", end="")

    def nothing_leaked(self):
        def flat():
            self.nobody_notices()  # this opens what connections there are to be
            self.after = usage(self.drive.process.pid)
            return self.after[0] <= self.before[0] and self.after[1] <= self.before[1]
        wait_for("descriptors and threads are what they were", flat, timeout=5)
        # What a sanitizer keeps of its own is none of the federation's; the address sanitizer counts leaks at the end.
        assert self.after[2] - self.before[2] < 4096 or SANITIZED, f"memory grew from {self.before[2]} to {self.after[2]} KiB"


@pytest.fixture
def case(city):
    world, space, _, provincia, wire = city
    c = Case(world, space)
    yield c
    provincia.thaw()
    wire.heal()
    wire.refuse(False)
    c.drive.close()


def test_frozen(city, case):
    provincia = city[3]
    case.healthy()
    provincia.freeze()
    case.until_given_up()
    provincia.thaw()
    case.recovered("frozen")


def test_refused(city, case):
    wire = city[4]
    case.healthy()
    wire.refuse()
    case.until_given_up()
    wire.refuse(False)
    case.recovered("refused")


def test_accepted_then_silent(city, case):
    wire = city[4]
    case.healthy()
    wire.silent = True
    wire.reset()
    case.until_given_up()
    accepted = wire.accepted
    wait_for("it is dialled again", lambda: case.nobody_notices() or wire.accepted > accepted, timeout=5)
    wire.heal()
    case.recovered("accepted, then silent")


def test_a_server_that_says_good_bye_while_it_is_dialled(city, case):
    """What libldap makes of its notice is not lost, either: under the sanitizer the driver's end would tell."""
    wire = city[4]
    case.healthy()
    wire.leaving = True
    wire.reset()
    case.until_given_up()
    wait_for("it is dialled again", lambda: case.nobody_notices() or wire.goodbyes > 1, timeout=5)
    wire.heal()
    case.recovered("good-bye")


def test_one_byte_a_second(city, case):
    wire = city[4]
    case.healthy()
    wire.drip = True
    case.until_given_up()
    wire.heal()
    case.recovered("one byte a second")


def test_reset_in_the_middle_of_an_answer(city, case):
    wire = city[4]
    case.healthy()
    for cut in (1, 7, 30, 80):
        wire.cut_at = cut
        case.nobody_notices()
        case.those_of_the_ill_one(stale=False)
    wire.heal()
    case.recovered("reset in mid-answer")


def test_flapping(city, case):
    """Half a second there, half a second gone, four times."""
    wire = city[4]
    case.healthy()
    stop = threading.Event()

    def flap():
        for i in range(8):
            wire.refuse(i % 2 == 0)
            if stop.wait(0.5):
                break

    thread = threading.Thread(target=flap)
    thread.start()
    try:
        while thread.is_alive():
            case.nobody_notices()
            case.those_of_the_ill_one(stale=False)
    finally:
        stop.set()
        thread.join()
    case.recovered("flapping")


@pytest.mark.parametrize("delay", [10, 50, 150])
def test_slow(city, case, delay):
    """Within the deadline it is waited for, and no more than that: a question and one for the groups."""
    wire = city[4]
    case.healthy()
    wire.delay_ms = delay
    took = []
    for _ in range(9):
        answer = case.in_time(case.drive.ask(CITIZEN))
        took.append(answer["ms"] - answer["late_ms"])
        assert answer["answers"][0]["state"] == "found"
    assert statistics.median(took) < delay + 10, took
    case.nobody_notices(each=4)
    case.those_of_the_ill_one(stale=False)
    wire.heal()
    case.recovered(f"slow by {delay} ms: median {statistics.median(took):.1f} ms")


def test_ten_thousand_entries_for_one_question(city, case):
    case.healthy()
    for _ in range(5):
        crowd = case.in_time(case.drive.ask(CROWD))
        assert crowd["answers"][1]["state"] == "found", crowd
        case.nobody_notices()
    assert case.drive.stats(1)["breaker"] == "closed"
    case.those_of_the_ill_one(stale=False)
    case.recovered("10,000 matching entries")


def test_an_attribute_of_a_megabyte(city, case):
    case.healthy()
    for _ in range(5):
        giant = case.in_time(case.drive.ask(GIANT))
        assert giant["answers"][1]["state"] == "found", giant
        case.nobody_notices()
    assert case.drive.stats(1)["breaker"] == "closed"
    case.those_of_the_ill_one(stale=False)
    case.recovered("1 MB attribute")


def test_a_referral_to_itself(city, case):
    """Each search has met one so far, and nobody followed it. One at the base leads nowhere, and quickly."""
    world, space = city[:2]
    case.healthy()
    lost = Case(world, space, THROUGH_THE_WIRE.replace("base_dn o=provincia", "base_dn ou=altrove,o=provincia"))
    wait_for("it is given up", lambda: lost.drive.stats(1)["breaker"] != "closed")
    for _ in range(5):
        answer = lost.in_time(lost.drive.ask(CITIZEN))["answers"]
        assert [a["state"] for a in answer] == ["found", "unknown"], answer
    assert 'error="search of base_dn: Referral"' in lost.drive.output()
    lost.drive.close()
    case.recovered("referral loop")


def test_a_wrong_schema(city, case):
    """Attributes that the directory does not have find nobody; a base that it has not is said, once."""
    world, space = city[:2]
    wrong = Case(world, space, THROUGH_THE_WIRE.replace("(provDispositivo=%{{mac}})", "(macAddress=%{{mac}})").replace(
        "suspended.attribute provSospeso", "suspended.attribute provBanda"))
    wait_for("both answer", lambda: wrong.drive.states(CITIZEN) == ["found", "not_found"])
    assert wrong.drive.states(PROVINCIAL) == ["not_found", "not_found"]
    wrong.drive.close()
    absent = Case(world, space, THROUGH_THE_WIRE.replace("base_dn o=provincia", "base_dn o=nessuna"))
    wait_for("it is given up", lambda: absent.drive.stats(1)["breaker"] != "closed")
    answer = absent.in_time(absent.drive.ask(CITIZEN))["answers"]
    assert [a["state"] for a in answer] == ["found", "unknown"], answer
    assert absent.drive.output().count('error="search of base_dn: No such object"') == 1
    absent.drive.close()


@contextlib.contextmanager
def name_server(space):
    """dnsmasq, which knows one name. Without an address outside nobody asks for names."""
    space.batch("link add outside type bridge", "address add 192.0.2.1/24 dev outside", "link set outside up")
    space.resolv.write_text("nameserver 127.0.0.1\n")
    p = space.start("dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--pid-file=", "--user=root",
                    "--listen-address=127.0.0.1", "--bind-interfaces", "--local=/#/", "--conf-file=/dev/null", "--address=/ldap.provincia.example/127.0.0.1")
    try:
        wait_for("the name server answers", lambda: space.run(
            "getent", "ahosts", "ldap.provincia.example", check=False).returncode == 0)
        yield p
    finally:
        p.stop()
        space.resolv.write_text("")
        space.ip("link", "del", "outside")


def test_a_name_server_that_hangs(city):
    """It is needed for new connections alone; who waits for it is the ill directory's connector, and nobody else."""
    world, space, _, _, wire = city
    with name_server(space) as dns:
        case = Case(world, space, THROUGH_THE_WIRE.replace("authority provincia\nauthority.server 127.0.0.1",
                                                           "authority provincia\nauthority.server ldap.provincia.example"))
        case.healthy()
        dns.kill(signal.SIGSTOP, wait=False)
        wire.refuse()
        case.until_given_up()
        wire.refuse(False)
        hung = time.monotonic()
        wait_for("it has been asked for a name in vain", lambda: case.nobody_notices() or time.monotonic() > hung + 1.5)
        dns.kill(signal.SIGCONT, wait=False)
        case.recovered("name server hanging")
        case.drive.close()


class Secure(Provincia):
    """Over TLS, with a certificate that a test can change."""

    chain = key = None

    def conf(self):
        return super().conf().replace("threads 4", f"threads 4\nTLSCertificateFile {self.chain}\nTLSCertificateKeyFile {self.key}")

    def renew(self, chain, key):
        self.chain, self.key = chain, key
        (self.dir / "slapd.conf").write_text(self.conf())


SECURE, SECURE_WIRE = 3893, 3896


@pytest.fixture(scope="module")
def secure(city):
    """The Provincia over TLS, behind a wire of its own: its directory, the authority of its certificates, and the wire.
    One port is for StartTLS, the other for ldaps."""
    world, space = city[:2]
    ca = Authority(world.dir / "ca")
    d = Secure(world, space, "secure", "127.0.0.1", SECURE)
    d.chain, d.key = ca.issue(["127.0.0.1"], "good")
    d.more_uris = [f"ldaps://127.0.0.1:{SECURE + 1}"]
    d.fill(300)
    d.start()
    with Wire(space, SECURE_WIRE, SECURE) as starttls, Wire(space, SECURE_WIRE + 1, SECURE + 1) as ldaps:
        yield d, ca, {"starttls": starttls, "ldaps": ldaps}
    d.stop()


def asked_by(way, ca, port=SECURE_WIRE, more=""):
    uri = f"ldap://127.0.0.1:{port}\nauthority.tls.start_tls yes" if way == "starttls" else f"ldaps://127.0.0.1:{port + 1}"
    return OPTIONS.replace("authority provincia\nauthority.server 127.0.0.1\nauthority.port 3892",
                           f"authority provincia\nauthority.server {uri}\nauthority.tls.ca_file {ca.cert}{more}")


def given_up_in_tls(case, way):
    step = {"starttls": "starttls", "ldaps": "connect"}[way]
    wait_for("the handshake is given up", lambda: case.nobody_notices() or
             case.drive.stats(1)["last_error"] == f"{step}: Timed out", timeout=10)
    case.those_of_the_ill_one()


@pytest.mark.parametrize("way", ["ldaps", "starttls"])
def test_accepted_then_silent_in_the_middle_of_tls(city, secure, way):
    """libldap itself would wait for ever: nobody who is well notices, and everybody has everything when it is over."""
    world, space = city[:2]
    _, ca, wires = secure
    case = Case(world, space, asked_by(way, ca)).healthy()
    try:
        wires[way].secretive = True
        wires[way].reset()
        given_up_in_tls(case, way)
        hushed = wires[way].hushed
        wait_for("it is dialled again", lambda: case.nobody_notices() or wires[way].hushed > hushed, timeout=10)
        wires[way].heal()
        case.recovered(f"silent in TLS, {way}")
    finally:
        wires[way].heal()
        case.drive.close()


@pytest.mark.parametrize("way", ["ldaps", "starttls"])
def test_frozen_while_everybody_dials_it(city, secure, way):
    """The kernel goes on taking connections for a slapd that stands still."""
    world, space = city[:2]
    directory, ca, wires = secure
    case = Case(world, space, asked_by(way, ca)).healthy()
    try:
        directory.freeze()
        wires[way].reset()
        given_up_in_tls(case, way)
        directory.thaw()
        case.recovered(f"frozen in TLS, {way}")
    finally:
        directory.thaw()
        case.drive.close()


@pytest.mark.parametrize("way", ["ldaps", "starttls"])
def test_who_is_to_end_ends_in_the_middle_of_tls(city, secure, way):
    world, space = city[:2]
    _, ca, wires = secure
    wires[way].secretive = True
    hushed = wires[way].hushed
    try:
        drive = Drive(world, space, asked_by(way, ca))
        wait_for("the handshake has begun", lambda: wires[way].hushed > hushed)
        drive.close()  # waits for its end, and is not patient
    finally:
        wires[way].heal()


def test_a_hundred_connections_cost_no_more_than_one(city, secure, monkeypatch):
    """With a certificate of the server's own, which libldap reads anew for each TLS context, and never frees."""
    monkeypatch.setenv("ASAN_OPTIONS", "detect_leaks=0")  # the one context's certificate is libldap's leak
    world, space = city[:2]
    _, ca, wires = secure
    ca.issue(["radius.centre.example"], "radius")
    shown = f"\nauthority.tls.certificate_file {ca.dir}/radius.pem\nauthority.tls.private_key_file {ca.dir}/radius.key"
    wire = wires["ldaps"]
    case = Case(world, space, asked_by("ldaps", ca, more=shown)).healthy()

    many = case.drive.stats(1)["connections"]

    def reconnect(times):
        for _ in range(times):
            before = wire.accepted
            wire.reset()
            wait_for("all its connections are back", lambda b=before: wire.accepted >= b + many and case.drive.stats(1)["connections"] == many)
            assert case.drive.states(PROVINCIAL) == ["not_found", "found"]
        return usage(case.drive.process.pid)[2]

    try:
        before = reconnect(10)
        began = wire.accepted
        grew = reconnect(40) - before
        n = wire.accepted - began
        print(f"\n{n} connections with a certificate: memory {grew:+d} KiB", end="")
        assert grew < 512 or SANITIZED, f"{n} connections cost {grew} KiB"
    finally:
        case.drive.close()


def test_an_expired_certificate(city, secure):
    """It is refused; the one that comes after it is taken without a word to this server."""
    world, space = city[:2]
    directory, ca, _ = secure
    good, old = (directory.chain, directory.key), ca.issue(["127.0.0.1"], "old", days=-1)
    case = Case(world, space, asked_by("ldaps", ca, SECURE)).healthy()
    directory.stop()
    directory.renew(*old)
    directory.start()
    case.until_given_up()
    wait_for("the certificate is refused", lambda: case.nobody_notices() or re.search(
        r"event=authority_unreachable authority=provincia .*error=\"connect: ", case.drive.output()), timeout=5)
    assert case.drive.states(PROVINCIAL)[1] == "found"
    directory.stop()
    directory.renew(*good)
    directory.start()
    case.recovered("expired certificate")
    case.drive.close()


def test_an_authority_that_is_renewed_is_believed_from_the_next_connection_on(city, secure):
    """The file that says whom to trust is another one: no reload."""
    world, space = city[:2]
    directory, ca, wires = secure
    other = Authority(world.dir / "other-ca")
    trusted = world.dir / "trusted.pem"
    trusted.write_text(ca.cert.read_text())
    case = Case(world, space, asked_by("ldaps", ca).replace(str(ca.cert), str(trusted))).healthy()
    try:
        trusted.write_text(other.cert.read_text())
        wires["ldaps"].reset()
        wait_for("it is a stranger's now", lambda: case.nobody_notices() or re.search(
            r"event=authority_unreachable authority=provincia .*error=\"connect: ", case.drive.output()), timeout=10)
        trusted.write_text(ca.cert.read_text())
        case.recovered("authority renewed")
    finally:
        case.drive.close()
