// SPDX-License-Identifier: Apache-2.0
// IPFIX: which records come of packets, when, and whether a collector that reads the templates can read them.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/rcu.h"
#include "core/flow/dp-action.h"
#include "core/packet/packet.h"
#include "ofproto/services/ipfix.h"
#include "tests/unit/pipeline/switches.h"

enum { TEMPLATES = 2, FIRST = 256, LAST = 512, VARIABLE = 65535 };

// ---- A collector ----

struct element {
	uint32_t number, enterprise;
	uint16_t bytes;
};

struct value {
	uint32_t number, enterprise;
	uint64_t n; // of up to 8 bytes
	char text[64]; // of more, or of no fixed length
};

struct record {
	uint32_t time, sequence, domain;
	uint16_t id;
	struct value v[80];
	size_t n;
};

static int collector;
static char *target;
static struct {
	struct element v[80];
	size_t n;
} templates[LAST];
static unsigned int n_messages, n_templates;
static uint16_t sender; // of the last message: its port

static void read_template(struct reader *r)
{
	uint16_t id = rd_be16(r);

	ck_assert(id >= FIRST && id < LAST);
	templates[id].n = rd_be16(r);
	ck_assert_uint_le(templates[id].n, ARRAY_SIZE(templates[id].v));
	for (size_t i = 0; i < templates[id].n; i++) {
		struct element *e = &templates[id].v[i];
		uint16_t number = rd_be16(r);

		e->number = number & 0x7fff;
		e->bytes = rd_be16(r);
		e->enterprise = number & 0x8000 ? rd_be32(r) : 0;
	}
	n_templates++;
}

static void read_record(struct reader *r, uint16_t id, struct record *ret)
{
	ck_assert_msg(templates[id].n, "no template %u", id);
	ret->id = id;
	ret->n = templates[id].n;
	for (size_t i = 0; i < ret->n; i++) {
		const struct element *e = &templates[id].v[i];
		struct value *v = &ret->v[i];
		size_t n = e->bytes == VARIABLE ? rd_u8(r) : e->bytes;
		const uint8_t *b = rd_bytes(r, n);

		ck_assert_ptr_nonnull(b);
		memset(v, 0, sizeof(*v));
		v->number = e->number;
		v->enterprise = e->enterprise;
		memcpy(v->text, b, MIN(n, sizeof(v->text) - 1));
		for (size_t k = 0; k < n && n <= 8; k++)
			v->n = v->n << 8 | b[k];
	}
}

// The next record about a flow; false: there is no more.
static bool next_record(struct record *ret)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	uint8_t bytes[2048];
	ssize_t n;

	while ((n = recvfrom(collector, bytes, sizeof(bytes), MSG_DONTWAIT,
			     (struct sockaddr *)&from, &len)) > 0) {
		struct reader r = rd_init(bytes, n);

		n_messages++;
		sender = ntohs(from.sin_port);
		ck_assert_uint_eq(rd_be16(&r), 10);
		ck_assert_uint_eq(rd_be16(&r), n);
		ret->time = rd_be32(&r);
		ret->sequence = rd_be32(&r);
		ret->domain = rd_be32(&r);
		while (rd_left(&r)) {
			uint16_t id = rd_be16(&r);
			struct reader set = rd_sub(&r, rd_be16(&r) - 4u);

			while (id == TEMPLATES && rd_left(&set))
				read_template(&set);
			if (id < FIRST || id == 462) // templates, and of the exporter
				continue;
			read_record(&set, id, ret);
			ck_assert_uint_eq(rd_left(&set), 0);
			return true;
		}
	}
	return false;
}

static void want_no_record(void)
{
	struct record r;

	ck_assert(!next_record(&r));
}

static struct record want_record(void)
{
	struct record r;

	ck_assert_msg(next_record(&r), "no record");
	return r;
}

static const struct value *find(const struct record *r, uint32_t number)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].number == number)
			return &r->v[i];
	return NULL;
}

