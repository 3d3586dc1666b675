// SPDX-License-Identifier: Apache-2.0
// The XDP program that hands a Linux device's packets to AF_XDP sockets, attached in the mode that was asked for.
//
// DPDK's driver would attach it as the kernel likes; it uses one that it finds attached, so we come first. Main thread.
#pragma once

#include "core/base/error.h"

enum af_xdp_mode {
	AF_XDP_BEST_EFFORT, // the first of the following that works
	AF_XDP_ZEROCOPY, // "native-with-zerocopy": in the driver, packets are not copied
	AF_XDP_NATIVE, // in the driver, one copy
	AF_XDP_GENERIC, // in the network stack, works with all drivers
	AF_XDP_MODES
};

struct xdp_attachment;

const char *xdp_mode_name(enum af_xdp_mode mode);
// False when 'text' is none of the names.
bool xdp_mode_parse(const char *text, enum af_xdp_mode *ret);
// Attaches in 'mode'; xdp_attached_mode() tells which one AF_XDP_BEST_EFFORT found. NULL with 'err'.
struct xdp_attachment *xdp_attach(const char *name, enum af_xdp_mode mode, struct error *err);
enum af_xdp_mode xdp_attached_mode(const struct xdp_attachment *a);
// Takes the program off the device if it is still there, and frees. No socket uses it any more.
void xdp_detach(struct xdp_attachment *a);
