// SPDX-License-Identifier: Apache-2.0
// What all classes of ports share.
#include "datapath/user/port.h"

#include "core/base/counters.h"

static const struct port_class *const classes[] = {
	&port_class_ethdev,	    &port_class_system, &port_class_tap,
	&port_class_internal,	    &port_class_dummy,	&port_class_dummy_pmd,
	&port_class_dummy_internal,
};

const struct port_class *port_class_find(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		if (!strcmp(classes[i]->type, type))
			return classes[i];
	return NULL;
}

void port_init(struct port *p, const struct port_class *class, const char *name)
{
	p->class = class;
	snprintf(p->ref.name, sizeof(p->ref.name), "%s", name);
	p->ref.ethdev = PORT_NO_ETHDEV;
	p->ref.number = DP_PORT_NONE;
	p->mtu = 1500;
	p->n_rxq = p->n_txq = 1;
	for (uint16_t i = 0; i < PORT_MAX_QUEUES; i++) {
		p->rxqs[i] = (struct rxq){ .port = p, .queue = i };
		rte_spinlock_init(&p->tx_locks[i]);
	}
}

#define GET(MEMBER) __atomic_load_n(&p->counts.MEMBER, __ATOMIC_RELAXED)

void port_info_counts(const struct port *p, struct datapath_port_info *info)
{
	info->rx_packets = GET(rx_packets);
	info->rx_bytes = GET(rx_bytes);
	info->rx_dropped = GET(rx_dropped);
	info->rx_errors = GET(rx_errors);
	info->tx_packets = GET(tx_packets);
	info->tx_bytes = GET(tx_bytes);
	info->tx_dropped = GET(tx_dropped);
	info->tx_errors = GET(tx_errors);
}

uint16_t port_send(struct port *p, unsigned int worker, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t queue = worker % p->n_txq, sent = 0;

	rte_spinlock_lock(&p->tx_locks[queue]);
	while (sent < n) {
		uint16_t some = p->class->tx(p, queue, pkts + sent, n - sent);

		if (!some)
			break;
		sent += some;
	}
	rte_spinlock_unlock(&p->tx_locks[queue]);
	if (sent < n) {
		counter_add(COUNTER_DROP_TX, n - sent);
		__atomic_fetch_add(&p->unsent, n - sent, __ATOMIC_RELAXED);
		rte_pktmbuf_free_bulk(pkts + sent, n - sent);
	}
	return sent;
}

int port_option_int(const struct smap *options, const char *key, int64_t def, int64_t min,
		    int64_t max, int64_t *ret, struct error *err)
{
	const char *text = smap_get(options, key);
	int64_t v = def;

	if (text && (!parse_i64(text, 10, &v) || v < min || v > max))
		return error_set(err, -EINVAL, "options:%s=%s is not a number from %lld to %lld",
				 key, text, (long long)min, (long long)max);
	*ret = v;
	return 0;
}
