"""A plain web server for what a noticeboard publishes: files, ETag, 304; and, where it is asked to and --wait is
given, it waits with its answer until the file changes (RFC 7240), as loggia-board does. Counts that are posted are
appended to counts.log. What is published is the tests' own business, right or wrong.

    boardserver.py DIRECTORY ADDRESS PORT [--wait] [--no-etag] [--date HTTP-DATE] [--tls CHAIN KEY]"""

import argparse
import email.utils
import hashlib
import http.server
import os
import pathlib
import re
import ssl
import time

ARGS = argparse.ArgumentParser()
ARGS.add_argument("directory", type=pathlib.Path)
ARGS.add_argument("address")
ARGS.add_argument("port", type=int)
ARGS.add_argument("--wait", action="store_true")
ARGS.add_argument("--no-etag", action="store_true")
ARGS.add_argument("--date")
ARGS.add_argument("--tls", nargs=2)
LOOK_S = 0.02


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    options = None

    def log_message(self, *_):
        pass

    def date_time_string(self, timestamp=None):
        return self.options.date or super().date_time_string(timestamp)

    def path_of(self):
        return self.options.directory / pathlib.PurePosixPath(self.path.split("?")[0]).name

    @staticmethod
    def tag(data):
        return f'"{hashlib.sha256(data).hexdigest()[:16]}"'

    def waited(self, path, data):
        """What the file holds when it is another one than the client has, or the time is over."""
        until = time.monotonic() + int(re.search(r"wait=(\d+)", self.headers["Prefer"])[1])
        while self.tag(data) == self.headers["If-None-Match"] and time.monotonic() < until:
            time.sleep(LOOK_S)
            data = path.read_bytes()
        return data

    def do_GET(self):
        path, fields = self.path_of(), {}
        try:
            data, modified = path.read_bytes(), path.stat().st_mtime
        except OSError:
            self.answer(404, b"none\n", {})
            return
        if self.options.wait and "wait=" in (self.headers["Prefer"] or "") and self.headers["If-None-Match"]:
            data = self.waited(path, data)
            fields["Preference-Applied"] = "wait"
        if self.options.no_etag:
            fields["Last-Modified"] = email.utils.formatdate(modified, usegmt=True)
            same = self.headers["If-Modified-Since"] == fields["Last-Modified"]
        else:
            fields["ETag"] = self.tag(data)
            same = self.headers["If-None-Match"] == fields["ETag"]
        self.answer(304 if same else 200, b"" if same else data, fields)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open(self.options.directory / "counts.log", "ab") as log:
            log.write(f"token: {self.headers['Authorization']}\n".encode() + body)
        self.answer(204, b"", {})

    def answer(self, status, body, fields):
        self.send_response_only(status)
        self.send_header("Date", self.date_time_string())
        for name, value in fields.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, request, client_address):
        pass  # a router that was killed


def main():
    options = Handler.options = ARGS.parse_args()
    server = Server((options.address, options.port), Handler)
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*options.tls)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print("ready", os.getpid(), flush=True)
    server.serve_forever()


main()
