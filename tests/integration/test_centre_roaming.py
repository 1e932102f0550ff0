"""A device that walks on to another router: the one behind it is told to close the session (RFC 5176)."""

import hashlib
import hmac
import socket
import time

import pytest

from city import radius
from city.centre import Centre
from city.netns import World, wait_for
from city.radius import Nas, attribute, parse, udp_socket_in
from city.town import Town

ROUTERS = {"square": "127.0.1.1", "fountain": "127.0.1.2", "station": "127.0.1.3"}
DISCONNECT_REQUEST, DISCONNECT_ACK, COA_REQUEST = 40, 41, 43


@pytest.fixture(scope="module")
def centre():
    with World() as world:
        c = Centre(world, world.namespace("centre"), "127.0.0.1", clients=ROUTERS.values(), people=10)
        yield c.start()
        c.stop()


class Router(Nas):
    """A router with an address of its own, and an open ear at UDP 3799."""

    def __init__(self, centre, name):
        super().__init__(centre.namespace, "127.0.0.1", centre.secret, name=name, source=ROUTERS[name])
        self.ear = udp_socket_in(centre.namespace)
        self.ear.bind((ROUTERS[name], 3799))
        self.ear.settimeout(10)
        self.answers = {}

    def _hear(self):
        """What comes next that has not been answered; a repetition may have been on its way meanwhile."""
        while True:
            data, peer = self.ear.recvfrom(4096)
            if data not in self.answers:
                return data, peer
            self.ear.sendto(self.answers[data], peer)

    def told(self, answer=True, code=DISCONNECT_REQUEST, instead_of=None):
        """The Disconnect-Request (or CoA-Request) that came, its signatures checked; its attributes. Repetitions of
        instead_of may come before it."""
        data, peer = self._hear()
        while data[0] == instead_of:
            data, peer = self._hear()
        assert data[0] == code, parse(data)
        zero = bytes(16)
        assert data[4:20] == hashlib.md5(data[:4] + zero + data[20:] + self.secret).digest(), "wrong authenticator"
        attributes = parse(data)
        has = attributes[radius.MESSAGE_AUTHENTICATOR]
        at = data.index(bytes([radius.MESSAGE_AUTHENTICATOR, 18]) + has) + 2
        blank = data[:4] + zero + data[20:at] + zero + data[at + 16:]
        assert hmac.new(self.secret, blank, hashlib.md5).digest() == has, "wrong Message-Authenticator"
        if answer:
            head = bytes([code + 1, data[1], 0, 38])
            body = attribute(radius.MESSAGE_AUTHENTICATOR, zero)
            mac = hmac.new(self.secret, head + data[4:20] + body, hashlib.md5).digest()
            body = attribute(radius.MESSAGE_AUTHENTICATOR, mac)
            self.answers[data] = head + hashlib.md5(head + data[4:20] + body + self.secret).digest() + body
            self.ear.sendto(self.answers[data], peer)
        return attributes

    def hears_nothing(self):
        """Nothing came, although whatever was to come is there: the centre has answered a question since."""
        self.status()
        self.ear.settimeout(0.3)
        try:
            with pytest.raises(socket.timeout):
                self._hear()
        finally:
            self.ear.settimeout(10)

    def close(self):
        self.ear.close()


@pytest.fixture
def routers(centre):
    made = {name: Router(centre, name) for name in ROUTERS}
    yield made
    for router in made.values():
        router.close()


_number = iter(range(1, 1000))


@pytest.fixture
def phone():
    return f"0a:99:00:00:00:{next(_number):02x}"


def test_the_session_on_the_router_behind_is_closed(centre, routers, phone):
    square, fountain, station = routers["square"], routers["fountain"], routers["station"]
    square.account(phone, radius.START, "walk-1", at=time.time() - 40)
    began = time.monotonic()
    assert fountain.account(phone, radius.START, "walk-2").code == radius.ACCT_RESPONSE
    assert time.monotonic() - began < 0.5, "the answer waited for the other router"
    told = square.told()
    assert told[44] == b"walk-1" and told[radius.NAS_ID] == b"square"
    assert abs(int.from_bytes(told[55], "big") - time.time()) < 5, "no Event-Timestamp: a replay would not be seen"
    square.account(phone, radius.STOP, "walk-1", seconds=40, cause=6)
    first, second = centre.sessions(phone)
    assert (first["nas"], first["cause"], second["nas"], second["stop"]) == ("square", "Admin-Reset", "fountain", None)
    station.hears_nothing()
    fountain.hears_nothing()


def test_a_request_that_got_lost_is_sent_again(routers, phone):
    routers["square"].account(phone, radius.START, "lost-1", at=time.time() - 40)
    routers["fountain"].account(phone, radius.START, "lost-2")
    assert routers["square"].told(answer=False)[44] == b"lost-1"
    assert routers["square"].told()[44] == b"lost-1"


