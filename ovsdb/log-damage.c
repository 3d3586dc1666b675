// SPDX-License-Identifier: Apache-2.0
// Bytes of a log's file that are no good record: what a write left that was cut short, and damage.
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/uuid.h"
#include "ovsdb/log-private.h"

#define SECTOR 512

bool ovsdb_on_corruption_parse(const char *text, enum ovsdb_on_corruption *ret)
{
	static const char *const names[] = {
		[OVSDB_SALVAGE] = "salvage",
		[OVSDB_REFUSE] = "refuse",
		[OVSDB_ROLLBACK] = "rollback",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(text, names[i])) {
			*ret = (enum ovsdb_on_corruption)i;
			return true;
		}
	}
	return false;
}

static const char *find_magic(const char *p, size_t n)
{
	return memmem(p, n, OVSDB_MAGIC, strlen(OVSDB_MAGIC));
}

// The first good record behind p[0]; 'n' when there is none.
static size_t next_good(const char *p, size_t n)
{
	const char *at = p, *end = p + n;
	struct ovsdb_record_header h;

	while (at + 1 < end && (at = find_magic(at + 1, end - at - 1)))
		if (ovsdb_record_is_good(at, end - at, &h))
			return at - p;
	return n;
}

// ---- Writes that were cut short ----

// Sectors that were not written read as zeros: is there a run of them up to a sector's end, or to the end of these bytes?
// A bit that flips makes no such run.
static bool has_unwritten(const char *p, size_t n, size_t offset)
{
	for (size_t i = 0; i < n;) {
		size_t end = MIN(n, i + SECTOR - (offset + i) % SECTOR);

		if (!p[end - 1])
			return true;
		i = end;
	}
	return false;
}

// Whole or not.
static bool has_record_inside(const char *p, size_t n)
{
	return next_good(p, n) < n ||
	       (n > 1 && memmem(p + 1, n - 1, "\n" OVSDB_MAGIC, strlen("\n" OVSDB_MAGIC)));
}

// As far as it was written, it is a record's.
static bool begins_record(const char *p, size_t n)
{
	for (size_t i = 0; i < MIN(n, strlen(OVSDB_MAGIC)) && p[i]; i++)
		if (p[i] != OVSDB_MAGIC[i])
			return false;
	return true;
}

// The header's length is wrong, but its hash is that of the rest of the file: nothing was cut.
static bool is_whole(const char *p, size_t n, const struct ovsdb_record_header *h)
{
	char hash[41];

	ovsdb_sha1_hex(p + h->header_len, n - h->header_len, hash);
	return !strcmp(hash, h->hash);
}

// Only the end of the file can be torn: when another record follows, bytes in the middle were damaged.
bool ovsdb_log_is_torn(const struct ovsdb_log *log)
{
	const char *p = log->content.s + log->next;
	size_t n = log->content.len - log->next;
	struct ovsdb_record_header h;

	if (is_all_zeros(p, n))
		return true;
	if (has_record_inside(p, n) || !begins_record(p, n))
		return false;
	if (has_unwritten(p, n, log->next))
		return true;
	if (!ovsdb_record_parse_header(p, n, &h))
		return !memchr(p, '\n', n) && n < OVSDB_HEADER_MAX;
	return h.body_len > n - h.header_len && !is_whole(p, n, &h);
}

// Behind a hole in what was not synced only records may follow that say so.
bool ovsdb_log_is_torn_batch(const struct ovsdb_log *log)
{
	const char *p = log->content.s + log->next, *end = log->content.s + log->content.len;
	size_t hole = next_good(p, end - p);
	struct ovsdb_record_header h;

	if (!log->next || !begins_record(p, hole) || !has_unwritten(p, hole, log->next))
		return false;
	if (p + hole == end)
		return has_record_inside(p, hole);
	for (p += hole; p < end; p += next_good(p, end - p)) {
		if (!ovsdb_record_is_good(p, end - p, &h))
			continue;
		if (h.body_len < 2 || p[h.header_len + h.body_len - 2] != ' ')
			return false;
	}
	return true;
}

// ---- Damage ----

