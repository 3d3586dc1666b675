// SPDX-License-Identifier: Apache-2.0
// OpenFlow messages: one abstract struct per message, decoded from and encoded to any version.
//
// A decode function gets a message whose header has been checked by msg_decode_header() and returns OFPERR_NONE or the
// error for the peer; an encode function appends one whole message (header included, xid in host order) to 'out'.
// Replies that may need several multipart messages take a struct mp_writer. Everything is in host order.
#pragma once

#include "core/flow/meter.h"
#include "ofproto/openflow/act.h"

enum { OFP10 = 1, OFP11, OFP12, OFP13, OFP14, OFP15 };

enum msg_type {
#define MSG(ID, NAME, ...) MSG_##ID,
#include "ofproto/openflow/messages.def"
#undef MSG
	MSG_MAX
};

struct msg {
	enum msg_type type;
	uint8_t version;
	uint32_t xid;
	uint16_t mp_flags; // multipart: bit 0 means that more follow
	bool table_id_ext; // the peer asked for table ids in 1.0's flow_mod commands (of_conn knows)
	const void *whole; // the message as received
	size_t size;
	struct reader body; // behind the header (and behind the multipart or experimenter header)
};

// Looks at one whole message of 'n' bytes (the framing has checked the length field).
enum ofperr msg_decode_header(const void *p, size_t n, struct msg *ret);
const char *msg_name(enum msg_type type);
// Appends a message without body (hello, barrier, features_request, echo...).
void msg_put_plain(enum msg_type type, uint8_t version, uint32_t xid, struct strbuf *out);
// Low level: header now, length patched by msg_end(). Returns the offset where the message starts.
size_t msg_begin(enum msg_type type, uint8_t version, uint32_t xid, struct strbuf *out);
void msg_end(struct strbuf *out, size_t start);

// Hello with a version bitmap (bit V for version V); the result of both sides' bitmaps is the highest common one, 0: none.
void hello_encode(uint32_t versions, uint32_t xid, struct strbuf *out);
uint32_t hello_decode(const struct msg *m);
void echo_reply_encode(const struct msg *request, struct strbuf *out);

// The buffer_id of a packet that comes whole.
#define OF_NO_BUFFER UINT32_MAX

// Flow table commands and rules.
enum flow_mod_command { FM_ADD, FM_MODIFY, FM_MODIFY_STRICT, FM_DELETE, FM_DELETE_STRICT };
enum flow_mod_flags {
	FM_SEND_FLOW_REM = 1,
	FM_CHECK_OVERLAP = 2,
	FM_RESET_COUNTS = 4,
	FM_NO_PKT_COUNTS = 8,
	FM_NO_BYT_COUNTS = 16,
	FM_HIDDEN = 32
};

struct flow_mod {
	struct match match;
	uint16_t priority;
	uint8_t table; // 255: all (delete, modify) or unset
	enum flow_mod_command command;
	uint64_t cookie, cookie_mask; // of rules to modify or delete
	uint64_t new_cookie; // for add and modify
	bool modify_cookie;
	bool add_missing; // a change of nothing adds: up to 1.1, unless cookies are looked for
	uint16_t idle_timeout, hard_timeout; // seconds, 0: none
	uint32_t buffer_id; // UINT32_MAX: none (buffering is not done)
	of_port_t out_port;
	uint32_t out_group;
	uint16_t flags; // enum flow_mod_flags
	uint16_t importance;
	bool consistent; // actions that do nothing to some of the packets are an error: since 1.1
	struct strbuf acts; // owned; struct act list
};

void flow_mod_init(struct flow_mod *fm);
void flow_mod_uninit(struct flow_mod *fm);
enum ofperr flow_mod_decode(const struct msg *m, struct flow_mod *fm);
// Of 1.0 in Nicira's form where it needs that, with table ids. ..._as() in the form of an enum flow_format that can carry it.
void flow_mod_encode(const struct flow_mod *fm, uint8_t version, uint32_t xid, struct strbuf *out);
void flow_mod_encode_as(const struct flow_mod *fm, unsigned int format, uint32_t xid,
			struct strbuf *out);