def test_a_router_that_was_off_hears_of_it_at_the_next_interim_update(routers, phone):
    routers["square"].account(phone, radius.START, "off-1", at=time.time() - 400)
    routers["fountain"].account(phone, radius.START, "off-2", at=time.time() - 300)
    assert routers["square"].told()[44] == b"off-1"
    routers["fountain"].account(phone, radius.UPDATE, "off-2", seconds=300)
    assert routers["square"].told()[44] == b"off-1"


def test_who_stays_is_not_disturbed(routers, phone):
    square = routers["square"]
    square.account(phone, radius.START, "stay-1", at=time.time() - 40)
    square.account(phone, radius.START, "stay-2")  # the same router: it knows itself
    square.account(phone, radius.UPDATE, "stay-2", seconds=0)
    square.hears_nothing()


def test_what_a_router_sends_late_closes_nothing_newer(routers, phone):
    now = time.time()
    routers["fountain"].account(phone, radius.START, "late-2", at=now - 60)
    routers["square"].account(phone, radius.START, "late-1", at=now - 600)  # waited in its queue
    routers["square"].account(phone, radius.UPDATE, "late-1", seconds=300, at=now - 300)
    routers["fountain"].hears_nothing()


def test_a_session_that_is_over_is_left_alone(routers, phone):
    now = time.time()
    routers["square"].account(phone, radius.START, "over-1", at=now - 100)
    routers["square"].account(phone, radius.STOP, "over-1", seconds=50, cause=4, at=now - 50)
    routers["fountain"].account(phone, radius.START, "over-2")
    routers["square"].hears_nothing()


def test_another_device_is_none_of_its_business(routers, phone):
    routers["square"].account(phone, radius.START, "one-1", at=time.time() - 40)
    routers["fountain"].account("0a:9a:00:00:00:01", radius.START, "one-2")
    routers["square"].hears_nothing()


def test_a_phone_that_walks_to_another_square_is_closed_on_the_first():
    """All of it real: two routers, their kernels, the centre; the first router never saw the phone leave."""
    with Town(routers=2, people=10) as town:
        first, second = town.routers
        phone = town.newcomer(first)
        phone.tap()
        before = wait_for("the session is in the accounting", lambda: town.centre.sessions(phone))[0]
        phone.move_to(second)
        wait_for("the phone is online on the second square", lambda: phone.probe("android") == "online")
        rows = wait_for("the first session is closed, the second open", lambda: (
            lambda r: len(r) == 2 and r[0]["stop"] and not r[1]["stop"] and r)(town.centre.sessions(phone)))
        assert rows[0]["session"] == before["session"] and rows[0]["cause"] == "Admin-Reset"
        assert (rows[0]["nas"], rows[1]["nas"]) == ("router0", "router1")
        wait_for("the first router's kernel has forgotten it", lambda: phone.mac not in first.ns.run(
            "nft", "list", "set", "inet", "loggia", "up").stdout)


def test_whom_a_directory_suspends_is_offline_on_the_square_and_told_why():
    """All of it real, and the phone does nothing: slapd, the centre's next question, Disconnect, the router's kernel."""
    with Town(routers=1, people=10, options={"recheck = 40": "recheck = 1", "found = 30": "found = 0"}) as town:
        square = town.router
        phone = town.phone()
        dn = town.centre.provincia.add_device(phone.mac)
        phone.join(square)
        wait_for("the phone is online without a tap", lambda: phone.probe("android") == "online")
        wait_for("the session is in the accounting", lambda: town.centre.sessions(phone))
        town.centre.provincia.suspend(dn)
        began = time.monotonic()
        wait_for("the router's kernel has forgotten it", lambda: phone.mac not in square.ns.run(
            "nft", "list", "set", "inet", "loggia", "up").stdout, timeout=30)
        print(f"offline {time.monotonic() - began:.1f} s after slapd was told (recheck = 1)")
        row, = wait_for("its session has ended", lambda: [r for r in town.centre.sessions(phone) if r["stop"]])
        assert row["cause"] == "Admin-Reset"
        wait_for("it does not come back", lambda: phone.probe("android") != "online")


def test_a_new_profile_reaches_the_square_without_a_new_session():
    """All of it real, and the phone does nothing: slapd, the centre's next question, CoA, the router's kernel."""
    with Town(routers=1, people=10, options={"recheck = 40": "recheck = 1", "found = 30": "found = 0"}) as town:
        square = town.router
        phone = town.phone()
        dn = town.centre.provincia.add_device(phone.mac)
        phone.join(square)
        wait_for("the phone is online without a tap", lambda: phone.probe("android") == "online")
        before, = wait_for("the session is in the accounting", lambda: town.centre.sessions(phone))
        assert square.clients()[phone.mac]["down_Bps"] == 15_000_000 // 8
        town.centre.provincia.modify(dn, "add: provBanda\nprovBanda: 30000")
        began = time.monotonic()
        wait_for("the router has the new rate", lambda: square.clients()[phone.mac]["down_Bps"] == 30_000_000 // 8, timeout=30)
        print(f"30 instead of 15 Mbit/s {time.monotonic() - began:.1f} s after slapd was told (recheck = 1)")
        after, = town.centre.sessions(phone)
        assert after["session"] == before["session"] and not after["stop"]
