// SPDX-License-Identifier: Apache-2.0
// Fields set to values, as text.
#include "ofproto/openflow/act-private.h"
#include "ofproto/openflow/actions/set-field-private.h"

static const struct {
	uint8_t field;
	const char *name;
} mods[] = {
	{ FIELD_ETH_SRC, "mod_dl_src" },  { FIELD_ETH_DST, "mod_dl_dst" },
	{ FIELD_IP_SRC, "mod_nw_src" },	  { FIELD_IP_DST, "mod_nw_dst" },
	{ FIELD_IP_TOS, "mod_nw_tos" },	  { FIELD_IP_ECN, "mod_nw_ecn" },
	{ FIELD_IP_TTL, "mod_nw_ttl" },	  { FIELD_TCP_SRC, "mod_tp_src" },
	{ FIELD_TCP_DST, "mod_tp_dst" },  { FIELD_UDP_SRC, "mod_tp_src" },
	{ FIELD_UDP_DST, "mod_tp_dst" },  { FIELD_SCTP_SRC, "mod_tp_src" },
	{ FIELD_SCTP_DST, "mod_tp_dst" },
};

static void load_format(const struct act *a, const struct act_text *t)
{
	struct subfield sf = { 0 };
	bool first = true;
	uint64_t value;

	while (set_field_next_run(a, &sf, &value)) {
		strbuf_printf(t->out, "%sload:%#llx->", first ? "" : ",",
			      (unsigned long long)value);
		// A VLAN id has a bit more than its width says.
		if (!sf.ofs && sf.n_bits >= sf.field->n_bits)
			sf.n_bits = sf.field->n_bits;
		subfield_format(&sf, t->out);
		first = false;
	}
}

const char *set_field_word(const struct act *a)
{
	for (size_t i = 0; a->set_field.form == SET_FORM_MOD && i < ARRAY_SIZE(mods); i++)
		if (mods[i].field == a->set_field.field->id)
			return mods[i].name;
	return "set_field";
}

// Decimal numbers stay so beside a mask, where a match has hex.
static void format_value(const struct field *f, const union field_value *v,
			 const union field_value *mask, struct strbuf *out)
{
	union field_value all;

	field_all_ones(f, &all);
	if (f->format != FMT_DEC || !memcmp(mask->b, all.b, f->n_bytes)) {
		field_format(f, v, mask, out);
		return;
	}
	field_format(f, v, NULL, out);
	strbuf_putc(out, '/');
	wide_hex_format(mask->b, f->n_bytes, out);
}

void set_field_format(const struct act *a, const struct act_text *t)
{
	const struct field *f = a->set_field.field;
	const union field_value *value = (const void *)act_set_value(a);
	union field_value v, mask;

	if (a->set_field.form == SET_FORM_LOAD) {
		load_format(a, t);
		return;
	}
	memcpy(v.b, value, f->n_bytes);
	memcpy(mask.b, act_set_mask(a), f->n_bytes);
	strbuf_printf(t->out, "%s:", set_field_word(a));
	if (a->set_field.form == SET_FORM_MOD) {
		field_format(f, &v, NULL, t->out);
		return;
	}
	format_value(f, &v, &mask, t->out);
	strbuf_printf(t->out, "->%s", f->name);
}

static int check_writable(const struct field *f, struct error *err)
{
	if (!f->writable)
		return error_set(err, -EINVAL, "%s is read-only", f->name);
	return f->oxm[0].name ? 0 : act_not_openflow(f, err);
}

static char *split_arrow(char *arg)
{
	char *arrow = strstr(arg, "->");

	if (arrow)
		*arrow = '\0';
	return arrow ? arrow + 2 : NULL;
}

static int parse_value(const struct field *f, const char *text, const struct act_text *t,
		       union field_value *v, union field_value *mask)
{
	of_port_t port;

	if (f->format != FMT_OF_PORT)
		return field_parse(f, text, v, mask, t->err);
	if (!of_port_parse(text, t->ports, &port))
		return error_set(t->err, -EINVAL, "%s: invalid or unknown port for %s", text,
				 f->name);
	field_value_from_u64(f, f->n_bytes == 2 ? port.n & 0xffff : port.n, v);
	field_all_ones(f, mask);
	return 0;
}

int set_field_parse(char *arg, const struct act_text *t)
{
	char *name = split_arrow(arg);
	union field_value v, mask;
	const struct field *f;
	struct field any;

	if (!name)
		return error_set(t->err, -EINVAL, "%s: missing `->'", arg);
	f = field_by_name(name);
	if (!f)
		return error_set(t->err, -EINVAL, "%s is not a valid OXM field name", name);
	// Bits can be set of a field that is matched as a whole only; so is a load printed in 1.5.
	any = *f;
	any.maskable = true;
	if (check_writable(f, t->err) || parse_value(&any, arg, t, &v, &mask))
		return -EINVAL;
	if (is_all_zeros(mask.b, f->n_bytes))
		return error_set(t->err, -EINVAL, "%s: set_field needs bits to set", arg);
	act_put_set_field(t->out, f, SET_FORM_SET_FIELD, &v, &mask);
	return 0;
}

// Bits of 'value' at the place that 'sf' names.
static void shift_into(const struct subfield *sf, const union field_value *value,
		       union field_value *v, union field_value *mask)
{
	size_t n = sf->field->n_bytes;

