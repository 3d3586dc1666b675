// SPDX-License-Identifier: Apache-2.0
// Samples of the TC backend in a real kernel: what psample's listeners hear, and what a flow's userspace action gets. To be run in a
// lab guest (hw-tests/lab/run). Two programs are made of it, whose wires differ (wires.h).
#include <check.h>
#include <linux/psample.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/counters.h"
#include "core/base/hash.h"
#include "core/netlink/genl.h"
#include "hw-tests/lab/cases/frames.h"
#include "hw-tests/lab/cases/guest.h"
#include "hw-tests/lab/cases/wires.h"
#include "offload/backend.h"

enum { N_WIRES = 3, IN = FRAMES_IN, BURST = 30000, PATIENCE_MSEC = 20000 };

static struct wire wires[N_WIRES + 1]; // by datapath port number
static struct port_ref refs[N_WIRES + 1];
static void *device;

static const struct port_ref *find_port(dp_port_t n, void *aux)
{
	return n.n >= 1 && n.n <= N_WIRES ? &refs[n.n] : NULL;
}

static const struct port_lookup ports = { find_port, NULL };

// ---- What the backend hands on ----

static struct {
	pthread_mutex_t lock; // held by cases that make the listener wait
	unsigned int n;
	int ifindex;
	struct dp_action action;
	struct strbuf packet; // the last
} heard = { .lock = PTHREAD_MUTEX_INITIALIZER, .packet = STRBUF_INIT };

static bool on_sampled(void *aux, int ifindex, const struct dp_action *userspace,
		       const void *packet, size_t n)
{
	pthread_mutex_lock(&heard.lock);
	heard.n++;
	heard.ifindex = ifindex;
	heard.action = *userspace;
	strbuf_clear(&heard.packet);
	strbuf_put(&heard.packet, packet, n);
	pthread_mutex_unlock(&heard.lock);
	return ifindex == wires[IN].ifindex;
}

static unsigned int n_heard(void)
{
	unsigned int n;

	pthread_mutex_lock(&heard.lock);
	n = heard.n;
	pthread_mutex_unlock(&heard.lock);
	return n;
}

static void wait_until_heard(unsigned int n)
{
	for (int i = 0; i < PATIENCE_MSEC && n_heard() < n; i++)
		usleep(1000);
	ck_assert_uint_eq(n_heard(), n);
}

// ---- Rules ----

static int try_insert(const char *flow, const char *actions, struct hw_rule **ret_hw,
		      struct verdict *v)
{
	struct compiled_rule *rule;
	AUTO(strbuf) why = STRBUF_INIT;
	struct megaflow *mf;
	struct match m;
	int error;

	flow_from_text(flow, &m);
	mf = megaflow_of(&m, actions);
	if (!backend_tc.compile(device, mf, &ports, &rule, v)) {
		verdict_format(v, &why);
		ck_abort_msg("%s: refused: %s", actions, why.s);
	}
	megaflow_free(mf);
	error = backend_tc.insert(device, rule, ret_hw, v);
	backend_tc.compiled_free(rule);
	return error;
}

static struct hw_rule *insert(const char *flow, const char *actions)
{
	struct verdict v = { 0 };
	struct hw_rule *hw = NULL;
	AUTO(strbuf) why = STRBUF_INIT;
	int error = try_insert(flow, actions, &hw, &v);

	verdict_format(&v, &why);
	ck_assert_msg(!error, "not inserted: %s", why.s);
	ck_assert_msg(v.reason == (wires_in_hardware ? REASON_NONE : REASON_TC_SOFTWARE), "%s",
		      why.s);
	return hw;
}

static uint64_t take_out(struct hw_rule *hw)
{
	uint64_t packets, bytes;

	ck_assert_int_eq(backend_tc.remove(device, hw, &packets, &bytes), 0);
	return packets;
}

#define FLOW IP4 "proto=17,frag=no)"
#define CONTROLLER(COOKIE) \
	"userspace(pid=0,controller(reason=1,rule_cookie=" COOKIE ",controller_id=3,max_len=128))"
#define ALL(COOKIE) "sample(sample=100.0%,actions(" CONTROLLER(COOKIE) "))"

static char *all_for(const char *action)
{
	return xasprintf("sample(sample=100.0%%,actions(%s)),2", action);
}

static void frame_of(const char *flow, struct strbuf *frame)
{
	struct match m;

	flow_from_text(flow, &m);
	frame_for(&m, frame);
}

static void expect_at_2(const struct strbuf *frame)
{
	AUTO(strbuf) got = STRBUF_INIT;

	ck_assert(wire_receive(&wires[2], &got, 10000));
	ck_assert_uint_eq(got.len, frame->len);
	ck_assert_mem_eq(got.s, frame->s, frame->len);
}

