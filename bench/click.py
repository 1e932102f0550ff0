# SPDX-License-Identifier: GPL-2.0-or-later
"""A person who taps, again and again: click.py PORTAL_NAME PORTAL_IP HOST PORT COUNT, run on a phone.

Each time: the splash page is read; then the clock starts: the form is posted, and as soon as the portal has answered a
TCP connection is made to HOST, which answers only through an open gate. Then leave, and again. Prints the milliseconds
from the click until the connection is there, as JSON."""

import http.client
import json
import pathlib
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))

from city.webpage import Page  # noqa: E402


def ask(address, name, method, path, form=None):
    c = http.client.HTTPConnection(*address, timeout=10)
    headers = {"Host": name, "Connection": "close"}
    if form is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    c.request(method, path, form, headers)
    r = c.getresponse()
    text = r.read().decode()
    c.close()
    return r.status, text


def form_of(page, path):
    form = Page(page).form(path)
    if form is None:
        raise SystemExit(f"no form to {path}: {page}")
    return form.encoded()


def main():
    name, ip, host, port, count = sys.argv[1:]
    address, took = (ip, 80), []
    for _ in range(int(count)):
        join = form_of(ask(address, name, "GET", "/")[1], "/join")
        began = time.perf_counter()
        status, text = ask(address, name, "POST", "/join", join)
        if status != 303:
            raise SystemExit(f"{status}: {text}")
        socket.create_connection((host, int(port)), 5).close()
        took.append((time.perf_counter() - began) * 1000)
        leave = form_of(ask(address, name, "GET", "/")[1], "/leave")
        ask(address, name, "POST", "/leave", leave)
    print(json.dumps(took))


if __name__ == "__main__":
    main()
