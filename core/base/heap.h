// SPDX-License-Identifier: Apache-2.0
// The C library's heap on huge pages, for a program that keeps much in memory: what fork() copies of it, and what the processor has
// to look up, is then an entry for 2 MiB instead of 4 KiB. One thread.
#pragma once

// From now on the heap grows in steps in which huge pages have room. To be called first, before much is allocated.
void heap_use_huge_pages(void);
// Asks for huge pages where the heap has grown since the last call; takes nanoseconds when it has not. Before heap_use_huge_pages(), and where the
// kernel has none, nothing happens.
void heap_note_growth(void);
