# SPDX-License-Identifier: Apache-2.0
"""What agents and exporters do to a switch on the kernel's datapath, and read of it: os-vif and nova, Neutron's agent, ovn-controller,
ovn-kubernetes, Antrea, kube-ovn, NetworkManager, libvirt. The same commands go to our switch and, on the same kernel after it, to Debian's:
answers are the same but for numbers of the moment."""
import json
import os
import re
import subprocess

import pytest

from kernel_switch import KernelSwitch, ip, sysfs, wait_until
from test_peer_text import Peer

pytestmark = pytest.mark.skipif(not os.path.exists(os.path.join(os.environ.get("OES_PEER_DIR", "/nonexistent"), "usr/bin/ovs-vsctl")),
                                reason="needs Debian's programs (OES_PEER_DIR)")


class DebiansSwitch(Peer, KernelSwitch):
    pass


# One command a line, in order. Port v0 leads to host h0, v1 to h1; what is made stays until a line takes it away.
COMMANDS = """
# os-vif and nova
vsctl --timeout=10 --may-exist add-br br-int -- set Bridge br-int datapath_type=system
vsctl --timeout=10 --may-exist add-port br-int tap0 -- set Interface tap0 type=internal external_ids:iface-id=i external_ids:iface-status=active external_ids:attached-mac=aa:bb:cc:00:00:01 external_ids:vm-id=v mtu_request=1400
vsctl --timeout=10 get Interface tap0 mtu
vsctl --timeout=10 get Interface tap0 external_ids
vsctl --timeout=10 get Interface tap0 admin_state
vsctl --timeout=10 get Interface tap0 error
vsctl --timeout=10 --if-exists get Interface v0 ofport
vsctl --timeout=10 get Interface v0 type options mtu mtu_request admin_state link_state duplex error
vsctl --timeout=10 get Port v0 tag qos
vsctl --timeout=10 set Port v0 tag=7
vsctl --timeout=10 clear Port v0 tag
vsctl --timeout=10 --if-exists del-port br-int tap0
# Neutron's agent
vsctl --timeout=10 --may-exist add-br br-ex -- set Bridge br-ex datapath_type=system protocols=OpenFlow10,OpenFlow13,OpenFlow14 fail_mode=secure
vsctl --timeout=10 add-port br-int int-br-ex -- set Interface int-br-ex type=patch options:peer=phy-br-ex -- add-port br-ex phy-br-ex -- set Interface phy-br-ex type=patch options:peer=int-br-ex
vsctl --timeout=10 get Interface int-br-ex ofport error mtu
vsctl --timeout=10 get Bridge br-ex protocols fail_mode datapath_type
vsctl --timeout=10 list-ports br-int
vsctl --timeout=10 --columns=name,external_ids,ofport --format=json list Interface int-br-ex
vsctl --timeout=10 add-port br-int nodev
vsctl --timeout=10 get Interface nodev ofport ifindex error
vsctl --timeout=10 del-port br-int nodev
vsctl --timeout=10 get Open_vSwitch . other_config:hw-offload
vsctl --timeout=10 --if-exists get Open_vSwitch . other_config:hw-offload
ofctl -O OpenFlow13 dump-flows br-ex
ofctl -O OpenFlow13 add-flow br-ex priority=2,cookie=0x1,in_port=1,actions=drop
ofctl -O OpenFlow13 --no-stats dump-flows br-ex
ofctl -O OpenFlow13 del-flows br-ex cookie=0x1/-1
# ovn-kubernetes
vsctl --timeout=30 --no-heading --format=csv --data=bare --columns=name,type find Interface external_ids:iface-id=i
vsctl --timeout=30 --no-heading --format=csv --data=bare --columns=name,ofport find Interface name=v0
vsctl --timeout=30 set Interface v0 external_ids:iface-id=ns_pod external_ids:sandbox=s external_ids:ip_addresses=10.0.0.2/24
vsctl --timeout=30 --if-exists get Interface v0 external-ids:ovn-installed
vsctl --timeout=30 set Interface v0 external_ids:ovn-installed=true
vsctl --timeout=30 --if-exists get Interface v0 external-ids:ovn-installed
appctl dpctl/dump-dps
appctl dpctl/show
appctl dpctl/show -s
appctl dpctl/show system@ovs-system
appctl dpctl/show nosuch
appctl dpif/show
appctl ofproto/list
ofctl -t 5 dump-aggregate br-int
# Antrea, kube-ovn
ofctl -O OpenFlow13 dump-ports-desc br-ex
ofctl -O OpenFlow13 dump-ports br0 1
appctl dpctl/dump-conntrack
appctl dpctl/dump-conntrack -m -s
appctl dpctl/ct-get-limits zone=5
appctl dpctl/ct-set-limits default=100 zone=5,limit=10
appctl dpctl/ct-get-limits
appctl dpctl/ct-del-limits zone=5
appctl dpctl/ct-set-limits default=0
appctl dpctl/ct-get-maxconns
appctl dpctl/ct-get-nconns
appctl dpctl/flush-conntrack
appctl fdb/show br-ex
appctl ofproto/trace br-ex in_port=1,icmp
dpctl dump-dps
dpctl show
dpctl show nosuch
# NetworkManager, libvirt
vsctl --timeout=5 -- --may-exist add-port br0 n0 -- set Interface n0 type=internal external_ids:attached-mac="aa:bb:cc:00:00:02" external_ids:iface-id=x
vsctl --timeout=5 iface-to-br n0
vsctl --timeout=5 --no-headings --columns=name find Interface options:vhost-server-path=/none
vsctl --timeout=5 get Interface n0 ofport
vsctl --timeout=5 -- --if-exists del-port n0
vsctl show
vsctl del-br br-ex
vsctl del-br br-int
appctl dpctl/show
"""