// One line of ovs-ofctl flow text, as for 'command'; with 'del' words like out_port and cookie/mask are allowed.
// *ret_formats (may be NULL): the flow formats (formats.h) that can carry it.
int flow_mod_parse(const char *line, enum flow_mod_command command, const struct port_names *ports,
		   struct flow_mod *fm, uint32_t *ret_formats, struct error *err);

// Flow and aggregate statistics.
struct flow_stats_request {
	struct match match;
	uint8_t table; // 255: all
	of_port_t out_port;
	uint32_t out_group;
	uint64_t cookie, cookie_mask;
	bool aggregate;
};

struct flow_stats {
	const struct match *match; // encoding
	uint64_t cookie, n_packets, n_bytes; // UINT64_MAX: unknown
	uint16_t priority, idle_timeout, hard_timeout, flags, importance;
	uint8_t table;
	uint32_t duration_sec, duration_nsec;
	int32_t idle_age, hard_age; // seconds, -1: unknown
	struct acts acts;
	struct match match_buf; // last: decoding fills this one and points 'match' at it
};

struct aggregate_stats {
	uint64_t n_packets, n_bytes;
	uint32_t n_flows;
};

enum ofperr flow_stats_request_decode(const struct msg *m, struct flow_stats_request *r);
// 'version' 1.0 asks for Nicira's form, which says more than the standard's, ..._standard_10().
void flow_stats_request_encode(const struct flow_stats_request *r, uint8_t version, uint32_t xid,
			       struct strbuf *out);
void flow_stats_request_encode_standard_10(const struct flow_stats_request *r, uint32_t xid,
					   struct strbuf *out);
// Takes the next entry off m->body. 1: got one ('acts' holds its actions), 0: end, negative: malformed.
int flow_stats_decode_next(struct msg *m, struct flow_stats *fs, struct strbuf *acts);
void aggregate_stats_encode(const struct aggregate_stats *s, const struct msg *request,
			    struct strbuf *out);
enum ofperr aggregate_stats_decode(const struct msg *m, struct aggregate_stats *s);

// Multipart replies: entries are appended; a message that would pass 64 KiB is closed with the "more" flag.
struct mp_writer {
	struct strbuf *out;
	enum msg_type type;
	uint8_t version;
	uint32_t xid;
	bool nx; // answered in the Nicira form
	size_t start; // of the message now open in 'out'
};

void mp_begin(struct mp_writer *w, const struct msg *request, struct strbuf *out);
// The same for messages that answer no request: requests with many entries, and what monitors are told.
void mp_begin_type(struct mp_writer *w, enum msg_type type, uint8_t version, uint32_t xid,
		   struct strbuf *out);
void mp_end(struct mp_writer *w);
// Before an entry of at most 'n' bytes: begins another message where this one would get too long.
void mp_make_room(struct mp_writer *w, size_t n);
// After an entry of any size, which begins at 'entry' of 'out': where it makes the message too long it is moved to one of its
// own, and taken back when that is not enough.
void mp_end_entry(struct mp_writer *w, size_t entry);
// How many bytes of 'out' are messages that are complete, and will not change; and their removal, once sent.
size_t mp_finished(const struct mp_writer *w);
void mp_take_finished(struct mp_writer *w);
// An entry that no message can hold is left out.
void mp_put_flow_stats(struct mp_writer *w, const struct flow_stats *fs);

struct port_stats {
	of_port_t port;
	uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes, rx_dropped, tx_dropped, rx_errors,
		tx_errors;
	uint64_t rx_frame_err, rx_over_err, rx_crc_err,
		collisions; // UINT64_MAX: not known, in all members
	uint32_t duration_sec, duration_nsec;
};

// All queues of a port, in requests.
#define QUEUE_ALL UINT32_MAX

