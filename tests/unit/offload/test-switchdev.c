// SPDX-License-Identifier: Apache-2.0
// What devlink, ethtool and links say about eSwitches, from messages as the kernel writes them, and broken ones.
#include <linux/ethtool_netlink.h>
#include <stdio.h>

#include "offload/switchdev/switchdev-private.h"
#include "tests/suite.h"

static const struct genl_family family = { .id = 30, .version = 1 };

// ---- devlink ----

struct port_case {
	const char *name;
	int flavour; // -1: not said
	uint32_t controller, pf, number;
	enum switchdev_role role;
};

static const struct port_case port_cases[] = {
	{ "physical", DEVLINK_PORT_FLAVOUR_PHYSICAL, 0, 0, 1, SWITCHDEV_UPLINK },
	{ "pf", DEVLINK_PORT_FLAVOUR_PCI_PF, 1, 1, 0, SWITCHDEV_PF },
	{ "vf", DEVLINK_PORT_FLAVOUR_PCI_VF, 0, 1, 127, SWITCHDEV_VF },
	{ "sf", DEVLINK_PORT_FLAVOUR_PCI_SF, 2, 0, 70000, SWITCHDEV_SF },
	{ "the function itself", DEVLINK_PORT_FLAVOUR_VIRTUAL, 0, 0, 0, SWITCHDEV_NONE },
	{ "cpu", DEVLINK_PORT_FLAVOUR_CPU, 0, 0, 0, SWITCHDEV_OTHER },
	{ "a kind to come", 200, 0, 0, 0, SWITCHDEV_OTHER },
	{ "not said", -1, 0, 0, 0, SWITCHDEV_OTHER },
};

static void put_port(struct strbuf *b, const struct port_case *c)
{
	size_t m = genl_begin(b, &family, DEVLINK_CMD_PORT_NEW, 0);

	nl_put_str(b, DEVLINK_ATTR_BUS_NAME, "pci");
	nl_put_str(b, DEVLINK_ATTR_DEV_NAME, "0000:03:00.0");
	nl_put_u32(b, DEVLINK_ATTR_PORT_INDEX, 65535);
	nl_put_u16(b, DEVLINK_ATTR_PORT_TYPE, DEVLINK_PORT_TYPE_ETH);
	nl_put_u32(b, DEVLINK_ATTR_PORT_NETDEV_IFINDEX, 12);
	nl_put_str(b, DEVLINK_ATTR_PORT_NETDEV_NAME, "eth12");
	if (c->flavour >= 0)
		nl_put_u16(b, DEVLINK_ATTR_PORT_FLAVOUR, c->flavour);
	nl_put_u32(b, DEVLINK_ATTR_PORT_CONTROLLER_NUMBER, c->controller);
	nl_put_u16(b, DEVLINK_ATTR_PORT_PCI_PF_NUMBER, c->pf);
	if (c->role == SWITCHDEV_UPLINK)
		nl_put_u32(b, DEVLINK_ATTR_PORT_NUMBER, c->number);
	if (c->role == SWITCHDEV_VF)
		nl_put_u16(b, DEVLINK_ATTR_PORT_PCI_VF_NUMBER, c->number);
	if (c->role == SWITCHDEV_SF)
		nl_put_u32(b, DEVLINK_ATTR_PORT_PCI_SF_NUMBER, c->number);
	nl_put_u8(b, DEVLINK_ATTR_PORT_EXTERNAL, c->controller != 0);
	nl_msg_end(b, m);
}

START_TEST(ports_are_what_their_flavour_says)
{
	const struct port_case *c = &port_cases[_i];
	AUTO(strbuf) b = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct devlink_port p;

	put_port(&b, c);
	ck_assert_msg(!devlink_port_decode((void *)b.s, &p, &err), "%s: %s", c->name, err.text);
	ck_assert_str_eq(p.handle, "pci/0000:03:00.0");
	ck_assert_uint_eq(p.index, 65535);
	ck_assert_int_eq(p.ifindex, 12);
	ck_assert_int_eq(p.flavour, c->flavour);
	ck_assert_msg(p.function.role == c->role, "%s: %s", c->name,
		      switchdev_role_name(p.function.role));
	ck_assert_uint_eq(p.function.controller, c->controller);
	ck_assert_uint_eq(p.function.pf, c->pf);
	ck_assert_uint_eq(p.function.number, c->number);
	ck_assert_int_eq(p.is_external, c->controller != 0);
}
END_TEST

