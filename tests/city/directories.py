"""Two real slapd with different schemas, and a city's people in them: always the same ones."""

import pathlib
import random
import signal
import subprocess

from .netns import wait_for

SCHEMAS = pathlib.Path("/etc/ldap/schema")
OURS = pathlib.Path(__file__).resolve().parent.parent.parent / "conf/centre/schema"

GIVEN = ("Alba Bruno Carla Dino Elena Fabio Giulia Ivo Lina Marco Nora Olga Piero Rita Sara Tito Ugo Vera "
         "Wei Xiu Arben Besa Amina Farid Ioana Radu").split()
FAMILY = ("Bianchi Rossi Conti Gori Nesi Hu Chen Zheng Hoxha Popa Khan Mensah Lastrucci Meoni Puggelli "
          "Calamai Santi Vannucchi Mazzoni Fiaschi").split()


def mac_of(realm, number):
    """A locally administered address: 02 and 06 keep the two administrations' devices apart."""
    first = {"comune": 0x02, "provincia": 0x06}[realm]
    return f"{first:02x}:10:{number >> 24 & 255:02x}:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def plain(mac):
    return mac.replace(":", "").upper()


def ldif(dn, **attributes):
    lines = [f"dn: {dn}"]
    for name, values in attributes.items():
        for value in values if isinstance(values, (list, tuple)) else [values]:
            lines.append(f"{name}: {value}")
    return "\n".join(lines) + "\n\n"


