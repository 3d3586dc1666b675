// SPDX-License-Identifier: Apache-2.0
// An example of liboesovsdb: lists, follows, adds and deletes bridges in the database of a switch.
//
//	bridges REMOTE list           their names, ports and external_ids
//	bridges REMOTE watch COUNT    tells of COUNT changes, then ends
//	bridges REMOTE add NAME       does nothing when it is there
//	bridges REMOTE del NAME
#include <stdio.h>

#include "core/base/log.h"

#include "vswitch-idl.h"

static const struct ovsrec_bridge *find_bridge(struct idl *idl, const char *name)
{
	const struct ovsrec_bridge *br;

	OVSREC_BRIDGE_FOR_EACH(br, idl)
	if (!strcmp(br->name, name))
		return br;
	return NULL;
}

// ---- list ----

static void list(struct idl *idl)
{
	static const struct idl_index_column by_name = { .name = "name" };
	struct idl_index *ix = ovsrec_bridge_index_create(idl, &by_name, 1);
	const struct ovsrec_bridge *br;
	struct smap_node *node;

	OVSREC_BRIDGE_FOR_EACH_INDEXED(br, ix)
	{
		printf("%s:", br->name);
		for (size_t i = 0; i < br->n_ports; i++)
			printf(" %s", br->ports[i]->name);
		SMAP_FOR_EACH (node, &br->external_ids)
			printf(" %s=%s", node->key, node->value);
		printf("\n");
	}
}

// ---- watch ----

struct watch {
	struct idl *idl;
	struct loop *loop;
	unsigned int left;
};

// Called from the loop after each change of the replica.
static void tell_changes(void *w_)
{
	struct watch *w = w_;
	const struct ovsrec_bridge *br;

	OVSREC_BRIDGE_FOR_EACH_TRACKED(br, w->idl)
	{
		if (!w->left)
			break;
		printf("%s %s (%zu ports)\n",
		       ovsrec_bridge_track_is_deleted(br) ? "-"
		       : ovsrec_bridge_track_is_new(br)	  ? "+"
							  : "*",
		       br->name, br->n_ports);
		w->left--;
	}
	fflush(stdout);
	idl_track_clear(w->idl);
	if (!w->left)
		loop_stop(w->loop);
}

// ---- add and delete ----

static void add(struct idl *idl, struct idl_txn *txn, const char *name)
{
	const struct ovsrec_open_vswitch *ovs = ovsrec_open_vswitch_first(idl);
	struct ovsrec_interface *iface;
	struct ovsrec_port *port;
	struct ovsrec_bridge *br;

	if (find_bridge(idl, name))
		return;
	if (!ovs)
		ovs = ovsrec_open_vswitch_insert(txn);
	iface = ovsrec_interface_insert(txn);
	ovsrec_interface_set_name(iface, name);
	ovsrec_interface_set_type(iface, "internal");
	port = ovsrec_port_insert(txn);
	ovsrec_port_set_name(port, name);
	ovsrec_port_set_interfaces(port, &iface, 1);
	br = ovsrec_bridge_insert(txn);
	ovsrec_bridge_set_name(br, name);
	ovsrec_bridge_set_ports(br, &port, 1);
	// One element more, whatever others add at the same time.
	ovsrec_open_vswitch_update_bridges_addvalue(ovs, br);
}

static void del(struct idl *idl, struct idl_txn *txn, const char *name)
{
	const struct ovsrec_bridge *br = find_bridge(idl, name);

	if (br)
		ovsrec_open_vswitch_update_bridges_delvalue(ovsrec_open_vswitch_first(idl), br);
}

static int change(struct idl *idl, struct loop *loop, const char *name,
		  void (*build)(struct idl *idl, struct idl_txn *txn, const char *name))
{
	for (;;) {
		uint64_t seqno = idl_seqno(idl);
		struct idl_txn *txn = idl_txn_create(idl);
		enum idl_status status;

		build(idl, txn, name);
		idl_txn_comment(txn, "bridges: %s", name);
		status = idl_txn_commit_block(txn);
		if (status != IDL_TRY_AGAIN) {
			if (status != IDL_SUCCESS && status != IDL_UNCHANGED)
				fprintf(stderr, "bridges: %s\n", idl_txn_error(txn));
			idl_txn_destroy(txn);
			return status != IDL_SUCCESS && status != IDL_UNCHANGED;
		}
		// Somebody else was faster, or the server went: once more with what is true then.
		idl_txn_destroy(txn);
		while (idl_seqno(idl) == seqno && !idl_is_dead(idl))
			loop_step(loop, -1);
		if (idl_is_dead(idl)) {
			fprintf(stderr, "bridges: %s\n", idl_last_error(idl));
			return 1;
		}
	}
}

// ---- All of it ----

static int run(struct idl *idl, struct loop *loop, char *argv[])
{
	struct watch w = { .idl = idl, .loop = loop };

	if (!strcmp(argv[2], "list")) {
		list(idl);
	} else if (!strcmp(argv[2], "add") && argv[3]) {
		return change(idl, loop, argv[3], add);
	} else if (!strcmp(argv[2], "del") && argv[3]) {
		return change(idl, loop, argv[3], del);
	} else if (!strcmp(argv[2], "watch") && argv[3] && parse_u32(argv[3], 10, &w.left)) {
		idl_on_change(idl, tell_changes, &w);
		tell_changes(&w);
		if (w.left)
			loop_run(loop);
	} else {
		fprintf(stderr, "bridges: %s: unknown command, or without its argument\n", argv[2]);
		return 1;
	}
	return 0;
}

int main(int argc, char *argv[])
{
	struct loop *loop;
	struct idl *idl;
	int status = 1;

	program_init(argv[0]);
	log_set("syslog:off", NULL);
	log_set("console:warn", NULL);
	if (argc < 3) {
		fprintf(stderr, "usage: bridges REMOTE list | watch COUNT | add NAME | del NAME\n");
		return 1;
	}
	loop = loop_create();
	idl = idl_create(loop, argv[1], &ovsrec_class, false);
	ovsrec_open_vswitch_add_column(idl, OVSREC_OPEN_VSWITCH_COL_BRIDGES, IDL_ALERT);
	ovsrec_bridge_add_column(idl, OVSREC_BRIDGE_COL_NAME, IDL_ALERT | IDL_TRACK);
	ovsrec_bridge_add_column(idl, OVSREC_BRIDGE_COL_PORTS, IDL_ALERT | IDL_TRACK);
	ovsrec_bridge_add_column(idl, OVSREC_BRIDGE_COL_EXTERNAL_IDS, IDL_ALERT | IDL_TRACK);
	// Tracked, so that a bridge that went still shows them.
	ovsrec_port_add_column(idl, OVSREC_PORT_COL_NAME, IDL_ALERT | IDL_TRACK);
	idl_start(idl);
	while (!idl_has_content(idl) && !idl_is_dead(idl))
		loop_step(loop, -1);
	if (idl_has_content(idl))
		status = run(idl, loop, argv);
	else
		fprintf(stderr, "bridges: %s\n", idl_last_error(idl));
	idl_destroy(idl);
	loop_destroy(loop);
	return status;
}