START_TEST(eswitches_say_how_they_are_set_up)
{
	AUTO(strbuf) b = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct switchdev_eswitch e;
	size_t m = genl_begin(&b, &family, DEVLINK_CMD_ESWITCH_GET, 0);

	nl_put_str(&b, DEVLINK_ATTR_BUS_NAME, "netdevsim");
	nl_put_str(&b, DEVLINK_ATTR_DEV_NAME, "netdevsim1");
	nl_put_u16(&b, DEVLINK_ATTR_ESWITCH_MODE, DEVLINK_ESWITCH_MODE_SWITCHDEV);
	nl_put_u8(&b, DEVLINK_ATTR_ESWITCH_INLINE_MODE, DEVLINK_ESWITCH_INLINE_MODE_TRANSPORT);
	nl_msg_end(&b, m);
	ck_assert_msg(!devlink_eswitch_decode((void *)b.s, &e, &err), "%s", err.text);
	ck_assert_str_eq(e.handle, "netdevsim/netdevsim1");
	ck_assert_str_eq(switchdev_mode_name(e.mode), "switchdev");
	ck_assert_str_eq(switchdev_inline_mode_name(e.inline_mode), "transport");
	ck_assert_int_eq(e.encap_mode, -1);
	ck_assert_str_eq(switchdev_encap_mode_name(e.encap_mode), "unknown");
	ck_assert_str_eq(switchdev_encap_mode_name(1), "basic");
	ck_assert_str_eq(switchdev_mode_name(9), "unknown");
}
END_TEST

static const struct {
	const char *name;
	uint16_t type;
	uint8_t bytes[68];
	size_t n;
	const char *text;
} bad[] = {
	{ "mode of one byte", DEVLINK_ATTR_ESWITCH_MODE, { 1 }, 1, "attribute 25 has 1 bytes" },
	{ "index of two bytes", DEVLINK_ATTR_PORT_INDEX, { 1 }, 2, "attribute 3 has 2 bytes" },
	{ "name without an end", DEVLINK_ATTR_DEV_NAME, { 'x' }, 1, "attribute 2 has 1 bytes" },
	{ "VF number of four bytes",
	  DEVLINK_ATTR_PORT_PCI_VF_NUMBER,
	  { 1 },
	  4,
	  "attribute 128 has 4 bytes" },
	{ "no index", 0, { 0 }, 0, "without its index" },
	{ "no bus", DEVLINK_ATTR_BUS_NAME, { 0 }, 0, "attribute 1 has 0 bytes" },
};

START_TEST(what_is_malformed_is_named)
{
	AUTO(strbuf) b = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct devlink_port p;
	size_t m = genl_begin(&b, &family, DEVLINK_CMD_PORT_NEW, 0);

	nl_put_str(&b, DEVLINK_ATTR_BUS_NAME, "pci");
	nl_put_str(&b, DEVLINK_ATTR_DEV_NAME, "a");
	nl_put(&b, bad[_i].type, bad[_i].bytes, bad[_i].n);
	nl_msg_end(&b, m);
	ck_assert_int_eq(devlink_port_decode((void *)b.s, &p, &err), -EPROTO);
	ck_assert_msg(strstr(err.text, bad[_i].text), "%s: %s", bad[_i].name, err.text);
}
END_TEST

START_TEST(a_cut_message_is_refused_at_every_length)
{
	AUTO(strbuf) b = STRBUF_INIT;
	struct devlink_port p;

	put_port(&b, &port_cases[2]);
	size_t whole = b.len;

	for (size_t n = sizeof(struct nlmsghdr); n < whole; n++) {
		struct nlmsghdr *copy = xmemdup(b.s, n);

		copy->nlmsg_len = n;
		// Cut between two attributes it is a shorter, whole message.
		int error = devlink_port_decode(copy, &p, NULL);

		ck_assert(error == -EPROTO || (!error && p.index == 65535));
		free(copy);
	}
}
END_TEST

