# SPDX-License-Identifier: Apache-2.0
"""Flow monitors: what a connection is told of changes of the tables, beside Debian's switch; and what happens while it does not read."""
import re
import struct

import pytest

from conftest import Switch, wait_until
from test_peer_actions import OURS, THEIRS, needs_peer
from test_peer_control import Connection, assert_same, running
from test_peer_monitor import Monitor

REQUEST_14 = "0010000000000000"


def watch(version, id=1, flags=0x5f, table="ff", port=None, group="ffffffff", command="00"):
    """A request as the version has it; flags as in 1.4."""
    if version >= 5:
        return 18, f"{REQUEST_14}{id:08x}{port or 'ffffffff'}{group}{flags:04x}{table}{command}0001000400000000"
    own = flags & 0x1f | (0x20 if flags & 0x40 else 0)
    if version == 4:
        return 18, f"ffff0000000000004f4e46000000074e{id:08x}{own:04x}0004{port or 'ffffffff'}{table}000000" + "0001000400000000"
    padding = ("", "00000000") if version == 1 else ("00000000", "")
    head = f"ffff0000{padding[0]}0000232000000002{padding[1]}"
    return (16 if version == 1 else 18), f"{head}{id:08x}{own:04x}{(port or 'ffffffff')[4:]}0000{table}0000000000"


CHANGES = ["add-flow table=1,ip,cookie=1,actions=output:1", "add-flow table=1,ip,cookie=2,actions=output:2", "add-flow table=1,ip,cookie=2,actions=output:2",
           "add-flow table=1,ip,cookie=2,idle_timeout=60,hard_timeout=90,actions=output:2", "mod-flows table=1,ip,actions=output:3", "mod-flows table=1,ip,actions=output:3",
           "mod-flows table=1,ip,cookie=7,actions=output:3", "add-flow table=2,priority=9,tcp,actions=drop", "add-group group_id=5,type=all,bucket=output:1",
           "add-flow table=3,ip,actions=group:5", "del-groups group_id=5", "del-flows table=1", "del-flows table=2", "del-flows table=4"]


def changes(s, c):
    for line in CHANGES:
        command, what = (line.split() + [""])[:2]
        s.ofctl("-O", "OpenFlow13", command, "br0", *([what] if what else []))
        # Which of several comes first is nobody's to say.
        yield line, sorted(c.received(), key=len)


def told_conversation(s):
    for v in (1, 3, 4, 5, 6):
        c = Connection.to(s, v)
        s.ofctl("add-flow", "br0", "table=4,udp,actions=output:2")
        yield f"{v}: what is there", c.ask(*watch(v))
        yield from changes(s, c)
        yield "a second one, with less", c.ask(*watch(v, id=2, flags=0x0e, table="01"))
        yield from changes(s, c)
        c.socket.close()


def port_conversation(s):
    c = Connection.to(s, 6)
    yield "by port", c.ask(*watch(6, flags=0x1f, port="00000002"))
    for line in ("add-flow table=1,ip,actions=output:1", "mod-flows table=1,ip,actions=output:2", "mod-flows table=1,ip,actions=output:3",
                 "mod-flows table=1,ip,actions=output:2,output:4", "del-flows table=1,ip"):
        command, what = line.split()
        s.ofctl("-O", "OpenFlow13", command, "br0", what)
        yield line, c.received()


def own_conversation(s):
    add = "00000000000000050000000000000000" + "0100" + "00000000" + "0007" + "ffffffff" * 3 + "00000000" + "0001000400000000"
    delete = add[:32] + "0103" + add[36:]
    for flags in (0x1f, 0x5f, 0x02, 0x0e, 0x4e):
        a, b = Connection.to(s, 6), Connection.to(s, 6)
        yield f"flags {flags:x}", a.ask(*watch(6, flags=flags))
        for who, c in (("other", b), ("own", a)):
            for what, body in (("adds", add), ("deletes", delete)):
                answer = c.ask(14, body)
                yield f"{who} {what}", (answer if c is a else a.received())
        a.socket.close()
        b.socket.close()


def ids_conversation(s):
    c = Connection.to(s, 6)
    yield "one", c.ask(*watch(6, id=1))
    yield "changed", c.ask(*watch(6, id=1, command="01", table="02"))
    yield "deleted", c.ask(*watch(6, id=1, flags=0, command="02"))
    s.ofctl("add-flow", "br0", "table=2,actions=drop")
    yield "nobody watches", c.received()
    first, second = watch(6, id=11, flags=0x03)[1], watch(6, id=12, flags=0x13, table="02")[1]
    yield "two at once", c.ask(18, first + second[len(REQUEST_14):])
    for v in (1, 3, 4):
        c = Connection.to(s, v)
        yield "to be cancelled", c.ask(*watch(v, id=77))
        yield "cancelled", c.ask(4, "4f4e46000000074e0000004d") if v == 4 else c.nicira(21, "0000004d")
        s.ofctl("add-flow", "br0", "table=5,actions=drop")
        yield "nobody watches", c.received()


def with_flags(version, id, flags, command):
    if version >= 5:
        return watch(version, id, flags, command=command)
    kind, body = watch(version, id, 0x1f)
    return kind, body.replace(f"{id:08x}001f", f"{id:08x}{flags:04x}")


def flags_conversation(s):
    for v in (1, 2, 3, 4, 5, 6):
        c, id = Connection.to(s, v), 0
        for command in ("00", "01", "02") if v >= 5 else ("00",):
            for first in (*range(0, 128, 16), 1 << 7, 1 << 11, 1 << 15):
                taken = ""
                for flags in range(first, first + 16):
                    id += 1
                    if command != "00":
                        c.ask(*watch(v, id))
                    taken += "-" if any(m[1] == 1 for m in c.ask(*with_flags(v, id, flags, command))) else "+"
                yield f"{v} {command} {first:#x}: {taken}", []


