# SPDX-License-Identifier: Apache-2.0
"""Datapath actions and megaflows as text, understood: what packets leave by which port, and which bits a megaflow looks at."""
import ipaddress
import re


def split(text):
    """At commas that stand in no parentheses."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "({") - (c in ")}")
        if c == "," and not depth:
            parts.append(text[start:i])
            start = i + 1
    return [p for p in [*parts, text[start:]] if p]


def number(value):
    """Any notation of a value as a number: 5, 0x5, an address of Ethernet, IPv4 or IPv6."""
    if value.count(":") == 5 and "::" not in value and all(len(x) == 2 for x in value.split(":")):
        return int(value.replace(":", ""), 16)
    if "." in value or ":" in value:
        return int(ipaddress.ip_address(value))
    return int(value, 0)


WIDTHS = {"nw_src": 32, "nw_dst": 32, "ipv6_src": 128, "ipv6_dst": 128, "dl_src": 48, "dl_dst": 48, "arp_spa": 32, "arp_tpa": 32,
          "arp_sha": 48, "arp_tha": 48, "nw_tos": 6, "nw_ecn": 2, "nw_ttl": 8, "nw_proto": 8, "tp_src": 16, "tp_dst": 16, "tcp_flags": 12,
          "in_port": 16, "dl_type": 16, "vlan_tci": 16, "dl_vlan": 12, "dl_vlan_pcp": 3, "arp_op": 8, "nw_frag": 2, "icmp_type": 8, "icmp_code": 8,
          "recirc_id": 32, "metadata": 64, "ipv6_label": 20, "vlan_tci1": 16, "dl_vlan1": 12, "dl_vlan_pcp1": 3}
PROTOCOLS = {"ip", "ipv6", "tcp", "udp", "sctp", "icmp", "icmp6", "tcp6", "udp6", "sctp6", "arp", "rarp", "eth", "mpls", "mplsm"}


def mask_of(field, text):
    width = WIDTHS.get(field, 128)
    full = (1 << width) - 1
    if "/" not in text:
        return full
    mask = text.split("/")[1]
    if field in ("nw_src", "nw_dst", "arp_spa", "arp_tpa", "ipv6_src", "ipv6_dst") and mask.isdigit():
        return full ^ ((1 << (width - int(mask))) - 1)
    return number(mask)


def megaflow_bits(text):
    """The mask of each field that a line of ofproto/trace's megaflow looks at; protocols are fields of their own."""
    bits = {}
    for word in split(text):
        name, _, value = word.partition("=")
        if name in PROTOCOLS:
            bits["dl_type"] = 0xffff
            if name not in ("ip", "ipv6", "arp", "rarp", "eth", "mpls", "mplsm"):
                bits["nw_proto"] = 0xff
            continue
        name = {"dl_vlan": "vlan", "dl_vlan_pcp": "vlan", "vlan_tci": "vlan", "tcp_src": "tp_src", "tcp_dst": "tp_dst", "udp_src": "tp_src",
                "udp_dst": "tp_dst", "icmp_type": "tp_src", "icmp_code": "tp_dst"}.get(name, name)
        mask = mask_of(word.partition("=")[0], value)
        if name == "vlan":
            # That there is a tag, or none, goes without saying in the other notation: the type says so.
            mask = {"dl_vlan": 0xfff, "dl_vlan_pcp": 0xe000}.get(word.partition("=")[0], mask & 0xefff)
            mask = 0 if value.startswith("0x0000") else mask
        elif name == "vlan_tci1":
            # By default the other sees one tag.
            mask = 0
        elif name == "tcp_flags" and value[0] in "+-":
            mask = (1 << len(re.findall(r"[+-]", value))) - 1
        elif name == "nw_frag":
            mask = 3
        bits[name] = bits.get(name, 0) | mask
    return bits


SETS = {("eth", "src"): "dl_src", ("eth", "dst"): "dl_dst", ("ipv4", "src"): "nw_src", ("ipv4", "dst"): "nw_dst", ("ipv4", "tos"): "tos",
        ("ipv4", "ttl"): "ttl", ("ipv6", "src"): "ipv6_src", ("ipv6", "dst"): "ipv6_dst", ("ipv6", "tclass"): "tos", ("ipv6", "hlimit"): "ttl",
        ("tcp", "src"): "tp_src", ("tcp", "dst"): "tp_dst", ("udp", "src"): "tp_src", ("udp", "dst"): "tp_dst", ("icmp", "type"): "icmp_type", ("icmp", "code"): "icmp_code"}
# How wide the datapath's own notation is.
SET_WIDTHS = {"dl_src": 48, "dl_dst": 48, "nw_src": 32, "nw_dst": 32, "ipv6_src": 128, "ipv6_dst": 128, "tos": 8, "ttl": 8, "tp_src": 16,
              "tp_dst": 16, "icmp_type": 8, "icmp_code": 8}


class Packet(dict):
    """Headers by name as numbers, from a flow in the words of ofproto/trace."""

    @classmethod
    def of(cls, flow):
        p = cls(vlans=())
        words = {re.sub("^(tcp|udp)_(src|dst)$", r"tp_\2", w.partition("=")[0]): w.partition("=")[2] for w in split(flow)}
        for name in ("dl_src", "dl_dst", "nw_src", "nw_dst", "ipv6_src", "ipv6_dst", "tp_src", "tp_dst"):
            if name in words:
                p[name] = number(words[name])
        p["tos"], p["ttl"] = int(words.get("nw_tos", 0)), int(words.get("nw_ttl", 0))
        if "icmp" in words:
            p["icmp_type"], p["icmp_code"] = int(words.get("icmp_type", 0)), int(words.get("icmp_code", 0))
        if "dl_vlan" in words:
            p["vlans"] = ((int(words["dl_vlan"]), int(words.get("dl_vlan_pcp", 0)), 0x8100),)
        return p

    def set(self, text):
        header, values = re.fullmatch(r"(\w+)\((.*)\)", text).groups()
        for word in split(values):
            name, _, value = word.partition("=")
            if (header, name) not in SETS:
                self[f"{header}_{name}"] = value
                continue
            field = SETS[header, name]
            value, _, mask = value.partition("/")
            mask = number(mask) if mask else (1 << SET_WIDTHS[field]) - 1
            self[field] = self.get(field, 0) & ~mask | number(value) & mask

    def push_vlan(self, text):
        words = dict(w.partition("=")[::2] for w in split(text))
        self["vlans"] = ((int(words["vid"]), int(words["pcp"]), int(words.get("tpid", "0x8100"), 0)), *self["vlans"])


def outputs(actions, packet):
    """What leaves: (port, bytes at most, headers) for each output, in the order of the ports. Ends with what the packet is then."""
    out, trunc = [], 0
    packet = Packet(packet)
    for a in split(actions):
        name, _, rest = a.partition("(")
        rest = rest[:-1] if rest else ""
        if a == "drop":
            continue
        if a.isdigit():
            out.append((int(a), trunc, tuple(sorted(packet.items()))))
            trunc = 0
        elif name == "trunc":
            trunc = int(rest)
        elif name == "set":
            packet.set(rest)
        elif name == "push_vlan":
            packet.push_vlan(rest)
        elif a == "pop_vlan":
            packet["vlans"] = packet["vlans"][1:]
        elif name == "clone":
            out += outputs(rest, packet)
        elif name == "userspace":
            out.append((-1, re.sub(r"[^a-z_(,]*", "", re.sub(r"0x[0-9a-f]+", "", rest)), tuple(sorted(packet.items()))))
        else:
            raise ValueError(f"unknown datapath action {a}")
    return sorted(out, key=repr)