START_TEST(a_handle_that_is_too_long_is_refused)
{
	AUTO(strbuf) b = STRBUF_INIT;
	struct error err = ERROR_INIT;
	size_t m = genl_begin(&b, &family, DEVLINK_CMD_NEW, 0);
	char handle[64];

	nl_put_str(&b, DEVLINK_ATTR_BUS_NAME, "pci");
	nl_put_str(&b, DEVLINK_ATTR_DEV_NAME,
		   "0123456789012345678901234567890123456789012345678901234567890123456789");
	nl_msg_end(&b, m);
	ck_assert_int_eq(devlink_handle_decode((void *)b.s, handle, &err), -EPROTO);
	ck_assert_str_eq(err.text, "devlink: a handle longer than 63 bytes");
}
END_TEST

// ---- ethtool ----

static void put_features(struct strbuf *b, bool with_mask, bool listed, bool set)
{
	size_t m = genl_begin(b, &family, ETHTOOL_MSG_FEATURES_GET_REPLY, 0), nest, bits, bit;

	nest = nl_nest_begin(b, ETHTOOL_A_FEATURES_HEADER);
	nl_put_u32(b, ETHTOOL_A_HEADER_DEV_INDEX, 7);
	nl_nest_end(b, nest);
	nest = nl_nest_begin(b, ETHTOOL_A_FEATURES_ACTIVE);
	if (!with_mask)
		nl_put_flag(b, ETHTOOL_A_BITSET_NOMASK);
	bits = nl_nest_begin(b, ETHTOOL_A_BITSET_BITS);
	for (int i = 0; i < 1 + listed; i++) {
		bit = nl_nest_begin(b, ETHTOOL_A_BITSET_BITS_BIT);
		nl_put_u32(b, ETHTOOL_A_BITSET_BIT_INDEX, i);
		nl_put_str(b, ETHTOOL_A_BITSET_BIT_NAME, i ? "hw-tc-offload" : "rx-gro");
		if (with_mask && set)
			nl_put_flag(b, ETHTOOL_A_BITSET_BIT_VALUE);
		nl_nest_end(b, bit);
	}
	nl_nest_end(b, bits);
	nl_nest_end(b, nest);
	nl_msg_end(b, m);
}

static const struct {
	bool with_mask, listed, set, on;
} features[] = {
	{ false, true, false, true }, { false, false, false, false }, { true, true, true, true },
	{ true, true, false, false }, { true, false, true, false },
};

START_TEST(features_are_found_by_name)
{
	AUTO(strbuf) b = STRBUF_INIT;
	struct error err = ERROR_INIT;
	enum switchdev_feature on;
	int ifindex;

	put_features(&b, features[_i].with_mask, features[_i].listed, features[_i].set);
	ck_assert_msg(!features_decode((void *)b.s, &ifindex, &on, &err), "%s", err.text);
	ck_assert_int_eq(ifindex, 7);
	ck_assert_int_eq(on, features[_i].on ? FEATURE_ON : FEATURE_OFF);
}
END_TEST

// ---- Names ----

