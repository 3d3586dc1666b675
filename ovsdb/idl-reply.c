// SPDX-License-Identifier: Apache-2.0
// What the server answers to a replica's transaction.
#include "core/base/counters.h"
#include "ovsdb/idl-txn-private.h"

void idl_txn_become(struct idl_txn *txn, enum idl_status status)
{
	static const enum counter counters[] = {
		[IDL_UNCHANGED] = COUNTER_TXN_UNCHANGED, [IDL_INCOMPLETE] = COUNTER_TXN_INCOMPLETE,
		[IDL_ABORTED] = COUNTER_TXN_ABORTED,	 [IDL_SUCCESS] = COUNTER_TXN_SUCCESS,
		[IDL_TRY_AGAIN] = COUNTER_TXN_TRY_AGAIN, [IDL_NOT_LOCKED] = COUNTER_TXN_NOT_LOCKED,
		[IDL_ERROR] = COUNTER_TXN_ERROR,
	};

	txn->status = status;
	counter_inc(counters[status]);
}

static void complete(struct idl_txn *txn, enum idl_status status)
{
	list_remove(&txn->node);
	idl_txn_become(txn, status);
	if (txn->done)
		txn->done(txn, txn->aux);
}

static enum idl_status error_status(const struct idl_txn *txn, const char *tag)
{
	// A cluster that changes its leader, or is without, leaves it open whether the transaction was committed.
	if (!strcmp(tag, "timed out") || !strcmp(tag, "cluster error") ||
	    !strcmp(tag, "not leader"))
		return IDL_TRY_AGAIN;
	if (!strcmp(tag, "not owner"))
		return IDL_NOT_LOCKED;
	if (!strcmp(tag, "aborted"))
		return txn->dry_run ? IDL_SUCCESS : IDL_ABORTED;
	return IDL_ERROR;
}

// The "error" member of one result, or NULL.
static char *result_error(struct json_span s)
{
	struct json_reader r;
	char *tag = NULL;
	const char *key;
	size_t len;

	if (!s.n || *s.p != '{')
		return NULL;
	json_reader_init_span(&r, s);
	json_object(&r);
	while (json_member(&r, &key, &len)) {
		if (!tag && json_key_is(key, len, "error") && json_peek(&r) == JSON_STRING)
			tag = json_string_dup(&r);
		else
			json_skip(&r);
	}
	json_reader_uninit(&r);
	return tag;
}

// {"uuid":["uuid","..."]}
static void read_inserted(struct inserted *in, struct json_span s)
{
	struct ovsdb_base_type b;
	struct ovsdb_error err;
	struct json_reader r;
	union ovsdb_atom a;
	const char *key;
	size_t len;

	ovsdb_base_type_init(&b, OVSDB_UUID);
	json_reader_init_span(&r, s);
	json_object(&r);
	while (json_member(&r, &key, &len)) {
		if (!json_key_is(key, len, "uuid"))
			json_skip(&r);
		else if (!ovsdb_atom_read(&a, &b, &r, NULL, &err))
			in->real = a.uuid;
	}
	json_reader_uninit(&r);
}

// {"rows":[{"next_cfg":5}]}: the one integer in it.
static int64_t read_increment(struct json_span s)
{
	struct json_reader r;
	const char *key;
	int64_t v = 0;
	size_t len;

	json_reader_init_span(&r, s);
	json_object(&r);
	while (json_member(&r, &key, &len)) {
		json_array(&r);
		while (json_element(&r)) {
			json_object(&r);
			while (json_member(&r, &key, &len))
				v = json_integer(&r);
		}
	}
	json_reader_uninit(&r);
	return v;
}

static void read_result(struct idl_txn *txn, size_t index, struct json_span s)
{
	struct inserted *in;

	VEC_FOR_EACH (in, &txn->inserted)
		if (in->result == index)
			read_inserted(in, s);
	if (txn->increment && txn->increment->result == index)
		txn->increment_value = read_increment(s);
}

static enum idl_status read_results(struct idl_txn *txn, struct json_span results)
{
	enum idl_status status = IDL_SUCCESS;
	struct json_reader r;
	size_t i = 0;

	json_reader_init_span(&r, results);
	json_array(&r);
	while (json_element(&r)) {
		struct json_span s = json_skip(&r);
		AUTO_FREE char *tag = result_error(s);

		if (tag && status == IDL_SUCCESS) {
			status = error_status(txn, tag);
			if (status != IDL_SUCCESS)
				txn->error = xstrndup(s.p, s.n);
		} else if (!tag) {
			read_result(txn, i, s);
		}
		i++;
	}
	if (json_failed(&r)) {
		status = IDL_ERROR;
		txn->error = xasprintf("the answer cannot be read: %s", r.err.text);
	}
	json_reader_uninit(&r);
	return status;
}

void idl_txn_reply(struct idl *idl, const struct jsonrpc_message *m)
{
	struct idl_txn *txn, *next;
	uint64_t id;
	AUTO_FREE char *text = xstrndup(m->id.p, m->id.n);

	if (!parse_u64(text, 10, &id))
		return;
	LIST_FOR_EACH_SAFE (txn, next, node, &idl->outstanding) {
		if (txn->id != id)
			continue;
		if (m->type == JSONRPC_REPLY) {
			complete(txn, read_results(txn, m->result));
		} else {
			txn->error = xstrndup(m->error.p, m->error.n);
			complete(txn, IDL_ERROR);
		}
		return;
	}
}

void idl_txn_disconnected(struct idl *idl)
{
	while (!list_is_empty(&idl->outstanding))
		complete(LIST_ENTRY(idl->outstanding.next, struct idl_txn, node), IDL_TRY_AGAIN);
}