// ---- psample's own listeners ----

static struct nl_sock *listen_to_psample(void)
{
	struct error err = ERROR_INIT;
	struct genl_family family;
	struct nl_sock *s;

	ck_assert_msg(!nl_open(NETLINK_GENERIC, &s, &err), "%s", err.text);
	ck_assert_msg(!genl_find(s, PSAMPLE_GENL_NAME, &family, &err), "%s", err.text);
	ck_assert_msg(!nl_join(s, genl_group(&family, PSAMPLE_NL_MCGRP_SAMPLE_NAME), &err), "%s",
		      err.text);
	return s;
}

struct sample {
	unsigned int n;
	uint32_t group, rate;
	struct strbuf packet;
};

static void on_psample(const struct nlmsghdr *h, void *aux)
{
	static const struct nl_policy policy[PSAMPLE_ATTR_DATA + 1] = {
		[PSAMPLE_ATTR_SAMPLE_GROUP] = { .type = MNL_TYPE_U32, .required = true },
		[PSAMPLE_ATTR_SAMPLE_RATE] = { .type = MNL_TYPE_U32, .required = true },
	};
	const struct nlattr *a[ARRAY_SIZE(policy)];
	struct sample *s = aux;

	if (genl_cmd(h) != PSAMPLE_CMD_SAMPLE)
		return;
	ck_assert_int_eq(
		nl_parse_msg(h, GENL_HDRLEN, policy, ARRAY_SIZE(policy), a, "psample", NULL), 0);
	s->n++;
	s->group = nl_u32(a[PSAMPLE_ATTR_SAMPLE_GROUP]);
	s->rate = nl_u32(a[PSAMPLE_ATTR_SAMPLE_RATE]);
	strbuf_clear(&s->packet);
	strbuf_put(&s->packet, mnl_attr_get_payload(a[PSAMPLE_ATTR_DATA]),
		   nl_len(a[PSAMPLE_ATTR_DATA]));
}

static const struct {
	const char *actions;
	uint32_t group;
} for_others[] = {
	{ "psample(group=9),2", 9 },
	{ "sample(sample=100%,actions(psample(group=4294967295))),2", UINT32_MAX },
	{ "set(ipv4(ttl=7)),psample(group=9),set(ipv4(ttl=64)),2", 9 },
};

START_TEST(a_group_s_listeners_hear_the_packet_that_goes_on)
{
	struct nl_sock *s = listen_to_psample();
	struct sample got = { .packet = STRBUF_INIT };
	AUTO(strbuf) frame = STRBUF_INIT;
	struct hw_rule *hw = insert(FLOW, for_others[_i].actions);

	frame_of(IP4 "proto=17,ttl=64,frag=no)", &frame);
	wire_send(&wires[IN], frame.s, frame.len);
	expect_at_2(&frame);
	// It was told before the packet went on.
	ck_assert_int_eq(nl_receive(s, on_psample, &got), 0);
	ck_assert_uint_eq(got.n, 1);
	ck_assert_uint_eq(got.group, for_others[_i].group);
	ck_assert_uint_eq(got.rate, 1);
	ck_assert_uint_eq(got.packet.len, frame.len);
	if (_i < 2)
		ck_assert_mem_eq(got.packet.s, frame.s, frame.len);
	else
		ck_assert_uint_eq((uint8_t)got.packet.s[22], 7); // the TTL that it had there
	ck_assert_uint_eq(take_out(hw), 1);
	ck_assert_uint_eq(n_heard(), 0);
	strbuf_uninit(&got.packet);
	nl_close(s);
}
END_TEST

// ---- For this process ----

START_TEST(each_userspace_action_gets_its_own_packets)
{
	static const char *const flows[] = { FLOW, IP4 "proto=6,frag=no)" };
	struct hw_rule *hw[] = { insert(flows[0], ALL("7") ",2"), insert(flows[1], ALL("8") ",2") };
	unsigned int before = n_heard();

	for (unsigned int i = 0; i < 10; i++) {
		AUTO(strbuf) frame = STRBUF_INIT;

		frame_of(flows[i % 2], &frame);
		wire_send(&wires[IN], frame.s, frame.len);
		expect_at_2(&frame);
		wait_until_heard(before + i + 1);
		ck_assert_uint_eq(heard.action.userspace.cookie, 7 + i % 2);
		ck_assert_uint_eq(heard.action.userspace.controller_id, 3);
		ck_assert_int_eq(heard.ifindex, wires[IN].ifindex);
		ck_assert_uint_eq(heard.packet.len, frame.len);
		ck_assert_mem_eq(heard.packet.s, frame.s, frame.len);
	}
	ck_assert_uint_eq(take_out(hw[0]), 5);
	ck_assert_uint_eq(take_out(hw[1]), 5);
}
END_TEST

