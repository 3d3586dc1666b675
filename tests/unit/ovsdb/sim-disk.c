// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/ovsdb/sim-disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/hash.h"
#include "core/base/vec.h"

#define SECTOR 512
#define MAX_FDS 1024

struct change {
	off_t offset;
	char *data; // NULL: the file's size becomes 'offset'
	size_t n;
};

struct sim_file {
	struct strbuf synced; // on the platter
	VEC(struct change) pending;
	bool cache_lost; // who opens it now sees the platter
};

struct sim_name {
	char *path;
	struct sim_file *file;
};

static struct {
	VEC(struct sim_file *) files;
	VEC(struct sim_name)
	names; // in the order in which they came about; the last one of a path counts
	size_t n_durable; // of them
	struct sim_file *fds[MAX_FDS];
	int calls, fail_at, times;
	enum sim_fault how;
	void (*cb)(void *aux);
	void *aux;
} disk;

void sim_disk_init(void)
{
	memset(&disk, 0, sizeof(disk));
}

static void drop_pending(struct sim_file *f)
{
	struct change *c;

	VEC_FOR_EACH (c, &f->pending)
		free(c->data);
	f->pending.n = 0;
}

void sim_disk_uninit(void)
{
	struct sim_file **f;
	struct sim_name *n;

	VEC_FOR_EACH (f, &disk.files) {
		drop_pending(*f);
		VEC_FREE(&(*f)->pending);
		strbuf_uninit(&(*f)->synced);
		free(*f);
	}
	VEC_FOR_EACH (n, &disk.names)
		free(n->path);
	VEC_FREE(&disk.files);
	VEC_FREE(&disk.names);
}

void sim_disk_fail_at(int n, int times, enum sim_fault how)
{
	disk.calls = 0;
	disk.fail_at = n;
	disk.times = times;
	disk.how = how;
}

int sim_disk_calls(void)
{
	return disk.calls;
}

void sim_disk_on_change(void (*cb)(void *aux), void *aux)
{
	disk.cb = cb;
	disk.aux = aux;
}

static void changed(void)
{
	if (disk.cb)
		disk.cb(disk.aux);
}

static bool fails(void)
{
	disk.calls++;
	return disk.fail_at && disk.calls >= disk.fail_at && disk.calls < disk.fail_at + disk.times;
}

static int error_of_fault(void)
{
	static const int errors[SIM_FAULT_MAX] = { EIO, EIO, ENOSPC, EINTR };

	return -errors[disk.how];
}

// ---- What is where ----

static struct sim_file *find(const char *path, size_t n_names)
{
	for (size_t i = n_names; i-- > 0;)
		if (!strcmp(disk.names.v[i].path, path))
			return disk.names.v[i].file;
	return NULL;
}

static void add_name(const char *path, struct sim_file *f)
{
	VEC_PUSH(&disk.names, ((struct sim_name){ xstrdup(path), f }));
}

static struct sim_file *add_file(void)
{
	struct sim_file *f = xzalloc(sizeof(*f));

	VEC_PUSH(&disk.files, f);
	return f;
}

// A file that was there before the disk was looked at is on the platter, with its name.
static struct sim_file *adopt(const char *path)
{
	struct sim_file *f = add_file();

	strbuf_read_file(&f->synced, path);
	assert(disk.names.n == disk.n_durable);
	add_name(path, f);
	disk.n_durable = disk.names.n;
	return f;
}

static void apply_change(struct strbuf *to, const struct change *c)
{
	size_t end = c->offset + c->n;

	if (!c->data) {
		if (to->len > end)
			strbuf_truncate(to, end);
		else
			strbuf_put_zeros(to, end - to->len);
		return;
	}
	if (to->len < end)
		strbuf_put_zeros(to, end - to->len);
	memcpy(to->s + c->offset, c->data, c->n);
}

static void sync_file(struct sim_file *f)
{
	struct change *c;

	VEC_FOR_EACH (c, &f->pending)
		apply_change(&f->synced, c);
	drop_pending(f);
}

static void show_platter(struct sim_file *f, int fd)
{
	ssize_t n;

	f->cache_lost = false;
	n = ftruncate(fd, 0);
	assert(!n);
	n = pwrite(fd, strbuf_cstr(&f->synced), f->synced.len, 0);
	assert(n == (ssize_t)f->synced.len);
}

// ---- Operations ----

