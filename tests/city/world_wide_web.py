"""The web of the test city's internet, as a process: every vendor's connectivity check answers here
as it does in the real world, under its own name, over HTTP and HTTPS; other names get a page.

    python3 world_wide_web.py CERTIFICATE-CHAIN KEY
"""

import http.server
import os
import socket
import ssl
import sys
import threading

APPLE = b"<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>\n"
FIREFOX = (b'<meta http-equiv="refresh" content="0;url=https://support.mozilla.org/kb/captive-portal"/>')
KINDLE = b"<html><head><title>Kindle</title></head><body>81ce4465-7167-4dcb-835b-dcc9e44c112a</body></html>"
NETWORK_MANAGER = {"X-NetworkManager-Status": "online"}

# (name, path) -> status, further headers, body
TRUTH = {
    ("captive.apple.com", "/hotspot-detect.html"): (200, {"Content-Type": "text/html"}, APPLE),
    ("connectivitycheck.gstatic.com", "/generate_204"): (204, {}, b""),
    ("www.google.com", "/generate_204"): (204, {}, b""),
    ("www.google.com", "/gen_204"): (204, {}, b""),
    ("clients3.google.com", "/generate_204"): (204, {}, b""),
    ("www.gstatic.com", "/generate_204"): (204, {}, b""),
    ("www.msftconnecttest.com", "/connecttest.txt"): (200, {"Content-Type": "text/plain"},
                                                      b"Microsoft Connect Test"),
    ("detectportal.firefox.com", "/canonical.html"): (200, {"Content-Type": "text/html"}, FIREFOX),
    ("detectportal.firefox.com", "/success.txt"): (200, {"Content-Type": "text/plain"}, b"success\n"),
    ("network-test.debian.org", "/nm"): (200, NETWORK_MANAGER, b"NetworkManager is online\n"),
    ("spectrum.s3.amazonaws.com", "/kindle-wifi/wifistub.html"): (200, {"Content-Type": "text/html"}, KINDLE),
}
PAGE = """<!DOCTYPE html><html lang="it"><head><title>{name}</title></head>
<body><h1>{name}</h1><p>You are {peer}.</p></body></html>
"""
CHUNK = os.urandom(64 * 1024)


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self):
        name = self.headers.get("Host", "").rsplit(":", 1)[0]
        path = self.path.split("?")[0]
        if path.startswith("/download/"):
            return self.download(int(path.rsplit("/", 1)[1]))
        page = PAGE.format(name=name, peer=self.client_address[0]).encode()
        status, headers, body = TRUTH.get((name, path), (200, {"Content-Type": "text/html"}, page))
        self.send_response(status)
        for header in headers.items():
            self.send_header(*header)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET

    def download(self, size):
        """/download/BYTES"""
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(size))
        self.end_headers()
        while size > 0:
            self.wfile.write(CHUNK[:size])
            size -= len(CHUNK)

    def log_message(self, form, *args):
        print(self.client_address[0], self.headers.get("Host") if hasattr(self, "headers") else "-", form % args,
              flush=True)


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6  # and IPv4, mapped
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, port, tls=None):
        self.tls = tls
        super().__init__(("::", port), Answer)

    def finish_request(self, request, client_address):
        if self.tls:  # here, in the connection's own thread
            request.settimeout(30)
            request = self.tls.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (OSError, ssl.SSLError)):
            super().handle_error(request, client_address)


def main():
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*sys.argv[1:3])
    secure = Server(443, tls)
    threading.Thread(target=secure.serve_forever, daemon=True).start()
    plain = Server(80)
    print("ready", flush=True)
    plain.serve_forever()


if __name__ == "__main__":
    main()
