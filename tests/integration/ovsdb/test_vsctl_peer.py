# SPDX-License-Identifier: Apache-2.0
"""ovs-vsctl beside Debian's: each works on a database of its own, and the same command lines have the same answers."""
import os
import shlex
import subprocess

import pytest

import ovsdbtest
import peertools
from ovsdbtest import peer, program, run

pytestmark = [pytest.mark.peer, pytest.mark.skipif(not peer("ovs-vsctl"), reason="needs Debian's programs (OES_PEER_DIR)")]

# In order: what a line does is what the next ones find.
VSCTL = r"""
show
list-br
init
add-br br0
add-br br0
--may-exist add-br br0
add-br
add-br a b c d
add-br br0v br0 10
add-br br0v br0 10
--may-exist add-br br0v br0 10
--may-exist add-br br0v br0 11
--may-exist add-br br0v br1 10
--may-exist add-br br0 br1 10
--may-exist add-br br0v
add-br x1 nosuch 10
add-br x1 br0 5000
add-br x1 br0
add-br x2 br0v 11
add-br x3 br0 10
add-br br1
list-br
--real list-br
--fake list-br
--real --fake list-br
br-exists br0
br-exists nosuch
br-exists
br-to-vlan br0
br-to-vlan br0v
br-to-vlan nosuch
br-to-parent br0
br-to-parent br0v
br-to-parent nosuch
br-set-external-id br0 key value
br-set-external-id br0 key2 "value two"
br-get-external-id br0
br-get-external-id br0 key
br-get-external-id br0 nokey
br-set-external-id br0 key2
br-get-external-id br0
br-set-external-id br0v fk fv
br-get-external-id br0v
br-get-external-id br0v fk
br-get-external-id nosuch
add-port br0 p1
add-port br0 p1
--may-exist add-port br0 p1
--may-exist add-port br1 p1
--may-exist add-port br0v p1
add-port nosuch p2
add-port br0 br1
add-port br0 br0v
add-port br0v p2
add-port br0 p3 tag=9
add-port br0 p4 tag=9 trunks=1,2 other_config:a=b
add-port br0 p5 tag=abc
add-port br0 p5 nosuch=1
add-port br0 p5 tag
add-port br0
list-ports br0
list-ports br0v
list-ports br1
list-ports nosuch
list-ifaces br0
list-ifaces br0v
list-ifaces nosuch
port-to-br p1
port-to-br p2
port-to-br br0
port-to-br nosuch
iface-to-br p1
iface-to-br p2
iface-to-br br0
iface-to-br nosuch
add-bond br0 bond0 b1 b2
add-bond br0 bond0 b1 b2
--may-exist add-bond br0 bond0 b2 b1
--may-exist add-bond br0 bond0 b1 b3
--may-exist add-bond br1 bond0 b1 b2
--fake-iface add-bond br0 bond1 c1 c2 lacp=active
add-bond br0 bond2 d1
add-bond br0 bond2 p1 d2
add-bond-iface bond0 b3
add-bond-iface bond0 b3
--may-exist add-bond-iface bond0 b3
add-bond-iface bond0 p1
add-bond-iface nosuch b9
del-bond-iface bond0 b3
del-bond-iface bond0 b3
--if-exists del-bond-iface bond0 b3
del-bond-iface b2
del-bond-iface b1
list-ports br0
list-ifaces br0
iface-to-br c1
port-to-br bond1
del-port br0 p4
del-port br0 nosuch
--if-exists del-port br0 nosuch
del-port br1 p1
del-port br0 br0
del-port br0
del-port p3
del-port nosuch
del-port c1
--with-iface del-port c1
--if-exists --with-iface del-port nosuch
--with-iface del-port br0 p1
del-port br0v p1
add-port br0 p1 -- set interface p1 type=internal
get interface p1 type
get-controller br0
set-controller br0 tcp:1.2.3.4:6653 tcp:1.2.3.5
get-controller br0
set-controller br0 punix:foo
set-controller br0
--inactivity-probe=5000 set-controller br0 tcp:1.2.3.4
get-controller br0
get controller br0 inactivity_probe
set-controller br0v tcp:1.1.1.1
get-controller br0v
del-controller br0v
del-controller br0
get-controller br0
get-controller nosuch
set-fail-mode br0 secure
get-fail-mode br0
set-fail-mode br0 foo
set-fail-mode br0
get-fail-mode br0v
get-fail-mode br1
del-fail-mode br0
get-fail-mode br0
set-manager ptcp:6640 tcp:1.2.3.4:6640
get-manager
--inactivity-probe=300 set-manager ptcp:6641
get-manager
list manager
get manager . inactivity_probe
del-manager
get-manager
set-manager foo:bar
del-manager
set-ssl a.pem b.pem c.pem
get-ssl
--bootstrap set-ssl a.pem b.pem c.pem
get-ssl
set-ssl a b
del-ssl
get-ssl
add-aa-mapping br0 1 2
add-aa-mapping br0 3 4
get-aa-mapping br0
del-aa-mapping br0 1 2
get-aa-mapping br0
del-aa-mapping br0 9 9
add-aa-mapping br0 x 2
add-aa-mapping nosuch 1 2
add-aa-mapping br0v 1 2
list-zone-tp system
add-zone-tp system zone=1 tcp_syn_sent=1
-- --id=@dp create Datapath datapath_version=1 capabilities:ct_zero_snat=true capabilities:recirc=true -- set Open_vSwitch . datapaths:system=@dp
list-dp-cap nosuch
add-zone-tp system zone=1 tcp_syn_sent=1 udp_first=2
add-zone-tp system zone=1 tcp_syn_sent=1
add-zone-tp system zone=1
add-zone-tp system zone=2 icmp_first=3
list-zone-tp system
list-zone-tp nosuch
del-zone-tp system zone=2
del-zone-tp system zone=2
--if-exists del-zone-tp system zone=2
del-zone-tp nosuch zone=1
del-zone-tp system zone=1
get bridge br0 name
get bridge br0 nosuch
get nosuch br0 name
get bridge nosuch name
--if-exists get bridge nosuch name
get bridge br0 external_ids
get bridge br0 external_ids:key
get bridge br0 external_ids:nokey
--if-exists get bridge br0 external_ids:nokey
get bridge br0 name:key
get bridge br0 external-ids:key
get br br0 name
get b br0 name
get po p1 tag
get bridge br0 n
get bridge br0 f
get bridge br0 name flood_vlans datapath_type
get bridge br0
get bridge br0 _uuid
get bridge br0 name=3
get bridge br0 name junk:
get open . external_ids
get Open_vSwitch . next_cfg
get Open_vSwitch br0 next_cfg
get interface br0 type
get port bond0 interfaces
get port br0 name
set bridge br0 datapath_type=netdev fail_mode=secure
set bridge br0 fail_mode=foo
set bridge br0 nosuch=1
set bridge nosuch name=1
--if-exists set bridge nosuch name=1
set bridge br0 name=other
set bridge br0 other_config:a=b other_config:c="d e"
get bridge br0 other_config
set bridge br0 flood_vlans=1,2,3
set bridge br0 flood_vlans=[5,6]
set bridge br0 flood_vlans=5000
set bridge br0 flood_vlans="[7 8]"
set bridge br0 flood_vlans=1-3
get bridge br0 flood_vlans
set bridge br0 mcast_snooping_enable=maybe
set bridge br0 mcast_snooping_enable=true
set bridge br0 ports=[]
set bridge br0 datapath_version=x
set bridge br0
set bridge br0 other_config
set bridge br0 other_config:a
set bridge br0 fail_mode:a=b
set bridge br0 fail_mode=[]
set bridge br0 fail_mode=
set bridge br0 'external_ids:"a b"=c'
set bridge br0 external_ids:x:y=z
get bridge br0 external_ids
set interface p1 mtu_request=1500 options:remote_ip=1.2.3.4 ofport_request=5
set interface p1 mtu_request=10
set interface p1 ofport_request=99999999
get interface p1 mtu_request options ofport_request
add bridge br0 flood_vlans 9
add bridge br0 flood_vlans 9 10 11
add bridge br0 other_config new=1 new2=2
add bridge br0 other_config new=7
add bridge br0 fail_mode standalone
add bridge br0 nosuch 1
add bridge br0 flood_vlans x
add bridge nosuch flood_vlans 1
--if-exists add bridge nosuch flood_vlans 1
add bridge br0 flood_vlans
get bridge br0 flood_vlans other_config
remove bridge br0 flood_vlans 9 10
remove bridge br0 flood_vlans 4000
remove bridge br0 other_config new
remove bridge br0 other_config new2=2
remove bridge br0 other_config x=wrong
remove bridge br0 other_config nosuch
remove bridge br0 name br0
remove bridge br0 fail_mode secure
remove bridge nosuch flood_vlans 1
--if-exists remove bridge nosuch flood_vlans 1
get bridge br0 flood_vlans other_config fail_mode
clear bridge br0 flood_vlans other_config
clear bridge br0 name
clear bridge br0 nosuch
clear bridge nosuch flood_vlans
--if-exists clear bridge nosuch flood_vlans
get bridge br0 flood_vlans
create bridge name=orphan
create nosuch name=x
create qos type=linux-htb other-config:max-rate=1000
list qos
--id=@q create qos type=linux-htb -- set port p1 qos=@q
get port p1 qos
list qos p1
get qos p1 type
--id=@q create qos type=linux-htb
--id=q create qos type=linux-htb
--id=@q create qos type=linux-htb -- --id=@q create qos type=x
set port p1 qos=@nosuch
-- --id=@p get port p1 -- --id=@m create mirror name=m0 select-all=true output-port=@p -- add bridge br0 mirrors @m
list mirror m0
get mirror m0 select_all
-- --id=@m get mirror m0 -- remove bridge br0 mirrors @m
-- set qos @q type=x -- --id=@q get qos p1
--id=@q get qos p1 type
--if-exists --id=@q get qos p1 type
create qos
create qos type=linux-hfsc queues:0=@a
--id=@a create queue other-config:min-rate=1 -- create qos type=linux-hfsc queues:0=@a
--columns=type,queues list qos
destroy qos p1
clear port p1 qos
destroy qos nosuch
--if-exists destroy qos nosuch
--all destroy qos
list qos
--all destroy qos x
--all --if-exists destroy qos
destroy qos
--columns=name list bridge
--columns=name,fail_mode list bridge br0
--columns=nosuch list bridge
--columns= list bridge
--columns=_uuid,name list bridge br0
list bridge nosuch
--if-exists list bridge nosuch
--if-exists --columns=name list bridge nosuch br0
list nosuch
--columns=name find port tag=10
--columns=name find port tag=[]
--columns=name find port tag!=10
--columns=name find bridge name=br0
--columns=name find bridge fail_mode=[]
--columns=name find bridge external_ids:key=value
--columns=name find bridge external_ids:nokey=value
--columns=name find bridge external_ids:nokey!=value
--columns=name find bridge external_ids:key!=value
--columns=name find bridge 'external_ids{>=}{key=value}'
--columns=name find bridge 'name{not-in}br0'
--columns=name find bridge 'name>br0'
--columns=name find bridge 'name<=br0'
--columns=name find bridge name
--columns=name find bridge name:x=y
--columns=name find bridge nosuch=y
--columns=name find interface type=internal
--columns=name find interface 'ofport_request>=5'
--columns=name find port interfaces=[]
--columns=name find interface options:remote_ip=1.2.3.4
--format=csv --no-headings --columns=name,tag find port tag=10
--format=json --columns=name,tag find port tag=10
-f table --columns=name,fake_bridge find port tag=10
-f html --columns=name list bridge br0
--data=bare --no-heading --columns=name,external_ids list bridge br0
--bare --columns=name,external_ids list bridge br0
--oneline list-br
--oneline list-br -- list-ports br0
--oneline get bridge br0 name external_ids -- show nosuch
--oneline --columns=name list bridge br0 br1
--dry-run add-br dry
br-exists dry
--dry-run add-br dry -- list-br
add-br n1 -- add-port n1 n1p -- list-ports n1 -- port-to-br n1p
del-br n1
del-br nosuch
--if-exists del-br nosuch
del-br br0v
list-ports br0
add-br br5 -- del-br br5 -- list-br
add-br br6 -- add-br br6
add-port br0 zz -- del-port br0 zz -- list-ports br0
wait-until bridge br0 name=br0
wait-until bridge br0
-t 2 wait-until interface p1 ofport_request=5
-t 1 wait-until bridge br0 name=other
-t 1 wait-until bridge nosuch
--timeout=x list-br
-t 0 list-br
comment hello world -- list-br
comment
nosuch
--nosuch list-br
list-br --nosuch
add-br --may-exist br0
add-br -- list-br
--
-- list-br --
--may-exist list-br
--may-exist --may-exist add-br br0
--id=@x create Mirror name=m
--id=@x --id=@y create Mirror name=m
--may-exist=1 add-br br0
--columns list bridge
--id add-br x
--db=unix:nosuch list-br
--no-syslog list-br
--pretty -f json --columns=name list bridge br0
--db=unix:nosuch,unix:db.sock list-br
emer-reset
show
get bridge br0 other_config fail_mode
set bridge br0 other_config:hwaddr=00:11:22:33:44:55 other_config:x=y netflow=[]
-- --id=@n create netflow targets='"10.0.0.1:5"' -- set bridge br0 netflow=@n
-- --id=@s create sflow targets='"10.0.0.1:5"' agent=eth0 -- set bridge br0 sflow=@s
list netflow br0
get netflow br0 targets
get sflow br0 agent
set-controller br0 tcp:1.2.3.4
set controller br0 max_backoff=5000
get controller tcp:1.2.3.4 max_backoff
set-manager ptcp:6640
show
emer-reset
show
get bridge br0 other_config netflow sflow controller
get-manager
list-ports br1 -- list-ports nosuch
del-br br0
del-br br1
list-br
--columns=name list interface
add-br f0
add-br f0v f0 7
set-fail-mode f0v secure
del-fail-mode f0v
get-fail-mode f0v
set bridge f0 external_ids:key=
set bridge f0 external_ids:a.b-c=1
get bridge f0 external_ids:a.b-c
set bridge f0 'external_ids:"x:y"=z'
-- --id add-br x
-- --columns list bridge
list c
"""

