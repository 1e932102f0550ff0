"""A real centre in any namespace: FreeRADIUS with rlm_loggia, two slapd, SQLite. Its configuration is
conf/centre as it is shipped; only city.conf and clients.conf are written."""

import hashlib
import hmac
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess

from .directories import Comune, Provincia
from .netns import wait_for

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
SAMPLE = SOURCE / "conf/centre"
SYSTEM_MODULES = "/usr/lib/freeradius"
KEY = "a key that only the test city has"

# FreeRADIUS opens its modules with RTLD_DEEPBIND, which the address sanitizer refuses to bear, and closes them before it
# ends: then a leak's stack has no names, and what the module's own variables point to would be one.
SHALLOW = """
#define _GNU_SOURCE
#include <dlfcn.h>
void *dlopen(const char *file, int flags)
{
    void *(*next)(const char *, int) = dlsym(RTLD_NEXT, "dlopen");
    return next(file, (flags & ~RTLD_DEEPBIND) | RTLD_NODELETE);
}
"""

# What only the server takes memory through, some of which it never gives back: the module has nothing of either.
SERVERS_OWN = ("libtalloc", "libcrypto")


class Centre:
    """start() returns when FreeRADIUS answers; directories are c.comune and c.provincia."""

    AUTH_PORT, ACCT_PORT = 1812, 1813
    # A router that can be told to close a session: every client with an address of its own.
    COA = "\tcoa_server {\n\t\tport = 3799\n\t\tcoa {\n\t\t\tirt = 1\n\t\t\tmrt = 8\n\t\t\tmrc = 5\n\t\t\tmrd = 30\n\t\t}\n\t}\n"

    def __init__(self, world, namespace, address, secret="segreto-di-piazza", clients=("192.0.2.0/24",),
                 people=2000, build=None, options=(), directories=True, database=None):
        build = pathlib.Path(build or os.environ.get("LOGGIA_BUILD", SOURCE / "build"))
        self.world, self.namespace, self.address = world, namespace, address
        self.secret, self.clients, self.people = secret, list(clients), people
        self.dir = world.dir / f"centre-{namespace.name}"
        self.modules = f"{build.resolve()}/radius-module/.libs:{SYSTEM_MODULES}"
        self.database = self.dir / "centre.sqlite"
        self.comune = Comune(world, namespace, "comune", "127.0.0.1", 3891)
        self.provincia = Provincia(world, namespace, "provincia", "127.0.0.1", 3892)
        self.options = dict(options)  # "old text in mods-available/loggia" -> "new text"
        self.directories = directories
        self.postgres = database  # a started Postgres; None: SQLite
        self.radius = None

    # --- files -----------------------------------------------------------------------------------
    def city_conf(self):
        return f"""city_conf_dir = {self.dir}
city_log_dir = {self.dir}
city_run_dir = {self.dir}
city_module_dir = {self.modules}
city_address = {self.address}
city_auth_port = {self.AUTH_PORT}
city_acct_port = {self.ACCT_PORT}
city_receive_buffer = 4194304
city_key_file = {self.dir}/pseudonym.key
city_database = {self.database}
comune_server = {self.comune.address}
comune_port = {self.comune.port}
comune_password = {self.comune.password}
provincia_server = {self.provincia.address}
provincia_port = {self.provincia.port}
provincia_password = {self.provincia.password}
"""

    def write(self):
        shutil.copytree(SAMPLE, self.dir, ignore=shutil.ignore_patterns("local.mk"))
        (self.dir / "city.conf").write_text(self.city_conf())
        (self.dir / "pseudonym.key").write_text(KEY + "\n")
        (self.dir / "pseudonym.key").chmod(0o600)
        (self.dir / "clients.conf").write_text("\n".join(
            f'client c{i} {{\n\tipaddr = {net}\n\tsecret = "{self.secret}"\n'
            "\trequire_message_authenticator = yes\n" + (self.COA if "/" not in net else "") + "}"
            for i, net in enumerate(self.clients)) + "\n")
        module = self.dir / "mods-available/loggia"
        text = module.read_text()
        for old, new in self.options.items():
            assert old in text, f"the sample has no {old!r}"
            text = text.replace(old, new)
        module.write_text(text)
        if self.postgres:
            (self.dir / "mods-available/sql").write_text(self.postgres.conf(self.dir))

    # --- life ------------------------------------------------------------------------------------
    def start(self):
        self.write()
        for d in (self.comune, self.provincia):
            d.fill(self.people)
            if self.directories:
                d.start()
        self.start_radius()
        if self.directories:
            wait_for("both directories are connected", lambda: all(
                self.radius.output().count(f"event=authority_unreachable authority={d}")
                <= self.radius.output().count(f"event=authority_back authority={d}") for d in ("comune", "provincia")))
        return self

    def argv(self, *more):
        return [*self.sanitizer(), "/usr/sbin/freeradius", "-d", self.dir, "-D", self.dir, "-n", "radiusd", *more]

    def sanitizer(self):
        """FreeRADIUS is not built with the address sanitizer, the module may be (--enable-sanitizers): then its run
        time has to be there first. What is leaked is counted when the server ends, but for what is the server's own."""
        module = pathlib.Path(self.modules.split(":")[0]) / "rlm_loggia.so"
        if not module.exists() or b"__asan_init" not in module.read_bytes():
            return []
        ldd = subprocess.run(["ldd", module], capture_output=True, text=True, check=True).stdout
        shallow = self.world.dir / "shallow.so"
        if not shallow.exists():
            subprocess.run(["gcc", "-shared", "-fPIC", "-o", shallow, "-x", "c", "-"], input=SHALLOW, text=True, check=True)
        where = [subprocess.run(["gcc", f"-print-file-name={lib}"], capture_output=True, text=True, check=True).stdout.strip()
                 for lib in ("libasan.so", "libubsan.so")]
        # libldap too: brought in later, its libgnutls would wait for ever for a lock of libc's.
        own = self.world.dir / "leaks"
        own.write_text("\n".join(f"leak:{library}" for library in SERVERS_OWN) + "\n")
        return ["env", "LD_PRELOAD=" + ":".join([str(shallow), *where, re.search(r"=> (\S*/libldap\S+)", ldd)[1]]),
                f"ASAN_OPTIONS={os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0:log_path={self.dir}/asan",
                f"LSAN_OPTIONS=suppressions={own}:print_suppressions=0",
                f"UBSAN_OPTIONS=print_stacktrace=1:log_path={self.dir}/asan"]

    def start_radius(self, *more):
        (self.dir / "radius.log").unlink(missing_ok=True)  # "Ready" is this one's
        self.radius = self.namespace.start(*self.argv("-f", "-l", "stdout", *more), log=self.dir / "radius.log")
        wait_for("FreeRADIUS is ready", self.ready, timeout=20)
        return self.radius

    def sanitizer_found(self):
        """What the sanitizer said, if it said anything."""
        return "".join(p.read_text() for p in self.dir.glob("asan.*"))

    def ready(self):
        assert self.radius.alive(), f"freeradius ended:\n{self.radius.output()}{self.sanitizer_found()}"
        return "Ready to process requests" in self.radius.output()

    def check(self):
        """freeradius -C, as an admin runs it before a restart."""
        return self.namespace.run(*self.argv("-C", "-X"), check=False)

    def second(self, address):
        """Another server of the same centre, on the same database and directories, at another address."""
        other = Centre(self.world, self.namespace, address, self.secret, self.clients, self.people,
                       directories=self.directories, database=self.postgres)
        other.modules, other.comune, other.provincia = self.modules, self.comune, self.provincia
        other.dir = self.dir.with_name(f"{self.dir.name}-{address}")
        shutil.copytree(self.dir, other.dir, ignore=shutil.ignore_patterns("*.log", "*.sqlite*", "*.pid"))
        other.database = self.database
        (other.dir / "city.conf").write_text(other.city_conf())
        other.start_radius()
        return other

    def stop(self):
        for p in (self.radius, self.comune.process, self.provincia.process):
            if p:
                p.stop()
        assert not self.sanitizer_found(), self.sanitizer_found()

    # --- what a test or a story does ------------------------------------------------------------
    def directory(self, name):
        return {"comune": self.comune, "provincia": self.provincia}[name]

    def profile(self, name):
        """What mods-available/loggia grants it: name, session_s, up_kbps, down_kbps."""
        text = (self.dir / "mods-available/loggia").read_text()
        body = re.search(rf"profile {re.escape(name)} {{(.*?)}}", text, re.S).group(1)
        has = {k: int(v) for k, v in re.findall(r"(\w+) = (\d+)", body)}
        return {"name": name, "session_s": has["session_timeout"], "up_kbps": has["bandwidth_max_up"] // 1000,
                "down_kbps": has["bandwidth_max_down"] // 1000}

    def add_comune_device(self, mac, profile="residente", **kw):
        """A card-holder's device; the profile that it will have."""
        self.comune.add_device(mac, profile, **kw)
        return self.profile({"residente": "resident", "dipendente": "staff"}.get(profile, "resident"))

    def add_provincia_device(self, mac, group=None, suspended=False, **kw):
        self.provincia.add_device(mac, group, suspended, **kw)
        return self.profile("provincia-fast" if group == "banda-larga" else "provincia")

    def add_person_in_both(self, mac, profile="residente", group="banda-larga", suspended=False):
        """One person (the linking attribute agrees) whom both administrations know: the better of both, limit
        by limit."""
        code = "CF" + mac.replace(":", "").upper()
        here = self.add_comune_device(mac, profile, code=code)
        there = self.add_provincia_device(mac, group, suspended, code=code)
        best = {k: max(here[k], there[k]) for k in ("session_s", "up_kbps", "down_kbps")}
        return {"name": here["name"], **best}

    def add_login(self, user, password, authority="comune", **kw):
        """Somebody with an old account; the entry's name in the directory of that authority."""
        return self.directory(authority).add_login(user, password, **kw)

    @staticmethod
    def pseudonym(mac):
        """Under what the centre keeps a device."""
        return hmac.new(KEY.encode(), b"loggia-device:" + mac.lower().replace(":", "-").encode(), hashlib.sha256).digest()[:16].hex()

    def sessions(self, device):
        """A device's rows in the accounting, oldest first. device: a MAC, or something that has one."""
        return self.sql("""SELECT acctsessionid AS session, nasidentifier AS nas, zone, profile, identity,
            acctstarttime AS start, acctstoptime AS stop, acctsessiontime AS seconds, acctterminatecause AS cause,
            acctinputoctets AS up_bytes, acctoutputoctets AS down_bytes FROM radacct
            WHERE callingstationid = ? ORDER BY acctstarttime, rowid""", self.pseudonym(getattr(device, "mac", device)))

    def freeze(self, name):
        self.directory(name).freeze()

    def thaw(self, name=None):
        for d in (self.comune, self.provincia):
            if name in (None, d.name):
                d.thaw()

    def write_sql(self, query, *args):
        """What somebody does who has the database."""
        db = sqlite3.connect(self.database, timeout=5)
        with db:
            db.execute(query, args)
        db.close()

    def sql(self, query, *args):
        """Rows as dicts, read-only."""
        db = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=5)
        try:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(query, args)]
        finally:
            db.close()