def plain(text, directory):
    """Without uuids, versions, and numbers that count or name by chance."""
    text = text.replace(directory, "DIR")
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", text)
    text = re.sub(r"(?m)^  port \d+:", "  port N:", text)
    # Ours does not tell a controller that a device is down by PORT_DOWN, only by LINK_DOWN.
    text = text.replace("config:     PORT_DOWN", "config:     0")
    text = re.sub(r"(?m)^  flows: \d+", "  flows: N", text)
    # Ours looks at the VLAN, too: a flow of packets without one is no flow of packets with one.
    text = re.sub(r"(?m)^(Megaflow: .*),vlan_tci=0x0000/0x1000", r"\1", text)
    text = re.sub(r"(?m)^(    \S+ \d+)/\d+:", r"\1/N:", text)
    text = re.sub(r"((?:packets|bytes|errors|dropped|pkts|errs|drop|hit|missed|lost|total|hit/pkt|hit-rate|frame|over|crc|coll|aborted|carrier|"
                  r"overruns|collisions|flows|flow_count|packet_count|byte_count|Tx|duration)[:=])[-0-9.?%s]+( \([0-9.]+ \w+\))?", r"\1N", text)
    text = re.sub(r"(hit rate|usage):.*", r"\1:N", text)
    text = re.sub(r"addr:[0-9a-f:]{17}", "addr:MAC", text)
    text = re.sub(r"xid=0x[0-9a-f]+", "xid=X", text)
    text = re.sub(r"(?m)^.*ovs_version.*\n", "", text)
    text = re.sub(r"(?m)^\d{4}-\S+\|.*\n", "", text)
    return text


def transcript(s):
    for line in COMMANDS.strip().splitlines():
        if line.startswith("#"):
            continue
        tool, *words = line.split()
        r = s.run("ovs-" + tool, *([f"--db=unix:{s.dir}/db.sock"] if tool == "vsctl" else []), *words, check=False)
        path = s.program("ovs-" + tool)
        text = plain(r.stdout, s.dir) + plain(r.stderr.replace(path, "ovs-" + tool), s.dir)
        # Ports and bridges come in the order of hashes.
        yield line, (r.returncode, sorted(text.splitlines()))


def capabilities(s):
    s.vsctl("--id=@dp", "create", "Datapath", "datapath_version=0", "--", "set", "Open_vSwitch", ".", "datapaths:system=@dp")
    wait_until("capabilities", lambda: s.vsctl("list-dp-cap", "system").strip())
    return dict(pair.split("=") for pair in s.vsctl("list-dp-cap", "system").split())


def interface(s, name, *columns):
    return json.loads(s.vsctl("--format=json", "--columns=" + ",".join(columns), "list", "Interface", name))["data"][0]


