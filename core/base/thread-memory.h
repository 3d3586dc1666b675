// SPDX-License-Identifier: Apache-2.0
// Memory that a thread has for itself, by a __thread pointer of whoever wants it, and that goes when the thread ends.
#pragma once

#include <stddef.h>

// Zeroed, the calling thread's. When that ends, 'release' (free(), or what gives back more before it does) gets it, what came last first.
// The main thread's stays until the process ends.
void *thread_memory(size_t size, void (*release)(void *p));
