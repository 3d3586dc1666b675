# SPDX-License-Identifier: Apache-2.0
"""Keys and certificates for tests, made with openssl in a directory of the test's own, and peers that speak TLS by hand."""
import contextlib
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest

PATIENCE = 30


class Pki:
    """ca, other: authorities. server, client: certified by ca; stranger: by other; expired: by ca, and over; self: by itself."""

    def __init__(self, directory):
        if not shutil.which("openssl"):
            pytest.skip("the openssl command is missing")
        self.dir = pathlib.Path(directory)
        for name in ("ca", "other"):
            self.authority(name)
        for name, ca, days in (("server", "ca", 30), ("client", "ca", 30), ("stranger", "other", 30), ("expired", "ca", -1)):
            self.certificate(name, ca, days)
        self.authority("self")

    def openssl(self, *args):
        subprocess.run(["openssl", *[str(a) for a in args]], check=True, capture_output=True, timeout=PATIENCE)

    def cert(self, name):
        return self.dir / f"{name}-cert.pem"

    def key(self, name):
        return self.dir / f"{name}-key.pem"

    def request(self, name, *args):
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout",
                     self.key(name), *args)

    def authority(self, name):
        self.request(name, "-x509", "-days", "30", "-out", self.cert(name))

    def certificate(self, name, ca, days=30):
        csr = self.dir / f"{name}.csr"
        self.request(name, "-out", csr)
        self.openssl("x509", "-req", "-in", csr, "-CA", self.cert(ca), "-CAkey", self.key(ca), "-CAcreateserial", "-days", days,
                     "-out", self.cert(name))

    def options(self, name, ca="ca"):
        """For any program of the suite; 'ca' None: without that option."""
        args = [f"--private-key={self.key(name)}", f"--certificate={self.cert(name)}"]
        return args if ca is None else args + [f"--ca-cert={ca if ca == 'none' else self.cert(ca)}"]

    def context(self, server, name=None, ca="ca"):
        """Python's side. 'name' None: without a certificate."""
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        c.check_hostname = False
        c.load_verify_locations(self.cert(ca))
        c.verify_mode = ssl.CERT_REQUIRED
        if name:
            c.load_cert_chain(self.cert(name), self.key(name))
        return c


def common_name(tls):
    return dict(x[0] for x in tls.getpeercert()["subject"])["commonName"]


class TlsServer:
    """Accepts one connection after the other and gives each, with the server name it asked for, to serve(tls, sni); .names
    are the peers' common names, .errors what went wrong with others."""

    def __init__(self, context, serve):
        self.context, self.serve = context, serve
        self.names, self.errors, self.asked = [], [], []
        self.current = None
        context.sni_callback = lambda tls, name, ctx: self.asked.append(name)
        # "localhost" may be either.
        both = socket.has_dualstack_ipv6()
        self.socket = socket.create_server(("::" if both else "127.0.0.1", 0), dualstack_ipv6=both,
                                           family=socket.AF_INET6 if both else socket.AF_INET)
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            try:
                raw, _ = self.socket.accept()
            except OSError:
                return
            raw.settimeout(PATIENCE)
            try:
                with self.context.wrap_socket(raw, server_side=True) as tls:
                    self.current = tls
                    self.names.append(common_name(tls))
                    self.serve(tls)
            except OSError as e:
                self.errors.append(str(e))

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        if self.current:
            with contextlib.suppress(OSError):
                self.current.shutdown(socket.SHUT_RDWR)
        self.thread.join(PATIENCE)


def listening_ports(path):
    """What a daemon's log says of ports that it has chosen itself."""
    return [int(p) for p in re.findall(r"listening on port (\d+)", pathlib.Path(path).read_text())]


def listening_port(path):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            ports = listening_ports(path)
            if ports:
                return ports[-1]
        time.sleep(0.01)
    raise AssertionError("no port in " + str(path))