struct queue_stats {
	of_port_t port;
	uint32_t queue;
	uint64_t tx_bytes, tx_packets, tx_errors; // UINT64_MAX: not known
	uint32_t duration_sec, duration_nsec; // UINT32_MAX: not known
};

struct queue_desc {
	of_port_t port;
	uint32_t queue;
	// Tenths of a percent of the port's, over 1000: disabled; UINT16_MAX: not said.
	uint16_t min_rate, max_rate;
};

// State and configuration in OpenFlow 1.0's bits where they exist there.
struct port_desc {
	of_port_t port;
	struct eth_addr hw_addr;
	char name[64];
	uint32_t config; // PORT_CONFIG_*
	uint32_t state; // PORT_STATE_*
	uint32_t current, advertised, supported, peer; // OFPPF_* of OpenFlow 1.1+
	uint32_t current_kbps, max_kbps;
};

enum {
	PORT_CONFIG_DOWN = 1,
	PORT_CONFIG_NO_STP = 2,
	PORT_CONFIG_NO_RECV = 4,
	PORT_CONFIG_NO_RECV_STP = 8,
	PORT_CONFIG_NO_FLOOD = 16,
	PORT_CONFIG_NO_FWD = 32,
	PORT_CONFIG_NO_PACKET_IN = 64
};
enum { PORT_STATE_LINK_DOWN = 1, PORT_STATE_BLOCKED = 2, PORT_STATE_LIVE = 4 };
enum port_reason { PORT_ADDED, PORT_DELETED, PORT_MODIFIED };

struct port_mod {
	of_port_t port;
	struct eth_addr hw_addr;
	uint32_t config, mask, advertise;
};

struct switch_features {
	uint64_t datapath_id;
	uint32_t n_buffers, capabilities, actions;
	uint8_t n_tables, auxiliary_id;
	const struct port_desc *ports; // OpenFlow 1.0..1.2 carry them here
	size_t n_ports;
};

// In the flags, up to 1.2: packets whose TTL ran out go to the controller.
enum { CONFIG_FRAGMENTS = 3, CONFIG_INVALID_TTL = 4 };

struct switch_config {
	uint16_t flags, miss_send_len;
};

struct switch_desc {
	char mfr[256], hw[256], sw[256], serial[32], dp[256];
};

void features_reply_encode(const struct switch_features *f, const struct msg *request,
			   struct strbuf *out);
// ports[] of 1.0 replies are appended to 'ports' as struct port_desc.
enum ofperr features_reply_decode(const struct msg *m, struct switch_features *f,
				  struct strbuf *ports);
enum ofperr switch_config_decode(const struct msg *m, struct switch_config *c);
void switch_config_encode(const struct switch_config *c, enum msg_type type, uint8_t version,
			  uint32_t xid, struct strbuf *out);
void switch_desc_encode(const struct switch_desc *d, const struct msg *request, struct strbuf *out);
enum ofperr switch_desc_decode(const struct msg *m, struct switch_desc *d);
// How a table is configured (1.4+; before, what happens to packets that no rule matches).
#define EVICTION_DEFAULT UINT32_MAX
struct table_desc {
	uint8_t table; // 255 in a table_mod: all
	bool eviction, vacancy;
	uint32_t
		eviction_flags; // which rules go first: 1 other, 2 importance, 4 lifetime; or EVICTION_DEFAULT
	uint8_t vacancy_down, vacancy_up, vacancy_now; // percent free; 0 where 'vacancy' is not set
};
enum table_miss { TABLE_MISS_CONTROLLER, TABLE_MISS_CONTINUE, TABLE_MISS_DROP };
struct table_mod {
	struct table_desc desc; // 1.4+; of older ones only 'table' says something
	enum table_miss miss; // 1.1 and 1.2
};
enum table_status_reason { TABLE_VACANCY_DOWN = 3, TABLE_VACANCY_UP = 4 };
enum ofperr table_mod_decode(const struct msg *m, struct table_mod *tm);
void table_mod_encode(const struct table_mod *tm, uint8_t version, uint32_t xid,
		      struct strbuf *out);
