// SPDX-License-Identifier: Apache-2.0
// Flow text: what parses prints, and what is printed parses to the same. The first byte says as what the rest is taken: a
// flow or group of one of the commands, a datapath key, datapath actions, the filters, ports and lines that ovs-dpctl reads.
#include <stdint.h>

#include "core/base/log.h"
#include "core/flow/dp-action.h"
#include "datapath/dpctl-text.h"
#include "ofproto/openflow/formats.h"
#include "ofproto/openflow/group.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_flow(const char *text, enum flow_mod_command command)
{
	AUTO(strbuf) s = STRBUF_INIT;
	AUTO(strbuf) again = STRBUF_INIT;
	struct error err = ERROR_INIT;
	uint32_t formats;
	struct flow_mod fm;

	if (flow_mod_parse(text, command, NULL, &fm, &formats, &err)) {
		assert(*err.text);
		return;
	}
	acts_format(acts_of(&fm.acts), NULL, &s);
	if (fm.acts.len && !acts_parse(s.s, NULL, &again, &err)) {
		AUTO(strbuf) t = STRBUF_INIT;

		acts_format(acts_of(&again), NULL, &t);
		assert(!strcmp(s.s, t.s));
	}
	for (unsigned int f = 0; f < FORMAT_MAX; f++)
		if (formats >> f & 1) {
			strbuf_clear(&s);
			flow_mod_encode_as(&fm, f, 1, &s);
			strbuf_clear(&again);
			msg_print(s.s, s.len, NULL, 2, &again);
		}
	flow_mod_uninit(&fm);
}

static void check_group(const char *text, enum group_command command)
{
	bool sets =
		command == GROUP_ADD || command == GROUP_MODIFY || command == GROUP_ADD_OR_MODIFY;
	AUTO(strbuf) s = STRBUF_INIT;
	AUTO(strbuf) t = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct group_mod gm, again;
	uint32_t formats, versions;

	if (group_mod_parse(text, command, NULL, &gm, &formats, &err)) {
		assert(*err.text);
		return;
	}
	group_desc_format(&gm.group, sets, OFP15, NULL, &s);
	if (sets && !group_mod_parse(s.s, command, NULL, &again, NULL, &err)) {
		group_desc_format(&again.group, sets, OFP15, NULL, &t);
		assert(!strcmp(s.s, t.s));
		group_mod_uninit(&again);
	}
	versions = flow_formats_versions(formats);
	for (uint8_t v = OFP10; v <= OFP15; v++)
		if (versions >> v & 1) {
			strbuf_clear(&s);
			group_mod_encode(&gm, v, 1, &s);
			strbuf_clear(&t);
			msg_print(s.s, s.len, NULL, 2, &t);
		}
	group_mod_uninit(&gm);
}

static void check_key(const char *text)
{
	AUTO(strbuf) s = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct match m, again;

	if (dp_key_parse(text, NULL, NULL, &m, &err)) {
		assert(*err.text);
		return;
	}
	dp_key_format(&m.key, &m.mask, NULL, NULL, false, &s);
	dp_key_parse(s.s, NULL, NULL, &again, NULL);
	strbuf_clear(&s);
	dp_key_format_kernel(&m.key, &m.mask, NULL, NULL, true, &s);
	dp_key_parse(s.s, NULL, NULL, &again, NULL);
}

static void check_dpctl(char *text)
{
	struct dpctl_line l = { .verb = DPCTL_ADD };
	struct error err = ERROR_INIT;
	struct dpctl_port p;
	struct match m;

	if (dpctl_parse_filter(text, NULL, NULL, &m, &err))
		assert(*err.text);
	if (!dpctl_port_parse(text, &p, &err))
		dpctl_port_uninit(&p);
	if (dpctl_line_split(text, &l))
		assert(l.flow || !l.actions);
}

static void check_actions(const char *text)
{
	AUTO(strbuf) list = STRBUF_INIT;
	AUTO(strbuf) s = STRBUF_INIT;
	struct error err = ERROR_INIT;

	if (dp_actions_parse(text, NULL, NULL, &list, &err)) {
		assert(*err.text);
		return;
	}
	dp_actions_format(dp_actions_of(&list), NULL, NULL, &s);
	dp_actions_check(dp_actions_of(&list), NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum group_command group_commands[] = { GROUP_ADD,
							     GROUP_MODIFY,
							     GROUP_DELETE,
							     GROUP_INSERT_BUCKETS,
							     GROUP_REMOVE_BUCKETS,
							     GROUP_ADD_OR_MODIFY };
	enum { FIRST_GROUP = 8, N_KINDS = FIRST_GROUP + ARRAY_SIZE(group_commands) };
	AUTO_FREE char *text = NULL;
	unsigned int kind;

	if (!size)
		return 0;
	log_set("off", NULL);
	text = xstrndup((const char *)data + 1, size - 1);
	kind = data[0] % 16;
	if (kind <= FM_DELETE_STRICT)
		check_flow(text, kind);
	else if (kind == 5)
		check_key(text);
	else if (kind == 7)
		check_dpctl(text);
	else if (kind >= FIRST_GROUP && kind < N_KINDS)
		check_group(text, group_commands[kind - FIRST_GROUP]);
	else
		check_actions(text);
	return 0;
}
