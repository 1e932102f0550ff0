"""A real browser in a phone's place: Debian's Chromium, headless, in the phone's network namespace, with a
profile of its own that trusts the city's authority and calls nobody."""

import base64
import hashlib
import itertools
import shutil
import subprocess

SCREEN = (360, 740)  # a small phone of these years, in CSS pixels
NUMBERS = itertools.count(1)
QUIET = ("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-extensions", "--disable-quic", "--disable-gpu", "--no-sandbox", "--hide-scrollbars")


def installed():
    return shutil.which("chromium")


def trusted_key(certificate):
    """The hash by which Chromium is told to trust what this authority signed (here: its own root's key)."""
    pem = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"], check=True, capture_output=True)
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=pem.stdout, check=True, capture_output=True)
    return base64.b64encode(hashlib.sha256(der.stdout).digest()).decode()


def screenshot(phone, url, out, size=SCREEN, dark=False, timeout=60):
    """What the phone's screen shows of the page, as a PNG in the file out."""
    home = phone.world.dir / f"browser-{next(NUMBERS)}"
    home.mkdir()
    width, height = size
    command = ["chromium", "--headless", *QUIET, f"--user-data-dir={home}", f"--window-size={width},{height}",
               f"--ignore-certificate-errors-spki-list={trusted_key(phone.internet.ca.cert)}", "--virtual-time-budget=3000",
               f"--screenshot={out}", *(["--blink-settings=preferredColorScheme=0"] if dark else []), url]
    try:
        r = phone.ns.run("env", f"HOME={home}", *command, check=False, timeout=timeout)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    if r.returncode != 0 or not out.exists() or out.stat().st_size < 1000:
        raise AssertionError(f"no screenshot of {url}: exit {r.returncode}\n{r.stderr[-800:]}")
    return out
