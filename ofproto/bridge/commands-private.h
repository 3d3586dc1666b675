// SPDX-License-Identifier: Apache-2.0
// What the command files share.
#pragma once

#include "core/io/appctl.h"
#include "ofproto/bridge/vswitchd.h"

extern const struct appctl_command dpctl_commands[], offload_commands[], switch_commands[],
	trace_commands[];
extern const size_t n_dpctl_commands, n_offload_commands, n_switch_commands, n_trace_commands;

// Answers with an error and returns false when there is no datapath.
bool cmd_need_datapath(struct appctl_conn *conn, const struct vswitchd *vs);
// 'aux' is the struct vswitchd.
const char *cmd_port_name(dp_port_t port, void *aux);
// " (TYPE: key=value, ...)"; 'config' has what is not in the datapath (NULL: nothing).
void cmd_put_port_type(struct vswitchd *vs, dp_port_t port, const char *type,
		       const struct smap *config, struct strbuf *out);
bool cmd_port_by_name(const char *name, dp_port_t *ret, void *aux);
// One line of dpctl/dump-flows, without newline.
void cmd_format_flow(struct vswitchd *vs, struct megaflow *mf, bool verbose, bool names,
		     struct strbuf *out);
void cmd_format_counts(const struct flow_counts *c, struct strbuf *out);
// By ufid or datapath flow text; answers with an error and returns NULL when there is none.
struct megaflow *cmd_find_flow(struct appctl_conn *conn, struct vswitchd *vs, const char *text);
