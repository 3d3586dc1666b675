// SPDX-License-Identifier: Apache-2.0
// Actions of tests: debug_slow, which keeps packets out of fast paths, and debug_recirc, which sends them round once more.
#include "ofproto/openflow/act-private.h"

enum { NX_DEBUG_SLOW = 254, NX_DEBUG_RECIRC = 255 };

#define DEBUG(NAME, TYPE, NUMBER) \
	enum ofperr NAME##_decode(struct act_in *in, struct strbuf *out) \
	{ \
		enum ofperr e = act_get_zeros(in, rd_left(&in->body)); \
\
		if (!e) \
			act_put(out, TYPE); \
		return e; \
	} \
	void NAME##_encode(const struct act *a, struct act_out *o) \
	{ \
		act_end(o, act_begin_nx(o, NUMBER)); \
	} \
	void NAME##_format(const struct act *a, const struct act_text *t) \
	{ \
		strbuf_puts(t->out, #NAME); \
	} \
	int NAME##_parse(char *arg, const struct act_text *t) \
	{ \
		act_put(t->out, TYPE); \
		return 0; \
	}
DEBUG(debug_slow, ACT_DEBUG_SLOW, NX_DEBUG_SLOW)
DEBUG(debug_recirc, ACT_DEBUG_RECIRC, NX_DEBUG_RECIRC)
#undef DEBUG
