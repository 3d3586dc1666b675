// SPDX-License-Identifier: Apache-2.0
#include "core/flow/dp-action.h"

static const struct {
	const char *name;
	bool nested, executed;
} types[DP_ACTION_MAX] = {
#define DP_ACTION(ID, NAME, PAYLOAD, NESTED, EXECUTED) \
	[DP_ACTION_##ID] = { NAME, NESTED, EXECUTED },
#include "core/flow/dp-actions.def"
#undef DP_ACTION
};

// Bytes of header and payload that an element of each kind takes.
static const uint32_t sizes[DP_ACTION_MAX] = {
#define DP_ACTION(ID, NAME, PAYLOAD, NESTED, EXECUTED) \
	[DP_ACTION_##ID] = \
		offsetof(struct dp_action, PAYLOAD) + sizeof(((struct dp_action *)NULL)->PAYLOAD),
#include "core/flow/dp-actions.def"
#undef DP_ACTION
};

const char *dp_action_name(enum dp_action_type type)
{
	return type < DP_ACTION_MAX ? types[type].name : "unknown";
}

bool dp_action_is_executed(enum dp_action_type type)
{
	return type < DP_ACTION_MAX && types[type].executed;
}

struct dp_action *dp_put(struct strbuf *b, enum dp_action_type type)
{
	uint32_t size = ROUND_UP(sizes[type], 8);
	struct dp_action *a = (struct dp_action *)strbuf_put_uninit(b, size);

	memset(a, 0, size);
	a->type = type;
	a->size = size;
	return a;
}

void dp_put_output(struct strbuf *b, dp_port_t port)
{
	dp_put(b, DP_ACTION_OUTPUT)->output.port = port;
}

void dp_put_set(struct strbuf *b, const struct field *f, const union field_value *value,
		const union field_value *mask)
{
	struct dp_action *a = dp_put(b, DP_ACTION_SET);
	union field_value all;

	if (!mask) {
		field_all_ones(f, &all);
		mask = &all;
	}
	assert(f->n_bytes <= sizeof(a->set.value));
	a->set.field = f->id;
	for (size_t i = 0; i < f->n_bytes; i++) {
		a->set.value[i] = value->b[i] & mask->b[i];
		a->set.mask[i] = mask->b[i];
	}
}

size_t dp_put_nested_begin(struct strbuf *b, enum dp_action_type type)
{
	size_t begin = b->len;
	struct dp_action *a = dp_put(b, type);

	assert(types[type].nested);
	a->nested = a->size;
	return begin;
}

void dp_put_nested_end(struct strbuf *b, size_t begin)
{
	struct dp_action *a = (struct dp_action *)(b->s + begin);

	a->size = b->len - begin;
}

bool dp_actions_equal(struct dp_actions a, struct dp_actions b)
{
	return a.size == b.size && (!a.size || !memcmp(a.first, b.first, a.size));
}

int dp_actions_check(struct dp_actions list, struct error *err)
{
	const struct dp_action *a;

	DP_ACTION_FOR_EACH (a, list) {
		int error;

		if (!dp_action_is_executed(a->type))
			return error_set(err, -ENOTSUP, "datapath action %s is not supported yet",
					 dp_action_name(a->type));
		error = dp_actions_check(dp_action_nested(a), err);
		if (error)
			return error;
	}
	return 0;
}
