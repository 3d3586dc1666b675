// SPDX-License-Identifier: Apache-2.0
// Who is connected: targets, reconnection, probes.
#include "ofproto/control/control.h"

#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/counters.h"
#include "core/base/log.h"
#include "core/io/appctl.h"
#include "ofproto/control/control-private.h"

LOG_MODULE(rconn);

#define OPENFLOW_PORT 6653
#define MIN_BACKOFF 1000
#define BUNDLE_IDLE_TIMEOUT 10000
#define QUEUE_SIZE 100

static void controller_lost(struct controller *ctl, const char *why);

// Milliseconds, 0: none.
static int probe_interval(const struct peer *p)
{
	return p->target ? p->target->inactivity_probe : 0;
}

static void set_probe(struct peer *p)
{
	if (!probe_interval(p))
		timer_cancel(&p->probe);
	else if (p->ready && !timer_is_armed(&p->probe))
		timer_in(&p->probe, probe_interval(p));
}

static void on_ready(void *aux)
{
	struct peer *p = aux;

	p->ready = true;
	if (!p->target || !p->target->quiet)
		async_defaults(of_conn_version(p->conn), &p->async);
	if (p->controller) {
		p->controller->backoff = 0;
		p->controller->connected_at = clock_msec();
		log_info("%s<->%s: connected", switch_name(p->control->sw),
			 p->controller->target.target);
		if (!p->service) {
			p->control->alone_since = 0;
			if (p->control->ops->connected)
				p->control->ops->connected(p->control->aux);
		}
	}
	set_probe(p);
	control_default_miss(p->control);
}

static void on_closed(void *aux, int err, const char *reason)
{
	struct peer *p = aux;
	struct controller *ctl = p->controller;

	peer_destroy(p);
	if (ctl)
		controller_lost(ctl, reason);
}

static void on_drained(void *aux)
{
	peer_monitors_drained(aux);
}

static void on_give_up(struct timer *t)
{
	struct peer *p = CONTAINER_OF(t, struct peer, give_up);

	on_closed(p, -ENOBUFS, p->give_up_why);
}

void peer_give_up(struct peer *p, const char *why)
{
	p->give_up_why = why;
	timer_in(&p->give_up, 0);
}

static const struct of_conn_events conn_events = {
	.ready = on_ready,
	.message = peer_message,
	.closed = on_closed,
	.drained = on_drained,
};

static int64_t silence_of(const struct peer *p)
{
	return clock_msec() - of_conn_last_received(p->conn);
}

static void on_probe(struct timer *t)
{
	struct peer *p = CONTAINER_OF(t, struct peer, probe);
	int64_t silence = silence_of(p);
	AUTO(strbuf) echo = STRBUF_INIT;

	if (silence >= 2 * probe_interval(p)) {
		on_closed(p, -ETIMEDOUT, "no response to inactivity probe");
		return;
	}
	if (silence >= probe_interval(p) && p->ready) {
		msg_put_plain(MSG_ECHO_REQUEST, of_conn_version(p->conn), of_conn_next_xid(p->conn),
			      &echo);
		of_conn_send(p->conn, echo.s, echo.len);
	}
	timer_in(t, probe_interval(p));
}

struct peer *peer_create(struct of_control *c, struct stream *s, struct controller *ctl,
			 const struct controller_target *target)
{
	struct peer *p = xzalloc(sizeof(*p));

	p->control = c;
	p->controller = ctl;
	p->target = target;
	p->service = !ctl || target->service;
	p->role = ROLE_EQUAL;
	p->miss_send_len = p->service ? 0 : 128;
	list_init(&p->snoopers);
	peer_init_monitors(p);
	peer_init_packets(p);
	timer_init(&p->give_up, c->loop, on_give_up);
	timer_init(&p->probe, c->loop, on_probe);
	p->conn = of_conn_create(s, c->versions, &conn_events, p);
	of_conn_limit_backlog(p->conn, MAX_BACKLOG);
	hmap_init(&p->bundles);
	list_push_back(&c->peers, &p->node);
	return p;
}

void peer_destroy(struct peer *p)
{
	if (p->controller) {
		p->controller->peer = NULL;
		if (p->ready)
			p->controller->disconnected_at = clock_msec();
	}
	timer_cancel(&p->probe);
	timer_cancel(&p->give_up);
	peer_uninit_packets(p);
	peer_remove_monitors(p);
	peer_close_snoopers(p);
	peer_discard_bundles(p);
	peer_discard_features(p);
	list_remove(&p->node);
	control_default_miss(p->control);
	of_conn_close(p->conn, false);
	free(p);
}

static bool any_controller_connected(const struct of_control *c)
{
	struct controller *ctl;

	LIST_FOR_EACH (ctl, node, &c->controllers)
		if (ctl->peer && ctl->peer->ready && !ctl->target.service)
			return true;
	return false;
}

