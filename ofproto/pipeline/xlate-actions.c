// SPDX-License-Identifier: Apache-2.0
// What each OpenFlow action does to the packet on its way: one short function per kind, and the table that names them.
#include "core/base/counters.h"
#include "ofproto/pipeline/xlate-private.h"

typedef void action_fn(struct xlate_ctx *ctx, const struct act *a);

static void do_output(struct xlate_ctx *ctx, const struct act *a)
{
	xlate_output(ctx, a->output.port, a->output.max_len);
}

static void do_output_trunc(struct xlate_ctx *ctx, const struct act *a)
{
	of_port_t number = a->output_trunc.port;
	struct of_port *p;

	if (number.n == ctx->flow.in_port) {
		ctx_report(ctx, ">> skipping output to input port");
		return;
	}
	if (number.n == OFPP_IN_PORT)
		number = OF_PORT(ctx->flow.in_port);
	p = switch_port_find(ctx->sw, number);
	if (p && dp_port_equal(p->dp_port, DP_PORT_NONE))
		ctx_report(ctx, ">>>> output_trunc does not support patch port %u <<<<", number.n);
	else if (p)
		xlate_output_port(ctx, p, a->output_trunc.max_len);
	else
		ctx_report(ctx, ">> Nonexistent output port");
}

static void do_output_reg(struct xlate_ctx *ctx, const struct act *a)
{
	ctx_look_at_bits(ctx, &a->output_reg.src);
	uint64_t port = subfield_get(&a->output_reg.src, &ctx->flow);
	// 16-bit registers hold OpenFlow 1.0's reserved numbers.
	if (port >= OFPP10_MAX && port <= UINT16_MAX)
		port |= 0xffff0000u;
	ctx_report(ctx, "-> output port is %u", (uint32_t)port);
	if (port <= UINT32_MAX)
		xlate_output(ctx, OF_PORT(port), a->output_reg.max_len);
}

static void do_controller(struct xlate_ctx *ctx, const struct act *a)
{
	xlate_controller(ctx, &(struct to_controller){
				      .max_len = a->controller.max_len,
				      .id = a->controller.controller_id,
				      .reason = a->controller.reason,
				      .userdata = act_nested(a),
				      .n_userdata = a->controller.n_userdata,
				      .pause = a->controller.pause,
				      .meter = a->controller.meter_id,
			      });
}

static void do_set_field(struct xlate_ctx *ctx, const struct act *a)
{
	const struct field *f = a->set_field.field;

	if (ctx_has_field(ctx, f))
		ctx_write_field(ctx, f, act_set_value(a), act_set_mask(a));
	else
		ctx_report(ctx, ">> unmet prerequisites for %s, set_field ignored", f->name);
}

static void report_value(struct xlate_ctx *ctx, const struct subfield *sf,
			 const struct flow_key *key)
{
	AUTO(strbuf) text = STRBUF_INIT;
	union field_value v = { { 0 } };
	size_t n = sf->field->n_bytes, i = 0;

	subfield_format(sf, &text);
	subfield_read(sf, key, &v);
	strbuf_puts(&text, " is now ");
	if (sf->n_bits == sf->field->n_bits) {
		field_format(sf->field, &v, NULL, &text);
	} else {
		while (i + 1 < n && !v.b[i])
			i++;
		strbuf_printf(&text, "%#x", v.b[i++]);
		while (i < n)
			strbuf_printf(&text, "%02x", v.b[i++]);
	}
	ctx_report(ctx, "-> %s", text.s);
}

void ctx_report_value(struct xlate_ctx *ctx, const struct subfield *sf, const struct flow_key *key)
{
	if (ctx_traced(ctx))
		report_value(ctx, sf, key);
}

// A number in 'from' bytes as one in 'to' bytes.
static void realign(union field_value *v, size_t from, size_t to)
{
	if (from > to) {
		memmove(v->b, v->b + from - to, to);
	} else {
		memmove(v->b + to - from, v->b, from);
		memset(v->b, 0, to - from);
	}
}

