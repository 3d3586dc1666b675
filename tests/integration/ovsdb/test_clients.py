# SPDX-License-Identifier: Apache-2.0
"""ovs-vsctl and the tools, ours and Debian's, against both servers; python3-openvswitch's replica."""
import json
import re
import subprocess
import threading

import pytest

import ovsdbtest
from ovsdbtest import Server, peer, program, run

UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def need(name):
    path = peer(name)
    if not path:
        pytest.skip("Debian's %s is not in OES_PEER_DIR (tests/integration/fetch-peer DIR)" % name)
    return path


def vsctl(server, *args, binary=None, check=True):
    return run(binary or program("ovs-vsctl"), "--db=unix:%s" % server.socket, "--no-syslog", "-t", "20", "--no-wait", *args,
               check=check)


# Each row is one command line; what is printed and the exit status must be the same for both programs.
SCRIPT = """
|add-br br0|add-br br0|--may-exist add-br br0|add-br|add-br a b c d|foo|del-br nope|--if-exists del-br nope|br-exists br0|br-exists x
|add-port br0 p0 -- set interface p0 type=internal options:a=b|add-port br0 p0|--may-exist add-port br0 p0|add-port nope p1
|add-br br1|add-port br1 p0|--may-exist add-port br1 p0|del-port br1 p0|del-port zz|--with-iface del-port zz|del-port br0
|list-ports br0|list-ports nope|list-ifaces br0|port-to-br p0|iface-to-br p0|port-to-br zz|iface-to-br zz
|add-bond br0 b0 x|add-bond br0 b0 x y lacp=active|get port b0 lacp|del-bond-iface b0 x|del-bond-iface b0 y|add-bond-iface b0 w
|get bridge br0 foo|get foo br0 x|get bridge zz name|get bridge br0 other_config:x|--if-exists get bridge br0 other_config:x
|set bridge br0 fail_mode=foo|set bridge br0 x|set bridge br0 fail_mode|set interface p0 ofport_request=70000
|set bridge br0 name=z|get in p0 type|get bridge br0 o|set bridge br0 flood_vlans=1-5|get bridge br0 flood_vlans
|set bridge br0 flood-vlans=[7,9]|--columns=name find bridge flood-vlans{>=}7|--columns=name find bridge name=br0
|--columns=name find bridge other-config:z!=3|--columns=name find interface type=internal name=p0
|set-controller br0 tcp:127.0.0.1:1 tcp:127.0.0.2|get-controller br0|del-controller br0|get-controller br0
|set-fail-mode br0 foo|set-fail-mode br0 secure|get-fail-mode br0|del-fail-mode br0|get-fail-mode br0
|set-manager ptcp:0:127.0.0.1 unix:/nonexistent|get-manager|del-manager|get-manager|set-ssl a b c|get-ssl|del-ssl|get-ssl
|add bridge br0 other_config x=1 y=2|add bridge br0 other_config x=3|get bridge br0 other_config
|remove bridge br0 other_config x|get bridge br0 other_config|remove bridge br0 other_config y=9|get bridge br0 other_config:y
|clear bridge br0 other_config|clear bridge br0 name|clear bridge br0 stp_enable
|--columns=name,zz list bridge|list bridge br0 zz|list foo|add-br fk br0 9999|add-br fk nope 10|add-br fk br0 10|add-br fk2 br0 10
|add-port fk fp|list-ports fk|list-ports br0|br-to-vlan fk|br-to-parent fk|br-to-vlan br0|br-to-parent br0
|br-set-external-id fk k v|br-get-external-id fk|br-get-external-id fk k|br-set-external-id br0 a b|br-get-external-id br0
|list-br|--real list-br|--fake list-br|--columns=name,flood_vlans,other_config -f table list bridge br0
|--columns=name,flood_vlans,other_config -f html list bridge br0|--columns=name,flood_vlans,other_config -f csv list bridge br0
|--columns=name,flood_vlans,other_config -f json list bridge br0|--columns=name,flood_vlans --bare list bridge br0
|--columns=name,flood_vlans,other_config -d json list bridge br0|--no-headings --columns=name -f csv -d bare list bridge br0
|-f json --pretty --columns=name,flood_vlans list bridge br0|--oneline list-br -- get bridge br0 name -- --columns=name list bridge br0
|add-aa-mapping br0 1 2|get-aa-mapping br0|del-aa-mapping br0 1 2|get-aa-mapping br0|list-dp-cap system
|add-zone-tp netdev zone=1 tcp_established=5|set port p0 tag=5000|set port p0 tag=[1,2]|set port p0 tag=[]|get port p0 tag
|set port p0 trunks=[1,1]|set interface p0 options={a=b,c=d}|get interface p0 options|get interface p0 options:a
|set interface p0 mtu_request=abc|set bridge br0 stp_enable=maybe|set port p0 qos=1234|--dry-run add-br br7|list-br
|create qos type=x|--columns=type list qos|--id=@a create qos type=x -- --id=@a create qos type=y|set port p0 qos=@zz
|--id=@q create qos type=linux-htb other-config:max-rate=5 queues=0=@r -- --id=@r create queue dscp=3 -- set port p0 qos=@q
|get qos p0 type other_config|wait-until bridge br0 name=br0|comment hi|get open_vswitch . next_cfg|destroy bridge zz|create bridge
|--foo=1 list-br|list-br --bar|-- --may-exist list-br|emer-reset|del-br fk|del-port p0|del-br br0|list-br
"""


