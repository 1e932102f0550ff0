"""A bench for the RADIUS client: real FreeRADIUS servers, and radius_drive in front of them."""

import json
import os
import pathlib
import re
import signal
import subprocess
import threading

from city.netns import wait_for

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("LOGGIA_BUILD", SOURCE / "build")).resolve()
SECRET = "a-secret-of-the-bench"

# What the server knows. It checks that a question is what HACKING.md says it is: one that lacks
# anything gets a reason nobody expects.
POLICY = """
server default {
  listen {
    type = auth
    ipaddr = 127.0.0.1
    port = @AUTH@
  }
  listen {
    type = acct
    ipaddr = 127.0.0.1
    port = @ACCT@
  }
  authorize {
    update reply {
      Message-Authenticator !* ANY
    }
    if (!&Message-Authenticator || &NAS-Port-Type != Wireless-802.11 || &NAS-Identifier != "drive" || &Called-Station-Id != "02-00-00-00-00-01:piazza" || &NAS-Port-Id != "piazza" || !&Acct-Session-Id) {
      update reply {
        Reply-Message := "incomplete question"
      }
      reject
    }
    if (&Service-Type == Login-User) {
      if (&User-Name == "anna@comune") {
        update control {
          Cleartext-Password := "Piazza Mercatale 1"
        }
      }
      pap
    }
    elsif (&User-Name != &Calling-Station-Id || &User-Password != &User-Name) {
      update reply {
        Reply-Message := "not a device's question"
      }
      reject
    }
    elsif (&Service-Type == Call-Check && &Connect-Info == "forget") {
      reject
    }
    elsif (&Service-Type == Framed-User) {
      if (&Connect-Info != "terms=2026-1 lang=it") {
        reject
      }
      update control {
        Auth-Type := Accept
      }
    }
    elsif (&User-Name == "02-00-00-00-00-0A") {
      update control {
        Auth-Type := Accept
      }
    }
    elsif (&User-Name =~ /^02-00-00-01/) {
      update control {
        Auth-Type := Accept
      }
    }
    elsif (&User-Name == "02-00-00-00-00-0D") {
      update reply {
        Reply-Message := "suspended"
      }
      reject
    }
    else {
      reject
    }
  }
  authenticate {
    Auth-Type PAP {
      pap
    }
  }
  post-auth {
    update reply {
      Session-Timeout := 7200
      Idle-Timeout := 900
      Acct-Interim-Interval := 600
      WISPr-Bandwidth-Max-Up := 2000000
      WISPr-Bandwidth-Max-Down := 8000000
      ChilliSpot-Max-Total-Octets := 1
      Attr-26.14559.23 := 0x00000001
      Class := 0xc100a5
      @MA@
    }
    Post-Auth-Type REJECT {
      update reply {
        @MA@
      }
    }
  }
  preacct {
    ok
  }
  accounting {
    detail
  }
}
"""

CONFIG = """
prefix = /usr
raddbdir = @DIR@
libdir = /usr/lib/freeradius
logdir = @DIR@
run_dir = @DIR@
max_request_time = 10
cleanup_delay = 5
max_requests = 65536
security {
  max_attributes = 200
  reject_delay = 0
  status_server = yes
  allow_vulnerable_openssl = yes
}
thread pool {
  start_servers = 4
  max_servers = 8
  min_spare_servers = 1
  max_spare_servers = 8
}
client bench {
  ipaddr = 127.0.0.1
  secret = @SECRET@
  require_message_authenticator = yes
}
modules {
  pap {
  }
  always reject {
    rcode = reject
  }
  always ok {
    rcode = ok
  }
  detail {
    filename = @DIR@/detail
    permissions = 0600
    header = "record"
  }
}
instantiate {
}
""" + POLICY


