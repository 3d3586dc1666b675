// SPDX-License-Identifier: Apache-2.0
// Lines of flow text, as ovs-ofctl users write them.
#include <strings.h>

#include "core/base/log.h"
#include "ofproto/openflow/group.h"
#include "ofproto/openflow/act-private.h"
#include "ofproto/openflow/formats.h"
#include "ofproto/openflow/text-private.h"

LOG_MODULE(ofp_match);

enum {
	ON_ADD = 1 << FM_ADD,
	ON_MODIFY = 1 << FM_MODIFY | 1 << FM_MODIFY_STRICT,
	ON_DELETE = 1 << FM_DELETE | 1 << FM_DELETE_STRICT,
	ON_STRICT = 1 << FM_MODIFY_STRICT | 1 << FM_DELETE_STRICT,
	ON_ALL = ON_ADD | ON_MODIFY | ON_DELETE
};

struct line {
	struct flow_mod *fm;
	const struct port_names *ports;
	uint32_t formats; // that can say what was matched so far
	struct error *err;
};

static int number(const char *value, uint64_t max, const char *what, uint64_t *ret,
		  struct error *err)
{
	if (value && parse_u64(value, 0, ret) && *ret <= max)
		return 0;
	return error_set(err, -EINVAL, "invalid %s \"%s\"", what, value ? value : "");
}

static int on_table(struct line *l, const char *value)
{
	if (!value || !of_table_parse(value, l->ports, &l->fm->table))
		return error_set(l->err, -EINVAL, "unknown table \"%s\"", value ? value : "");
	return 0;
}

static int on_priority(struct line *l, const char *value)
{
	uint64_t n;
	int error = number(value, UINT16_MAX, "priority", &n, l->err);

	if (!error)
		l->fm->priority = n;
	return error;
}

static int on_cookie(struct line *l, const char *value)
{
	AUTO_FREE char *copy = xstrdup(value ? value : "");
	char *mask = strchr(copy, '/');
	uint64_t n, m = UINT64_MAX;

	if (mask)
		*mask++ = '\0';
	if (!mask && 1 << l->fm->command & ON_DELETE)
		return error_set(l->err, -EINVAL,
				 "cannot set cookie (to match on a cookie, specify a mask, "
				 "e.g. cookie=%s/-1)",
				 copy);
	if (!parse_u64(copy, 0, &n))
		return error_set(l->err, -EINVAL, "invalid numeric format %s", copy);
	if (!mask) {
		l->fm->new_cookie = n;
		l->fm->modify_cookie = l->fm->add_missing = l->fm->command != FM_ADD;
		return 0;
	}
	if (strcmp(mask, "-1") && number(mask, UINT64_MAX, "cookie mask", &m, l->err))
		return -EINVAL;
	if (l->fm->command == FM_ADD)
		return error_set(l->err, -EINVAL, "flow additions cannot use a cookie mask");
	l->fm->cookie = n & m;
	l->fm->cookie_mask = m;
	return 0;
}

static int on_idle_timeout(struct line *l, const char *value)
{
	uint64_t n;
	int error = number(value, UINT16_MAX, "idle_timeout", &n, l->err);

	if (!error)
		l->fm->idle_timeout = n;
	return error;
}

static int on_hard_timeout(struct line *l, const char *value)
{
	uint64_t n;
	int error = number(value, UINT16_MAX, "hard_timeout", &n, l->err);

	if (!error)
		l->fm->hard_timeout = n;
	return error;
}

static int on_importance(struct line *l, const char *value)
{
	uint64_t n;
	int error = number(value, UINT16_MAX, "importance", &n, l->err);

	if (!error)
		l->fm->importance = n;
	return error;
}

static int on_out_port(struct line *l, const char *value)
{
	if (value && of_port_parse(value, l->ports, &l->fm->out_port))
		return 0;
	return error_set(l->err, -EINVAL, "%s is not a valid OpenFlow port", value ? value : "");
}

