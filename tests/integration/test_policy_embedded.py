# SPDX-License-Identifier: GPL-2.0-or-later
"""A router without a radius section: one router of one small comune, and nothing else. And a disk that is full."""

import pathlib
import re
import signal
import subprocess

import pytest
from city import router as city_router
from city.internet import Internet
from city.netns import World, wait_for
from city.phone import Phone
from city.router import Router
from portal_world import Square, online_page, post, token_of


class Village:
    """A router that decides alone, and its phones."""

    def __init__(self, **router):
        self.world = World()
        try:
            self.internet = Internet(self.world)
            self.router = Router(self.internet, **router)
        except BaseException:
            self.world.close()
            raise
        self.n = 0

    def phone(self):
        self.n += 1
        phone = Phone(self.internet, f"phone{self.n}")
        phone.join(self.router, ipv6=False)
        return phone

    def joined(self):
        phone = self.phone()
        phone.tap()
        return phone

    def row(self, phone):
        return self.router.clients().get(phone.mac)

    @property
    def file(self):
        return self.router.dir / "state" / "passes"

    def passes(self):
        """Lines of the file without its head."""
        return self.file.read_text().splitlines()[1:] if self.file.exists() else []

    def written(self):
        """The lines, when all that is known is on the disk (after a write there is a rest of a second)."""
        wait_for("the passes on the disk", lambda: len(self.passes()) == self.router.ctl("status", "--json")["passes"])
        return self.passes()

    def reboot(self):
        """The state directory stays; the kernel forgets."""
        for daemon in ("loggiad", "loggia-gate"):
            self.router.kill(daemon)
        self.router.ns.run("nft", "delete", "table", "inet", "loggia")
        for daemon in ("loggia-gate", "loggiad"):
            self.router.restart(daemon)


@pytest.fixture(scope="module")
def village():
    village = Village()
    try:
        village.router.start()
        yield village
    except BaseException:
        print(village.router.logs(60))
        raise
    finally:
        village.world.close()


@pytest.fixture(autouse=True)
def show_logs(request):
    yield
    if "village" in request.fixturenames:
        print("--- loggiad\n" + "\n".join(request.getfixturevalue("village").router.log("loggiad").splitlines()[-60:]))


def test_a_tap_gives_the_guest_profile_and_a_pass_without_the_address(village):
    phone = village.phone()
    assert phone.probe("ios") == "portal"
    phone.tap()
    assert phone.probe("ios") == "online"
    row = village.row(phone)
    assert row["down_Bps"] == 10000 * 125 and 7100 <= row["ends_in_s"] <= 7200 and not row["provisional"]
    wait_for("the pass on the disk", village.passes)
    assert village.file.stat().st_mode & 0o777 == 0o600
    text = village.file.read_text().lower()
    assert phone.mac not in text and phone.mac.replace(":", "") not in text
    status = village.router.ctl("status", "--json")
    assert status["embedded"] and status["passes"] >= 1 and status["not_kept"] == []
    assert status["accounting"]["sent"] == 0


def test_a_killed_portal_knows_its_passes(village):
    phone = village.joined()
    before = village.row(phone)
    village.written()
    village.router.kill("loggiad")
    village.router.restart("loggiad")
    assert village.row(phone)["session"] == before["session"]
    village.router.ctl("kick", phone.mac)
    wait_for("it is let in by its pass", lambda: phone.probe("ios") == "online")
    assert village.row(phone)["session"] != before["session"]


def test_after_a_reboot_nobody_sees_the_splash_again(village):
    phone, stranger = village.joined(), village.phone()
    village.written()
    village.reboot()
    phone.seen.clear()
    wait_for("it is let in by its pass", lambda: phone.probe("ios") == "online")
    assert "/join" not in "".join(a.text for a in phone.seen), "the splash page was served"
    assert stranger.probe("ios") == "portal"


def test_who_left_stays_away_over_a_restart_until_the_next_tap(village):
    phone = village.joined()
    phone.press("/leave")
    village.router.kill("loggiad", signal.SIGTERM)
    village.router.restart("loggiad")
    assert phone.probe("ios") == "portal"
    assert village.row(phone) is None
    phone.tap()
    assert phone.probe("ios") == "online"
    village.router.ctl("kick", phone.mac)
    wait_for("it is let in by its pass", lambda: phone.probe("ios") == "online")