static uint64_t get(const struct record *r, uint32_t number)
{
	const struct value *v = find(r, number);

	ck_assert_msg(v, "template %u has no element %u", r->id, number);
	return v->n;
}

// ---- A switch ----

static struct of_switch *sw;
static struct ipfix *ipfix;
static unsigned int n_wakes; // that nobody has heard yet

static void wake(void *aux)
{
	n_wakes++;
}

static void setup(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);

	collector = socket(AF_INET, SOCK_DGRAM, 0);
	ck_assert(!bind(collector, (struct sockaddr *)&a, n));
	ck_assert(!getsockname(collector, (struct sockaddr *)&a, &n));
	target = xasprintf("127.0.0.1:%u", ntohs(a.sin_port));
	memset(templates, 0, sizeof(templates));
	n_messages = n_templates = n_wakes = 0;
	rcu_thread_begin();
	clock_stop();
	sw = able_switch("br0", 1);
	add_ports(sw, 3);
	atomic_store(&switch_port_find(sw, OF_PORT(1))->ifindex, 71);
	atomic_store(&switch_port_find(sw, OF_PORT(2))->ifindex, 72);
	ipfix = ipfix_create(sw, wake, NULL);
}

static void teardown(void)
{
	switch_destroy(sw);
	ipfix_destroy(ipfix);
	rcu_drain();
	rcu_thread_end();
	clock_resume();
	close(collector);
	free(target);
}

static void configure(struct ipfix_config c)
{
	AUTO(strbuf) warnings = STRBUF_INIT;

	c.targets = &target;
	c.n_targets = 1;
	c.template_interval = c.template_interval ? c.template_interval : 600;
	ipfix_configure(ipfix, &c, 1, &warnings);
	ck_assert_str_eq(strbuf_cstr(&warnings), "");
}

// Ethernet with IPv4 (total length 40): 'proto', and what is behind.
static struct strbuf ipv4_packet(uint8_t proto, uint16_t src, uint16_t dst)
{
	struct strbuf b = STRBUF_INIT;

	strbuf_put(&b, "\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\x00\x45\x20\0\x28\0\0\0\0\x40", 23);
	wr_u8(&b, proto);
	wr_be16(&b, 0);
	wr_be32(&b, 0x0a000001);
	wr_be32(&b, 0x0a000002);
	wr_be16(&b, src);
	wr_be16(&b, dst);
	strbuf_put(&b, "\0\0\0\0\0\0\0\0\x50\x12\0\0\0\0\0\0", 16);
	return b;
}

static struct dp_action sample_of(uint32_t set, uint32_t domain, uint32_t point)
{
	return (struct dp_action){ .type = DP_ACTION_USERSPACE,
				   .userspace = { .kind = USERSPACE_FLOW_SAMPLE,
						  .probability = UINT16_MAX,
						  .collector_set = set,
						  .obs_domain = domain,
						  .obs_point = point,
						  .output_port = DP_PORT_NONE } };
}

// On a packet's thread.
static void give_only(const struct dp_action *a, struct strbuf bytes)
{
	struct packet p = { .data = (uint8_t *)bytes.s, .size = bytes.len };
	struct packet_metadata md = { .in_port = 1 };
	struct flow_key key;

	ck_assert(!packet_parse(&p, &md, &key));
	switch_give_sample(sw, &(struct packet_sample){ sw, &key, &p, a });
	strbuf_uninit(&bytes);
}

// And the main thread hears what there is to hear.
static void give(const struct dp_action *a, struct strbuf bytes)
{
	give_only(a, bytes);
	if (n_wakes) {
		n_wakes = 0;
		ipfix_run(ipfix);
	}
}

static void give_tcp(uint32_t domain, uint16_t src)
{
	struct dp_action a = sample_of(1, domain, 7);

	give(&a, ipv4_packet(6, src, 80));
}

static struct ipfix_stats stats;

