// SPDX-License-Identifier: Apache-2.0
// Tunnels of a switch, and packets that come out of them.
#pragma once

#include "ofproto/pipeline/xlate.h"
#include "tests/unit/pipeline/options.h"
#include "tests/unit/pipeline/switches.h"

// What is in them.
#define ETH "eth(src=00:00:00:00:00:01,dst=00:00:00:00:00:02),"
#define IP ETH "eth_type(0x0800),ipv4(src=1.2.3.4,dst=2.3.4.5,proto=17,tos=0x20,ttl=9,frag=no)"

enum { VXLAN = 20, GENEVE, GRE }; // ports of the datapath

static struct of_switch *sw, *other; // patched to each other by port 90 of both
static struct tunnel_table *table;

static inline int add_tunnel(uint32_t number, uint32_t dp_port, enum tunnel_type type,
			     const char *options, struct error *err)
{
	AUTO_FREE char *name = xasprintf("t%u", number);
	AUTO(strbuf) warnings = STRBUF_INIT;
	struct port_settings s;
	AUTO(smap) o;
	int error;

	memset(&s, 0, sizeof(s));
	memset(s.trunks, 0xff, sizeof(s.trunks));
	options_of(options, &o);
	ck_assert_msg(!tunnel_config_parse(name, type, &o, &s.tunnel, &warnings, err), "%s",
		      err->text);
	error = tunnel_table_add(table, DP_PORT(dp_port), &s.tunnel, sw, OF_PORT(number), name,
				 err);
	if (!error)
		switch_port_add(sw, name, OF_PORT(number), DP_PORT(dp_port),
				(struct eth_addr){ { 0 } }, &s);
	return error;
}

static inline void must_add_tunnel(uint32_t number, uint32_t dp_port, enum tunnel_type type,
				   const char *options)
{
	struct error err = ERROR_INIT;

	ck_assert_msg(!add_tunnel(number, dp_port, type, options, &err), "%s", err.text);
}

static inline void set_up(void)
{
	sw = able_switch("br0", 1);
	other = able_switch("br1", 2);
	patch(sw, other, 90);
	add_port(other, "q1", 1, DP_PORT(31));
	table = tunnel_table_create();
	add_ports(sw, 2);
}

static inline void tear_down(void)
{
	tunnel_table_destroy(table);
	switch_destroy(sw);
	switch_destroy(other);
	rcu_drain();
}

static inline void parse_key(const char *text, struct flow_key *key)
{
	struct error err = ERROR_INIT;
	struct match m;

	ck_assert_msg(!dp_key_parse(text, NULL, NULL, &m, &err), "%s: %s", text, err.text);
	*key = m.key;
}

static inline void translate(const struct flow_key *dp_key, struct flow_key *key,
			     struct tunnel_lookup *l, struct xlate_result *r)
{
	struct xlate_input in = { .sw = sw, .key = key };
	struct of_switch *found;
	of_port_t number;

	*key = *dp_key;
	if (l) {
		ck_assert(tunnel_table_find(table, DP_PORT(key->in_port), &key->tunnel,
					    key->packet_type, &found, &number, l));
		key->in_port = number.n;
		in.tunnel = l;
	}
	xlate(&in, r);
}