def outcomes(server, binary):
    out = []
    for line in SCRIPT.strip().split("|")[1:]:
        args = line.split()
        p = vsctl(server, *args, binary=binary, check=False)
        text = UUID.sub("UUID", p.stdout + p.stderr).replace(binary, "ovs-vsctl")
        # The last column of a table shows trailing blanks of no meaning; log lines have a time.
        text = re.sub(r"^\S+Z\|.*\n", "", text, flags=re.M)
        out.append((line.strip(), p.returncode, text))
    return out


def test_vsctl_like_debians(tmp_path):
    binary = need("ovs-vsctl")
    seen = []
    for i, program_ in enumerate((binary, program("ovs-vsctl"))):
        d = tmp_path / str(i)
        d.mkdir()
        run(program("ovsdb-tool"), "create", d / "conf.db", ovsdbtest.SCHEMA)
        server = Server(d, d / "conf.db").start()
        seen.append(outcomes(server, program_))
        server.stop()
    different = [(a, b) for a, b in zip(*seen) if a != b]
    assert not different


def test_our_vsctl_on_debians_server(tmp_path):
    server = Server(tmp_path, tmp_path / "conf.db", binary=need("ovsdb-server"))
    run(need("ovsdb-tool"), "create", tmp_path / "conf.db", ovsdbtest.SCHEMA)
    server.start()
    vsctl(server, "add-br", "br0", "--", "add-port", "br0", "p0", "tag=5")
    assert vsctl(server, "get", "port", "p0", "tag").stdout == "5\n"
    vsctl(server, "set", "bridge", "br0", "other_config:a=b", "--", "remove", "bridge", "br0", "other_config", "a")
    vsctl(server, "del-br", "br0")
    assert vsctl(server, "list-br").stdout == ""
    server.stop()