static void take_stats(const struct ipfix_stats *s, void *aux)
{
	stats = *s;
}

static const struct ipfix_config at_once = { .set = 1 };
static const struct ipfix_config cached = { .set = 1, .active_timeout = 10, .max_flows = 3 };

// ---- Tests ----

START_TEST(a_packet_is_told_of_with_its_headers)
{
	struct record r;

	configure(at_once);
	give_tcp(5, 1000);
	r = want_record();
	ck_assert_uint_eq(r.id, 280);
	ck_assert_uint_eq(r.domain, 5);
	ck_assert_uint_eq(get(&r, 138), 7);
	ck_assert_uint_eq(get(&r, 61), 0);
	ck_assert_uint_eq(get(&r, 56), 0x020000000001);
	ck_assert_uint_eq(get(&r, 256), 0x0800);
	ck_assert_uint_eq(get(&r, 240), 14);
	ck_assert_str_eq(find(&r, 82)->text, "p1");
	ck_assert_uint_eq(get(&r, 192), 64);
	ck_assert_uint_eq(get(&r, 4), 6);
	ck_assert_uint_eq(get(&r, 195), 8);
	ck_assert_uint_eq(get(&r, 8), 0x0a000001);
	ck_assert_uint_eq(get(&r, 7), 1000);
	ck_assert_uint_eq(get(&r, 11), 80);
	ck_assert_uint_eq(get(&r, 2), 1);
	ck_assert_uint_eq(get(&r, 352), 54);
	ck_assert_uint_eq(get(&r, 1), 40);
	ck_assert_uint_eq(get(&r, 198), 1600);
	ck_assert_uint_eq(get(&r, 218), 1); // SYN
	ck_assert_uint_eq(get(&r, 222), 1); // ACK
	ck_assert_uint_eq(get(&r, 219), 0); // FIN
	ck_assert_uint_eq(get(&r, 136), 2);
	want_no_record();
}
END_TEST

START_TEST(what_stands_before_a_packet_without_an_ethernet_header_is_not_told_of)
{
	struct strbuf bytes = ipv4_packet(6, 1000, 80);
	struct packet p = { .data = (uint8_t *)bytes.s, .size = bytes.len };
	struct packet_metadata md = { .in_port = 1 };
	struct dp_action a = sample_of(1, 5, 7);
	struct flow_key key;
	struct record r;

	configure(at_once);
	ck_assert(!packet_parse(&p, &md, &key));
	key.packet_type = htobe32(0x10800);
	switch_give_sample(sw, &(struct packet_sample){ sw, &key, &p, &a });
	ipfix_run(ipfix);
	r = want_record();
	ck_assert_uint_eq(get(&r, 352), 40);
	strbuf_uninit(&bytes);
}
END_TEST

START_TEST(others_count_for_nobody)
{
	struct dp_action a = sample_of(2, 5, 7);

	configure(at_once);
	give(&a, ipv4_packet(6, 1, 2));
	want_no_record();
	ck_assert_uint_eq(n_messages, 0);
}
END_TEST

START_TEST(every_template_can_be_read)
{
	configure(at_once);
	give_tcp(5, 1);
	want_record();
	// With and without a tag: of each of IPv4 and IPv6 five kinds of transport, and what is neither; each with and without
	// an egress interface and a tunnel.
	ck_assert_uint_eq(n_templates, 2 * (5 + 5 + 1) * 4);
}
END_TEST

static const struct {
	const char *name;
	uint8_t direction;
	bool port;
	uint64_t told;
	const char *egress; // NULL: not told
} ways[] = {
	{ "neither", SAMPLE_EITHER, false, 0, NULL },
	{ "a port", SAMPLE_EITHER, true, 1, "p2" },
	{ "ingress", SAMPLE_INGRESS, true, 0, NULL },
	{ "egress", SAMPLE_EGRESS, true, 1, "p2" },
	{ "egress of no port", SAMPLE_EGRESS, false, 1, NULL },
};

