# SPDX-License-Identifier: Apache-2.0
"""Random OpenFlow tables and packets from a seed, in the words of ovs-ofctl and ofproto/trace: what two switches are asked alike."""
import random

PORTS = (1, 2, 3, 4)
MACS = ("00:00:00:00:00:01", "00:00:00:00:00:02", "02:aa:bb:cc:dd:ee", "01:00:5e:00:00:05")
IPS = ("10.0.0.1", "10.0.0.2", "10.0.1.2", "192.168.7.9", "11.0.0.1")
IP6S = ("2001:db8::1", "2001:db8::2", "2001:db8:1::1")
L4_PORTS = (80, 81, 443, 1024, 53)
VLANS = (5, 6, 100)
N_TABLES = 6


class Tables:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def chance(self, percent):
        return self.r.randrange(100) < percent

    def pick(self, choices):
        return self.r.choice(choices)

    # ---- Matches ----

    def address(self, field, addresses, lengths):
        return f"{field}={self.pick(addresses)}/{self.pick(lengths)}"

    def l3_match(self):
        kind = self.pick(("arp", "ip", "ip", "tcp", "tcp", "udp", "udp", "icmp", "ipv6", "tcp6", "udp6"))
        words = [kind]
        if kind == "arp":
            if self.chance(30):
                words.append(f"arp_op={self.pick((1, 2))}")
            if self.chance(30):
                words.append(self.address("arp_tpa", IPS, (32, 24, 8)))
            return words
        six = kind.endswith("6")
        if self.chance(40):
            words.append(self.address("ipv6_dst" if six else "nw_dst", IP6S if six else IPS, (128, 64, 33) if six else (32, 24, 15)))
        if self.chance(20):
            words.append(self.address("ipv6_src" if six else "nw_src", IP6S if six else IPS, (128, 48) if six else (32, 8)))
        if self.chance(8):
            words.append(f"nw_ttl={self.pick((1, 64))}")
        if self.chance(8):
            words.append(f"nw_tos={self.pick((0, 32))}")
        if self.chance(5):
            words.append(f"ip_frag={self.pick(('no', 'first', 'not_later'))}")
        if kind in ("tcp", "udp", "tcp6", "udp6"):
            if self.chance(40):
                words.append(f"tp_dst={self.pick(L4_PORTS)}")
            if self.chance(15):
                words.append(f"tp_src={self.pick(L4_PORTS)}/0xfff0")
            if kind.startswith("tcp") and self.chance(8):
                words.append(f"tcp_flags={self.pick(('+syn', '+syn-ack', '-rst', '+fin'))}")
        return words

    def match(self, table):
        words = []
        if self.chance(40):
            words.append(f"in_port={self.pick(PORTS)}")
        if self.chance(15):
            words.append(f"dl_dst={self.pick(MACS)}")
        if self.chance(8):
            words.append("dl_dst=01:00:00:00:00:00/01:00:00:00:00:00")
        if self.chance(10):
            words.append(f"dl_src={self.pick(MACS)}/ff:ff:ff:00:00:00")
        if self.chance(12):
            words.append(self.pick(("vlan_tci=0", "vlan_tci=0x1000/0x1000", f"dl_vlan={self.pick(VLANS)}", "dl_vlan_pcp=3")))
        if self.chance(60):
            words += self.l3_match()
        if table and self.chance(35):
            words.append(f"reg{self.r.randrange(4)}={self.r.randrange(4)}/{self.pick(('0x3', '0xff', '0xffffffff'))}")
        if table and self.chance(10):
            words.append(f"metadata={self.r.randrange(3)}")
        return words

    # ---- Actions ----

    def simple_action(self, words):
        """One that does not send the packet anywhere."""
        ip = bool({"ip", "tcp", "udp", "icmp"} & set(words))
        six = bool({"ipv6", "tcp6", "udp6"} & set(words))
        choices = [lambda: f"load:{self.r.randrange(4)}->NXM_NX_REG{self.r.randrange(4)}[{self.pick(('0..7', '', '2..3'))}]",
                   lambda: f"set_field:{self.r.randrange(3)}->metadata",
                   lambda: f"move:NXM_NX_REG{self.r.randrange(4)}[0..7]->NXM_NX_REG{self.r.randrange(4)}[8..15]",
                   lambda: f"mod_dl_dst:{self.pick(MACS)}", lambda: f"mod_dl_src:{self.pick(MACS)}",
                   lambda: "move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]", lambda: "strip_vlan",
                   lambda: f"mod_vlan_vid:{self.pick(VLANS)}", lambda: "mod_vlan_pcp:3",
                   lambda: "move:NXM_OF_IN_PORT[]->NXM_NX_REG1[0..15]",
                   lambda: f"push:{self.pick(('NXM_NX_REG0[]', 'NXM_OF_IN_PORT[]', 'NXM_OF_ETH_SRC[0..7]', 'NXM_OF_ETH_DST[]'))}",
                   lambda: f"pop:{self.pick(('NXM_NX_REG0[0..3]', 'NXM_NX_REG1[]', 'NXM_OF_ETH_DST[0..7]', 'NXM_OF_ETH_SRC[]'))}",
                   lambda: f"bundle_load(nw_src,0,hrw,ofport,NXM_NX_REG1[0..15],members:77,{self.pick(PORTS)})"]
        if ip:
            choices += [lambda: f"mod_nw_src:{self.pick(IPS)}", lambda: f"mod_nw_dst:{self.pick(IPS)}", lambda: "mod_nw_tos:32",
                        lambda: "dec_ttl", lambda: "mod_nw_ttl:9", lambda: "move:NXM_OF_IP_SRC[]->NXM_NX_REG2[]"]
        if six:
            choices += [lambda: f"set_field:{self.pick(IP6S)}->ipv6_dst", lambda: "dec_ttl"]
        if {"tcp", "udp", "tcp6", "udp6"} & set(words):
            choices += [lambda: f"mod_tp_dst:{self.pick(L4_PORTS)}", lambda: f"mod_tp_src:{self.pick(L4_PORTS)}"]
        return self.pick(choices)()

    def output(self, table):
        choices = [lambda: f"output:{self.pick(PORTS)}"] * 4 + [lambda: "in_port", lambda: "drop", lambda: "flood", lambda: "all",
                                                                lambda: "output:NXM_NX_REG1[0..15]", lambda: "NORMAL",
                                                                lambda: f"output(port={self.pick(PORTS)},max_len=100)"]
        if table < N_TABLES - 1:
            choices += [lambda: f"resubmit(,{self.r.randrange(table + 1, N_TABLES)})"] * 8
        return self.pick(choices)()

    def actions(self, table, words):
        list_ = []
        for _ in range(self.r.randrange(1, 4)):
            if self.chance(60):
                list_.append(self.simple_action(words))
            out = self.output(table)
            if out == "drop":
                break
            list_.append(out)
        if self.chance(6) and list_:
            list_.append(f"clone({','.join(list_[:2])})" if self.chance(50) else "exit")
        return ",".join(list_) or "drop"

    def flows(self, n):
        lines = []
        # Which of two rules of one priority matches is nobody's to say.
        for priority in self.r.sample(range(1, 1000), n):
            table = self.pick((0, 0, 0, 1, 2, 3, 4, 5))
            words = self.match(table)
            lines.append(",".join([f"table={table},priority={priority}", *words]) + f",actions={self.actions(table, words)}")
        for table in range(N_TABLES - 1):
            # So that packets get somewhere: what nothing matches goes on, or out.
            lines.append(f"table={table},priority=0,actions=resubmit(,{table + 1})")
        lines.append(f"table={N_TABLES - 1},priority=0,actions={self.pick(('NORMAL', 'output:2', 'drop', 'flood'))}")
        return lines

    # ---- Packets ----

    def packet(self):
        words = [f"in_port={self.pick(PORTS)}", f"dl_src={self.pick(MACS[:3])}", f"dl_dst={self.pick(MACS)}"]
        if self.chance(20):
            words += [f"dl_vlan={self.pick(VLANS)}", f"dl_vlan_pcp={self.pick((0, 3))}"]
        kind = self.pick(("arp", "tcp", "tcp", "udp", "udp", "icmp", "tcp6", "udp6", "other", "ip"))
        if kind == "other":
            return ",".join(words + ["dl_type=0x1234"])
        words.append(kind)
        if kind == "arp":
            return ",".join(words + [f"arp_op={self.pick((1, 2))}", f"arp_spa={self.pick(IPS)}", f"arp_tpa={self.pick(IPS)}"])
        if kind.endswith("6"):
            words += [f"ipv6_src={self.pick(IP6S)}", f"ipv6_dst={self.pick(IP6S)}"]
        else:
            words += [f"nw_src={self.pick(IPS)}", f"nw_dst={self.pick(IPS)}"]
        words += [f"nw_ttl={self.pick((1, 2, 64))}", f"nw_tos={self.pick((0, 32))}"]
        if kind == "ip":
            words.append("nw_proto=47")
        if kind[:3] in ("tcp", "udp"):
            words += [f"{kind[:3]}_src={self.pick(L4_PORTS)}", f"{kind[:3]}_dst={self.pick(L4_PORTS)}"]
        if kind.startswith("tcp") and self.chance(50):
            words.append(f"tcp_flags={self.pick(('syn', 'ack', 'syn|ack', 'fin|ack', 'rst'))}")
        return ",".join(words)