void move_value(const struct act *a, const struct flow_key *key, union field_value *value,
		union field_value *bits)
{
	union field_value v;

	subfield_read(&a->move.src, key, &v);
	realign(&v, a->move.src.field->n_bytes, a->move.dst.field->n_bytes);
	field_read(a->move.dst.field, key, value);
	subfield_put(&a->move.dst, &v, value);
	subfield_bits(&a->move.dst, bits);
}

static void do_move(struct xlate_ctx *ctx, const struct act *a)
{
	union field_value value, bits;

	if (!ctx_has_field(ctx, a->move.src.field) || !ctx_has_field(ctx, a->move.dst.field))
		return;
	ctx_look_at_bits(ctx, &a->move.src);
	ctx_look_at_bits(ctx, &a->move.dst);
	if (a->move.src.n_bits <= 64) {
		ctx_write_number(ctx, &a->move.dst, subfield_get(&a->move.src, &ctx->flow));
	} else {
		move_value(a, &ctx->flow, &value, &bits);
		ctx_write_field(ctx, a->move.dst.field, value.b, bits.b);
	}
	ctx_report_value(ctx, &a->move.dst, &ctx->flow);
}

// A tag stands behind an Ethernet header.
static bool may_have_tag(struct xlate_ctx *ctx)
{
	if (!ctx->flow.packet_type)
		return true;
	ctx_report(ctx, ">> a packet without an Ethernet header has no tag, ignored");
	return false;
}

static void push_tag(struct xlate_ctx *ctx, be16 tpid, be16 tci)
{
	ctx_look_at_vlans(ctx);
	memmove(&ctx->flow.vlans[1], &ctx->flow.vlans[0],
		sizeof(ctx->flow.vlans[0]) * (FLOW_MAX_VLANS - 1));
	ctx->flow.vlans[0] = (struct flow_vlan){ tpid, tci | htobe16(VLAN_PRESENT) };
}

static bool has_tag(const struct xlate_ctx *ctx)
{
	return ctx->flow.vlans[0].tci & htobe16(VLAN_PRESENT);
}

// As Open vSwitch has it, and not OpenFlow, a new tag has nothing of the one that was outermost.
static void do_push_vlan(struct xlate_ctx *ctx, const struct act *a)
{
	if (!may_have_tag(ctx))
		return;
	push_tag(ctx, a->push_vlan.ethertype, 0);
}

static void do_strip_vlan(struct xlate_ctx *ctx, const struct act *a)
{
	ctx_look_at_vlans(ctx);
	if (!has_tag(ctx))
		return;
	memmove(&ctx->flow.vlans[0], &ctx->flow.vlans[1],
		sizeof(ctx->flow.vlans[0]) * (FLOW_MAX_VLANS - 1));
	memset(&ctx->flow.vlans[FLOW_MAX_VLANS - 1], 0, sizeof(ctx->flow.vlans[0]));
}

// OpenFlow 1.0 adds the tag that is missing; since 1.1 there must be one.
static void set_tci_bits(struct xlate_ctx *ctx, uint16_t mask, uint16_t value, bool only_if_tagged)
{
	if (!may_have_tag(ctx))
		return;
	ctx_look_at_vlans(ctx);
	if (!has_tag(ctx)) {
		if (only_if_tagged)
			return;
		push_tag(ctx, htobe16(0x8100), 0);
	}
	ctx->flow.vlans[0].tci = (ctx->flow.vlans[0].tci & ~htobe16(mask)) | htobe16(value);
}

static void do_set_vlan_vid(struct xlate_ctx *ctx, const struct act *a)
{
	set_tci_bits(ctx, VLAN_VID_MASK, a->set_vlan_vid.vid, a->set_vlan_vid.only_if_tagged);
}

static void do_set_vlan_pcp(struct xlate_ctx *ctx, const struct act *a)
{
	set_tci_bits(ctx, VLAN_PCP_MASK, a->set_vlan_pcp.pcp << VLAN_PCP_SHIFT,
		     a->set_vlan_pcp.only_if_tagged);
}

