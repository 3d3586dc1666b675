// SPDX-License-Identifier: Apache-2.0
// ofproto/trace: the way of a packet through the tables, and the soundness check of tests.
#include <ctype.h>

#include "core/packet/packet.h"
#include "ofproto/bridge/commands-private.h"

static struct plane *first_open(struct vswitchd *vs)
{
	struct plane *pl;

	PLANE_FOR_EACH(pl, vs)
	if (pl->dp)
		return pl;
	return NULL;
}

// What is to be traced, and where.
struct traced {
	struct plane *pl;
	struct of_switch *sw;
	struct flow_key key;
	struct tunnel_lookup tunnel; // 'table' NULL: the port was named
};

static const struct tunnel_lookup *lookup_of(const struct traced *t)
{
	return t->tunnel.table ? &t->tunnel : NULL;
}

// BRIDGE FLOW, or a datapath flow whose in_port tells the bridge.
static int trace_key(struct vswitchd *vs, const char *br_name, const char *text, struct traced *ret,
		     struct error *err)
{
	struct bridge *br = br_name ? bridge_find(vs, br_name) : NULL;
	struct plane *pl = br ? br->plane : NULL;
	struct port_names names;
	struct match m;
	int error;

	if (br_name && !br)
		pl = plane_by_name(vs, br_name);
	if (pl)
		br_name = NULL;
	else if (!br_name)
		pl = first_open(vs);
	if (br_name && !br)
		return error_set(err, -ENODEV, "%s: unknown bridge", br_name);
	if (!br || strstr(text, "in_port(")) {
		if (!pl || !pl->dp)
			return error_set(err, -ENODEV, "no datapath is open");
		error = dp_key_parse(text, cmd_port_by_name, pl, &m, err);
		if (error < 0)
			return error;
		ret->pl = pl;
		return upcall_entry(pl->upcall, &m.key, &ret->sw, &ret->key, &ret->tunnel, err)
			       ? 0
			       : -ENODEV;
	}
	names = switch_port_names(br->sw);
	*ret = (struct traced){ .pl = br->plane, .sw = br->sw };
	error = flow_parse(text, &names, &ret->key, err);
	return error < 0 ? error_wrap(err, "Bad openflow flow syntax") : 0;
}

#define MAX_CT_NEXT 64

struct trace_args {
	const char *words[3]; // bridge or datapath, flow, packet
	int n;
	bool names, generate, consistent;
	uint8_t ct_next[MAX_CT_NEXT];
	size_t n_ct_next;
};

// ---- --ct-next ----

// NULL, or why no packet is in this state.
static const char *ct_state_problem(uint8_t s)
{
	if (s && !(s & CS_TRK))
		return "If \"trk\" is unset, no other flags are set";
	if (s & CS_INV && s & ~(CS_TRK | CS_INV))
		return "when \"inv\" is set, only \"trk\" may also be set";
	if (s & CS_NEW && s & CS_EST)
		return "\"new\" and \"est\" are mutually exclusive";
	if (s & CS_NEW && s & CS_RPL)
		return "\"new\" and \"rpy\" are mutually exclusive";
	return NULL;
}

// By name; the field's text knows other ways to say it.
static int take_ct_flag(const char *word, uint8_t *state, struct error *err)
{
	const struct field *f = field_get(FIELD_CT_STATE);
	union field_value value, mask;

	if (!isalpha((unsigned char)*word) || strchr(word, '|') ||
	    field_parse(f, word, &value, &mask, NULL) < 0)
		return error_set(err, -EINVAL, "%s: unknown connection tracking state flag", word);
	*state |= field_value_to_u64(f, &value);
	return 0;
}

