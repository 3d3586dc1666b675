// SPDX-License-Identifier: Apache-2.0
// Continuations that controllers give back: any bytes are a state or are refused; a state can be written and read again, and packets go
// on in it.
#include <stdint.h>

#include "core/base/rcu.h"
#include "ofproto/pipeline/continuation.h"
#include "ofproto/pipeline/xlate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct of_switch *make_switch(void)
{
	struct port_settings settings = { .vlan_mode = VLAN_TRUNK };
	struct of_switch *sw;

	rcu_thread_begin();
	sw = switch_create("br0", 1);
	switch_set_features(sw, UINT32_MAX);
	memset(settings.trunks, 0xff, sizeof(settings.trunks));
	for (int i = 1; i <= 3; i++) {
		char name[] = { 'p', '0' + i, '\0' };

		switch_port_add(sw, name, OF_PORT(i), DP_PORT(i),
				(struct eth_addr){ { 2, 0, 0, 0, 0, i } }, &settings);
	}
	return sw;
}

static struct flow_key udp_packet(void)
{
	return (struct flow_key){ .in_port = 1,
				  .eth_type = htobe16(0x0800),
				  .nw_proto = 17,
				  .nw_ttl = 64,
				  .nw_src = htobe32(0x0a000001),
				  .regs = { 5, 6 } };
}

static void go_on(struct of_switch *sw, const struct flow_key *key,
		  const struct recirc_state *state)
{
	struct xlate_input in = { .sw = sw, .key = key, .resume = state };
	struct xlate_result r;

	xlate(&in, &r);
	xlate_result_uninit(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct of_switch *sw;
	AUTO(strbuf) again = STRBUF_INIT;
	AUTO(strbuf) third = STRBUF_INIT;
	struct recirc_state *state, *same;
	struct flow_key key = udp_packet(), other = key;

	if (!sw)
		sw = make_switch();
	if (continuation_decode(sw, data, size, &key, &state))
		return 0;
	go_on(sw, &key, state);
	continuation_encode(state, &again);
	assert(!continuation_decode(sw, (const uint8_t *)again.s, again.len, &other, &same));
	continuation_encode(same, &third);
	assert(third.len == again.len && !memcmp(third.s, again.s, third.len));
	recirc_destroy(same);
	recirc_destroy(state);
	recirc_expire();
	rcu_quiesce();
	return 0;
}
