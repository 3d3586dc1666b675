// SPDX-License-Identifier: Apache-2.0
// The eSwitch: its life, and the way of a packet through it.
#include "hw-tests/simnic/simnic.h"
#include "hw-tests/simnic/simnic-private.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <ethdev_driver.h>

#include "core/base/hash.h"

#define FAR_QUEUE 4096

struct far_frame {
	struct list node;
	size_t len;
	uint8_t data[];
};

static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static struct list all = LIST_INIT(&all);

struct esw *esw_find(const char *name)
{
	struct esw *sw, *found = NULL;

	pthread_mutex_lock(&all_lock);
	LIST_FOR_EACH (sw, node, &all)
		if (!strcmp(sw->name, name))
			found = sw;
	pthread_mutex_unlock(&all_lock);
	return found;
}

struct simnic_port *esw_far_end(struct esw *sw, int far_end)
{
	if (far_end < SIMNIC_WIRE || far_end + 1 >= (int)sw->n_ports)
		return NULL;
	return &sw->ports[far_end + 1];
}

static void wake_app(struct simnic_port *port)
{
	uint64_t one = 1;

	if (__atomic_exchange_n(&port->rx_armed, false, __ATOMIC_ACQ_REL) &&
	    write(port->rx_event, &one, sizeof(one)) < 0)
		SIMNIC_LOG(DEBUG, "%s: receive event: %s\n", port->sw->name, strerror(errno));
}

static struct rte_mbuf *to_mbuf(struct rte_mempool *pool, const uint8_t *data, uint32_t len)
{
	struct rte_mbuf *head = rte_pktmbuf_alloc(pool), *m = head;

	while (m) {
		uint32_t n = MIN(len, rte_pktmbuf_tailroom(m));

		memcpy(rte_pktmbuf_mtod(m, void *), data, n);
		m->data_len = n;
		head->pkt_len += n;
		data += n;
		len -= n;
		if (!len)
			return head;
		m->next = n ? rte_pktmbuf_alloc(pool)
			    : NULL; // a pool without room for data cannot hold a frame
		m = m->next;
		head->nb_segs += !!m;
	}
	rte_pktmbuf_free(head);
	return NULL;
}

void port_send_app(struct simnic_port *port, const uint8_t *data, uint32_t len,
		   const uint32_t *mark)
{
	struct rte_mbuf *m;

	if (!port->dev || !port->started || !port->pool) {
		ESW_COUNT(port->sw, drop_no_representor);
		return;
	}
	if (len > rte_pktmbuf_data_room_size(port->pool) - RTE_PKTMBUF_HEADROOM &&
	    !(port->dev->data->dev_conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_SCATTER)) {
		ESW_COUNT(port->sw, drop_no_scatter);
		PORT_ADD(port, rx_errors, 1);
		return;
	}
	m = to_mbuf(port->pool, data, len);
	if (!m) {
		ESW_COUNT(port->sw, drop_no_mbuf);
		PORT_ADD(port, rx_nombuf, 1);
		return;
	}
	m->port = port->dev->data->port_id;
	if (mark) {
		m->ol_flags |= RTE_MBUF_F_RX_FDIR | RTE_MBUF_F_RX_FDIR_ID;
		m->hash.fdir.hi = *mark;
	}
	if (rte_ring_enqueue(port->rx, m)) {
		rte_pktmbuf_free(m);
		ESW_COUNT(port->sw, drop_rx_full);
		PORT_ADD(port, rx_missed, 1);
		return;
	}
	wake_app(port);
}

static bool queue_far(struct simnic_port *port, const uint8_t *data, uint32_t len)
{
	struct far_frame *f = xmalloc(sizeof(*f) + len);
	bool room;

	f->len = len;
	memcpy(f->data, data, len);
	pthread_mutex_lock(&port->far_lock);
	room = port->n_far_frames < FAR_QUEUE;
	if (room) {
		list_push_back(&port->far_frames, &f->node);
		port->n_far_frames++;
	}
	pthread_mutex_unlock(&port->far_lock);
	if (!room)
		free(f);
	return room;
}

void port_send_far(struct simnic_port *port, const uint8_t *data, uint32_t len)
{
	bool sent = port->tap < 0 ? queue_far(port, data, len)
				  : write(port->tap, data, len) == (ssize_t)len;

	if (!sent)
		ESW_COUNT(port->sw, drop_far_end);
}

// Where a packet goes that no rule wants: to the other side of its source.
static void send_default(struct simnic_port *src, enum simnic_side side, const struct journey *j)
{
	if (side == SIDE_FAR)
		port_send_app(src, j->p->data, j->p->len, j->marked ? &j->mark : NULL);
	else
		port_send_far(src, j->p->data, j->p->len);
}

static void run_rule(struct journey *j, struct rte_flow *rule)
{
	__atomic_fetch_add(&rule->packets, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&rule->bytes, j->p->len, __ATOMIC_RELAXED);
	ESW_COUNT(j->sw, hits);
	j->jump = false;
	if (__atomic_load_n(&j->sw->faults.silent_drop, __ATOMIC_RELAXED)) {
		ESW_COUNT(j->sw, drop_fault);
		return;
	}
	for (const struct simnic_action *a = rule->actions; a < rule->actions + rule->n_actions;
	     a++)
		if (!simnic_action_types[a->id].run(j, a))
			return;
}