static int parse_ct_next(const char *text, struct trace_args *a, struct error *err)
{
	const struct field *f = field_get(FIELD_CT_STATE);
	AUTO_FREE char *copy = xstrdup(text);
	AUTO(strbuf) flags = STRBUF_INIT;
	union field_value value;
	const char *problem;
	uint8_t state = 0;
	char *save = NULL;

	for (char *w = strtok_r(copy, ", ", &save); w; w = strtok_r(NULL, ", ", &save))
		if (take_ct_flag(w, &state, err) < 0)
			return -EINVAL;
	problem = ct_state_problem(state);
	if (problem) {
		field_value_from_u64(f, state, &value);
		field_format(f, &value, NULL, &flags);
		return error_set(err, -EINVAL, "%s: invalid connection state: %s", flags.s,
				 problem);
	}
	if (a->n_ct_next == MAX_CT_NEXT)
		return error_set(err, -EINVAL, "%s: too many --ct-next options", text);
	a->ct_next[a->n_ct_next++] = state;
	return 0;
}

// ---- --l7 and --l7-len ----

#define MAX_L7_BYTES 64000

// What a generated packet carries is known to be in order, and has no say in its way: no table looks behind its headers.
static int parse_l7(const char *text, struct trace_args *a, struct error *err)
{
	AUTO(strbuf) payload = STRBUF_INIT;

	return packet_bytes_parse(text, &payload, err);
}

static int parse_l7_len(const char *text, struct trace_args *a, struct error *err)
{
	uint32_t n;

	if (parse_u32(text, 0, &n) && n <= MAX_L7_BYTES)
		return 0;
	return error_set(err, -EINVAL, "%s: too much L7 data", text);
}

// ---- Arguments ----

// False: it is not an option with an argument. *ret is 0, or -EINVAL with 'err' set.
static bool take_option(const char *name, const char *text, struct trace_args *a, int *ret,
			struct error *err)
{
	static const struct {
		const char *name;
		int (*parse)(const char *text, struct trace_args *a, struct error *err);
	} options[] = { { "--ct-next", parse_ct_next },
			{ "--l7", parse_l7 },
			{ "--l7-len", parse_l7_len } };

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (!strcmp(name, options[i].name)) {
			*ret = text ? options[i].parse(text, a, err)
				    : error_set(err, -EINVAL, "Missing argument for option %s",
						name);
			return true;
		}
	return false;
}

// What comes without a bridge is "FLOW PACKET" when the second word can be nothing but a packet.
static void place_words(struct trace_args *a)
{
	if (a->n == 1 || (a->n == 2 && strchr(a->words[0], '('))) {
		a->words[2] = a->words[1];
		a->words[1] = a->words[0];
		a->words[0] = NULL;
	}
}

// 'acts': -consistent is an option.
static int parse_args(int argc, const char *const argv[], bool acts, struct trace_args *a,
		      struct error *err)
{
	memset(a, 0, sizeof(*a));
	for (int i = 1; i < argc; i++) {
		const char *s = argv[i];
		int error;

		if (take_option(s, i + 1 < argc ? argv[i + 1] : NULL, a, &error, err)) {
			if (error)
				return error;
			i++;
		} else if (!strcmp(s, "--names")) {
			a->names = true;
		} else if (!strcmp(s, "--no-names")) {
			a->names = false;
		} else if (!strcmp(s, "-generate") || !strcmp(s, "--generate")) {
			a->generate = true;
		} else if (acts && (!strcmp(s, "-consistent") || !strcmp(s, "--consistent"))) {
			a->consistent = true;
		} else if (s[0] == '-') {
			return error_set(err, -EINVAL, "%s: unknown option", s);
		} else if (a->n == 3) {
			return error_set(err, -EINVAL, "%s: too many arguments", s);
		} else {
			a->words[a->n++] = s;
		}
	}
	place_words(a);
	if (!a->words[1] || (a->generate && a->words[2]))
		return error_set(err, -EINVAL, "Syntax error");
	return 0;
}