class Server:
    """One FreeRADIUS with its own directory, ports and accounting records."""

    def __init__(self, space, name, auth=1812, acct=1813, secret=SECRET, message_authenticator=True):
        self.space, self.name, self.auth, self.acct, self.secret = space, name, auth, acct, secret
        self.dir = space.world.dir / name
        self.dir.mkdir()
        self.process = None
        text = CONFIG
        for key, value in {"DIR": self.dir, "AUTH": auth, "ACCT": acct, "SECRET": secret,
                           "MA": f"Message-Authenticator {':= 0x00' if message_authenticator else '!* ANY'}"}.items():
            text = text.replace(f"@{key}@", str(value))
        (self.dir / "radiusd.conf").write_text(text)
        (self.dir / "dictionary").write_text("")

    def start(self):
        self.process = self.space.start("/usr/sbin/freeradius", "-f", "-d", self.dir, "-l", "stdout",
                                        "-n", "radiusd", log=self.dir / "log")
        before = self.process.output().count("Ready to process requests")
        wait_for(f"FreeRADIUS {self.name} to be ready: {self.process.output()[-600:]}",
                 lambda: self.process.output().count("Ready to process requests") > before
                 or not self.process.alive())
        assert self.process.alive(), self.process.output()
        return self

    def kill(self):
        self.process.kill()

    def freeze(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def spec(self, secret=None):
        return f"{self.name},127.0.0.1,{self.auth},{self.acct},{secret or self.secret}"

    def records(self):
        """The accounting records in the order in which they came."""
        path = self.dir / "detail"
        found = []
        for block in re.split(r"\n\n+", path.read_text() if path.exists() else ""):
            fields = dict(re.findall(r"^\t(\S+) = (.*)$", block, re.M))
            if fields:
                found.append({k: v.strip('"') for k, v in fields.items()})
        return found

    def keys(self):
        """(session, status, event's time), by which a centre knows a repetition."""
        return [(r["Acct-Session-Id"], r["Acct-Status-Type"], r["Event-Timestamp"]) for r in self.records()]


class Drive:
    """radius_drive: questions in, answers out."""

    def __init__(self, space, servers, state, timeout_ms=3000, retry_ms=500, queue_mb=8, secret=None):
        state.mkdir(exist_ok=True)
        program = BUILD / "tests" / "unit" / "radius_drive"
        self.log = space.world.dir / f"drive-{len(list(space.world.dir.glob('drive-*')))}.log"
        with open(self.log, "wb") as log:
            self.popen = subprocess.Popen(
                space.argv(program, "-t", timeout_ms, "-r", retry_ms, "-q", queue_mb, "-d", state,
                           *[s.spec(secret) for s in servers]),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        self.lines, self.changed = [], threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        self.wait(lambda line: "ready" in line)

    def _read(self):
        for text in self.popen.stdout:
            with self.changed:
                self.lines.append(json.loads(text))
                self.changed.notify_all()
        with self.changed:
            self.lines.append({"end": True})
            self.changed.notify_all()

    def wait(self, wanted, timeout=20):
        """The first line that is wanted; it is taken out."""
        def take():
            for i, line in enumerate(self.lines):
                if wanted(line):
                    return self.lines.pop(i)
            return None
        with self.changed:
            line = None

            def arrived():
                nonlocal line
                line = take()
                return line is not None or any("end" in x for x in self.lines)
            self.changed.wait_for(arrived, timeout)
        assert line is not None, f"no such line; there are {self.lines[-5:]}\n{self.output()[-2000:]}"
        return line

    def say(self, *lines):
        self.popen.stdin.write("".join(line + "\n" for line in lines))
        self.popen.stdin.flush()

    def ask(self, kind, tag, *words):
        self.say(" ".join([kind, tag, *words]))
        return self.wait(lambda line: line.get("tag") == tag)

    def stats(self):
        self.say("stats")
        return self.wait(lambda line: "waiting" in line)

    def until(self, what, probe, timeout=30):
        last = None

        def look():
            nonlocal last
            last = self.stats()
            return probe(last)
        try:
            return wait_for(what, look, timeout=timeout, every=0.05)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{last}\n{self.output()[-2000:]}") from None

    def output(self):
        return self.log.read_text(errors="replace")

    def kill(self):
        self.popen.kill()
        self.popen.wait(10)

    def quit(self):
        if self.popen.poll() is None:
            self.say("quit")
        assert self.popen.wait(20) == 0, self.output()[-3000:]
