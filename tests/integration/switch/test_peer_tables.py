# SPDX-License-Identifier: Apache-2.0
"""How tables are configured, by OpenFlow and by rows of Flow_Table: names, limits, eviction, vacancy, misses; compared with Debian's.

Left out, because it differs: what OpenFlow can say of a table whose row limits it, which Debian's compares with a table without limit;
the order in which rules go that are deleted together; an empty setting, which Debian's takes for a vacancy; how many tables there are,
which is asked for here."""
import os
import re
import socket
import struct
import threading

import pytest

from conftest import Switch, wait_until
from clients import Connection, management_socket
from test_peer_control import assert_same, controllers, running
from test_peer_text import Peer

pytestmark = pytest.mark.peer
ENTRY = 64


# ---- Features ----


def split(entries):
    while entries:
        n = struct.unpack("!H", entries[:2])[0]
        yield entries[:n]
        entries = entries[n:]


def features(c):
    """Of all tables, as they are on the wire."""
    return [entry for message in c.ask(18, "000c000000000000") for entry in split(message[16:])]


def changed(entry, name=None, **words):
    entry = bytearray(entry)
    if name is not None:
        entry[8:40] = name.ljust(32, b"\0")
    for word, (offset, form) in {"table": (2, "!B"), "command": (3, "!B"), "features": (4, "!I"), "match": (40, "!Q"), "write": (48, "!Q"),
                                 "capabilities": (56, "!I"), "max_entries": (60, "!I")}.items():
        if word in words:
            struct.pack_into(form, entry, offset, words[word])
    return bytes(entry)


def without_properties(entry, **words):
    return changed(struct.pack("!H", ENTRY) + entry[2:ENTRY], **words)


def set_features(c, entries):
    """Error messages of a request in as many messages as it takes, and the names of tables behind it."""
    bodies = [b""]
    for entry in entries:
        if len(bodies[-1]) + len(entry) > 60000:
            bodies.append(b"")
        bodies[-1] += entry
    c.xid += 1
    for i, body in enumerate(bodies):
        body = struct.pack("!HH4x", 12, i + 1 < len(bodies)) + body
        c.socket.sendall(struct.pack("!BBHI", c.version, 18, 8 + len(body), c.xid) + body)
    answers = c.received()
    # What the switch did not understand is behind the error, which is too much to compare.
    lengths = [(m, 16 if m[8:10] == b"\xff\xff" else 12) for m in answers if m[1] == 1]
    errors = [m[:2] + struct.pack("!H", n) + m[4:n] for m, n in lengths]
    kinds = {"error" if m[1] == 1 else "features" for m in answers}
    return f"{kinds} {[(e[2], e[8:40].rstrip(bytes(1))) for e in features(c) if e[8]]}", errors


def features_conversation(s):
    for v in (4, 5, 6):
        c = Connection.to(s, v)
        all_of_them = features(c)
        first, rest, some = all_of_them[0], all_of_them[1:], all_of_them[7]
        steps = [("as they are", all_of_them), ("a name", [changed(first, name=b"zero")] + rest), ("31 bytes of it", [changed(first, name=b"n" * 32)] + rest),
                 ("none again", all_of_them), ("not all", all_of_them[:100]), ("one twice", all_of_them + [some]), ("backwards", all_of_them[::-1]),
                 ("fewer flows", [changed(first, max_entries=5)] + rest), ("more", [changed(first, max_entries=1 << 30)] + rest),
                 ("other metadata", [changed(first, match=5, write=0)] + rest), ("eviction", [changed(first, capabilities=4)] + rest),
                 ("a table too far", [changed(first, table=254)] + rest), ("no table", [changed(first, table=255)] + rest)]
        for command in range(5) if v == 6 else []:
            steps += [(f"{command}: one", [changed(some, name=b"one", command=command)]), ("without properties", [without_properties(some, name=b"bare", command=command)]),
                      ("its flows", [without_properties(some, command=command, max_entries=9)]),
                      ("two", [without_properties(some, name=b"two", command=command), without_properties(some, name=b"more", table=9, command=0)]),
                      ("one twice", [without_properties(some, command=command)] * 2)]
        for title, entries in steps + [("the end", all_of_them)]:
            summary, errors = set_features(c, entries)
            yield f"{v} {title}: {summary}", errors