void esw_forward(struct simnic_port *src, enum simnic_side side, uint8_t *data, uint32_t len)
{
	struct packet p = { .data = data, .len = len, .headroom = SIMNIC_HEADROOM };
	struct journey j = { .sw = src->sw, .p = &p };
	struct simnic_key key = { .port = src->index, .side = side };
	struct rte_flow *rule;

	if (len < RTE_ETHER_HDR_LEN) {
		ESW_COUNT(src->sw, drop_runt);
		return;
	}
	simnic_packet_parse(&p, &key);
	for (int n = 0; n <= SIMNIC_MAX_JUMPS; n++) {
		if (p.changed)
			simnic_packet_parse(&p, &key);
		rule = table_lookup(src->sw, j.group, &key);
		if (!rule) {
			if (n)
				ESW_COUNT(src->sw, jump_misses);
			else if (side == SIDE_FAR)
				ESW_COUNT(src->sw, misses);
			else
				ESW_COUNT(src->sw, app_defaults);
			send_default(src, side, &j);
			return;
		}
		run_rule(&j, rule);
		if (!j.jump)
			return;
	}
	ESW_COUNT(src->sw, drop_loop);
}

static void random_mac(struct simnic_config *cfg)
{
	if (rte_is_zero_ether_addr(&cfg->mac))
		rte_eth_random_addr(cfg->mac.addr_bytes);
}

// The n-th address after the configured one, counted in the last three bytes.
static struct rte_ether_addr nth_mac(const struct rte_ether_addr *base, uint32_t n)
{
	struct rte_ether_addr mac = *base;

	n += (uint32_t)mac.addr_bytes[3] << 16 | mac.addr_bytes[4] << 8 | mac.addr_bytes[5];
	mac.addr_bytes[3] = n >> 16;
	mac.addr_bytes[4] = n >> 8;
	mac.addr_bytes[5] = n;
	return mac;
}

static int open_tap(struct simnic_port *port, struct error *err)
{
	const struct simnic_config *cfg = &port->sw->cfg;
	char name[sizeof(cfg->vf_tap_prefix) + 16];

	if (port->index)
		snprintf(name, sizeof(name), "%s%u", cfg->vf_tap_prefix, port->index - 1);
	else
		snprintf(name, sizeof(name), "%s", cfg->uplink_tap);
	if (strlen(name) >= sizeof(port->tap_name))
		return error_set(err, -EINVAL, "tap name '%s' is longer than %zu characters", name,
				 sizeof(port->tap_name) - 1);
	memcpy(port->tap_name, name, strlen(name) + 1);
	port->tap = tap_open(name, &port->far_mac, err);
	return port->tap < 0 ? port->tap : 0;
}

static int port_init(struct esw *sw, unsigned index, struct error *err)
{
	struct simnic_port *port = &sw->ports[index];
	char name[RTE_RING_NAMESIZE];

	port->sw = sw;
	port->index = index;
	port->tap = -1;
	port->mac = nth_mac(&sw->cfg.mac, 2 * index);
	port->far_mac = nth_mac(&sw->cfg.mac, 2 * index + 1);
	pthread_mutex_init(&port->far_lock, NULL);
	list_init(&port->far_frames);
	port->rx_event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (port->rx_event < 0)
		return error_set(err, -errno, "eventfd: %s", strerror(errno));
	snprintf(name, sizeof(name), "simnic%u_%u", sw->number, index);
	port->rx = rte_ring_create(name, 4096, SOCKET_ID_ANY, 0);
	if (!port->rx)
		return error_set(err, -rte_errno, "ring %s: %s", name, rte_strerror(rte_errno));
	return sw->cfg.taps ? open_tap(port, err) : 0;
}

static void port_uninit(struct simnic_port *port)
{
	struct far_frame *f, *next;
	struct rte_mbuf *m;

	if (!port->sw)
		return;
	while (port->rx && !rte_ring_dequeue(port->rx, (void **)&m))
		rte_pktmbuf_free(m);
	rte_ring_free(port->rx);
	if (port->rx_event >= 0)
		close(port->rx_event);
	if (port->tap >= 0)
		close(port->tap);
	LIST_FOR_EACH_SAFE (f, next, node, &port->far_frames)
		free(f);
	pthread_mutex_destroy(&port->far_lock);
}

static void init_locks(struct esw *sw)
{
	pthread_rwlockattr_t attr;

	pthread_mutex_init(&sw->firmware_lock, NULL);
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&sw->table_lock, &attr);
	pthread_rwlockattr_destroy(&attr);
}

static void default_tap_names(struct esw *sw)
{
	if (!sw->cfg.uplink_tap[0])
		snprintf(sw->cfg.uplink_tap, sizeof(sw->cfg.uplink_tap), "snic%uwire", sw->number);
	if (!sw->cfg.vf_tap_prefix[0])
		snprintf(sw->cfg.vf_tap_prefix, sizeof(sw->cfg.vf_tap_prefix), "snic%uvf",
			 sw->number);
}