void ovsdb_log_skip_damage(struct ovsdb_log *log, struct json_span *ret)
{
	const char *p = log->content.s + log->next;

	ret->p = p;
	ret->n = next_good(p, log->content.len - log->next);
	log->offset = log->next;
	log->next += ret->n;
	ovsdb_log_note_damage(log);
}

void ovsdb_log_note_damage(struct ovsdb_log *log)
{
	log->skipped = true;
}

struct json_span ovsdb_log_rest(const struct ovsdb_log *log)
{
	return (struct json_span){ log->content.s + log->offset, log->content.len - log->offset };
}

int ovsdb_log_cut(struct ovsdb_log *log, struct error *err)
{
	struct strbuf before = { log->content.s, log->offset, log->offset };

	return ovsdb_log_replace(log, &before, err);
}

// "01234567-...": as a member's name.
static bool is_row_name(const char *p, const char *end, struct uuid *ret)
{
	char text[UUID_LEN + 1];

	if (end - p < UUID_LEN + 3 || p[0] != '"' || p[UUID_LEN + 1] != '"' ||
	    p[UUID_LEN + 2] != ':')
		return false;
	memcpy(text, p + 1, UUID_LEN);
	text[UUID_LEN] = '\0';
	return uuid_parse(ret, text);
}

void ovsdb_log_describe_damage(struct json_span bytes, struct strbuf *out)
{
	enum { MAX_NAMED = 8 };
	const char *end = bytes.p + bytes.n, *p;
	size_t records = 0, rows = 0;
	struct uuid uuid;

	for (p = bytes.p; (p = find_magic(p, end - p)); p++)
		records++;
	strbuf_printf(out, "%zu record%s", MAX(records, 1), records > 1 ? "s" : "");
	for (p = bytes.p; p < end && (p = memchr(p, '"', end - p)); p++) {
		if (!is_row_name(p, end, &uuid))
			continue;
		if (rows < MAX_NAMED)
			strbuf_printf(out, "%s" UUID_FMT, rows ? ", " : ", which named the rows ",
				      UUID_ARGS(&uuid));
		rows++;
	}
	if (rows > MAX_NAMED)
		strbuf_printf(out, " and %zu more", rows - MAX_NAMED);
}

// ---- The copy ----

static char *copy_name(const struct ovsdb_log *log, int i)
{
	time_t t = clock_wall_msec() / 1000;
	char date[32];
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(date, sizeof(date), "%Y%m%dT%H%M%SZ", &tm);
	if (!i)
		return xasprintf("%s.corrupt-%s", log->path, date);
	return xasprintf("%s.corrupt-%s.%d", log->path, date, i);
}

static int open_copy(const struct ovsdb_log *log, char **ret_name)
{
	enum { MAX_COPIES = 1000 };

	for (int i = 0; i < MAX_COPIES; i++) {
		char *name = copy_name(log, i);
		int fd = OVSDB_RETRY(log->ops->open(name, O_WRONLY | O_CREAT | O_EXCL, 0660));

		*ret_name = name;
		if (fd != -EEXIST)
			return fd;
		free(name);
	}
	*ret_name = copy_name(log, 0);
	return -EEXIST;
}

int ovsdb_log_keep_copy(struct ovsdb_log *log, char **ret_name, struct error *err)
{
	const char *what = "create";
	char *name;
	int fd, rc;

	fd = rc = open_copy(log, &name);
	if (fd >= 0) {
		what = "write";
		rc = ovsdb_log_write_all(log->ops, fd, strbuf_cstr(&log->content),
					 log->content.len);
		if (!rc) {
			what = "fsync";
			ovsdb_log_copy_mode(log->path, fd);
			rc = OVSDB_RETRY(log->ops->fsync(fd));
		}
		log->ops->close(fd);
		if (!rc)
			rc = ovsdb_log_sync_directory(log);
		if (rc)
			unlink(name);
	}
	if (!rc) {
		*ret_name = name;
		return 0;
	}
	error_set(err, rc, "%s: no copy of the damaged file could be made: %s failed (%s)", name,
		  what, strerror(-rc));
	free(name);
	return rc;
}