START_TEST(a_direction_is_told_with_its_port)
{
	struct dp_action a = sample_of(1, 5, 7);
	struct record r;
	const char *last = NULL;

	configure(at_once);
	a.userspace.direction = ways[_i].direction;
	if (ways[_i].port) {
		a.userspace.output_port = DP_PORT(2);
		a.userspace.sampling_port = 2;
	}
	give(&a, ipv4_packet(17, 1, 2));
	r = want_record();
	for (size_t i = 0; i < r.n; i++)
		if (r.v[i].number == 82)
			last = r.v[i].text;
	ck_assert_uint_eq(get(&r, 61), ways[_i].told);
	ck_assert_str_eq(last, ways[_i].egress ? ways[_i].egress : "p1");
	ck_assert_uint_eq(get(&r, 10), 71);
	ck_assert_int_eq(find(&r, 14) != NULL, ways[_i].egress != NULL);
	if (ways[_i].egress)
		ck_assert_uint_eq(get(&r, 14), 72);
	ck_assert_uint_eq(get(&r, ways[_i].told ? 357 : 354), 1);
	ck_assert_uint_eq(get(&r, ways[_i].told ? 354 : 357), 0);
}
END_TEST

START_TEST(packets_of_a_flow_are_told_together_when_its_time_is_over)
{
	struct record r;

	configure(cached);
	give_tcp(5, 1);
	clock_advance(4000);
	give_tcp(5, 1);
	clock_advance(5999);
	ipfix_run(ipfix);
	want_no_record();
	clock_advance(1);
	ipfix_run(ipfix);
	r = want_record();
	ck_assert_uint_eq(get(&r, 2), 2);
	ck_assert_uint_eq(get(&r, 1), 80);
	ck_assert_uint_eq(get(&r, 198), 3200);
	ck_assert_uint_eq(get(&r, 25), 40);
	ck_assert_uint_eq(get(&r, 26), 40);
	ck_assert_uint_eq(get(&r, 158) - get(&r, 159), 4000000);
	ck_assert_uint_eq(get(&r, 136), 2);
	want_no_record();
}
END_TEST

START_TEST(the_oldest_flow_makes_room)
{
	struct record r;

	configure(cached);
	for (uint16_t i = 1; i <= 4; i++)
		give_tcp(5, i);
	r = want_record();
	ck_assert_uint_eq(get(&r, 7), 1);
	ck_assert_uint_eq(get(&r, 136), 5);
	want_no_record();
	ck_assert(ipfix_for_each(ipfix, take_stats, NULL));
	ck_assert_uint_eq(stats.current_flows, 3);
	ck_assert_uint_eq(stats.flows, 4);
}
END_TEST

START_TEST(flows_of_a_set_that_goes_are_told)
{
	struct record r;

	configure(cached);
	give_tcp(5, 1);
	ipfix_configure(ipfix, NULL, 0, NULL);
	rcu_drain();
	r = want_record();
	ck_assert_uint_eq(get(&r, 136), 4);
	ck_assert(!ipfix_for_each(ipfix, take_stats, NULL));
	ck_assert_ptr_null(switch_sampling(sw));
}
END_TEST

START_TEST(totals_go_on_and_records_are_numbered)
{
	struct record a, b;

	configure(at_once);
	give_tcp(5, 1);
	give_tcp(5, 2);
	a = want_record();
	b = want_record();
	ck_assert_uint_eq(b.sequence, a.sequence + 1);
	ck_assert_uint_eq(get(&b, 2), 1);
	ck_assert_uint_eq(get(&b, 86), 2);
	ck_assert_uint_eq(get(&b, 85), 80);
	ck_assert_uint_eq(get(&b, 218), 2);
}
END_TEST

