// SPDX-License-Identifier: Apache-2.0
#include "hw-tests/lab/cases/frames.h"

#include <check.h>
#include <netinet/in.h>

#include "core/base/hash.h"
#include "core/packet/packet.h"

void flow_from_text(const char *text, struct match *m)
{
	AUTO_FREE char *whole = strstr(text, "in_port(")
					? xstrdup(text)
					: xasprintf("in_port(%d),%s", FRAMES_IN, text);
	struct error err = ERROR_INIT;

	ck_assert_msg(!dp_key_parse(whole, NULL, NULL, m, &err), "%s: %s", whole, err.text);
	m->mask.m.vlans[0].tci |= htobe16(VLAN_PRESENT);
}

struct megaflow *megaflow_of(const struct match *m, const char *actions)
{
	AUTO(strbuf) list = STRBUF_INIT;
	struct error err = ERROR_INIT;

	ck_assert_msg(!dp_actions_parse(actions, NULL, NULL, &list, &err), "%s: %s", actions,
		      err.text);
	return megaflow_create(&m->key, &m->mask, dp_actions_of(&list));
}

void frame_for(const struct match *m, struct strbuf *frame)
{
	struct flow_key key = m->key;

	if (flow_is_ip(&key) && !m->mask.m.nw_ttl)
		key.nw_ttl = 64;
	packet_compose(&key, 32, frame);
}

static bool has_ports(const struct flow_key *k)
{
	return flow_is_ip(k) && (k->nw_proto == IPPROTO_TCP || k->nw_proto == IPPROTO_UDP ||
				 k->nw_proto == IPPROTO_SCTP);
}

bool flow_flip(const struct match *m, struct flow_key *key)
{
	static const struct {
		size_t at, n;
		bool port;
	} members[] = {
#define MEMBER(NAME, PORT) \
	{ offsetof(struct flow_key, NAME), sizeof(((struct flow_key *)0)->NAME), PORT }
		MEMBER(eth_dst, false), MEMBER(eth_src, false),	 MEMBER(nw_src, false),
		MEMBER(nw_dst, false),	MEMBER(ipv6_src, false), MEMBER(ipv6_dst, false),
		MEMBER(tp_src, true),	MEMBER(tp_dst, true),	 MEMBER(nw_ttl, false),
		MEMBER(nw_tos, false),
#undef MEMBER
	};
	size_t i = random_u32() % ARRAY_SIZE(members);
	size_t byte = members[i].at + random_u32() % members[i].n;
	uint8_t bit = 1 << random_u32() % 8;

	// ICMP's type and code stand there, too: they make another kind of packet.
	if (members[i].port && !has_ports(key))
		return false;
	if (!(((const uint8_t *)&m->mask)[byte] & bit))
		return false;
	((uint8_t *)key)[byte] ^= bit;
	return true;
}

void marker_send(const struct wire *w)
{
	static const uint8_t marker[60] = {
		2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, MARKER_TYPE >> 8, MARKER_TYPE & 0xff
	};

	wire_send(w, marker, sizeof(marker));
}

bool is_marker(const struct strbuf *frame)
{
	return (uint8_t)frame->s[12] == MARKER_TYPE >> 8 &&
	       (uint8_t)frame->s[13] == (MARKER_TYPE & 0xff);
}
