// SPDX-License-Identifier: Apache-2.0
// ofproto/trace: one packet's way through the tables, and on where it comes back from the datapath.
#include <arpa/inet.h>
#include <stdio.h>

#include "ofproto/pipeline/xlate.h"
#include "ofproto/upcall/upcall-private.h"

// Tables that send packets round and round are shown so far.
#define MAX_BRANCHES 256
#define RULER_WIDTH 79

struct tracer {
	struct upcall_engine *u;
	const struct upcall_trace_options *options;
	struct port_names names;
	struct strbuf *out;
	VEC(struct xlate_branch) branches; // in the order in which they are shown
	size_t n_ct; // how often connection tracking has been asked
};

static const char *dp_port_name(dp_port_t port, void *aux)
{
	static __thread char name[64];
	struct upcall_engine *u = aux;
	struct port_ref ref;

	if (!datapath_port_ref(u->dp, port, &ref))
		return NULL;
	snprintf(name, sizeof(name), "%s", ref.name);
	return name;
}

static const struct port_names *shown_names(const struct tracer *t)
{
	return t->options->use_names ? &t->names : NULL;
}

static void put_flow(const struct tracer *t, const struct flow_key *key)
{
	flow_format(key, shown_names(t), t->out);
	strbuf_putc(t->out, '\n');
}

static void put_slow(const struct tracer *t, uint8_t slow)
{
	static const struct {
		enum slow_path_reason why;
		const char *text;
	} reasons[] = {
		{ SLOW_ACTION, "Uses action(s) not supported by datapath." },
		{ SLOW_MATCH, "Needs more specific match than supported by datapath." },
	};

	if (!slow)
		return;
	strbuf_puts(t->out, "This flow is handled by the userspace slow path because it:\n");
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (slow & reasons[i].why)
			strbuf_printf(t->out, "  - %s\n", reasons[i].text);
}

static void put_actions(const struct tracer *t, const struct xlate_result *r)
{
	strbuf_puts(t->out, "Datapath actions: ");
	if (r->error != XLATE_OK)
		strbuf_printf(t->out, "drop\nTranslation failed (%s), packet is dropped.",
			      xlate_error_text(r->error));
	else
		dp_actions_format(dp_actions_of(&r->actions),
				  t->options->use_names ? dp_port_name : NULL, t->u, t->out);
	strbuf_putc(t->out, '\n');
	put_slow(t, r->slow);
}

// One pass. What goes round joins the others.
static void trace_pass(struct tracer *t, struct of_switch *sw, const struct flow_key *key,
		       const struct tunnel_lookup *tunnel, const struct acts *acts)
{
	AUTO(strbuf) steps = STRBUF_INIT;
	struct xlate_input in = { .sw = sw,
				  .key = key,
				  .tunnel = tunnel,
				  .acts = acts,
				  .trace = &steps,
				  .use_names = t->options->use_names,
				  .will_apply = t->options->apply };
	struct xlate_branch *b;
	struct xlate_result r;
	struct match m;

	strbuf_puts(t->out, "Flow: ");
	put_flow(t, key);
	xlate(&in, &r);
	if (t->options->apply) {
		if (xlate_apply_effects(&r.basis))
			upcall_changed(t->u);
		xlate_learn_rules(&r.basis);
		xlate_end_connection(&r.basis, be16toh(key->tcp_flags));
		learn_apply();
	}
	strbuf_puts(t->out, strbuf_cstr(&steps));
	strbuf_puts(t->out, "\nFinal flow: ");
	if (flow_key_equal(key, &r.final))
		strbuf_puts(t->out, "unchanged\n");
	else
		put_flow(t, &r.final);
	strbuf_puts(t->out, "Megaflow: ");
	m.mask = r.mask;
	flow_key_masked(&m.key, key, &r.mask);
	match_format(&m, shown_names(t), t->out);
	strbuf_putc(t->out, '\n');
	put_actions(t, &r);
	VEC_FOR_EACH (b, &r.branches)
		VEC_PUSH(&t->branches, *b);
	// The states stay for a while after this.
	xlate_result_uninit(&r);
}

// ---- What connection tracking says ----

