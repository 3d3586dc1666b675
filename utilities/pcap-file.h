// SPDX-License-Identifier: Apache-2.0
// Captures in the classic pcap format, of Ethernet or of Linux's "cooked" sort, whose packets are given an Ethernet header.
#pragma once

#include <stdio.h>

#include "core/base/strbuf.h"

struct pcap_file;

// Ends the program with a message when it cannot be read.
struct pcap_file *pcap_file_open(const char *name);
void pcap_file_close(struct pcap_file *p);
// The next packet, in place of what 'packet' held; *ret_usec when it was captured, since 1970. False at the end, also at one that comes
// too early, about which there is a warning.
bool pcap_file_next(struct pcap_file *p, struct strbuf *packet, int64_t *ret_usec);
// A capture of one packet, taken now.
void pcap_file_write_one(FILE *f, const struct strbuf *packet);
