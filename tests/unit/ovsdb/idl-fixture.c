// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/ovsdb/idl-fixture.h"

#include <stdio.h>
#include <unistd.h>

#include "core/base/log.h"
#include "ovsdb/remote.h"

struct loop *loop;
char *server_name;
static char dir[] = "/tmp/test-idl.XXXXXX";
static char *path, *lock_path, *passive;
static struct server *server;
static struct remotes *remotes;
static unsigned int changes;

void start_server(void)
{
	struct error err = ERROR_INIT;

	server = server_create(loop, true);
	ck_assert_msg(!server_add_db(server, path, &err), "%s", err.text);
	remotes = remotes_create(server);
	remotes_add(remotes, passive, NULL);
	ck_assert_msg(!remotes_reconfigure(remotes, &err), "%s", err.text);
}

void stop_server(void)
{
	remotes_destroy(remotes);
	server_destroy(server);
}

static void setup(void)
{
	struct ovsdb_error oe = OVSDB_ERROR_INIT;
	struct error err = ERROR_INIT;
	struct ovsdb_schema *schema;
	struct json_span text = { ovsrec_class.schema, strlen(ovsrec_class.schema) };

	remove(path);
	ck_assert(!ovsdb_schema_read(&schema, text, &oe));
	ck_assert_msg(!store_create_file(path, schema, &err), "%s", err.text);
	ovsdb_schema_destroy(schema);
	loop = loop_create();
	start_server();
}

static void teardown(void)
{
	stop_server();
	loop_destroy(loop);
}

static void on_change(void *aux)
{
	changes++;
}

unsigned int count_changes(void)
{
	return changes;
}

struct idl *create_idl(void)
{
	struct idl *idl = idl_create(loop, server_name, &ovsrec_class, true);

	idl_on_change(idl, on_change, NULL);
	return idl;
}

void start_idl(struct idl *idl)
{
	idl_start(idl);
	STEP_UNTIL(idl_has_content(idl));
}

struct idl *open_idl(unsigned int flags)
{
	struct idl *idl = create_idl();

	idl_add_all_as(idl, flags);
	start_idl(idl);
	return idl;
}

void commit(struct idl_txn *txn, enum idl_status want)
{
	enum idl_status status = idl_txn_commit_block(txn);

	ck_assert_msg(status == want, "%s: %s", idl_status_name(status), idl_txn_error(txn));
	idl_txn_destroy(txn);
}

void add_bridge(struct idl *idl, const char *name)
{
	struct idl_txn *txn = idl_txn_create(idl);
	const struct ovsrec_open_vswitch *ovs = ovsrec_open_vswitch_first(idl);
	struct ovsrec_interface *iface = ovsrec_interface_insert(txn);
	struct ovsrec_port *port = ovsrec_port_insert(txn);
	struct ovsrec_bridge *br = ovsrec_bridge_insert(txn);

	if (!ovs)
		ovs = ovsrec_open_vswitch_insert(txn);
	ovsrec_interface_set_name(iface, name);
	ovsrec_port_set_name(port, name);
	ovsrec_port_set_interfaces(port, &iface, 1);
	ovsrec_bridge_set_name(br, name);
	ovsrec_bridge_set_ports(br, &port, 1);
	// Changes are seen at once.
	ck_assert(br->n_ports == 1 && br->ports[0] == port && port->interfaces[0] == iface);
	ovsrec_open_vswitch_update_bridges_addvalue(ovs, br);
	commit(txn, IDL_SUCCESS);
}

const struct ovsrec_bridge *find_bridge(const struct idl *idl, const char *name)
{
	const struct ovsrec_bridge *br;

	OVSREC_BRIDGE_FOR_EACH(br, idl)
	if (!strcmp(br->name, name))
		return br;
	return NULL;
}

void open_writers(struct idl **a, const struct ovsrec_bridge **in_a, struct idl **b,
		  const struct ovsrec_bridge **in_b)
{
	*a = open_idl(IDL_ALERT);
	*b = open_idl(IDL_ALERT);
	add_bridge(*a, "br0");
	STEP_UNTIL(find_bridge(*b, "br0"));
	*in_a = find_bridge(*a, "br0");
	*in_b = find_bridge(*b, "br0");
}

void remove_bridge(struct idl *idl, const char *name)
{
	struct idl_txn *txn = idl_txn_create(idl);

	ovsrec_open_vswitch_update_bridges_delvalue(ovsrec_open_vswitch_first(idl),
						    find_bridge(idl, name));
	commit(txn, IDL_SUCCESS);
}

int idl_suite(const char *name, const idl_test *tests, size_t n)
{
	Suite *s = suite_create(name);
	TCase *t = tcase_create(name);
	int failed;

	program_init(name);
	log_set("console:emer", NULL);
	if (!mkdtemp(dir))
		return 1;
	path = xasprintf("%s/t.db", dir);
	lock_path = xasprintf("%s/.t.db.~lock~", dir);
	server_name = xasprintf("unix:%s/s", dir);
	passive = xasprintf("punix:%s/s", dir);
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	for (size_t i = 0; i < n; i++)
		tcase_add_test(t, tests[i]);
	suite_add_tcase(s, t);
	failed = suite_run(s);
	remove(path);
	remove(lock_path);
	remove(server_name + strlen("unix:"));
	remove(dir);
	return failed;
}
