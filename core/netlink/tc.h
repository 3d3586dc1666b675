// SPDX-License-Identifier: Apache-2.0
// What parts of the switch leave in the kernel's traffic control for each other to know.
#pragma once

// Cookie of the actions of the filter that polices a port (datapath/linux). It stands alone at priority 1; filters of flows come
// after it.
#define TC_POLICING_COOKIE "oes:police"
