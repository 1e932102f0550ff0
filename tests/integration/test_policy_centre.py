# SPDX-License-Identifier: GPL-2.0-or-later
"""The centre ends and changes sessions (RFC 5176), asked by FreeRADIUS's own radclient; and those who are not the
centre do not."""

import hashlib
import hmac
import itertools
import re
import socket
import struct
import time

import pytest
from city.netns import wait_for
from city.radius import attribute, parse, udp_socket_in
from portal_world import ADDRESS, SECRET, Square, online_page

DISCONNECT, DISCONNECT_ACK, DISCONNECT_NAK, COA, COA_ACK = 40, 41, 42, 43, 44
PORT = 3799


@pytest.fixture(scope="module")
def square():
    square = Square()
    try:
        square.router.start()
        # The sample lets only the centre through to the port; here loggiad is to say no by itself.
        square.router.ns.run("nft", "insert", "rule", "inet", "router", "input", "udp", "dport", PORT, "accept")
        yield square
    except BaseException:
        print(square.router.logs(60))
        raise
    finally:
        square.close()


@pytest.fixture(autouse=True)
def show_logs(square):
    before = len(square.router.log("loggiad"))
    yield
    print("--- loggiad\n" + square.router.log("loggiad")[before:])


def joined(square, prefix="02:00"):
    phone = square.phone(prefix)
    phone.tap()
    square.centre.wait_account(phone, "Start")
    return phone, square.row(phone)


def router_address(square):
    return square.router.wan[0]


def ask(square, kind, secret=SECRET, to=None, **attributes):
    """radclient's exit status is 0 for an ACK; what came is in its output."""
    lines = ["Message-Authenticator = 0x00", f"Packet-Src-IP-Address = {ADDRESS}"]
    lines += [f"{name.replace('_', '-')} = {value}" for name, value in attributes.items()]
    return square.internet.ns.run("radclient", "-x", "-r", "1", "-t", "4", f"{to or router_address(square)}:{PORT}", kind,
                                  secret, input="\n".join(lines) + "\n", check=False)


def cause_of(result):
    assert "NAK" in result.stdout, result.stdout + result.stderr
    return re.search(r"Error-Cause = (\S+)", result.stdout)[1]


def stats(square):
    return square.router.ctl("status", "--json")["centre_requests"]


IDENTS = itertools.cycle(range(256))  # never by chance the last one's: the same packet again is a retransmission


def packet(code, body, secret=SECRET, ident=None):
    ident = next(IDENTS) if ident is None else ident
    head = struct.pack("!BBH", code, ident, 20 + 18 + len(body))
    mac = hmac.new(secret.encode(), head + bytes(16) + bytes([80, 18]) + bytes(16) + body, hashlib.md5).digest()
    rest = bytes([80, 18]) + mac + body
    return head + hashlib.md5(head + bytes(16) + rest + secret.encode()).digest() + rest


def exchange(square, data, timeout=3.0, namespace=None, s=None):
    """The answer to a packet, checked; None if there is none."""
    s = s or udp_socket_in(namespace or square.internet.ns)
    if s.getsockname()[1] == 0:
        s.bind((ADDRESS if namespace is None else "0.0.0.0", 0))
    s.settimeout(timeout)
    s.sendto(data, (router_address(square), PORT))
    try:
        answer = s.recv(4096)
    except socket.timeout:
        return None
    signed = hashlib.md5(answer[:4] + data[4:20] + answer[20:] + SECRET.encode()).digest()
    assert answer[4:20] == signed, "the answer's authenticator is wrong"
    at = answer.index(bytes([80, 18])) + 2
    blank = answer[:4] + data[4:20] + answer[20:at] + bytes(16) + answer[at + 16:]
    assert hmac.new(SECRET.encode(), blank, hashlib.md5).digest() == answer[at:at + 16], "its Message-Authenticator is wrong"
    return answer


# --- ending -----------------------------------------------------------------------------------

def test_the_centre_ends_a_session_by_its_id_alone(square):
    phone, row = joined(square)
    r = ask(square, "disconnect", Acct_Session_Id=row["session"])
    assert r.returncode == 0 and "Disconnect-ACK" in r.stdout, r.stdout + r.stderr
    assert row["session"] not in str(square.kernel(phone)), "ACK, and the kernel still lets it through"
    square.centre.wait_account(phone, "Stop", session=row["session"], cause="Admin-Reset")