static int sim_open(const char *path, int flags, mode_t mode)
{
	struct sim_file *f = NULL;
	int fd;

	if (fails())
		return error_of_fault();
	fd = ovsdb_real_file_ops.open(path, flags, mode);
	if (fd < 0)
		return fd;
	assert(fd < MAX_FDS);
	if (!(flags & O_DIRECTORY)) {
		f = flags & O_CREAT ? NULL : find(path, disk.names.n);
		if (flags & O_CREAT) {
			f = add_file();
			add_name(path, f);
		} else if (!f) {
			f = adopt(path);
		}
		if (f->cache_lost)
			show_platter(f, fd);
	}
	disk.fds[fd] = f;
	changed();
	return fd;
}

static ssize_t sim_read(int fd, void *buf, size_t n)
{
	if (!fails())
		return ovsdb_real_file_ops.read(fd, buf, n);
	return disk.how == SIM_SHORT && n > 1 ? ovsdb_real_file_ops.read(fd, buf, n / 2)
					      : error_of_fault();
}

static ssize_t put(int fd, const void *buf, size_t n)
{
	off_t at = lseek(fd, 0, SEEK_CUR);
	ssize_t done = ovsdb_real_file_ops.write(fd, buf, n);

	assert(done == (ssize_t)n);
	VEC_PUSH(&disk.fds[fd]->pending, ((struct change){ at, xmemdup(buf, n), n }));
	changed();
	return n;
}

static ssize_t sim_write(int fd, const void *buf, size_t n)
{
	if (!fails())
		return put(fd, buf, n);
	if (disk.how == SIM_SHORT && n > 1)
		return put(fd, buf, n / 2);
	if (disk.how == SIM_ENOSPC && n > 1)
		put(fd, buf, n / 2);
	return error_of_fault();
}

static int sim_fsync(int fd)
{
	struct sim_file *f = disk.fds[fd];

	if (fails()) {
		if (f && disk.how == SIM_EIO) {
			drop_pending(f);
			f->cache_lost = true;
		}
		return error_of_fault();
	}
	if (f)
		sync_file(f);
	else
		disk.n_durable = disk.names.n;
	changed();
	return 0;
}

static int sim_rename(const char *from, const char *to)
{
	int rc = fails() ? error_of_fault() : ovsdb_real_file_ops.rename(from, to);

	if (rc)
		return rc;
	add_name(to, find(from, disk.names.n));
	changed();
	return 0;
}

static int sim_truncate(int fd, off_t size)
{
	int rc = fails() ? error_of_fault() : ovsdb_real_file_ops.truncate(fd, size);

	if (rc)
		return rc;
	VEC_PUSH(&disk.fds[fd]->pending, ((struct change){ size, NULL, 0 }));
	changed();
	return 0;
}

static void sim_close(int fd)
{
	disk.fds[fd] = NULL;
	ovsdb_real_file_ops.close(fd);
}

const struct ovsdb_file_ops sim_disk_ops = {
	.open = sim_open,
	.read = sim_read,
	.write = sim_write,
	.fsync = sim_fsync,
	.rename = sim_rename,
	.truncate = sim_truncate,
	.close = sim_close,
};

// ---- After the power was lost ----

// What one sector may hold.
struct versions {
	char (*v)[SECTOR];
	size_t n;
};

struct image {
	struct versions *sectors;
	size_t n; // sectors
	VEC(size_t) sizes;
};

static void add_version(struct versions *s, const char *bytes)
{
	for (size_t i = 0; i < s->n; i++)
		if (!memcmp(s->v[i], bytes, SECTOR))
			return;
	s->v = xrealloc(s->v, (s->n + 1) * SECTOR);
	memcpy(s->v[s->n++], bytes, SECTOR);
}

static void sector_of(const struct strbuf *content, size_t i, char out[SECTOR])
{
	size_t at = i * SECTOR, n = at < content->len ? MIN(content->len - at, SECTOR) : 0;

	memset(out, 0, SECTOR);
	if (n)
		memcpy(out, content->s + at, n);
}

// What changed in a sector, as far as the half of it.
static void tear(const char *old, const char *new, char out[SECTOR])
{
	size_t first = 0, last = SECTOR;

	while (first < SECTOR && old[first] == new[first])
		first++;
	while (last > first && old[last - 1] == new[last - 1])
		last--;
	memcpy(out, old, SECTOR);
	memcpy(out, new, first + (last - first) / 2);
}

