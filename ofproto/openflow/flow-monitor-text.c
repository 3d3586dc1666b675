// SPDX-License-Identifier: Apache-2.0
// Flow monitors as text: what ovs-ofctl asks for, and what is printed.
#include <inttypes.h>

#include "ofproto/openflow/flow-monitor.h"
#include "ofproto/openflow/print-private.h"

static const struct {
	uint16_t flag;
	const char *name;
} flags[] = {
	{ FLOW_MONITOR_INITIAL, "initial" }, { FLOW_MONITOR_ADD, "add" },
	{ FLOW_MONITOR_DELETE, "delete" },   { FLOW_MONITOR_MODIFY, "modify" },
	{ FLOW_MONITOR_ACTIONS, "actions" }, { FLOW_MONITOR_OWN, "own" },
};

static uint16_t flag_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (!strcmp(flags[i].name, name))
			return flags[i].flag;
	return 0;
}

// Takes the words with "!" out of the list; what is left says which flows, in the words of a deletion.
static int take_flags(char *text, uint16_t *set, struct strbuf *rest, struct error *err)
{
	char *save = NULL;

	for (char *w = strtok_r(text, ", \t\n", &save); w; w = strtok_r(NULL, ", \t\n", &save)) {
		uint16_t flag;

		if (*w != '!') {
			strbuf_printf(rest, "%s%s", rest->len ? "," : "", w);
			continue;
		}
		flag = flag_of(w + 1);
		if (!flag)
			return error_set(err, -EINVAL, "field %s missing value", w);
		*set &= ~flag;
	}
	return 0;
}

int flow_monitor_parse(const char *text, const struct port_names *ports,
		       struct flow_monitor_request *r, uint32_t *ret_versions, struct error *err)
{
	AUTO_FREE char *copy = xstrdup(text);
	AUTO(strbuf) rest = STRBUF_INIT;
	uint16_t set = 0x3f;
	struct flow_mod fm;
	int error = take_flags(copy, &set, &rest, err);

	if (!error)
		error = flow_mod_parse(strbuf_cstr(&rest), FM_DELETE, ports, &fm, NULL, err);
	if (error)
		return error_wrap(err, "%s", text);
	if (fm.cookie_mask)
		error = error_set(err, -EINVAL, "%s: unknown keyword cookie", text);
	*r = (struct flow_monitor_request){
		.flags = set,
		.out_port = fm.out_port,
		.out_group = fm.out_group,
		.table = fm.table,
		.match = fm.match,
	};
	*ret_versions = fm.out_group == UINT32_MAX ? 0x7e : 1u << OFP14 | 1u << OFP15;
	flow_mod_uninit(&fm);
	return error;
}

// ---- Printing ----

static void put_request(struct print *p, const struct flow_monitor_request *r)
{
	const char *separator = "";
	size_t before;

	strbuf_printf(p->out, "\n id=%u", r->id);
	if (r->command == FLOW_MONITOR_CMD_DELETE) {
		strbuf_puts(p->out, " command=delete");
		return;
	}
	strbuf_puts(p->out, " flags=");
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (r->flags & flags[i].flag) {
			strbuf_printf(p->out, "%s%s", separator, flags[i].name);
			separator = ",";
		}
	if (r->out_port.n != OFPP_ANY) {
		strbuf_puts(p->out, " out_port=");
		of_port_format(r->out_port, p->ports, p->out);
	}
	if (r->out_group != UINT32_MAX)
		strbuf_printf(p->out, " out_group=%u", r->out_group);
	if (r->table != 255) {
		strbuf_puts(p->out, " table=");
		of_table_format(r->table, p->ports, p->out);
	}
	before = p->out->len;
	strbuf_putc(p->out, ' ');
	match_format(&r->match, p->ports, p->out);
	strbuf_truncate(p->out, p->out->len == before + 1 ? before : p->out->len);
}

enum ofperr print_flow_monitor_request(struct print *p, struct msg *m)
{
	struct flow_monitor_request r;
	enum ofperr e;
	bool more;

	while (!(e = flow_monitor_request_decode_next(m, &r, &more)) && more)
		put_request(p, &r);
	return e;
}

static void put_reason(uint16_t reason, struct strbuf *out)
{
	if (reason <= REMOVED_EVICTION)
		strbuf_printf(out, " reason=%s", flow_removed_reasons[reason]);
	else
		strbuf_printf(out, " reason=%u", reason);
}

static void put_flow(struct print *p, const struct flow_update *u)
{
	size_t before;

	if (u->event == FLOW_EVENT_DELETED)
		put_reason(u->reason, p->out);
	strbuf_puts(p->out, " table=");
	of_table_format(u->table, p->ports, p->out);
	if (u->idle_timeout)
		strbuf_printf(p->out, " idle_timeout=%u", u->idle_timeout);
	if (u->hard_timeout)
		strbuf_printf(p->out, " hard_timeout=%u", u->hard_timeout);
	strbuf_printf(p->out, u->cookie ? " cookie=0x%" PRIx64 : " cookie=%" PRIu64, u->cookie);
	before = p->out->len;
	strbuf_putc(p->out, ' ');
	match_format(u->match, p->ports, p->out);
	strbuf_truncate(p->out, p->out->len == before + 1 ? before : p->out->len);
	if (u->acts.size) {
		strbuf_puts(p->out, " actions=");
		acts_format(u->acts, p->ports, p->out);
	}
}

static const char *const events[] = {
	[FLOW_EVENT_INITIAL] = "INITIAL", [FLOW_EVENT_ADDED] = "ADDED",
	[FLOW_EVENT_DELETED] = "DELETED", [FLOW_EVENT_MODIFIED] = "MODIFIED",
	[FLOW_EVENT_ABBREV] = "ABBREV",	  [FLOW_EVENT_PAUSED] = "PAUSED",
	[FLOW_EVENT_RESUMED] = "RESUMED",
};

enum ofperr print_flow_monitor_reply(struct print *p, struct msg *m)
{
	AUTO(strbuf) acts = STRBUF_INIT;
	struct flow_update u;
	enum ofperr e;
	bool more;

	while (!(e = flow_update_decode_next(m, &u, &acts, &more)) && more) {
		strbuf_printf(p->out, "\n event=%s", events[u.event]);
		if (u.event == FLOW_EVENT_ABBREV)
			strbuf_printf(p->out, " xid=0x%x", u.xid);
		else if (u.event < FLOW_EVENT_ABBREV)
			put_flow(p, &u);
	}
	return e;
}

enum ofperr print_flow_monitor_cancel(struct print *p, struct msg *m)
{
	uint32_t id;
	enum ofperr e = flow_monitor_cancel_decode(m, &id);

	if (!e)
		strbuf_printf(p->out, " id=%u", id);
	return e;
}
