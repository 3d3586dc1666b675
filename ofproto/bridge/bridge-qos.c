// SPDX-License-Identifier: Apache-2.0
// Rows of QoS and Queue, and the policing of Interface, into the traffic control of ports and the marks that queues give.
#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "datapath/qos.h"
#include "ofproto/bridge/vswitchd.h"

LOG_MODULE(bridge_qos);

// What is new is logged, once. 'text' NULL: all is as wanted.
static void note(const struct bridge_port *bp, char **logged, const char *text)
{
	if (str_replace(logged, text ? text : "") && text)
		log_warn("%s: port %s: %s", bp->bridge->name, bp->name, text);
}

static int by_id(const void *a, const void *b)
{
	const struct qos_queue *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

// The caller frees.
static struct qos_queue *read_queues(const struct ovsrec_qos *row)
{
	struct qos_queue *queues = xcalloc(row->n_queues + 1, sizeof(*queues));

	for (size_t i = 0; i < row->n_queues; i++)
		queues[i] = (struct qos_queue){ row->key_queues[i],
						&row->value_queues[i]->other_config };
	qsort(queues, row->n_queues, sizeof(*queues), by_id);
	return queues;
}

static void apply_qos(struct bridge_port *bp, const struct ovsrec_qos *row)
{
	struct datapath *dp = bp->bridge->plane->dp;
	struct error err = ERROR_INIT;
	int error;

	if (row && *row->type) {
		AUTO_FREE struct qos_queue *queues = read_queues(row);
		struct qos_config c = { row->type, &row->other_config, queues, row->n_queues };

		error = datapath_port_set_qos(dp, bp->dp_port, &c, &err);
	} else {
		error = datapath_port_set_qos(dp, bp->dp_port, NULL, &err);
	}
	note(bp, &bp->qos_error, error ? err.text : NULL);
}

static void apply_marks(struct bridge_port *bp, const struct ovsrec_qos *row)
{
	size_t max = row && *row->type ? row->n_queues : 0, n = 0;
	AUTO_FREE struct queue_mark *marks = xcalloc(max + 1, sizeof(*marks));

	for (size_t i = 0; i < max; i++) {
		uint32_t priority;

		if (!row->value_queues[i]->n_dscp ||
		    !datapath_queue_priority(bp->bridge->plane->dp, row->key_queues[i], &priority))
			continue;
		marks[n].priority = priority;
		marks[n++].dscp = row->value_queues[i]->dscp[0];
	}
	switch_port_set_queues(bp->bridge->sw, bp->of, marks, n);
}

// Where a NIC is to forward the port's packets by itself, it has to police them too.
static int check_hardware(const struct bridge_port *bp, struct error *err)
{
	const struct plane *pl = bp->bridge->plane;
	const char *why;

	if (!*bp->device || !strcmp(bp->device, SOFTWARE_DEVICE) ||
	    !offload_is_enabled(pl->offload) ||
	    datapath_port_is_policed_in_hw(pl->dp, bp->dp_port, &why))
		return 0;
	return error_set(
		err, -EOPNOTSUPP,
		"the device does not police in hardware%s%s: packets that it forwards by itself "
		"are not policed",
		*why ? ", " : "", why);
}

static void apply_policing(struct bridge_port *bp, const struct ovsrec_interface *iface)
{
	struct policing_config c = { .kbps = iface->ingress_policing_rate,
				     .kbits_burst = iface->ingress_policing_burst,
				     .kpkts = iface->ingress_policing_kpkts_rate,
				     .kpkts_burst = iface->ingress_policing_kpkts_burst };
	struct error err = ERROR_INIT;
	int error = datapath_port_set_policing(bp->bridge->plane->dp, bp->dp_port, &c, &err);

	if (!error && (c.kbps || c.kpkts))
		error = check_hardware(bp, &err);
	note(bp, &bp->policing_error, error ? err.text : NULL);
}

static int ifindex_of(const struct bridge_port *bp)
{
	struct port_ref ref;

	return datapath_port_ref(bp->bridge->plane->dp, bp->dp_port, &ref) ? ref.ifindex : 0;
}

void bridge_qos_configure(struct bridge_port *bp, const struct ovsrec_port *row,
			  const struct ovsrec_interface *iface)
{
	apply_marks(bp, row->qos);
	apply_qos(bp, row->qos);
	apply_policing(bp, iface);
	bp->qos_ifindex = ifindex_of(bp);
}

// A device that went and came has nothing of what the port is to have.
bool bridge_qos_is_lost(const struct vswitchd *vs)
{
	struct strmap_node *b, *n;

	STRMAP_FOR_EACH (b, &vs->bridges) {
		STRMAP_FOR_EACH (n, &((struct bridge *)b->data)->ports) {
			const struct bridge_port *bp = n->data;
			int ifindex = bp->of && !dp_port_equal(bp->dp_port, DP_PORT_NONE)
					      ? ifindex_of(bp)
					      : 0;

			if (ifindex && ifindex != bp->qos_ifindex)
				return true;
		}
	}
	return false;
}

// ---- Telling controllers ----

struct telling {
	of_port_t port;
	void (*cb)(const struct queue_stats *s, void *aux);
	void *aux;
};

static void tell_queue(const struct qos_queue_state *q, void *aux)
{
	const struct telling *t = aux;
	struct queue_stats s = { .port = t->port,
				 .queue = q->id,
				 .tx_packets = q->stats.tx_packets,
				 .tx_bytes = q->stats.tx_bytes,
				 .tx_errors = q->stats.tx_errors,
				 .duration_sec = UINT32_MAX,
				 .duration_nsec = UINT32_MAX };

	if (q->stats.created_msec != INT64_MIN) {
		int64_t lived = clock_msec() - q->stats.created_msec;

		s.duration_sec = lived / 1000;
		s.duration_nsec = lived % 1000 * 1000000;
	}
	t->cb(&s, t->aux);
}

void bridge_port_queues(void *aux, const struct of_port *p,
			void (*cb)(const struct queue_stats *s, void *aux), void *cb_aux)
{
	static struct log_limit limit = LOG_LIMIT_INIT(5, 5);
	const struct bridge *br = aux;
	struct telling t = { p->number, cb, cb_aux };
	struct error err = ERROR_INIT;

	if (br->plane->dp && datapath_port_queues(br->plane->dp, p->dp_port, tell_queue, &t, &err))
		log_warn_limited(&limit, "%s: port %s: its queues are not known: %s", br->name,
				 p->name, err.text);
}