static const struct {
	const char *name;
	enum switchdev_role role; // NONE: it is no name of a port
	uint32_t controller, pf, number;
	bool has_pf;
} names[] = {
	{ "p0", SWITCHDEV_UPLINK, 0, 0, 0, false },
	{ "p12", SWITCHDEV_UPLINK, 0, 0, 12, false },
	{ "pf1", SWITCHDEV_PF, 0, 1, 0, true },
	{ "pf0vf3", SWITCHDEV_VF, 0, 0, 3, true },
	{ "c1pf0vf3", SWITCHDEV_VF, 1, 0, 3, true },
	{ "c1pf0", SWITCHDEV_PF, 1, 0, 0, true },
	{ "pf0sf88", SWITCHDEV_SF, 0, 0, 88, true },
	{ "vf7", SWITCHDEV_VF, 0, 0, 7, false },
	{ "sf7", SWITCHDEV_SF, 0, 0, 7, false },
	{ "", SWITCHDEV_NONE, 0, 0, 0, false },
	{ "p", SWITCHDEV_NONE, 0, 0, 0, false },
	{ "p0x", SWITCHDEV_NONE, 0, 0, 0, false },
	{ "c1", SWITCHDEV_NONE, 0, 0, 0, false },
	{ "c1p0", SWITCHDEV_NONE, 0, 0, 0, false },
	{ "pf0vf", SWITCHDEV_NONE, 0, 0, 0, false },
	{ "pf0vf-1", SWITCHDEV_NONE, 0, 0, 0, false },
	{ "pf0vf4294967296", SWITCHDEV_NONE, 0, 0, 0, false },
	{ "pf0vf1sf2", SWITCHDEV_NONE, 0, 0, 0, false },
	{ "eth0", SWITCHDEV_NONE, 0, 0, 0, false },
};

START_TEST(names_of_ports_are_understood)
{
	struct switchdev_function f = { .role = SWITCHDEV_NONE };
	bool has_pf = false, ok = switchdev_name_parse(names[_i].name, &f, &has_pf);

	ck_assert_msg(ok == (names[_i].role != SWITCHDEV_NONE), "%s", names[_i].name);
	ck_assert_msg(f.role == names[_i].role, "%s: %s", names[_i].name,
		      switchdev_role_name(f.role));
	ck_assert_uint_eq(f.controller, names[_i].controller);
	ck_assert_uint_eq(f.pf, names[_i].pf);
	ck_assert_uint_eq(f.number, names[_i].number);
	ck_assert_int_eq(has_pf, names[_i].has_pf);
}
END_TEST

// ---- The table ----

struct paper_link {
	int ifindex, master;
	const char *name, *kind, *port_name;
	uint8_t switch_id; // 0: none
};

static void add_link(struct switchdev *sd, const struct paper_link *p)
{
	struct link *l = xzalloc(sizeof(*l));

	l->l = (struct rtnl_link){ .ifindex = p->ifindex,
				   .master = p->master,
				   .switch_id = { p->switch_id, 0xfe },
				   .switch_id_len = p->switch_id ? 2 : 0 };
	snprintf(l->l.name, sizeof(l->l.name), "%s", p->name);
	snprintf(l->l.kind, sizeof(l->l.kind), "%s", p->kind);
	snprintf(l->l.port_name, sizeof(l->l.port_name), "%s", p->port_name);
	hmap_insert(&sd->links, &l->node, switchdev_hash(p->ifindex));
}

// Two eSwitches: devlink knows the first (but for its VF 1), the second has ids and names only. A bond over both uplinks.
static struct switchdev *paper_table(void)
{
	static const struct paper_link links[] = {
		{ 1, 9, "up0", "", "p0", 1 },	   { 2, 0, "rep0", "", "pf0vf0", 1 },
		{ 3, 0, "rep1", "", "pf0vf1", 1 }, { 4, 9, "up1", "", "p1", 2 },
		{ 5, 0, "rep2", "", "pf1vf0", 2 }, { 6, 0, "odd", "", "what", 2 },
		{ 7, 8, "veth", "veth", "", 0 },   { 8, 0, "br", "bridge", "", 0 },
		{ 9, 0, "bond", "bond", "", 0 },   { 10, 0, "empty", "bond", "", 0 },
	};
	struct switchdev *sd = xzalloc(sizeof(*sd));

	hmap_init(&sd->links);
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		add_link(sd, &links[i]);
	VEC_PUSH(&sd->ports, ((struct devlink_port){ .handle = "pci/0000:03:00.0",
						     .ifindex = 1,
						     .function = { .role = SWITCHDEV_UPLINK } }));
	VEC_PUSH(&sd->ports, ((struct devlink_port){ .handle = "pci/0000:03:00.0",
						     .ifindex = 2,
						     .flavour = DEVLINK_PORT_FLAVOUR_PCI_VF,
						     .function = { .role = SWITCHDEV_VF } }));
	return sd;
}