// "item:vlan+action:set_ttl"
static int apply_refusals(struct esw *sw, struct error *err)
{
	AUTO_FREE char *list = xstrdup(sw->cfg.refuse);
	char *save, *what;
	int ret = 0;

	for (what = strtok_r(list, "+", &save); what && !ret; what = strtok_r(NULL, "+", &save))
		ret = faults_refuse(&sw->faults, what, true, err);
	return ret;
}

static int start_threads(struct esw *sw, struct error *err)
{
	int ret = sw->cfg.taps ? service_start(sw, err) : 0;

	if (!ret && sw->cfg.ctl[0])
		ret = control_start(sw, sw->cfg.ctl, err);
	return ret;
}

struct esw *esw_create(const char *name, unsigned number, const struct simnic_config *cfg,
		       struct error *err)
{
	struct esw *sw = xzalloc(sizeof(*sw));

	snprintf(sw->name, sizeof(sw->name), "%s", name);
	sw->number = number;
	sw->cfg = *cfg;
	list_init(&sw->node);
	hmap_init(&sw->groups);
	hmap_init(&sw->handles);
	init_locks(sw);
	random_mac(&sw->cfg);
	default_tap_names(sw);
	sw->domain = RTE_ETH_DEV_SWITCH_DOMAIN_ID_INVALID;
	sw->n_ports = cfg->vfs + 1;
	sw->ports = xcalloc(sw->n_ports, sizeof(*sw->ports));
	if (apply_refusals(sw, err))
		goto fail;
	if (rte_eth_switch_domain_alloc(&sw->domain)) {
		error_set(err, -ENOSPC, "no free switch domain");
		goto fail;
	}
	for (unsigned i = 0; i < sw->n_ports; i++)
		if (port_init(sw, i, err))
			goto fail;
	if (start_threads(sw, err))
		goto fail;
	pthread_mutex_lock(&all_lock);
	list_push_back(&all, &sw->node);
	pthread_mutex_unlock(&all_lock);
	return sw;
fail:
	esw_destroy(sw);
	return NULL;
}

void esw_destroy(struct esw *sw)
{
	if (!sw)
		return;
	pthread_mutex_lock(&all_lock);
	list_remove(&sw->node);
	pthread_mutex_unlock(&all_lock);
	control_stop(sw);
	service_stop(sw);
	flow_flush_all(sw);
	table_uninit(sw);
	hmap_uninit(&sw->handles);
	for (unsigned i = 0; i < sw->n_ports; i++)
		port_uninit(&sw->ports[i]);
	if (sw->domain != RTE_ETH_DEV_SWITCH_DOMAIN_ID_INVALID)
		rte_eth_switch_domain_free(sw->domain);
	pthread_rwlock_destroy(&sw->table_lock);
	pthread_mutex_destroy(&sw->firmware_lock);
	free(sw->ports);
	free(sw);
}

int simnic_inject(const char *name, int far_end, const void *data, size_t len)
{
	uint8_t buf[SIMNIC_HEADROOM + SIMNIC_MAX_FRAME];
	struct esw *sw = esw_find(name);
	struct simnic_port *port = sw ? esw_far_end(sw, far_end) : NULL;

	if (!port)
		return -ENODEV;
	if (len > SIMNIC_MAX_FRAME)
		return -EMSGSIZE;
	memcpy(buf + SIMNIC_HEADROOM, data, len);
	pthread_rwlock_rdlock(&sw->table_lock);
	esw_forward(port, SIDE_FAR, buf + SIMNIC_HEADROOM, len);
	pthread_rwlock_unlock(&sw->table_lock);
	return 0;
}

ssize_t simnic_drain(const char *name, int far_end, void *buf, size_t size)
{
	struct esw *sw = esw_find(name);
	struct simnic_port *port = sw ? esw_far_end(sw, far_end) : NULL;
	struct far_frame *f = NULL;
	ssize_t len = 0;

	if (!port)
		return -ENODEV;
	if (port->tap >= 0)
		return -ENOTSUP;
	pthread_mutex_lock(&port->far_lock);
	if (port->n_far_frames) {
		f = LIST_ENTRY(list_pop_front(&port->far_frames), struct far_frame, node);
		port->n_far_frames--;
	}
	pthread_mutex_unlock(&port->far_lock);
	if (f) {
		len = f->len;
		memcpy(buf, f->data, MIN(f->len, size));
	}
	free(f);
	return len;
}

uint64_t simnic_counter(const char *name, const char *counter)
{
	struct esw *sw = esw_find(name);
	const struct {
		const char *name;
		size_t ofs;
	} rows[] = {
#define COUNTER(c, text) { #c, offsetof(struct esw_counters, c) },
#include "hw-tests/simnic/esw-counters.def"
#undef COUNTER
	};

	for (size_t i = 0; sw && i < ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i].name, counter))
			return __atomic_load_n((uint64_t *)((char *)&sw->counters + rows[i].ofs),
					       __ATOMIC_RELAXED);
	return UINT64_MAX;
}
