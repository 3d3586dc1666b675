// SPDX-License-Identifier: Apache-2.0
// Names of a switch's ports.
#include "core/base/vec.h"
#include "utilities/ovs-ofctl.h"

struct ofctl_ports {
	VEC(struct port_desc) list;
	struct port_names names;
};

static bool by_name(const char *name, of_port_t *ret, void *aux)
{
	const struct port_desc *pd = ofctl_port_find(aux, name);

	if (pd)
		*ret = pd->port;
	return pd;
}

static const char *by_number(of_port_t port, void *aux)
{
	struct ofctl_ports *p = aux;
	struct port_desc *pd;

	VEC_FOR_EACH (pd, &p->list)
		if (of_port_equal(pd->port, port))
			return pd->name;
	return NULL;
}

const struct port_desc *ofctl_port_find(const struct ofctl_ports *p, const char *name)
{
	const struct port_desc *pd;

	VEC_FOR_EACH (pd, &p->list)
		if (!strcmp(pd->name, name))
			return pd;
	return NULL;
}

static void add_part(struct msg *part, void *aux)
{
	struct ofctl_ports *p = aux;
	struct port_desc pd;

	while (port_desc_decode_next(part, &pd) > 0)
		VEC_PUSH(&p->list, pd);
}

struct ofctl_ports *ofctl_ports_load(struct ofp_client *c)
{
	struct ofctl_ports *p = xzalloc(sizeof(*p));
	AUTO(strbuf) b = STRBUF_INIT;

	p->names = (struct port_names){ by_name, by_number, p };
	port_desc_request_encode(OF_PORT(OFPP_ANY), ofp_client_version(c), ofp_client_xid(c), &b);
	ofp_client_multipart(c, &b, add_part, p);
	return p;
}

size_t ofctl_ports_list(const struct ofctl_ports *p, const struct port_desc **ret)
{
	*ret = p->list.v;
	return p->list.n;
}

void ofctl_ports_free(struct ofctl_ports *p)
{
	if (!p)
		return;
	VEC_FREE(&p->list);
	free(p);
}

const struct port_names *ofctl_port_parser(const struct ofctl_ports *p)
{
	return p ? &p->names : NULL;
}

const struct port_names *ofctl_port_printer(const struct ofctl_ports *p)
{
	return p && ofctl.names ? &p->names : NULL;
}
