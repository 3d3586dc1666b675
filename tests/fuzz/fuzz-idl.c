// SPDX-License-Identifier: Apache-2.0
// What a server tells a client's replica: a line each, whose first letter says what the rest is: 1 and 2 an update of either version, r and R
// content anew, s the row in _Server; c looks at what has changed and clears it. Then all that is there is read.
#include <stdint.h>
#include <stdio.h>

#include "core/base/log.h"
#include "ovsdb/idl-private.h"
#include "ovsdb/vswitch-idl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct idl *idl;
static struct idl_index *by_name;

static struct idl *fuzz_idl(void)
{
	static const struct idl_index_column columns[] = {
		{ .name = "type" },
		{ .name = "external_ids", .descending = true },
	};

	log_set("syslog:off", NULL);
	log_set("console:off", NULL);
	idl = idl_create(loop_create(), "unix:none", &ovsrec_class, true);
	idl_add_all_as(idl, IDL_ALERT | IDL_TRACK);
	by_name = ovsrec_interface_index_create(idl, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < idl->schema->n_tables; i++) {
		struct idl_table *t = &idl->tables[i];

		t->server_has = true;
		for (size_t j = OVSDB_COL_FIRST; j < t->schema->n_columns; j++)
			t->server_has_column[j] = true;
	}
	return idl;
}

// Pointers lead to rows, and strings are there.
static size_t read_port(const struct ovsrec_port *port)
{
	size_t n = strlen(port->name);

	for (size_t i = 0; i < port->n_interfaces; i++)
		n += strlen(port->interfaces[i]->name) + strlen(port->interfaces[i]->type);
	return n + (port->qos ? strlen(port->qos->type) : 0);
}

static size_t read_bridge(const struct ovsrec_bridge *br)
{
	struct smap_node *node;
	size_t n = strlen(br->name);

	for (size_t i = 0; i < br->n_ports; i++)
		n += read_port(br->ports[i]);
	for (size_t i = 0; i < br->n_flow_tables; i++)
		n += br->key_flow_tables[i] + br->value_flow_tables[i]->row.uuid.parts[0];
	SMAP_FOR_EACH (node, &br->external_ids)
		n += strlen(node->key) + strlen(node->value);
	return n;
}

static size_t read_all(void)
{
	const struct ovsrec_open_vswitch *ovs;
	const struct ovsrec_interface *iface;
	const struct ovsrec_bridge *br;
	const struct ovsrec_port *port;
	size_t n = 0, indexed = 0;

	OVSREC_OPEN_VSWITCH_FOR_EACH(ovs, idl)
	for (size_t i = 0; i < ovs->n_bridges; i++)
		n += read_bridge(ovs->bridges[i]);
	OVSREC_BRIDGE_FOR_EACH(br, idl)
	n += read_bridge(br);
	OVSREC_BRIDGE_FOR_EACH_TRACKED(br, idl)
	n += read_bridge(br);
	OVSREC_PORT_FOR_EACH_TRACKED(port, idl)
	n += read_port(port);
	OVSREC_INTERFACE_FOR_EACH_INDEXED(iface, by_name)
	indexed++;
	assert(indexed == idl_table_count(idl_table(idl, "Interface")));
	return n;
}

static void take_line(char kind, struct json_span text)
{
	switch (kind) {
	case '1':
	case '2':
		idl_update(idl, text, kind == '2');
		break;
	case 'r':
	case 'R':
		idl_replace(idl, text, kind == 'R');
		break;
	case 's':
		idl_server_update(idl, text);
		free(idl_server_unfit(idl));
		break;
	case 'c':
		idl_track_clear(idl);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data, *end = p + size, *newline;
	volatile size_t sink;

	if (!idl)
		fuzz_idl();
	for (; p < end; p = newline + 1) {
		newline = memchr(p, '\n', end - p);
		if (!newline)
			newline = end;
		if (newline > p) {
			// A copy of its own, so that reading behind its end is seen.
			AUTO_FREE char *text = xmemdup(p + 1, newline - p - 1);

			take_line(*p, (struct json_span){ text, newline - p - 1 });
		}
		sink = read_all();
	}
	(void)sink;
	idl_clear(idl);
	idl_server_forget(idl);
	idl->min_index = 0;
	return 0;
}