def is_told(s, name):
    """The device's row says what the kernel says."""
    wait_until("it is told", lambda: interface(s, name, "ifindex")[0] != ["set", []])
    ifindex, mac, mtu = interface(s, name, "ifindex", "mac_in_use", "mtu")
    where = f"/sys/class/net/{name}/"
    assert (str(ifindex), mac, str(mtu)) == tuple(sysfs(where + f) for f in ("ifindex", "address", "mtu"))


def counters(s, name):
    return dict(interface(s, name, "statistics")[0][1])


def forward(s):
    """Debian's 3.1 counts processors when it starts, finds none now and then where there is one ("Overriding n-handler-threads to 0" in
    its log), and hears of no packet from then on: it is started again."""
    for chances in range(8, -1, -1):
        if any(s.ping(0, 1) for _ in range(3)):
            return
        assert chances and isinstance(s, DebiansSwitch), s.log()
        s.stop_process("ovs-vswitchd")
        s.start()


def play(s):
    """All that is compared of one switch."""
    told = {}
    s.start()
    s.add_hosts(2)
    forward(s)
    for name in ("v0", "br0"):
        is_told(s, name)
    wait_until("statistics", lambda: counters(s, "v0").get("rx_packets", 0) > 3)
    told["statistics"] = sorted(counters(s, "v0"))
    told["status"] = sorted(k for k, _ in interface(s, "v0", "status")[0][1] if k in ("driver_name", "driver_version", "firmware_version"))
    told["types"] = {c: set(s.vsctl("get", "Open_vSwitch", ".", c).strip("[]\n").split(", ")) for c in ("datapath_types", "iface_types")}
    told["capabilities"] = capabilities(s)
    told["commands"] = dict(transcript(s))
    return told


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    told = []
    for kind, name in ((KernelSwitch, "ours"), (DebiansSwitch, "theirs")):
        s = kind(tmp_path_factory.mktemp(name), "00001")
        try:
            told.append(play(s))
        finally:
            s.close()
            for i in range(2):
                subprocess.run(["ip", "link", "del", f"v{i}"], check=False, capture_output=True)
    return told


def test_commands_are_answered_on_the_kernels_datapath_as_by_debians(both):
    ours, theirs = (told["commands"] for told in both)
    different = {line: (ours[line], theirs[line]) for line in theirs if ours[line] != theirs[line]}
    assert not different, "\n".join(f"{line}\n  ours   {a}\n  theirs {b}" for line, (a, b) in different.items())


def test_statistics_of_a_device_have_the_names_that_debians_have(both):
    ours, theirs = both
    assert set(theirs["statistics"]) - set(ours["statistics"]) == set()


def test_status_of_a_device_names_its_driver_as_debians_does(both):
    ours, theirs = both
    assert ours["status"] == theirs["status"]


def test_datapath_and_interface_types_hold_what_agents_look_for(both):
    ours, theirs = both
    assert theirs["types"]["datapath_types"] <= ours["types"]["datapath_types"]
    assert {"system", "internal", "patch", "tap", "vxlan", "geneve", "gre", "erspan", "bareudp"} <= ours["types"]["iface_types"]


def test_capabilities_of_the_kernels_datapath_are_those_that_debians_finds(both):
    ours, theirs = both
    # 3.1 says "true" for a number, and has ct_flush, which flushes by OpenFlow: ours does not yet.
    other = {"sample_nesting", "ct_flush"}
    assert {k: ours["capabilities"].get(k) for k in theirs["capabilities"] if k not in other} == {
        k: v for k, v in theirs["capabilities"].items() if k not in other}
    assert int(ours["capabilities"]["sample_nesting"]) > 0


def test_an_internal_port_is_a_device_whose_row_tells_of_it(tmp_path):
    """As NetworkManager makes one: rows first, then it waits for the link."""
    s = KernelSwitch(tmp_path, "00001")
    try:
        s.start()
        s.vsctl("add-br", "nm0", "--", "set", "bridge", "nm0", "datapath_type=system", "--", "add-port", "nm0", "nm1", "--", "set",
                "interface", "nm1", "type=internal")
        ip("link", "set", "nm1", "up")
        is_told(s, "nm1")
        wait_until("it is up", lambda: interface(s, "nm1", "admin_state")[0] == "up")
        s.vsctl("del-br", "nm0")
        assert not os.path.exists("/sys/class/net/nm1")
    finally:
        s.close()