static void do_dec_ttl(struct xlate_ctx *ctx, const struct act *a)
{
	const struct field *ttl = field_get(FIELD_IP_TTL);
	const uint16_t *ids = act_nested(a);
	uint8_t value, mask = 0xff;

	if (!flow_is_ip(&ctx->flow))
		return;
	ctx_look_at_field(ctx, ttl);
	if (ctx->flow.nw_ttl > 1) {
		value = ctx->flow.nw_ttl - 1;
		ctx_write_field(ctx, ttl, &value, &mask);
		return;
	}
	ctx_report(ctx, ">> IPv%d decrement TTL exception",
		   ctx->flow.eth_type == htobe16(0x0800) ? 4 : 6);
	for (unsigned int i = 0; i < a->dec_ttl.n_ids; i++)
		xlate_ttl_expired(ctx, ids[i]);
	ctx->list_ends = true; // also where nobody is told
}

static void do_dec_nsh_ttl(struct xlate_ctx *ctx, const struct act *a)
{
	const struct field *ttl = field_get(FIELD_NSH_TTL);
	uint8_t value, mask = 0xff;

	if (!ctx_has_field(ctx, ttl))
		return;
	ctx_look_at_field(ctx, ttl);
	value = ctx->flow.nsh_ttl - 1;
	if (ctx->flow.nsh_ttl > 1) {
		ctx_write_field(ctx, ttl, &value, &mask);
		return;
	}
	ctx_report(ctx, ">> NSH decrement TTL exception");
	xlate_ttl_expired(ctx, 0);
}

// As where headers are out of sight, for a test of what comes back.
static void do_debug_recirc(struct xlate_ctx *ctx, const struct act *a)
{
	xlate_parse_again(ctx);
}

static void do_debug_slow(struct xlate_ctx *ctx, const struct act *a)
{
	xlate_slow_path(ctx, SLOW_ACTION);
}

static void do_set_tunnel(struct xlate_ctx *ctx, const struct act *a)
{
	be64 id = htobe64(a->tunnel.id), mask = UINT64_MAX;

	ctx_write_field(ctx, field_get(FIELD_TUN_ID), (const uint8_t *)&id, (const uint8_t *)&mask);
}

static void do_resubmit(struct xlate_ctx *ctx, const struct act *a)
{
	of_port_t port = a->resubmit.in_port.n == OFPP_IN_PORT ? OF_PORT(ctx->flow.in_port)
							       : a->resubmit.in_port;

	xlate_table(ctx, port, a->resubmit.table == 255 ? ctx->table : a->resubmit.table,
		    a->resubmit.ct ? XLATE_RESUBMIT_CT : XLATE_RESUBMIT);
}

static void do_exit(struct xlate_ctx *ctx, const struct act *a)
{
	ctx->exit = true;
}

static void do_clone(struct xlate_ctx *ctx, const struct act *a)
{
	bool exit = ctx->exit, in_clone = ctx->in_clone;
	struct isolation iso;

	if (!xlate_may_nest(ctx))
		return;
	// Changes made before the clone are for the packet itself too.
	ctx_commit(ctx);
	isolate_begin(ctx, &iso);
	ctx->in_clone = true;
	ctx->depth++;
	xlate_actions(ctx, act_nested_list(a));
	ctx->depth--;
	isolate_end(ctx, &iso);
	ctx->in_clone = in_clone;
	ctx->exit = exit || ctx->ret->error != XLATE_OK;
}

static void do_nothing(struct xlate_ctx *ctx, const struct act *a) {}

static void report_action_set(struct xlate_ctx *ctx, const char *verb)
{
	AUTO(strbuf) set = STRBUF_INIT;
	AUTO(strbuf) text = STRBUF_INIT;
	struct port_names names;

	if (!ctx_traced(ctx))
		return;
	action_set_in_order(ctx, &set);
	if (set.len)
		acts_format(acts_of(&set), ctx_names(ctx, &names), &text);
	ctx_report(ctx, "-> action set %s%s%s", verb, set.len ? ": " : " empty",
		   strbuf_cstr(&text));
}

