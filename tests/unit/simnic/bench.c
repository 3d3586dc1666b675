// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/simnic/bench.h"

#include <stdio.h>
#include <unistd.h>

#include <rte_bus_vdev.h>
#include <rte_eal.h>
#include <rte_ip.h>
#include <rte_sctp.h>
#include <rte_udp.h>

uint16_t uplink, rep0, rep1;
struct rte_mempool *pool;

void bench_start_eal(const char *argv0)
{
	char prefix[64];
	const char *argv[] = {
		argv0,	"--no-huge",	   "--no-shconf", "-m", "64", "--no-pci", "--no-telemetry",
		prefix, "--log-level=*:3", "-l",	  "0",	NULL
	};

	snprintf(prefix, sizeof(prefix), "--file-prefix=simnic-%d", (int)getpid());
	simnic_link();
	if (rte_eal_init(ARRAY_SIZE(argv) - 1, (char **)(uintptr_t)argv) < 0) {
		fprintf(stderr, "EAL: %s\n", rte_strerror(rte_errno));
		exit(1);
	}
	pool = rte_pktmbuf_pool_create("bench", 8191, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	assert(pool);
}

void bench_start_ethdev(uint16_t port)
{
	struct rte_eth_conf conf = { .rxmode.offloads = RTE_ETH_RX_OFFLOAD_SCATTER };

	ck_assert_int_eq(rte_eth_dev_configure(port, 1, 1, &conf), 0);
	ck_assert_int_eq(rte_eth_rx_queue_setup(port, 0, 64, SOCKET_ID_ANY, NULL, pool), 0);
	ck_assert_int_eq(rte_eth_tx_queue_setup(port, 0, 64, SOCKET_ID_ANY, NULL), 0);
	ck_assert_int_eq(rte_eth_dev_start(port), 0);
}

void bench_plug(void)
{
	ck_assert_int_eq(rte_vdev_init(NIC, ARGS), 0);
	ck_assert_int_eq(rte_eth_dev_get_port_by_name(NIC, &uplink), 0);
	ck_assert_int_eq(rte_eth_dev_get_port_by_name(NIC "_representor_vf0", &rep0), 0);
	ck_assert_int_eq(rte_eth_dev_get_port_by_name(NIC "_representor_vf1", &rep1), 0);
	bench_start_ethdev(uplink);
	bench_start_ethdev(rep0);
	bench_start_ethdev(rep1);
}

void bench_unplug(void)
{
	ck_assert_int_eq(rte_vdev_uninit(NIC), 0);
	ck_assert_int_eq(rte_mempool_in_use_count(pool), 0);
}

static void put(struct frame *f, const void *p, size_t n)
{
	memcpy(f->data + f->len, p, n);
	f->len += n;
}

static void put16(struct frame *f, uint16_t v)
{
	v = rte_cpu_to_be_16(v);
	put(f, &v, 2);
}

static uint32_t crc32c(const uint8_t *p, size_t n)
{
	uint32_t crc = 0xffffffff;

	for (; n; n--, p++)
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (((crc ^ *p >> bit) & 1) ? 0x82f63b78 : 0);
	return ~crc;
}

// The transport part: ports or type, a recognisable payload; checksum left zero.
static size_t put_l4(struct frame *f, const struct frame_spec *s)
{
	static const uint8_t header_size[256] = {
		[1] = 8, [6] = 20, [17] = 8, [58] = 8, [132] = 12
	};
	size_t start = f->len, size = header_size[s->proto] ? header_size[s->proto] : 4;

	memset(f->data + start, 0, size);
	put16(f, s->sport);
	put16(f, s->proto == 1 || s->proto == 58 ? 0 : s->dport);
	f->len = start + size;
	if (s->proto == 6)
		f->data[start + 12] = 5 << 4, f->data[start + 13] = 0x12;
	for (size_t i = 0; i < s->payload; i++)
		f->data[f->len++] = i * 7;
	if (s->proto == 17) {
		f->data[start + 4] = (f->len - start) >> 8;
		f->data[start + 5] = f->len - start;
	}
	return start;
}

static size_t checksum_offset(uint8_t proto)
{
	return proto == 6 ? 16 : proto == 17 ? 6 : 2;
}

static uint16_t l4_checksum(const struct frame *f, size_t l3, size_t l4, uint8_t proto)
{
	size_t len = f->len - l4;
	uint32_t sum = __rte_raw_cksum(f->data + l4, len, 0);

	if (proto != 1) {
		struct {
			rte_be32_t len, proto;
		} pseudo = { rte_cpu_to_be_32(len), rte_cpu_to_be_32(proto) };
		bool v6 = f->data[l3] >> 4 == 6;

		sum = __rte_raw_cksum(f->data + l3 + (v6 ? 8 : 12), v6 ? 32 : 8, sum);
		sum = __rte_raw_cksum(&pseudo, sizeof(pseudo), sum);
	}
	return ~__rte_raw_cksum_reduce(sum);
}

static void finish_l4(struct frame *f, const struct frame_spec *s, size_t l3, size_t l4)
{
	uint16_t sum;
	uint32_t crc;

	if (s->proto == 132) {
		crc = rte_cpu_to_le_32(crc32c(f->data + l4, f->len - l4));
		memcpy(f->data + l4 + 8, &crc, 4);
	} else if (s->proto == 1 || s->proto == 6 || s->proto == 17 || s->proto == 58) {
		if (s->proto == 17 && s->no_udp_checksum)
			return;
		sum = l4_checksum(f, l3, l4, s->proto);
		if (s->proto == 17 && !sum)
			sum = 0xffff;
		memcpy(f->data + l4 + checksum_offset(s->proto), &sum, 2);
	}
}

static void put_ipv4(struct frame *f, const struct frame_spec *s)
{
	struct rte_ipv4_hdr h = { .version_ihl = 0x45,
				  .type_of_service = s->tos,
				  .packet_id = RTE_BE16(7),
				  .fragment_offset = rte_cpu_to_be_16(s->fragment),
				  .time_to_live = s->ttl,
				  .next_proto_id = s->proto,
				  .src_addr = RTE_BE32(0x0a000001),
				  .dst_addr = RTE_BE32(0x0a000002) };
	size_t l3 = f->len, l4;

	put(f, &h, sizeof(h));
	l4 = put_l4(f, s);
	h.total_length = rte_cpu_to_be_16(f->len - l3);
	h.hdr_checksum = rte_ipv4_cksum(&h);
	memcpy(f->data + l3, &h, sizeof(h));
	finish_l4(f, s, l3, l4);
}

static void put_ipv6(struct frame *f, const struct frame_spec *s)
{
	struct rte_ipv6_hdr h = { .vtc_flow = rte_cpu_to_be_32(6u << 28 | s->tos << 20 | 0x12345),
				  .hop_limits = s->ttl,
				  .src_addr = { 0xfd, [15] = 1 },
				  .dst_addr = { 0xfd, [15] = 2 } };
	size_t l3 = f->len, next = l3 + 6, l4;
	uint8_t ext[8] = { 0, 0, 1, 4 };

	put(f, &h, sizeof(h));
	if (s->hop_ext) {
		f->data[next] = 0;
		next = f->len;
		put(f, ext, 8);
	}
	if (s->route_ext) {
		f->data[next] = 43;
		next = f->len;
		put(f, "\0\0\4\0\0\0\0", 8); // no segments left
	}
	if (s->frag_ext) {
		f->data[next] = 44;
		next = f->len;
		put(f, ((uint8_t[8]){ 0, 0, s->fragment >> 8, s->fragment, 0, 0, 0, 9 }), 8);
	}
	f->data[next] = s->proto;
	l4 = put_l4(f, s);
	f->data[l3 + 4] = (f->len - l3 - 40) >> 8;
	f->data[l3 + 5] = f->len - l3 - 40;
	finish_l4(f, s, l3, l4);
}

struct frame frame_build(const struct frame_spec *s)
{
	struct frame f = { 0 };

	put(&f, "\x02\0\0\0\0\x22\x02\0\0\0\0\x11", 12);
	for (unsigned i = 0; i < s->n_tags; i++) {
		put16(&f, s->n_tags == 2 && !i ? 0x88a8 : 0x8100);
		put16(&f, s->tci[i]);
	}
	put16(&f, s->v6 ? 0x86dd : 0x0800);
	if (s->v6)
		put_ipv6(&f, s);
	else
		put_ipv4(&f, s);
	return f;
}

static size_t skip_tags(const struct frame *f)
{
	size_t l3 = 14;

	while ((f->data[l3 - 2] == 0x81 || f->data[l3 - 2] == 0x88) && f->data[l3 - 1] != 0xdd &&
	       l3 + 4 < f->len)
		l3 += 4;
	return l3;
}

const char *frame_check(const struct frame *f)
{
	size_t l3 = skip_tags(f), l4 = l3 + 20;
	uint8_t proto = f->data[l3 + 9];
	uint32_t crc;

	if (f->data[l3] >> 4 == 6) {
		proto = f->data[l3 + 6];
		for (l4 = l3 + 40; proto == 0 || proto == 43; l4 += 8)
			proto = f->data[l4];
	} else if (rte_raw_cksum(f->data + l3, 20) != 0xffff) {
		return "IPv4 header checksum";
	}
	if (proto == 132) {
		struct frame copy = *f;

		memset(copy.data + l4 + 8, 0, 4);
		crc = rte_cpu_to_le_32(crc32c(copy.data + l4, f->len - l4));
		return memcmp(&crc, f->data + l4 + 8, 4) ? "SCTP CRC" : NULL;
	}
	if (proto == 17 && is_all_zeros(f->data + l4 + 6, 2))
		return NULL;
	if (proto == 1 || proto == 6 || proto == 17 || proto == 58)
		return l4_checksum(f, l3, l4, proto) ? "transport checksum" : NULL;
	return NULL;
}

struct frame take_app(uint16_t port)
{
	struct frame f = { 0 };
	struct rte_mbuf *m;

	if (!rte_eth_rx_burst(port, 0, &m, 1))
		return f;
	f.len = m->pkt_len;
	ck_assert_uint_eq(m->port, port);
	ck_assert_uint_le(f.len, sizeof(f.data));
	memcpy(f.data, rte_pktmbuf_read(m, 0, f.len, f.data), f.len);
	rte_pktmbuf_free(m);
	return f;
}

struct frame take_far(int far_end)
{
	struct frame f = { 0 };
	ssize_t n = simnic_drain(NIC, far_end, f.data, sizeof(f.data));

	ck_assert_int_ge(n, 0);
	f.len = n;
	return f;
}

void send_app(uint16_t port, const struct frame *f)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	memcpy(rte_pktmbuf_append(m, f->len), f->data, f->len);
	ck_assert_uint_eq(rte_eth_tx_burst(port, 0, &m, 1), 1);
}

