# SPDX-License-Identifier: GPL-2.0-or-later
"""Today's gate takes over the table that an older one left: nobody is put off, let in, or billed wrongly."""

import pytest
from city import gateclient as gc
from city.farend import arrived, count_arrivals
from city.gateworld import ECHO, INTERNET4, INTERNET6, TRAFFIC, GateWorld, wait_for_text
from city.netns import World, wait_for
from conftest import BUILD, SOURCE

LAYOUT = SOURCE / "tests" / "city" / "layout_3.nft"
NUMBER, SEEDED = 0x00d99547, 2**32 - 5000
RATE = {"up": 50_000_000, "down": 20_000_000}
SIZE, PER_SECOND = 228, 1000


@pytest.fixture
def city():
    with World() as world:
        yield GateWorld(world, BUILD)


def element(key, number, rate, counted):
    return (f"{key} limit rate {rate} bytes/second burst {rate // 10} bytes "
            f"counter packets {counted // 1000} bytes {counted} timeout 50m")


def of_version_4(text):
    """As the gate after it had it: @up a map, and one lookup that also says whose the flow is."""
    for old, new in (("set up {\n        type ether_addr\n", "map up {\n        type ether_addr : mark\n"),
                     ("        ether saddr @up accept\n        ct mark set ether saddr map @ids drop\n",
                      "        ct mark set ether saddr map @up accept\n        ct mark set ether saddr map @ids drop\n")):
        assert old in text
        text = text.replace(old, new)
    return text


def leave_old_table(city, macs, version=3):
    """As if the older gate had been killed just now."""
    numbers = {mac: NUMBER + i for i, mac in enumerate(macs)}
    listed = {
        "IDS": ", ".join(f'{m} timeout 50m comment "s=42-{n}" : {n:#010x}' for m, n in numbers.items()),
        "UP": ", ".join(element(m, n, RATE["up"], SEEDED) + (f" : {n:#010x}" if version == 4 else "")
                        for m, n in numbers.items()),
        "DOWN": ", ".join(element(f"{n:#010x}", n, RATE["down"], 2 * SEEDED) for n in numbers.values()),
        "NUMBERS": f"{NUMBER + 65536:#010x}", "GARDEN": "198.51.100.77"}
    text = of_version_4(LAYOUT.read_text()) if version == 4 else LAYOUT.read_text()
    for word, value in listed.items():
        text = text.replace(f"{{ {word} }}", f"{{ {value} }}")
    table = city.world.dir / "old.nft"
    table.write_text(text)
    city.router.run("nft", "-f", table)


def datagrams_sent(phone):
    return int(phone.space.run("nstat", "-az", "UdpOutDatagrams").stdout.split("UdpOutDatagrams")[1].split()[0])


@pytest.mark.parametrize("version, devices", [(3, 1), (3, 2500), (4, 2500)])
def test_the_table_of_an_older_gate_is_taken_over_under_way(city, version, devices):
    phone, stranger = city.phones
    others = [f"02:94:00:00:{i >> 8:02x}:{i & 255:02x}" for i in range(devices - 1)]
    count_arrivals(city.internet, phone.space)
    leave_old_table(city, [phone.mac, *others], version)
    sender = phone.space.start(*TRAFFIC, "pour", INTERNET4, ECHO, SIZE - 28, PER_SECOND)
    hammer = stranger.space.start(*TRAFFIC, "pour", INTERNET4, ECHO, 100, PER_SECOND)
    wait_for("it has answers", lambda: arrived(phone.space, INTERNET4) > 100 * SIZE)
    city.start_gate()
    so_far = arrived(phone.space, INTERNET4)
    wait_for("it has more answers", lambda: arrived(phone.space, INTERNET4) > so_far + 100 * SIZE)
    sender.stop(), hammer.stop()
    assert f"event=layout-replaced table=loggia devices={devices}" in city.gate.output()
    assert phone.udp(INTERNET4, 1, SIZE - 28)["back"] == 1, "behind all others"
    with gc.GateClient(city.socket) as gate:
        for n, mac in ((0, phone.mac), *([(devices - 1, others[-1])] if others else [])):
            e = gate.read(mac).body
            assert (e.number, e.tag) == (NUMBER + n, f"s=42-{NUMBER + n}")
            assert (e.up_Bps, e.down_Bps) == (RATE["up"], RATE["down"])
            assert 2900 < e.timeout_s <= 3000
        last = gate.close_device(phone.mac).body
    up, down = arrived(city.internet, phone.ip4, phone.ip6), arrived(phone.space, INTERNET4, INTERNET6)
    sent = datagrams_sent(phone)
    print(f"{devices} devices: {sent - up // SIZE} of {sent} datagrams dropped;",
          f"told {last.up_bytes - SEEDED} {last.down_bytes - 2 * SEEDED}, arrived {up} {down}")
    in_hand = 1  # by a processor, in the middle of the rules, at the instant of the change
    assert sent - up // SIZE <= in_hand
    assert abs(last.up_bytes - SEEDED - up) <= in_hand * SIZE, "every byte, once"
    assert abs(last.down_bytes - 2 * SEEDED - down) <= in_hand * SIZE, "every byte, once"
    assert arrived(city.internet, stranger.ip4, stranger.ip6) == 0
    assert "198.51.100.77" in city.router.run("nft", "list", "set", "inet", "loggia", "garden4").stdout


def test_more_devices_than_fit_one_transaction_come_back_too_and_are_never_answered_as_strangers(city):
    phone, stranger = city.phones
    leave_old_table(city, [*(f"02:94:00:00:{i >> 8:02x}:{i & 255:02x}" for i in range(8200)), phone.mac])
    assert phone.tcp(INTERNET4, ECHO)["end"] == "ok"
    city.start_gate()
    wait_for_text(city.gate, "event=layout-replaced table=loggia devices=8201")
    with gc.GateClient(city.socket) as gate:
        e = gate.read(phone.mac).body
        assert (e.number, e.up_Bps) == (NUMBER + 8200, RATE["up"]) and e.up_bytes > SEEDED
        assert phone.udp(INTERNET4, 10, 100)["back"] == 10
        assert stranger.udp(INTERNET4, 3, 100)["back"] == 0
