"""A noticeboard of one's own on the loopback: a real slapd for its editors, a real loggia-board, and a browser
without a screen (cookies, forms), so that each test reads as what an editor does."""

import http.client
import html.parser
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.parse

from city.directories import SCHEMAS, ldif
from city.netns import wait_for
from conftest import BUILD

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

    def __init__(self, directory):
        self.dir, self.port = directory, free_port()
        self.uri = f"ldap://127.0.0.1:{self.port}"
        (directory / "db").mkdir(parents=True)
        includes = "\n".join(f"include {SCHEMAS / s}.schema" for s in ("core", "cosine", "inetorgperson"))
        (directory / "slapd.conf").write_text(f"""{includes}
pidfile {directory}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
loglevel 0
database mdb
suffix "{self.suffix}"
rootdn "cn=admin,{self.suffix}"
rootpw segreto
directory {directory}/db
access to attrs=userPassword by anonymous auth by * none
access to * by * read
""")
        (directory / "all.ldif").write_text("".join(self.population()))
        subprocess.run(["/usr/sbin/slapadd", "-q", "-f", directory / "slapd.conf", "-l", directory / "all.ldif"], check=True,
                       capture_output=True)
        self.process = None
        self.start()

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
        self.process = subprocess.Popen(["/usr/sbin/slapd", "-f", self.dir / "slapd.conf", "-h", self.uri, "-d", "0"],
                                        stderr=subprocess.DEVNULL)
        wait_for("slapd answers", lambda: subprocess.run(["ldapwhoami", "-x", "-H", self.uri], capture_output=True,
                                                         check=False).returncode == 0)

    def stop(self):
        self.process.kill()
        self.process.wait()


class Board:
    """conf: more lines of board.conf; of the administrations: see administrations()."""

    def __init__(self, conf="", approval=False):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="loggia-board-"))
        self.slapd = Slapd(self.dir / "slapd")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None
        self.more = conf
        self.approval = approval
        subprocess.run([BUILD / "noticeboard/loggia-board", "key", "new", self.dir / "board"], check=True, capture_output=True)
        self.write_conf()
        self.start()

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
  approval = {"yes" if self.approval else "no"}
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

    def editor(self, name=None, **kw):
        e = Editor(self)
        if name:
            e.sign_in(name, **kw)
        return e


class Forms(html.parser.HTMLParser):
    """The forms of a page: action, and each field's value as a browser would send it."""

    def __init__(self, text):
        super().__init__()
        self.forms, self.area, self.select, self.text = [], None, None, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "form":
            self.forms.append({"action": a.get("action", ""), "method": a.get("method", "get"), "fields": {}})
        elif self.forms and tag == "input" and a.get("name"):
            if a.get("type") not in ("checkbox", "radio") or "checked" in a:
                self.forms[-1]["fields"][a["name"]] = a.get("value", "")
        elif self.forms and tag == "textarea":
            self.area = a["name"]
            self.forms[-1]["fields"][self.area] = ""
        elif self.forms and tag == "select":
            self.select = a["name"]
        elif self.select and tag == "option":
            if self.select not in self.forms[-1]["fields"] or "selected" in a:
                self.forms[-1]["fields"][self.select] = a.get("value", "")

    def handle_endtag(self, tag):
        if tag == "textarea":
            self.area = None
        elif tag == "select":
            self.select = None

    def handle_data(self, data):
        self.text.append(data)
        if self.area:
            before = self.forms[-1]["fields"][self.area]
            self.forms[-1]["fields"][self.area] = (before + data).removeprefix("\n")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        self.text = body.decode()
        self.location = headers.get("Location", "")
        parsed = Forms(self.text)
        self.forms = parsed.forms
        self.words = re.sub(r"\s+", " ", " ".join(parsed.text))

    def form(self, action):
        return next(f for f in self.forms if f["action"] == action or f["action"].endswith(action))


class Editor:
    """A browser: cookies, forms, redirects that one asks for."""

    def __init__(self, board):
        self.board, self.cookies, self.page = board, {}, None

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.board.port, timeout=30)
        head = {"Accept-Language": "en", **(headers or {})}
        if self.cookies:
            head["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        if isinstance(body, dict):
            body = urllib.parse.urlencode(body)
        if body is not None:
            head.setdefault("Content-Type", "application/x-www-form-urlencoded")
        connection.request(method, path, body, head)
        r = connection.getresponse()
        answer = Answer(r.status, dict(r.headers), r.read())
        for value in r.headers.get_all("Set-Cookie") or []:
            name, _, rest = value.partition("=")
            self.cookies[name] = rest.split(";")[0]
            if "Max-Age=0" in value:
                del self.cookies[name]
        connection.close()
        self.page = answer
        return answer

    def get(self, path, **kw):
        return self.request("GET", path, **kw)

    def post(self, path, fields, **kw):
        return self.request("POST", path, fields, **kw)

    def submit(self, action, follow=True, **fields):
        """The form of the page that is open, with these fields changed (None: left out)."""
        form = self.page.form(action)
        values = {**form["fields"], **{k.replace("__", "."): v for k, v in fields.items()}}
        answer = self.post(form["action"], {k: v for k, v in values.items() if v is not None})
        if follow and answer.status == 303:
            return self.get(answer.location)
        return answer

    def sign_in(self, name, password=None, administration="comune"):
        self.get("/sign-in")
        answer = self.submit("/sign-in", name=name, password=password or PEOPLE[name][0], administration=administration)
        return answer

    def write(self, **fields):
        """A notice as typed; the page behind it. The end is in a week by itself."""
        self.get("/new")
        return self.submit("/new", then="look", **{"title__it": "Mercato spostato", "text__it": "Da lunedì in piazza.",
                                                    "zone__duomo": "1", **fields})


def in_days(n):
    return time.strftime("%Y-%m-%d", time.localtime(time.time() + 86400 * n))
