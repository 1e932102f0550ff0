"""Who somebody is: dates, groups in groups, how many devices; and who this server is to a directory."""

import time

import pytest

from city import radius
from city.ca import Authority
from city.centre import Centre
from city.directories import SCHEMAS, Comune, Provincia, ldif, mac_of
from city.netns import World, wait_for
from test_centre_federation import OPTIONS, Drive, says
from test_centre_roaming import Router

DAY = 86400
SIMPLE = "authority.identity cn=loggia,dc=comune,dc=example\nauthority.password segreto\n"
SIMPLE_PROVINCIA = "authority.identity cn=loggia,o=provincia\nauthority.password segreto\n"


@pytest.fixture(scope="module")
def world():
    with World() as w:
        yield w


@pytest.fixture(scope="module")
def city(world):
    """Directories that know this server without a password: by its certificate, and by the kernel's word (ldapi)."""
    space = world.namespace("centre")
    ca = Authority(world.dir / "ca")
    chain, key = ca.issue(["127.0.0.1"], file="slapd")
    ca.issue(["radius.centre.example"], file="radius")
    comune = Comune(world, space, "comune", "127.0.0.1", 3891)
    comune.more_conf = f"""TLSCACertificateFile {ca.cert}
TLSCertificateFile {chain}
TLSCertificateKeyFile {key}
TLSVerifyClient allow
authz-regexp "^cn=radius.centre.example$" "{comune.bind_dn}"
moduleload dynlist"""
    comune.schemas = [*comune.schemas, SCHEMAS / "dyngroup.schema"]
    # Nested groups, as a directory that supports them has them: memberOf names those of the groups, too.
    comune.more_database = "overlay dynlist\ndynlist-attrset groupOfURLs memberURL member+memberOf@groupOfNames*"
    comune.more_uris = ["ldaps://127.0.0.1:3894"]
    provincia = Provincia(world, space, "provincia", "127.0.0.1", 3892)
    socket = str(world.dir / "ldapi").replace("/", "%2f")
    provincia.more_uris = [f"ldapi://{socket}"]
    provincia.more_conf = f'authz-regexp "^gidNumber=0\\\\+uidNumber=0,cn=peercred,cn=external,cn=auth$" "{provincia.bind_dn}"'
    for d in (comune, provincia):
        d.fill(100)
        d.start()
    return space, comune, provincia, ca, f"ldapi://{socket}"


def drive(world, city, comune="", provincia="", keep=(True, True)):
    text = OPTIONS
    if not keep[0]:
        text = text.replace("authority.server 127.0.0.1\nauthority.port 3891\n" + SIMPLE, comune)
    else:
        text = text.replace("authority provincia\n", comune + "authority provincia\n")
    if not keep[1]:
        text = text.replace("authority.server 127.0.0.1\nauthority.port 3892\n" + SIMPLE_PROVINCIA, provincia)
    return Drive(world, city[0], text)


def test_a_directory_knows_the_server_by_its_certificate_or_by_the_kernels_word(world, city, monkeypatch):
    # libldap 2.5 over GnuTLS never frees a client's certificate and key with the context that it reads them for.
    monkeypatch.setenv("ASAN_OPTIONS", "detect_leaks=0")
    ca, ldapi = city[3], city[4]
    external = (f"authority.server ldaps://127.0.0.1:3894\nauthority.tls.ca_file {ca.cert}\n"
                f"authority.tls.certificate_file {ca.dir}/radius.pem\nauthority.tls.private_key_file {ca.dir}/radius.key\n"
                "authority.sasl.external yes\n")
    d = drive(world, city, external, f"authority.server {ldapi}\nauthority.sasl.external yes\n", keep=(False, False))
    says(d, mac_of("comune", 0), "found", "not_found")
    says(d, mac_of("provincia", 0), "not_found", "found")
    d.close()


def test_a_directory_with_a_strangers_certificate_is_asked_nothing(world, city):
    stranger = Authority(world.dir / "stranger")
    d = drive(world, city, f"authority.server ldaps://127.0.0.1:3894\nauthority.tls.ca_file {stranger.cert}\n" + SIMPLE,
              keep=(False, True))
    says_unknown = wait_for("the other one answers", lambda: d.states(mac_of("provincia", 0)) == ["unknown", "found"])
    assert says_unknown and "event=authority_unreachable authority=comune" in d.output()
    d.close()


def test_who_is_in_a_group_of_a_group_has_its_profile(world, city):
    comune = city[1]
    base = f"ou=gruppi,{comune.suffix}"
    comune.add(ldif(base, objectClass="organizationalUnit", ou="gruppi"))
    vigile = f"uid=c000001,ou=persone,{comune.suffix}"
    comune.add(ldif(f"cn=vigili,{base}", objectClass="groupOfNames", cn="vigili", member=vigile))
    comune.add(ldif(f"cn=dipendenti,{base}", objectClass="groupOfNames", cn="dipendenti", member=f"cn=vigili,{base}"))
    d = drive(world, city, "authority.group.name_attribute memberOf\nauthority.group.map dipendenti -> staff\n")
    staff = 1
    assert says(d, mac_of("comune", 4), "found", "not_found")[0]["profile"] == staff
    assert says(d, mac_of("comune", 8), "found", "not_found")[0]["profile"] != staff
    d.close()