START_TEST(templates_are_told_to_each_domain_and_again)
{
	struct ipfix_config c = at_once;
	unsigned int once;

	c.template_interval = 5;
	configure(c);
	give_tcp(5, 1);
	want_record();
	once = n_templates;
	give_tcp(5, 1);
	want_record();
	ck_assert_uint_eq(n_templates, once);
	give_tcp(6, 1);
	want_record();
	ck_assert_uint_eq(n_templates, 2 * once);
	clock_advance(5000);
	give_tcp(5, 1);
	want_record();
	ck_assert_uint_eq(n_templates, 3 * once);
}
END_TEST

START_TEST(a_virtual_observation_id_goes_with_each)
{
	struct ipfix_config c = at_once;
	struct record r;

	configure(c);
	give_tcp(5, 1);
	r = want_record();
	ck_assert_ptr_null(find(&r, 898));
	c.virtual_obs_id = "here";
	configure(c);
	give_tcp(5, 1);
	r = want_record();
	ck_assert_str_eq(find(&r, 898)->text, "here");
	ck_assert_uint_eq(find(&r, 898)->enterprise, 6876);
}
END_TEST

START_TEST(a_packet_that_goes_nowhere_is_dropped)
{
	struct dp_action a = sample_of(1, 5, 7);
	struct record r;

	a.userspace.dropped = true;
	configure(at_once);
	give(&a, ipv4_packet(17, 1, 2));
	r = want_record();
	ck_assert_uint_eq(get(&r, 133), 1);
	ck_assert_uint_eq(get(&r, 132), 40);
}
END_TEST

START_TEST(a_packet_stands_for_those_that_were_not_chosen)
{
	struct dp_action a = sample_of(1, 5, 7);
	struct record r;

	a.userspace.probability = 16384;
	a.userspace.dropped = true;
	configure(at_once);
	give(&a, ipv4_packet(6, 1, 2));
	r = want_record();
	ck_assert_uint_eq(get(&r, 2), 3);
	ck_assert_uint_eq(get(&r, 86), 3);
	ck_assert_uint_eq(get(&r, 354), 3);
	ck_assert_uint_eq(get(&r, 133), 3);
	ck_assert_uint_eq(get(&r, 352), 3 * 54);
	ck_assert_uint_eq(get(&r, 1), 3 * 40);
	ck_assert_uint_eq(get(&r, 198), 3 * 1600);
	ck_assert_uint_eq(get(&r, 218), 3);
	ck_assert_uint_eq(get(&r, 26), 40);
	ck_assert(ipfix_for_each(ipfix, take_stats, NULL));
	ck_assert_uint_eq(stats.sampled, 1);
}
END_TEST

START_TEST(a_bridge_says_where_its_packets_are_observed)
{
	struct ipfix_config c = {
		.bridge = true, .sampling = 50, .domain = 8, .point = 9, .input = true
	};
	struct dp_action a = sample_of(0, 1, 1);
	struct ipfix_stats of_bridge;
	struct record r;

	a.userspace.kind = USERSPACE_IPFIX;
	ck_assert(!ipfix_bridge_stats(ipfix, &of_bridge));
	configure(c);
	ck_assert_uint_eq(switch_sampling(sw)->probability, UINT32_MAX / 50);
	give(&a, ipv4_packet(6, 1, 2));
	give_tcp(5, 1); // of a set that is not there
	r = want_record();
	ck_assert_uint_eq(r.domain, 8);
	ck_assert_uint_eq(get(&r, 138), 9);
	ck_assert_uint_eq(get(&r, 2), 50);
	want_no_record();
	ck_assert(ipfix_bridge_stats(ipfix, &of_bridge));
	ck_assert_uint_eq(of_bridge.sampled, 1);
	ck_assert(!ipfix_for_each(ipfix, take_stats, NULL));
}
END_TEST

