// SPDX-License-Identifier: Apache-2.0
// A log's file written anew: at once, or by a process beside the one that goes on appending.
#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ovsdb/log-private.h"

int ovsdb_log_sync_directory(const struct ovsdb_log *log)
{
	AUTO_FREE char *copy = xstrdup(log->path);
	int fd = OVSDB_RETRY(log->ops->open(dirname(copy), O_RDONLY | O_DIRECTORY, 0));
	int rc;

	if (fd < 0)
		return fd;
	rc = OVSDB_RETRY(log->ops->fsync(fd));
	log->ops->close(fd);
	return rc;
}

void ovsdb_log_copy_mode(const char *from, int to)
{
	struct stat st;

	if (!stat(from, &st) && !fchown(to, st.st_uid, st.st_gid))
		fchmod(to, st.st_mode & 07777);
}

// The new file, 'fd', is in place.
static int take_over(struct ovsdb_log *log, int fd, off_t size, struct error *err)
{
	int rc;

	log->ops->close(log->fd);
	log->fd = fd;
	log->size = size;
	log->broken = log->unsynced = log->rename_failed = log->skipped = log->verifying = false;
	log->directory_unsynced = true;
	log->generation++;
	ovsdb_log_drop(log);
	strbuf_uninit(&log->content);
	strbuf_init(&log->content);
	log->next = 0;
	// Were the directory lost now, the old file, equally true, would come back. Records written from now on need the new one
	// on disk, though.
	rc = ovsdb_log_sync_directory(log);
	if (!rc) {
		log->directory_unsynced = false;
		return 0;
	}
	log->broken = log->rename_failed = true;
	return error_set(err, rc, "%s: fsync of the directory failed (%s)", log->path,
			 strerror(-rc));
}

static char *replace_name(const struct ovsdb_log *log)
{
	return xasprintf("%s.tmp", log->path);
}

int ovsdb_log_replace(struct ovsdb_log *log, const struct strbuf *content, struct error *err)
{
	AUTO_FREE char *tmp = replace_name(log);
	const char *what = "create";
	int fd, rc;

	unlink(tmp);
	fd = rc = OVSDB_RETRY(log->ops->open(tmp, O_RDWR | O_CREAT | O_EXCL, 0660));
	if (fd < 0)
		goto fail;
	ovsdb_log_copy_mode(log->path, fd);
	what = "write";
	rc = ovsdb_log_write_all(log->ops, fd, strbuf_cstr(content), content->len);
	if (!rc) {
		what = "fsync";
		rc = OVSDB_RETRY(log->ops->fsync(fd));
	}
	if (!rc) {
		what = "rename";
		rc = OVSDB_RETRY(log->ops->rename(tmp, log->path));
	}
	if (rc)
		goto fail;
	return take_over(log, fd, content->len, err);
fail:
	if (fd >= 0) {
		log->ops->close(fd);
		unlink(tmp);
	}
	return error_set(err, rc, "%s: %s failed (%s)", tmp, what, strerror(-rc));
}

// ---- Beside ----

struct ovsdb_log_rewrite {
	const struct ovsdb_file_ops *ops;
	char *path, *tmp;
	off_t size; // of the old file when it began
	unsigned int generation;
};

static char *rewrite_name(const struct ovsdb_log *log)
{
	return xasprintf("%s.compact", log->path);
}

void ovsdb_log_remove_leftovers(const struct ovsdb_log *log)
{
	AUTO_FREE char *tmp = rewrite_name(log), *other = replace_name(log);

	unlink(tmp);
	unlink(other);
}

int ovsdb_log_rewrite_begin(struct ovsdb_log *log, struct ovsdb_log_rewrite **ret,
			    struct error *err)
{
	struct ovsdb_log_rewrite *rw;

	if (log->broken || log->buffer.len)
		return error_set(err, -EBUSY, "%s: not all is written", log->path);
	rw = xzalloc(sizeof(*rw));
	rw->ops = log->ops;
	rw->path = xstrdup(log->path);
	rw->tmp = rewrite_name(log);
	rw->size = log->size;
	rw->generation = log->generation;
	ovsdb_log_remove_leftovers(log);
	*ret = rw;
	return 0;
}

int ovsdb_log_rewrite_write(const struct ovsdb_log_rewrite *rw, const struct strbuf *content)
{
	int fd = OVSDB_RETRY(rw->ops->open(rw->tmp, O_RDWR | O_CREAT | O_EXCL, 0660)), rc;

	if (fd < 0)
		return fd;
	ovsdb_log_copy_mode(rw->path, fd);
	rc = ovsdb_log_write_all(rw->ops, fd, strbuf_cstr(content), content->len);
	if (!rc)
		rc = OVSDB_RETRY(rw->ops->fsync(fd));
	rw->ops->close(fd);
	return rc;
}

// Puts what the old file got meanwhile behind what is in 'fd'.
static int copy_tail(struct ovsdb_log *log, const struct ovsdb_log_rewrite *rw, int fd)
{
	AUTO(strbuf) tail = STRBUF_INIT;
	size_t want = log->size - rw->size;
	ssize_t n = lseek(log->fd, rw->size, SEEK_SET) < 0 ? -errno : 0;

	while (n >= 0 && tail.len < want) {
		n = OVSDB_RETRY(log->ops->read(log->fd, strbuf_reserve(&tail, want - tail.len),
					       want - tail.len));
		if (!n)
			n = -EIO;
		else if (n > 0)
			tail.len += n;
	}
	if (lseek(log->fd, log->size, SEEK_SET) < 0)
		log->broken = true;
	return n < 0 ? n : ovsdb_log_write_all(log->ops, fd, strbuf_cstr(&tail), tail.len);
}

static int put_in_place(struct ovsdb_log *log, const struct ovsdb_log_rewrite *rw,
			off_t *ret_snapshot, struct error *err)
{
	const char *what = "open";
	int fd, rc;

	fd = rc = OVSDB_RETRY(log->ops->open(rw->tmp, O_RDWR, 0));
	if (fd < 0)
		goto fail;
	*ret_snapshot = lseek(fd, 0, SEEK_END);
	what = "write";
	rc = *ret_snapshot < 0 ? -errno : copy_tail(log, rw, fd);
	// What was written beside is on disk already.
	if (!rc && log->size != rw->size) {
		what = "fsync";
		rc = OVSDB_RETRY(log->ops->fsync(fd));
	}
	if (!rc) {
		what = "rename";
		rc = OVSDB_RETRY(log->ops->rename(rw->tmp, log->path));
	}
	if (!rc)
		return take_over(log, fd, *ret_snapshot + log->size - rw->size, err);
	log->ops->close(fd);
fail:
	return error_set(err, rc, "%s: %s failed (%s)", rw->tmp, what, strerror(-rc));
}

int ovsdb_log_rewrite_end(struct ovsdb_log *log, struct ovsdb_log_rewrite *rw, int result,
			  off_t *ret_snapshot, struct error *err)
{
	int rc;

	if (result)
		rc = error_set(err, result, "%s: %s", rw->tmp, strerror(-result));
	else if (log->generation != rw->generation || log->broken || log->buffer.len)
		rc = error_set(err, -ESTALE, "%s: written anew otherwise meanwhile", log->path);
	else
		rc = put_in_place(log, rw, ret_snapshot, err);
	if (rc)
		unlink(rw->tmp);
	free(rw->path);
	free(rw->tmp);
	free(rw);
	return rc;
}