# Known differences. --may-exist add-zone-tp does nothing here when there is such a zone, as is documented; 3.1 writes it anew. vlan,
# zone and timeout must be numbers here. {in} takes a set of any size. What an Interface cannot hold is found by the server in 3.1.

# What others run (each row of the comments: consumer), as they run it.
CONSUMERS = r"""
# os-vif, Neutron, ovn-kubernetes, libvirt: bridge and port come first
--timeout=30 --may-exist add-br br-int -- set bridge br-int fail_mode=secure
--timeout=5 -- --may-exist add-port br-int vnet0 tag=7 vlan_mode=native-untagged trunk=1 -- set Interface vnet0 type=internal
--timeout=5 -- --may-exist add-port br-int vnet0 tag=7 -- set Interface vnet0 'external-ids:attached-mac="52:54:00:00:00:01"' -- set Interface vnet0 'external-ids:iface-id="8aa0a9ea-6f1d-4d4a-a4b3-4ac6ad81ee8b"' -- set Interface vnet0 'external-ids:vm-id="0f"' -- set Interface vnet0 external-ids:iface-status=active
# ovn-kubernetes CNI
--timeout=30 --if-exists get interface vnet0 external-ids:iface-id
--timeout=30 --if-exists get interface nosuch external-ids:iface-id
--timeout=30 --no-heading --format=csv --data=bare --columns=name,external_ids find interface external-ids:iface-status=active
--timeout=30 --no-heading --format=csv --data=bare --columns=name find interface external-ids:iface-id=none
--timeout=30 --if-exists clear port vnet0 qos
--timeout=30 create qos type=linux-htb external-ids=sandbox=aa
--timeout=30 --no-heading --format=csv --data=bare --columns=_uuid find qos external-ids=sandbox=aa
--timeout=30 --if-exists destroy qos nosuch
--timeout=30 set interface vnet0 ingress_policing_rate=1000 ingress_policing_burst=100
--timeout=30 --if-exists get interface vnet0 ofport
--timeout=30 --if-exists del-port br-int nosuch
# libvirt
--timeout=5 --if-exists --format=list --data=json --no-headings --columns=statistics list Interface vnet0
--timeout=5 --if-exists --format=list --data=json --no-headings --columns=statistics list Interface nosuch
--timeout=5 iface-to-br vnet0
--timeout=5 --no-headings --columns=name find Interface options:vhost-server-path=/tmp/sock
--timeout=5 --if-exists get Interface vnet0 external_ids:attached-mac
--timeout=5 --if-exists get Interface vnet0 name
--timeout=5 -- --id=@q create QoS type=linux-htb other-config:max-rate=8000 'external-ids:vm-id="0f"' queues=0=@r -- --id=@r create queue other-config:max-rate=8000 -- set port vnet0 qos=@q
--timeout=5 --no-heading --columns=type find qos 'external-ids:vm-id="0f"'
--timeout=5 clear port vnet0 qos
# Neutron OVS agent
--timeout=10 --id=@manager -- create Manager target=\"ptcp:6640:127.0.0.1\" -- add Open_vSwitch . manager_options @manager
--timeout=10 --columns=datapath_types,iface_types list Open_vSwitch
--timeout=10 get Open_vSwitch . other_config
--timeout=10 --may-exist add-port br-int patch-tun -- set interface patch-tun type=patch options:peer=patch-int
--timeout=10 set port vnet0 other_config:net_uuid=abc other_config:physical_network=physnet1 tag=4095 trunks=4095
--timeout=10 --columns=name,other_config,tag --format=json list port vnet0
# kube-ovn
--timeout=10 --no-heading --data=bare --format=csv --columns=name find interface type=internal
--timeout=10 set open . external-ids:ovn-encap-ip=192.168.0.1 external-ids:ovn-remote=tcp:1.1.1.1:6642
--timeout=10 set open . 'external-ids:ovn-remote="tcp:1.1.1.1:6642"'
--timeout=10 --if-exists get open . external-ids:ovn-remote
# go-openvswitch
--format=json get bridge br-int protocols
set bridge br-int protocols=OpenFlow10,OpenFlow13
--format=json get bridge br-int protocols
# sriov-network-operator
get Open_vSwitch . other_config:hw-offload
set Open_vSwitch . other_config:hw-offload=true
get Open_vSwitch . other_config:hw-offload
get Interface vnet0 error
# Ansible openvswitch.openvswitch
-t 5 --may-exist add-br br-a
-t 5 br-exists br-a
-t 5 br-exists br-b
-t 5 br-to-vlan br-a
-t 5 br-to-parent br-a
-t 5 get-fail-mode br-int
-t 5 set-fail-mode br-a standalone
-t 5 br-get-external-id br-a
-t 5 br-set-external-id br-a k "v w"
-t 5 get Bridge br-a external_ids
-t 5 list-ports br-int
-t 5 get Port vnet0 other_config
-t 5 get Port vnet0 external_ids
-t 5 get Port vnet0 tag
-t 5 add-port br-a pa tag=3 -- set Interface pa type=internal
-t 5 set port pa tag=[]
-t 5 del-port br-a pa
-t 5 add-bond br-a bond9 e1 e2 lacp=active
-t 5 list-ifaces br-a
-t 5 --if-exists del-port br-a bond9
-t 5 --if-exists del-br br-a
# kubevirt/ovs-cni, TripleO, Kolla
show
--format=json --columns=name,fail_mode,protocols list bridge
del-br br-int
"""


