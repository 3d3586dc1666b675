// SPDX-License-Identifier: Apache-2.0
// Flow monitors: a controller that asks is told of each change of the flow tables. Three dialects: Nicira's (1.0 to 1.2), ONF's (1.3)
// and OpenFlow's own (1.4 and later).
#pragma once

#include "ofproto/openflow/msg.h"

enum flow_monitor_flags {
	FLOW_MONITOR_INITIAL = 1, // the flows that are there
	FLOW_MONITOR_ADD = 2,
	FLOW_MONITOR_DELETE = 4,
	FLOW_MONITOR_MODIFY = 8,
	FLOW_MONITOR_ACTIONS = 16, // with their actions
	FLOW_MONITOR_OWN =
		32, // what the connection changes itself in full, too, not only by its xid
};

enum flow_monitor_command {
	FLOW_MONITOR_CMD_ADD,
	FLOW_MONITOR_CMD_MODIFY,
	FLOW_MONITOR_CMD_DELETE
};

struct flow_monitor_request {
	uint32_t id;
	enum flow_monitor_command
		command; // before 1.4 CMD_ADD; a delete says nothing else but its id
	uint16_t flags; // enum flow_monitor_flags
	of_port_t out_port; // OFPP_ANY: any
	uint32_t out_group; // UINT32_MAX: any; before 1.4 always
	uint8_t table; // 255: all
	struct match match;
};

// Takes the next request off m->body. *ret_more false: there is none.
enum ofperr flow_monitor_request_decode_next(struct msg *m, struct flow_monitor_request *r,
					     bool *ret_more);
void flow_monitor_request_encode(const struct flow_monitor_request *r, uint8_t version,
				 uint32_t xid, struct strbuf *out);
// "!initial,!own,table=3,ip,nw_src=10.0.0.0/8", as behind ovs-ofctl's "watch:". *ret_versions: those that can say it.
int flow_monitor_parse(const char *text, const struct port_names *ports,
		       struct flow_monitor_request *r, uint32_t *ret_versions, struct error *err);
// FLOW_MONITOR_CANCEL (up to 1.3; 1.4 has a command for it).
enum ofperr flow_monitor_cancel_decode(const struct msg *m, uint32_t *ret_id);
void flow_monitor_cancel_encode(uint32_t id, uint8_t version, uint32_t xid, struct strbuf *out);

enum flow_event {
	FLOW_EVENT_INITIAL, // before 1.4 the same as added
	FLOW_EVENT_ADDED,
	FLOW_EVENT_DELETED,
	FLOW_EVENT_MODIFIED,
	FLOW_EVENT_ABBREV, // the connection's own change, by its xid
	FLOW_EVENT_PAUSED, // 1.4 and later; before, a message of its own
	FLOW_EVENT_RESUMED,
};

struct flow_update {
	enum flow_event event;
	uint32_t xid; // of FLOW_EVENT_ABBREV
	// The rest of initial, added, deleted, modified.
	uint16_t reason; // enum flow_removed_reason, deleted
	uint16_t priority, idle_timeout, hard_timeout;
	uint8_t table;
	uint64_t cookie;
	const struct match *match; // encoding
	struct acts acts; // none where they were not asked for
	struct match match_buf; // decoding fills this one and points 'match' at it
};

// Updates are parts of a multipart reply that nobody asked for just now; its xid is that of the request only for what was there
// then, 0 later.
void flow_updates_begin(struct mp_writer *w, uint8_t version, uint32_t xid, struct strbuf *out);
void mp_put_flow_update(struct mp_writer *w, const struct flow_update *u);
// 'acts' holds the actions. *ret_more false: there is none.
enum ofperr flow_update_decode_next(struct msg *m, struct flow_update *u, struct strbuf *acts,
				    bool *ret_more);
// That updates are left out until the connection has taken what waits for it, and that they come again.
void flow_monitor_paused_encode(bool resumed, uint8_t version, struct strbuf *out);