void mp_put_table_desc(struct mp_writer *w, const struct table_desc *d);
// Takes the next entry off m->body; *ret_more false: there is none.
enum ofperr table_desc_decode_next(struct msg *m, struct table_desc *d, bool *ret_more);
enum ofperr table_status_decode(const struct msg *m, uint8_t *ret_reason, struct table_desc *d);
void table_status_encode(enum table_status_reason reason, const struct table_desc *d,
			 uint8_t version, struct strbuf *out);
// A port stats request names one port or OFPP_ANY.
enum ofperr port_stats_request_decode(const struct msg *m, of_port_t *ret_port);
void port_stats_request_encode(of_port_t port, uint8_t version, uint32_t xid, struct strbuf *out);
void mp_put_port_stats(struct mp_writer *w, const struct port_stats *ps);
int port_stats_decode_next(struct msg *m, struct port_stats *ps);
// Requests name one port or OFPP_ANY, one queue or QUEUE_ALL.
enum ofperr queue_stats_request_decode(const struct msg *m, of_port_t *ret_port,
				       uint32_t *ret_queue);
void queue_stats_request_encode(of_port_t port, uint32_t queue, uint8_t version, uint32_t xid,
				struct strbuf *out);
void mp_put_queue_stats(struct mp_writer *w, const struct queue_stats *s);
int queue_stats_decode_next(struct msg *m, struct queue_stats *s);
// Which queues there are: a message (queue_get_config) up to 1.3, which cannot name a queue; a multipart one (queue_desc) from 1.4.
enum ofperr queue_desc_request_decode(const struct msg *m, of_port_t *ret_port,
				      uint32_t *ret_queue);
void queue_desc_request_encode(of_port_t port, uint32_t queue, uint8_t version, uint32_t xid,
			       struct strbuf *out);
void mp_put_queue_desc(struct mp_writer *w, const struct queue_desc *d);
// The reply up to 1.3: begin returns an offset that put and msg_end() take. False: no more fits into a message.
size_t queue_config_begin(of_port_t port, const struct msg *request, struct strbuf *out);
bool queue_config_put(struct strbuf *out, size_t start, uint8_t version,
		      const struct queue_desc *d);
// Reads the port that such a reply begins with; -EPROTO.
int queue_config_decode(struct msg *m, of_port_t *ret_port);
// 'port' is that one; from 1.2 each queue has its own.
int queue_desc_decode_next(struct msg *m, of_port_t port, struct queue_desc *d);
enum ofperr port_desc_request_decode(const struct msg *m, of_port_t *ret_port);
void port_desc_request_encode(of_port_t port, uint8_t version, uint32_t xid, struct strbuf *out);
void mp_put_port_desc(struct mp_writer *w, const struct port_desc *pd);
int port_desc_decode_next(struct msg *m, struct port_desc *pd);
void port_status_encode(const struct port_desc *pd, enum port_reason reason, uint8_t version,
			struct strbuf *out);
enum ofperr port_status_decode(const struct msg *m, struct port_desc *pd,
			       enum port_reason *ret_reason);
enum ofperr port_mod_decode(const struct msg *m, struct port_mod *pm);
void port_mod_encode(const struct port_mod *pm, uint8_t version, uint32_t xid, struct strbuf *out);

// Packets to and from controllers.
enum packet_in_reason {
	OFPR_NO_MATCH,
	OFPR_ACTION,
	OFPR_INVALID_TTL,
	OFPR_ACTION_SET,
	OFPR_GROUP,
	OFPR_PACKET_OUT,
	OFPR_IMPLICIT_MISS,
	OFPR_EXPLICIT_MISS
};
// What a connection asked for with NXT_SET_PACKET_IN_FORMAT.
enum packet_in_format { PIN_STANDARD, PIN_NXT, PIN_NXT2 };

