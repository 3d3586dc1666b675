// SPDX-License-Identifier: Apache-2.0
// The database file: records "OVSDB JSON LENGTH SHA1\n" followed by LENGTH bytes of JSON that end in a newline.
//
// Writing is in two steps: append to a buffer, then flush everything at once (group commit). A record that was flushed
// successfully with 'sync' survives a power loss; after a failed flush the file holds what it held before, or the
// log says that it is broken and takes nothing more until ovsdb_log_replace() has written it anew.
// The file operations are a seam: tests let the n-th call fail.
#pragma once

#include "core/base/error.h"
#include "core/base/strbuf.h"
#include "core/io/json.h"

struct ovsdb_file_ops {
	int (*open)(const char *path, int flags, mode_t mode); // fd or -errno
	ssize_t (*read)(int fd, void *buf, size_t n); // or -errno
	ssize_t (*write)(int fd, const void *buf, size_t n); // or -errno
	int (*fsync)(int fd); // 0 or -errno, as below
	int (*rename)(const char *from, const char *to);
	int (*truncate)(int fd, off_t size);
	void (*close)(int fd);
};
extern const struct ovsdb_file_ops ovsdb_real_file_ops;

enum ovsdb_log_mode {
	OVSDB_LOG_READ, // no lock, nothing is repaired
	OVSDB_LOG_WRITE, // locked; a torn tail is cut
	OVSDB_LOG_CREATE, // must not exist
};

struct ovsdb_log;

// 'ops' NULL: the real ones. The file is locked against other writers by ".NAME.~lock~" beside it.
int ovsdb_log_open(struct ovsdb_log **ret, const char *path, enum ovsdb_log_mode mode,
		   const struct ovsdb_file_ops *ops, struct error *err);
// Without flushing. Accepts NULL.
void ovsdb_log_close(struct ovsdb_log *log);
const char *ovsdb_log_path(const struct ovsdb_log *log);
// The next record, valid until the next call: 1; 0 at the end; negative when the file is damaged ('err' says at which byte
// and what). A torn tail (the last write was cut short) is logged, counts as the end and, in write mode, is cut off.
int ovsdb_log_read(struct ovsdb_log *log, struct json_span *ret, struct error *err);
// Adds the header. To be called when everything has been read (or after CREATE).
void ovsdb_log_append(struct ovsdb_log *log, const char *json, size_t n);
bool ovsdb_log_has_unflushed(const struct ovsdb_log *log);
int ovsdb_log_flush(struct ovsdb_log *log, bool sync, struct error *err);
// Drops what was appended and not flushed.
void ovsdb_log_drop(struct ovsdb_log *log);
// A write or fsync failed, so what the file holds behind its last good record is unknown.
bool ovsdb_log_is_broken(const struct ovsdb_log *log);
// Replaces the file by 'content' (records with headers, see ovsdb_log_format) atomically and durably. On failure
// the file and the log are as before.
int ovsdb_log_replace(struct ovsdb_log *log, const struct strbuf *content, struct error *err);
// The same in three steps, for a process beside this one: begin, write there, end here. What is flushed between is kept. 'result' is the
// writer's; when it is not 0, or the file was replaced meanwhile, the file stays as it is. *ret_snapshot: bytes of 'content'.
struct ovsdb_log_rewrite;
int ovsdb_log_rewrite_begin(struct ovsdb_log *log, struct ovsdb_log_rewrite **ret,
			    struct error *err);
int ovsdb_log_rewrite_write(const struct ovsdb_log_rewrite *rw, const struct strbuf *content);
int ovsdb_log_rewrite_end(struct ovsdb_log *log, struct ovsdb_log_rewrite *rw, int result,
			  off_t *ret_snapshot, struct error *err);
void ovsdb_log_format(struct strbuf *out, const char *json, size_t n);
off_t ovsdb_log_size(const struct ovsdb_log *log);
// Byte at which the last record read began.
off_t ovsdb_log_offset(const struct ovsdb_log *log);
