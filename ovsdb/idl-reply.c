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
static bool read_inserted(struct inserted *in, struct json_span s)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct ovsdb_base_type b;
	bool found = false, ok;
	struct json_reader r;
	union ovsdb_atom a;
	const char *key;
	size_t len;

	ovsdb_base_type_init(&b, OVSDB_UUID);
	json_reader_init_span(&r, s);
	json_object(&r);
	while (json_member(&r, &key, &len)) {
		if (!json_key_is(key, len, "uuid")) {
			json_skip(&r);
		} else if (!ovsdb_atom_read(&a, &b, &r, NULL, &err)) {
			in->real = a.uuid;
			found = true;
		}
	}
	ok = found && !json_failed(&r);
	json_reader_uninit(&r);
	return ok;
}

// {"rows":[{"next_cfg":5}]}: one row, one integer.
static bool read_increment(const char *column, struct json_span s, int64_t *ret)
{
	struct json_reader r;
	const char *key;
	size_t n = 0;
	size_t len;
	bool ok;

	json_reader_init_span(&r, s);
	json_object(&r);
	while (json_member(&r, &key, &len)) {
		if (!json_key_is(key, len, "rows"))
			json_fail(&r, "unknown member");
		json_array(&r);
		while (json_element(&r)) {
			json_object(&r);
			while (json_member(&r, &key, &len)) {
				if (!json_key_is(key, len, column))
					json_fail(&r, "unknown column");
				*ret = json_integer(&r);
				n++;
			}
		}
	}
	ok = n == 1 && !json_failed(&r);
	json_reader_uninit(&r);
	return ok;
}

// What the transaction wants to know of one result. False when it is not there.
static bool read_result(struct idl_txn *txn, size_t index, struct json_span s)
{
	struct inserted *in;

	VEC_FOR_EACH (in, &txn->inserted)
		if (in->result == index && !read_inserted(in, s))
			return false;
	return !txn->increment || txn->increment->result != index ||
	       read_increment(txn->increment->column, s, &txn->increment_value);
}

// Are there as many results as it wants to look at?
static bool are_enough(const struct idl_txn *txn, size_t n)
{
	const struct inserted *in;

	VEC_FOR_EACH (in, &txn->inserted)
		if (in->result >= n)
			return false;
	return !txn->increment || txn->increment->result < n || txn->increment->result == SIZE_MAX;
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

		if (status == IDL_SUCCESS && tag) {
			status = error_status(txn, tag);
			if (status != IDL_SUCCESS)
				txn->error = xstrndup(s.p, s.n);
		} else if (status == IDL_SUCCESS && !read_result(txn, i, s)) {
			status = IDL_ERROR;
			txn->error = xasprintf("the answer cannot be read: result %zu: %.*s", i + 1,
					       (int)MIN(s.n, (size_t)100), s.p);
		}
		i++;
	}
	if (json_failed(&r) && !txn->error) {
		status = IDL_ERROR;
		txn->error = xasprintf("the answer cannot be read: %s", r.err.text);
	} else if (status == IDL_SUCCESS && !are_enough(txn, i)) {
		status = IDL_ERROR;
		txn->error = xasprintf("the answer cannot be read: only %zu results", i);
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