@pytest.fixture
def two(tmp_path):
    """A database of 3.1's schema for each program, served by Debian's server, so that the tools alone are compared."""
    servers = []
    schema = os.path.join(os.environ["OES_PEER_DIR"], "usr/share/openvswitch/vswitch.ovsschema")
    for name in ("ours", "theirs"):
        (tmp_path / name).mkdir()
        run(peer("ovsdb-tool"), "create", tmp_path / name / "conf.db", schema)
        servers.append(ovsdbtest.Server(tmp_path / name, tmp_path / name / "conf.db", binary=peer("ovsdb-server")).start())
    yield servers
    for s in servers:
        s.stop()


def differing(text, servers, tool, *before):
    different = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        ours, theirs = (peertools.masked(peertools.run(path(tool), [*before, *shlex.split(line)], s.dir), s.dir)
                        for path, s in zip((program, peer), servers))
        if ours != theirs:
            different[line] = ours, theirs
    return different


def test_vsctl_answers_as_debians(two):
    assert differing(VSCTL, two, "ovs-vsctl", "--no-wait") == {}


def test_vsctl_answers_consumers_as_debians_does(two):
    assert differing(CONSUMERS, two, "ovs-vsctl", "--no-wait") == {}


@pytest.mark.parametrize("tool", [program, peer])
def test_vsctl_waits_for_a_server_that_connects(tmp_path, tool, vswitch):
    """--db=punix: listens; the server has it as an active remote."""
    p = subprocess.Popen([tool("ovs-vsctl"), "--no-wait", "--no-syslog", "--db=punix:%s/back.sock" % tmp_path, "add-br", "br0"])
    vswitch.appctl("ovsdb-server/add-remote", "unix:%s/back.sock" % tmp_path)
    assert p.wait(ovsdbtest.PATIENCE) == 0
    vswitch.appctl("ovsdb-server/remove-remote", "unix:%s/back.sock" % tmp_path)
    assert run(program("ovs-vsctl"), "--db=unix:%s" % vswitch.socket, "list-br").stdout == "br0\n"
