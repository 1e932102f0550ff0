"""What the portal's tests share: a router of the test city with phones, and a plain FreeRADIUS (no module of
ours) that answers by what the phone's address begins with, and remembers taps as the city does.

    02:ac  known to the city: accepted silently, with a profile of its own
    02:de  denied, "suspended"
    02:5e  never answered
    02:ab  refused without a reason
    maria@comune, "una volta sola": an old account (Login, PAP); sospeso@provincia, the same: suspended
    else   a visitor: accepted after a tap, silently from then on, until "forget"
"""

import json
import re
import secrets

from city.internet import Internet
from city.netns import World, wait_for
from city.phone import Phone
from city.router import Router

ADDRESS, SECRET = "198.51.100.2", "a-secret-of-the-tests"

RADIUSD = """
prefix = /usr
libdir = /usr/lib/freeradius
logdir = {dir}
run_dir = {dir}
raddbdir = {dir}
log {{ destination = stdout }}
security {{
    reject_delay = 0
    status_server = yes
}}
thread pool {{
    start_servers = 4
    max_servers = 8
}}
client routers {{
    ipaddr = 0.0.0.0/0
    secret = {secret}
    require_message_authenticator = yes
}}
modules {{
    always ok {{ rcode = ok }}
    always reject {{ rcode = reject }}
    always drop {{ rcode = handled }}
    cache pass {{
        driver = rlm_cache_rbtree
        key = "%{{Calling-Station-Id}}"
        ttl = 86400
        update {{ &control:Tmp-Integer-0 := 1 }}
    }}
    files accounts_of_old {{
        usersfile = {dir}/users
    }}
    pap {{
    }}
    linelog asked {{
        filename = {dir}/asked.log
        format = '{{"mac": "%{{Calling-Station-Id}}", "kind": "%{{Service-Type}}", "info": "%{{Connect-Info}}", "at": "%{{Called-Station-Id}}", "nas": "%{{NAS-Identifier}}", "user": "%{{User-Name}}"}}'
    }}
    linelog accounts {{
        filename = {dir}/accounts.log
        format = '{{"status": "%{{Acct-Status-Type}}", "mac": "%{{Calling-Station-Id}}", "session": "%{{Acct-Session-Id}}", "cause": "%{{Acct-Terminate-Cause}}", "up": "%{{Acct-Input-Octets}}", "down": "%{{Acct-Output-Octets}}", "seconds": "%{{Acct-Session-Time}}", "class": "%{{Class}}"}}'
    }}
}}
server city {{
    listen {{
        type = auth
        ipaddr = {address}
        port = 1812
    }}
    listen {{
        type = acct
        ipaddr = {address}
        port = 1813
    }}
    authorize {{
        asked
        if (&Calling-Station-Id =~ /^02-5E/i) {{
            update control {{ &Response-Packet-Type := Do-Not-Respond }}
            drop
        }}
        elsif (&Calling-Station-Id =~ /^02-DE/i) {{
            update reply {{ &Reply-Message := "suspended" }}
            reject
        }}
        elsif (&Calling-Station-Id =~ /^02-AB/i) {{
            reject
        }}
        elsif (&Connect-Info == "forget") {{
            update control {{ &Cache-TTL := 0 }}
            pass
            reject
        }}
        elsif (&Calling-Station-Id =~ /^02-AC/i) {{
            update control {{ &Auth-Type := Accept }}
            update reply {{
                &Session-Timeout := 4000
                &Idle-Timeout := 300
                &Acct-Interim-Interval := 60
                &WISPr-Bandwidth-Max-Down := 16000000
                &WISPr-Bandwidth-Max-Up := 8000000
                &Class := 0x636f6d756e65
            }}
        }}
        elsif (&Service-Type == Login-User) {{
            accounts_of_old
            if (&User-Name == "sospeso@provincia") {{
                update reply {{ &Reply-Message := "suspended" }}
                reject
            }}
            pap
        }}
        elsif (&Service-Type == Framed-User) {{
            pass
            update control {{ &Auth-Type := Accept }}
        }}
        else {{
            update control {{ &Cache-Status-Only := yes }}
            pass
            if (notfound) {{
                reject
            }}
            update control {{ &Auth-Type := Accept }}
        }}
    }}
    authenticate {{
        pap
    }}
    post-auth {{
        if (&Service-Type == Login-User) {{
            update reply {{
                &WISPr-Bandwidth-Max-Down := 40000000
                &ChilliSpot-Max-Total-Octets := 5000000000
            }}
            pass
        }}
        update reply {{ &Message-Authenticator := 0x00 }}
        Post-Auth-Type REJECT {{
            update reply {{ &Message-Authenticator := 0x00 }}
        }}
    }}
    accounting {{
        accounts
        ok
    }}
}}
"""


