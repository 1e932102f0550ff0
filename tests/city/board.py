"""A noticeboard's publications as a test makes them: signed by OpenSSL, so that what our programs read and write is
judged by a third party's Ed25519, and as wrong as the test wants."""

import base64
import datetime
import hashlib
import os
import subprocess
import sys
import pathlib

from city.netns import wait_for

HERE = pathlib.Path(__file__).parent


def openssl(*words):
    return subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True).stdout


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def moment(seconds_from_now=0):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds_from_now)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


class Key:
    def __init__(self, directory, name):
        self.pem, self.pub = directory / f"{name}.pem", directory / f"{name}.pub"
        openssl("genpkey", "-algorithm", "ed25519", "-out", self.pem)
        raw = openssl("pkey", "-in", self.pem, "-pubout", "-outform", "der")[-32:]
        self.id = hashlib.sha256(raw).hexdigest()[:16]
        self.pub.write_text(f"loggia-ed25519 {self.id} {base64url(raw)}\n")

    def sign(self, data):
        path = self.pem.with_suffix(".data")
        path.write_bytes(data)
        return base64url(openssl("pkeyutl", "-sign", "-inkey", self.pem, "-rawin", "-in", path))


def notice(title, text="Testo.", zones="*", until="2038-01-01", publisher="Comune di Prato", **fields):
    head = "".join(f"{name.rstrip('_')}: {value}\n" for name, value in fields.items())
    return f"publisher: {publisher}\nzones: {zones}\nuntil: {until}\n{head}--- it\n# {title}\n{text}\n"


def service(title, line="", link="https://servizi.example/", zones="*", **fields):
    head = "".join(f"{name}: {value}\n" for name, value in fields.items())
    return f"zones: {zones}\nlink: {link}\n{head}--- it\n# {title}\n{line}\n"


def logo_name(data, suffix="png"):
    return f"{hashlib.sha256(data).hexdigest()[:32]}.{suffix}"


def bundle(serial, notices=None, services=None, publishers=None, board="Prato", logos=None):
    out = [f"loggia-bundle 1\nserial: {serial}\ncreated: {moment()}\nexpires: {moment(7 * 86400)}\nboard: {board}\n\n".encode()]
    for kind, parts in (("publisher", publishers), ("notice", notices), ("service", services), ("logo", logos)):
        for name, text in (parts or {}).items():
            data = text.encode() if isinstance(text, str) else text
            out.append(f"{kind} {name} {len(data)}\n".encode() + data + b"\n")
    return b"".join(out)


class Publisher:
    """The published directory, and its server in a namespace."""

    def __init__(self, world, ns, address, port=8480):
        self.dir = world.dir / f"board-{port}"
        self.dir.mkdir()
        self.ns, self.address, self.port, self.serial = ns, address, port, 0
        self.key, self.next_key = Key(self.dir, "key"), Key(self.dir, "next")
        self.server, self.url = None, f"http://{address}:{port}/"

    def start(self, *options):
        self.server = self.ns.start(sys.executable, HERE / "boardserver.py", self.dir, self.address, self.port, *options)
        wait_for("the board's server", lambda: "ready" in self.server.output() or not self.server.alive())
        assert self.server.alive(), self.server.output()
        return self

    def stop(self):
        self.server.stop()

    def place(self, name, data):
        new = self.dir / f".{name}.new"
        new.write_bytes(data)
        os.rename(new, self.dir / name)

    def pointer(self, serial, data, keys=None, created=0, expires=7 * 86400, sha256=None, length=None):
        head = (f"loggia-current 1\nserial: {serial}\nsha256: {sha256 or hashlib.sha256(data).hexdigest()}\n"
                f"length: {len(data) if length is None else length}\ncreated: {moment(created)}\nexpires: {moment(expires)}\n").encode()
        return head + b"".join(f"signature: {k.id} {k.sign(head)}\n".encode() for k in keys or [self.key])

    def publish(self, notices=None, services=None, publishers=None, keys=None, logos=None, **pointer):
        """The next edition; its serial."""
        self.serial += 1
        data = bundle(self.serial, notices, services, publishers, logos=logos)
        self.place(hashlib.sha256(data).hexdigest() + ".bundle", data)
        self.place("current", self.pointer(self.serial, data, keys, **pointer))
        return self.serial

    def conf(self, **more):
        lines = {"url": f'"{self.url}"', "keys": f'{{ "{self.key.pub}" }}', **more}
        return "board {\n" + "".join(f"    {k} = {v}\n" for k, v in lines.items()) + "}\n"
