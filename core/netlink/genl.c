// SPDX-License-Identifier: Apache-2.0
#include "core/netlink/genl.h"

static const struct nl_policy family_policy[CTRL_ATTR_MAX + 1] = {
	[CTRL_ATTR_FAMILY_ID] = { .type = MNL_TYPE_U16, .required = true },
	[CTRL_ATTR_VERSION] = { .type = MNL_TYPE_U32 },
	[CTRL_ATTR_MCAST_GROUPS] = { .type = MNL_TYPE_UNSPEC },
};

static const struct nl_policy group_policy[CTRL_ATTR_MCAST_GRP_MAX + 1] = {
	[CTRL_ATTR_MCAST_GRP_NAME] = { .type = MNL_TYPE_NUL_STRING, .required = true },
	[CTRL_ATTR_MCAST_GRP_ID] = { .type = MNL_TYPE_U32, .required = true },
};

static int decode_groups(const struct nlattr *nest, struct genl_family *f, struct error *err)
{
	const struct nlattr *a, *attrs[ARRAY_SIZE(group_policy)];

	mnl_attr_for_each_nested(a, nest)
	{
		if (f->n_groups == ARRAY_SIZE(f->groups))
			break;
		int error = nl_parse_nested(a, group_policy, ARRAY_SIZE(group_policy), attrs,
					    "multicast group", err);
		if (error)
			return error;
		snprintf(f->groups[f->n_groups].name, GENL_NAMSIZ, "%s",
			 nl_str(attrs[CTRL_ATTR_MCAST_GRP_NAME]));
		f->groups[f->n_groups++].id = nl_u32(attrs[CTRL_ATTR_MCAST_GRP_ID]);
	}
	return 0;
}

int genl_find(struct nl_sock *s, const char *name, struct genl_family *ret, struct error *err)
{
	static const struct genl_family controller = { .id = GENL_ID_CTRL, .version = 1 };
	const struct nlattr *attrs[ARRAY_SIZE(family_policy)];
	AUTO(strbuf) req = STRBUF_INIT, reply = STRBUF_INIT;
	struct genl_family f = { 0 };
	int error;

	size_t m = genl_begin(&req, &controller, CTRL_CMD_GETFAMILY, 0);
	nl_put_str(&req, CTRL_ATTR_FAMILY_NAME, name);
	nl_msg_end(&req, m);
	error = nl_transact(s, &req, &reply, err);
	if (error)
		return error == -ENOENT
			       ? error_set(err, error,
					   "the kernel has no generic netlink family %s", name)
			       : error_wrap(err, "generic netlink family %s", name);
	if (!reply.len)
		return error_set(err, -EPROTO, "generic netlink family %s: no answer", name);
	error = nl_parse_msg((const struct nlmsghdr *)reply.s, GENL_HDRLEN, family_policy,
			     ARRAY_SIZE(family_policy), attrs, name, err);
	if (error)
		return error;
	f.id = nl_u16(attrs[CTRL_ATTR_FAMILY_ID]);
	f.version = nl_u32(attrs[CTRL_ATTR_VERSION]);
	if (attrs[CTRL_ATTR_MCAST_GROUPS]) {
		error = decode_groups(attrs[CTRL_ATTR_MCAST_GROUPS], &f, err);
		if (error)
			return error;
	}
	*ret = f;
	return 0;
}

uint32_t genl_group(const struct genl_family *f, const char *name)
{
	for (size_t i = 0; i < f->n_groups; i++)
		if (!strcmp(f->groups[i].name, name))
			return f->groups[i].id;
	return 0;
}

size_t genl_begin(struct strbuf *b, const struct genl_family *f, uint8_t cmd, uint16_t flags)
{
	size_t m = nl_msg_begin(b, f->id, flags);
	struct genlmsghdr *g = nl_put_header(b, GENL_HDRLEN);

	g->cmd = cmd;
	g->version = f->version;
	return m;
}

int genl_cmd(const struct nlmsghdr *h)
{
	if (h->nlmsg_len < sizeof(*h) || mnl_nlmsg_get_payload_len(h) < GENL_HDRLEN)
		return -1;
	return ((const struct genlmsghdr *)mnl_nlmsg_get_payload(h))->cmd;
}
