"""A certificate authority of the test city's own: the internet's web servers have real chains, and
the phones trust it as they trust the world's. So have the portals."""

import pathlib
import subprocess


class Authority:
    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(exist_ok=True)
        self.cert, self.key = self.dir / "ca.pem", self.dir / "ca.key"
        self._openssl("req", "-x509", *self._new_key(self.key), "-out", self.cert, "-days", "30",
                      "-subj", "/O=Test city/CN=Test city root")

    def issue(self, names, file=None, days=30):
        """A leaf certificate for the names and addresses; the paths of its full chain and of its key."""
        base = self.dir / (file or names[0])
        chain, key, request = (base.with_name(base.name + end) for end in (".pem", ".key", ".csr"))
        self._openssl("req", *self._new_key(key), "-out", request, "-subj", f"/CN={names[0]}",
                      "-addext", "subjectAltName=" + ",".join(f"{'IP' if n[0].isdigit() else 'DNS'}:{n}" for n in names))
        self._openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key,
                      "-CAcreateserial", "-days", days, "-copy_extensions", "copy", "-out", chain)
        chain.write_text(chain.read_text() + self.cert.read_text())
        return chain, key

    @staticmethod
    def _new_key(path):
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path)

    @staticmethod
    def _openssl(*args):
        subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True)
