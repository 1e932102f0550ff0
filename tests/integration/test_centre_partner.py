"""Administrations that only speak RADIUS, and visitors of eduroam's kind: a second real FreeRADIUS is theirs."""

import re

import pytest

from city import radius
from city.centre import Centre
from city.netns import World, wait_for
from city.radius import Nas

PASSWORD, REALM, SECRET = "Piazza-Mercatale-1", "universita.example", "change-me-with-them"

# It says more than it should: a limit, a text, a class. Questions that lack anything get no answer.
PARTNER = """
prefix = /usr
raddbdir = @DIR@
libdir = /usr/lib/freeradius
logdir = @DIR@
run_dir = @DIR@
max_request_time = 10
cleanup_delay = 5
max_requests = 4096
security {
	max_attributes = 200
	reject_delay = 0
	status_server = yes
	allow_vulnerable_openssl = yes
}
client city {
	ipaddr = 127.0.0.1
	secret = @SECRET@
	require_message_authenticator = yes
}
modules {
	pap {
	}
	eap {
		default_eap_type = md5
		md5 {
		}
	}
	always ok {
		rcode = ok
	}
	linelog asked {
		filename = @DIR@/asked
		format = "user=%{User-Name} station=%{Calling-Station-Id} called=%{Called-Station-Id} info=%{Connect-Info} signed=%{Message-Authenticator}"
	}
}
server default {
	listen {
		type = auth
		ipaddr = 127.0.0.1
		port = 1912
	}
	authorize {
		asked
		if (&User-Name =~ /^(anna|unsigned)@universita.example$/) {
			update control {
				Cleartext-Password := "@PASSWORD@"
			}
		}
		eap
		pap
		Autz-Type Status-Server {
			ok
		}
	}
	authenticate {
		Auth-Type PAP {
			pap
		}
		eap
	}
	post-auth {
		update reply {
			Session-Timeout := 1
			Class := 0x737461666600
			WISPr-Bandwidth-Max-Down := 1
			Reply-Message := "Hello from the university"
			Message-Authenticator := 0x00
		}
		if (&User-Name == "unsigned@universita.example") {
			update reply {
				Message-Authenticator !* ANY
			}
		}
		Post-Auth-Type REJECT {
			update reply {
				Reply-Message := "Sorry"
				Message-Authenticator := 0x00
			}
		}
	}
}
"""


class PartnerCentre(Centre):
    def write(self):
        super().write()
        text = (self.dir / "partners-available/universita").read_text()
        (self.dir / "partners.conf").write_text(
            text.replace("ipaddr = radius.universita.example", "ipaddr = 127.0.0.1").replace("port = 1812", "port = 1912"))


@pytest.fixture(scope="module")
def centre():
    with World() as world:
        space = world.namespace("centre")
        c = PartnerCentre(world, space, "127.0.0.1", clients=["127.0.0.1"], people=50,
                          options={"found = 30": "found = 0", "not_found = 2": "not_found = 0"})
        folder = world.dir / "partner"
        folder.mkdir()
        text = PARTNER
        for key, value in {"DIR": folder, "SECRET": SECRET, "PASSWORD": PASSWORD}.items():
            text = text.replace(f"@{key}@", str(value))
        (folder / "radiusd.conf").write_text(text)
        (folder / "dictionary").write_text("")
        c.partner = space.start("/usr/sbin/freeradius", "-f", "-l", "stdout", "-d", folder, "-n", "radiusd", log=folder / "log")
        wait_for("the partner's server is ready", lambda: "Ready to process" in c.partner.output() or not c.partner.alive())
        assert c.partner.alive(), c.partner.output()
        c.asked = folder / "asked"
        yield c.start()
        c.stop()


@pytest.fixture
def nas(centre):
    return Nas(centre.namespace, "127.0.0.1", centre.secret)


def said(reply):
    return reply.code, reply.message