static int on_out_group(struct line *l, const char *value)
{
	uint64_t n;
	int error = value && !strcasecmp(value, "any")
			    ? (n = UINT32_MAX, 0)
			    : number(value, UINT32_MAX, "out_group", &n, l->err);

	if (!error)
		l->fm->out_group = n;
	return error;
}

// Printed by dump-flows, so that its lines can be fed back; says nothing about the new flow.
static int on_ignored(struct line *l, const char *value)
{
	return 0;
}

static const struct word {
	const char *name;
	unsigned int commands;
	int (*parse)(struct line *l, const char *value); // NULL: sets the flag
	uint16_t flag;
} words[] = {
	{ "priority", ON_ADD | ON_STRICT, on_priority, 0 },
	{ "table", ON_ALL, on_table, 0 },
	{ "cookie", ON_ALL, on_cookie, 0 },
	{ "idle_timeout", ON_ADD | ON_MODIFY, on_idle_timeout, 0 },
	{ "hard_timeout", ON_ADD | ON_MODIFY, on_hard_timeout, 0 },
	{ "importance", ON_ADD, on_importance, 0 },
	{ "out_port", ON_DELETE, on_out_port, 0 },
	{ "out_group", ON_DELETE, on_out_group, 0 },
	{ "send_flow_rem", ON_ADD | ON_MODIFY, NULL, FM_SEND_FLOW_REM },
	{ "check_overlap", ON_ADD | ON_MODIFY, NULL, FM_CHECK_OVERLAP },
	{ "reset_counts", ON_ADD | ON_MODIFY, NULL, FM_RESET_COUNTS },
	{ "no_packet_counts", ON_ADD | ON_MODIFY, NULL, FM_NO_PKT_COUNTS },
	{ "no_byte_counts", ON_ADD | ON_MODIFY, NULL, FM_NO_BYT_COUNTS },
	{ "duration", ON_ADD | ON_MODIFY, on_ignored, 0 },
	{ "n_packets", ON_ADD | ON_MODIFY, on_ignored, 0 },
	{ "n_bytes", ON_ADD | ON_MODIFY, on_ignored, 0 },
	{ "idle_age", ON_ADD | ON_MODIFY, on_ignored, 0 },
	{ "hard_age", ON_ADD | ON_MODIFY, on_ignored, 0 },
};

static const struct word *find_word(const char *name, enum flow_mod_command command)
{
	for (const struct word *w = words; w < &words[ARRAY_SIZE(words)]; w++)
		if (str_equal(w->name, name) && w->commands >> command & 1)
			return w;
	return NULL;
}

// What a word matches on is judged before normalization takes away what no packet is compared with.
static void note_match(struct line *l, const char *key, const char *value)
{
	AUTO_FREE char *name = xstrndup(key, strcspn(key, "["));
	const struct field *f = field_by_name(name);
	union field_value mask;

	if (!f || !value)
		return;
	field_read(f, &l->fm->match.mask.m, &mask);
	// A packet type may be the one that all packets have, which leaves no mask.
	l->formats &= flow_formats_of_field(f, f->maskable || !strcmp(value, "*") ? &mask : NULL);
}

static int parse_word(struct line *l, const char *key, const char *value)
{
	const struct word *w = find_word(key, l->fm->command);
	int error;

	if (w && w->parse && w->parse != on_ignored && !value)
		return error_set(l->err, -EINVAL, "field %s missing value", key);
	if (w && w->parse)
		return w->parse(l, value);
	if (w) {
		l->fm->flags |= w->flag;
		return 0;
	}
	error = match_parse_word(&l->fm->match, key, value, l->ports, l->err);
	if (!error)
		note_match(l, key, value);
	return error == -ENOENT ? text_unknown_word(key, value, l->err) : error;
}

