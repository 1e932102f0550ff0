"""A real PostgreSQL for a centre: its own cluster, in a directory and on a port of its own."""

import contextlib
import os
import pathlib
import pwd
import shutil
import signal

from .netns import wait_for

PORT = 5433
SCHEMA = pathlib.Path(__file__).resolve().parent.parent.parent / "conf/centre/mods-config/loggia/schema-postgresql.sql"


def binaries():
    """Debian keeps them out of the path, by version."""
    return sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))[-1]


class Postgres:
    """start() returns when it answers and has the schema."""

    def __init__(self, world, namespace):
        self.world, self.namespace = world, namespace
        self.dir = world.dir / f"postgres-{namespace.name}"
        self.process = None

    def as_postgres(self, *command):
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]

    def start(self):
        user = pwd.getpwnam("postgres")
        self.dir.mkdir()
        os.chown(self.dir, user.pw_uid, user.pw_gid)
        os.chmod(self.world.dir, 0o711)
        data = self.dir / "data"
        self.namespace.run(*self.as_postgres(binaries() / "initdb", "-D", data, "-A", "trust", "--no-sync"))
        self.process = self.namespace.start(*self.as_postgres(
            binaries() / "postgres", "-D", data, "-p", PORT, "-h", "127.0.0.1", "-k", self.dir, "-F"),
            log=self.dir / "log")
        wait_for("PostgreSQL answers", lambda: self.psql("-c", "SELECT 1", check=False).returncode == 0, timeout=30)
        self.psql("-c", "CREATE DATABASE loggia")
        self.psql("-d", "loggia", "-f", SCHEMA)
        return self

    def psql(self, *args, check=True):
        return self.namespace.run("psql", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", PORT, "-U", "postgres",
                                  "-At", *args, check=check)

    def rows(self, query):
        return self.psql("-d", "loggia", "-c", query).stdout.splitlines()

    def tell(self, sig):
        """Its processes are in sessions of their own: the kernel knows whose children they are."""
        pids = [self.process.pid]
        for pid in pids:
            for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ends as we look
                    pids += [int(p) for p in task.read_text().split()]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sig)

    def freeze(self):
        self.tell(signal.SIGSTOP)

    def thaw(self):
        self.tell(signal.SIGCONT)

    def stop(self):
        if self.process:
            self.thaw()
            self.process.kill(signal.SIGINT)
        shutil.rmtree(self.dir, ignore_errors=True)

    def conf(self, directory):
        """mods-available/sql of a centre that uses it: the sample's, with another driver."""
        text = (directory / "mods-available/sql").read_text()
        begin, end = text.index('\tdriver = "rlm_sql_sqlite"'), text.index("\tacct_table1")
        return text[:begin] + f"""\tdriver = "rlm_sql_postgresql"
\tdialect = "postgresql"
\tradius_db = "host=127.0.0.1 port={PORT} user=postgres dbname=loggia connect_timeout=2"

""" + text[end:]
