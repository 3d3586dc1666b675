// SPDX-License-Identifier: Apache-2.0
// What the files of this folder share: disciplines, classes and filters as values, and how a kind turns options into them.
#pragma once

#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "core/netlink/nl.h"
#include "core/netlink/tc.h"
#include "datapath/linux/traffic.h"

// Every discipline of ours is 1:0; queue N is class 1:(N + 1), all of them below the root class.
enum { QOS_HANDLE = 0x10000, QOS_ROOT_CLASS = 0x1fffe, QOS_MAX_QUEUES = 0xf000 };
// Settings of a discipline as numbers, in the order of its names.
#define QOS_MAX_VALUES 5

static inline uint32_t qos_class_of(uint32_t queue)
{
	return QOS_HANDLE | (queue + 1);
}

// A discipline as the kernel tells of it. 'options' is into the message.
struct tc_qdisc {
	uint32_t handle;
	char kind[16];
	const struct nlattr *options; // NULL: it told none
};

// A class, as linux-htb and linux-hfsc have them.
struct tc_class {
	uint32_t id;
	uint64_t min_rate, max_rate; // bytes/s
	uint32_t burst, ceil_burst; // ticks of the kernel's packet scheduler at those rates
	uint32_t quantum; // bytes
	uint32_t priority;
	struct qos_queue_stats stats;
};

// A filter that may be our policing.
struct tc_policing {
	uint32_t handle, chain;
	uint16_t priority;
	bool is_police; // it matches all packets, polices them, and does nothing else
	bool is_ours; // ... and has our mark
	bool in_hw;
	struct tc_policer actions[2];
	size_t n_actions;
};

// message.c: what the kernel says, checked. -EPROTO and 'err' says what is wrong.
int tc_qdisc_decode(const struct nlmsghdr *h, struct tc_qdisc *ret, struct error *err);
struct qos_kind;
int tc_class_decode(const struct nlmsghdr *h, const struct qos_kind *kind, struct tc_class *ret,
		    struct error *err);
int tc_policing_decode(const struct nlmsghdr *h, struct tc_policing *ret, struct error *err);

// Classes of a kind.
struct class_ops {
	// What a class is to be. 'root' is the root class, NULL when that one is asked for.
	int (*read)(const struct traffic_link *l, const struct smap *options,
		    const struct tc_class *root, struct tc_class *ret, struct error *err);
	// Into and out of TCA_OPTIONS.
	void (*put)(struct strbuf *b, const struct tc_class *c);
	int (*get)(const struct nlattr *options, struct tc_class *ret, struct error *err);
	bool (*equal)(const struct tc_class *a, const struct tc_class *b);
	// Options that would make it so.
	void (*show)(const struct tc_class *c, uint32_t mtu, struct smap *ret);
};

struct qos_kind {
	// Settings that the discipline itself has, as options are called; the rest NULL.
	const char *names[QOS_MAX_VALUES];
	int (*read)(const struct traffic_link *l, const struct smap *options,
		    uint64_t values[QOS_MAX_VALUES], struct error *err);
	// Into and out of TCA_OPTIONS.
	void (*put)(struct strbuf *b, const uint64_t values[QOS_MAX_VALUES]);
	int (*get)(const struct nlattr *options, uint64_t values[QOS_MAX_VALUES],
		   struct error *err);
	const struct class_ops *classes; // NULL: no queues
};

#define KIND(SYMBOL, ...) extern const struct qos_kind qos_##SYMBOL;
#include "datapath/linux/qos.def"
#undef KIND

struct qos_kind_row {
	const char *type, *discipline;
	uint32_t max_queues;
	const struct qos_kind *kind;
};

extern const struct qos_kind_row qos_kinds[];
extern const size_t n_qos_kinds;
const struct qos_kind_row *qos_kind_by_type(const char *type);

// A number among options: 'def' where there is none or it is 0. -EINVAL: it is no number, or over 'max'.
int qos_number(const struct smap *options, const char *name, uint64_t def, uint64_t max,
	       uint64_t *ret, struct error *err);
// bit/s that are all there is: max-rate, or the link's, or 10 Gbit/s.
int qos_link_rate(const struct traffic_link *l, const struct smap *options, uint64_t *ret_bytes,
		  struct error *err);
// How long so many bytes take at a rate, in the ticks that the kernel has bursts in.
uint32_t qos_ticks(uint64_t rate, uint64_t bytes);
uint64_t qos_bytes(uint64_t rate, uint32_t ticks);
// Nanoseconds of a tick.
uint64_t qos_tick_nsec(void);

struct created_queue {
	uint32_t queue;
	int64_t created_msec;
};

// A device that has been a port.
struct traffic_device {
	int ifindex;
	const struct qos_kind_row *kind; // NULL: none
	uint32_t mtu; // when 'kind' was set up
	bool looked; // at what was there before us
	struct policing_config policing;
	bool policed; // as 'policing' says
	bool made_hook; // the qdisc that policing stands at
	bool policed_in_hw;
	char why_not[128]; // the driver's words, when it refused
	struct created_queue *created; // queues that this process has made, by their numbers
	size_t n_created, cap_created;
};