#define TAGGED \
	ETH "eth_type(0x8100),vlan(vid=5,pcp=3),encap(eth_type(0x0800),ipv4(proto=17,frag=no))"

static const struct {
	const char *flow, *actions;
	uint8_t tag[4]; // that the sampled packet has
	bool comes_with_it;
} tagged[] = {
	{ TAGGED, ALL("7") ",2", { 0x81, 0, 0x60, 5 }, true },
	{ TAGGED, ALL("7") ",pop_vlan,2", { 0x81, 0, 0x60, 5 }, true },
	{ FLOW, "push_vlan(vid=9,pcp=1)," ALL("7") ",2", { 0x81, 0, 0x20, 9 }, false },
	{ FLOW,
	  "push_vlan(tpid=0x88a8,vid=9,pcp=1)," ALL("7") ",2",
	  { 0x88, 0xa8, 0x20, 9 },
	  false },
};

START_TEST(a_tagged_packet_is_sampled_with_its_tag)
{
	struct hw_rule *hw = insert(tagged[_i].flow, tagged[_i].actions);
	AUTO(strbuf) frame = STRBUF_INIT, got = STRBUF_INIT, want = STRBUF_INIT;
	unsigned int before = n_heard();

	frame_of(tagged[_i].flow, &frame);
	wire_send(&wires[IN], frame.s, frame.len);
	ck_assert(wire_receive(&wires[2], &got, 10000));
	wait_until_heard(before + 1);
	strbuf_put(&want, frame.s, 12);
	if (!tagged[_i].comes_with_it)
		strbuf_put(&want, tagged[_i].tag, 4);
	strbuf_put(&want, frame.s + 12, frame.len - 12);
	ck_assert_mem_eq(want.s + 12, tagged[_i].tag, 4);
	ck_assert_uint_eq(heard.packet.len, want.len);
	ck_assert_mem_eq(heard.packet.s, want.s, want.len);
	take_out(hw);
}
END_TEST

START_TEST(flows_with_one_action_share_its_group_until_the_last_goes)
{
	struct hw_rule *hw[] = { insert(FLOW, ALL("7") ",2"),
				 insert(IP4 "proto=6,frag=no)", ALL("7") ",2") };
	unsigned int before = n_heard();
	AUTO(strbuf) frame = STRBUF_INIT;

	take_out(hw[0]);
	frame_of(IP4 "proto=6,frag=no)", &frame);
	wire_send(&wires[IN], frame.s, frame.len);
	wait_until_heard(before + 1);
	expect_at_2(&frame);
	take_out(hw[1]);
	// Whoever listened has gone, and comes again.
	hw[0] = insert(IP4 "proto=6,frag=no)", ALL("7") ",2");
	wire_send(&wires[IN], frame.s, frame.len);
	wait_until_heard(before + 2);
	expect_at_2(&frame);
	take_out(hw[0]);
}
END_TEST

// Each time a thread ends that still hears what the next one hears.
START_TEST(rules_that_come_and_go_tell_no_packet_twice)
{
	enum { TIMES = 300, EACH = 5 };
	unsigned int before = n_heard(), told, counted = 0;
	AUTO(strbuf) frame = STRBUF_INIT;
	struct hw_rule *hw;

	frame_of(FLOW, &frame);
	for (unsigned int i = 0; i < TIMES; i++) {
		hw = insert(FLOW, ALL("7"));
		for (unsigned int k = 0; k < EACH; k++)
			wire_send(&wires[IN], frame.s, frame.len);
		// Some are on their way when the rule goes, to the port or to us: another rule meets these, or nobody is told.
		counted += take_out(hw);
	}
	ck_assert_uint_le(counted, TIMES * EACH);
	told = n_heard() - before;
	ck_assert_uint_le(told, counted);
	hw = insert(FLOW, ALL("7"));
	told = n_heard();
	for (unsigned int k = 0; k < EACH; k++)
		wire_send(&wires[IN], frame.s, frame.len);
	wait_until_heard(told + EACH);
	counted = take_out(hw);
	ck_assert_uint_ge(counted, EACH);
	ck_assert_uint_le(n_heard() - told, counted);
}
END_TEST

// Two cookies whose actions have the same number: it is 28 bits of a stable hash, so that 50000 are more than enough to find some.
static void find_two(unsigned int *ret_a, unsigned int *ret_b)
{
	enum { N = 50000 };
	uint32_t *numbers = xcalloc(N, sizeof(*numbers));

	for (unsigned int b = 0; b < N; b++) {
		AUTO_FREE char *text = xasprintf(CONTROLLER("%u"), b);
		AUTO(strbuf) list = STRBUF_INIT;
		const struct dp_action *action;

		ck_assert(!dp_actions_parse(text, NULL, NULL, &list, NULL));
		action = dp_actions_of(&list).first;
		numbers[b] =
			hash_stable(&action->userspace, sizeof(action->userspace), 0) & 0x0fffffff;
		for (unsigned int a = 0; a < b; a++)
			if (numbers[a] == numbers[b]) {
				*ret_a = a;
				*ret_b = b;
				free(numbers);
				return;
			}
	}
	ck_abort_msg("all differ");
}

