// SPDX-License-Identifier: Apache-2.0
// Changes of groups and meters that one connection makes are forwarded to those that asked for it (REQUESTFORWARD).
#include "ofproto/control/control-private.h"

// Whether the change can be said in a version at all.
static bool has_request(uint8_t version, const struct forward *f)
{
	if (f->meter)
		return version >= OFP13;
	// Before 1.5 messages of OpenFlow know no buckets by themselves.
	return group_version_is_new(version) || f->group->command <= GROUP_DELETE ||
	       f->group->command == GROUP_ADD_OR_MODIFY;
}

static bool is_for(const struct peer *p, const struct forward *f)
{
	return p != f->from && peer_wants(p, ASYNC_REQUESTFORWARD, f->meter ? 1 : 0) &&
	       has_request(of_conn_version(p->conn), f);
}

void forward_prepare(struct forward *f)
{
	struct peer *p;

	LIST_FOR_EACH (p, node, &f->from->control->peers) {
		uint8_t version = of_conn_version(p->conn);
		AUTO(strbuf) request = STRBUF_INIT;

		if (!is_for(p, f) || f->messages[version].len)
			continue;
		if (f->meter)
			meter_mod_encode(f->meter, version, f->xid, &request);
		else
			group_mod_encode(f->group, version, f->xid, &request);
		requestforward_encode(&request, version, &f->messages[version]);
	}
}

void forward_send(struct forward *f)
{
	struct peer *p;

	LIST_FOR_EACH (p, node, &f->from->control->peers) {
		const struct strbuf *b = &f->messages[of_conn_version(p->conn)];

		if (is_for(p, f) && b->len)
			of_conn_send(p->conn, b->s, b->len);
	}
}

void forward_uninit(struct forward *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(f->messages); i++)
		strbuf_uninit(&f->messages[i]);
}
