// SPDX-License-Identifier: Apache-2.0
// The database file: records "OVSDB JSON LENGTH SHA1\n" followed by LENGTH bytes of JSON that end in a newline.
//
// Writing is in two steps: append to a buffer, then flush everything at once (group commit). A record that was flushed
// successfully with 'sync' survives a power loss; after a failed flush the file holds what it held before, or the
// log says that it is broken and takes nothing more until ovsdb_log_reread() and ovsdb_log_trust(), or ovsdb_log_replace(), have
// succeeded.
//
// A record that is written before all that stands ahead of it is known to be on disk has a space before its newline. A power loss
// may keep such a record and lose one ahead; a record without the space behind a hole means that the disk lost what it had promised.
// The file operations are a seam: tests let the n-th call fail, or the power.
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

#define OVSDB_LOG_DAMAGED (-EBADMSG)

enum ovsdb_log_mode {
	OVSDB_LOG_READ, // no lock, nothing is repaired
	OVSDB_LOG_WRITE, // locked; a torn tail is cut
	OVSDB_LOG_CREATE, // must not exist
};

// What is done about damage that no write which was cut short explains.
enum ovsdb_on_corruption {
	OVSDB_SALVAGE, // every good record that still applies is kept
	OVSDB_REFUSE, // nothing is opened
	OVSDB_ROLLBACK, // what stands before the first damage is kept
};
// "salvage", "refuse" or "rollback"; false when it is none of them.
bool ovsdb_on_corruption_parse(const char *text, enum ovsdb_on_corruption *ret);

struct ovsdb_log;

// Bytes that are read at once.
#define OVSDB_LOG_CHUNK (1 << 18)

// 'ops' NULL: the real ones. The file is locked against other writers by ".NAME.~lock~" beside it.
int ovsdb_log_open(struct ovsdb_log **ret, const char *path, enum ovsdb_log_mode mode,
		   const struct ovsdb_file_ops *ops, struct error *err);
// The same in slices: when this has succeeded, ovsdb_log_open_some() until it says 0. It reads some of the file: 1: there is more to do; or a
// negative errno.
int ovsdb_log_open_begin(struct ovsdb_log **ret, const char *path, enum ovsdb_log_mode mode,
			 const struct ovsdb_file_ops *ops, struct error *err);
int ovsdb_log_open_some(struct ovsdb_log *log, struct error *err);
// Without flushing. Accepts NULL.
void ovsdb_log_close(struct ovsdb_log *log);
const char *ovsdb_log_path(const struct ovsdb_log *log);
// Opened with OVSDB_LOG_READ.
bool ovsdb_log_is_read_only(const struct ovsdb_log *log);
// The next record, valid until the next call: 1; 0 at the end; OVSDB_LOG_DAMAGED ('err' says at which byte and what), or another negative
// errno. A torn tail (the last write was cut short) is logged, counts as the end and, in write mode, is cut off.
int ovsdb_log_read(struct ovsdb_log *log, struct json_span *ret, struct error *err);
// Looks at 'n' bytes at most of the record that is next, so that ovsdb_log_read() need not; true: there is more of it to look at.
bool ovsdb_log_check_some(struct ovsdb_log *log, size_t n);
// Gives back some of the memory that all was read into, when the end has been reached, so that ovsdb_log_read() need not; true: there is more.
bool ovsdb_log_forget_some(struct ovsdb_log *log);
// When ovsdb_log_read() has found damage: goes on to the next good record, or to the end. '*ret' is what was skipped, from
// ovsdb_log_offset() on, valid until the log is written. Counts as ovsdb_log_note_damage().
void ovsdb_log_skip_damage(struct ovsdb_log *log, struct json_span *ret);
// What was read is not all right, so the file is to be kept as it was found: the end of it is not cut.
void ovsdb_log_note_damage(struct ovsdb_log *log);
// While the file is being read: all from ovsdb_log_offset() on, valid as above.
struct json_span ovsdb_log_rest(const struct ovsdb_log *log);
// Writes the file anew without ovsdb_log_rest(). On failure as ovsdb_log_replace().
int ovsdb_log_cut(struct ovsdb_log *log, struct error *err);
// Appends what can be said of bytes that are no good record: how many records there may be, which rows they name.
void ovsdb_log_describe_damage(struct json_span bytes, struct strbuf *out);
// While the file is being read: a copy as it was found, durably, at PATH.corrupt-DATE, which must not exist yet (".1" and so on is put
// behind it). '*ret_name' is the caller's.
int ovsdb_log_keep_copy(struct ovsdb_log *log, char **ret_name, struct error *err);
// Adds the header. To be called when everything has been read (or after CREATE).
void ovsdb_log_append(struct ovsdb_log *log, const char *json, size_t n);
bool ovsdb_log_has_unflushed(const struct ovsdb_log *log);
// Flushed, and not with 'sync'.
bool ovsdb_log_has_unsynced(const struct ovsdb_log *log);
int ovsdb_log_flush(struct ovsdb_log *log, bool sync, struct error *err);
// Drops what was appended and not flushed.
void ovsdb_log_drop(struct ovsdb_log *log);
// A write or fsync failed, so what the file holds behind its last good record is unknown.
bool ovsdb_log_is_broken(const struct ovsdb_log *log);
// Opens a broken log's file again and reads from the disk what it should hold, for ovsdb_log_read() to begin anew; what was appended and
// not flushed stays. When all of it is as it should be, ovsdb_log_trust() cuts off what stands behind it and ends the brokenness.
int ovsdb_log_reread(struct ovsdb_log *log, struct error *err);
int ovsdb_log_trust(struct ovsdb_log *log, struct error *err);
// What was appended and not flushed: records with headers.
struct json_span ovsdb_log_unflushed(const struct ovsdb_log *log);
// Takes the first record off 's' (records with headers, each of them good); false at the end.
bool ovsdb_log_take_record(struct json_span *s, struct json_span *ret);
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
// Of the file; borrowed, until it is written anew.
int ovsdb_log_fd(const struct ovsdb_log *log);
off_t ovsdb_log_size(const struct ovsdb_log *log);
// Byte at which the last record read, or found damaged, began.
off_t ovsdb_log_offset(const struct ovsdb_log *log);