def test_whose_password_the_partner_has_found_right_gets_a_pass_and_the_citys_profile(centre, nas):
    phone = "0a:e0:00:00:00:01"
    assert not nas.silent(phone).accepted
    reply = nas.login(phone, f"anna@{REALM}", PASSWORD)
    guest = centre.profile("guest")
    assert reply.accepted and reply.profile == "guest", (reply.code, reply.message)
    assert reply.number(radius.SESSION_TIMEOUT) == guest["session_s"]
    assert reply.number(radius.WISPR_DOWN) == guest["down_kbps"] * 1000
    assert reply.message is None, "a stranger's text goes to a citizen"
    assert nas.silent(phone).accepted, "the device has no pass"


def test_the_partner_learns_no_address_and_no_place(centre, nas):
    phone = "0a:e0:00:00:00:02"
    assert nas.login(phone, f"anna@{REALM}", PASSWORD).accepted
    line = wait_for("the partner has written down what it was asked",
                    lambda: centre.asked.exists() and centre.asked.read_text().splitlines())[-1]
    assert f"station={centre.pseudonym(phone)} called= info= signed=0x" in line, line


def test_a_wrong_password_is_one_and_leaves_no_pass(centre, nas):
    phone = "0a:e0:00:00:00:03"
    assert said(nas.login(phone, f"anna@{REALM}", "wrong")) == (radius.REJECT, None)
    assert said(nas.login(phone, f"nobody@{REALM}", PASSWORD)) == (radius.REJECT, None)
    assert not nas.silent(phone).accepted


def test_an_answer_without_a_message_authenticator_is_not_believed(centre, nas):
    phone = "0a:e0:00:00:00:04"
    assert said(nas.login(phone, f"unsigned@{REALM}", PASSWORD)) == (radius.REJECT, "unavailable")
    assert not nas.silent(phone).accepted


def test_who_is_shut_out_here_stays_so_whatever_a_partner_says(centre, nas):
    phone = "0a:e0:00:00:00:05"
    centre.add_provincia_device(phone, suspended=True)
    assert said(nas.login(phone, f"anna@{REALM}", PASSWORD)) == (radius.REJECT, "suspended")


def test_other_realms_and_names_are_this_citys_own(centre, nas):
    before = centre.asked.read_text() if centre.asked.exists() else ""
    centre.add_login("maria", "vecchia", "comune")
    assert nas.login("0a:e0:00:00:00:06", "maria@comune.example", "vecchia").profile == "resident"
    assert not nas.login("0a:e0:00:00:00:07", "anna@elsewhere.example", PASSWORD).accepted
    assert (centre.asked.read_text() if centre.asked.exists() else "") == before


def test_8021x_goes_to_the_partner_and_back(centre, nas):
    """EAP through both servers: several rounds, with State."""
    question = "\n".join([f'User-Name = "anna@{REALM}"', f'Cleartext-Password = "{PASSWORD}"', "EAP-Code = Response",
                          f'EAP-Type-Identity = "anna@{REALM}"', 'Calling-Station-Id = "0A-E0-00-00-00-08"',
                          "NAS-IP-Address = 127.0.0.1", "Message-Authenticator = 0x00", ""])
    r = centre.namespace.run("radeapclient", "-x", "127.0.0.1:1812", "auth", centre.secret, input=question, check=False)
    assert re.search(r"Received Access-Challenge", r.stdout), r.stdout + r.stderr
    accept = r.stdout.split("Received Access-Accept")
    assert len(accept) == 2, r.stdout + r.stderr
    assert "EAP-Code = Success" in accept[1] and "Session-Timeout" not in accept[1], accept[1]


def test_a_partner_that_is_silent_is_unavailable_and_nobody_else_waits(centre, nas):
    centre.partner.kill(19, wait=False)
    try:
        reply = nas.login("0a:e0:00:00:00:09", f"anna@{REALM}", PASSWORD, timeout=8)
        assert said(reply) == (radius.REJECT, "unavailable") and reply.took < 4, reply.took
        assert nas.tap("0a:e0:00:00:00:0a").took < 0.3
    finally:
        centre.partner.kill(18, wait=False)


def test_a_city_without_partners_starts(centre):
    """And what the sample says is what is read: freeradius -C with partners and without."""
    assert centre.check().returncode == 0
    (centre.dir / "partners.conf").rename(centre.dir / "partners-gone")
    try:
        r = centre.check()
        assert r.returncode == 0, r.stdout[-2000:]
    finally:
        (centre.dir / "partners-gone").rename(centre.dir / "partners.conf")
