// SPDX-License-Identifier: Apache-2.0
// A replica's lock.
#include "ovsdb/idl-private.h"

static uint64_t send_request(struct idl *idl, const char *method)
{
	AUTO(strbuf) params = STRBUF_INIT;

	strbuf_putc(&params, '[');
	json_put_string(&params, idl->lock, strlen(idl->lock));
	strbuf_putc(&params, ']');
	return idl_send_request(idl, method, &params);
}

void idl_send_lock(struct idl *idl)
{
	if (idl->lock && !idl->lock_id && !idl->has_lock && !idl->lock_contended)
		idl->lock_id = send_request(idl, "lock");
}

static void set_has_lock(struct idl *idl, bool has)
{
	if (has != idl->has_lock)
		idl->changed = true;
	idl->has_lock = has;
	idl->lock_contended = !has;
}

// {"locked": BOOLEAN}
void idl_lock_reply(struct idl *idl, const struct jsonrpc_message *m)
{
	struct json_reader r;
	bool locked = false;
	const char *key;
	size_t len;

	if (m->type != JSONRPC_REPLY)
		return;
	json_reader_init_span(&r, m->result);
	json_object(&r);
	while (json_member(&r, &key, &len)) {
		if (json_key_is(key, len, "locked"))
			locked = json_bool(&r);
		else
			json_skip(&r);
	}
	json_reader_uninit(&r);
	set_has_lock(idl, locked);
}

void idl_lock_notification(struct idl *idl, const struct jsonrpc_message *m, bool locked)
{
	struct json_reader r;
	AUTO_FREE char *name = NULL;

	json_reader_init_span(&r, m->params);
	json_array(&r);
	if (json_element(&r))
		name = json_string_dup(&r);
	json_reader_uninit(&r);
	if (name && idl->lock && !strcmp(name, idl->lock))
		set_has_lock(idl, locked);
}

void idl_set_lock(struct idl *idl, const char *name)
{
	bool ready = idl->state >= IDL_MONITOR_ASKED;

	if (idl->lock && name && !strcmp(idl->lock, name))
		return;
	if (ready && idl->lock)
		send_request(idl, "unlock");
	free(idl->lock);
	idl->lock = name ? xstrdup(name) : NULL;
	idl->lock_id = 0;
	idl->has_lock = idl->lock_contended = false;
	if (ready)
		idl_send_lock(idl);
}

bool idl_has_lock(const struct idl *idl)
{
	return idl->has_lock;
}

bool idl_is_lock_contended(const struct idl *idl)
{
	return idl->lock_contended;
}
