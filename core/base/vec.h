// SPDX-License-Identifier: Apache-2.0
// A typed growing array: struct { T *v; size_t n, cap; }.
#pragma once

#include "core/base/util.h"

#define VEC(T) \
	struct { \
		T *v; \
		size_t n, cap; \
	}

#define VEC_INIT \
	{ \
		NULL, 0, 0 \
	}

// Room for one more element; evaluates to a pointer to it (uninitialised).
#define VEC_PUSH_UNINIT(A) \
	((A)->v = xgrow((A)->v, &(A)->cap, (A)->n + 1, sizeof(*(A)->v)), &(A)->v[(A)->n++])
#define VEC_PUSH(A, X) (*VEC_PUSH_UNINIT(A) = (X))
// Gives back what is not used.
#define VEC_TRIM(A) \
	((A)->cap == (A)->n ? (void)0 \
			    : (void)((A)->v = (A)->n ? xrealloc((A)->v, (A)->n * sizeof(*(A)->v)) \
						     : (free((A)->v), NULL), \
				     (A)->cap = (A)->n))
// Makes TO, which holds nothing, a copy of FROM in no more memory than it needs.
#define VEC_COPY(TO, FROM) \
	((TO)->v = (FROM)->n ? xmemdup((FROM)->v, (FROM)->n * sizeof(*(FROM)->v)) : NULL, \
	 (TO)->n = (TO)->cap = (FROM)->n)
#define VEC_CLEAR(A) ((A)->n = 0)
#define VEC_FREE(A) (free((A)->v), (A)->v = NULL, (A)->n = (A)->cap = 0)
// P points at each element in turn.
#define VEC_FOR_EACH(P, A) for (P = (A)->v; P < (A)->v + (A)->n; P++)
