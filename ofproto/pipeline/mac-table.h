// SPDX-License-Identifier: Apache-2.0
// The MAC learning table: which port a station was last seen on, per VLAN. Bounded; ages by the clock.
//
// Thread-safe behind one mutex. A look-up that a translation relies on is a dependency: version() of the (MAC, VLAN) changes when its
// answer does.
#pragma once

#include "core/base/strbuf.h"
#include "core/types.h"

struct mac_table;

struct mac_table *mac_table_create(void);
void mac_table_destroy(struct mac_table *t);
// Seconds (default 300) and entries (default 8192).
void mac_table_configure(struct mac_table *t, unsigned int idle_sec, size_t max_entries);
// The station sent from 'port' just now. True when that changed an answer.
bool mac_table_learn(struct mac_table *t, struct eth_addr mac, uint16_t vlan, of_port_t port);
// True when a learn() of this would change an answer (so that a pure translation can say it must be done).
bool mac_table_would_change(struct mac_table *t, struct eth_addr mac, uint16_t vlan,
			    of_port_t port);
// False when unknown. *ret_version (may be NULL) changes whenever the answer for this station changes.
bool mac_table_find(struct mac_table *t, struct eth_addr mac, uint16_t vlan, of_port_t *ret_port,
		    uint64_t *ret_version);
// The version alone: for checking dependencies.
uint64_t mac_table_version(struct mac_table *t, struct eth_addr mac, uint16_t vlan);
void mac_table_flush(struct mac_table *t);
void mac_table_forget_port(struct mac_table *t, of_port_t port);
// Static entries of fdb/add stay until removed.
int mac_table_add_static(struct mac_table *t, struct eth_addr mac, uint16_t vlan, of_port_t port);
bool mac_table_del(struct mac_table *t, struct eth_addr mac, uint16_t vlan);
// Removes what is too old. True when something went.
bool mac_table_expire(struct mac_table *t);
size_t mac_table_count(struct mac_table *t);

struct mac_entry_info {
	struct eth_addr mac;
	uint16_t vlan;
	of_port_t port;
	int age; // seconds, -1: static
};

// In the order of use, oldest first.
void mac_table_for_each(struct mac_table *t, void (*cb)(const struct mac_entry_info *e, void *aux),
			void *aux);
// fdb/stats-show.
void mac_table_stats(struct mac_table *t, struct strbuf *out);
void mac_table_stats_clear(struct mac_table *t);
