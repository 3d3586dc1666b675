// SPDX-License-Identifier: Apache-2.0
// offload/*: where flows are, and why they are not in hardware.
#include <stdio.h>

#include "core/base/log.h"
#include "ofproto/bridge/commands-private.h"

static void put_device(const struct offload_device_status *d, struct strbuf *out)
{
	struct smap_node **caps = smap_sorted(&d->capabilities);

	strbuf_printf(out, "device %s (%s): %s\n", d->name, d->backend, d->state);
	strbuf_printf(out, "  rules: %u in hardware, %u queued", d->rules, d->queued);
	if (d->capacity)
		strbuf_printf(out, ", capacity %u", d->capacity);
	strbuf_printf(out,
		      "\n  since start: %llu inserted, %llu removed, %llu refused, %llu lost\n",
		      (unsigned long long)d->inserted, (unsigned long long)d->removed,
		      (unsigned long long)d->refused, (unsigned long long)d->lost);
	strbuf_printf(out, "  traffic of flows now known: %llu packets, %llu bytes\n",
		      (unsigned long long)d->hw_packets, (unsigned long long)d->hw_bytes);
	if (d->inserted)
		strbuf_printf(out, "  driver time: %.1f us per insertion\n",
			      d->insert_nsec / 1000.0 / d->inserted);
	strbuf_puts(out, "  capabilities:");
	for (size_t i = 0; i < smap_count(&d->capabilities); i++)
		strbuf_printf(out, " %s=%s", caps[i]->key, caps[i]->value);
	strbuf_putc(out, '\n');
	free(caps);
}

static void put_verdict(const struct offload_verdict_count *v, struct strbuf *out)
{
	strbuf_printf(out, "  %u flow%s: ", v->flows, v->flows == 1 ? "" : "s");
	verdict_format(&v->verdict, out);
	if (v->device[0])
		strbuf_printf(out, " on %s", v->device);
	strbuf_printf(out, "; for example ufid:%s\n", v->example);
}

static void json_capabilities(struct json_writer *w, const struct smap *capabilities)
{
	struct smap_node **caps = smap_sorted(capabilities);

	jw_key(w, "capabilities");
	jw_object_begin(w);
	for (size_t i = 0; i < smap_count(capabilities); i++)
		jw_member_string(w, caps[i]->key, caps[i]->value);
	jw_object_end(w);
	free(caps);
}

static void json_device(struct json_writer *w, const struct offload_device_status *d)
{
	jw_object_begin(w);
	jw_member_string(w, "name", d->name);
	jw_member_string(w, "backend", d->backend);
	jw_member_string(w, "state", d->state);
	jw_member_integer(w, "capacity", d->capacity);
	jw_member_integer(w, "rules", d->rules);
	jw_member_integer(w, "queued", d->queued);
	jw_member_integer(w, "inserted", d->inserted);
	jw_member_integer(w, "removed", d->removed);
	jw_member_integer(w, "refused", d->refused);
	jw_member_integer(w, "lost", d->lost);
	jw_member_integer(w, "hw_packets", d->hw_packets);
	jw_member_integer(w, "hw_bytes", d->hw_bytes);
	json_capabilities(w, &d->capabilities);
	jw_object_end(w);
}

static void json_verdict(struct json_writer *w, const struct verdict *v)
{
	jw_member_string(w, "reason", offload_reason_name(v->reason));
	jw_member_string(w, "text", offload_reason_text(v->reason));
	jw_member_string(w, "culprit", v->culprit);
	jw_member_string(w, "remedy", offload_reason_remedy(v->reason));
	jw_member_string(w, "driver_text", v->driver_text);
	jw_member_integer(w, "driver_errno", v->driver_errno);
}

static bool is_enabled(const struct vswitchd *vs)
{
	// One wish for all.
	return vs->n_planes && offload_is_enabled(vs->planes[0].offload);
}

static void show_json(struct vswitchd *vs, const struct plane_devices *devs,
		      const struct offload_verdict_count *v, size_t n_verdicts, struct strbuf *out)
{
	const struct offload_device_status *d;
	struct json_writer w;

	json_writer_init(&w, out);
	jw_object_begin(&w);
	jw_member_bool(&w, "enabled", is_enabled(vs));
	jw_key(&w, "devices");
	jw_array_begin(&w);
	PLANE_DEVICE_FOR_EACH(d, devs)
	json_device(&w, d);
	jw_array_end(&w);
	jw_key(&w, "verdicts");
	jw_array_begin(&w);
	for (size_t i = 0; i < n_verdicts; i++) {
		jw_object_begin(&w);
		jw_member_string(&w, "device", v[i].device);
		jw_member_integer(&w, "flows", v[i].flows);
		jw_member_string(&w, "example", v[i].example);
		json_verdict(&w, &v[i].verdict);
		jw_object_end(&w);
	}
	jw_array_end(&w);
	jw_object_end(&w);
}

static void show(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct vswitchd *vs = aux;
	const struct offload_device_status *d;
	struct offload_verdict_count *v;
	struct plane_devices devs;
	AUTO(strbuf) out = STRBUF_INIT;
	size_t n_verdicts;

	planes_list_devices(vs, &devs);
	n_verdicts = planes_list_verdicts(vs, &v);
	if (appctl_format(conn) == APPCTL_JSON) {
		show_json(vs, &devs, v, n_verdicts, &out);
	} else {
		strbuf_printf(&out, "hw-offload: %s\n", is_enabled(vs) ? "on" : "off");
		PLANE_DEVICE_FOR_EACH(d, &devs)
		put_device(d, &out);
		strbuf_puts(&out, n_verdicts ? "flows not in hardware:\n" : "no flow is refused\n");
		for (size_t i = 0; i < n_verdicts; i++)
			put_verdict(&v[i], &out);
	}
	plane_devices_free(&devs);
	free(v);
	appctl_reply(conn, out.s);
}