def mac(prefix):
    return ":".join((*prefix.split(":"), *(f"{b:02x}" for b in secrets.token_bytes(4))))


class PlainCentre:
    def __init__(self, internet):
        self.ns, self.dir = internet.ns, internet.world.dir / "plain-centre"
        self.dir.mkdir()
        self.ns.ip("address", "add", f"{ADDRESS}/24", "dev", "backbone")
        (self.dir / "radiusd.conf").write_text(RADIUSD.format(dir=self.dir, secret=SECRET, address=ADDRESS))
        (self.dir / "users").write_text('maria@comune Cleartext-Password := "una volta sola"\n')
        (self.dir / "dictionary").write_text("$INCLUDE /usr/share/freeradius/dictionary\n")
        self.start()

    def start(self):
        self.daemon = self.ns.start("freeradius", "-f", "-d", self.dir, "-n", "radiusd", "-l", "stdout")
        wait_for("FreeRADIUS", lambda: "Ready to process requests" in self.daemon.output() or not self.daemon.alive())
        if not self.daemon.alive():
            raise AssertionError(self.daemon.output())

    def _rows(self, name, phone):
        path = self.dir / name
        lines = path.read_text().splitlines() if path.exists() else []
        rows = [json.loads(line) for line in lines if line]
        return [r for r in rows if phone is None or r["mac"].lower().replace("-", ":") == phone.mac]

    def asked(self, phone=None):
        return self._rows("asked.log", phone)

    def accounts(self, phone=None):
        return self._rows("accounts.log", phone)

    def wait_account(self, phone, status, **fields):
        def found():
            return [r for r in self.accounts(phone) if r["status"] == status
                    and all(r[k] == v for k, v in fields.items())]
        return wait_for(f"accounting {status} {fields} of {phone.name}", found)[-1]


class Square:
    """One internet, one centre, one router."""

    def __init__(self, kind=Router, **router):
        self.world = World()
        try:
            self.internet = Internet(self.world)
            self.centre = PlainCentre(self.internet)
            self.router = kind(self.internet, radius=(ADDRESS, SECRET), **router)
        except BaseException:
            self.world.close()
            raise
        self.n = 0

    def phone(self, prefix="02:00", join=True, ipv6=False, **kw):
        """A new one, on the square; ipv6: wait until it has a privacy address too."""
        self.n += 1
        phone = Phone(self.internet, f"phone{self.n}", mac=mac(prefix), **kw)
        if join:
            phone.join(self.router, ipv6=ipv6)
        return phone

    def row(self, phone):
        """What loggiactl says of it; None if it is not online."""
        return self.router.clients().get(phone.mac)

    def kernel(self, phone):
        """What the kernel holds for it: the lines of nft's list that name it."""
        text = self.router.ns.run("nft", "list", "table", "inet", "loggia").stdout
        return [m for m in re.findall(r"[^,{}]*" + phone.mac + r"[^,{}]*", text)]

    def http_port(self):
        """Where this router's portal listens, behind the redirect of port 80."""
        return re.search(r"event=ready port=(\d+)", self.router.log("loggiad")).group(1)

    def close(self):
        """Ends all; a sanitizer's report, of leaks at the end too, is an error."""
        try:
            for daemon in self.router.daemons.values():
                daemon.stop()
            for daemon in self.router.daemons:
                log = self.router.log(daemon)
                assert "Sanitizer" not in log and "runtime error" not in log, log[-6000:]
        finally:
            self.world.close()


def online_page(phone):
    answers = []
    last = phone.browse(phone.portal("/"), answers)
    return last


def post(phone, path, token, lang="it", terms=None, **kw):
    data = f"token={token}&lang={lang}" + (f"&terms={terms}" if terms else "")
    return phone.fetch(phone.portal(path), "--data-raw", data, **kw)


def token_of(answer):
    found = re.search(r'name="token" value="([^"]+)"', answer.text)
    assert found, f"no token in {answer.status}: {answer.text}"
    return found.group(1)