void send_far(int far_end, const struct frame *f)
{
	ck_assert_int_eq(simnic_inject(NIC, far_end, f->data, f->len), 0);
}

struct rte_flow_error last_error;

struct rte_flow *rule_create_in(uint32_t group, uint32_t priority,
				const struct rte_flow_item *items,
				const struct rte_flow_action *actions)
{
	struct rte_flow_attr attr = { .group = group, .priority = priority, .transfer = 1 };

	memset(&last_error, 0, sizeof(last_error));
	return rte_flow_create(uplink, &attr, items, actions, &last_error);
}

struct rte_flow *rule_create(const struct rte_flow_item *items,
			     const struct rte_flow_action *actions)
{
	const struct rte_flow_item_ethdev vf0 = { .port_id = rep0 };
	struct rte_flow_item all[12] = { { .type = RTE_FLOW_ITEM_TYPE_REPRESENTED_PORT,
					   .spec = &vf0 } };
	struct rte_flow *rule;
	size_t n = 1;

	do
		all[n] = items[n - 1];
	while (all[n++].type != RTE_FLOW_ITEM_TYPE_END);
	rule = rule_create_in(0, 0, all, actions);
	if (!rule)
		ck_abort_msg("%s", last_error.message);
	return rule;
}

uint64_t rule_hits(struct rte_flow *rule, bool reset, uint64_t *bytes)
{
	const struct rte_flow_action count[] = { { .type = RTE_FLOW_ACTION_TYPE_COUNT },
						 { .type = RTE_FLOW_ACTION_TYPE_END } };
	struct rte_flow_query_count q = { .reset = reset };

	ck_assert_int_eq(rte_flow_query(uplink, rule, count, &q, &last_error), 0);
	ck_assert(q.hits_set && q.bytes_set);
	if (bytes)
		*bytes = q.bytes;
	return q.hits;
}

void rule_destroy(struct rte_flow *rule)
{
	ck_assert_int_eq(rte_flow_destroy(uplink, rule, &last_error), 0);
}

const char *control(const char *command)
{
	static char reply[16384];

	simnic_control(NIC, command, reply, sizeof(reply));
	return reply;
}

int bench_main(const char *argv0, const char *name, void (*add)(Suite *suite))
{
	Suite *suite = suite_create(name);
	int failed;

	bench_start_eal(argv0);
	add(suite);
	failed = suite_run_here(suite);
	rte_eal_cleanup();
	return failed;
}