static void do_meter(struct xlate_ctx *ctx, const struct act *a)
{
	uint32_t id = xlate_meter(ctx, a->meter.id);

	if (!id) {
		ctx_report(ctx, ">> the meter is not known");
		return;
	}
	// It sees the packet as it is by now.
	ctx_commit(ctx);
	dp_put(&ctx->ret->actions, DP_ACTION_METER)->meter.id = id;
	ctx->n_meters++;
}

static void do_clear_actions(struct xlate_ctx *ctx, const struct act *a)
{
	report_action_set(ctx, "was");
	strbuf_clear(&ctx->action_set);
}

static void do_write_actions(struct xlate_ctx *ctx, const struct act *a)
{
	struct acts list = act_nested_list(a);

	strbuf_put(&ctx->action_set, list.first, list.size);
	report_action_set(ctx, "is");
}

static void do_write_metadata(struct xlate_ctx *ctx, const struct act *a)
{
	ctx->flow.metadata = (ctx->flow.metadata & ~a->write_metadata.mask) |
			     (a->write_metadata.metadata & a->write_metadata.mask);
}

static void do_goto_table(struct xlate_ctx *ctx, const struct act *a)
{
	xlate_table(ctx, OF_PORT(ctx->flow.in_port), a->goto_table.table, XLATE_GOTO);
}

// Kinds that are not here are refused when the rule is made (actions.def), so they are never met.
static action_fn *const functions[ACT_MAX] = {
	[ACT_OUTPUT] = do_output,
	[ACT_OUTPUT_TRUNC] = do_output_trunc,
	[ACT_OUTPUT_REG] = do_output_reg,
	[ACT_CONTROLLER] = do_controller,
	[ACT_SET_FIELD] = do_set_field,
	[ACT_MOVE] = do_move,
	[ACT_PUSH_VLAN] = do_push_vlan,
	[ACT_STRIP_VLAN] = do_strip_vlan,
	[ACT_SET_VLAN_VID] = do_set_vlan_vid,
	[ACT_SET_VLAN_PCP] = do_set_vlan_pcp,
	[ACT_DEC_NSH_TTL] = do_dec_nsh_ttl,
	[ACT_DEBUG_RECIRC] = do_debug_recirc,
	[ACT_DEBUG_SLOW] = do_debug_slow,
	[ACT_SAMPLE] = xlate_sample,
	[ACT_STACK_PUSH] = xlate_stack_push,
	[ACT_STACK_POP] = xlate_stack_pop,
	[ACT_DELETE_FIELD] = xlate_delete_field,
	[ACT_MULTIPATH] = xlate_multipath,
	[ACT_BUNDLE] = xlate_bundle,
	[ACT_BUNDLE_LOAD] = xlate_bundle,
	[ACT_DEC_TTL] = do_dec_ttl,
	[ACT_PUSH_MPLS] = xlate_push_mpls,
	[ACT_POP_MPLS] = xlate_pop_mpls,
	[ACT_ENCAP] = xlate_encap,
	[ACT_DECAP] = xlate_decap,
	[ACT_SET_MPLS_LABEL] = xlate_set_mpls_label,
	[ACT_SET_MPLS_TC] = xlate_set_mpls_tc,
	[ACT_SET_MPLS_TTL] = xlate_set_mpls_ttl,
	[ACT_DEC_MPLS_TTL] = xlate_dec_mpls_ttl,
	[ACT_SET_TUNNEL] = do_set_tunnel,
	[ACT_GROUP] = xlate_group,
	[ACT_SET_QUEUE] = xlate_set_queue,
	[ACT_POP_QUEUE] = xlate_pop_queue,
	[ACT_ENQUEUE] = xlate_enqueue,
	[ACT_RESUBMIT] = do_resubmit,
	[ACT_LEARN] = xlate_learn,
	[ACT_FIN_TIMEOUT] = xlate_fin_timeout,
	[ACT_EXIT] = do_exit,
	[ACT_CLONE] = do_clone,
	[ACT_NOTE] = do_nothing,
	[ACT_CONJUNCTION] = do_nothing, // in a list inside; elsewhere it is part of the match
	[ACT_CT] = xlate_ct,
	[ACT_CT_CLEAR] = xlate_ct_clear,
	[ACT_CHECK_PKT_LARGER] = xlate_check_pkt_larger,
	[ACT_METER] = do_meter,
	[ACT_CLEAR_ACTIONS] = do_clear_actions,
	[ACT_WRITE_ACTIONS] = do_write_actions,
	[ACT_WRITE_METADATA] = do_write_metadata,
	[ACT_GOTO_TABLE] = do_goto_table,
};

