"""What the noticeboard's tests share: a real loggia-board with its directory of files, asked over loopback, and what
it publishes judged by others: OpenSSL's Ed25519, Python's SHA-256."""

import base64
import hashlib
import http.client
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

from city.netns import Process, wait_for
from conftest import BUILD

PROGRAM = BUILD / "noticeboard" / "loggia-board"

CONF = """
name = "Prato Wi-Fi"
url = "http://127.0.0.1:{port}"
address = "127.0.0.1"
port = {port}
state_directory = "{dir}/state"
out_directory = "{dir}/out"
locale_directory = "{dir}/locale"
user = "root"
keys = {{ {keys} }}
{extra}
zone duomo {{ title = "Piazza del Duomo" }}
zone stazione {{ title = "Stazione centrale" }}
administration comune {{
    name = "Comune di Prato"
    notices_directory = "{dir}/drop"
    publisher comune {{ name = "Comune di Prato" zones = {{ "*" }} }}
    publisher acqua {{ name = "Acqua" colour = "#004d40" zones = {{ "stazione" }} }}
    {feeds}
}}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def notice(title, text="Testo.", publisher="comune", zones="*", until="2038-01-01", **fields):
    head = "".join(f"{name.rstrip('_')}: {value}\n" for name, value in fields.items())
    return f"publisher: {publisher}\nzones: {zones}\nuntil: {until}\n{head}--- it\n# {title}\n{text}\n"


class Key:
    """Made by loggia-board, checked by OpenSSL."""

    PREFIX = bytes.fromhex("302a300506032b6570032100")  # SubjectPublicKeyInfo of Ed25519 (RFC 8410)

    def __init__(self, directory, name):
        self.private, self.public = directory / f"{name}.key", directory / f"{name}.pub"
        subprocess.run([PROGRAM, "key", "new", directory / name], check=True, capture_output=True)
        word, self.id, raw = self.public.read_text().split()
        assert word == "loggia-ed25519"
        self.der = self.PREFIX + base64.urlsafe_b64decode(raw + "=")

    def signed(self, data, signature):
        with tempfile.TemporaryDirectory() as d:
            names = {"key": self.der, "data": data, "sig": base64.urlsafe_b64decode(signature + "==")}
            for name, content in names.items():
                pathlib.Path(d, name).write_bytes(content)
            r = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", f"{d}/key", "-rawin",
                                "-in", f"{d}/data", "-sigfile", f"{d}/sig"], capture_output=True, check=False)
        return r.returncode == 0


class Board:
    def __init__(self, extra="", feeds="", directory=None):
        self.dir = pathlib.Path(directory or tempfile.mkdtemp(prefix="loggia-board-"))
        for part in ("state", "locale", "drop"):
            (self.dir / part).mkdir(exist_ok=True)
        self.port, self.extra, self.feeds = free_port(), extra, feeds
        self.key = Key(self.dir, "board")
        self.keys = [self.key]
        self.process = None
        self.configure()

    # --- the daemon --------------------------------------------------------------------------------
    def configure(self, **changed):
        vars(self).update(changed)
        (self.dir / "board.conf").write_text(CONF.format(
            port=self.port, dir=self.dir, extra=self.extra, feeds=self.feeds,
            keys=", ".join(f'"{k.private}"' for k in self.keys)))

    def start(self, ready=True, through=()):
        log = self.dir / "board.log"
        self.seen = log.stat().st_size if log.exists() else 0
        with open(log, "ab") as out:
            popen = subprocess.Popen([*through, PROGRAM, "-c", self.dir / "board.conf"], stdout=out, stderr=subprocess.STDOUT,
                                     stdin=subprocess.DEVNULL, start_new_session=True)
        self.process = Process(popen, log)
        if ready:
            self.logged("event=ready", timeout=30)
        return self

    def log(self):
        return self.process.output().encode()[self.seen:].decode(errors="replace")

    def logged(self, words, timeout=20):
        """The log's line with these words, since the start."""
        return wait_for(f"{words!r} in the log", lambda: (
            next((line for line in self.log().splitlines() if words in line), None)
            or (None if self.process.alive() else self.fail())), timeout=timeout)

    def fail(self):
        raise AssertionError("loggia-board ended:\n" + self.process.output()[-4000:])

    def reload(self):
        os.kill(self.process.pid, signal.SIGHUP)

    def close(self):
        if self.process:
            self.process.stop()
            text = self.process.output()
            assert "Sanitizer" not in text and "runtime error" not in text, text[-6000:]
        shutil.rmtree(self.dir)

    # --- files that are dropped ----------------------------------------------------------------------
    def drop(self, name, text):
        """As an editor or git puts it there: whole."""
        half = self.dir / "drop" / f".{name}.half"
        half.write_text(text)
        half.rename(self.dir / "drop" / f"{name}.md")

    def remove(self, name):
        (self.dir / "drop" / f"{name}.md").unlink()

    # --- what it serves --------------------------------------------------------------------------------
    def ask(self, path, method="GET", body=None, timeout=30, **headers):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            c.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
            r = c.getresponse()
            r.body = r.read()
            return r
        finally:
            c.close()

    def pointer(self, text=None):
        """The fields of `current`, its signatures judged."""
        data = text if text is not None else (self.dir / "out" / "current").read_bytes()
        head, _, signatures = data.partition(b"signature: ")
        fields = dict(line.split(": ", 1) for line in head.decode().splitlines()[1:])
        fields["serial"] = int(fields["serial"])
        lines = ("signature: " + signatures.decode()).splitlines()
        fields["keys"] = [line.split()[1] for line in lines]
        for line in lines:
            _, key, signature = line.split()
            for k in self.keys:
                if k.id == key:
                    assert k.signed(head, signature), f"not signed by {key}: {data!r}"
        return fields

    def bundle(self, fields=None):
        """The parts of the bundle that `current` names: {kind: {id: text}}, its digest and its frame judged."""
        fields = fields or self.pointer()
        data = (self.dir / "out" / f"{fields['sha256']}.bundle").read_bytes()
        assert hashlib.sha256(data).hexdigest() == fields["sha256"] and len(data) == int(fields["length"])
        head, _, rest = data.partition(b"\n\n")
        assert head.startswith(b"loggia-bundle 1\nserial: %d\n" % fields["serial"])
        parts = {"publisher": {}, "notice": {}, "service": {}, "logo": {}}
        while rest:
            line, _, rest = rest.partition(b"\n")
            kind, name, length = line.decode().split()
            assert rest[int(length):int(length) + 1] == b"\n"
            part = rest[:int(length)]
            parts[kind][name] = part if kind == "logo" else part.decode()
            rest = rest[int(length) + 1:]
        return parts

    def titles(self):
        """What the bundle says, once it can be read as a whole (another may be written at this very moment)."""
        return {line[2:] for text in self.bundle()["notice"].values() for line in text.splitlines() if line.startswith("# ")}

    def says(self, *titles, timeout=20):
        return wait_for(f"exactly {titles} published", lambda: self.titles() == set(titles), timeout=timeout)
