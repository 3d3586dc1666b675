// SPDX-License-Identifier: Apache-2.0
// What the command files share.
#pragma once

#include "core/io/appctl.h"
#include "ofproto/bridge/vswitchd.h"

extern const struct appctl_command dpctl_commands[], dpctl_change_commands[], dpctl_flow_commands[],
	offload_commands[], switch_commands[], upcall_commands[], trace_commands[],
	doctor_commands[], feature_commands[], qos_commands[];
extern const size_t n_dpctl_commands, n_dpctl_change_commands, n_dpctl_flow_commands,
	n_offload_commands, n_switch_commands, n_upcall_commands, n_trace_commands,
	n_doctor_commands, n_feature_commands, n_qos_commands;

// cmd-dpctl-run.c: commands that ovs-dpctl has, too, and datapaths of the kernel that are not the switch's.
struct dpctl;

// Rows for those about connections. They live as long as the process.
size_t cmd_dpctl_rows(const struct appctl_command **ret);
// With what 'd' has been told, as an error when there was one.
void cmd_reply(struct appctl_conn *conn, struct dpctl *d);
// Runs a command as ovs-dpctl would, and answers. False, without an answer: there is no kernel's datapath on this machine.
bool cmd_run_on_kernel(struct appctl_conn *conn, struct vswitchd *vs, int argc,
		       const char *const argv[]);
// Likewise when the first word is the name of a datapath that is not the switch's, or the switch has none; else false.
bool cmd_run_outside(struct appctl_conn *conn, struct vswitchd *vs, int argc,
		     const char *const argv[]);
// Appends what "dpctl/COMMAND NAME" says, of 'name' or (NULL) of each of them. 'command' without "dpctl/".
void cmd_put_outside(struct vswitchd *vs, const char *command, const char *name, bool statistics,
		     struct strbuf *out);
// Their names.
void cmd_list_outside(struct vswitchd *vs, struct strset *names);
bool cmd_has_outside(struct vswitchd *vs);
// Answers "ovs-vswitchd: TEXT (what 'error' means)", as ovs-dpctl says it; 'error' 0: without the latter.
void cmd_fail(struct appctl_conn *conn, int error, const char *fmt, ...) PRINTF(3, 4);
// Answers with an error and returns false when there is no datapath.
bool cmd_need_datapath(struct appctl_conn *conn, const struct vswitchd *vs);
// The datapath that a command means: by name, or (NULL) the one that is open. Answers with an error and returns NULL when
// there is none, or more than one.
struct plane *cmd_plane(struct appctl_conn *conn, struct vswitchd *vs, const char *name);
// What dpctl calls a type of the datapath's.
const char *cmd_port_type(const struct plane *pl, const char *type);
// 'aux' is the struct plane.
const char *cmd_port_name(dp_port_t port, void *aux);
bool cmd_port_by_name(const char *name, dp_port_t *ret, void *aux);
// " (TYPE: key=value, ...)"; 'config' has what is not in the datapath (NULL: nothing).
void cmd_put_port_type(struct plane *pl, dp_port_t port, const char *type,
		       const struct smap *config, struct strbuf *out);
// One line of dpctl/dump-flows, without newline.
void cmd_format_flow(struct plane *pl, struct megaflow *mf, bool verbose, bool names,
		     struct strbuf *out);
// Likewise of dpif/dump-flows.
void cmd_format_flow_of_bridge(struct plane *pl, struct megaflow *mf, bool verbose, bool names,
			       struct strbuf *out);
// For memory/show; 'vs' is the struct vswitchd.
void cmd_memory_report(struct smap *usage, void *vs);
// By ufid or datapath flow text, in the datapath named 'dp' (NULL: in all); answers with an error, that it was met in 'doing' it,
// and returns NULL when there is none.
struct megaflow *cmd_find_flow(struct appctl_conn *conn, struct vswitchd *vs, const char *dp,
			       const char *text, const char *doing, struct plane **ret_plane);