def test_files_go_both_ways(vswitch, tmp_path):
    """Debian's tool reads what our server wrote, and our server what Debian's wrote."""
    tool = need("ovsdb-tool")
    vsctl(vswitch, "add-br", "br0", "--", "set", "bridge", "br0", "flood_vlans=1,2,3", "other_config={a=b,c=d}")
    vsctl(vswitch, "set", "bridge", "br0", "flood_vlans=2,9", "other_config={a=x,e=f}", "stp_enable=true")
    query = '["Open_vSwitch",{"op":"select","table":"Bridge","where":[],"columns":["name","flood_vlans","other_config"]}]'
    want = [{"rows": [{"name": "br0", "flood_vlans": ["set", [2, 9]], "other_config": ["map", [["a", "x"], ["e", "f"]]]}]}]
    vswitch.stop()
    assert json.loads(run(tool, "query", vswitch.db, query).stdout) == want
    run(tool, "transact", vswitch.db, '["Open_vSwitch",{"op":"mutate","table":"Bridge","where":[],"mutations":'
        '[["flood_vlans","insert",11],["other_config","delete",["set",["a"]]]]}]')
    vswitch.start()
    got = vswitch.connect().transact(*json.loads(query)[1:], db="Open_vSwitch")
    assert got == [{"rows": [{"name": "br0", "flood_vlans": ["set", [2, 9, 11]], "other_config": ["map", [["e", "f"]]]}]}]
    vswitch.appctl("ovsdb-server/compact")
    vswitch.stop()
    assert json.loads(run(tool, "query", vswitch.db, query).stdout) == got


def test_show_log_like_debians(vswitch):
    tool = need("ovsdb-tool")
    vsctl(vswitch, "add-br", "br0")
    vsctl(vswitch, "set", "bridge", "br0", "flood_vlans=1")
    vswitch.stop()
    for more in ([], ["-m"]):
        ours, theirs = (run(b, *more, "show-log", vswitch.db).stdout for b in (program("ovsdb-tool"), tool))
        assert sorted(ours.split("\n")) == sorted(theirs.split("\n"))


def test_client_tool(vswitch):
    remote = "unix:%s" % vswitch.socket
    client = program("ovsdb-client")
    assert run(client, "list-dbs", remote).stdout == "Open_vSwitch\n_Server\n"
    assert run(client, "get-schema-version", remote, "Open_vSwitch").stdout == "8.8.0\n"
    assert len(run(client, "list-tables", remote, "Open_vSwitch", "--no-headings").stdout.split()) == 21
    r = run(client, "transact", remote, '["Open_vSwitch",{"op":"insert","table":"QoS","row":{"type":"x"}}]').stdout
    assert json.loads(r)[0]["uuid"]
    run(client, "query", remote, '["Open_vSwitch",{"op":"delete","table":"QoS","where":[]}]')
    assert run(client, "-f", "csv", "dump", remote, "QoS", "type").stdout == "QoS table\ntype\nx\n"
    p = subprocess.Popen([client, "monitor", remote, "QoS", "type"], stdout=subprocess.PIPE, text=True)
    assert "initial" in [p.stdout.readline() for _ in range(3)][2]
    run(client, "transact", remote, '["Open_vSwitch",{"op":"update","table":"QoS","where":[],"row":{"type":"y"}}]')
    lines = [p.stdout.readline().split() for _ in range(5)]
    p.terminate()
    p.wait()
    assert lines[3][1:] == ["old", "x"] and lines[4] == ["new", "y"]
    backup = vswitch.dir / "backup.db"
    with open(backup, "wb") as f:
        subprocess.run([client, "backup", remote], stdout=f, check=True, timeout=ovsdbtest.PATIENCE)
    q = '["Open_vSwitch",{"op":"select","table":"QoS","where":[],"columns":["type"]}]'
    assert run(program("ovsdb-tool"), "query", backup, q).stdout == '[{"rows":[{"type":"y"}]}]\n'
    assert run(client, "list-dbs", "unix:/nonexistent", check=False).returncode == 1


def test_vsctl_waits_for_the_switch(vswitch):
    """Without --no-wait it returns when cur_cfg has come up to next_cfg; ofport -1 is reported."""
    vsctl(vswitch, "init")
    p = subprocess.Popen([program("ovs-vsctl"), "--db=unix:%s" % vswitch.socket, "--no-syslog", "add-br", "br0"],
                         stderr=subprocess.PIPE, text=True)
    conn = vswitch.connect()

    def next_cfg():
        return conn.transact({"op": "select", "table": "Open_vSwitch", "where": [], "columns": ["next_cfg"]},
                             db="Open_vSwitch")[0]["rows"][0]["next_cfg"]

    ovsdbtest.wait_until(lambda: next_cfg() == 1, "next_cfg")
    assert p.poll() is None
    conn.transact({"op": "update", "table": "Interface", "where": [], "row": {"ofport": -1, "error": "no such thing"}},
                  {"op": "update", "table": "Open_vSwitch", "where": [], "row": {"cur_cfg": 1}}, db="Open_vSwitch")
    assert p.wait(ovsdbtest.PATIENCE) == 0
    assert "Error detected while setting up 'br0': no such thing" in p.stderr.read()


