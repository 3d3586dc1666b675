// SPDX-License-Identifier: Apache-2.0
#include "ovsdb/log-private.h"

#include <fcntl.h>
#include <libgen.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/log.h"

LOG_MODULE(ovsdb_log);

#define MAGIC OVSDB_MAGIC

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

// More than 0: there may be more.
static int read_some(struct ovsdb_log *log)
{
	char *to = strbuf_reserve(&log->content, OVSDB_LOG_CHUNK);
	ssize_t n = OVSDB_RETRY(log->ops->read(log->fd, to, OVSDB_LOG_CHUNK));

	if (n > 0) {
		// What is not on disk begins to go there: then there is little to wait for at the end.
		if (log->mode == OVSDB_LOG_WRITE)
			sync_file_range(log->fd, (off_t)log->content.len, n, SYNC_FILE_RANGE_WRITE);
		log->content.len += n;
	}
	strbuf_reserve(&log->content, 0); // ends it with a NUL
	return n;
}

static int read_whole(struct ovsdb_log *log)
{
	int n;

	while ((n = read_some(log)) > 0)
		;
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

static int refuse_clustered(const struct ovsdb_log *log, struct error *err)
{
	const char *text = strbuf_cstr(&log->content);

	if (!str_starts(text, "OVSDB CLUSTER ") && !str_starts(text, "CLUSTER "))
		return 0;
	return error_set(err, -EOPNOTSUPP,
			 "%s: a file of a clustered database; only standalone ones are supported "
			 "(Open vSwitch's \"ovsdb-tool cluster-to-standalone\" makes one)",
			 log->path);
}

static int open_file(struct ovsdb_log *log, struct error *err)
{
	static const int flags[] = {
		[OVSDB_LOG_READ] = O_RDONLY,
		[OVSDB_LOG_WRITE] = O_RDWR,
		[OVSDB_LOG_CREATE] = O_RDWR | O_CREAT | O_EXCL,
	};
	struct stat st;
	int rc;

	// No lock file for what is not there.
	if (log->mode == OVSDB_LOG_WRITE && access(log->path, F_OK))
		return error_set(err, -errno, "%s: open failed (%s)", log->path, strerror(errno));
	if (log->mode != OVSDB_LOG_READ) {
		rc = take_lock(log, err);
		if (rc)
			return rc;
		ovsdb_log_remove_leftovers(log);
	}
	log->fd = OVSDB_RETRY(log->ops->open(log->path, flags[log->mode], 0660));
	if (log->fd < 0)
		return error_set(err, log->fd, "%s: %s failed (%s)", log->path,
				 log->mode == OVSDB_LOG_CREATE ? "create" : "open",
				 strerror(-log->fd));
	// At once: growing would copy it now and then.
	if (!fstat(log->fd, &st) && S_ISREG(st.st_mode))
		strbuf_reserve(&log->content, (size_t)st.st_size + OVSDB_LOG_CHUNK);
	return 0;
}

int ovsdb_log_open_some(struct ovsdb_log *log, struct error *err)
{
	int n = read_some(log);

	if (n > 0)
		return 1;
	if (n < 0)
		return error_set(err, n, "%s: read failed (%s)", log->path, strerror(-n));
	// Whoever wrote it last may not have waited for the disk.
	log->broken = log->mode == OVSDB_LOG_WRITE && OVSDB_RETRY(log->ops->fsync(log->fd));
	log->directory_unsynced = true;
	return refuse_clustered(log, err);
}

int ovsdb_log_open_begin(struct ovsdb_log **ret, const char *path, enum ovsdb_log_mode mode,
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

int ovsdb_log_open(struct ovsdb_log **ret, const char *path, enum ovsdb_log_mode mode,
		   const struct ovsdb_file_ops *ops, struct error *err)
{
	struct ovsdb_log *log;
	int rc = ovsdb_log_open_begin(&log, path, mode, ops, err);

	if (rc)
		return rc;
	while ((rc = ovsdb_log_open_some(log, err)) > 0)
		;
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
	EVP_MD_CTX_free(log->hash);
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

bool ovsdb_log_is_read_only(const struct ovsdb_log *log)
{
	return log->mode == OVSDB_LOG_READ;
}

int ovsdb_log_fd(const struct ovsdb_log *log)
{
	return log->fd;
}

off_t ovsdb_log_size(const struct ovsdb_log *log)
{
	return log->size;
}

off_t ovsdb_log_offset(const struct ovsdb_log *log)
{
	return log->offset;
}

static void put_hex(const unsigned char digest[SHA_DIGEST_LENGTH], char out[41])
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < SHA_DIGEST_LENGTH; i++) {
		out[2 * i] = digits[digest[i] >> 4];
		out[2 * i + 1] = digits[digest[i] & 15];
	}
	out[40] = '\0';
}

void ovsdb_sha1_hex(const char *p, size_t n, char out[41])
{
	unsigned char digest[SHA_DIGEST_LENGTH];

	SHA1((const unsigned char *)p, n, digest);
	put_hex(digest, out);
}

bool ovsdb_record_parse_header(const char *p, size_t n, struct ovsdb_record_header *h)
{
	const char *nl = memchr(p, '\n', MIN(n, (size_t)OVSDB_HEADER_MAX));
	char line[OVSDB_HEADER_MAX + 1];
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

bool ovsdb_record_is_good(const char *p, size_t n, struct ovsdb_record_header *h)
{
	char hash[41];

	if (!ovsdb_record_parse_header(p, n, h) || h->body_len > n - h->header_len)
		return false;
	ovsdb_sha1_hex(p + h->header_len, h->body_len, hash);
	return !strcmp(hash, h->hash);
}

// Of several records some may be whole, so a copy stays.
static int keep_batch(struct ovsdb_log *log, struct error *err)
{
	AUTO_FREE char *copy = NULL;

	if (ovsdb_log_keep_copy(log, &copy, err))
		return -EIO;
	log_warn("%s: records behind offset %zu were written together, and not all of them: none "
		 "counts; a copy of the file is %s",
		 log->path, log->next, copy);
	return 0;
}

static int cut_tail(struct ovsdb_log *log, bool batch, struct error *err)
{
	size_t lost = log->content.len - log->next;
	// What has no good beginning may be another kind of file.
	bool cuts = log->mode != OVSDB_LOG_READ && !log->skipped && log->next;
	int rc;

	log_warn("%s: the last write was cut short: %zu bytes at offset %zu hold no complete "
		 "record%s",
		 log->path, lost, log->next, cuts ? "; cutting them off" : "");
	if (!cuts)
		return 0;
	if (batch && keep_batch(log, err))
		return -EIO;
	rc = OVSDB_RETRY(log->ops->truncate(log->fd, log->next));
	if (!rc)
		rc = OVSDB_RETRY(log->ops->fsync(log->fd));
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
	struct ovsdb_record_header h;

	log->offset = log->next;
	if (!ovsdb_record_parse_header(p, n, &h))
		return error_set(err, OVSDB_LOG_DAMAGED,
				 "%s: damaged at offset %zu: no record header \"" MAGIC
				 "LENGTH SHA1\" there, but data",
				 log->path, log->next);
	if (h.body_len > n - h.header_len)
		return error_set(err, OVSDB_LOG_DAMAGED,
				 "%s: damaged at offset %zu: the record's length %zu goes beyond "
				 "the end of the "
				 "file although other records follow",
				 log->path, log->next, h.body_len);
	ovsdb_sha1_hex(p + h.header_len, h.body_len, hash);
	return error_set(err, OVSDB_LOG_DAMAGED,
			 "%s: damaged at offset %zu: %zu bytes starting at offset %zu have SHA-1 "
			 "hash %s but "
			 "should have hash %s",
			 log->path, log->next, h.body_len, log->next + h.header_len, hash, h.hash);
}

bool ovsdb_log_forget_some(struct ovsdb_log *log)
{
	enum { STEP = 4 << 20 };
	struct strbuf *b = &log->content;
	size_t left;

	// What was damaged is still to be copied.
	if (log->next < b->len || log->skipped || b->cap <= STEP)
		return false;
	// Such a large piece is a mapping, of which the end goes.
	b->cap -= STEP;
	b->s = xrealloc(b->s, b->cap);
	left = MIN(b->len, b->cap - 1);
	log->forgotten += b->len - left;
	log->next = b->len = left;
	b->s[left] = '\0';
	return true;
}

static int end_of_log(struct ovsdb_log *log)
{
	log->size = log->forgotten + log->next;
	log->forgotten = 0;
	log->verifying = false;
	// What was damaged is still to be copied.
	if (!log->skipped) {
		strbuf_uninit(&log->content);
		strbuf_init(&log->content);
		log->next = 0;
	}
	if (log->fd >= 0)
		lseek(log->fd, log->size, SEEK_SET);
	return 0;
}

static void begin_hash(struct ovsdb_log *log)
{
	if (log->hashed)
		return;
	if (!log->hash)
		log->hash = EVP_MD_CTX_new();
	if (!log->hash || !EVP_DigestInit_ex(log->hash, EVP_sha1(), NULL))
		fatal(0, "SHA-1 is not there");
}

bool ovsdb_log_check_some(struct ovsdb_log *log, size_t n)
{
	const char *p = strbuf_cstr(&log->content) + log->next;
	size_t rest = log->content.len - log->next;
	unsigned char digest[SHA_DIGEST_LENGTH];
	struct ovsdb_record_header h;
	char hash[41];

	if (log->checked != RECORD_UNKNOWN || !rest)
		return false;
	if (!ovsdb_record_parse_header(p, rest, &h) || h.body_len > rest - h.header_len) {
		log->checked = RECORD_BAD;
		return false;
	}
	begin_hash(log);
	n = MIN(n, h.body_len - log->hashed);
	EVP_DigestUpdate(log->hash, p + h.header_len + log->hashed, n);
	log->hashed += n;
	if (log->hashed < h.body_len)
		return true;
	EVP_DigestFinal_ex(log->hash, digest, NULL);
	put_hex(digest, hash);
	log->hashed = 0;
	log->checked = strcmp(hash, h.hash) ? RECORD_BAD : RECORD_GOOD;
	return false;
}

// Is the one that is next good?
static bool take_check(struct ovsdb_log *log)
{
	bool good;

	while (ovsdb_log_check_some(log, SIZE_MAX))
		;
	good = log->checked == RECORD_GOOD;
	log->checked = RECORD_UNKNOWN;
	return good;
}

int ovsdb_log_read(struct ovsdb_log *log, struct json_span *ret, struct error *err)
{
	const char *p = strbuf_cstr(&log->content) + log->next;
	size_t n = log->content.len - log->next;
	struct ovsdb_record_header h;
	bool batch;

	if (!n)
		return end_of_log(log);
	if (take_check(log)) {
		ovsdb_record_parse_header(p, n, &h);
		*ret = (struct json_span){ p + h.header_len, h.body_len };
		log->offset = log->next;
		log->next += h.header_len + h.body_len;
		return 1;
	}
	batch = ovsdb_log_is_torn_batch(log);
	if (log->verifying || (!batch && !ovsdb_log_is_torn(log)))
		return damaged(log, err);
	if (cut_tail(log, batch, err))
		return -EIO;
	if (!log->skipped)
		strbuf_truncate(&log->content, log->next);
	return end_of_log(log);
}

static void format_record(struct strbuf *out, const char *json, size_t n, const char *end)
{
	size_t len = n + strlen(end), header_end;
	char hash[41];

	// A snapshot is one record: the hash is put in afterwards, so that no second copy is needed for it.
	strbuf_printf(out, MAGIC "%zu %40s\n", len, "");
	header_end = out->len;
	strbuf_put(out, json, n);
	strbuf_puts(out, end);
	ovsdb_sha1_hex(out->s + header_end, len, hash);
	memcpy(out->s + header_end - 1 - strlen(hash), hash, strlen(hash));
}

void ovsdb_log_format(struct strbuf *out, const char *json, size_t n)
{
	format_record(out, json, n, "\n");
}

void ovsdb_log_append(struct ovsdb_log *log, const char *json, size_t n)
{
	strbuf_uninit(&log->content);
	strbuf_init(&log->content);
	format_record(&log->buffer, json, n, log->unsynced || log->buffer.len ? " \n" : "\n");
}

bool ovsdb_log_has_unflushed(const struct ovsdb_log *log)
{
	return log->buffer.len > 0;
}

bool ovsdb_log_has_unsynced(const struct ovsdb_log *log)
{
	return log->unsynced;
}

struct json_span ovsdb_log_unflushed(const struct ovsdb_log *log)
{
	return (struct json_span){ strbuf_cstr(&log->buffer), log->buffer.len };
}

bool ovsdb_log_take_record(struct json_span *s, struct json_span *ret)
{
	struct ovsdb_record_header h;

	if (!s->n)
		return false;
	if (!ovsdb_record_parse_header(s->p, s->n, &h))
		assert(!"a good record");
	*ret = (struct json_span){ s->p + h.header_len, h.body_len };
	s->p += h.header_len + h.body_len;
	s->n -= h.header_len + h.body_len;
	return true;
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
		ssize_t put = OVSDB_RETRY(ops->write(fd, p, n));

		if (put < 0)
			return put;
		if (!put)
			return -ENOSPC;
		p += put;
		n -= put;
	}
	return 0;
}

// All that was written, and the file's name.
static int sync_all(struct ovsdb_log *log, const char **ret_what)
{
	int rc;

	*ret_what = "fsync";
	rc = OVSDB_RETRY(log->ops->fsync(log->fd));
	if (rc)
		return rc;
	if (!log->directory_unsynced)
		return 0;
	*ret_what = "fsync of the directory";
	rc = ovsdb_log_sync_directory(log);
	if (rc)
		log->rename_failed = true;
	else
		log->directory_unsynced = false;
	return rc;
}

// On disk, too: else what was cut could be mixed with what is written next.
static int cut_behind(struct ovsdb_log *log)
{
	int rc = OVSDB_RETRY(log->ops->truncate(log->fd, log->size));

	if (!rc && lseek(log->fd, log->size, SEEK_SET) < 0)
		rc = -errno;
	return rc ? rc : OVSDB_RETRY(log->ops->fsync(log->fd));
}

int ovsdb_log_flush(struct ovsdb_log *log, bool sync, struct error *err)
{
	const char *what = "write";
	bool written;
	int rc;

	if (log->broken) {
		ovsdb_log_drop(log);
		return error_set(err, -EIO, "%s: an earlier write failed", log->path);
	}
	rc = ovsdb_log_write_all(log->ops, log->fd, strbuf_cstr(&log->buffer), log->buffer.len);
	written = !rc;
	if (!rc && sync)
		rc = sync_all(log, &what);
	if (!rc) {
		log->size += log->buffer.len;
		log->unsynced = !sync;
		strbuf_clear(&log->buffer);
		return 0;
	}
	// Take the records back if that is possible. After a failed fsync nobody knows what is on disk, though.
	if (cut_behind(log) || written)
		log->broken = log->unsynced = true;
	ovsdb_log_drop(log);
	return error_set(err, rc, "%s: %s failed (%s)", log->path, what, strerror(-rc));
}

int ovsdb_log_reread(struct ovsdb_log *log, struct error *err)
{
	int fd, rc;

	if (log->rename_failed)
		return error_set(err, -EIO, "%s: its name may not have reached the disk",
				 log->path);
	fd = OVSDB_RETRY(log->ops->open(log->path, O_RDWR, 0));
	if (fd < 0)
		return error_set(err, fd, "%s: open failed (%s)", log->path, strerror(-fd));
	log->ops->close(log->fd);
	log->fd = fd;
	// What the kernel keeps in memory may never have reached the disk.
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	strbuf_clear(&log->content);
	rc = read_whole(log);
	if (rc < 0)
		return error_set(err, rc, "%s: read failed (%s)", log->path, strerror(-rc));
	if (log->content.len < (size_t)log->size)
		return error_set(err, -EIO, "%s: holds %zu bytes instead of %lld", log->path,
				 log->content.len, (long long)log->size);
	strbuf_truncate(&log->content, log->size);
	log->next = 0;
	log->verifying = true;
	return 0;
}

int ovsdb_log_trust(struct ovsdb_log *log, struct error *err)
{
	int rc = cut_behind(log);

	if (rc)
		return error_set(err, rc, "%s: cannot cut off what stands behind offset %lld: %s",
				 log->path, (long long)log->size, strerror(-rc));
	log->broken = log->unsynced = false;
	return 0;
}