def test_the_centre_ends_a_session_by_the_devices_address(square):
    phone, row = joined(square)
    r = ask(square, "disconnect", Calling_Station_Id=f'"{phone.mac.upper().replace(":", "-")}"', NAS_Identifier='"router"',
            NAS_IP_Address="192.0.2.99", User_Name=f'"{phone.mac}"', Reply_Message='"bye"')
    assert r.returncode == 0, r.stdout + r.stderr
    wait_for("the session to end", lambda: square.row(phone) is None or square.row(phone)["session"] != row["session"])


def test_who_was_disconnected_is_asked_about_anew(square):
    phone, row = joined(square)
    assert ask(square, "disconnect", Acct_Session_Id=row["session"]).returncode == 0
    wait_for("it is let in by its pass", lambda: phone.probe("ios") == "online")
    assert square.row(phone)["session"] != row["session"]


def test_what_cannot_be_done_is_refused_with_its_reason(square):
    phone, row = joined(square)
    other, other_row = joined(square)
    session, mac = row["session"], f'"{phone.mac}"'
    for expected, attributes in [
            ("Session-Context-Not-Found", {"Acct_Session_Id": "0123456789abcdef"}),
            ("Session-Context-Not-Found", {"Acct_Session_Id": "x" * 100}),
            ("Session-Context-Not-Found", {"Calling_Station_Id": '"02:00:00:99:99:99"'}),
            ("Session-Context-Not-Found", {"Acct_Session_Id": other_row["session"], "Calling_Station_Id": mac}),
            ("NAS-Identification-Mismatch", {"Acct_Session_Id": session, "NAS_Identifier": '"another"'}),
            ("NAS-Identification-Mismatch", {"Acct_Session_Id": session, "NAS_IP_Address": "192.0.2.99"}),
            ("Missing-Attribute", {"NAS_Identifier": '"router"'}),
            ("Invalid-Attribute-Value", {"Calling_Station_Id": '"nobody"'}),
            ("Unsupported-Attribute", {"Acct_Session_Id": session, "Framed_IP_Address": "10.80.0.9"}),
            ("Unsupported-Attribute", {"Acct_Session_Id": session, "Session_Timeout": 100}),
            ("Unsupported-Service", {"Acct_Session_Id": session, "Service_Type": "Authorize-Only"})]:
        assert cause_of(ask(square, "disconnect", **attributes)) == expected, attributes
    assert cause_of(ask(square, "coa", Acct_Session_Id=session)) == "Missing-Attribute"
    assert square.row(phone)["session"] == session and square.row(other)["session"] == other_row["session"]


def test_the_routers_own_address_names_it_too(square):
    phone, row = joined(square)
    r = ask(square, "disconnect", Acct_Session_Id=row["session"], NAS_IP_Address=router_address(square))
    assert r.returncode == 0, r.stdout


# --- changing ---------------------------------------------------------------------------------

def test_a_change_is_in_the_kernel_when_the_centre_hears_of_it(square):
    phone, before = joined(square)
    phone.iperf(seconds=1)
    counted = square.row(phone)["down_bytes"]
    r = ask(square, "coa", Acct_Session_Id=before["session"], Session_Timeout=600, Idle_Timeout=0, Acct_Interim_Interval=120,
            WISPr_Bandwidth_Max_Down=2000000, WISPr_Bandwidth_Max_Up=1000000, ChilliSpot_Max_Total_Octets=500000000)
    assert r.returncode == 0 and "CoA-ACK" in r.stdout, r.stdout + r.stderr
    row = square.row(phone)
    assert row["session"] == before["session"] and row["down_bytes"] >= counted
    assert (row["down_Bps"], row["up_Bps"], row["quota_bytes"]) == (250000, 125000, 500000000)
    assert 595 <= row["ends_in_s"] <= 600
    got = phone.iperf(seconds=8)  # at first the cap lets its burst through; before it was 10 Mbit/s
    assert 0.8 * 2e6 <= got.rate_bps(after_s=3) <= 1.2 * 2e6
    # ... and it outlives a restart.
    square.router.kill("loggiad")
    square.router.restart("loggiad")
    row = square.row(phone)
    assert row["session"] == before["session"] and row["down_Bps"] == 250000 and row["quota_bytes"] == 500000000
    assert 500 <= row["ends_in_s"] <= 600
    assert len([a for a in square.centre.accounts(phone) if a["status"] == "Start"]) == 1


def test_a_change_names_only_what_it_changes(square):
    phone, before = joined(square)
    assert ask(square, "coa", Calling_Station_Id=f'"{phone.mac}"', WISPr_Bandwidth_Max_Down=4000000).returncode == 0
    row = square.row(phone)
    assert row["down_Bps"] == 500000
    assert (row["up_Bps"], row["quota_bytes"]) == (before["up_Bps"], before["quota_bytes"])
    assert row["ends_in_s"] > before["ends_in_s"] - 60
    assert "/leave" in online_page(phone).text