static void normalize(struct flow_mod *fm)
{
	static struct log_limit limit = LOG_LIMIT_INIT(60, 5);
	struct match before = fm->match;
	AUTO_FREE char *was = NULL, *now = NULL;

	if (!match_normalize(&fm->match) || !LOG_IS_ON(LEVEL_INFO) ||
	    !log_limit_pass(&log_module_, LEVEL_INFO, &limit))
		return;
	was = match_to_string(&before, NULL);
	now = match_to_string(&fm->match, NULL);
	log_info("normalization changed ofp_match, details:");
	log_info(" pre: %s", was);
	log_info("post: %s", now);
}

// Fixed matches have fields of IPv4 and ARP alone, for all that they share with IPv6.
static uint32_t formats_of_ipv6(const struct match *m)
{
	const struct flow_key *w = &m->mask.m;
	bool shared = w->nw_tos || w->nw_proto || w->tp_src || w->tp_dst;

	return m->key.eth_type == htobe16(0x86dd) && shared ? FORMATS_NXM | FORMATS_OXM
							    : FORMATS_ANY;
}

static uint32_t usable_formats(const struct flow_mod *fm, bool inconsistent)
{
	uint32_t formats = acts_formats(acts_of(&fm->acts));

	if (inconsistent)
		formats &= FORMATS_OF10 | FORMATS_NXM;
	if (fm->table != 255)
		formats &= ~FORMATS_NO_TABLES;
	// What the older messages have no room for.
	if (fm->flags & FM_RESET_COUNTS)
		formats &= FORMATS_OXM;
	if (fm->flags & (FM_NO_PKT_COUNTS | FM_NO_BYT_COUNTS))
		formats &= FORMATS_OXM13_UP;
	if (fm->cookie_mask)
		formats &= ~FORMATS_OF10;
	if (fm->out_group != GROUP_ID_ANY)
		formats &= FORMATS_OF11 | FORMATS_OXM;
	return formats;
}

static int parse_actions(struct line *l, char *actions, bool *ret_inconsistent)
{
	struct flow_mod *fm = l->fm;
	enum ofperr e;

	if (acts_parse(actions, l->ports, &fm->acts, l->err))
		return -EINVAL;
	set_field_fix_ports(&fm->acts, &fm->match);
	e = acts_check(acts_of(&fm->acts), &fm->match, fm->table, 255, OF_PORT(OFPP_MAX),
		       ret_inconsistent);
	if (!e && *ret_inconsistent &&
	    !(acts_formats(acts_of(&fm->acts)) & (FORMATS_OF10 | FORMATS_NXM)))
		e = OFPERR_OFPBAC_MATCH_INCONSISTENT;
	if (e)
		return error_set(l->err, -EINVAL, "actions are invalid with specified match (%s)",
				 ofperr_name(e));
	return 0;
}

int flow_mod_parse(const char *text, enum flow_mod_command command, const struct port_names *ports,
		   struct flow_mod *fm, uint32_t *ret_formats, struct error *err)
{
	AUTO_FREE char *copy = xstrdup(text);
	char *actions, *rest = copy, *key, *value;
	struct line l = { fm, ports, FORMATS_ANY, err };
	bool inconsistent = false;
	int error = 0;

	flow_mod_init(fm);
	fm->command = command;
	fm->priority = 32768;
	match_init_any(&fm->match);
	actions = 1 << command & ON_DELETE ? NULL : text_find_actions(copy);
	while (!error && text_next_word(&rest, &key, &value))
		error = parse_word(&l, key, value);
	if (!error && !actions && !(1 << command & ON_DELETE))
		error = error_set(err, -EINVAL, "must specify an action");
	l.formats &= formats_of_ipv6(&fm->match);
	if (!error)
		normalize(fm);
	if (!error && actions)
		error = parse_actions(&l, actions, &inconsistent);
	if (error) {
		flow_mod_uninit(fm);
		return error;
	}
	if (ret_formats)
		*ret_formats = l.formats & usable_formats(fm, inconsistent);
	return 0;
}