static void controller_lost(struct controller *ctl, const char *why)
{
	struct of_control *c = ctl->control;

	log_info("%s<->%s: connection lost or failed (%s)", switch_name(c->sw), ctl->target.target,
		 why);
	free(ctl->last_error);
	ctl->last_error = xstrdup(why);
	if (!c->alone_since && !any_controller_connected(c))
		c->alone_since = clock_msec();
	ctl->backoff = MIN(ctl->backoff ? ctl->backoff * 2 : MIN_BACKOFF, ctl->target.max_backoff);
	timer_in(&ctl->retry, ctl->backoff);
}

static void controller_connect(struct controller *ctl)
{
	static const struct stream_events none = { 0 };
	struct error err = ERROR_INIT;
	struct stream *s;

	counter_inc(COUNTER_VCONN_OPEN);
	if (stream_open(ctl->control->loop, ctl->target.target, OPENFLOW_PORT, -1, &none, NULL, &s,
			&err) < 0) {
		controller_lost(ctl, err.text);
		return;
	}
	ctl->peer = peer_create(ctl->control, s, ctl, &ctl->target);
}

static void on_retry(struct timer *t)
{
	controller_connect(CONTAINER_OF(t, struct controller, retry));
}

static void on_passive_accept(void *aux, struct stream *s)
{
	struct controller *ctl = aux;

	peer_create(ctl->control, s, NULL, &ctl->target);
}

static void on_mgmt_accept(void *aux, struct stream *s)
{
	peer_create(aux, s, NULL, NULL);
}

static void controller_add(struct of_control *c, const struct controller_target *t)
{
	struct controller *ctl = xzalloc(sizeof(*ctl));
	struct error err = ERROR_INIT;

	ctl->control = c;
	ctl->target = *t;
	ctl->connected_at = ctl->disconnected_at = -1;
	timer_init(&ctl->retry, c->loop, on_retry);
	list_push_back(&c->controllers, &ctl->node);
	if (!stream_name_is_passive(t->target)) {
		controller_connect(ctl);
		return;
	}
	if (listener_open(c->loop, t->target, OPENFLOW_PORT, -1, on_passive_accept, ctl,
			  &ctl->listener, &err) < 0) {
		log_err("%s: %s", switch_name(c->sw), err.text);
		ctl->last_error = xstrdup(err.text);
	}
}

static void controller_remove(struct controller *ctl)
{
	struct peer *p, *next;

	LIST_FOR_EACH_SAFE (p, next, node, &ctl->control->peers)
		if (p->target == &ctl->target)
			peer_destroy(p);
	listener_close(ctl->listener);
	timer_cancel(&ctl->retry);
	list_remove(&ctl->node);
	free(ctl->last_error);
	free(ctl);
}

static void controller_update(struct controller *ctl, const struct controller_target *t)
{
	struct peer *p;

	ctl->target = *t;
	LIST_FOR_EACH (p, node, &ctl->control->peers)
		if (p->target == &ctl->target) {
			peer_target_changed(p);
			set_probe(p);
		}
}

static const struct controller_target *find_target(const struct controller_target *t, size_t n,
						   const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(t[i].target, name))
			return &t[i];
	return NULL;
}

static struct controller *find_controller(const struct of_control *c, const char *name)
{
	struct controller *ctl;

	LIST_FOR_EACH (ctl, node, &c->controllers)
		if (!strcmp(ctl->target.target, name))
			return ctl;
	return NULL;
}

void control_set_targets(struct of_control *c, const struct controller_target *t, size_t n,
			 uint32_t versions)
{
	struct controller *ctl, *next;
	bool new_versions = versions != c->versions;
	bool was_alone = control_alone_for(c) == INT64_MAX;

	c->versions = versions;
	LIST_FOR_EACH_SAFE (ctl, next, node, &c->controllers) {
		const struct controller_target *want = find_target(t, n, ctl->target.target);

		if (!want || want->service != ctl->target.service || new_versions)
			controller_remove(ctl);
		else
			controller_update(ctl, want);
	}
	for (size_t i = 0; i < n; i++)
		if (!find_controller(c, t[i].target))
			controller_add(c, &t[i]);
	// The first one is missed from now on.
	if (was_alone || (!c->alone_since && !any_controller_connected(c)))
		c->alone_since = clock_msec();
}

struct of_control *control_create(struct loop *l, struct of_switch *sw, struct upcall_engine *u,
				  const struct control_ops *ops, void *aux)
{
	struct of_control *c = xzalloc(sizeof(*c));

	c->loop = l;
	c->sw = sw;
	c->upcall = u;
	c->ops = ops;
	c->aux = aux;
	c->versions = ALL_VERSIONS;
	c->queue_size = QUEUE_SIZE;
	c->bundle_idle_timeout = BUNDLE_IDLE_TIMEOUT;
	c->alone_since = clock_msec();
	list_init(&c->peers);
	list_init(&c->controllers);
	return c;
}

void control_destroy(struct of_control *c)
{
	struct controller *ctl, *next;
	struct peer *p, *next_peer;

	if (!c)
		return;
	LIST_FOR_EACH_SAFE (ctl, next, node, &c->controllers)
		controller_remove(ctl);
	LIST_FOR_EACH_SAFE (p, next_peer, node, &c->peers)
		peer_destroy(p);
	listener_close(c->mgmt);
	listener_close(c->snoop);
	free(c);
}

