// SPDX-License-Identifier: Apache-2.0
// Switches as tests of the pipeline want them: every feature, ports that take all VLANs; rules and packets in ovs-ofctl's words.
#pragma once

#include <string.h>

#include "core/base/rcu.h"
#include "ofproto/openflow/msg.h"
#include "ofproto/pipeline/switch.h"
#include "tests/suite.h"

static inline struct of_switch *able_switch(const char *name, uint64_t dpid)
{
	struct of_switch *sw = switch_create(name, dpid);

	switch_set_features(sw, UINT32_MAX);
	return sw;
}

static inline struct of_port *add_port(struct of_switch *sw, const char *name, uint32_t number,
				       dp_port_t dp_port)
{
	struct port_settings settings = { .vlan_mode = VLAN_TRUNK };

	memset(settings.trunks, 0xff, sizeof(settings.trunks));
	return switch_port_add(sw, name, OF_PORT(number), dp_port,
			       (struct eth_addr){ { 2, 0, 0, 0, 0, number } }, &settings);
}

// Ports p1 to pn, with the same numbers in the datapath.
static inline void add_ports(struct of_switch *sw, uint32_t n)
{
	for (uint32_t i = 1; i <= n; i++) {
		AUTO_FREE char *name = xasprintf("p%u", i);

		add_port(sw, name, i, DP_PORT(i));
	}
}

// By a patch port 'number' of each.
static inline void patch(struct of_switch *x, struct of_switch *y, uint32_t number)
{
	struct of_port *a = add_port(x, "pa", number, DP_PORT_NONE);
	struct of_port *b = add_port(y, "pb", number, DP_PORT_NONE);

	atomic_store(&a->peer, b);
	atomic_store(&b->peer, a);
}

// Ends what began with rcu_thread_begin(). 'b' may be NULL.
static inline void end_switches(struct of_switch *a, struct of_switch *b)
{
	switch_destroy(a);
	switch_destroy(b);
	rcu_drain();
	rcu_thread_end();
}

// Text that is not a packet fails the test.
static inline struct flow_key packet_of(const char *packet)
{
	AUTO(strbuf) text = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct flow_key key;
	struct flow_mod fm;

	strbuf_printf(&text, "%s,actions=drop", packet);
	ck_assert_msg(!flow_mod_parse(text.s, FM_ADD, NULL, &fm, NULL, &err), "%s: %s", packet,
		      err.text);
	key = fm.match.key;
	flow_mod_uninit(&fm);
	return key;
}

// The switch's answer: text that is not a rule fails the test.
static inline enum ofperr try_flow_mod(struct of_switch *sw, enum flow_mod_command command,
				       const char *text)
{
	struct error err = ERROR_INIT;
	struct flow_mod fm;
	enum ofperr e;

	ck_assert_msg(!flow_mod_parse(text, command, NULL, &fm, NULL, &err), "%s: %s", text,
		      err.text);
	e = switch_flow_mod(sw, &fm);
	flow_mod_uninit(&fm);
	return e;
}

static inline void must_flow_mod(struct of_switch *sw, enum flow_mod_command command,
				 const char *text)
{
	enum ofperr e = try_flow_mod(sw, command, text);

	ck_assert_msg(!e, "%s: %s", text, ofperr_name(e));
}

static inline void add_rule(struct of_switch *sw, const char *text)
{
	must_flow_mod(sw, FM_ADD, text);
}