static void report_action(struct xlate_ctx *ctx, const struct act *a)
{
	AUTO(strbuf) text = STRBUF_INIT;
	struct port_names names;

	acts_format((struct acts){ a, a->size }, ctx_names(ctx, &names), &text);
	ctx_step(ctx, STEP_ACTION, "%s", strbuf_cstr(&text));
}

void ctx_report_action(struct xlate_ctx *ctx, const struct act *a)
{
	if (ctx_traced(ctx))
		report_action(ctx, a);
}

// What these change, they change by functions that take a note of it (ctx_touch()). They are what long pipelines consist of.
static const bool tells_what_it_touches[ACT_MAX] = {
	[ACT_SET_FIELD] = true,
	[ACT_MOVE] = true,
	[ACT_RESUBMIT] = true,
	[ACT_GOTO_TABLE] = true,
};

void xlate_actions(struct xlate_ctx *ctx, struct acts acts)
{
	struct frame f = { .rest = acts,
			   .rule = ctx->rule,
			   .cookie = ctx->cookie,
			   .table = ctx->table,
			   .outer = ctx->frame };
	const struct act *a;

	if (!acts.size)
		ctx_step(ctx, STEP_ACTION, "drop");
	ctx->frame = &f;
	OFPACT_FOR_EACH (a, acts) {
		if (ctx->exit || ctx->list_ends)
			break;
		if (ctx->unparsed && xlate_needs_headers(ctx, a)) {
			xlate_parse_again(ctx);
			ctx->touched_all = true;
			break;
		}
		f.rest.first = (const struct act *)((const uint8_t *)a + a->size);
		f.rest.size =
			acts.size - ((const uint8_t *)f.rest.first - (const uint8_t *)acts.first);
		ctx_report_action(ctx, a);
		assert(functions[a->type]);
		functions[a->type](ctx, a);
		if (!tells_what_it_touches[a->type])
			ctx->touched_all = true;
	}
	ctx->list_ends = false;
	ctx->frame = f.outer;
}

void xlate_rest(struct xlate_ctx *ctx)
{
	const struct frame *innermost = ctx->frame;
	const struct rule *rule = ctx->rule;
	uint64_t cookie = ctx->cookie;
	uint8_t table = ctx->table;

	for (const struct frame *f = innermost; f && !ctx->exit; f = f->outer) {
		ctx->rule = f->rule;
		ctx->cookie = f->cookie;
		ctx->table = f->table;
		ctx->frame = f->outer;
		// In the trace an empty list is a drop; only this one can be meant.
		if (f->rest.size || f == innermost)
			xlate_actions(ctx, f->rest);
	}
	ctx->frame = NULL;
	if (!ctx->in_clone)
		xlate_action_set(ctx);
	ctx->frame = innermost;
	ctx->rule = rule;
	ctx->cookie = cookie;
	ctx->table = table;
}

bool ctx_connection_is_hidden(const struct xlate_ctx *ctx)
{
	return ctx->known.m.ct_state == UINT8_MAX;
}