	memset(v, 0, sizeof(*v));
	memset(mask, 0, sizeof(*mask));
	for (unsigned int i = 0; i < sf->n_bits; i++) {
		unsigned int to = sf->ofs + i;

		mask->b[n - 1 - to / 8] |= 1 << to % 8;
		v->b[n - 1 - to / 8] |= (value->b[n - 1 - i / 8] >> i % 8 & 1) << to % 8;
	}
}

static bool fits(const union field_value *v, size_t n_bytes, unsigned int n_bits)
{
	for (unsigned int i = n_bits; i < n_bytes * 8; i++)
		if (v->b[n_bytes - 1 - i / 8] >> i % 8 & 1)
			return false;
	return true;
}

int load_parse(char *arg, const struct act_text *t)
{
	AUTO_FREE char *whole = xstrdup(arg);
	char *name = split_arrow(arg);
	union field_value raw, ignored, v, mask;
	struct subfield sf;
	const char *s = name;

	if (!name)
		return error_set(t->err, -EINVAL, "%s: missing `->'", whole);
	if (subfield_parse(&s, &sf, t->err))
		return -EINVAL;
	if (*s)
		return error_set(t->err, -EINVAL,
				 "%s: trailing garbage following destination field", whole);
	if (check_writable(sf.field, t->err))
		return -EINVAL;
	// A number, whatever the field; addresses and ports also as they are written elsewhere.
	if (strchr(arg, '/'))
		return error_set(t->err, -EINVAL, "%s: load takes no mask", whole);
	if (!wide_number_parse(arg, strlen(arg), raw.b, sf.field->n_bytes)) {
		if (sf.field->format == FMT_DEC || sf.field->format == FMT_HEX ||
		    !strncmp(arg, "0x", 2))
			return error_set(t->err, -EINVAL, "%s: cannot parse integer value", whole);
		if (parse_value(sf.field, arg, t, &raw, &ignored))
			return -EINVAL;
	}
	if (!fits(&raw, sf.field->n_bytes, sf.n_bits)) {
		AUTO(strbuf) value = STRBUF_INIT;

		field_format(sf.field, &raw, NULL, &value);
		return error_set(t->err, -EINVAL, "%s: value %s does not fit into %u bits", whole,
				 value.s, sf.n_bits);
	}
	shift_into(&sf, &raw, &v, &mask);
	act_put_set_field(t->out, sf.field, SET_FORM_LOAD, &v, &mask);
	return 0;
}

// What must be a number of so many bytes is refused as one first.
static int mod_parse(enum field_id id, const char *arg, const char *what, const struct act_text *t)
{
	const struct field *f = field_get(id);
	union field_value v, all;
	uint64_t n;

	field_all_ones(f, &all);
	if (f->format == FMT_DEC &&
	    act_parse_number(arg, (1u << 8 * f->n_bytes) - 1, what, &n, t->err))
		return -EINVAL;
	if (!act_parse_whole(f, arg, &v, NULL)) {
		act_put_set_field(t->out, f, SET_FORM_MOD, &v, &all);
		return 0;
	}
	if (f->format == FMT_ETHERNET)
		return error_set(t->err, -EINVAL, "invalid %s %s", what, arg);
	return error_set(t->err, -EINVAL, "%s: %s %s", arg,
			 f->format == FMT_IPV4 ? "could not convert to" : "not a valid", what);
}

#define MOD(NAME, FIELD, WHAT) \
	int NAME##_parse(char *arg, const struct act_text *t) \
	{ \
		return mod_parse(FIELD_##FIELD, arg, WHAT, t); \
	}
MOD(mod_dl_src, ETH_SRC, "mac address")
MOD(mod_dl_dst, ETH_DST, "mac address")
MOD(mod_nw_src, IP_SRC, "IP address")
MOD(mod_nw_dst, IP_DST, "IP address")
MOD(mod_nw_tos, IP_TOS, "TOS")
MOD(mod_nw_ecn, IP_ECN, "ECN")
MOD(mod_nw_ttl, IP_TTL, "TTL")
MOD(mod_tp_src, TCP_SRC, "source port")
MOD(mod_tp_dst, TCP_DST, "destination port")
#undef MOD

static void fix_list(struct act *first, size_t size, uint8_t proto)
{
	for (struct act *a = first; (uint8_t *)a < (uint8_t *)first + size;
	     a = (struct act *)((uint8_t *)a + a->size)) {
		if (act_has_list(a)) {
			fix_list((struct act *)((uint8_t *)a + a->nested), a->size - a->nested,
				 proto);
			continue;
		}
		if (a->type != ACT_SET_FIELD || a->set_field.form != SET_FORM_MOD)
			continue;
		if (a->set_field.field->id == FIELD_TCP_SRC)
			a->set_field.field =
				field_get(proto == 17 ? FIELD_UDP_SRC : FIELD_SCTP_SRC);
		else if (a->set_field.field->id == FIELD_TCP_DST)
			a->set_field.field =
				field_get(proto == 17 ? FIELD_UDP_DST : FIELD_SCTP_DST);
	}
}

void set_field_fix_ports(struct strbuf *acts, const struct match *m)
{
	uint8_t proto = m->mask.m.nw_proto == UINT8_MAX ? m->key.nw_proto : 0;

	if (flow_is_ip(&m->key) && (proto == 17 || proto == 132))
		fix_list((struct act *)acts->s, acts->len, proto);
}
