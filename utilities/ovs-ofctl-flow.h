// SPDX-License-Identifier: Apache-2.0
// What the files about flows share.
#pragma once

#include "utilities/flow-file.h"
#include "utilities/ovs-ofctl.h"

// A flow that a switch has or a file describes.
struct flow {
	struct flow_stats fs; // 'match' and 'acts' point into this struct
	struct strbuf acts; // owned
};

// Of the file by this name ("-": standard input); ends the program where it cannot be opened.
void ofctl_read_flows(const char *name, flow_file_cb *cb, void *aux);
// 'usable': the formats that can say it.
void flow_request_encode(struct ofp_client *c, const struct flow_stats_request *q, uint32_t usable,
			 struct strbuf *b);

void run_replace_flows(int argc, char *argv[]);
void run_diff_flows(int argc, char *argv[]);
