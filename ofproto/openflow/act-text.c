// SPDX-License-Identifier: Apache-2.0
// Lists of actions as text: words, their arguments, and the order of instructions.
#include <ctype.h>
#include <strings.h>

#include "ofproto/openflow/act-private.h"

const struct act_word act_words[] = {
	{ "output", output_parse },
	{ "resubmit", resubmit_parse },
	{ "set_field", set_field_parse },
	{ "load", load_parse },
	{ "move", move_parse },
	{ "goto_table", goto_table_parse },
	{ "controller", controller_parse },
	{ "enqueue", enqueue_parse },
	{ "mod_vlan_vid", mod_vlan_vid_parse },
	{ "set_vlan_vid", set_vlan_vid_parse },
	{ "mod_vlan_pcp", mod_vlan_pcp_parse },
	{ "set_vlan_pcp", set_vlan_pcp_parse },
	{ "strip_vlan", strip_vlan_parse },
	{ "pop_vlan", pop_vlan_parse },
	{ "push_vlan", push_vlan_parse },
	{ "mod_dl_src", mod_dl_src_parse },
	{ "mod_dl_dst", mod_dl_dst_parse },
	{ "mod_nw_src", mod_nw_src_parse },
	{ "mod_nw_dst", mod_nw_dst_parse },
	{ "mod_nw_tos", mod_nw_tos_parse },
	{ "mod_nw_ecn", mod_nw_ecn_parse },
	{ "mod_nw_ttl", mod_nw_ttl_parse },
	{ "mod_tp_src", mod_tp_src_parse },
	{ "mod_tp_dst", mod_tp_dst_parse },
	{ "dec_ttl", dec_ttl_parse },
	{ "set_tunnel", set_tunnel_parse },
	{ "set_tunnel64", set_tunnel64_parse },
	{ "set_queue", set_queue_parse },
	{ "pop_queue", pop_queue_parse },
	{ "exit", exit_parse },
	{ "clone", clone_parse },
	{ "note", note_parse },
	{ "ct", ct_parse },
	{ "nat", nat_action_parse },
	{ "ct_clear", ct_clear_parse },
	{ "check_pkt_larger", check_pkt_larger_parse },
	{ "clear_actions", clear_actions_parse },
	{ "write_actions", write_actions_parse },
	{ "write_metadata", write_metadata_parse },
};
const size_t act_n_words = ARRAY_SIZE(act_words);

int act_parse_number(const char *s, uint64_t max, const char *what, uint64_t *ret,
		     struct error *err)
{
	if (parse_u64(s, 0, ret) && *ret <= max)
		return 0;
	return error_set(err, -EINVAL, "invalid %s \"%s\"", what, s);
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

static int unknown_word(const char *key, const struct act_text *t)
{
	// The table knows what there will be.
	for (enum act_type type = 0; type < ACT_MAX; type++)
		if (!strcasecmp(act_name(type), key) && !act_ops[type].format)
			return act_unsupported_text(type, t->err);
	return error_set(t->err, -EINVAL, "unknown action %s", key);
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
	return unknown_word(key, t);
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

// What stands in apply_actions, and then each instruction, in the order of their execution.
static int check_order(struct acts list, struct error *err)
{
	const struct act *a, *last = NULL;

	OFPACT_FOR_EACH (a, list) {
		enum act_type type = a->type < ACT_METER ? ACT_METER : a->type;

		if (last && (type < last->type || (type == last->type && type > ACT_METER)))
			return type == last->type
				       ? error_set(err, -EINVAL,
						   "duplicate %s instruction not allowed, for "
						   "OpenFlow 1.1+ compatibility",
						   act_name(type))
				       : error_set(err, -EINVAL,
						   "invalid instruction ordering: %s must appear "
						   "before %s, for OpenFlow 1.1+ compatibility",
						   a->type < ACT_METER ? "apply_actions"
								       : act_name(type),
						   act_name(last->type));
		if (a->type >= ACT_METER)
			last = a;
	}
	return 0;
}

int acts_parse(const char *text, const struct port_names *ports, struct strbuf *out,
	       struct error *err)
{
	AUTO_FREE char *copy = xstrdup(text);
	struct act_text t = { ports, out, err, 0 };
	size_t start = out->len;
	int error = act_parse_list(copy, &t);
	struct acts list;

	if (error)
		return error;
	list = (struct acts){ (const struct act *)(strbuf_cstr(out) + start), out->len - start };
	error = check_order(list, err);
	return error || !acts_verify_nesting(list, NULL, err) ? error : -EINVAL;
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