START_TEST(statistics_tell_kinds_apart)
{
	struct dp_action a = sample_of(1, 5, 7);
	struct strbuf arp = STRBUF_INIT;

	strbuf_put(&arp, "\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x12\x34", 14);
	configure(at_once);
	give(&a, ipv4_packet(17, 1, 2));
	give(&a, ipv4_packet(47, 1, 2));
	give(&a, arp);
	ck_assert(ipfix_for_each(ipfix, take_stats, NULL));
	ck_assert_uint_eq(stats.collector_set, 1);
	ck_assert_uint_eq(stats.sampled, 3);
	ck_assert_uint_eq(stats.ipv4, 1);
	ck_assert_uint_eq(stats.ipv4_errors, 1);
	ck_assert_uint_eq(stats.errors, 1);
	ck_assert_uint_eq(stats.send_errors, 0);
	want_record();
	want_record();
	want_record();
	want_no_record();
	ck_assert_uint_eq(stats.sent, n_messages);
}
END_TEST

// Whatever is in a packet, its record is as its template says.
START_TEST(any_packet_gives_a_record_that_can_be_read)
{
	random_seed(5);
	configure(at_once);
	for (int i = 0; i < 3000; i++) {
		struct dp_action a = sample_of(1, i % 3, i);
		struct strbuf b = ipv4_packet(random_u32(), 1, 2);

		for (int k = random_u32() % 3; k; k--)
			b.s[12 + random_u32() % 14] = random_u32();
		strbuf_truncate(&b, 14 + random_u32() % (b.len - 13));
		// In memory that ends with it, so that a sanitizer sees who reads on.
		b.s = xrealloc(b.s, b.len);
		b.cap = b.len;
		give(&a, b);
		want_record();
	}
	want_no_record();
}
END_TEST

static const struct {
	const char *target, *warning;
} bad[] = {
	{ "127.0.0.1", "target \"127.0.0.1\" is not IP:PORT\n" },
	{ ":4739", "target \":4739\" is not IP:PORT\n" },
	{ "collector.example:4739",
	  "target \"collector.example:4739\" has no address and port in numbers\n" },
	{ "127.0.0.1:99999999999", "target \"127.0.0.1:99999999999\" has no address and port in "
				   "numbers\n" },
};

START_TEST(a_target_that_is_none_is_named)
{
	struct ipfix_config c = at_once;
	AUTO(strbuf) warnings = STRBUF_INIT;
	AUTO_FREE char *bad_target = xstrdup(bad[_i].target);
	char *targets[] = { bad_target, target };

	c.targets = targets;
	c.n_targets = 2;
	c.template_interval = 600;
	ipfix_configure(ipfix, &c, 1, &warnings);
	ck_assert_str_eq(strbuf_cstr(&warnings), bad[_i].warning);
	// The other one is told.
	give_tcp(5, 1);
	want_record();
}
END_TEST

// For a collector another port is another exporter, of which it knows no template.
START_TEST(a_collector_that_stays_hears_the_same_exporter)
{
	struct ipfix_config c = at_once;
	AUTO(strbuf) warnings = STRBUF_INIT;
	char other[] = "127.0.0.1:9";
	char *targets[] = { other, target };
	unsigned int once, port;

	configure(c);
	give_tcp(5, 1);
	want_record();
	port = sender;
	once = n_templates;
	c.active_timeout = 10;
	configure(c);
	give_tcp(5, 1);
	want_record();
	ck_assert_uint_eq(sender, port);
	ck_assert_uint_eq(n_templates, once);
	// One that comes has to be told templates; those that stay read them again.
	c.targets = targets;
	c.n_targets = 2;
	c.template_interval = 600;
	ipfix_configure(ipfix, &c, 1, &warnings);
	give_tcp(5, 1);
	want_record();
	ck_assert_uint_eq(sender, port);
	ck_assert_uint_eq(n_templates, 2 * once);
}
END_TEST

