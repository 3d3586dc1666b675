// SPDX-License-Identifier: Apache-2.0
#include "hw-tests/lab/cases/software.h"

#include <check.h>

#include "core/packet/packet.h"

enum { HEADROOM = 128 };

void outcome_add(struct outcome *o, unsigned int port, const void *frame, size_t n)
{
	ck_assert_uint_lt(o->n, MAX_FRAMES);
	o->frames[o->n].port = port;
	strbuf_init(&o->frames[o->n].frame);
	strbuf_put(&o->frames[o->n++].frame, frame, n);
}

void outcome_free(struct outcome *o)
{
	for (size_t i = 0; i < o->n; i++)
		strbuf_uninit(&o->frames[i].frame);
	o->n = 0;
}

static void run(struct packet *p, struct dp_actions list, struct dp_actions after,
		struct outcome *o);

static void run_on_copy(const struct packet *p, struct dp_actions list, struct dp_actions after,
			struct outcome *o)
{
	struct packet_metadata md = { .in_port = 1 };
	struct packet copy = *p;
	struct flow_key key;
	uint8_t room[2048];

	ck_assert_uint_le(p->size + HEADROOM, sizeof(room));
	copy.data = room + HEADROOM;
	copy.headroom = HEADROOM;
	memcpy(copy.data, p->data, p->size);
	ck_assert_int_eq(packet_parse(&copy, &md, &key), 0);
	run(&copy, list, after, o);
}

// The kernel's datapath keeps the outer tag beside the packet.
static size_t size_without_tag(const struct packet *p)
{
	bool tagged = p->size > 14 && p->data[12] == (p->data[13] == 0xa8 ? 0x88 : 0x81) &&
		      (p->data[13] == 0xa8 || !p->data[13]);

	return p->size - (tagged ? 4 : 0);
}

static void run(struct packet *p, struct dp_actions list, struct dp_actions after,
		struct outcome *o)
{
	const struct dp_action *a;
	uint32_t max_len = UINT32_MAX;
	struct packet_metadata md = { .in_port = 1 };
	struct flow_key key;

	DP_ACTION_FOR_EACH (a, list)
		switch (a->type) {
		case DP_ACTION_OUTPUT:
			outcome_add(o, a->output.port.n, p->data, MIN(p->size, max_len));
			max_len = UINT32_MAX;
			break;
		case DP_ACTION_TRUNC:
			max_len = a->trunc.max_len;
			break;
		case DP_ACTION_SET:
			packet_set_field(p, a->set.field, a->set.value, a->set.mask);
			break;
		case DP_ACTION_PUSH_VLAN:
			ck_assert(packet_push_vlan(p, a->push_vlan.tpid, a->push_vlan.tci));
			break;
		case DP_ACTION_POP_VLAN:
			packet_pop_vlan(p);
			break;
		case DP_ACTION_CLONE:
			run_on_copy(p, dp_action_nested(a), after, o);
			break;
		case DP_ACTION_SAMPLE:
			ck_assert_uint_eq(a->sample.probability, UINT32_MAX);
			run_on_copy(p, dp_action_nested(a), after, o);
			break;
		case DP_ACTION_PUSH_MPLS:
			ck_assert(packet_push_mpls(p, a->push_mpls.ethertype, a->push_mpls.lse));
			ck_assert_int_eq(packet_parse(p, &md, &key), 0);
			break;
		case DP_ACTION_POP_MPLS:
			packet_pop_mpls(p, a->pop_mpls.ethertype);
			ck_assert_int_eq(packet_parse(p, &md, &key), 0);
			break;
		case DP_ACTION_DEC_TTL:
			if (packet_dec_ttl(p))
				break;
			run_on_copy(p, dp_action_nested(a), after, o);
			return;
		case DP_ACTION_CHECK_PKT_LEN:
			run_on_copy(p,
				    size_without_tag(p) > a->check_pkt_len.pkt_len
					    ? dp_action_larger(a)
					    : dp_action_smaller(a),
				    after, o);
			break;
		// They say nothing about the bytes, without addresses to translate.
		case DP_ACTION_CT:
		case DP_ACTION_CT_CLEAR:
		case DP_ACTION_HASH:
			break;
		case DP_ACTION_RECIRC:
			run_on_copy(p, after, (struct dp_actions){ NULL, 0 }, o);
			break;
		case DP_ACTION_USERSPACE:
			break;
		case DP_ACTION_DROP:
			return;
		default:
			ck_abort_msg("%s is not in these tests", dp_action_name(a->type));
		}
}

void run_in_software(const struct strbuf *frame, struct dp_actions list, struct dp_actions after,
		     struct outcome *o)
{
	struct packet p = { .data = (uint8_t *)frame->s, .size = frame->len };

	run_on_copy(&p, list, after, o);
}

static size_t find(const struct outcome *have, const bool taken[], unsigned int port,
		   const struct strbuf *frame)
{
	size_t k = 0;

	while (k < have->n && (taken[k] || have->frames[k].port != port ||
			       have->frames[k].frame.len != frame->len ||
			       memcmp(have->frames[k].frame.s, frame->s, frame->len)))
		k++;
	return k;
}

void outcome_compare(const struct outcome *want, const struct outcome *have, const char *what)
{
	bool taken[MAX_FRAMES] = { 0 }, same = want->n == have->n;
	AUTO(strbuf) text = STRBUF_INIT;

	for (size_t i = 0; same && i < want->n; i++) {
		size_t k = find(have, taken, want->frames[i].port, &want->frames[i].frame);

		same = k < have->n;
		if (same)
			taken[k] = true;
	}
	if (same)
		return;
	strbuf_printf(&text, "%s: %zu frames expected, %zu came\n", what, want->n, have->n);
	for (size_t i = 0; i < want->n + have->n; i++) {
		const struct outcome *o = i < want->n ? want : have;
		size_t k = i < want->n ? i : i - want->n;

		strbuf_printf(&text, "%s at %u:\n", o == want ? "expected" : "came",
			      o->frames[k].port);
		strbuf_put_hex_dump(&text, o->frames[k].frame.s, o->frames[k].frame.len, 0, false);
	}
	ck_abort_msg("%s", text.s);
}