def test_a_request_for_features_changes_names_or_is_refused(tmp_path):
    assert_same(features_conversation, tmp_path)


# ---- Statistics ----


def statistics_conversation(s):
    """Counters, and up to 1.2 what tables can; in text by either's own program."""
    limit(s, "name=two", "flow_limit=10")
    for n in range(1, 5):
        add(s, n, f"priority={n}")
    for title, changes in (("defaults", []), ("misses", ["drop"]), ("others", ["controller"])):
        for setting in changes:
            mod_table(s, setting, table="3", version="OpenFlow12")
        # What 1.1 says of misses then is one more than it is in Debian's.
        for v in (1, 2, 3, 4, 5, 6) if not changes else (1, 3, 4, 5, 6):
            kind, body = (16, "00030000") if v == 1 else (18, "0003000000000000")
            yield f"{v} {title}: {Connection.to(s, v).ask(kind, body)[0][12:].hex()}", []
            yield re.sub("xid=0x[0-9a-f]+", "xid=X", s.ofctl("-O", f"OpenFlow1{v - 1}", "dump-tables", "br0")), []


def test_statistics_say_what_tables_can_up_to_12(tmp_path):
    assert_same(statistics_conversation, tmp_path)


# ---- Full tables ----


def add(s, n, words="idle_timeout=60"):
    s.ofctl("-O", "OpenFlow15", "add-flow", "br0", f"table=2,{words},in_port={n},actions=drop", check=False)


def delete(s, *ports):
    for n in ports:
        s.ofctl("-O", "OpenFlow15", "del-flows", "br0", f"table=2,in_port={n}")


def mod_table(s, *settings, table="2", version="OpenFlow15"):
    for setting in settings:
        s.ofctl("-O", version, "mod-table", "br0", table, setting)


def limit(s, *columns):
    s.vsctl("--", "--id=@t", "create", "Flow_Table", *columns, "--", "set", "bridge", "br0", "flow_tables:2=@t")


def ports_left(s):
    return sorted(re.findall(r"in_port=\S+", s.ofctl("-O", "OpenFlow15", "--no-names", "dump-flows", "br0", "table=2")))


def full_conversation(s):
    hearing = {v: Connection.to(s, v) for v in (1, 2, 4, 5, 6)}
    for v, c in hearing.items():
        c.ask(9, "00000080")

    kept = {v: [] for v in hearing}

    def heard(title):
        for v, c in hearing.items():
            kept[v] += c.received()
        yield f"{title}: {ports_left(s)}", []

    def described():
        return Connection.to(s, 6).ask(18, "000e000000000000")

    limit(s, "flow_limit=10")
    mod_table(s, "noevict", "vacancy:30,60")
    yield "empty", described()
    for n in range(1, 12):
        add(s, n, f"idle_timeout={60 + n}")
        yield from heard(f"rule {n}")
    yield "full", described()
    mod_table(s, "evict")
    for n, words in ((12, "idle_timeout=90,send_flow_rem"), (13, "idle_timeout=80,send_flow_rem"), (14, "idle_timeout=300"), (15, "idle_timeout=5")):
        add(s, n, words)
    yield from heard("the first ones went")
    delete(s, *range(1, 9))
    yield from heard("more is free than wanted")
    delete(s, *range(9, 16))
    yield from heard("nothing is left")
    for n in range(1, 10):
        add(s, n, f"idle_timeout=60,send_flow_rem,importance={10 - n}")
    add(s, 20, "importance=1")
    yield from heard("full again")
    for n in (21, 22):
        add(s, n, "idle_timeout=3000,importance=7,send_flow_rem")
    yield from heard("those of least importance went")
    mod_table(s, "novacancy")
    yield "no vacancy", described()
    mod_table(s, "vacancy:10,20")
    yield from heard("what holds already is nothing new")
    delete(s, 4, 20)
    yield from heard("20 % is not above 20 %")
    delete(s, 5)
    yield from heard("30 % is")
    delete(s, 1, 2, 3, 6, 21, 22, 7)
    yield from heard("almost empty")
    # Debian's tells of a rule some time after it has gone: what follows this one's removal comes last.
    s.ofctl("-O", "OpenFlow15", "add-flow", "br0", "in_port=99,send_flow_rem,actions=drop")
    s.ofctl("-O", "OpenFlow15", "del-flows", "br0", "in_port=99")

    def all_of_it():
        list(heard(""))
        return all(any(m[1] == 11 and b"\0\x63" in m for m in messages) for messages in kept.values())

    wait_until("all is told", all_of_it)
    for v, messages in kept.items():
        yield f"{v}: how full it is", [m for m in messages if m[1] == 31]
        # How long a rule has been there is no matter.
        yield f"{v}: rules", [without_duration(v, m) for m in messages if m[1] == 11]


