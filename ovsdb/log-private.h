// SPDX-License-Identifier: Apache-2.0
// What log.c and log-rewrite.c share.
#pragma once

#include "ovsdb/log.h"

struct ovsdb_log {
	char *path, *lock_path;
	const struct ovsdb_file_ops *ops;
	enum ovsdb_log_mode mode;
	int fd, lock_fd;
	struct strbuf content; // the whole file while it is read, then freed
	size_t next; // offset of the record to read next
	off_t offset; // of the last one read
	off_t size; // up to here the file is good
	struct strbuf buffer; // appended, not flushed
	bool broken;
	unsigned int generation; // how often it has been written anew
};

int ovsdb_log_write_all(const struct ovsdb_file_ops *ops, int fd, const char *p, size_t n);
// What a process that ended while it wrote the file anew has left.
void ovsdb_log_remove_leftovers(const struct ovsdb_log *log);
