# SPDX-License-Identifier: GPL-2.0-or-later
"""Today's gate takes over the table that an older one left: nobody is put off, let in, or billed wrongly."""

import os
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
STEP = 300


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


def there_was_room(city, table):
    result = city.router.run("nft", "-f", table, check=False)
    assert result.returncode == 0 or "Cannot allocate memory" in result.stderr, result.stderr
    return result.returncode == 0


def leave_old_table(city, macs, version=3):
    """As if the older gate had been killed just now. It had opened them little by little, as a kernel had room for them:
    before 2024 it had for some hundred to some thousand counters at once (see batch_commit)."""
    table = city.world.dir / "old.nft"
    numbers = [(mac, NUMBER + i) for i, mac in enumerate(macs)]
    for begin in range(0, len(numbers), STEP):
        some = numbers[begin:begin + STEP]
        listed = {
            "ids": ", ".join(f'{m} timeout 50m comment "s=42-{n}" : {n:#010x}' for m, n in some),
            "up": ", ".join(element(m, n, RATE["up"], SEEDED) + (f" : {n:#010x}" if version == 4 else "") for m, n in some),
            "down": ", ".join(element(f"{n:#010x}", n, RATE["down"], 2 * SEEDED) for _, n in some),
            "numbers": f"{NUMBER + 65536:#010x}", "garden4": "198.51.100.77"}
        text = "".join(f"add element inet loggia {name} {{ {value} }}\n" for name, value in listed.items())
        if begin == 0:
            text = of_version_4(LAYOUT.read_text()) if version == 4 else LAYOUT.read_text()
            for name, value in listed.items():
                text = text.replace(f"{{ {name.rstrip('4').upper()} }}", f"{{ {value} }}")
        table.write_text(text)
        wait_for("the kernel takes it", lambda: there_was_room(city, table))


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
    before = arrived(city.internet, phone.ip4)
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
    in_hand = os.cpu_count()  # one by each, in the middle of the rules, at the instant of the change
    assert sent - up // SIZE <= in_hand
    if "event=all-counted" in city.gate.output():  # a kernel that is short of room: see the next test
        assert before - in_hand * SIZE <= last.up_bytes - SEEDED <= up + in_hand * SIZE
    else:
        assert abs(last.up_bytes - SEEDED - up) <= in_hand * SIZE, "every byte, once"
        assert abs(last.down_bytes - 2 * SEEDED - down) <= in_hand * SIZE, "every byte, once"
    assert arrived(city.internet, stranger.ip4, stranger.ip6) == 0
    assert "198.51.100.77" in city.router.run("nft", "list", "set", "inet", "loggia", "garden4").stdout


def test_who_cannot_be_counted_at_once_changes_over_uncounted_and_misses_nothing(city, preload):
    """By a kernel that has not the memory for so many counters."""
    phone, stranger = city.phones
    count_arrivals(city.internet, phone.space)
    leave_old_table(city, [*(f"02:94:00:00:{i >> 8:02x}:{i & 255:02x}" for i in range(2500)), phone.mac])
    sender = phone.space.start(*TRAFFIC, "pour", INTERNET4, ECHO, SIZE - 28, PER_SECOND)
    hammer = stranger.space.start(*TRAFFIC, "pour", INTERNET4, ECHO, 100, PER_SECOND)
    wait_for("it has answers", lambda: arrived(phone.space, INTERNET4) > 100 * SIZE)
    before = arrived(city.internet, phone.ip4)
    city.start_gate(env={"LD_PRELOAD": str(preload), "ASAN_OPTIONS": "verify_asan_link_order=0", "READY": "1000"})
    wait_for_text(city.gate, "event=all-counted")
    so_far = arrived(phone.space, INTERNET4)
    wait_for("it has more answers", lambda: arrived(phone.space, INTERNET4) > so_far + 100 * SIZE)
    sender.stop(), hammer.stop()
    assert "event=layout-replaced table=loggia devices=2501" in city.gate.output()
    assert phone.udp(INTERNET4, 1, SIZE - 28)["back"] == 1, "behind all others"
    with gc.GateClient(city.socket) as gate:
        last = gate.close_device(phone.mac).body
    up = arrived(city.internet, phone.ip4, phone.ip6)
    assert datagrams_sent(phone) - up // SIZE <= 1, "in a processor's hand"
    assert before + 100 * SIZE <= last.up_bytes - SEEDED <= up + SIZE, "all but what passed meanwhile"
    assert (last.tag, last.number) == (f"s=42-{NUMBER + 2500}", NUMBER + 2500)
    assert arrived(city.internet, stranger.ip4, stranger.ip6) == 0


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