def without_duration(version, m):
    """A flow_removed whose rule has lived for no time."""
    at = {1: 8 + 40 + 12, 2: 20, 4: 20, 5: 20}.get(version)
    if at:
        return m[:at] + bytes(8) + m[at + 8:]
    # 1.5 has it among the statistics, of which it is the first.
    at = m.index(b"\x80\x02\x00\x08")
    return m[:at + 4] + bytes(8) + m[at + 12:]


def test_a_full_table_refuses_or_evicts_and_tells_how_full_it_is(tmp_path):
    assert_same(full_conversation, tmp_path)


def groups_conversation(s):
    # Rules of a second are to be evicted, not to expire.
    s.appctl("time/stop")
    limit(s, "flow_limit=6", "overflow_policy=evict", 'groups="NXM_OF_VLAN_TCI[0..11]"')
    # No two groups are the largest: Debian's takes one of them, and here the rule that expires first among all of theirs goes.
    for n, words in enumerate(["idle_timeout=50,dl_vlan=1", "idle_timeout=40,dl_vlan=1", "idle_timeout=30,dl_vlan=1", "idle_timeout=60,dl_vlan=1", "idle_timeout=1,dl_vlan=2",
                               "dl_vlan=3", "idle_timeout=2,dl_vlan=4", "hard_timeout=2,dl_vlan=1", "idle_timeout=20,dl_vlan=1", "idle_timeout=1,importance=5,dl_vlan=1"]):
        add(s, n + 1, words)
        yield f"rule {n + 1}: {ports_left(s)}", []
    for words in ("groups=[]", "flow_limit=3", "overflow_policy=refuse", "flow_limit=2", "flow_limit=0", "overflow_policy=evict"):
        row = s.vsctl("--bare", "--columns=_uuid", "find", "Flow_Table").split()[0]
        s.vsctl("set", "Flow_Table", row, words)
        add(s, 30, "idle_timeout=500")
        yield f"{words}: {ports_left(s)}", []
    s.vsctl("clear", "bridge", "br0", "flow_tables")
    for n in range(40, 44):
        add(s, n)
    yield f"no row: {ports_left(s)}", []


def test_the_largest_group_loses_the_rule_that_expires_first(tmp_path):
    assert_same(groups_conversation, tmp_path)