static void why_text(struct plane *pl, struct megaflow *mf, const struct verdict *v,
		     const char *device, struct strbuf *out)
{
	cmd_format_flow(pl, mf, true, true, out);
	strbuf_printf(out, "\n  place:   %s", placement_state_name(atomic_load(&mf->placement)));
	if (device[0])
		strbuf_printf(out, " (%s)", device);
	strbuf_putc(out, '\n');
	if (v->reason == REASON_NONE)
		return;
	strbuf_printf(out, "  reason:  %s: %s\n", offload_reason_name(v->reason),
		      offload_reason_text(v->reason));
	if (v->culprit[0])
		strbuf_printf(out, "  because: %s\n", v->culprit);
	// A driver whose refusal the kernel made up for has words, and no error.
	if (v->driver_text[0])
		strbuf_printf(out, "  driver:  %s%s%s%s\n", v->driver_text,
			      v->driver_errno ? " (" : "",
			      v->driver_errno ? strerror(v->driver_errno) : "",
			      v->driver_errno ? ")" : "");
	strbuf_printf(out, "  remedy:  %s\n", offload_reason_remedy(v->reason));
}

static void why_json(struct megaflow *mf, const struct verdict *v, const char *device,
		     struct json_writer *w)
{
	AUTO_FREE char *ufid = xasprintf(UUID_FMT, UUID_ARGS(&mf->ufid));

	jw_object_begin(w);
	jw_member_string(w, "ufid", ufid);
	jw_member_string(w, "place", placement_state_name(atomic_load(&mf->placement)));
	jw_member_string(w, "device", device);
	json_verdict(w, v);
	jw_object_end(w);
}

struct why {
	struct plane *pl;
	struct strbuf *out;
	struct json_writer *json;
	bool all; // those in hardware too
};

static bool why_one(struct megaflow *mf, void *aux)
{
	struct why *y = aux;
	struct verdict v;
	char device[64];

	if (!y->all && atomic_load(&mf->placement) == PLACE_IN_HW)
		return true;
	offload_get_verdict(y->pl->offload, mf, &v, device);
	if (y->json)
		why_json(mf, &v, device, y->json);
	else
		why_text(y->pl, mf, &v, device, y->out);
	return true;
}

// With a flow: that one. Without: every flow that is not in hardware.
static void why(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct vswitchd *vs = aux;
	AUTO(strbuf) out = STRBUF_INIT;
	struct json_writer w;
	struct why y = { NULL, &out, appctl_format(conn) == APPCTL_JSON ? &w : NULL, argc > 1 };
	struct megaflow *mf = NULL;

	if (!cmd_need_datapath(conn, vs))
		return;
	if (argc > 1 && !(mf = cmd_find_flow(conn, vs, NULL, argv[1], "no such flow", &y.pl)))
		return;
	json_writer_init(&w, &out);
	if (y.json)
		jw_array_begin(&w);
	if (mf)
		why_one(mf, &y);
	else
		PLANE_FOR_EACH(y.pl, vs)
	upcall_for_each(y.pl->upcall, why_one, &y);
	if (y.json)
		jw_array_end(&w);
	else if (!out.len)
		strbuf_puts(&out, "every flow is in hardware\n");
	appctl_reply(conn, out.s);
}

// One answer when the last plane has finished.
struct audit {
	struct vswitchd *vs;
	struct appctl_conn *conn;
	uint32_t checked, lost;
	_Atomic size_t open;
};

static void audit_reply(void *aux)
{
	struct audit *a = aux;
	AUTO_FREE char *text =
		xasprintf("%u rules checked, %u lost and queued again", a->checked, a->lost);

	appctl_reply(a->conn, text);
	free(a);
}

static void audit_done(uint32_t checked, uint32_t lost, void *aux)
{
	struct audit *a = aux;

	__atomic_fetch_add(&a->checked, checked, __ATOMIC_RELAXED);
	__atomic_fetch_add(&a->lost, lost, __ATOMIC_RELAXED);
	if (atomic_fetch_sub(&a->open, 1) == 1)
		loop_post(a->vs->loop, audit_reply, a);
}

static void audit(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct audit *a = xzalloc(sizeof(*a));
	struct vswitchd *vs = aux;
	struct plane *pl;

	a->vs = vs;
	a->conn = conn;
	a->open = vs->n_planes;
	PLANE_FOR_EACH(pl, vs)
	offload_audit(pl->offload, audit_done, a);
}

static void retry(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct vswitchd *vs = aux;
	struct plane *pl;

	PLANE_FOR_EACH(pl, vs)
	offload_forget_refusals(pl->offload);
	appctl_reply(conn, "");
}

const struct appctl_command offload_commands[] = {
	{ "offload/show", "", 0, 0, show },
	{ "offload/why", "[flow|ufid]", 0, 1, why },
	{ "offload/audit", "", 0, 0, audit },
	{ "offload/retry", "", 0, 0, retry },
};
const size_t n_offload_commands = ARRAY_SIZE(offload_commands);