// Takes the headers from 'hex'; what is not in a packet stays as the flow says.
static int key_of_packet(const char *hex, struct flow_key *key, struct error *err)
{
	struct packet_metadata md = packet_metadata_of(key);
	AUTO(strbuf) bytes = STRBUF_INIT;
	struct flow_key parsed;

	packet_put_with_place(NULL, 0, key->packet_type, &bytes);
	if (packet_bytes_parse(hex, &bytes, err) < 0)
		return -EINVAL;
	struct packet p = { .data = (uint8_t *)strbuf_cstr(&bytes), .size = bytes.len };
	if (packet_parse(&p, &md, &parsed) < 0)
		return error_set(err, -EINVAL, "Packet data too short for Ethernet");
	memcpy(parsed.regs, key->regs, sizeof(parsed.regs));
	parsed.metadata = key->metadata;
	*key = parsed;
	return 0;
}

// 'actions' NULL: the packet goes through the tables.
static int parse_actions(const struct traced *t, const char *actions, bool consistent,
			 struct strbuf *list, struct error *err)
{
	struct port_names names = switch_port_names(t->sw);
	enum ofperr e;

	if (!actions)
		return 0;
	if (acts_parse_actions(actions, &names, list, err) < 0)
		return -EINVAL;
	e = upcall_check_acts(t->sw, &t->key, consistent, acts_of(list));
	return e ? error_set(err, -EINVAL, "Bad actions: %s", ofperr_name(e)) : 0;
}

static void run_trace(struct appctl_conn *conn, struct vswitchd *vs, int argc,
		      const char *const argv[], const char *actions)
{
	AUTO(strbuf) out = STRBUF_INIT;
	AUTO(strbuf) list = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct trace_args a;
	struct traced t;
	struct acts acts;

	if (parse_args(argc, argv, actions, &a, &err) < 0 ||
	    trace_key(vs, a.words[0], a.words[1], &t, &err) < 0 ||
	    (a.words[2] && key_of_packet(a.words[2], &t.key, &err) < 0) ||
	    parse_actions(&t, actions, a.consistent, &list, &err) < 0) {
		appctl_reply_error(conn, err.text);
		return;
	}
	acts = acts_of(&list);
	struct upcall_trace_options options = { .use_names = a.names,
						.apply = a.generate || a.words[2],
						.ct_next = a.ct_next,
						.n_ct_next = a.n_ct_next,
						.tunnel = lookup_of(&t),
						.acts = actions ? &acts : NULL };
	upcall_trace(t.pl->upcall, t.sw, &t.key, &options, &out);
	appctl_reply(conn, out.s);
}

static void trace(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	run_trace(conn, aux, argc, argv, NULL);
}

// The actions come last.
static void trace_packet_out(struct appctl_conn *conn, int argc, const char *const argv[],
			     void *aux)
{
	run_trace(conn, aux, argc - 1, argv, argv[argc - 1]);
}

// The soundness oracle, for tests: BRIDGE FLOW FLIPS.
static void check_soundness(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct vswitchd *vs = aux;
	struct error err = ERROR_INIT;
	struct traced t;
	uint32_t flips;

	if (!parse_u32(argv[3], 10, &flips)) {
		appctl_reply_error(conn, "FLIPS must be a number");
		return;
	}
	if (trace_key(vs, argv[1], argv[2], &t, &err) < 0 ||
	    upcall_check_soundness(t.pl->upcall, t.sw, &t.key, lookup_of(&t), flips, &err) < 0)
		appctl_reply_error(conn, err.text);
	else
		appctl_reply(conn, "sound");
}

const struct appctl_command trace_commands[] = {
	{ "ofproto/trace", "{[dp_name] odp_flow | bridge br_flow} [OPTIONS...] [-generate|packet]",
	  1, 8 + 2 * MAX_CT_NEXT, trace },
	{ "ofproto/trace-packet-out",
	  "[-consistent] {[dp_name] odp_flow | bridge br_flow} [OPTIONS...] [-generate|packet] "
	  "actions",
	  2, 10 + 2 * MAX_CT_NEXT, trace_packet_out },
	{ "ofproto/check-soundness", NULL, 3, 3, check_soundness },
};
const size_t n_trace_commands = ARRAY_SIZE(trace_commands);
