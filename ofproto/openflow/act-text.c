// SPDX-License-Identifier: Apache-2.0
// Lists of actions as text: words, their arguments, and the order of instructions.
#include <ctype.h>
#include <strings.h>

#include "ofproto/openflow/act-private.h"

const struct act_word act_words[] = {
#define WORD(NAME, PARSE) { NAME, PARSE },
#include "ofproto/openflow/words.def"
#undef WORD
};
const size_t act_n_words = ARRAY_SIZE(act_words);

int act_parse_number(const char *s, uint64_t max, const char *what, uint64_t *ret,
		     struct error *err)
{
	if (parse_u64(s, 0, ret) && *ret <= max)
		return 0;
	return error_set(err, -EINVAL, "invalid %s \"%s\"", what, s);
}

int act_parse_u32(const char *s, uint32_t *ret, struct error *err)
{
	if (!*s)
		return error_set(err, -EINVAL, "missing required numeric argument");
	return parse_u32(s, 0, ret) ? 0 : error_set(err, -EINVAL, "invalid numeric format %s", s);
}

int act_parse_whole(const struct field *f, const char *text, union field_value *ret,
		    struct error *err)
{
	union field_value mask, all;

	if (field_parse(f, text, ret, &mask, err))
		return -EINVAL;
	field_all_ones(f, &all);
	return memcmp(mask.b, all.b, f->n_bytes)
		       ? error_set(err, -EINVAL, "%s: wildcards not allowed here", text)
		       : 0;
}

int act_not_openflow(const struct field *f, struct error *err)
{
	return error_set(err, -EINVAL, "%s is not a field of OpenFlow: use vlan_vid or vlan_pcp",
			 f->name);
}

int act_check_short_header(const struct field *f, const char *whole, struct error *err)
{
	if (!f->oxm[0].name)
		return act_not_openflow(f, err);
	return act_header_size(f) == 4
		       ? 0
		       : error_set(err, -EINVAL, "%s: experimenter OXM field '%s' not supported",
				   whole, f->name);
}

int act_check_width(const struct subfield *sf, const char *s, const char *whole, struct error *err)
{
	return sf->n_bits <= 64
		       ? 0
		       : error_set(err, -EINVAL, "%s: %s has %u bits, more than the 64 that fit",
				   whole, s, sf->n_bits);
}

int act_parse_subfield(const char *s, const char *whole, struct subfield *ret, struct error *err)
{
	const char *p = s;

	if (subfield_parse(&p, ret, err))
		return -EINVAL;
	if (*p)
		return error_set(err, -EINVAL, "%s: unexpected input following field syntax",
				 whole);
	if (act_check_width(ret, s, whole, err))
		return -EINVAL;
	return act_check_short_header(ret->field, whole, err);
}

// End of the parenthesis that opens at 's', NULL when it does not close.
static char *closing(char *s)
{
	int depth = 0;

	for (; *s; s++) {
		depth += *s == '(' ? 1 : *s == ')' ? -1 : 0;
		if (!depth)
			return s;
	}
	return NULL;
}

static bool separates(char c)
{
	return c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static char *end_of_value(char *s)
{
	for (; *s && !separates(*s); s++)
		if (*s == '(') {
			s = closing(s);
			if (!s)
				return NULL;
		}
	return s;
}

bool act_next_word(char **s, char **ret_key, char **ret_value)
{
	static char none[1];
	char *p = *s, *end = NULL, sep;

	while (separates(*p))
		p++;
	*ret_key = p;
	*ret_value = none;
	if (!*p)
		return false;
	while (*p && !separates(*p) && *p != '(' && *p != ':' && *p != '=')
		p++;
	sep = *p;
	if (sep == '(') {
		end = closing(p);
		*p++ = '\0';
		*ret_value = p;
		// An open end is taken as it is; what is inside will not make sense.
		if (!end) {
			*s = p + strlen(p);
			return true;
		}
		if (strncmp(end + 1, "->", 2)) {
			*end = '\0';
			*s = end + 1;
			return true;
		}
		// The field of "word(value)->field" belongs to the value.
		memmove(end, end + 1, strlen(end));
	} else if (sep == ':' || sep == '=') {
		*p++ = '\0';
		*ret_value = end = p;
	}
	if (end) {
		end = end_of_value(end);
		p = end ? end : p + strlen(p);
	}
	*s = p;
	if (*p) {
		*p = '\0';
		*s = p + 1;
	}
	return true;
}

// ---- Parsing ----

static const struct act_word *find_word(const char *name)
{
	for (size_t i = 0; i < act_n_words; i++)
		if (!strcasecmp(act_words[i].name, name))
			return &act_words[i];
	return NULL;
}

static int parse_word(char *key, char *value, const struct act_text *t)
{
	const struct act_word *w = find_word(key);

	if (w)
		return w->parse(value, t);
	if (!strcasecmp(key, "apply_actions"))
		return error_set(t->err, -EINVAL, "apply_actions is the default instruction");
	if (!output_port_word(key, t))
		return 0;
	return error_set(t->err, -EINVAL, "unknown action %s", key);
}

int act_parse_list(char *text, const struct act_text *t)
{
	char *key, *value;
	bool drop = false;
	int n = 0;

	for (; act_next_word(&text, &key, &value); n++) {
		int error;

		if (!strcasecmp(key, "drop")) {
			drop = true;
			continue;
		}
		error = parse_word(key, value, t);
		if (error)
			return error;
	}
	if (drop && n > 1)
		return error_set(t->err, -EINVAL,
				 "\"drop\" must not be accompanied by any other action or "
				 "instruction");
	return 0;
}

static int parse(const char *text, const struct port_names *ports, bool instructions,
		 struct strbuf *out, struct error *err)
{
	AUTO_FREE char *copy = xstrdup(text);
	struct act_text t = { ports, out, err, 0 };
	size_t start = out->len;
	int error = act_parse_list(copy, &t);
	struct acts list;

	if (error)
		return error;
	list = acts_from(out, start);
	if (!instructions && acts_refuse_instructions(list, err))
		return -EINVAL;
	return acts_verify(list, err) ? -EINVAL : 0;
}

int acts_parse(const char *text, const struct port_names *ports, struct strbuf *out,
	       struct error *err)
{
	return parse(text, ports, true, out, err);
}

int acts_parse_actions(const char *text, const struct port_names *ports, struct strbuf *out,
		       struct error *err)
{
	return parse(text, ports, false, out, err);
}

// ---- Printing ----

void act_format_list(struct acts list, const struct act_text *t)
{
	const struct act *a;

	if (!list.size)
		strbuf_puts(t->out, t->depth ? "" : "drop");
	OFPACT_FOR_EACH (a, list) {
		if (a != list.first)
			strbuf_putc(t->out, ',');
		act_ops[a->type].format(a, t);
	}
}

void acts_format(struct acts a, const struct port_names *ports, struct strbuf *out)
{
	const struct act_text t = { .ports = ports, .out = out };

	act_format_list(a, &t);
}