class Directory:
    """One slapd, in a directory of its own, with its own configuration."""

    suffix = schemas = bind_dn = None

    def __init__(self, world, namespace, name, address, port, password="segreto"):
        self.world, self.namespace, self.name = world, namespace, name
        self.address, self.port, self.password = address, port, password
        self.dir = world.dir / f"slapd-{name}"
        self.uri = f"ldap://{address}:{port}"
        self.process = None
        self.added = 0
        self.more_uris = []  # where it listens, too
        self.more_conf = self.more_database = ""  # before its database, and of it

    def conf(self):
        includes = "\n".join(f"include {s}" for s in self.schemas)
        return f"""{includes}
pidfile {self.dir}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
sizelimit 5000
loglevel 0
threads 4
# Careless directories do this; nobody may get in by it.
allow bind_anon_dn
{self.more_conf}
database mdb
suffix "{self.suffix}"
rootdn "cn=admin,{self.suffix}"
rootpw {self.password}
directory {self.dir}/db
maxsize 268435456
dbnosync
{self.indexes}
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{self.bind_dn}" read by anonymous auth by * none
{self.more_database}
"""

    def fill(self, people):
        (self.dir / "db").mkdir(parents=True)
        conf = self.dir / "slapd.conf"
        conf.write_text(self.conf())
        conf.chmod(0o600)
        (self.dir / "all.ldif").write_text("".join(self.population(people)))
        r = subprocess.run(["/usr/sbin/slapadd", "-q", "-f", conf, "-l", self.dir / "all.ldif"],
                           capture_output=True, text=True, check=False)
        assert r.returncode == 0, f"slapadd: {r.stdout}{r.stderr}"

    def start(self):
        self.process = self.namespace.start("/usr/sbin/slapd", "-f", self.dir / "slapd.conf", "-h",
                                            " ".join([self.uri, *self.more_uris]), "-d", "0", log=self.dir / "log")
        wait_for(f"slapd of {self.name} answers", self.answers)
        return self

    def answers(self):
        assert self.process.alive(), f"slapd of {self.name} ended:\n{self.process.output()}"
        r = self.namespace.run("ldapwhoami", "-x", "-H", self.uri, "-D", f"cn=admin,{self.suffix}", "-w",
                               self.password, check=False)
        return r.returncode == 0

    def stop(self):
        if self.process:
            self.process.stop()

    def freeze(self):
        """Returns when not one of its threads runs any more."""
        self.process.kill(signal.SIGSTOP, wait=False)
        wait_for(f"slapd of {self.name} stands still", lambda: all(
            stat.read_text().rsplit(")", 1)[1].split()[0] == "T"
            for stat in pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/stat")))

    def thaw(self):
        self.process.kill(signal.SIGCONT, wait=False)

    def add_login(self, user, password, **kw):
        """A person without a device who has a name and a password; the entry's name."""
        self.added += 1
        text, dn = self.account(user, password, 900000 + self.added, **kw)
        self.add(text)
        return dn

    def _change(self, tool, text):
        self.namespace.run(tool, "-x", "-H", self.uri, "-D", f"cn=admin,{self.suffix}", "-w", self.password,
                           input=text)

    def add(self, text):
        self._change("ldapadd", text)

    def delete(self, dn):
        self._change("ldapdelete", dn + "\n")

    def modify(self, dn, changes):
        """changes: lines of an LDIF change record."""
        self._change("ldapmodify", f"dn: {dn}\nchangetype: modify\n{changes}\n")


class Comune(Directory):
    """What a recent administration has: inetOrgPerson, ieee802Device."""

    suffix = "dc=comune,dc=example"
    bind_dn = f"cn=loggia,{suffix}"
    schemas = [SCHEMAS / f"{s}.schema" for s in ("core", "cosine", "inetorgperson", "nis")]
    indexes = "index objectClass eq\nindex uid eq\nindex macAddress eq"

    def population(self, people):
        rnd = random.Random(1308)
        yield ldif(self.suffix, objectClass=["dcObject", "organization"], dc="comune", o="Comune")
        yield ldif(self.bind_dn, objectClass=["organizationalRole", "simpleSecurityObject"], cn="loggia",
                   userPassword=self.password)
        yield ldif(f"ou=persone,{self.suffix}", objectClass="organizationalUnit", ou="persone")
        for n in range(people):
            yield self.person(n, rnd.choice(GIVEN), rnd.choice(FAMILY),
                              "dipendente" if n % 20 == 0 else "residente",
                              [mac_of("comune", n * 4 + k) for k in range(1 + n % 3)])

    def person(self, n, given, family, kind, macs, code=None):
        uid = f"c{n:06d}"
        return ldif(f"uid={uid},ou=persone,{self.suffix}", objectClass=["inetOrgPerson", "ieee802Device"],
                    uid=uid, givenName=given, sn=family, cn=f"{given} {family}", employeeType=kind,
                    employeeNumber=code or f"CF{n:06d}", macAddress=macs)

    def account(self, user, password, n, profile="residente", suspended=False):
        assert not suspended, "the Comune has no such flag"
        dn = f"uid={user},ou=persone,{self.suffix}"
        return ldif(dn, objectClass="inetOrgPerson", uid=user, sn="Antica", cn=f"Ada {user}", employeeType=profile,
                    employeeNumber=f"LG{n}", userPassword=password), dn

    def add_device(self, mac, profile="residente", code=None):
        self.added += 1
        n = 900000 + self.added
        self.add(self.person(n, "Ada", "Nuova", profile, [mac], code or f"CF{plain(mac)}"))
        return f"uid=c{n:06d},ou=persone,{self.suffix}"


class Provincia(Directory):
    """What a legacy branch has: names of its own, addresses without colons, groups, a flag."""

    suffix = "o=provincia"
    bind_dn = f"cn=loggia,{suffix}"
    schemas = [SCHEMAS / "core.schema", OURS / "provincia.schema"]
    indexes = "index objectClass eq\nindex provDispositivo eq\nindex provMembro eq"

    def population(self, people):
        rnd = random.Random(1992)
        yield ldif(self.suffix, objectClass="organization", o="provincia")
        yield ldif(self.bind_dn, objectClass=["organizationalRole", "simpleSecurityObject"], cn="loggia",
                   userPassword=self.password)
        yield ldif(f"ou=utenti,{self.suffix}", objectClass="organizationalUnit", ou="utenti")
        yield ldif(f"ou=gruppi,{self.suffix}", objectClass="organizationalUnit", ou="gruppi")
        fast = []
        for n in range(people):
            yield self.person(n, f"{rnd.choice(GIVEN)} {rnd.choice(FAMILY)}",
                              [mac_of("provincia", n * 4 + k) for k in range(1 + n % 2)], n % 50 == 49)
            if n % 10 == 0:
                fast.append(self.dn(n))
        yield ldif(f"provNome=banda-larga,ou=gruppi,{self.suffix}", objectClass="provGruppo",
                   provNome="banda-larga", provMembro=fast)
        yield ldif(f"provNome=scuole,ou=gruppi,{self.suffix}", objectClass="provGruppo", provNome="scuole")

    def dn(self, n):
        return f"provMatricola=p{n:06d},ou=utenti,{self.suffix}"

    def person(self, n, name, macs, suspended, code=None, speed=None):
        more = {"provBanda": speed} if speed else {}
        return ldif(self.dn(n), objectClass="provUtente", provMatricola=f"p{n:06d}", provNome=name,
                    provDispositivo=[plain(m) for m in macs], provCodice=code or f"PV{n:06d}",
                    provSospeso="TRUE" if suspended else "FALSE", **more)

    def account(self, user, password, n, suspended=False, speed=None):
        more = {"provBanda": speed} if speed else {}
        dn = f"provMatricola={user},ou=utenti,{self.suffix}"
        return ldif(dn, objectClass="provUtente", provMatricola=user, provNome=f"Ada {user}", provCodice=f"LG{n}",
                    provSospeso="TRUE" if suspended else "FALSE", userPassword=password, **more), dn

    def suspend(self, dn, suspended=True):
        self.modify(dn, f"replace: provSospeso\nprovSospeso: {'TRUE' if suspended else 'FALSE'}")

    def add_device(self, mac, group=None, suspended=False, code=None, speed=None):
        self.added += 1
        n = 900000 + self.added
        self.add(self.person(n, "Ada Nuova", [mac], suspended, code or f"CF{plain(mac)}", speed))
        if group:
            self.modify(f"provNome={group},ou=gruppi,{self.suffix}", f"add: provMembro\nprovMembro: {self.dn(n)}")
        return self.dn(n)