struct packet_in {
	const uint8_t *packet;
	size_t len, total_len; // 'len' of 'total_len' bytes are here
	uint32_t buffer_id; // decoded; UINT32_MAX: none, as in all that we send
	uint8_t reason, table;
	uint64_t cookie; // UINT64_MAX: none
	struct match metadata; // in_port, metadata, registers, tunnel
	const uint8_t *userdata;
	size_t n_userdata;
	// Of a packet that is paused: what the switch wants back to go on with it. Its own form, opaque.
	const uint8_t *continuation;
	size_t n_continuation;
};

// The reason that a version has for it: the same, or the nearest.
uint8_t packet_in_known_reason(uint8_t reason, uint8_t version);
// Appends the message, with as much of the packet as a message has room for. False, and nothing is appended: what goes with the
// packet fills a message by itself.
bool packet_in_encode(const struct packet_in *p, enum packet_in_format format, uint8_t version,
		      struct strbuf *out);
enum ofperr packet_in_decode(const struct msg *m, struct packet_in *p);
// NXT_RESUME: a packet_in2 that comes back, with its continuation.
enum ofperr resume_decode(const struct msg *m, struct packet_in *p);
void resume_encode(const struct packet_in *p, uint8_t version, uint32_t xid, struct strbuf *out);

struct packet_out {
	const uint8_t *packet; // in the message
	size_t len;
	uint32_t buffer_id;
	struct match metadata; // in_port and, in 1.5, other pipeline fields
	bool consistent; // as of flow_mods
	struct strbuf acts; // owned
};

enum ofperr packet_out_decode(const struct msg *m, struct packet_out *p);
void packet_out_encode(const struct packet_out *p, uint8_t version, uint32_t xid,
		       struct strbuf *out);
void packet_out_uninit(struct packet_out *p);
// "in_port=1 packet=HEX actions=...", also with metadata fields. The packet's bytes go to 'packet', which must live as long as 'p' is
// used.
int packet_out_parse(const char *text, const struct port_names *ports, struct packet_out *p,
		     struct strbuf *packet, struct error *err);
// Hex digits of at least an Ethernet header, with spaces.
int packet_text_parse(const char *hex, struct strbuf *packet, struct error *err);
// Of any number of bytes, which are appended.
int packet_bytes_parse(const char *hex, struct strbuf *out, struct error *err);

enum flow_removed_reason {
	REMOVED_IDLE,
	REMOVED_HARD,
	REMOVED_DELETE,
	REMOVED_GROUP_DELETE,
	REMOVED_METER_DELETE,
	REMOVED_EVICTION
};

struct flow_removed {
	struct match match;
	uint64_t cookie, n_packets, n_bytes;
	uint16_t priority, idle_timeout, hard_timeout;
	uint8_t table, reason;
	uint32_t duration_sec, duration_nsec;
};

void flow_removed_encode(const struct flow_removed *fr, uint8_t version, struct strbuf *out);
enum ofperr flow_removed_decode(const struct msg *m, struct flow_removed *fr);

// Meters (1.3+).
enum meter_command { METER_ADD, METER_MODIFY, METER_DELETE };

struct meter_mod {
	enum meter_command command;
	uint32_t id; // METER_ID_ALL: all, when deleting
	struct meter_config config; // empty when deleting
};

enum ofperr meter_mod_decode(const struct msg *m, struct meter_mod *mm);
void meter_mod_encode(const struct meter_mod *mm, uint8_t version, uint32_t xid,
		      struct strbuf *out);
// Requests for statistics and configurations: of one meter, or METER_ID_ALL.
enum ofperr meter_request_decode(const struct msg *m, uint32_t *ret_id);
void meter_request_encode(enum msg_type type, uint32_t id, uint8_t version, uint32_t xid,
			  struct strbuf *out);
void mp_put_meter_config(struct mp_writer *w, uint32_t id, const struct meter_config *c);
int meter_config_decode_next(struct msg *m, uint32_t *ret_id, struct meter_config *c);
void mp_put_meter_stats(struct mp_writer *w, uint32_t id, const struct meter_stats *s);
int meter_stats_decode_next(struct msg *m, uint32_t *ret_id, struct meter_stats *s);
void meter_features_encode(const struct meter_features *f, const struct msg *request,
			   struct strbuf *out);
