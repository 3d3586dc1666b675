// SPDX-License-Identifier: Apache-2.0
#include "core/base/heap.h"

#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/util.h"

#define MIB (1 << 20)
// Address space that the heap takes at once. What has not been used yet takes no memory.
#define STEP (32 * MIB)
// Pieces of that size are mapped for themselves: they grow without being copied, are zero without being cleared, and go back at once.
#define MAPPED MIB

static bool in_use;
static uintptr_t asked; // for all below

void heap_use_huge_pages(void)
{
	mallopt(M_TOP_PAD, STEP);
	// The library adjusts these two no more, once one of the three is set.
	mallopt(M_TRIM_THRESHOLD, 2 * STEP);
	mallopt(M_MMAP_THRESHOLD, MAPPED);
	asked = ROUND_UP((uintptr_t)sbrk(0), (uintptr_t)sysconf(_SC_PAGESIZE));
	in_use = true;
}

void heap_note_growth(void)
{
	uintptr_t end = (uintptr_t)sbrk(0);

	if (!in_use || end == asked)
		return;
	if (end > asked)
		madvise((void *)asked, end - asked, MADV_HUGEPAGE);
	asked = end;
}
