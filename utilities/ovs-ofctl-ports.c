// SPDX-License-Identifier: Apache-2.0
// Names of a switch's ports and tables.
#include "core/base/vec.h"
#include "ofproto/openflow/table-features.h"
#include "utilities/ovs-ofctl.h"

struct ofctl_ports {
	struct ofp_client *client;
	VEC(struct port_desc) list;
	char *tables[255]; // NULL: has no name, or one that another has too
	bool tables_loaded;
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

// ---- Tables ----

static void add_table(struct ofctl_ports *p, uint8_t table, const char *name)
{
	if (!*name || table == 255)
		return;
	free(p->tables[table]);
	p->tables[table] = xstrdup(name);
}

static void add_features(const struct table_features *tf, void *aux)
{
	add_table(aux, tf->table, tf->name);
}

static void add_stats(struct msg *part, void *aux)
{
	struct table_stats ts;
	int more;

	while ((more = table_stats_decode_next(part, &ts)) > 0)
		add_features(&ts.can, aux);
	if (more < 0)
		fatal(0, "malformed reply to a request for table statistics");
}

// A name that several have says nothing.
static void forget_ambiguous(struct ofctl_ports *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(p->tables); i++) {
		bool ambiguous = false;

		for (size_t j = i + 1; p->tables[i] && j < ARRAY_SIZE(p->tables); j++)
			if (p->tables[j] && !strcmp(p->tables[i], p->tables[j])) {
				free(p->tables[j]);
				p->tables[j] = NULL;
				ambiguous = true;
			}
		if (ambiguous) {
			free(p->tables[i]);
			p->tables[i] = NULL;
		}
	}
}

void ofctl_tables_load(struct ofctl_ports *p)
{
	uint8_t version = ofp_client_version(p->client);
	AUTO(strbuf) b = STRBUF_INIT;

	if (p->tables_loaded)
		return;
	p->tables_loaded = true;
	if (version >= OFP13) {
		ofctl_for_each_table_features(p->client, add_features, p);
	} else {
		msg_put_plain(MSG_TABLE_REQUEST, version, ofp_client_xid(p->client), &b);
		ofp_client_multipart(p->client, &b, add_stats, p);
	}
	forget_ambiguous(p);
}

static bool table_by_name(const char *name, uint8_t *ret, void *aux)
{
	struct ofctl_ports *p = aux;

	ofctl_tables_load(p);
	for (size_t i = 0; i < ARRAY_SIZE(p->tables); i++)
		if (p->tables[i] && !strcmp(p->tables[i], name)) {
			*ret = i;
			return true;
		}
	return false;
}

static const char *table_by_number(uint8_t table, void *aux)
{
	const struct ofctl_ports *p = aux;

	return table < ARRAY_SIZE(p->tables) ? p->tables[table] : NULL;
}

// ---- Both ----

static void add_part(struct msg *part, void *aux)
{
	struct ofctl_ports *p = aux;
	struct port_desc pd;

	while (port_desc_decode_next(part, &pd) > 0)
		VEC_PUSH(&p->list, pd);
}

static struct ofctl_ports *create(struct ofp_client *c)
{
	struct ofctl_ports *p = xzalloc(sizeof(*p));

	p->client = c;
	p->names = (struct port_names){ by_name, by_number, p, table_by_name, table_by_number };
	return p;
}

struct ofctl_ports *ofctl_ports_for_tables(struct ofp_client *c)
{
	struct ofctl_ports *p = create(c);

	if (!ofctl.no_names)
		ofctl_tables_load(p);
	return p;
}

struct ofctl_ports *ofctl_ports_load(struct ofp_client *c)
{
	struct ofctl_ports *p = create(c);
	AUTO(strbuf) b = STRBUF_INIT;

	if (ofctl.names)
		ofctl_tables_load(p);
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
	for (size_t i = 0; i < ARRAY_SIZE(p->tables); i++)
		free(p->tables[i]);
	free(p);
}

const struct port_names *ofctl_port_parser(const struct ofctl_ports *p)
{
	return p && !ofctl.no_names ? &p->names : NULL;
}

const struct port_names *ofctl_port_printer(const struct ofctl_ports *p)
{
	return p && ofctl.names ? &p->names : NULL;
}
