// SPDX-License-Identifier: Apache-2.0
#include "ovsdb/log-private.h"

#include <fcntl.h>
#include <libgen.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/log.h"

LOG_MODULE(ovsdb_log);

#define MAGIC "OVSDB JSON "
#define HEADER_MAX 128

static int real_open(const char *path, int flags, mode_t mode)
{
	int fd = open(path, flags | O_CLOEXEC, mode);

	return fd < 0 ? -errno : fd;
}

static ssize_t real_read(int fd, void *buf, size_t n)
{
	ssize_t got = read(fd, buf, n);

	return got < 0 ? -errno : got;
}

static ssize_t real_write(int fd, const void *buf, size_t n)
{
	ssize_t put = write(fd, buf, n);

	return put < 0 ? -errno : put;
}

static int real_fsync(int fd)
{
	return fsync(fd) < 0 ? -errno : 0;
}

static int real_rename(const char *from, const char *to)
{
	return rename(from, to) < 0 ? -errno : 0;
}

static int real_truncate(int fd, off_t size)
{
	return ftruncate(fd, size) < 0 ? -errno : 0;
}

static void real_close(int fd)
{
	close(fd);
}

const struct ovsdb_file_ops ovsdb_real_file_ops = {
	.open = real_open,
	.read = real_read,
	.write = real_write,
	.fsync = real_fsync,
	.rename = real_rename,
	.truncate = real_truncate,
	.close = real_close,
};

static int read_whole(struct ovsdb_log *log)
{
	ssize_t n;

	do {
		n = log->ops->read(log->fd, strbuf_reserve(&log->content, 1 << 18), 1 << 18);
		if (n > 0)
			log->content.len += n;
	} while (n > 0 || n == -EINTR);
	strbuf_reserve(&log->content, 0); // ends it with a NUL
	return n;
}

static char *lock_name(const char *path)
{
	AUTO_FREE char *a = xstrdup(path), *b = xstrdup(path);

	return xasprintf("%s/.%s.~lock~", dirname(a), basename(b));
}

// The child of a process that was killed while it had begun to write the file anew holds the lock until it notices.
static bool try_lock(int fd)
{
	enum { TRIES = 20, WAIT_USEC = 10000 };
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	for (int i = 0; i < TRIES; i++) {
		// fcntl locks are per process: an open file description lock refuses a second opener in this process too.
		if (!fcntl(fd, F_OFD_SETLK, &l))
			return true;
		usleep(WAIT_USEC);
	}
	return false;
}

