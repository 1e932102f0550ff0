"""A noticeboard of one's own on the loopback: a real slapd for its editors, a real loggia-board, and a browser
without a screen (cookies, forms), so that each test reads as what an editor does."""

import http.client
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from city.directories import SCHEMAS, ldif
from city.editor import Editor
from city.netns import wait_for
from conftest import BUILD, SOURCE

PEOPLE = {  # name: (password, group)
    "anna": ("anna-segreta-1", "redazione"), "bruno": ("bruno-segreto-1", "responsabili"),
    "carla": ("carla-segreta-1", "bacheca-admin"), "dino": ("dino-segreto-1", "acqua"),
    "elsa": ("elsa-segreta-1", None), "franco": ("franco-segreto-1", "responsabili"),
}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Slapd:
    suffix = "o=comune"
    rights = "access to * by * read"

    def __init__(self, directory, tls=None):
        """tls: a chain and its key; then it speaks StartTLS, and ldaps at another port."""
        self.dir, self.port = directory, free_port()
        self.uri = f"ldap://127.0.0.1:{self.port}"
        self.secure_uri = f"ldaps://127.0.0.1:{free_port()}" if tls else ""
        self.secure = f"TLSCertificateFile {tls[0]}\nTLSCertificateKeyFile {tls[1]}\n" if tls else ""
        (directory / "db").mkdir(parents=True)
        self.write_conf()
        (directory / "all.ldif").write_text("".join(self.population()))
        subprocess.run(["/usr/sbin/slapadd", "-q", "-f", directory / "slapd.conf", "-l", directory / "all.ldif"], check=True,
                       capture_output=True)
        self.process = None
        self.start()

    def write_conf(self):
        includes = "\n".join(f"include {SCHEMAS / s}.schema" for s in ("core", "cosine", "inetorgperson"))
        (self.dir / "slapd.conf").write_text(f"""{includes}
pidfile {self.dir}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
loglevel 0
{self.secure}database mdb
suffix "{self.suffix}"
rootdn "cn=admin,{self.suffix}"
rootpw segreto
directory {self.dir}/db
access to attrs=userPassword by anonymous auth by * none
{self.rights}
""")

    def population(self):
        yield ldif(self.suffix, objectClass=["organization"], o="comune")
        for name, (password, _) in PEOPLE.items():
            yield ldif(f"uid={name},{self.suffix}", objectClass="inetOrgPerson", uid=name, cn=f"{name.title()} Rossi",
                       sn="Rossi", userPassword=password)
        groups = {}
        for name, (_, group) in PEOPLE.items():
            if group:
                groups.setdefault(group, []).append(f"uid={name},{self.suffix}")
        for group, members in groups.items():
            yield ldif(f"cn={group},{self.suffix}", objectClass="groupOfNames", cn=group, member=members)

    def start(self):
        self.process = subprocess.Popen(["/usr/sbin/slapd", "-f", self.dir / "slapd.conf", "-h",
                                         f"{self.uri} {self.secure_uri}", "-d", "0"], stderr=subprocess.DEVNULL)
        wait_for("slapd answers", lambda: subprocess.run(["ldapwhoami", "-x", "-H", self.uri], capture_output=True,
                                                         check=False).returncode == 0)

    def modify(self, text):
        subprocess.run(["ldapmodify", "-x", "-H", self.uri, "-D", f"cn=admin,{self.suffix}", "-w", "segreto"], input=text, text=True,
                       check=True, capture_output=True)

    def member(self, name, group, deed):
        """deed: add or delete."""
        self.modify(f"dn: cn={group},{self.suffix}\nchangetype: modify\n{deed}: member\nmember: uid={name},{self.suffix}\n")

    def freeze(self):
        """Returns when not one of its threads runs any more: the kernel still takes connections for it."""
        self.process.send_signal(signal.SIGSTOP)
        wait_for("slapd stands still", lambda: all(
            stat.read_text().rsplit(")", 1)[1].split()[0] == "T"
            for stat in pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/stat")))

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        self.process.kill()
        self.process.wait()

    def restart(self, rights):
        self.stop()
        self.rights = rights
        self.write_conf()
        self.start()


class Board:
    """conf: more lines of board.conf; of the administrations: see administrations()."""

    feeds = ""  # of comune

    def __init__(self, conf="", approval=False):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="loggia-board-"))
        self.slapd = self.make_slapd()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None
        self.more = conf
        (self.dir / "drop").mkdir()
        self.approval = approval
        subprocess.run([BUILD / "noticeboard/loggia-board", "key", "new", self.dir / "board"], check=True, capture_output=True)
        self.write_conf()
        self.start()

    def make_slapd(self):
        return Slapd(self.dir / "slapd")

    def directory(self):
        return (f'directory {{ uri = "{self.slapd.uri}" base = "o=comune" start_tls = no timeout_ms = 3000 '
                'group_base = "o=comune" }\n')

    def write_conf(self):
        (self.dir / "board.conf").write_text(f"""
name = "Prato Wi-Fi"
url = "{self.url}"
address = "127.0.0.1"
port = {self.port}
state_directory = "{self.dir}/state"
out_directory = "{self.dir}/out"
locale_directory = "{BUILD}/po"
user = "root"
keys = {{"{self.dir}/board.key"}}
{self.more}
zone "duomo" {{ title = "Piazza del Duomo" }}
zone "san-marco" {{ title = "Piazza San Marco" }}
zone "fontana" {{ title = "Fontana di via Roma" }}
administration "comune" {{
  name = "Comune di Prato"
  colour = "#004d40"
  logo = "{SOURCE}/tests/fuzz/seeds/logo/crest.png"
  logo_alt = "Stemma di Prato"
  approval = {"yes" if self.approval else "no"}
  notices_directory = "{self.dir}/drop"
  {self.feeds}
  publisher "comune" {{ name = "Comune di Prato" zones = {{"*"}} }}
  publisher "acqua" {{ name = "Acqua Bene Comune" zones = {{"fontana"}} }}
  {self.directory()}
  role "redazione" {{ group = "redazione" grants = writer publishers = {{"comune"}} }}
  role "responsabili" {{ group = "cn=responsabili,o=comune" grants = approver publishers = {{"comune"}} }}
  role "admin" {{ group = "bacheca-admin" grants = admin }}
  role "acqua" {{ group = "acqua" grants = writer publishers = {{"acqua"}} }}
}}
administration "provincia" {{
  name = "Provincia di Prato"
  publisher "provincia" {{ name = "Provincia di Prato" zones = {{"*"}} }}
}}
""")

    def run(self, *args, **kw):
        return subprocess.run([BUILD / "noticeboard/loggia-board", "-c", self.dir / "board.conf", *args], capture_output=True,
                              text=True, check=False, **kw)

    def start(self):
        with open(self.dir / "log", "ab") as log:
            self.process = subprocess.Popen([BUILD / "noticeboard/loggia-board", "-c", self.dir / "board.conf"], stderr=log)
        wait_for("loggia-board is ready", self.ready)

    def ready(self):
        assert self.process.poll() is None, self.log()
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0 and "event=ready" in self.log()

    def log(self):
        return (self.dir / "log").read_text()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            assert self.process.wait(timeout=30) == 0, self.log()

    def close(self):
        try:
            self.stop()
            assert "ERROR: AddressSanitizer" not in self.log(), self.log()
        finally:
            self.slapd.stop()
            shutil.rmtree(self.dir, ignore_errors=True)

    def reload(self, conf=None):
        """conf: other lines than before at the top of board.conf."""
        self.more = self.more if conf is None else conf
        self.write_conf()
        before = self.log().count("event=reloaded")
        self.process.send_signal(signal.SIGHUP)
        wait_for("the reload", lambda: self.log().count("event=reloaded") > before)

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    @property
    def passwords(self):
        return {name: password for name, (password, _) in PEOPLE.items()}

    def editor(self, name=None, **kw):
        e = Editor(self)
        if name:
            e.sign_in(name, **kw)
        return e


def in_days(n):
    return time.strftime("%Y-%m-%d", time.localtime(time.time() + 86400 * n))
