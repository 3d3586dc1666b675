// SPDX-License-Identifier: Apache-2.0
// Checksum pieces. Sums and checksums are in host order: the value of the big-endian field.
#pragma once

#include "core/base/util.h"

uint32_t sum_words(const void *p, size_t n, uint32_t sum);
uint16_t sum_fold(uint32_t sum);
// The checksum after 'n' bytes changed; 'phase' 1: the first of them is the low half of a 16-bit word.
uint16_t checksum_update(uint16_t sum, const void *old, const void *now, size_t n, size_t phase);
uint32_t crc32c(const void *p, size_t n);
// Sum over the pseudo header of TCP, UDP or ICMPv6, 'len' bytes long, in the IP header at 'l3'.
uint32_t pseudo_header_sum(const uint8_t *l3, bool v6, uint8_t proto, uint32_t len);