def test_forgotten_is_forgotten_at_once_and_for_good(village):
    phone = village.joined()
    known = village.written()[-1]
    before = village.router.ctl("status", "--json")["passes"]
    phone.press("/forget")
    assert village.router.ctl("status", "--json")["passes"] == before - 1
    wait_for("the file to be without it", lambda: known not in village.passes(), timeout=5)
    village.router.kill("loggiad")
    village.router.restart("loggiad")
    assert phone.probe("ios") == "portal"
    assert village.row(phone) is None


def test_a_damaged_file_keeps_what_can_be_read_and_names_the_line(village):
    village.joined()
    village.joined()
    village.written()
    lines = village.file.read_text().splitlines()
    village.router.kill("loggiad")
    lines[-2] = lines[-2][:5] + ("0" if lines[-2][5] != "0" else "1") + lines[-2][6:]
    village.file.write_text("\n".join(lines))  # and the last newline is torn off
    village.router.restart("loggiad")
    log = village.router.log("loggiad")
    assert f'event=pass_unreadable line={len(lines) - 1} why="damaged"' in log
    assert f'event=pass_unreadable line={len(lines)} why="torn"' in log
    assert village.router.ctl("status", "--json")["passes"] == len(lines) - 3


def test_the_configuration_is_fine_without_a_centre(village):
    r = village.router.ns.run(city_router.PROGRAMS["loggiad"], "-c", village.router.conf, "--check-config")
    assert "fine" in r.stderr
    text = village.router.ns.run(city_router.PROGRAMS["loggiad"], "--help-config").stdout
    assert "\npass\n" in text and "\nwhen_radius_down\n" in text and "\ndisconnect_port\n" in text


# --- a full disk ------------------------------------------------------------------------------

class SmallDisk:
    """loggiad's state directory on a disk of 64 KiB, in a mount namespace of its own."""

    def __init__(self, world, monkeypatch, full=False):
        self.world, self.state = world, None
        self.wrapper = world.dir / "on-a-small-disk"
        self.full = full
        self.monkeypatch = monkeypatch

    def under(self, router):
        self.router, self.state = router, router.dir / "state"
        fill = f"head -c 65536 /dev/zero > {self.state}/ballast 2>/dev/null" if self.full else ":"
        self.wrapper.write_text("#!/bin/sh\n"
                                '[ -n "$APART" ] || exec env APART=yes unshare --mount "$0" "$@"\n'
                                f"mount -t tmpfs -o size=64k,mode=0700,uid=$(id -u nobody) tmpfs {self.state} || exit 9\n"
                                f"{fill}\nexec {city_router.PROGRAMS['loggiad']} \"$@\"\n")
        self.wrapper.chmod(0o755)
        self.monkeypatch.setitem(city_router.PROGRAMS, "loggiad", self.wrapper)

    def path(self, name):
        """A file on it, as seen from here."""
        return pathlib.Path(f"/proc/{self.router.daemons['loggiad'].pid}/root{self.state}/{name}")

    def inside(self, script):
        pid = str(self.router.daemons["loggiad"].pid)
        return subprocess.run(["nsenter", "-t", pid, "-m", "sh", "-c", script], capture_output=True, text=True, check=False)

    def fill(self):
        self.inside(f"head -c 65536 /dev/zero > {self.state}/ballast")

    def free(self):
        self.inside(f"rm -f {self.state}/ballast")


def not_kept(router):
    return router.ctl("status", "--json")["not_kept"]


def test_a_full_disk_costs_a_village_nothing_but_the_memory_of_its_taps(monkeypatch):
    village = Village()
    try:
        disk = SmallDisk(village.world, monkeypatch)
        disk.under(village.router)
        village.router.start()
        disk.fill()
        first, second = village.joined(), village.joined()
        assert first.probe("ios") == second.probe("ios") == "online"
        wait_for("the status to say it", lambda: not_kept(village.router) == ["passes"])
        log = village.router.log("loggiad")
        assert log.count("event=passes_not_kept") == 1 and "No space left" in log
        village.router.ctl("kick", first.mac)
        wait_for("passes in memory count", lambda: first.probe("ios") == "online")
        assert "passes.new" not in disk.inside(f"ls {disk.state}").stdout
        disk.free()
        village.router.ctl("reload")
        assert wait_for("the passes to be kept", lambda: not_kept(village.router) == []) is True
        assert len(disk.inside(f"cat {disk.state}/passes").stdout.splitlines()) == 3
        assert "event=passes_kept_again" in village.router.log("loggiad")
    except BaseException:
        print(village.router.logs(60))
        raise
    finally:
        village.world.close()


