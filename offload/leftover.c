// SPDX-License-Identifier: Apache-2.0
#include "offload/leftover.h"

// The field that owns bits which nothing has matched. Members are shared (TCP and UDP ports): a field that the packet has
// is the better name, but the key of a megaflow does not always say what it has.
static const struct field *owner(const struct flow_mask *left, const struct flow_key *key,
				 bool must_be_present)
{
	for (int id = 0; id < FIELD_MAX; id++) {
		const struct field *f = field_get(id);
		union field_value bits;

		field_read(f, &left->m, &bits);
		if (!is_all_zeros(&bits, f->n_bytes) &&
		    (!must_be_present || field_is_present(f, key)))
			return f;
	}
	return NULL;
}

bool leftover_refuse(const struct flow_mask *left, const struct flow_key *key, struct verdict *v)
{
	const struct field *f;

	if (is_all_zeros(left, sizeof(*left)))
		return true;
	f = owner(left, key, true);
	if (!f)
		f = owner(left, key, false);
	return verdict_refuse(v, REASON_FIELD_UNSUPPORTED, f ? f->name : "unnamed bits");
}