def test_a_quota_that_is_used_up_already_ends_the_session(square):
    phone, row = joined(square)
    phone.iperf(seconds=1)
    assert ask(square, "coa", Acct_Session_Id=row["session"], ChilliSpot_Max_Total_Octets=1000).returncode == 0
    square.centre.wait_account(phone, "Stop", session=row["session"], cause="Session-Timeout")


# --- strangers, replays -----------------------------------------------------------------------

def test_a_wrong_secret_gets_no_word(square):
    phone, row = joined(square)
    before = stats(square)["dropped"]
    r = ask(square, "disconnect", secret="guessed", Acct_Session_Id=row["session"])
    assert "No reply" in r.stdout + r.stderr
    assert square.row(phone)["session"] == row["session"] and stats(square)["dropped"] > before
    assert "why=bad-authenticator" in square.router.log("loggiad")


def test_who_is_not_a_server_gets_no_word(square):
    phone, row = joined(square)
    before = stats(square)["strangers"]
    data = packet(DISCONNECT, attribute(44, row["session"]))
    s = udp_socket_in(square.internet.ns)
    own = square.internet.ns.run("ip", "-4", "-o", "address", "show", "dev", "backbone").stdout
    others = [a for a in re.findall(r"inet ([0-9.]+)/", own) if a != ADDRESS]
    s.bind((others[0], 0))
    assert exchange(square, data, timeout=0.5, s=s) is None
    assert square.row(phone)["session"] == row["session"] and stats(square)["strangers"] == before + 1
    # Nor does a citizen, who knows nothing but the port.
    citizen = udp_socket_in(phone.ns)
    citizen.settimeout(0.3)
    citizen.sendto(data, (square.router.ipv4, PORT))
    with pytest.raises((socket.timeout, ConnectionRefusedError)):
        citizen.recv(4096)
    assert square.row(phone)["session"] == row["session"]


def test_without_message_authenticator_nothing_is_done(square):
    phone, row = joined(square)
    body = attribute(44, row["session"])
    head = struct.pack("!BBH", DISCONNECT, 7, 20 + len(body))
    data = head + hashlib.md5(head + bytes(16) + body + SECRET.encode()).digest() + body
    before = stats(square)["dropped"]
    assert exchange(square, data, timeout=0.5) is None
    assert square.row(phone)["session"] == row["session"] and stats(square)["dropped"] == before + 1


def test_a_retransmission_gets_the_same_answer_and_is_not_done_twice(square):
    phone, row = joined(square)
    before = stats(square)
    data = packet(COA, attribute(44, row["session"]) + attribute(27, 1000) + attribute(33, "proxy-1") + attribute(33, "proxy-2"))
    first = exchange(square, data)
    assert first[0] == COA_ACK
    states = re.findall(rb"proxy-\d", first)
    assert states == [b"proxy-1", b"proxy-2"], "Proxy-State is not given back"
    assert exchange(square, data) == first, "from another port"
    after = stats(square)
    assert after["changes"] == before["changes"] + 1 and after["repeated"] == before["repeated"] + 1
    data = packet(DISCONNECT, attribute(44, row["session"]))
    assert exchange(square, data)[0] == exchange(square, data)[0] == DISCONNECT_ACK
    # Without the memory the second would have been "no such session".
    assert exchange(square, packet(DISCONNECT, attribute(44, row["session"])))[0] == DISCONNECT_NAK


def test_an_old_request_is_not_done_again(square):
    phone, row = joined(square)
    before = stats(square)["stale"]
    for away in (-400, 400):
        data = packet(DISCONNECT, attribute(44, row["session"]) + attribute(55, int(time.time()) + away))
        assert exchange(square, data, timeout=0.5) is None
    assert square.row(phone)["session"] == row["session"] and stats(square)["stale"] == before + 2
    data = packet(DISCONNECT, attribute(44, row["session"]) + attribute(55, int(time.time()) - 200))
    assert exchange(square, data)[0] == DISCONNECT_ACK


def test_a_gate_that_is_away_is_no_ack(square):
    phone, row = joined(square)
    square.router.kill("loggia-gate")
    answer = exchange(square, packet(DISCONNECT, attribute(44, row["session"])), timeout=6)
    assert answer[0] == DISCONNECT_NAK and parse(answer)[101] == struct.pack("!I", 504)
    square.router.restart("loggia-gate")
    wait_for("it is done when the gate is back", lambda: row["session"] not in str(square.kernel(phone)))
    square.centre.wait_account(phone, "Stop", session=row["session"], cause="Admin-Reset")
