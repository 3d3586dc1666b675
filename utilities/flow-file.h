// SPDX-License-Identifier: Apache-2.0
// Files of flows, groups and the like: lines, in which '#' begins a comment.
#pragma once

#include <stdio.h>

// 'line' holds something, has no comment, and may be changed. 'where' is what an error in it begins with: "NAME:NUMBER: ".
typedef void flow_file_cb(char *line, const char *where, void *aux);
// Calls cb for every such line. Ends the program where 'f', which is called 'name', cannot be read.
void flow_file_read(FILE *f, const char *name, flow_file_cb *cb, void *aux);