def test_an_aborted_bundle_brings_back_what_it_had_evicted(tmp_path):
    flows = tmp_path / "flows"
    # The last one cannot be: its table is not there.
    flows.write_text("table=2,idle_timeout=600,in_port=4,actions=drop\ntable=2,idle_timeout=600,in_port=5,actions=drop\ntable=254,actions=drop\n")
    with running(Switch, "netdev") as s:
        limit(s, "flow_limit=3", "overflow_policy=evict")
        for n in (1, 2, 3):
            add(s, n, f"idle_timeout={100 - n},send_flow_rem")
        c = Connection.to(s, 6)
        c.ask(9, "00000080")
        assert "OFPBRC" in s.ofctl("-O", "OpenFlow15", "--bundle", "add-flows", "br0", str(flows), check=False).stderr
        assert ports_left(s) == ["in_port=1", "in_port=2", "in_port=3"] and not [m for m in c.received() if m[1] == 11]
        flows.write_text("table=2,idle_timeout=600,in_port=4,actions=drop\ntable=2,idle_timeout=600,in_port=5,actions=drop\n")
        s.ofctl("-O", "OpenFlow15", "--bundle", "add-flows", "br0", str(flows))
        assert ports_left(s) == ["in_port=1", "in_port=4", "in_port=5"] and len([m for m in c.received() if m[1] == 11]) == 2


# ---- Misses ----


MISSES = [("in_port=1,actions=goto_table:1", []), (None, ["1 continue"]), (None, ["2 drop"]), (None, ["2 controller"]), (None, ["1 drop"]), (None, ["1 controller"]),
          ("in_port=1,actions=resubmit(,1),output:2", []), (None, ["1 continue", "2 continue", "3 drop"]), ("in_port=1,actions=goto_table:253", ["253 continue"]),
          (None, ["253 controller"]), (None, ["253 drop"]), ("in_port=2,actions=drop", ["0 continue", "1 continue", "2 drop"]), (None, ["0 controller"]), (None, ["0 drop"])]


def misses(s):
    s.ofctl("-O", "OpenFlow15", "del-flows", "br0")
    # Debian's takes the connection of an ovs-ofctl for a controller's where nobody has said what it wants.
    for table in ("0", "1", "2", "3", "253"):
        mod_table(s, "drop", table=table, version="OpenFlow12")
    for flow, settings in MISSES:
        if flow:
            s.ofctl("-O", "OpenFlow15", "del-flows", "br0")
            s.ofctl("-O", "OpenFlow15", "add-flow", "br0", flow)
        for words in settings:
            table, setting = words.split()
            mod_table(s, setting, table=table, version="OpenFlow12")
        trace = s.appctl("ofproto/trace", "br0", "in_port=1")
        yield f"{flow} {settings}\n" + trace[trace.index("bridge("):trace.index("Final flow")]


def test_packets_without_a_rule_go_on_as_table_mod_says(tmp_path):
    with running(Switch, "netdev") as s:
        ours = list(misses(s))
    with running(Peer, "dummy") as s:
        theirs = list(misses(s))
    assert ours == theirs


def test_old_controllers_hear_of_packets_without_a_rule(tmp_path):
    packet = "ffffffffffff505400000008" "88b5" + "00" * 46
    with running(Switch, "netdev") as s:
        new = controllers(s, 1, 4)[0]
        new.ask(9, "0000ffff")
        s.appctl("netdev-dummy/receive", "p1", packet)
        assert "Datapath actions: drop" in s.appctl("ofproto/trace", "br0", "in_port=1")
        os.unlink(f"{s.dir}/controller0")
        old = controllers(s, 1, 1)[0]
        old.ask(9, "0000ffff")
        wait_until("misses are told", lambda: "packet-in" in s.appctl("ofproto/trace", "br0", "in_port=1"))
        s.appctl("netdev-dummy/receive", "p1", packet)
        heard = []
        wait_until("the packet has come", lambda: heard.extend(m for m in old.received() if m[1] == 10) or heard)
        # No match.
        assert heard[0][16] == 0


