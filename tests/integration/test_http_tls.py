"""The secure pages' listener (lib/http with TLS): a certificate is renewed and nobody is dropped."""

import signal
import socket
import ssl
import subprocess

import pytest

from conftest import BUILD

DRIVE = BUILD / "tests" / "unit" / "http_drive"


def make_pair(directory, name):
    cert, key = directory / f"{name}.pem", directory / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-days", "2",
                    "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    directory = tmp_path_factory.mktemp("tls")
    return {name: make_pair(directory, name) for name in ("first.example", "second.example")}


class Server:
    def __init__(self, cert, key, next_cert, next_key):
        self.process = subprocess.Popen([DRIVE, cert, key, next_cert, next_key], stdout=subprocess.PIPE, text=True)
        word, port = self.process.stdout.readline().split()
        assert word == "port"
        self.port = int(port)

    def renew(self):
        self.process.send_signal(signal.SIGHUP)
        return self.process.stdout.readline().strip()

    def connect(self, ca, name, **versions):
        context = ssl.create_default_context(cafile=ca)
        for attribute, version in versions.items():
            setattr(context, attribute, version)
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        return context.wrap_socket(raw, server_hostname=name)

    def end(self):
        self.process.terminate()
        assert self.process.wait(10) == 0


def ask(connection):
    connection.sendall(b"GET / HTTP/1.1\r\nHost: p\r\n\r\n")
    answer = b""
    while not answer.endswith(b" tls 1\n"):  # the body's end
        piece = connection.recv(4096)
        assert piece, answer
        answer += piece
    return answer.decode()


def test_a_renewed_certificate_drops_nobody_and_is_used_from_then_on(pairs):
    first, second = pairs["first.example"], pairs["second.example"]
    server = Server(*first, *second)
    old = server.connect(first[0], "first.example")
    assert "request 1 tls 1" in ask(old)
    assert server.renew() == "new"
    new = server.connect(second[0], "second.example")
    assert "request 2 tls 1" in ask(new)
    answer = ask(old)  # the old connection is served to its end
    assert "request 3 tls 1" in answer and "Connection: close" in answer
    assert old.recv(10) == b""
    assert "request 4 tls 1" in ask(new)
    with pytest.raises(ssl.SSLCertVerificationError):
        server.connect(first[0], "first.example")
    server.end()


def test_a_bad_certificate_is_refused_in_words_and_the_old_one_stays(pairs):
    first, second = pairs["first.example"], pairs["second.example"]
    server = Server(*first, second[0], first[1])  # not its key
    assert server.renew().startswith("bad certificate or key: ")
    assert "request 1 tls 1" in ask(server.connect(first[0], "first.example"))
    server.end()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_tls_versions_are_refused(pairs):
    first = pairs["first.example"]
    server = Server(*first, *first)
    assert server.connect(first[0], "first.example").version() == "TLSv1.3"
    twelve = server.connect(first[0], "first.example", maximum_version=ssl.TLSVersion.TLSv1_2)
    assert twelve.version() == "TLSv1.2"
    with pytest.raises((ssl.SSLError, OSError)):
        server.connect(first[0], "first.example", minimum_version=ssl.TLSVersion.TLSv1,
                       maximum_version=ssl.TLSVersion.TLSv1_1)
    server.end()


def test_http_on_the_secure_port_is_told_400_and_half_a_handshake_is_closed(pairs):
    first = pairs["first.example"]
    server = Server(*first, *first)
    half = socket.create_connection(("127.0.0.1", server.port), timeout=9)
    half.sendall(b"\x16\x03\x01\x02\x00")
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=5)
    plain.sendall(b"GET / HTTP/1.1\r\nHost: p\r\n\r\n")
    assert plain.recv(100).startswith(b"HTTP/1.1 400 ")
    while half.recv(100):  # an alert perhaps, then the end: within 9 s, or recv raises
        pass
    server.end()