static void put_state(uint8_t state, struct strbuf *out)
{
	const struct field *f = field_get(FIELD_CT_STATE);
	union field_value v;

	field_value_from_u64(f, state, &v);
	field_format(f, &v, NULL, out);
}

static void put_endpoint(const char *end, const struct flow_key *k, be32 v4,
			 const struct ipv6_addr *v6, be16 port, struct strbuf *out)
{
	bool is_v6 = k->eth_type == htobe16(0x86dd);
	char text[INET6_ADDRSTRLEN];

	inet_ntop(is_v6 ? AF_INET6 : AF_INET, is_v6 ? (const void *)v6 : &v4, text, sizeof(text));
	strbuf_printf(out, is_v6 ? "ipv6_%s=[%s],tp_%s=%u" : "nw_%s=%s,tp_%s=%u", end, text, end,
		      be16toh(port));
}

static void put_tuple(const struct flow_key *k, struct strbuf *out)
{
	put_endpoint("src", k, k->nw_src, &k->ipv6_src, k->tp_src, out);
	strbuf_putc(out, ',');
	put_endpoint("dst", k, k->nw_dst, &k->ipv6_dst, k->tp_dst, out);
}

static bool has_ports(const struct flow_key *k)
{
	return k->nw_proto == 6 || k->nw_proto == 17 || k->nw_proto == 132;
}

// The first address and port of the range.
static void translate_address(const struct nat *n, struct flow_key *k)
{
	bool src = n->flags & NAT_SRC;

	if (n->flags & NAT_IPV6)
		memcpy(src ? &k->ipv6_src : &k->ipv6_dst, &n->min, sizeof(n->min));
	else
		memcpy(src ? &k->nw_src : &k->nw_dst, &n->min, sizeof(k->nw_src));
	if (n->port_min && has_ports(k))
		*(src ? &k->tp_src : &k->tp_dst) = htobe16(n->port_min);
}

static void pretend_nat(const struct tracer *t, const struct nat *n, struct flow_key *k)
{
	bool known = n->flags & NAT_ADDRESS;

	strbuf_puts(t->out, "Replacing src/dst IP/ports to simulate NAT:\n Initial flow: ");
	if (known)
		put_tuple(k, t->out);
	strbuf_puts(t->out, "\n Modified flow: ");
	if (known) {
		translate_address(n, k);
		put_tuple(k, t->out);
	}
	strbuf_putc(t->out, '\n');
}

static void put_ruler(struct strbuf *out)
{
	strbuf_putc_n(out, '=', RULER_WIDTH);
	strbuf_putc(out, '\n');
}

static void trace_branch(struct tracer *t, struct of_switch *sw, struct xlate_branch b)
{
	bool asked = t->n_ct < t->options->n_ct_next;

	b.key.ct_state = asked ? t->options->ct_next[t->n_ct] : CS_TRK | CS_NEW;
	t->n_ct++;
	strbuf_putc(t->out, '\n');
	put_ruler(t->out);
	strbuf_printf(t->out, "recirc(%#x) - resume conntrack with ", b.key.recirc_id);
	if (asked) {
		strbuf_puts(t->out, "ct_state=");
		put_state(b.key.ct_state, t->out);
	} else {
		strbuf_puts(t->out, "default ct_state=trk|new (use --ct-next to customize)");
	}
	strbuf_putc(t->out, '\n');
	if (b.has_nat)
		pretend_nat(t, &b.nat, &b.key);
	put_ruler(t->out);
	strbuf_putc(t->out, '\n');
	trace_pass(t, sw, &b.key, NULL, NULL);
}

void upcall_trace(struct upcall_engine *u, struct of_switch *sw, const struct flow_key *key,
		  const struct upcall_trace_options *options, struct strbuf *out)
{
	struct tracer t = {
		.u = u, .options = options, .names = switch_port_names(sw), .out = out
	};

	trace_pass(&t, sw, key, options->tunnel, options->acts);
	for (size_t i = 0; i < t.branches.n; i++) {
		if (i == MAX_BRANCHES) {
			strbuf_printf(out,
				      "\n>>>> over %d recirculations, the rest is not shown <<<<\n",
				      MAX_BRANCHES);
			break;
		}
		trace_branch(&t, sw, t.branches.v[i]);
	}
	VEC_FREE(&t.branches);
}
