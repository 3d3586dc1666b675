// SPDX-License-Identifier: Apache-2.0
// LD_PRELOAD: the allocation with the number in OES_FAIL_AT (the first is 1) fails; how many there were stands in the file
// OES_ALLOCATIONS at the end. Those of children do not count, nor those of libcrypto, which does not look whether it has got the locks
// that it begins with.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// glibc's own.
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static unsigned long count, fail_at;
static pid_t self;

static bool fails(void *caller)
{
	Dl_info of;

	if (getpid() != self || (dladdr(caller, &of) && strstr(of.dli_fname, "/libcrypto")) ||
	    __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED) != fail_at)
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(p, size);
}

// What the libraries needed to be loaded is not counted.
__attribute__((constructor)) static void begin(void)
{
	const char *at = getenv("OES_FAIL_AT");

	self = getpid();
	count = 0;
	fail_at = at ? strtoul(at, NULL, 10) : 0;
}

__attribute__((destructor)) static void end(void)
{
	const char *path = getenv("OES_ALLOCATIONS");
	int fd = path && getpid() == self ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;

	if (fd >= 0) {
		dprintf(fd, "%lu\n", count);
		close(fd);
	}
}
