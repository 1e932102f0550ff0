# SPDX-License-Identifier: GPL-2.0-or-later
"""The city's noticeboard: a real loggia-board beside the centre. Its editors sign in with the accounts that the
Comune's directory has; what it publishes the routers fetch over the internet of the test city."""

import ctypes
import http.client
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import threading

from city.directories import ldif
from city.editor import Editor
from city.netns import wait_for

BUILD = pathlib.Path(os.environ.get("LOGGIA_BUILD", pathlib.Path(__file__).parents[2] / "build")).resolve()
PROGRAM = BUILD / "noticeboard" / "loggia-board"
EDITORS = {"anna": "redazione", "bruno": "responsabili"}  # groups; what those may do: CONF
CLONE_NEWNET = 0x40000000

CONF = """name = "Prato Wi-Fi"
url = "https://{address}:{port}"
address = "{address}"
port = {port}
state_directory = "{dir}/state"
out_directory = "{dir}/out"
locale_directory = "{dir}/locale"
user = "root"
keys = {{ "{dir}/board.key" }}
tls {{
    certificate = "{chain}"
    key = "{key}"
}}
{zones}
administration "comune" {{
    name = "Comune di Prato"
    approval = no
    publisher "comune" {{ name = "Comune di Prato" zones = {{ "*" }} }}
    directory {{
        uri = "{uri}"
        base = "ou=persone,{suffix}"
        group_base = "{suffix}"
        bind_dn = "{bind_dn}"
        password_file = "{dir}/comune.secret"
        start_tls = no
    }}
    role "redazione" {{ group = "redazione" grants = writer publishers = {{ "comune" }} }}
    role "responsabili" {{ group = "responsabili" grants = admin }}
}}
"""


def connected(namespace, address):
    """A TCP connection from inside the namespace."""
    found = []

    def enter():  # a thread of its own may stand in another namespace than its process
        fd = os.open(f"/run/netns/{namespace.full}", os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(fd, CLONE_NEWNET) == 0:
                found.append(socket.create_connection(address, timeout=30))
        except OSError:
            pass
        finally:
            os.close(fd)
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    return found[0] if found else None


class Noticeboard:
    PORT = 8480

    def __init__(self, world, namespace, address, comune, zones, ca):
        self.namespace, self.address, self.comune, self.ca = namespace, address, comune, ca
        self.dir = world.dir / "noticeboard"
        for part in ("state", "locale"):
            (self.dir / part).mkdir(parents=True)
        for catalogue in (BUILD / "po").glob("*.mo"):
            shutil.copy(catalogue, self.dir / "locale")
        subprocess.run([PROGRAM, "key", "new", self.dir / "board"], check=True, capture_output=True)
        self.passwords = {}
        self._editors()
        chain, key = ca.issue([address], "noticeboard")
        key.chmod(0o600)
        secret = self.dir / "comune.secret"
        secret.write_text(comune.password + "\n")
        secret.chmod(0o600)
        (self.dir / "board.conf").write_text(CONF.format(
            dir=self.dir, chain=chain, key=key, address=address, port=self.PORT, uri=comune.uri, suffix=comune.suffix, bind_dn=comune.bind_dn,
            zones="".join(f'zone "{name}" {{ title = "{title}" }}\n' for name, title in zones)))

    def _editors(self):
        """Accounts as the Comune's other people have them, and the groups that make editors of them."""
        for name, group in EDITORS.items():
            self.passwords[name] = f"{name}-e-la-sua-parola"
            dn = self.comune.add_login(name, self.passwords[name])
            self.comune.add(ldif(f"cn={group},{self.comune.suffix}", objectClass="groupOfNames", cn=group, member=dn))

    def start(self):
        self.process = self.namespace.start(PROGRAM, "-c", self.dir / "board.conf", log=self.dir / "log")
        wait_for("loggia-board", lambda: "event=ready" in self.process.output() or not self.process.alive(), timeout=20)
        if not self.process.alive():
            raise AssertionError(self.process.output())
        return self

    def section(self):
        """What a router's configuration has to say of it."""
        return (f'board {{\n    url = "https://{self.address}:{self.PORT}/out/"\n    keys = {{ "{self.dir}/board.pub" }}\n'
                f'    ca_file = "{self.ca.cert}"\n    poll = 5\n}}\n')

    def connect(self):
        sock = connected(self.namespace, (self.address, self.PORT))
        if not sock:
            raise AssertionError("loggia-board takes no connections\n" + self.process.output()[-2000:])
        connection = http.client.HTTPConnection(self.address, self.PORT, timeout=30)
        connection.sock = ssl.create_default_context(cafile=self.ca.cert).wrap_socket(sock, server_hostname=self.address)
        return connection

    def editor(self, name):
        editor = Editor(self)
        page = editor.sign_in(name)
        if "/new" not in page.text:
            raise AssertionError(f"{name} could not sign in: {page.words[:300]}")
        return editor