static int take_lock(struct ovsdb_log *log, struct error *err)
{
	log->lock_path = lock_name(log->path);
	log->lock_fd = open(log->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (log->lock_fd < 0)
		return error_set(err, -errno, "%s: cannot create lock file: %s", log->lock_path,
				 strerror(errno));
	if (!try_lock(log->lock_fd))
		return error_set(
			err, -EAGAIN,
			"%s: cannot lock: another program has the database open (lock file %s)",
			log->path, log->lock_path);
	return 0;
}

static int open_file(struct ovsdb_log *log, struct error *err)
{
	static const int flags[] = {
		[OVSDB_LOG_READ] = O_RDONLY,
		[OVSDB_LOG_WRITE] = O_RDWR,
		[OVSDB_LOG_CREATE] = O_RDWR | O_CREAT | O_EXCL,
	};
	int rc;

	// No lock file for what is not there.
	if (log->mode == OVSDB_LOG_WRITE && access(log->path, F_OK))
		return error_set(err, -errno, "%s: open failed (%s)", log->path, strerror(errno));
	if (log->mode != OVSDB_LOG_READ) {
		if (take_lock(log, err))
			return -EAGAIN;
		ovsdb_log_remove_leftovers(log);
	}
	log->fd = log->ops->open(log->path, flags[log->mode], 0660);
	if (log->fd < 0)
		return error_set(err, log->fd, "%s: %s failed (%s)", log->path,
				 log->mode == OVSDB_LOG_CREATE ? "create" : "open",
				 strerror(-log->fd));
	rc = read_whole(log);
	if (rc < 0)
		return error_set(err, rc, "%s: read failed (%s)", log->path, strerror(-rc));
	return 0;
}

int ovsdb_log_open(struct ovsdb_log **ret, const char *path, enum ovsdb_log_mode mode,
		   const struct ovsdb_file_ops *ops, struct error *err)
{
	struct ovsdb_log *log = xzalloc(sizeof(*log));
	int rc;

	log->path = realpath(path, NULL); // a symbolic link stays one when the file is replaced
	if (!log->path)
		log->path = xstrdup(path);
	log->ops = ops ? ops : &ovsdb_real_file_ops;
	log->mode = mode;
	log->fd = log->lock_fd = -1;
	strbuf_init(&log->content);
	strbuf_init(&log->buffer);
	rc = open_file(log, err);
	if (rc) {
		ovsdb_log_close(log);
		return rc;
	}
	*ret = log;
	return 0;
}

void ovsdb_log_close(struct ovsdb_log *log)
{
	if (!log)
		return;
	if (log->fd >= 0)
		log->ops->close(log->fd);
	if (log->lock_fd >= 0)
		close(log->lock_fd);
	strbuf_uninit(&log->content);
	strbuf_uninit(&log->buffer);
	free(log->path);
	free(log->lock_path);
	free(log);
}

const char *ovsdb_log_path(const struct ovsdb_log *log)
{
	return log->path;
}

off_t ovsdb_log_size(const struct ovsdb_log *log)
{
	return log->size;
}

off_t ovsdb_log_offset(const struct ovsdb_log *log)
{
	return log->offset;
}

static void sha1_hex(const char *p, size_t n, char out[41])
{
	unsigned char digest[SHA_DIGEST_LENGTH];

	SHA1((const unsigned char *)p, n, digest);
	for (int i = 0; i < SHA_DIGEST_LENGTH; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

struct header {
	size_t header_len, body_len;
	char hash[41];
};

// "OVSDB JSON 123 0123...\n"
static bool parse_header(const char *p, size_t n, struct header *h)
{
	const char *nl = memchr(p, '\n', MIN(n, (size_t)HEADER_MAX));
	char line[HEADER_MAX + 1];
	int used = 0;

	if (!nl || n < strlen(MAGIC) || memcmp(p, MAGIC, strlen(MAGIC)) != 0)
		return false;
	memcpy(line, p, nl - p);
	line[nl - p] = '\0';
	if (sscanf(line, MAGIC "%zu %40[0-9a-f]%n", &h->body_len, h->hash, &used) != 2 ||
	    strlen(h->hash) != 40 || line[used])
		return false;
	h->header_len = nl - p + 1;
	return true;
}

static bool has_record_inside(const char *p, size_t n)
{
	return n > 1 && memmem(p + 1, n - 1, "\n" MAGIC, strlen("\n" MAGIC));
}

// Is what stands at 'p' (it is no good record) what a write leaves that was cut short? Only the end of the file can be
// that: when another record follows, bytes in the middle were damaged.
static bool is_torn(const char *p, size_t n)
{
	size_t magic = MIN(n, strlen(MAGIC));
	struct header h;

	if (is_all_zeros(p, n))
		return true;
	if (memcmp(p, MAGIC, magic) != 0 || has_record_inside(p, n))
		return false;
	if (!parse_header(p, n, &h))
		return !memchr(p, '\n', n) && n < HEADER_MAX;
	if (h.body_len > n - h.header_len)
		return true;
	// All bytes are there, and wrong: unwritten blocks read as zeros, anything else is damage.
	return memchr(p + h.header_len, '\0', n - h.header_len) != NULL;
}

static int cut_tail(struct ovsdb_log *log, struct error *err)
{
	size_t lost = log->content.len - log->next;
	int rc;

	log_warn("%s: the last write was cut short: %zu bytes at offset %zu hold no complete "
		 "record%s",
		 log->path, lost, log->next,
		 log->mode == OVSDB_LOG_READ ? "" : "; cutting them off");
	if (log->mode == OVSDB_LOG_READ)
		return 0;
	rc = log->ops->truncate(log->fd, log->next);
	if (!rc)
		rc = log->ops->fsync(log->fd);
	if (rc)
		return error_set(err, rc, "%s: cannot cut off the torn record at offset %zu: %s",
				 log->path, log->next, strerror(-rc));
	return 0;
}

static int damaged(struct ovsdb_log *log, struct error *err)
{
	const char *p = log->content.s + log->next;
	size_t n = log->content.len - log->next;
	char hash[41];
	struct header h;

	if (!parse_header(p, n, &h))
		return error_set(err, -EIO,
				 "%s: damaged at offset %zu: no record header \"" MAGIC
				 "LENGTH SHA1\" there, but data; nothing was changed",
				 log->path, log->next);
	if (h.body_len > n - h.header_len)
		return error_set(err, -EIO,
				 "%s: damaged at offset %zu: the record's length %zu goes beyond "
				 "the end of the "
				 "file although other records follow; nothing was changed",
				 log->path, log->next, h.body_len);
	sha1_hex(p + h.header_len, h.body_len, hash);
	return error_set(err, -EIO,
			 "%s: damaged at offset %zu: %zu bytes starting at offset %zu have SHA-1 "
			 "hash %s but "
			 "should have hash %s; nothing was changed",
			 log->path, log->next, h.body_len, log->next + h.header_len, hash, h.hash);
}

static int end_of_log(struct ovsdb_log *log)
{
	log->size = log->next;
	strbuf_uninit(&log->content);
	strbuf_init(&log->content);
	log->next = 0;
	if (log->fd >= 0)
		lseek(log->fd, log->size, SEEK_SET);
	return 0;
}

int ovsdb_log_read(struct ovsdb_log *log, struct json_span *ret, struct error *err)
{
	const char *p = strbuf_cstr(&log->content) + log->next;
	size_t n = log->content.len - log->next;
	char hash[41];
	struct header h;

	if (!n)
		return end_of_log(log);
	if (parse_header(p, n, &h) && h.body_len <= n - h.header_len) {
		sha1_hex(p + h.header_len, h.body_len, hash);
		if (!strcmp(hash, h.hash)) {
			*ret = (struct json_span){ p + h.header_len, h.body_len };
			log->offset = log->next;
			log->next += h.header_len + h.body_len;
			return 1;
		}
	}
	if (!is_torn(p, n))
		return damaged(log, err);
	if (cut_tail(log, err))
		return -EIO;
	strbuf_truncate(&log->content, log->next);
	return end_of_log(log);
}

void ovsdb_log_format(struct strbuf *out, const char *json, size_t n)
{
	AUTO(strbuf) body = STRBUF_INIT;
	char hash[41];

	strbuf_put(&body, json, n);
	strbuf_putc(&body, '\n');
	sha1_hex(body.s, body.len, hash);
	strbuf_printf(out, MAGIC "%zu %s\n", body.len, hash);
	strbuf_put(out, body.s, body.len);
}

void ovsdb_log_append(struct ovsdb_log *log, const char *json, size_t n)
{
	strbuf_uninit(&log->content);
	strbuf_init(&log->content);
	ovsdb_log_format(&log->buffer, json, n);
}

bool ovsdb_log_has_unflushed(const struct ovsdb_log *log)
{
	return log->buffer.len > 0;
}

void ovsdb_log_drop(struct ovsdb_log *log)
{
	strbuf_clear(&log->buffer);
}

bool ovsdb_log_is_broken(const struct ovsdb_log *log)
{
	return log->broken;
}

int ovsdb_log_write_all(const struct ovsdb_file_ops *ops, int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t put = ops->write(fd, p, n);

		if (put == -EINTR)
			continue;
		if (put < 0)
			return put;
		if (!put)
			return -ENOSPC;
		p += put;
		n -= put;
	}
	return 0;
}

int ovsdb_log_flush(struct ovsdb_log *log, bool sync, struct error *err)
{
	const char *what = "write";
	int rc;

	if (log->broken)
		return error_set(err, -EIO, "%s: an earlier write failed", log->path);
	rc = ovsdb_log_write_all(log->ops, log->fd, strbuf_cstr(&log->buffer), log->buffer.len);
	if (!rc && sync) {
		what = "fsync";
		rc = log->ops->fsync(log->fd);
	}
	if (!rc) {
		log->size += log->buffer.len;
		strbuf_clear(&log->buffer);
		return 0;
	}
	// Take the half-written records back if that is possible. After a failed fsync nobody knows what is on disk.
	if (!strcmp(what, "fsync") || log->ops->truncate(log->fd, log->size) ||
	    lseek(log->fd, log->size, SEEK_SET) < 0)
		log->broken = true;
	ovsdb_log_drop(log);
	return error_set(err, rc, "%s: %s failed (%s)", log->path, what, strerror(-rc));
}