START_TEST(a_packet_sends_nothing_by_itself)
{
	struct dp_action a = sample_of(1, 5, 7);

	configure(at_once);
	for (uint16_t i = 1; i <= 3; i++)
		give_only(&a, ipv4_packet(6, i, 80));
	want_no_record();
	ck_assert_uint_eq(n_messages, 0);
	ck_assert_uint_eq(n_wakes, 1);
	ipfix_run(ipfix);
	for (uint16_t i = 1; i <= 3; i++) {
		struct record r = want_record();

		ck_assert_uint_eq(get(&r, 7), i);
	}
	want_no_record();
	give_only(&a, ipv4_packet(6, 4, 80));
	ck_assert_uint_eq(n_wakes, 2);
}
END_TEST

START_TEST(flows_that_nobody_takes_are_lost_and_counted)
{
	enum { ROOM = 16384, MORE = 5 };
	struct dp_action a = sample_of(1, 5, 7);

	configure(at_once);
	for (uint32_t i = 0; i < ROOM + MORE; i++)
		give_only(&a, ipv4_packet(6, i, 80));
	ck_assert(ipfix_for_each(ipfix, take_stats, NULL));
	ck_assert_uint_eq(stats.current_flows, 0);
	ck_assert_uint_eq(stats.flows, ROOM + MORE);
	ck_assert_uint_eq(stats.send_errors, MORE);
	ck_assert_uint_eq(n_wakes, 1);
	ipfix_run(ipfix);
	// There is room again.
	give_only(&a, ipv4_packet(6, 1, 80));
	ck_assert(ipfix_for_each(ipfix, take_stats, NULL));
	ck_assert_uint_eq(stats.send_errors, MORE);
}
END_TEST

// More than are taken in one go, or end with one packet.
START_TEST(all_flows_whose_time_is_over_are_told)
{
	enum { N = 80 }; // and no more than the socket holds
	struct ipfix_config c = cached;
	unsigned int n = 0;
	struct record r;

	c.max_flows = N;
	configure(c);
	for (uint16_t i = 1; i <= N; i++)
		give_tcp(5, i);
	want_no_record();
	clock_advance(10000);
	give_tcp(5, N);
	while (next_record(&r))
		ck_assert_uint_eq(get(&r, 7), ++n);
	ck_assert_uint_eq(n, N);
	ck_assert_uint_eq(get(&r, 2), 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("services/ipfix");
	TCase *t = tcase_create("ipfix");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_packet_is_told_of_with_its_headers);
	tcase_add_test(t, what_stands_before_a_packet_without_an_ethernet_header_is_not_told_of);
	tcase_add_test(t, others_count_for_nobody);
	tcase_add_test(t, every_template_can_be_read);
	tcase_add_loop_test(t, a_direction_is_told_with_its_port, 0, ARRAY_SIZE(ways));
	tcase_add_test(t, packets_of_a_flow_are_told_together_when_its_time_is_over);
	tcase_add_test(t, the_oldest_flow_makes_room);
	tcase_add_test(t, flows_of_a_set_that_goes_are_told);
	tcase_add_test(t, totals_go_on_and_records_are_numbered);
	tcase_add_test(t, templates_are_told_to_each_domain_and_again);
	tcase_add_test(t, a_virtual_observation_id_goes_with_each);
	tcase_add_test(t, a_packet_that_goes_nowhere_is_dropped);
	tcase_add_test(t, a_packet_stands_for_those_that_were_not_chosen);
	tcase_add_test(t, a_bridge_says_where_its_packets_are_observed);
	tcase_add_test(t, statistics_tell_kinds_apart);
	tcase_add_test(t, any_packet_gives_a_record_that_can_be_read);
	tcase_add_loop_test(t, a_target_that_is_none_is_named, 0, ARRAY_SIZE(bad));
	tcase_add_test(t, a_collector_that_stays_hears_the_same_exporter);
	tcase_add_test(t, a_packet_sends_nothing_by_itself);
	tcase_add_test(t, flows_that_nobody_takes_are_lost_and_counted);
	tcase_add_test(t, all_flows_whose_time_is_over_are_told);
	suite_add_tcase(s, t);
	return suite_run(s);
}