int control_open_mgmt(struct of_control *c, struct error *err)
{
	AUTO_FREE char *name = xasprintf("punix:%s/%s.mgmt", dir_run(), switch_name(c->sw));

	return listener_open(c->loop, name, 0, -1, on_mgmt_accept, c, &c->mgmt, err);
}

void control_set_bundle_idle_timeout(struct of_control *c, int seconds)
{
	c->bundle_idle_timeout = seconds * 1000;
}

void control_set_queue_size(struct of_control *c, uint32_t n)
{
	c->queue_size = n;
}

void control_set_desc(struct of_control *c, const struct switch_desc *d)
{
	c->desc = *d;
}

static int64_t seconds_since(int64_t when)
{
	return when < 0 ? -1 : (clock_msec() - when) / 1000;
}

static const char *state_of(const struct controller *ctl)
{
	const struct peer *p = ctl->peer;

	if (ctl->listener)
		return NULL;
	if (!p)
		return "BACKOFF";
	if (!p->ready)
		return "CONNECTING";
	return probe_interval(p) && silence_of(p) >= probe_interval(p) ? "IDLE" : "ACTIVE";
}

bool control_get_status(struct of_control *c, const char *target, struct controller_status *ret)
{
	struct controller *ctl = find_controller(c, target);

	if (!ctl)
		return false;
	memset(ret, 0, sizeof(*ret));
	ret->connected = ctl->peer && ctl->peer->ready;
	ret->state = state_of(ctl);
	ret->sec_connected = seconds_since(ctl->connected_at);
	ret->sec_disconnected = seconds_since(ctl->disconnected_at);
	ret->last_error = ctl->last_error;
	if (ret->connected) {
		ret->is_primary_role = ctl->peer->role == ROLE_PRIMARY;
		ret->is_secondary_role = ctl->peer->role == ROLE_SECONDARY;
		for (size_t i = 0; i < N_PACERS && ctl->target.rate; i++)
			ret->pacing[i] = &ctl->peer->pacers[i].stats;
	}
	return true;
}

int64_t control_alone_for(const struct of_control *c)
{
	struct controller *ctl;
	bool wanted = false;

	LIST_FOR_EACH (ctl, node, &c->controllers)
		wanted |= !ctl->target.service && !ctl->listener;
	if (!wanted)
		return INT64_MAX;
	return c->alone_since ? MAX(clock_msec() - c->alone_since, (int64_t)1) : 0;
}

int64_t control_probe_interval(const struct of_control *c)
{
	struct controller *ctl;
	int64_t longest = 0;

	LIST_FOR_EACH (ctl, node, &c->controllers)
		if (!ctl->target.service && !ctl->listener)
			longest = MAX(longest, (int64_t)ctl->target.inactivity_probe);
	return longest ? longest : 5000;
}

void control_reconnect(struct of_control *c)
{
	struct controller *ctl;

	LIST_FOR_EACH (ctl, node, &c->controllers) {
		if (ctl->peer) {
			peer_destroy(ctl->peer);
			controller_connect(ctl);
		}
	}
}

void control_disconnect(struct of_control *c)
{
	struct peer *p, *next;

	LIST_FOR_EACH_SAFE (p, next, node, &c->peers)
		if (!p->controller)
			peer_destroy(p);
	control_reconnect(c);
}

void tell_flow_removed(struct of_control *c, const struct rule *r, enum flow_removed_reason reason)
{
	struct flow_removed fr = { .cookie = r->cookie,
				   .reason = reason,
				   .priority = r->cls.priority,
				   .idle_timeout = r->idle_timeout,
				   .hard_timeout = r->hard_timeout,
				   .table = r->table };
	int64_t lived = clock_msec() - r->created;
	struct peer *p;

	cls_rule_get_match(&r->cls, &fr.match);
	fr.n_packets = atomic_load(&r->packets);
	fr.n_bytes = atomic_load(&r->bytes);
	fr.duration_sec = lived / 1000;
	fr.duration_nsec = lived % 1000 * 1000000;
	LIST_FOR_EACH (p, node, &c->peers) {
		AUTO(strbuf) out = STRBUF_INIT;

		if (!peer_wants(p, ASYNC_FLOW_REMOVED, reason))
			continue;
		flow_removed_encode(&fr, of_conn_version(p->conn), &out);
		of_conn_send(p->conn, out.s, out.len);
	}
}

void control_port_status(struct of_control *c, const struct of_port *port, enum port_reason reason)
{
	struct port_desc pd;
	struct peer *p;

	describe_port(c, port, &pd);
	LIST_FOR_EACH (p, node, &c->peers) {
		AUTO(strbuf) out = STRBUF_INIT;

		if (!peer_wants(p, ASYNC_PORT_STATUS, reason))
			continue;
		port_status_encode(&pd, reason, of_conn_version(p->conn), &out);
		of_conn_send(p->conn, out.s, out.len);
	}
}