def test_a_miss_is_told_to_the_controller_and_changes_take_effect_at_once(tmp_path):
    with running(Switch, "netdev") as s:
        c = Connection.to(s, 3)
        c.ask(9, "0000ffff")
        packet = "ffffffffffff505400000008" "88b5" + "00" * 46
        heard = []
        mod_table(s, "drop", table="0", version="OpenFlow12")
        s.appctl("netdev-dummy/receive", "p1", packet)
        mod_table(s, "continue", table="0", version="OpenFlow12")
        mod_table(s, "controller", table="1", version="OpenFlow12")
        mod_table(s, "drop", table="2", version="OpenFlow12")

        def told():
            s.appctl("netdev-dummy/receive", "p1", packet)
            heard.extend(m for m in c.received() if m[1] == 10)
            return heard

        wait_until("the packet has come", told)
        # No match, in table 1.
        assert heard[0][14:16] == b"\0\1"
        # And so say the statistics, as Debian's ovs-ofctl reads them.
        statistics = Peer(tmp_path, "0").run("ovs-ofctl", "-O", "OpenFlow11", "dump-tables", f"unix:{management_socket(s)}")
        assert re.findall(r"config=(\w+)", statistics)[:4] == ["continue", "controller", "drop", "controller"]


# ---- Rows ----


def test_rows_name_tables_and_their_errors_are_told_once(tmp_path):
    with running(Switch, "netdev") as s:
        def features_of(table):
            # Of a table that differs from the one before.
            text = s.ofctl("-O", "OpenFlow15", "dump-table-features", "br0")
            return re.search(rf"(?m)^  table {table}(.*)", text).group(1)

        s.ofctl("-O", "OpenFlow15", "mod-table", "br0", "2", "name:mine")
        limit(s, "name=theirs", "flow_limit=7", "overflow_policy=evict", 'groups=["NXM_OF_IN_PORT[]","nonsense","NXM_OF_VLAN_TCI[0..99]"]', "prefixes=[ip_src,tcp_src]")
        assert features_of(2) == ' ("theirs"):' and "max_entries=7" in s.ofctl("-O", "OpenFlow15", "dump-table-features", "br0")
        assert s.ofctl("-O", "OpenFlow14", "dump-table-desc", "br0").count("eviction=on") == 1
        for i in range(3):
            s.vsctl("set", "bridge", "br0", f"external_ids:again={i}")
        with open(f"{s.dir}/ovs-vswitchd.log") as f:
            log = f.read()
        for words in ('table 2: groups: "nonsense"', 'table 2: groups: "NXM_OF_VLAN_TCI[0..99]"', 'table 2: prefixes: "tcp_src"'):
            assert log.count(words) == 1, words
        s.vsctl("clear", "bridge", "br0", "flow_tables")
        assert features_of(2) == ' ("mine"): ditto'
        assert "eviction=on" not in s.ofctl("-O", "OpenFlow14", "dump-table-desc", "br0")


# ---- Command lines ----


class Wiretap:
    """Between a client and the bridge: keeps what the client says."""

    def __init__(self, s):
        self.path, self.said = f"{s.dir}/wiretap", []
        self.target = management_socket(s)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.target)
            threading.Thread(target=self.pump, args=(server, client, lambda data: None), daemon=True).start()
            # One has all connections of a program: it says one thing after the other.
            threading.Thread(target=self.pump, args=(client, server, self.said.append), daemon=True).start()

    @staticmethod
    def pump(source, sink, keep):
        try:
            while data := source.recv(65536):
                keep(data)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def changes(self):
        """Its table_mods, and requests for features that say something."""
        data, changes = b"".join(self.said), []
        while data:
            n = struct.unpack("!H", data[2:4])[0]
            if data[1] == 17:
                changes.append((data[:4] + data[8:n]).hex())
            elif data[1] == 18 and data[8:10] == b"\0\x0c":
                # The heads of the entries: the properties are what the switch has sent.
                changes += [entry[2:ENTRY].hex() for entry in split(data[16:n])]
            data = data[n:]
        self.said.clear()
        return changes


