// SPDX-License-Identifier: Apache-2.0
// The datapath's ct action as text: "ct(commit,zone=5,mark=0x1/0xff,label=0x1/0x1,helper=ftp,timeout=x,nat(src=10.0.0.1))".
#include "core/flow/dp-action-text-private.h"

void dp_ct_format(const struct dp_ct *ct, struct strbuf *out)
{
	size_t start;

	strbuf_puts(out, "ct(");
	start = out->len;
	if (ct->flags & DP_CT_COMMIT)
		strbuf_puts(out, ct->flags & DP_CT_FORCE ? "force_commit," : "commit,");
	if (ct->zone)
		strbuf_printf(out, "zone=%u,", ct->zone);
	if (ct->mark_mask)
		strbuf_printf(out, "mark=%#x/%#x,", ct->mark, ct->mark_mask);
	if (!is_all_zeros(ct->label_mask, sizeof(ct->label_mask))) {
		strbuf_puts(out, "label=");
		wide_hex_format(ct->label, sizeof(ct->label), out);
		if (!is_all_ones(ct->label_mask, sizeof(ct->label_mask))) {
			strbuf_putc(out, '/');
			wide_hex_format(ct->label_mask, sizeof(ct->label_mask), out);
		}
		strbuf_putc(out, ',');
	}
	if (ct->helper[0])
		strbuf_printf(out, "helper=%s,", ct->helper);
	if (ct->timeout[0])
		strbuf_printf(out, "timeout=%s,", ct->timeout);
	if (ct->flags & DP_CT_NAT)
		nat_format(&ct->nat, out);
	strbuf_chomp(out, ',');
	if (out->len == start)
		strbuf_chomp(out, '(');
	else
		strbuf_putc(out, ')');
}

// "VALUE/MASK" of up to 16 bytes.
static int take_masked(struct dp_cursor *c, uint8_t *value, uint8_t *mask, size_t n_bytes)
{
	size_t n = strcspn(c->p, ",)/"), m;

	if (!wide_number_parse(c->p, n, value, n_bytes))
		return dp_error(c, "number expected");
	c->p += n;
	memset(mask, 0xff, n_bytes);
	if (!dp_skip(c, "/"))
		return 0;
	m = strcspn(c->p, ",)");
	if (!wide_number_parse(c->p, m, mask, n_bytes))
		return dp_error(c, "mask expected");
	c->p += m;
	return 0;
}

static int take_mark(struct dp_cursor *c, struct dp_ct *ct)
{
	uint8_t value[4], mask[4];
	int error = take_masked(c, value, mask, sizeof(value));

	if (error)
		return error;
	ct->mark = (uint32_t)value[0] << 24 | value[1] << 16 | value[2] << 8 | value[3];
	ct->mark_mask = (uint32_t)mask[0] << 24 | mask[1] << 16 | mask[2] << 8 | mask[3];
	return 0;
}

static int take_name(struct dp_cursor *c, char *dst, size_t size)
{
	size_t n = strcspn(c->p, ",)");

	if (!n || n >= size)
		return dp_error(c, n ? "name is too long" : "name expected");
	memcpy(dst, c->p, n);
	c->p += n;
	return 0;
}

static int take_nat(struct dp_cursor *c, struct dp_ct *ct)
{
	size_t n;

	ct->flags |= DP_CT_NAT;
	if (!dp_skip(c, "("))
		return 0;
	n = strcspn(c->p, ")");
	if (nat_parse(c->p, n, &ct->nat, c->err))
		return -EINVAL;
	c->p += n;
	return dp_skip(c, ")") ? 0 : dp_error(c, "\")\" expected");
}

static int take_word(struct dp_cursor *c, struct dp_ct *ct)
{
	uint64_t zone;

	if (dp_skip(c, "force_commit")) {
		ct->flags |= DP_CT_COMMIT | DP_CT_FORCE;
		return 0;
	}
	if (dp_skip(c, "commit")) {
		ct->flags |= DP_CT_COMMIT;
		return 0;
	}
	if (dp_skip(c, "zone=")) {
		if (dp_number(c, UINT16_MAX, &zone))
			return -EINVAL;
		ct->zone = zone;
		return 0;
	}
	if (dp_skip(c, "mark="))
		return take_mark(c, ct);
	if (dp_skip(c, "label="))
		return take_masked(c, ct->label, ct->label_mask, sizeof(ct->label));
	if (dp_skip(c, "helper="))
		return take_name(c, ct->helper, sizeof(ct->helper));
	if (dp_skip(c, "timeout="))
		return take_name(c, ct->timeout, sizeof(ct->timeout));
	if (dp_skip(c, "nat"))
		return take_nat(c, ct);
	return dp_error(c, "unknown argument of ct");
}

int dp_ct_parse(struct dp_cursor *c, struct dp_ct *ct)
{
	do {
		int error = take_word(c, ct);

		if (error)
			return error;
	} while (dp_skip(c, ","));
	return dp_skip(c, ")") ? 0 : dp_error(c, "\")\" expected");
}