static const struct {
	const char *name, *handle; // NULL: not a port of an eSwitch
	enum switchdev_role role;
	int bond;
} table[] = {
	{ "up0", "pci/0000:03:00.0", SWITCHDEV_UPLINK, 9 },
	{ "rep0", "pci/0000:03:00.0", SWITCHDEV_VF, 0 },
	{ "rep1", "pci/0000:03:00.0", SWITCHDEV_VF, 0 },
	{ "up1", "02fe", SWITCHDEV_UPLINK, 9 },
	{ "rep2", "02fe", SWITCHDEV_VF, 0 },
	{ "odd", "02fe", SWITCHDEV_OTHER, 0 },
	{ "veth", NULL, SWITCHDEV_NONE, 0 },
	{ "br", NULL, SWITCHDEV_NONE, 0 },
	{ "bond", "pci/0000:03:00.0", SWITCHDEV_BOND, 0 },
	{ "empty", NULL, SWITCHDEV_NONE, 0 },
	{ "nobody", NULL, SWITCHDEV_NONE, 0 },
};

static const struct {
	const char *text, *name; // NULL: an error
	int error;
} representors[] = {
	{ "pf0vf0", "rep0", 0 },
	{ "pf0vf1", "rep1", 0 },
	{ "pf1vf0", "rep2", 0 },
	{ "vf1", "rep1", 0 },
	{ "vf0", NULL, -ENOTUNIQ },
	{ "0000:03:00.0,vf0", "rep0", 0 },
	{ "pci/0000:03:00.0,pf0vf0", "rep0", 0 },
	{ "02fe,vf0", "rep2", 0 },
	{ "up1,vf0", "rep2", 0 },
	{ "up1,pf0vf0", NULL, -ENODEV },
	{ "c1pf0vf0", NULL, -ENODEV },
	{ "pf0vf9", NULL, -ENODEV },
	{ "p0", NULL, -EINVAL },
	{ ",vf0", NULL, -EINVAL },
	{ "up1,", NULL, -EINVAL },
	{ "", NULL, -EINVAL },
};

START_TEST(ports_belong_to_eswitches)
{
	struct switchdev *sd = paper_table();
	struct switchdev_port p;
	struct error err;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		bool is = switchdev_port_by_name(sd, table[i].name, &p);

		ck_assert_msg(is == !!table[i].handle, "%s", table[i].name);
		if (!is)
			continue;
		ck_assert_str_eq(p.name, table[i].name);
		ck_assert_msg(!strcmp(p.handle, table[i].handle), "%s: %s", p.name, p.handle);
		ck_assert_msg(p.function.role == table[i].role, "%s: %s", p.name,
			      switchdev_role_name(p.function.role));
		ck_assert_int_eq(p.bond, table[i].bond);
	}
	for (size_t i = 0; i < ARRAY_SIZE(representors); i++) {
		const char *text = representors[i].text;
		int error = switchdev_find_representor(sd, text, &p, &err);

		ck_assert_msg(error == representors[i].error, "%s: %d", text, error);
		ck_assert_msg(error || !strcmp(p.name, representors[i].name), "%s: %s", text,
			      p.name);
	}
	switchdev_close(sd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("offload/switchdev");
	TCase *t = tcase_create("switchdev");

	tcase_add_loop_test(t, ports_are_what_their_flavour_says, 0, ARRAY_SIZE(port_cases));
	tcase_add_test(t, eswitches_say_how_they_are_set_up);
	tcase_add_loop_test(t, what_is_malformed_is_named, 0, ARRAY_SIZE(bad));
	tcase_add_test(t, a_cut_message_is_refused_at_every_length);
	tcase_add_test(t, a_handle_that_is_too_long_is_refused);
	tcase_add_loop_test(t, features_are_found_by_name, 0, ARRAY_SIZE(features));
	tcase_add_loop_test(t, names_of_ports_are_understood, 0, ARRAY_SIZE(names));
	tcase_add_test(t, ports_belong_to_eswitches);
	suite_add_tcase(s, t);
	return suite_run(s);
}