// Whether the packet's key may not tell a controller all that the pipeline knows of it: a controller's own packet comes with a
// port that is in no key.
static bool has_more_to_tell(const struct xlate_ctx *ctx)
{
	const struct flow_key *k = ctx->in->key;

	return ctx->in->acts || k->recirc_id || ctx->sw != ctx->in->sw ||
	       ctx->flow.in_port != k->in_port || ctx->flow.metadata ||
	       !is_all_zeros(ctx->flow.regs, sizeof(ctx->flow.regs)) ||
	       !is_all_zeros(&ctx->tunnel_set.m.tunnel, sizeof(ctx->tunnel_set.m.tunnel)) ||
	       ctx_connection_is_hidden(ctx);
}

// The rule that all packets meet that meet no other.
static bool is_table_miss(const struct rule *r)
{
	struct match m;

	cls_rule_get_match(&r->cls, &m);
	return !r->cls.priority && is_all_zeros(&m.mask, sizeof(m.mask));
}

// What a controller is told of an output that gives no reason of its own.
static uint8_t reason_of(const struct xlate_ctx *ctx)
{
	if (ctx->in->acts)
		return OFPR_PACKET_OUT;
	if (ctx->in_group)
		return OFPR_GROUP;
	if (ctx->in_action_set)
		return OFPR_ACTION_SET;
	return ctx->rule && is_table_miss(ctx->rule) ? OFPR_EXPLICIT_MISS : OFPR_ACTION;
}

void xlate_controller(struct xlate_ctx *ctx, const struct to_controller *c)
{
	struct dp_action u = { .userspace = { .kind = USERSPACE_CONTROLLER } };
	uint32_t state = 0;

	ctx_commit(ctx);
	if (c->pause || c->n_userdata || has_more_to_tell(ctx)) {
		state = ctx_freeze_for_controller(ctx, c);
		if (!state)
			return;
	}
	u.userspace.reason = c->reason == OFPR_ACTION ? reason_of(ctx) : c->reason;
	u.userspace.max_len = c->max_len;
	u.userspace.controller_id = c->id;
	u.userspace.table_id = ctx->table;
	u.userspace.cookie = c->reason == OFPR_IMPLICIT_MISS ? 0
			     : ctx->rule		     ? ctx->rule->cookie
							     : ctx->cookie;
	u.userspace.recirc_id = state;
	u.userspace.continuation = c->pause;
	xlate_put_controller(ctx, c->meter, &u);
	// What was to come comes when the controller says so.
	if (c->pause)
		ctx->exit = true;
}

void xlate_tell_miss(struct xlate_ctx *ctx)
{
	xlate_controller(ctx, &(struct to_controller){ .max_len = UINT16_MAX,
						       .reason = OFPR_IMPLICIT_MISS });
}

void xlate_ttl_expired(struct xlate_ctx *ctx, uint16_t controller_id)
{
	xlate_controller(ctx, &(struct to_controller){ .max_len = UINT16_MAX,
						       .id = controller_id,
						       .reason = OFPR_INVALID_TTL });
	ctx->list_ends = true;
}

void xlate_output(struct xlate_ctx *ctx, of_port_t port, uint16_t max_len)
{
	struct of_port *p;

	switch (port.n) {
	case OFPP_IN_PORT:
		p = switch_port_find(ctx->sw, OF_PORT(ctx->flow.in_port));
		if (p)
			xlate_output_port(ctx, p, 0);
		return;
	case OFPP_TABLE:
		xlate_table(ctx, OF_PORT(ctx->flow.in_port), 0, XLATE_GOTO);
		return;
	case OFPP_NORMAL:
		xlate_normal(ctx);
		return;
	case OFPP_FLOOD:
	case OFPP_ALL:
		xlate_flood(ctx, port.n == OFPP_ALL);
		return;
	case OFPP_CONTROLLER:
		xlate_controller(
			ctx, &(struct to_controller){ .max_len = max_len, .reason = OFPR_ACTION });
		return;
	case OFPP_ANY:
		return;
	}
	if (port.n == ctx->flow.in_port) {
		ctx_report(ctx, ">> skipping output to input port");
		return;
	}
	p = switch_port_find(ctx->sw, port);
	if (p)
		xlate_output_port(ctx, p, 0);
	else
		ctx_report(ctx, ">> Nonexistent output port");
}
