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
	size_t forgotten; // bytes ahead of 'content' that are not there any more
	// The hash of that record:
	struct evp_md_ctx_st *hash; // NULL: of none yet
	size_t hashed; // bytes of its body
	enum { RECORD_UNKNOWN, RECORD_GOOD, RECORD_BAD } checked;
	off_t offset; // of the last one read
	off_t size; // up to here the file is good
	struct strbuf buffer; // appended, not flushed
	bool broken;
	bool unsynced; // not all up to 'size' is known to be on disk
	bool directory_unsynced; // nor that the file is there by its name
	bool rename_failed; // to reach the disk: only another rename can
	bool skipped; // damage was: the end is not cut
	bool verifying; // what is read must be good to its end
	unsigned int generation; // how often it has been written anew
};

#define OVSDB_MAGIC "OVSDB JSON "
#define OVSDB_HEADER_MAX 128

struct ovsdb_record_header {
	size_t header_len, body_len;
	char hash[41];
};
// "OVSDB JSON 123 0123...\n"
bool ovsdb_record_parse_header(const char *p, size_t n, struct ovsdb_record_header *h);
// Does a record stand at 'p' whose hash is right?
bool ovsdb_record_is_good(const char *p, size_t n, struct ovsdb_record_header *h);
void ovsdb_sha1_hex(const char *p, size_t n, char out[41]);

// ---- log-damage.c ----
// Is what stands at log->next (it is no good record) what a write leaves that was cut short?
bool ovsdb_log_is_torn(const struct ovsdb_log *log);
// The same of several records, written at once, of which later ones reached the disk.
bool ovsdb_log_is_torn_batch(const struct ovsdb_log *log);

// An operation again while a signal interrupts it.
#define OVSDB_RETRY(EXPR) \
	({ \
		__typeof__(EXPR) retry_; \
		do \
			retry_ = (EXPR); \
		while (retry_ == -EINTR); \
		retry_; \
	})

int ovsdb_log_sync_directory(const struct ovsdb_log *log);
// Owner and permissions of the file at 'from'.
void ovsdb_log_copy_mode(const char *from, int to);
int ovsdb_log_write_all(const struct ovsdb_file_ops *ops, int fd, const char *p, size_t n);
// What a process that ended while it wrote the file anew has left.
void ovsdb_log_remove_leftovers(const struct ovsdb_log *log);
