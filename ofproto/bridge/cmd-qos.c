// SPDX-License-Identifier: Apache-2.0
// qos/*: the disciplines and queues of ports as their users know them.
#include <stdio.h>

#include "datapath/qos.h"
#include "ofproto/bridge/commands-private.h"

static struct bridge_port *need_port(struct appctl_conn *conn, struct vswitchd *vs,
				     const char *name)
{
	struct strmap_node *b;

	STRMAP_FOR_EACH (b, &vs->bridges) {
		struct bridge_port *bp = strmap_get(&((struct bridge *)b->data)->ports, name);

		if (bp && bp->of)
			return bp;
	}
	appctl_reply_error(conn, "no such interface");
	return NULL;
}

// ---- qos/show-types ----

static void put_type(const char *type, uint32_t max_queues, void *aux)
{
	strbuf_printf(aux, "QoS type: %s\n", type);
}

static void show_types(struct appctl_conn *conn, int argc, const char *const argv[], void *vs)
{
	AUTO(strbuf) out = STRBUF_INIT;
	const struct bridge_port *bp = need_port(conn, vs, argv[1]);

	if (!bp)
		return;
	datapath_port_qos_types(bp->bridge->plane->dp, bp->dp_port, put_type, &out);
	if (!out.len)
		strbuf_printf(&out, "No QoS types supported for interface: %s\n", argv[1]);
	appctl_reply(conn, strbuf_cstr(&out));
}

// ---- qos/show ----

static void put_options(struct strbuf *out, const char *indent, const struct smap *options)
{
	AUTO_FREE struct smap_node **sorted = smap_sorted(options);

	for (size_t i = 0; i < smap_count(options); i++)
		strbuf_printf(out, "%s%s: %s\n", indent, sorted[i]->key, sorted[i]->value);
}

static void put_count(struct strbuf *out, const char *name, uint64_t n)
{
	if (n != UINT64_MAX)
		strbuf_printf(out, "  %s: %llu\n", name, (unsigned long long)n);
}

static void put_queue(const struct qos_queue_state *q, void *aux)
{
	struct strbuf *out = aux;

	strbuf_puts(out, "\n");
	if (q->id)
		strbuf_printf(out, "Queue %u:\n", q->id);
	else
		strbuf_puts(out, "Default:\n");
	put_options(out, "  ", q->options);
	put_count(out, "tx_packets", q->stats.tx_packets);
	put_count(out, "tx_bytes", q->stats.tx_bytes);
	put_count(out, "tx_errors", q->stats.tx_errors);
}

static void show(struct appctl_conn *conn, int argc, const char *const argv[], void *vs)
{
	AUTO(strbuf) out = STRBUF_INIT;
	AUTO(smap) options;
	const struct bridge_port *bp = need_port(conn, vs, argv[1]);
	struct error err = ERROR_INIT;
	const char *type;

	smap_init(&options);
	if (!bp)
		return;
	type = datapath_port_qos(bp->bridge->plane->dp, bp->dp_port, &options);
	if (!type) {
		strbuf_printf(&out, "QoS not configured on %s\n", argv[1]);
		appctl_reply(conn, out.s);
		return;
	}
	strbuf_printf(&out, "QoS: %s %s\n", argv[1], type);
	put_options(&out, "", &options);
	if (datapath_port_queues(bp->bridge->plane->dp, bp->dp_port, put_queue, &out, &err))
		appctl_reply_errorf(conn, "%s: %s", argv[1], err.text);
	else
		appctl_reply(conn, out.s);
}

const struct appctl_command qos_commands[] = {
	{ "qos/show-types", "interface", 1, 1, show_types },
	{ "qos/show", "interface", 1, 1, show },
};
const size_t n_qos_commands = ARRAY_SIZE(qos_commands);
