# SPDX-License-Identifier: Apache-2.0
"""Rules change while packets come in on every PMD thread; with a build of the thread sanitizer, what threads do to each other is seen."""
import os
import re
import struct
import threading

from clients import Control
from conftest import polls, wait_until

pytestmark = polls

ROUNDS, CALLS, AT_ONCE = 40, 150, 16


def packet(source):
    udp = struct.pack("!HHHH", source, 53, 12, 0) + bytes(4)
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + bytes([10, 0, 0, 1, 10, 0, 0, 2])
    return (bytes.fromhex("020000000002020000000001" "0800") + ip + udp).hex()


def start(switch):
    switch.start("--enable-dummy")
    n_cores = len({0, 1} & os.sched_getaffinity(0))
    switch.vsctl("set", "Open_vSwitch", ".", f"other_config:pmd-cpu-mask={'0x3' if n_cores == 2 else '0x1'}")
    switch.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "fail_mode=secure", "protocols=[]")
    for i in (1, 2, 3):
        switch.vsctl("add-port", "br0", f"p{i}", "--", "set", "interface", f"p{i}", "type=dummy-pmd", f"ofport_request={i}",
                     "options:n_rxq=2")
    switch.ofctl("-O", "OpenFlow15", "add-meter", "br0", "meter=1,kbps,band=type=drop,rate=4000000000")
    switch.ofctl("-O", "OpenFlow15", "add-group", "br0", group(0))


def group(turn):
    ports = (2, 3) if turn % 2 else (3, 2)
    return "group_id=1,type=select," + ",".join(f"bucket=bucket_id:{i},weight:{1 + turn % 5},actions=output:{p}" for i, p in enumerate(ports))


def rules(turn):
    """All that packets meet, of one turn; those of another one are deleted. Who sees rules of two turns sends its packet nowhere."""
    lines = [f"delete table=1,reg0={turn - 1}/0xffffffff"]
    lines += [f"add table=0,priority=7,udp,in_port=1,tp_src={source} actions=set_field:{turn}->reg0,goto_table:1" for source in range(AT_ONCE)]
    lines += [f"add table=0,priority=5,udp,in_port=1 actions=learn(table=3,idle_timeout=60,dl_type=0x800,nw_proto=17,NXM_OF_UDP_SRC[],load:1->NXM_NX_REG1[]),"
              f"set_field:{turn}->reg0,resubmit(,1)"]
    out = ("output:2", "meter:1,group:1", "group:1", "write_actions(output:3)")[turn % 4]
    return "\n".join(lines + [f"add table=1,reg0={turn} actions={out}"]) + "\n"


def change(switch, failures):
    try:
        for turn in range(1, ROUNDS + 1):
            with open(f"{switch.dir}/rules", "w") as f:
                f.write(rules(turn))
            switch.ofctl("-O", "OpenFlow15", "--bundle", "add-flows", "br0", f"{switch.dir}/rules")
            switch.ofctl("-O", "OpenFlow15", "mod-group", "br0", group(turn))
            switch.ofctl("-O", "OpenFlow15", "mod-meter", "br0", f"meter=1,kbps,band=type=drop,rate={4000000000 + turn}")
            switch.ofctl("add-flow", "br0", f"table=2,priority={turn},udp,tp_dst={turn} actions=drop")
            switch.ofctl("del-flows", "br0", "table=3")
    except Exception as e:  # whatever ends this thread ends the test
        failures.append(e)


def send(switch, queue, failures):
    try:
        control = Control(switch)
        for call in range(CALLS):
            # Some of them are known; each other one is a miss of its own.
            sources = [i if i % 2 else 1000 + (call * AT_ONCE + i) * 2 + queue for i in range(AT_ONCE)]
            control.call("netdev-dummy/receive", "p1", "--qid", str(queue), *[packet(source) for source in sources])
    except Exception as e:
        failures.append(e)


def ask(switch, stop, failures):
    try:
        control = Control(switch)
        while not stop.is_set():
            for command in (["bridge/dump-flows", "br0"], ["dpctl/dump-flows", "-m"], ["upcall/show"], ["memory/show"], ["coverage/show"],
                            ["ofproto/trace", "br0", "in_port=1,udp,udp_src=7"], ["fdb/show", "br0"], ["dpif-netdev/pmd-stats-show"]):
                control.call(*command)
            switch.ofctl("dump-flows", "br0")
            switch.ofctl("-O", "OpenFlow15", "dump-group-stats", "br0")
    except Exception as e:
        failures.append(e)


def counted(switch, statistic, *ports):
    return sum(int(switch.vsctl("get", "interface", p, f"statistics:{statistic}")) for p in ports)


def test_no_packet_sees_half_a_change(switch):
    start(switch)
    with open(f"{switch.dir}/rules", "w") as f:
        f.write(rules(0).split("\n", 1)[1])
    switch.ofctl("-O", "OpenFlow15", "add-flows", "br0", f"{switch.dir}/rules")
    failures, stop = [], threading.Event()
    senders = [threading.Thread(target=send, args=(switch, queue, failures)) for queue in (0, 1)]
    changing = threading.Thread(target=change, args=(switch, failures))
    asking = threading.Thread(target=ask, args=(switch, stop, failures))
    threads = [*senders, changing, asking]
    for t in threads:
        t.start()
    for t in threads[:-1]:
        t.join()
    stop.set()
    asking.join()
    assert not failures, failures
    sent = 2 * CALLS * AT_ONCE
    wait_until("all are in", lambda: counted(switch, "rx_packets", "p1") == sent)
    wait_until("and out again", lambda: counted(switch, "tx_packets", "p2", "p3") == sent)
    flows = switch.ofctl("-O", "OpenFlow15", "dump-flows", "br0", "table=1")
    assert len(re.findall(r"reg0=", flows)) == 1
