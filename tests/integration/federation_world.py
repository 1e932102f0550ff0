"""The federation alone (tests/unit/federation_drive), and how it is told which directories there are."""

import json
import subprocess

from city.directories import mac_of
from conftest import BUILD

DEADLINE = 200
MARGIN = 60  # two cores, shared

OPTIONS = """key_file {key}
deadline {deadline}
bulkhead 4
remember.found 0
remember.not_found 0
profile guest
profile staff
profile resident
authority comune
authority.server 127.0.0.1
authority.port 3891
authority.identity cn=loggia,dc=comune,dc=example
authority.password segreto
authority.base_dn ou=persone,dc=comune,dc=example
authority.user.filter (&(objectClass=ieee802Device)(macAddress=%{{mac}}))
authority.profile.attribute employeeType
authority.login.filter (uid=%{{user}})
authority.profile.map dipendente -> staff
authority.profile.default resident
authority provincia
authority.server 127.0.0.1
authority.port 3892
authority.identity cn=loggia,o=provincia
authority.password segreto
authority.base_dn o=provincia
authority.user.filter (provDispositivo=%{{mac}})
authority.user.mac_format AABBCCDDEEFF
authority.group.base_dn ou=gruppi,o=provincia
authority.group.filter (&(objectClass=provGruppo)(provMembro=%{{dn}}))
authority.group.name_attribute provNome
authority.group.map banda-larga -> staff
authority.suspended.attribute provSospeso
authority.login.filter (provMatricola=%{{user}})
"""

STRANGER, CITIZEN, EMPLOYEE = "0a:00:00:00:00:01", mac_of("comune", 4), mac_of("comune", 0)
PROVINCIAL, FAST, SUSPENDED = mac_of("provincia", 4), mac_of("provincia", 0), mac_of("provincia", 49 * 4)


class Drive:
    def __init__(self, world, space, options):
        key = world.dir / "key"
        key.write_text("a key that only the test city has\n")
        key.chmod(0o600)
        conf = world.dir / "options"
        conf.write_text(options.format(key=key, deadline=DEADLINE))
        self.log = open(world.dir / "drive.log", "w+", encoding="utf-8")
        self.process = subprocess.Popen(space.argv(BUILD / "tests/unit/federation_drive", conf),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)

    def say(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the driver ended: {self.output()}"
        return json.loads(line)

    def ask(self, mac):
        return self.say(f"ask {mac}")

    def load(self, threads, n, first=0):
        return self.say(f"load {threads} {n} {first}")

    def states(self, mac):
        return [a["state"] for a in self.ask(mac)["answers"]]

    def stats(self, authority):
        return self.say(f"stats {authority}")

    def output(self):
        self.log.seek(0)
        return self.log.read()

    def close(self):
        self.process.stdin.close()
        code = self.process.wait(20)
        assert code == 0, f"exit {code}: {self.output()}"
        self.log.close()