def test_an_entry_whose_time_is_over_is_as_if_it_were_not_there(world, city):
    comune = city[1]
    today = int(time.time()) // DAY
    for n, (last, shown) in enumerate([(today + 2, "found"), (today - 1, "not_found"), (-1, "found")], start=10):
        comune.modify(f"uid=c{n:06d},ou=persone,{comune.suffix}",
                      f"add: objectClass\nobjectClass: shadowAccount\n-\nadd: shadowExpire\nshadowExpire: {last}")
        d = drive(world, city, "authority.validity.until shadowExpire\n")
        says(d, mac_of("comune", n * 4), shown, "not_found")
        d.close()


def test_a_directory_that_tells_its_changes_is_believed_at_once_and_again_after_a_restart(world):
    """Nobody is asked about again for an hour here: what cuts somebody off is the directory's own word (RFC 4533)."""
    c = Centre(world, world.namespace("follow"), "127.0.0.1", clients=["127.0.1.1"], people=20, options={"recheck = 40": "recheck = 3600"})
    c.comune.dir, c.provincia.dir = world.dir / "slapd-comune3", world.dir / "slapd-provincia3"
    c.provincia.more_conf = "moduleload syncprov"
    c.provincia.more_database = "overlay syncprov\nsyncprov-checkpoint 100 10\nsyncprov-sessionlog 100"
    c.start()
    router = Router(c, "square")
    router.ear.settimeout(15)
    try:
        wait_for("it follows", lambda: "event=following authority=provincia" in c.radius.output())
        wait_for("it knows whom it cannot follow", lambda: "event=not_following authority=comune" in c.radius.output())
        for n, again in enumerate([False, True]):
            if again:
                c.provincia.stop()
                wait_for("its end is noticed", lambda: "event=authority_unreachable authority=provincia" in c.radius.output())
                c.provincia.start()
                wait_for("it follows again", lambda: c.radius.output().count("event=authority_back authority=provincia"))
            mac, phone, user = f"0a:64:00:00:00:1{n}", f"0a:64:00:00:00:2{n}", f"ada{n}"
            dn, person = c.provincia.add_device(mac), c.add_login(user, "vecchia", "provincia")
            wait_for("it is known", lambda m=mac: router.silent(m).accepted)
            assert router.login(phone, user, "vecchia").accepted
            router.account(mac, radius.START, f"by-address-{n}")
            router.account(phone, radius.START, f"by-person-{n}")
            c.provincia.suspend(dn)
            assert router.told()[44] == f"by-address-{n}".encode()
            assert router.silent(mac).message == "suspended"
            c.provincia.suspend(person)
            assert router.told()[44] == f"by-person-{n}".encode()
            for m, s in ((mac, "by-address"), (phone, "by-person")):
                router.account(m, radius.STOP, f"{s}-{n}", seconds=1, cause=6)
    finally:
        router.close()
        c.stop()


@pytest.fixture(scope="module")
def centre(world):
    space = world.namespace("limits")
    c = Centre(world, space, "127.0.0.1", clients=["127.0.1.1"], people=20, options={"devices = 0": "devices = 2"})
    c.comune.dir, c.provincia.dir = world.dir / "slapd-comune2", world.dir / "slapd-provincia2"
    yield c.start()
    c.stop()


def test_one_device_too_many_and_the_one_bound_longest_ago_goes(centre):
    router = Router(centre, "square")
    try:
        centre.add_login("ada", "vecchia", "provincia")
        centre.add_login("bea", "antica", "provincia")
        phones = [f"0a:65:00:00:00:{n:02x}" for n in range(3)]
        for n, phone in enumerate(phones):
            reply = router.login(phone, ["ada", "Ada@provincia.example", "ada"][n], "vecchia")
            assert reply.accepted and reply.profile == "provincia"
            router.account(phone, radius.START, f"device-{n}")
            # As if days lay between them.
            centre.write_sql("UPDATE passes SET granted = granted - 1000 WHERE device <> ''")
        assert router.login("0a:65:00:00:00:09", "bea", "antica").accepted, "somebody else's devices count"
        assert router.told()[44] == b"device-0", "it is still online"
        wait_for("the oldest is not bound any more", lambda: not router.silent(phones[0]).accepted)
        assert all(router.silent(p).profile == "provincia" for p in phones[1:])
        assert router.tap(phones[0]).profile == "guest"
        router.hears_nothing()
    finally:
        router.close()
