// SPDX-License-Identifier: Apache-2.0
// What the files of ovs-ofctl share: its options, commands, and the names of ports.
#pragma once

#include "utilities/ofp-client.h"

struct ofctl_options {
	uint32_t versions, formats; // bitmaps; of enum flow_format
	unsigned int timeout; // seconds
	bool strict, no_stats, sort, plain; // plain: replies as they come
	bool names, no_names; // names are shown; they are not even accepted
	bool timestamp, readd, may_create, bundle, read_only, pcap, raw;
	int packet_in_format; // enum packet_in_format, -1: not said
	const char *unixctl; // NULL: not said
	int verbosity;
	struct {
		char *field; // NULL: priority
		bool reverse;
	} keys[8];
	size_t n_keys;
};

extern struct ofctl_options ofctl;
struct ofctl_ports;

struct ofctl_command {
	const char *name, *usage;
	int min_args, max_args; // behind the name
	void (*run)(int argc, char *argv[]); // argv[0] is the name
	bool reads; // changes nothing: runs with --read-only
	bool bundles; // its changes can be one bundle
};

// Each file's commands; ended by a NULL name.
extern const struct ofctl_command ofctl_switch_commands[], ofctl_flow_commands[],
	ofctl_packet_commands[], ofctl_meter_commands[], ofctl_group_commands[],
	ofctl_queue_commands[], ofctl_monitor_commands[], ofctl_bundle_commands[],
	ofctl_table_commands[], ofctl_local_commands[], ofctl_parse_commands[],
	ofctl_encode_commands[], ofctl_pcap_commands[];
// The commands that print all of them, and how to use the program.
void ofctl_list_commands(int argc, char *argv[]);
void ofctl_help(int argc, char *argv[]);

// Appends the bytes that hex digits say, with blanks between bytes. What is left of the text, 0: nothing; ..._need_hex() ends the
// program then.
size_t ofctl_parse_hex(const char *s, struct strbuf *out);
void ofctl_need_hex(const char *s, struct strbuf *out);
// The reverse: lines of an offset and 16 bytes.
void ofctl_print_bytes(const struct strbuf *b);
// TLVs of NXM or OXM by name: "NXM_OF_IN_PORT(0001), ...", "<any>".
void ofctl_nxm_to_text(const void *p, size_t n, struct strbuf *out);

// Ends the program when the message that begins at 'start' is longer than OpenFlow can say: what is behind its length would be
// taken for the next one. 'where' comes before the error.
void ofctl_check_length(const struct strbuf *b, size_t start, const char *where);
// The same for a change of the switch that is complete now: with --bundle it is put into the bundle, and
// the bundle may be sent so far.
void ofctl_end_message(struct ofp_client *c, struct strbuf *b, size_t start, const char *where);
// Sends much of what has been put together (64 KiB and more), so that the switch works on it meanwhile.
void ofctl_send_ahead(struct ofp_client *c, struct strbuf *messages);
// Opens the switch by the options. ..._for_flows() prepares a 1.0 connection for table ids in flow_mods; *ret_formats: in which of
// the allowed formats flows can be sent to the switch.
struct ofp_client *ofctl_open(const char *target);
struct ofp_client *ofctl_open_for_flows(const char *target, uint32_t *ret_formats);
// What -O and -F allow; 'text' may be NULL.
void ofctl_allow_formats(const char *text);
// The versions that have bundles.
void ofctl_allow_bundles(void);
// Ends the program when nothing that is usable is allowed; ..._of() also when none of it is among the switch's formats.
void ofctl_need_formats(uint32_t usable);
void ofctl_need_formats_of(uint32_t usable, uint32_t formats_of_switch);
// What is allowed with the switch at hand.
uint32_t ofctl_formats_of(const struct ofp_client *c);
void ofctl_print(const struct msg *m);
// Sends a multipart request and prints every part of the reply; ..._plain() one that says nothing but its type.
void ofctl_print_multipart(struct ofp_client *c, const struct strbuf *request);
void ofctl_print_plain_multipart(struct ofp_client *c, enum msg_type type);
// With --bundle: the message that begins at 'start' becomes one of a bundle, which is opened before the first.
void ofctl_bundle_message(struct ofp_client *c, struct strbuf *b, size_t start);
// Commits the bundle; what was refused is printed, and the program ends.
void ofctl_bundle_commit(struct ofp_client *c);
// A line of a bundle's file, encoded and appended. Port names are loaded when there may be some.
void ofctl_put_flow(struct ofp_client *c, struct ofctl_ports **ports, struct strbuf *b, char *line,
		    const char *where);
void ofctl_put_group(struct ofp_client *c, struct ofctl_ports **ports, struct strbuf *b, char *line,
		     const char *where);
void ofctl_put_packet_out(struct ofp_client *c, struct ofctl_ports **ports, struct strbuf *b,
			  char *line, const char *where);
// Sends and waits until the switch has carried all out, as a bundle where that is wanted. Where it refused something, the program
// ends.
void ofctl_send_and_wait(struct ofp_client *c, const struct strbuf *messages);

// What the switch says its tables can, each once; a reply that cannot be read ends the program.
struct table_features;
void ofctl_for_each_table_features(struct ofp_client *c,
				   void (*cb)(const struct table_features *tf, void *aux),
				   void *aux);

// Names of the switch's ports and tables, by which names in text become numbers and numbers names. Those of tables are asked for
// when they are printed, or when there is one in a text first; before messages come by themselves, they must be.
struct ofctl_ports;
struct ofctl_ports *ofctl_ports_load(struct ofp_client *c);
void ofctl_tables_load(struct ofctl_ports *p);
// With names of tables alone.
struct ofctl_ports *ofctl_ports_for_tables(struct ofp_client *c);
void ofctl_ports_free(struct ofctl_ports *p);
// For parsing (NULL with --no-names); for printing only with --names (else NULL).
const struct port_names *ofctl_port_parser(const struct ofctl_ports *p);
const struct port_names *ofctl_port_printer(const struct ofctl_ports *p);
// --color: "never", "always" or "auto" (NULL, too). A line of a flow with colors; of what is around the match and the actions only where
// there is a 'frame'. ..._print_flow_line() prints one that may be of something else, with colors where they are wanted.
void ofctl_set_color(const char *when);
bool ofctl_has_color(void);
void ofctl_color_flow(const char *line, bool frame, struct strbuf *out);
void ofctl_print_flow_line(const char *line);

// As the switch has told of them; how many.
size_t ofctl_ports_list(const struct ofctl_ports *p, const struct port_desc **ret);
const struct port_desc *ofctl_port_find(const struct ofctl_ports *p, const char *name);
