// SPDX-License-Identifier: Apache-2.0
// Cutting up frames that a sender left to its device to cut (TSO, USO): packet sockets hand them out whole.
#pragma once

#include "core/base/util.h"

// Frame bytes (from the Ethernet header on, no VLAN tag), and the payload that goes in each piece.
struct segment_job {
	uint8_t *frame;
	uint32_t len;
	uint16_t l4; // offset of the TCP or UDP header
	uint16_t size; // payload per piece
	bool udp;
};

// Number of pieces, 0 when the headers do not make sense.
unsigned int segment_count(const struct segment_job *job);
// Writes piece 'i' with right lengths, sequence number, flags and checksums to 'out' (which has room for headers and
// job->size). Returns its length, 0 when the headers do not make sense.
uint32_t segment_write(const struct segment_job *job, unsigned int i, uint8_t *out);