def test_a_router_whose_disk_is_full_from_the_start_serves_and_accounts(monkeypatch):
    square = Square()
    try:
        disk = SmallDisk(square.world, monkeypatch, full=True)
        disk.under(square.router)
        square.router.radius_conf = "    timeout_ms = 1000\n    retry_ms = 300\n"
        square.router.start()
        assert not_kept(square.router) == ["token-key"]
        assert square.router.log("loggiad").count("event=key_not_kept") == 1
        phone, second = square.phone(), square.phone()
        phone.tap()
        square.centre.wait_account(phone, "Start")
        token = token_of(online_page(second))
        square.centre.daemon.stop()
        assert post(second, "/join", token, timeout=15).status == 303
        assert second.probe("ios") == "online"
        wait_for("accounting to meet the full disk", lambda: "accounting" in not_kept(square.router), timeout=20)
        assert square.router.log("loggiad").count("event=accounting-disk-failing") == 1
        assert phone.probe("ios") == "online"
        square.centre.start()
        square.centre.wait_account(second, "Start")
        wait_for("all to be told", lambda: square.router.ctl("status", "--json")["accounting"]["waiting"] == 0, timeout=60)
        disk.free()
        square.router.ctl("reload")
        wait_for("all to be kept", lambda: not_kept(square.router) == [], timeout=30)
        assert "event=key_kept_again" in square.router.log("loggiad")
        assert len(disk.path("token.key").read_bytes()) == 32
    except BaseException:
        print(square.router.logs(60))
        raise
    finally:
        square.close()


def test_a_quota_and_idleness_end_sessions_by_the_counters():
    """Real traffic through a real kernel: who used up his quota is closed, and who is silent; who sends a little is not."""
    village = Village()
    try:
        village.router.start()
        conf = village.router.conf.read_text()
        village.router.conf.write_text(re.sub(r'(zone "[^"]+" \{)', r'\1\n    idle = 5\n    quota_mb = 1\n    up_kbps = 1000\n'
                                                   r'    down_kbps = 1000\n', conf, count=1))
        for daemon in ("loggia-gate", "loggiad"):
            village.router.restart(daemon)
        greedy = village.joined()
        sessions = {greedy: village.row(greedy)["session"]}
        assert village.row(greedy)["quota_bytes"] == 1_000_000

        def cause(phone):
            """Why it ended; they may have joined again at once."""
            return re.findall(rf"event=offline device=\w+ session={sessions[phone]} cause=(\S+)", village.router.log("loggiad"))
        flood = greedy.ns.start("ping", "-q", "-f", "-l", "20", "-s", "1400", "198.51.100.2")  # more than its rate, until the end
        wait_for("the quota is used up", lambda: cause(greedy), timeout=60)
        flood.stop()
        assert cause(greedy) == ["session-timeout"]
        told = re.search(rf"session={sessions[greedy]} cause=\S+ seconds=\d+ up=(\d+) down=(\d+)", village.router.log("loggiad"))
        used, second = int(told[1]) + int(told[2]), 2 * 125_000  # what its rates let through in one interval between readings
        print(f"closed after {used} bytes of 1,000,000: {(used - 1_000_000) / second:.2f} intervals too many")
        assert 1_000_000 <= used < 1_000_000 + 4 * second, "one interval, and a machine that others keep busy"
        silent, quiet = village.joined(), village.joined()
        sessions.update({phone: village.row(phone)["session"] for phone in (silent, quiet)})

        def over():
            quiet.pings("198.51.100.2", timeout=0.2)
            return cause(silent)
        assert wait_for("the silent one is closed", over, timeout=20) == ["idle-timeout"]
        assert not cause(quiet)
    finally:
        print(village.router.logs(40))
        village.world.close()