def test_vsctl_wait_until_and_timeout(vswitch):
    vsctl(vswitch, "init")
    p = subprocess.Popen([program("ovs-vsctl"), "--db=unix:%s" % vswitch.socket, "--no-syslog", "wait-until", "bridge", "br0",
                          "--", "get", "bridge", "br0", "name"], stdout=subprocess.PIPE, text=True)
    vsctl(vswitch, "add-br", "other")
    vsctl(vswitch, "add-br", "br0")
    assert p.wait(ovsdbtest.PATIENCE) == 0 and p.stdout.read() == "br0\n"
    p = run(program("ovs-vsctl"), "--db=unix:%s" % vswitch.socket, "-t", "1", "wait-until", "bridge", "never", check=False)
    assert p.returncode == -14


def test_many_vsctl_at_once(vswitch):
    vsctl(vswitch, "add-br", "br0")
    threads = [threading.Thread(target=vsctl, args=(vswitch, "add-port", "br0", "p%d" % i, "--", "set", "bridge", "br0",
                                                    "other_config:k%d=v" % i)) for i in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(vsctl(vswitch, "list-ports", "br0").stdout.split()) == 20
    assert vsctl(vswitch, "get", "bridge", "br0", "other_config").stdout.count("=v") == 20


def test_vsctl_with_many_commands(vswitch):
    args = ["add-br", "br0"]
    for i in range(1000):
        args += ["--", "add-port", "br0", "p%d" % i]
    vsctl(vswitch, *args)
    assert len(vsctl(vswitch, "list-ports", "br0").stdout.split()) == 1000


def test_vsctl_without_a_server(tmp_path):
    p = run(program("ovs-vsctl"), "--db=unix:%s/none" % tmp_path, "show", check=False)
    assert p.returncode == 1 and "database connection failed (No such file or directory)" in p.stderr


def test_python_replica(vswitch):
    """python3-openvswitch: connects (asking _Server), replicates, writes, locks, follows a restart."""
    idl_module = pytest.importorskip("ovs.db.idl")
    import ovs.poller
    helper = idl_module.SchemaHelper(str(ovsdbtest.SCHEMA))
    helper.register_all()
    idl = idl_module.Idl("unix:%s" % vswitch.socket, helper)

    def run_until(condition, what):
        def step():
            idl.run()
            return condition()
        ovsdbtest.wait_until(step, what)

    run_until(idl.has_ever_connected, "the replica")
    assert not idl.tables["Open_vSwitch"].rows
    txn = idl_module.Transaction(idl)
    row = txn.insert(idl.tables["Open_vSwitch"])
    bridge = txn.insert(idl.tables["Bridge"])
    bridge.name = "py0"
    bridge.external_ids = {"a": "b"}
    row.bridges = [bridge]
    assert txn.commit_block() == idl_module.Transaction.SUCCESS
    run_until(lambda: len(idl.tables["Bridge"].rows) == 1, "the bridge")
    vsctl(vswitch, "set", "bridge", "py0", "external_ids:c=d", "flood_vlans=3,1")
    (bridge,) = idl.tables["Bridge"].rows.values()
    run_until(lambda: bridge.external_ids == {"a": "b", "c": "d"} and bridge.flood_vlans == [1, 3], "the change")
    idl.set_lock("l")
    run_until(lambda: idl.has_lock, "the lock")
    vswitch.stop()
    vswitch.start()
    vsctl(vswitch, "add-br", "after")
    run_until(lambda: {r.name for r in idl.tables["Bridge"].rows.values()} == {"py0", "after"}, "the content after restart")
    idl.close()
