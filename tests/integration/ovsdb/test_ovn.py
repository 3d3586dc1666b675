# SPDX-License-Identifier: Apache-2.0
"""OVN's databases on our server: Debian's ovn-northd makes the same southbound database as on Debian's server."""
import json
import os
import re
import subprocess

import pytest
from ovsdbtest import Server, peer, program, run, wait_until

pytestmark = [pytest.mark.peer,
              pytest.mark.skipif(not peer("ovn-northd"), reason="Debian's ovn-central is not there (OES_PEER_DIR)")]

SWITCHES, PORTS = 10, 100  # each
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# What differs from run to run by itself: numbers given in the order of uuids, times.
LEFT_OUT = {"tunnel_key", "nb_cfg_timestamp", "stage_hint", "options_name"}


def schema(name):
    return os.path.join(os.environ["OES_PEER_DIR"], "usr/share/ovn", name)


class Ovn:
    """Northbound, southbound and ovn-northd, with a server of ours or of Debian's."""

    def __init__(self, directory, binary):
        self.dir = directory
        self.servers = {}
        for name in ("nb", "sb"):
            (directory / name).mkdir(parents=True)
            run(program("ovsdb-tool"), "create", directory / name / "db", schema(f"ovn-{name}.ovsschema"))
            self.servers[name] = Server(directory / name, directory / name / "db", binary=binary).start()
        self.remotes = {n: f"unix:{s.socket}" for n, s in self.servers.items()}
        self.log = open(directory / "northd.err", "wb")
        self.northd = subprocess.Popen(
            [peer("ovn-northd"), f"--ovnnb-db={self.remotes['nb']}", f"--ovnsb-db={self.remotes['sb']}",
             f"--unixctl={directory}/northd.ctl"], stdout=self.log, stderr=self.log, env=self.env())

    def env(self):
        return dict(os.environ, OVS_RUNDIR=str(self.dir), OVN_RUNDIR=str(self.dir), OVS_LOGDIR=str(self.dir))

    def nbctl(self, *args):
        return run(peer("ovn-nbctl"), f"--db={self.remotes['nb']}", "-t", "60", *args, env=self.env()).stdout

    def sbctl(self, *args):
        return run(peer("ovn-sbctl"), f"--db={self.remotes['sb']}", "-t", "60", *args, env=self.env()).stdout

    def stop(self):
        self.northd.terminate()
        self.northd.wait(30)
        self.log.close()
        for s in self.servers.values():
            s.stop()

    def populate(self):
        # Else northd makes one up.
        self.nbctl("set", "NB_Global", ".", "options:svc_monitor_mac=0a:ff:ff:ff:ff:ff", "options:mac_prefix=0a:fe:00")
        self.nbctl("lr-add", "lr")
        for s in range(SWITCHES):
            args = ["ls-add", f"s{s}", "--", "lrp-add", "lr", f"lr-s{s}", f"00:00:00:00:01:{s:02x}", f"10.{s}.0.1/16",
                    "--", "lsp-add", f"s{s}", f"s{s}-lr", "--", "lsp-set-type", f"s{s}-lr", "router",
                    "--", "lsp-set-addresses", f"s{s}-lr", "router", "--", "lsp-set-options", f"s{s}-lr", f"router-port=lr-s{s}",
                    "--", "acl-add", f"s{s}", "to-lport", "1000", f"ip4.src == 10.{s}.1.0/24", "allow-related"]
            for i in range(PORTS):
                args += ["--", "lsp-add", f"s{s}", f"s{s}p{i}", "--", "lsp-set-addresses", f"s{s}p{i}",
                         f"0a:00:00:00:{s:02x}:{i:02x} 10.{s}.1.{i + 2}", "--", "lsp-set-port-security", f"s{s}p{i}",
                         f"0a:00:00:00:{s:02x}:{i:02x} 10.{s}.1.{i + 2}"]
            self.nbctl(*args)
        self.nbctl("--", "lb-add", "lb", "172.16.0.1:80", "10.0.1.2:8080,10.1.1.2:8080", "tcp", "--", "ls-lb-add", "s0", "lb")
        self.nbctl("--wait=sb", "sync")

    def southbound(self):
        """The rows of each table, as text without what differs by itself."""
        c = self.servers["sb"].connect()
        tables = c.call("get_schema", "OVN_Southbound")["tables"]
        out = {}
        for table in sorted(tables):
            (answer,) = c.transact({"op": "select", "table": table, "where": []}, db="OVN_Southbound")
            rows = []
            for r in answer["rows"]:
                text = json.dumps({k: v for k, v in r.items() if not k.startswith("_") and k not in LEFT_OUT}, sort_keys=True)
                rows.append(re.sub(r"stage-hint\W+\w+", "stage-hint", UUID.sub("uuid", text)))
            out[table] = sorted(rows)
        c.close()
        return out


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    made = []
    try:
        for who, binary in (("ours", None), ("debian", peer("ovsdb-server"))):
            made.append(Ovn(tmp_path_factory.mktemp(who), binary))
            made[-1].populate()
        yield made
    finally:
        for o in made:
            o.stop()


def test_a_thousand_ports_make_the_same_southbound_database(both):
    ours, theirs = (o.southbound() for o in both)
    assert len(ours["Port_Binding"]) == SWITCHES * (PORTS + 2) and len(ours["Logical_Flow"]) > 4000
    assert {t: len(r) for t, r in ours.items()} == {t: len(r) for t, r in theirs.items()}
    for table, rows in ours.items():
        assert rows == theirs[table], table


def test_changes_arrive(both):
    ours = both[0]
    ours.nbctl("--wait=sb", "lsp-del", "s0p7", "--", "lsp-add", "s0", "new", "--", "lsp-set-addresses", "new", "dynamic")
    names = ours.sbctl("--bare", "--columns=logical_port", "list", "Port_Binding").split()
    assert "new" in names and "s0p7" not in names and len(names) == SWITCHES * (PORTS + 2)
    ours.nbctl("--wait=sb", "ls-del", "s9")
    assert len(ours.sbctl("--bare", "--columns=logical_port", "list", "Port_Binding").split()) < SWITCHES * (PORTS + 2) - PORTS


def test_northd_goes_on_after_the_servers_were_killed(both):
    ours = both[0]
    for s in ours.servers.values():
        s.kill()
        s.start()
    ours.nbctl("--wait=sb", "lsp-add", "s1", "after")
    assert "after" in ours.sbctl("--bare", "--columns=logical_port", "list", "Port_Binding").split()


def test_chassis_are_written_by_clients_of_the_southbound_database(both):
    ours = both[0]
    ours.sbctl("chassis-add", "node1", "geneve", "192.0.2.1", "--", "lsp-bind", "s1p1", "node1")
    assert "node1" in ours.sbctl("show")
    wait_until(lambda: ours.nbctl("lsp-get-up", "s1p1").strip() == "up", "northd to hear of it")