enum ofperr meter_features_decode(const struct msg *m, struct meter_features *f);

// Roles (1.2+ and Nicira), and Nicira's small settings.
enum controller_role { ROLE_NOCHANGE, ROLE_EQUAL, ROLE_PRIMARY, ROLE_SECONDARY };
struct role_request {
	enum controller_role role;
	bool have_generation_id;
	uint64_t generation_id;
};
enum ofperr role_request_decode(const struct msg *m, struct role_request *r);
void role_reply_encode(const struct role_request *r, const struct msg *request, struct strbuf *out);
// What a connection is told when its role changes without its doing: 1.3 (ONF) and later.
enum role_reason {
	ROLE_PRIMARY_REQUEST,
	ROLE_CONFIGURATION_CHANGED,
	ROLE_EXPERIMENTER_DATA_CHANGED
};
struct role_status {
	enum controller_role role; // the new one
	uint8_t reason; // enum role_reason
	uint64_t generation_id; // UINT64_MAX: there is none
};
enum ofperr role_status_decode(const struct msg *m, struct role_status *s);
void role_status_encode(const struct role_status *s, uint8_t version, struct strbuf *out);
// REQUESTFORWARD: a group_mod or meter_mod of somebody else, a whole message of the same version; no bytes where it is too long.
enum ofperr requestforward_decode(const struct msg *m, struct msg *ret_request);
void requestforward_encode(const struct strbuf *request, uint8_t version, struct strbuf *out);
// NXT_SET_PACKET_IN_FORMAT, NXT_SET_FLOW_FORMAT, NXT_FLOW_MOD_TABLE_ID, NXT_SET_CONTROLLER_ID, NXT_CT_FLUSH_ZONE: one number each.
enum ofperr nx_number_decode(const struct msg *m, uint32_t *ret);
void nx_number_encode(enum msg_type type, uint32_t value, uint8_t version, uint32_t xid,
		      struct strbuf *out);

// NXT_TLV_TABLE_*: which of Geneve's options are tun_metadata<index>.
enum { TLV_FIELDS = 64 };
enum tlv_command { TLV_ADD, TLV_DELETE, TLV_CLEAR };
struct tlv_mapping {
	uint16_t class, index;
	uint8_t type, length; // length: bytes of data, a multiple of 4
};

struct tlv_table_mod {
	uint16_t command; // enum tlv_command
	size_t n;
	struct tlv_mapping list[TLV_FIELDS];
};

struct tlv_table_reply {
	uint32_t max_space; // bytes of all options
	uint16_t max_fields;
	size_t n;
	struct tlv_mapping list[TLV_FIELDS];
};

enum ofperr tlv_table_mod_decode(const struct msg *m, struct tlv_table_mod *mod);
void tlv_table_mod_encode(const struct tlv_table_mod *mod, uint8_t version, uint32_t xid,
			  struct strbuf *out);
enum ofperr tlv_table_reply_decode(const struct msg *m, struct tlv_table_reply *reply);
void tlv_table_reply_encode(const struct tlv_table_reply *reply, const struct msg *request,
			    struct strbuf *out);
// "{class=0x102,type=0x80,len=4}->tun_metadata0,..." appended to the list; -EINVAL when it is not so.
int tlv_mappings_parse(const char *s, struct tlv_table_mod *mod);

// " tcp_csum:1f3b" for a packet of 'n' bytes that packet_parse() has looked at; nothing where there is no checksum.
struct packet;
void packet_checksum_format(const void *bytes, size_t n, const struct packet *p,
			    const struct flow_key *k, struct strbuf *out);
// What ovs-ofctl ofp-print shows for any message; 'verbosity' 0..3. Undecodable parts are shown as a hex dump.
void msg_print(const void *p, size_t n, const struct port_names *ports, int verbosity,
	       struct strbuf *out);