def test_flags_are_refused_that_debians_refuses(tmp_path):
    assert_same(flags_conversation, tmp_path)


def test_changes_are_told_as_debians_tells_them(tmp_path):
    assert_same(told_conversation, tmp_path)


def test_flows_are_selected_by_port_before_and_after(tmp_path):
    assert_same(port_conversation, tmp_path)


def test_own_changes_are_abbreviated(tmp_path):
    assert_same(own_conversation, tmp_path)


def test_monitors_are_changed_and_cancelled(tmp_path):
    assert_same(ids_conversation, tmp_path)


# Debian's answers these with bytes of its memory.
@pytest.mark.parametrize("request_, error", [
    ([watch(6), watch(6)], "OFPMOFC_MONITOR_EXISTS"), ([watch(6, command="02")], "OFPMOFC_UNKNOWN_MONITOR"), ([watch(6, command="01")], "OFPMOFC_UNKNOWN_MONITOR"),
    ([watch(6, command="07")], "OFPMOFC_BAD_COMMAND"), ([watch(6, flags=0)], "OFPMOFC_BAD_FLAGS"), ([watch(6, flags=1)], "OFPMOFC_BAD_FLAGS"),
    ([watch(6, flags=0x2e)], "OFPMOFC_BAD_FLAGS"), ([watch(6, flags=0, port="0000ff00")], "OFPMOFC_BAD_FLAGS"), ([watch(6, flags=0, command="07")], "OFPMOFC_BAD_FLAGS"),
    ([watch(6, flags=0x8f, command="02")], "OFPMOFC_UNKNOWN_MONITOR"), ([watch(6, flags=0x8f)], "OFPMOFC_BAD_FLAGS"),
    ([watch(6, table="fe")], "OFPMOFC_BAD_TABLE_ID")])
def test_a_request_that_is_none_is_refused(request_, error):
    with running(Switch, "netdev") as s:
        c = Connection.to(s, 6)
        answer = [c.ask(*r) for r in request_][-1]
        assert len(answer) == 1 and error in s.ofctl("ofp-print", answer[0].hex())


def events(messages):
    """(event, table, cookie) of full updates in 1.5; other events by their numbers."""
    for m in messages:
        body = m[16:]
        while body:
            n, event = struct.unpack("!HH", body[:4])
            yield (event, body[4], struct.unpack("!Q", body[16:24])[0]) if event < 4 else event
            body = body[n:]


def test_who_does_not_read_is_told_in_the_end(tmp_path):
    """After a pause a connection knows what is there: flows that came and went meanwhile are not told of, removals of those it knew are."""
    with running(Switch, "netdev") as s:
        c = Connection.to(s, 6)
        path = f"{s.dir}/flows"
        with open(path, "w") as f:
            f.writelines(f"table=1,cookie={i},ip,nw_src=10.{i >> 16}.{i >> 8 & 255}.{i & 255},actions=output:2\n" for i in range(20000))
        s.ofctl("-O", "OpenFlow13", "add-flow", "br0", "table=2,cookie=0x99,actions=drop")
        c.ask(*watch(6, flags=0x5f))
        s.ofctl("-O", "OpenFlow13", "add-flows", "br0", path)
        wait_until("the switch waits for it", lambda: "20000" in s.ofctl("dump-aggregate", "br0", "table=1"))
        s.ofctl("-O", "OpenFlow13", "add-flow", "br0", "table=3,cookie=0x77,actions=drop")
        s.ofctl("-O", "OpenFlow13", "del-flows", "br0", "table=3")
        s.ofctl("-O", "OpenFlow13", "del-flows", "br0", "table=2")
        s.ofctl("-O", "OpenFlow13", "mod-flows", "br0", "table=1,ip,nw_src=10.0.0.0/25,actions=output:3")
        known, seen = {(2, 0x99)}, []

        def told():
            seen.extend(events(c.received()))
            return 6 in seen
        wait_until("it is told that it goes on", told)
        for e in seen:
            if isinstance(e, tuple):
                event, table, cookie = e
                assert (event == 1) == ((table, cookie) not in known)
                (known.discard if event == 2 else known.add)((table, cookie))
        assert seen.count(5) == seen.count(6) == 1 and known == {(1, i) for i in range(20000)}
        s.ofctl("-O", "OpenFlow13", "add-flow", "br0", "table=5,cookie=0x55,actions=drop")
        assert list(events(c.received())) == [(1, 5, 0x55)]


@needs_peer
@pytest.mark.parametrize("version", ["OpenFlow10", "OpenFlow13", "OpenFlow14"])
@pytest.mark.parametrize("program", [OURS, THEIRS], ids=["ours", "debian"])
def test_both_programs_watch_our_switch(program, version):
    with running(Switch, "netdev") as s:
        s.ofctl("add-flow", "br0", "table=1,ip,actions=output:2")
        m = Monitor(program, s, f"-O {version} watch:!delete")
        s.ofctl("add-flow", "br0", "table=2,tcp,actions=output:3")
        wait_until("it is told", lambda: "event=ADDED table=2" in m.text())
        assert re.search(r"event=(ADDED|INITIAL) table=1 cookie=0 ip actions=output:2", m.text())
        assert "event=ADDED table=2 cookie=0 tcp actions=output:3" in m.text()
        m.say("exit")