START_TEST(an_action_whose_number_is_another_s_stays_in_software)
{
	struct hw_rule *first, *hw = NULL;
	struct verdict v = { 0 };
	unsigned int a, b;

	find_two(&a, &b);
	AUTO_FREE char *one_action = xasprintf(CONTROLLER("%u"), a),
		       *other_action = xasprintf(CONTROLLER("%u"), b), *one = all_for(one_action),
		       *other = all_for(other_action);
	first = insert(FLOW, one);
	ck_assert_int_eq(try_insert(IP4 "proto=6,frag=no)", other, &hw, &v), -EBUSY);
	ck_assert_str_eq(v.culprit, "sample with another flow's group");
	// Not for good.
	take_out(first);
	take_out(insert(IP4 "proto=6,frag=no)", other));
}
END_TEST

START_TEST(a_burst_beyond_the_buffer_is_counted_and_reading_goes_on)
{
	uint64_t lost = counter_total(COUNTER_SAMPLE_LOST);
	struct hw_rule *hw = insert(FLOW, ALL("7"));
	unsigned int before = n_heard(), told;
	AUTO(strbuf) frame = STRBUF_INIT;

	frame_of(FLOW, &frame);
	strbuf_put_zeros(&frame, 1400 - frame.len);
	pthread_mutex_lock(&heard.lock);
	for (unsigned int i = 0; i < BURST; i++)
		wire_send(&wires[IN], frame.s, frame.len);
	pthread_mutex_unlock(&heard.lock);
	for (int i = 0; i < PATIENCE_MSEC && counter_total(COUNTER_SAMPLE_LOST) == lost; i++)
		usleep(1000);
	ck_assert_uint_gt(counter_total(COUNTER_SAMPLE_LOST), lost);
	told = n_heard();
	ck_assert_uint_gt(told, before);
	ck_assert_uint_lt(told, before + BURST);
	// One of another length is heard as soon as all that was kept of the burst has been read.
	strbuf_put_zeros(&frame, 1);
	for (int i = 0; i < PATIENCE_MSEC; i++) {
		wire_send(&wires[IN], frame.s, frame.len);
		pthread_mutex_lock(&heard.lock);
		told = heard.packet.len;
		pthread_mutex_unlock(&heard.lock);
		if (told == frame.len)
			break;
		usleep(1000);
	}
	ck_assert_uint_eq(told, frame.len);
	take_out(hw);
}
END_TEST

// ---- Life ----

static void set_up(void)
{
	struct device_limits limits;
	struct error err = ERROR_INIT;

	wires_create(&wires[1], N_WIRES);
	for (unsigned int i = 1; i <= N_WIRES; i++) {
		refs[i] = (struct port_ref){ .number = DP_PORT(i),
					     .ifindex = wires[i].ifindex,
					     .ethdev = PORT_NO_ETHDEV,
					     .device = "lab" };
		snprintf(refs[i].name, sizeof(refs[i].name), "%s", wires[i].name);
	}
	ck_assert_msg(!backend_tc.open(&refs[IN], &device, &limits, &err), "%s", err.text);
	backend_tc.set_sampled(device, on_sampled, NULL);
}

static void tear_down(void)
{
	backend_tc.close(device);
	strbuf_uninit(&heard.packet);
}

int main(void)
{
	Suite *s = suite_create("lab/tc-sample");
	TCase *t = tcase_create("tc-sample");

	rcu_thread_begin();
	tcase_add_unchecked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, a_group_s_listeners_hear_the_packet_that_goes_on, 0,
			    ARRAY_SIZE(for_others));
	tcase_add_test(t, each_userspace_action_gets_its_own_packets);
	tcase_add_loop_test(t, a_tagged_packet_is_sampled_with_its_tag, 0, ARRAY_SIZE(tagged));
	tcase_add_test(t, flows_with_one_action_share_its_group_until_the_last_goes);
	tcase_add_test(t, rules_that_come_and_go_tell_no_packet_twice);
	tcase_add_test(t, an_action_whose_number_is_another_s_stays_in_software);
	tcase_add_test(t, a_burst_beyond_the_buffer_is_counted_and_reading_goes_on);
	tcase_set_timeout(t, 0);
	suite_add_tcase(s, t);
	return guest_run(s);
}