SETTINGS = ["drop", "continue", "controller", "evict", "noevict", "vacancy:10,20", "vacancy:20,10", "vacancy:1", "vacancy:x,y", "vacancy:10,101", "vacancy:,5",
            "vacancy", "vacancy:5,5,5", "vacancy:-1,5", "novacancy", "name:foo", "name:" + "n" * 40, "name:", "name", "nothing", "evict:1", "DROP"]
TABLES = ["all 4 novacancy", "ALL 1 drop", "255 2 continue", "254 4 evict", "254 3 name:a", "256 4 evict", "nix 4 evict", "-1 1 drop", "0x5 1 drop", "foo 4 evict"]
FLOWS = ["add-flow @ table=foo,actions=goto_table:a.b", "add-flow @ table=5,actions=resubmit(,foo),resubmit(,6),ct(table=foo),learn(table=foo,in_port=1)",
         "add-flow @ table=6,actions=resubmit(,9)", "--names dump-flows @", "--no-names dump-flows @", "--no-stats dump-flows @", "--names --no-stats dump-flows @",
         "dump-flows @ table=foo", "dump-flows @ table=\"foo\"", "dump-flows @ table=7", "dump-flows @ table=\"7\"", "dump-flows @ table=FOO", "dump-flows @ table=twice",
         "dump-flows @ table=0x5", "--no-names dump-flows @ table=foo", "--no-names add-flow @ table=foo,actions=drop", "dump-aggregate @ table=foo",
         "--no-names mod-table @ foo evict", "mod-table @ foo noevict", "mod-table @ \"foo\" evict", "mod-flows @ table=foo,actions=drop", "del-flows @ table=foo",
         "--names dump-flows @", "del-flows @ table=nix", "add-flow @ table=1,actions=goto_table:nix", "add-flow @ table=1,actions=resubmit(,nix)",
         "add-flow @ table=1,actions=learn(table=nix)", "dump-table-desc @"]


def words_of_commands():
    for v in range(6):
        for setting in SETTINGS:
            yield ["-O", f"OpenFlow1{v}", "mod-table", "@", "3", setting]
    for table, v, setting in (t.split() for t in TABLES):
        yield ["-O", f"OpenFlow1{v}", "mod-table", "@", table, setting]
    for table, name in ((3, "foo"), (5, "a.b"), (6, "7"), (9, "drop"), (10, "twice"), (11, "twice")):
        yield ["-O", "OpenFlow15", "mod-table", "@", str(table), f"name:{name}"]
    for line in FLOWS:
        yield ["-O", "OpenFlow15"] + line.split()


def transcript(s, program_of):
    tap = Wiretap(s)
    try:
        for words in words_of_commands():
            done = program_of.run("ovs-ofctl", *[w.replace("@", f"unix:{tap.path}") for w in words], check=False)
            text = f"{done.returncode}\n{done.stdout}{done.stderr}"
            text = re.sub(r"^\S*ovs-ofctl: ", "ovs-ofctl: ", text.replace(tap.path, "@"), flags=re.M)
            text = re.sub(r"(?m)^\d{4}-.*\n", "", re.sub(r"xid=0x[0-9a-f]+", "xid", re.sub(r"duration=[^,]*|idle_age=\d+", "", text)))
            yield words, text, tap.changes()
    finally:
        tap.listener.close()


@pytest.mark.parametrize("cls,datapath_type", [(Switch, "netdev"), (Peer, "dummy")])
def test_command_lines_say_and_show_the_same_as_debians(cls, datapath_type, tmp_path):
    def of(program):
        with running(cls, datapath_type) as s:
            return list(transcript(s, program))

    ours, theirs = of(Switch(tmp_path, "0")), of(Peer(tmp_path, "0"))
    assert [(a, b) for a, b in zip(ours, theirs) if a != b] == []
