"""A window into the test city: a person's own browser, on this machine's loopback, in a phone's place.

Every request that comes to 127.0.0.1:PORT is asked again from inside the phone's namespace (so that
the router sees the phone's address and MAC), with the portal's name in place of ours, and back.
"""

import ctypes
import http.client
import http.server
import threading

from city.router import PORTAL_NAME

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
THEIRS = (f"http://{PORTAL_NAME}", f"https://{PORTAL_NAME}")
TEXT = ("text/", "application/json", "application/captive+json")


def enter(namespace):
    """Moves the calling thread, it alone and for good, into the network namespace."""
    with open(f"/run/netns/{namespace}", "rb") as f:
        if LIBC.setns(f.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace}")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
        try:
            answer, content = self.ask(body)
        except OSError as e:
            return self.send_error(502, f"the phone got no answer: {e}")
        ours = f"http://{self.server.address}"
        if answer.headers.get("Content-Type", "").startswith(TEXT):
            for theirs in THEIRS:
                content = content.replace(theirs.encode(), ours.encode())
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "content-length", "transfer-encoding", "server", "date"):
                self.send_header(name, value.replace(THEIRS[0], ours).replace(THEIRS[1], ours))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_POST = do_HEAD = do_GET

    def ask(self, body):
        """From a thread of its own, which is in the phone's namespace while it lives."""
        ours = f"http://{self.server.address}"
        headers = {k: v.replace(ours, THEIRS[0]) for k, v in self.headers.items()
                   if k.lower() not in ("host", "connection", "accept-encoding")}
        out = {}

        def inside():
            try:
                enter(self.server.namespace)
                link = http.client.HTTPConnection(self.server.router, 80, timeout=10)
                link.request(self.command, self.path, body, {"Host": PORTAL_NAME, "Connection": "close", **headers})
                answer = link.getresponse()
                out["answer"] = (answer, answer.read())
                link.close()
            except (OSError, http.client.HTTPException) as e:
                out["error"] = e

        thread = threading.Thread(target=inside)
        thread.start()
        thread.join()
        if "error" in out:
            raise OSError(out["error"])
        return out["answer"]

    def log_message(self, form, *args):
        pass


class Window(http.server.ThreadingHTTPServer):
    """Open until close(); .url is what to type into the browser."""
    daemon_threads = True

    def __init__(self, phone, port=0):
        self.namespace, self.router = phone.ns.full, phone.router.ipv4
        super().__init__(("127.0.0.1", port), Handler)
        self.address = f"127.0.0.1:{self.server_address[1]}"
        self.url = f"http://{self.address}/"
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)
        self._thread.start()

    def close(self):
        self.shutdown()
        self.server_close()
