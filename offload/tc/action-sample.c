// SPDX-License-Identifier: Apache-2.0
// Samples: one packet in N is copied to psample, for others (psample) or for this process (userspace); all go on.
//
// The copy is the packet's bytes and where it came in, nothing else. What this process would be told beside by the kernel's
// datapath (a tag that is kept beside the packet, the outer header, the connection) is known from the flow, or must not be there.
#include <linux/tc_act/tc_sample.h>

#include "core/base/hash.h"
#include "core/packet/packet.h"
#include "offload/tc/action-private.h"

static uint32_t group_of(const struct sampled *s)
{
	uint64_t h = hash_stable(&s->action.userspace, sizeof(s->action.userspace), 0);

	if (s->tag.tci)
		h = hash_stable(&s->tag, sizeof(s->tag), h);
	return TC_SAMPLE_BASE + h % (TC_SAMPLE_LAST - TC_SAMPLE_BASE + 1);
}

bool tc_sample_is_same(const struct sampled *a, const struct sampled *b)
{
	return a->tag.tpid == b->tag.tpid && a->tag.tci == b->tag.tci &&
	       !memcmp(&a->action.userspace, &b->action.userspace, sizeof(a->action.userspace));
}

// The datapath does so before it hands a packet over.
static void complete(struct strbuf *bytes)
{
	struct packet p = { .data = (uint8_t *)bytes->s, .size = bytes->len };

	if (!packet_locate(&p))
		packet_complete_checksum(&p);
}

int tc_sample_restore(const struct sampled *s, const struct psample_message *m, struct strbuf *out)
{
	const be16 tag[2] = { s->tag.tpid, s->tag.tci & htobe16(~VLAN_PRESENT) };
	const uint8_t *at = m->packet;
	bool is_there =
		m->n >= 2 * ETH_ALEN + sizeof(tag) && !memcmp(at + 2 * ETH_ALEN, tag, sizeof(tag));

	if (m->n < ETH_HLEN)
		return -EPROTO;
	strbuf_put(out, at, 2 * ETH_ALEN);
	if (s->tag.tci && !is_there)
		strbuf_put(out, tag, sizeof(tag));
	strbuf_put(out, at + 2 * ETH_ALEN, m->n - 2 * ETH_ALEN);
	complete(out);
	return 0;
}

// 'probability' is UINT32_MAX / N, as sFlow writes it, and not 0. Of several N that are written alike, the one that is nearest to
// what the datapath does. 0: of none.
static uint32_t rate_of(uint32_t probability)
{
	uint64_t n = UINT32_MAX / ((uint64_t)probability + 1) + 1;

	return UINT32_MAX / n == probability ? n : 0;
}

static bool put_sample(struct acting *c, uint32_t rate, uint32_t group)
{
	struct tc_sample parms = { .action = TC_ACT_PIPE };
	struct strbuf *b = &c->rule->options;
	size_t nest;

	if (!tc_act_room(c, 1))
		return false;
	nest = tc_act_begin(c, "sample");
	nl_put(b, TCA_SAMPLE_PARMS, &parms, sizeof(parms));
	nl_put_u32(b, TCA_SAMPLE_RATE, rate);
	nl_put_u32(b, TCA_SAMPLE_PSAMPLE_GROUP, group);
	tc_act_end(c, nest);
	return true;
}

// Of packets that the host sends, psample tells where they go, and not that they come from there.
static const char *any_lacks(const struct acting *c, uint32_t rate)
{
	return !rate		     ? "sample at no rate of 1 in N"
	       : !tc_probed_sample() ? "sample"
	       : c->rule->egress     ? "sample of what the host sends"
	       : c->rule->ifindex > TC_SAMPLE_MAX_IFINDEX
		       ? "sample at an interface number over 65535"
		       : NULL;
}

static const char *userspace_lacks(const struct acting *c)
{
	return c->n_tags > 1		      ? "sample of packets with several tags"
	       : c->n_tags && !c->tag.tci     ? "sample of packets with a tag not matched whole"
	       : c->rule->from_tunnel	      ? "sample of packets from a tunnel"
	       : c->rule->chain || c->tracked ? "sample of tracked packets"
	       : c->rule->n_samples == TC_RULE_SAMPLES ? "more than 4 samples"
						       : NULL;
}

static struct sampled *add_sampled(struct compiled_rule *r)
{
	struct sampled *s;

	r->samples = xrealloc(r->samples, (r->n_samples + 1) * sizeof(*r->samples));
	s = &r->samples[r->n_samples++];
	memset(s, 0, sizeof(*s));
	return s;
}

static bool sample_for_us(struct acting *c, uint32_t rate, const struct dp_action *a)
{
	const char *lack = any_lacks(c, rate);
	struct sampled *s;

	if (a->userspace.kind == USERSPACE_SLOW_PATH)
		return verdict_refuse(c->v, REASON_NEEDS_SOFTWARE,
				      userspace_kind_name(a->userspace.kind));
	if (!lack)
		lack = userspace_lacks(c);
	if (lack)
		return verdict_refuse(c->v, REASON_ACTION_UNSUPPORTED, lack);
	s = add_sampled(c->rule);
	s->tag = c->tag;
	memcpy(&s->action, a, MIN(a->size, sizeof(s->action)));
	s->group = group_of(s);
	return put_sample(c, rate, s->group);
}

static bool sample_for_others(struct acting *c, uint32_t rate, const struct dp_action *a)
{
	const char *lack = any_lacks(c, rate);

	if (!lack && tc_sample_is_ours(a->psample.group))
		lack = "psample(group) of the switch's own range";
	// psample tells of the outer header that a packet is to get, which is written before the next tunnel only.
	if (!lack && c->tunnel_changed)
		lack = "psample behind set(tunnel)";
	// No driver hands one over, and of kernels only those since Linux 6.11.
	if (!lack && a->psample.cookie_len)
		lack = "psample(cookie)";
	if (lack)
		return verdict_refuse(c->v, REASON_ACTION_UNSUPPORTED, lack);
	return put_sample(c, rate, a->psample.group);
}

bool act_psample(struct acting *c, const struct dp_action *a)
{
	return sample_for_others(c, 1, a);
}

bool act_sample(struct acting *c, const struct dp_action *a)
{
	struct dp_actions list = dp_action_nested(a);
	const struct dp_action *only =
		list.size && list.first->size == list.size ? list.first : NULL;

	if (!a->sample.probability || !list.size)
		return true;
	if (only && only->type == DP_ACTION_USERSPACE)
		return sample_for_us(c, rate_of(a->sample.probability), only);
	if (only && only->type == DP_ACTION_PSAMPLE)
		return sample_for_others(c, rate_of(a->sample.probability), only);
	// One that takes all packets is no question of chance.
	return a->sample.probability == UINT32_MAX
		       ? act_clone(c, a)
		       : verdict_refuse(c->v, REASON_ACTION_UNSUPPORTED, "sample of some packets");
}
