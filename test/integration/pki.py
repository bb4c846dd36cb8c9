# SPDX-License-Identifier: GPL-3.0-or-later
"""A PKI made by the openssl binary, so that certificates of another make are tried: root and
intermediate CA, servers, clients of every kind, CRLs."""

import pathlib
import subprocess

CONFIG = """
[ca]
default_ca = this
[this]
database = {base}/{ca}.index
serial = {base}/{ca}.serial
crlnumber = {base}/{ca}.crlnumber
new_certs_dir = {base}
default_md = sha256
policy = anything
unique_subject = no
default_crl_days = 7
copy_extensions = none
[anything]
organizationName = optional
commonName = optional
"""


class Pki:
    def __init__(self, base, owner="Test"):
        self.base = pathlib.Path(base)
        self.owner = owner
        self.base.mkdir(parents=True, exist_ok=True)
        self._authority("root", "root", "basicConstraints=critical,CA:true")
        self._authority("intermediate", "root", "basicConstraints=critical,CA:true,pathlen:0")
        self.write("ca.pem", "intermediate.crt", "root.crt")
        for name in ("root", "intermediate"):
            self.renew_crl(name)
        self.write("ca.crl", "root.crl", "intermediate.crl")

    def path(self, name):
        return str(self.base / name)

    def write(self, name, *parts):
        """Concatenates files of this folder into a new one."""
        text = "".join((self.base / part).read_text() for part in parts)
        (self.base / name).write_text(text)
        return self.path(name)

    def openssl(self, *arguments):
        done = subprocess.run(["openssl", *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _key(self, name, kind):
        how = {"ecdsa": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
               "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]}[kind]
        self.openssl("genpkey", *how, "-out", self.path(name + ".key"))

    def _authority(self, name, issuer, constraints):
        (self.base / f"{name}.index").write_text("")
        (self.base / f"{name}.serial").write_text("1000\n")
        (self.base / f"{name}.crlnumber").write_text("01\n")
        (self.base / f"{name}.cnf").write_text(CONFIG.format(base=self.base, ca=name))
        self._key(name, "ecdsa")
        extensions = f"{constraints}\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"
        self._sign(name, issuer, f"/O=Postern Test/CN={self.owner} {name.title()} CA", extensions,
                   ["-days", "365"], self_signed=name == issuer)

    def _sign(self, name, issuer, subject, extensions, dates, self_signed=False):
        self.openssl("req", "-new", "-key", self.path(name + ".key"), "-subj", subject, "-out",
                     self.path(name + ".csr"))
        (self.base / f"{name}.ext").write_text(extensions)
        signer = ["-selfsign", "-keyfile", self.path(name + ".key")] if self_signed else [
            "-cert", self.path(issuer + ".crt"), "-keyfile", self.path(issuer + ".key")]
        self.openssl("ca", "-batch", "-notext", "-config", self.path(issuer + ".cnf"), *signer,
                     "-in", self.path(name + ".csr"), "-out", self.path(name + ".crt"),
                     "-extfile", self.path(name + ".ext"), *dates)

    def issue(self, name, common_name=None, usage="clientAuth", sans="", kind="ecdsa",
              issuer="intermediate", dates=("-days", "30")):
        """Makes NAME.key, NAME.crt and NAME.pem, the chain without the root."""
        self._key(name, kind)
        extensions = (f"basicConstraints=CA:false\nkeyUsage=critical,digitalSignature\n"
                      f"extendedKeyUsage={usage}\nsubjectKeyIdentifier=hash\n"
                      f"authorityKeyIdentifier=keyid\n")
        if sans:
            extensions += f"subjectAltName={sans}\n"
        self._sign(name, issuer, f"/O=Postern Test/CN={common_name or name}", extensions, list(dates))
        chain = [f"{name}.crt"] + ([f"{issuer}.crt"] if issuer == "intermediate" else [])
        self.write(f"{name}.pem", *chain)
        return self.path(f"{name}.pem"), self.path(f"{name}.key")

    def server(self, name, *dns, kind="ecdsa"):
        sans = ",".join([f"DNS:{entry}" for entry in dns] + ["IP:127.0.0.1"])
        return self.issue(name, common_name=dns[0], usage="serverAuth", sans=sans, kind=kind)

    def revoke(self, name, issuer="intermediate"):
        self.openssl("ca", "-config", self.path(issuer + ".cnf"), "-cert",
                     self.path(issuer + ".crt"), "-keyfile", self.path(issuer + ".key"), "-revoke",
                     self.path(name + ".crt"))
        self.renew_crl(issuer)
        self.write("ca.crl", "root.crl", "intermediate.crl")

    def renew_crl(self, issuer, *more):
        self.openssl("ca", "-gencrl", "-config", self.path(issuer + ".cnf"), "-cert",
                     self.path(issuer + ".crt"), "-keyfile", self.path(issuer + ".key"), "-out",
                     self.path(issuer + ".crl"), *more)


def make(base):
    """The usual cast."""
    pki = Pki(base)
    pki.server("server", "localhost")
    pki.server("server-rsa", "localhost", kind="rsa")
    pki.server("a", "a.example", "*.a.example")
    pki.server("b", "b.example")
    pki.issue("sensor-1")
    pki.issue("sensor-2")
    pki.issue("old", dates=["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"])
    pki.issue("early", dates=["-startdate", "20400101000000Z", "-enddate", "20410101000000Z"])
    pki.issue("wrong-usage", usage="serverAuth")
    pki.issue("revoked")
    pki.revoke("revoked")
    strangers = Pki(pathlib.Path(base) / "strangers")
    strangers.issue("sensor-1")
    return pki
