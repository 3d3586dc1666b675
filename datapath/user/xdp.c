// SPDX-License-Identifier: Apache-2.0
#include "datapath/user/xdp.h"

#include <bpf/libbpf.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xdp/libxdp.h>
#include <xdp/xsk.h>

#include "core/base/log.h"
#include "core/base/util.h"

LOG_MODULE(netdev_afxdp);

// libxdp's own, installed with it; DPDK's driver knows it again by its name.
#define PROGRAM_FILE "xsk_def_xdp_prog.o"
#define PROGRAM_NAME "xsk_def_prog"

struct xdp_attachment {
	struct xdp_program
		*program; // NULL: it was there before us, left by a process that did not end well
	int ifindex;
	enum af_xdp_mode mode;
};

static const char *const mode_names[AF_XDP_MODES] = {
	[AF_XDP_BEST_EFFORT] = "best-effort",
	[AF_XDP_ZEROCOPY] = "native-with-zerocopy",
	[AF_XDP_NATIVE] = "native",
	[AF_XDP_GENERIC] = "generic",
};

const char *xdp_mode_name(enum af_xdp_mode mode)
{
	return mode_names[mode];
}

bool xdp_mode_parse(const char *text, enum af_xdp_mode *ret)
{
	for (int i = 0; i < AF_XDP_MODES; i++)
		if (!strcmp(text, mode_names[i])) {
			*ret = i;
			return true;
		}
	return false;
}

// ---- The libraries' messages ----

static int log_library(enum libbpf_print_level level, const char *format, va_list args)
{
	char text[512];
	size_t n;

	vsnprintf(text, sizeof(text), format, args);
	n = strcspn(text, "\n");
	LOG_AT(level == LIBBPF_WARN ? LEVEL_INFO : LEVEL_DBG, "%.*s", (int)n, text);
	return 0;
}

static int log_libxdp(enum libxdp_print_level level, const char *format, va_list args)
{
	return log_library(level == LIBXDP_WARN ? LIBBPF_WARN : LIBBPF_DEBUG, format, args);
}

// ---- The program ----

static enum xdp_attach_mode attach_mode(enum af_xdp_mode mode)
{
	return mode == AF_XDP_GENERIC ? XDP_MODE_SKB : XDP_MODE_NATIVE;
}

static bool is_ours(const struct xdp_multiprog *all)
{
	struct xdp_program *p = xdp_multiprog__is_legacy(all) ? xdp_multiprog__main_prog(all)
							      : xdp_multiprog__next_prog(NULL, all);

	return p && !strcmp(xdp_program__name(p), PROGRAM_NAME);
}

// 1: the program is there already in this mode; 0: none is; negative: another one stands in the way.
static int look_at_device(int ifindex, enum af_xdp_mode mode, struct error *err)
{
	struct xdp_multiprog *all = xdp_multiprog__get_from_ifindex(ifindex);
	int ret = 0;

	if (libxdp_get_error(all))
		return 0;
	if (xdp_multiprog__attach_mode(all) == XDP_MODE_UNSPEC)
		ret = 0;
	else if (is_ours(all) && xdp_multiprog__attach_mode(all) == attach_mode(mode))
		ret = 1;
	else
		ret = error_set(err, -EBUSY,
				"the device has another XDP program already (ip link set "
				"dev NAME xdp off)");
	xdp_multiprog__close(all);
	return ret;
}

static int attach_program(struct xdp_attachment *a, enum af_xdp_mode mode, struct error *err)
{
	int ret = look_at_device(a->ifindex, mode, err);

	if (ret)
		return MIN(ret, 0);
	a->program = xdp_program__find_file(PROGRAM_FILE, NULL, NULL);
	ret = libxdp_get_error(a->program);
	if (ret) {
		a->program = NULL;
		return error_set(err, ret, "libxdp's program %s cannot be read: %s", PROGRAM_FILE,
				 strerror(-ret));
	}
	ret = xdp_program__attach(a->program, a->ifindex, attach_mode(mode), 0);
	if (!ret)
		return 0;
	xdp_program__close(a->program);
	a->program = NULL;
	return error_set(err, ret, "the XDP program cannot be attached: %s", strerror(-ret));
}

