"""What people notice, or do not, when a router loses at once what kept them online."""

import json
import re
import sys

import pytest
from city.internet import IPERF
from city.netns import wait_for
from city.steps import events
from city.town import Town


SECONDS = 5
STATION = f"""
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("{IPERF[0]}", 7000))
print("ready", flush=True)
listener = s.recvfrom(64)[1]
for n in range({SECONDS * 50}):
    s.sendto(b"la" * 200, listener)
    time.sleep(0.02)
"""
LISTENER = f"""
import json, socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b"hello", ("{IPERF[0]}", 7000))  # and not a word more
began, heard = time.monotonic(), []
s.settimeout(0.1)
while time.monotonic() < began + {SECONDS}:
    try:
        s.recv(2048)
        heard.append(round(time.monotonic() - began, 3))
    except TimeoutError:
        pass
print(json.dumps(heard), flush=True)
"""


@pytest.fixture(scope="module")
def town():
    with Town(routers=0, centre=False, alone=True) as t:
        yield t


def numbers(router):
    """MAC -> client number, as the kernel has them."""
    listed = router.ns.run("nft", "list", "map", "inet", "loggia", "ids", check=False).stdout
    return {mac: int(number, 16) for mac, number in re.findall(r"([0-9a-f:]{17}) timeout .*? : (0x[0-9a-f]+)", listed)}


def test_a_broadcast_goes_on_when_the_gate_dies_and_its_table_is_deleted(town):
    """A phone that only listens sends nothing by which its conversations could be recognised again: it must get the
    number back that they carry."""
    router, phone = town.alone, town.newcomer(town.alone, name="listener")
    phone.tap()
    before = numbers(router)[phone.mac]
    station = town.internet.ns.start(sys.executable, "-c", STATION)
    wait_for("the station", lambda: "ready" in station.output())
    listener = phone.ns.start(sys.executable, "-c", LISTENER)
    wait_for("the broadcast", lambda: router.clients()[phone.mac]["down_bytes"] > 10_000)
    router.kill("loggia-gate")
    router.ns.run("nft", "delete", "table", "inet", "loggia")
    router.restart("loggia-gate")
    wait_for("the device in the kernel again", lambda: phone.mac in numbers(router))
    assert numbers(router)[phone.mac] == before
    listener.popen.wait(20)
    heard = json.loads(listener.output())
    assert len([at for at in heard if at > SECONDS - 1]) > 25, f"the broadcast went silent after {heard[-1]} s"


def test_devices_that_joined_meanwhile_keep_their_numbers(town):
    """The number that somebody had before may be another's by now: both are online, with two numbers."""
    router, first = town.alone, town.newcomer(town.alone, name="first")
    first.tap()
    router.kill("loggia-gate")
    router.ns.run("nft", "delete", "table", "inet", "loggia")
    router.restart("loggia-gate")
    second = town.newcomer(town.alone, name="second")
    second.tap()
    wait_for("both in the kernel", lambda: {first.mac, second.mac} <= numbers(router).keys())
    found = numbers(router)
    assert len(set(found.values())) == len(found)
    assert first.probe("ios") == second.probe("ios") == "online"


@pytest.mark.parametrize("restarted", [False, True])
def test_phone_that_walked_on_is_not_taken_for_present(town, restarted):
    """The router goes on for a while to look for a phone that has left: its own doubts are no sign of life. Else the
    phone would be let in here again, silently, and the centre would end its session on the square where it is."""
    router, phone = town.alone, town.newcomer(town.alone, name=f"walker-{restarted}")
    town.newcomer(town.alone, name=f"stays-{restarted}")  # else the bridge goes down with its last port, and forgets all
    for family in ("ipv4", "ipv6"):
        for key, value in (("delay_first_probe_time", 1), ("base_reachable_time_ms", 3000)):
            router.ns.sysctl(f"net.{family}.neigh.br-lan.{key}", value)
    phone.tap()
    addresses = [phone.ipv4, phone.wait_ipv6()]
    for address in addresses:
        assert router.ns.run("ping", "-n", "-c", "1", "-W", "2", address).returncode == 0
    if restarted:  # it has not seen how the kernel came to know the phone
        router.kill("loggia-gate")
        router.restart("loggia-gate")
        wait_for("its sessions", lambda: "event=gate_connected" in router.log("loggiad").splitlines()[-1])
    phone.leave()
    router.ctl("status")  # asks the gate, which has then heard all that the phone said before it left
    router.ctl("kick", phone.mac)
    asked = len(events(router, "loggiad", "answer"))

    def neighbours(states):
        listed = router.ns.run("ip", "neigh", "show", "dev", "br-lan").stdout.splitlines()
        return [line for line in listed if line.split()[0] in addresses and line.split()[-1] in states]

    def given_up():
        for address in addresses:
            router.ns.run("ping", "-n", "-c", "1", "-W", "0.2", address, check=False)
        return not neighbours(("REACHABLE", "STALE", "DELAY", "PROBE"))
    wait_for("the kernel to doubt it", lambda: not neighbours(("REACHABLE", "DELAY", "PROBE")), timeout=20)
    wait_for("the kernel to give the phone up", given_up, timeout=30, every=0.2)
    assert events(router, "loggiad", "answer")[asked:] == []
    assert phone.mac not in router.clients()