// 'tears': sectors may have been written by half.
static void add_state(struct image *im, const struct strbuf *before, const struct strbuf *content,
		      bool tears)
{
	char old[SECTOR], new[SECTOR], torn[SECTOR];
	size_t n = DIV_ROUND_UP(content->len, SECTOR), k = 0;

	if (n > im->n) {
		im->sectors = xrealloc(im->sectors, n * sizeof(*im->sectors));
		memset(im->sectors + im->n, 0, (n - im->n) * sizeof(*im->sectors));
		im->n = n;
	}
	for (size_t i = 0; i < im->n; i++) {
		sector_of(before, i, old);
		sector_of(content, i, new);
		add_version(&im->sectors[i], old);
		if (tears && memcmp(old, new, SECTOR) != 0) {
			tear(old, new, torn);
			add_version(&im->sectors[i], torn);
		}
		add_version(&im->sectors[i], new);
	}
	while (k < im->sizes.n && im->sizes.v[k] != content->len)
		k++;
	if (k == im->sizes.n)
		VEC_PUSH(&im->sizes, content->len);
}

static void tell(const struct image *im, const size_t *choice, size_t size,
		 void (*cb)(const struct strbuf *, void *), void *aux)
{
	AUTO(strbuf) content = STRBUF_INIT;

	for (size_t i = 0; i < DIV_ROUND_UP(size, SECTOR); i++)
		strbuf_put(&content, im->sectors[i].v[choice[i]], SECTOR);
	strbuf_reserve(&content, 0);
	strbuf_truncate(&content, size);
	cb(&content, aux);
}

// All combinations of versions when they are few.
static void tell_all(const struct image *im, size_t size, void (*cb)(const struct strbuf *, void *),
		     void *aux)
{
	enum { MAX_STATES = 729, SAMPLES = 300 };
	size_t *choice = xcalloc(im->n + 1, sizeof(*choice)), total = 1;
	size_t n = DIV_ROUND_UP(size, SECTOR);

	for (size_t i = 0; i < n && total <= MAX_STATES; i++)
		total *= im->sectors[i].n;
	for (size_t state = 0; total <= MAX_STATES && state < total; state++) {
		size_t rest = state;

		for (size_t i = 0; i < n; i++) {
			choice[i] = rest % im->sectors[i].n;
			rest /= im->sectors[i].n;
		}
		tell(im, choice, size, cb, aux);
	}
	// Else beginnings of any length, and any.
	for (size_t k = 0; total > MAX_STATES && k <= n; k++) {
		for (size_t i = 0; i < n; i++)
			choice[i] = i < k ? im->sectors[i].n - 1 : 0;
		tell(im, choice, size, cb, aux);
	}
	for (size_t k = 0; total > MAX_STATES && k < SAMPLES; k++) {
		for (size_t i = 0; i < n; i++)
			choice[i] = random_u32() % im->sectors[i].n;
		tell(im, choice, size, cb, aux);
	}
	free(choice);
}

static void states_of_file(const struct sim_file *f, void (*cb)(const struct strbuf *, void *),
			   void *aux)
{
	AUTO(strbuf) before = STRBUF_INIT;
	AUTO(strbuf) now = STRBUF_INIT;
	struct image im = { NULL, 0, VEC_INIT };
	const struct change *c;

	strbuf_put(&now, strbuf_cstr(&f->synced), f->synced.len);
	add_state(&im, &now, &now, false);
	VEC_FOR_EACH (c, &f->pending) {
		strbuf_clear(&before);
		strbuf_put(&before, strbuf_cstr(&now), now.len);
		apply_change(&now, c);
		add_state(&im, &before, &now, c->data);
	}
	for (size_t i = 0; i < im.sizes.n; i++)
		tell_all(&im, im.sizes.v[i], cb, aux);
	for (size_t i = 0; i < im.n; i++)
		free(im.sectors[i].v);
	free(im.sectors);
	VEC_FREE(&im.sizes);
}

void sim_disk_states(const char *path, void (*cb)(const struct strbuf *content, void *aux),
		     void *aux)
{
	const struct sim_file *last = NULL;

	for (size_t n = disk.n_durable; n <= disk.names.n; n++) {
		const struct sim_file *f = find(path, n);

		if (n > disk.n_durable && f == last)
			continue;
		last = f;
		if (f)
			states_of_file(f, cb, aux);
		else
			cb(NULL, aux);
	}
}