static void detach_program(struct xdp_attachment *a)
{
	enum xdp_attach_mode mode;

	if (!a->program)
		return;
	mode = xdp_program__is_attached(a->program, a->ifindex);
	if (mode != XDP_MODE_UNSPEC)
		xdp_program__detach(a->program, a->ifindex, mode, 0);
	xdp_program__close(a->program);
	a->program = NULL;
}

// ---- Zero copy ----

#define PROBE_FRAMES (XSK_RING_PROD__DEFAULT_NUM_DESCS + XSK_RING_CONS__DEFAULT_NUM_DESCS)
#define PROBE_BYTES ((size_t)PROBE_FRAMES * XSK_UMEM__DEFAULT_FRAME_SIZE)

// The kernel falls back to copying in silence unless zero copy is demanded, which DPDK's driver cannot be told to do:
// a socket of ours asks first.
static int probe_zerocopy(const char *name, void *memory)
{
	const struct xsk_socket_config config = {
		.rx_size = XSK_RING_CONS__DEFAULT_NUM_DESCS,
		.tx_size = XSK_RING_PROD__DEFAULT_NUM_DESCS,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = XDP_ZEROCOPY,
	};
	struct xsk_ring_prod fill, tx;
	struct xsk_ring_cons completed, rx;
	struct xsk_socket *socket;
	struct xsk_umem *umem;
	int ret = xsk_umem__create(&umem, memory, PROBE_BYTES, &fill, &completed, NULL);

	if (ret)
		return ret;
	ret = xsk_socket__create(&socket, name, 0, umem, &rx, &tx, &config);
	if (!ret)
		xsk_socket__delete(socket);
	xsk_umem__delete(umem);
	return ret;
}

static int check_zerocopy(const char *name, struct error *err)
{
	void *memory =
		mmap(NULL, PROBE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ret;

	if (memory == MAP_FAILED)
		return error_set(err, -errno, "no memory to try zero copy");
	ret = probe_zerocopy(name, memory);
	munmap(memory, PROBE_BYTES);
	return ret ? error_set(err, ret, "the driver does not receive without copying: %s",
			       strerror(-ret))
		   : 0;
}

// ---- The whole ----

static int try_mode(struct xdp_attachment *a, const char *name, enum af_xdp_mode mode,
		    struct error *err)
{
	int ret = attach_program(a, mode, err);

	if (!ret && mode == AF_XDP_ZEROCOPY) {
		ret = check_zerocopy(name, err);
		if (ret)
			detach_program(a);
	}
	a->mode = mode;
	return ret ? error_wrap(err, "xdp-mode %s", mode_names[mode]) : 0;
}

static int kernel_has_sockets(struct error *err)
{
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return error_set(err, -errno, "the kernel gives no AF_XDP socket: %s",
				 strerror(errno));
	close(fd);
	return 0;
}

struct xdp_attachment *xdp_attach(const char *name, enum af_xdp_mode mode, struct error *err)
{
	struct xdp_attachment *a;
	int ret;

	if (kernel_has_sockets(err))
		return NULL;
	libbpf_set_print(log_library);
	libxdp_set_print(log_libxdp);
	a = xzalloc(sizeof(*a));
	a->ifindex = if_nametoindex(name);
	if (mode != AF_XDP_BEST_EFFORT) {
		ret = try_mode(a, name, mode, err);
	} else {
		ret = -EOPNOTSUPP;
		for (int m = AF_XDP_ZEROCOPY; ret && m < AF_XDP_MODES; m++) {
			error_clear(err);
			ret = try_mode(a, name, m, err);
		}
	}
	if (!ret)
		return a;
	free(a);
	return NULL;
}

enum af_xdp_mode xdp_attached_mode(const struct xdp_attachment *a)
{
	return a->mode;
}

void xdp_detach(struct xdp_attachment *a)
{
	if (!a)
		return;
	detach_program(a);
	free(a);
}
