// SPDX-License-Identifier: Apache-2.0
// The control language: one command a line, answered by lines of which the last is "ok" or "error: ...".
// Spoken on the Unix socket of device argument ctl= (one client at a time, on a thread of its own) and by
// simnic_control().
#include "hw-tests/simnic/simnic.h"
#include "hw-tests/simnic/simnic-private.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <ethdev_driver.h>

// A command: 'args' are 'n_args' words. The caller holds firmware_lock unless the row says otherwise.
struct command {
	const char *name, *usage;
	unsigned n_args;
	bool unlocked;
	int (*run)(struct esw *sw, char **args, struct strbuf *reply, struct error *err);
};

static int number(const char *text, uint32_t max, uint32_t *ret, struct error *err)
{
	uint32_t v;

	if (!parse_u32(text, 10, &v) || v > max)
		return error_set(err, -EINVAL, "'%s' is not a number up to %u", text, max);
	*ret = v;
	return 0;
}

static int cmd_refuse(struct esw *sw, char **args, struct strbuf *reply, struct error *err)
{
	return faults_refuse(&sw->faults, args[0], true, err);
}

static int cmd_allow(struct esw *sw, char **args, struct strbuf *reply, struct error *err)
{
	struct simnic_faults *f = &sw->faults;

	if (strcmp(args[0], "all"))
		return faults_refuse(f, args[0], false, err);
	memset(f->refuse_item, 0, sizeof(f->refuse_item));
	memset(f->refuse_field, 0, sizeof(f->refuse_field));
	memset(f->refuse_action, 0, sizeof(f->refuse_action));
	return 0;
}

static int cmd_capacity(struct esw *sw, char **args, struct strbuf *reply, struct error *err)
{
	return number(args[0], 1 << 24, &sw->cfg.flows, err);
}

static int cmd_insert_us(struct esw *sw, char **args, struct strbuf *reply, struct error *err)
{
	return number(args[0], 10000000, &sw->cfg.insert_us, err);
}

static int cmd_stats_lag_ms(struct esw *sw, char **args, struct strbuf *reply, struct error *err)
{
	return number(args[0], 3600000, &sw->cfg.stats_lag_ms, err);
}

static const struct {
	const char *name;
	int value;
} errnos[] = { { "EPERM", EPERM },   { "EIO", EIO },	     { "ENOMEM", ENOMEM },
	       { "EBUSY", EBUSY },   { "EEXIST", EEXIST },   { "EINVAL", EINVAL },
	       { "ENOSPC", ENOSPC }, { "ENOTSUP", ENOTSUP }, { "EAGAIN", EAGAIN },
	       { "ENOSYS", ENOSYS }, { "ENODEV", ENODEV },   { "ETIMEDOUT", ETIMEDOUT },
	       { "E2BIG", E2BIG } };

static int cmd_fail_next(struct esw *sw, char **args, struct strbuf *reply, struct error *err)
{
	uint32_t value = 0;

	for (size_t i = 0; i < ARRAY_SIZE(errnos); i++)
		if (!strcmp(errnos[i].name, args[1]))
			value = errnos[i].value;
	if (!value && (!parse_u32(args[1], 10, &value) || !value || value > 4095))
		return error_set(err, -EINVAL, "'%s' is not the name of an errno", args[1]);
	sw->faults.fail_errno = value;
	return number(args[0], UINT32_MAX, &sw->faults.fail_next, err);
}

static int cmd_lose(struct esw *sw, char **args, struct strbuf *reply, struct error *err)
{
	uint32_t n = UINT32_MAX;
	int ret = strcmp(args[0], "all") ? number(args[0], UINT32_MAX, &n, err) : 0;

	if (!ret)
		strbuf_printf(reply, "lost %u rules\n", flow_lose(sw, n));
	return ret;
}

static int cmd_reset(struct esw *sw, char **args, struct strbuf *reply, struct error *err)
{
	pthread_mutex_lock(&sw->firmware_lock);
	strbuf_printf(reply, "lost %u rules\n", flow_lose(sw, UINT32_MAX));
	pthread_mutex_unlock(&sw->firmware_lock);
	ethdev_raise_reset(
		sw); // without the lock: the application may call rte_flow from its callback
	return 0;
}

static int cmd_silent_drop(struct esw *sw, char **args, struct strbuf *reply, struct error *err)
{
	bool on = !strcmp(args[0], "on");

	if (!on && strcmp(args[0], "off"))
		return error_set(err, -EINVAL, "'%s' is neither on nor off", args[0]);
	__atomic_store_n(&sw->faults.silent_drop, on, __ATOMIC_RELAXED);
	return 0;
}

static void show_refusals(const struct simnic_faults *f, struct strbuf *reply)
{
	for (size_t i = 0; i < ITEM_MAX; i++)
		if (f->refuse_item[i])
			strbuf_printf(reply, "refuse item:%s\n", simnic_items[i].name);
	for (size_t i = 0; i < simnic_n_fields; i++)
		if (f->refuse_field[i])
			strbuf_printf(reply, "refuse item:%s.%s\n",
				      simnic_items[simnic_fields[i].item].name,
				      simnic_fields[i].name);
	for (size_t i = 0; i < ACTION_MAX; i++)
		if (f->refuse_action[i])
			strbuf_printf(reply, "refuse action:%s\n", simnic_action_types[i].name);
}

static int cmd_show(struct esw *sw, char **args, struct strbuf *reply, struct error *err)
{
	const struct simnic_faults *f = &sw->faults;

	strbuf_printf(reply,
		      "%s domain=%u vfs=%u rules=%u capacity=%u insert_us=%u stats_lag_ms=%u\n",
		      sw->name, sw->domain, sw->cfg.vfs, sw->n_rules, sw->cfg.flows,
		      sw->cfg.insert_us, sw->cfg.stats_lag_ms);
	for (unsigned i = 0; i < sw->n_ports; i++) {
		const struct simnic_port *p = &sw->ports[i];
		char name[16] = "uplink", mac[RTE_ETHER_ADDR_FMT_SIZE];

		if (i)
			snprintf(name, sizeof(name), "vf%u", i - 1);
		rte_ether_format_addr(mac, sizeof(mac), &p->far_mac);
		strbuf_printf(reply, "port %u %s far=%s mac=%s ethdev=%s%s\n", i, name,
			      p->tap < 0 ? "queue" : p->tap_name, mac,
			      p->dev ? p->dev->data->name : "none",
			      __atomic_load_n(&p->started, __ATOMIC_RELAXED) ? " started" : "");
	}
	show_refusals(f, reply);
	if (f->fail_next)
		strbuf_printf(reply, "fail-next %u %s\n", f->fail_next, strerror(f->fail_errno));
	if (__atomic_load_n(&f->silent_drop, __ATOMIC_RELAXED))
		strbuf_puts(reply, "silent-drop on\n");
	return 0;
}

static int cmd_stats(struct esw *sw, char **args, struct strbuf *reply, struct error *err)
{
#define COUNTER(name, text) \
	strbuf_printf(reply, #name "=%llu\n", \
		      (unsigned long long)__atomic_load_n(&sw->counters.name, __ATOMIC_RELAXED));
#include "hw-tests/simnic/esw-counters.def"
#undef COUNTER
	return 0;
}

static int cmd_dump(struct esw *sw, char **args, struct strbuf *reply, struct error *err)
{
	struct rte_flow *rule;

	HMAP_FOR_EACH (rule, handle_node, &sw->handles)
		format_rule(rule, reply);
	return 0;
}

static const struct command commands[] = {
	{ "refuse", "item:NAME[.FIELD]|action:NAME", 1, false, cmd_refuse },
	{ "allow", "all|item:NAME[.FIELD]|action:NAME", 1, false, cmd_allow },
	{ "capacity", "RULES", 1, false, cmd_capacity },
	{ "insert_us", "MICROSECONDS", 1, false, cmd_insert_us },
	{ "stats_lag_ms", "MILLISECONDS", 1, false, cmd_stats_lag_ms },
	{ "fail-next", "N ERRNO", 2, false, cmd_fail_next },
	{ "lose", "N|all", 1, false, cmd_lose },
	{ "reset", "", 0, true, cmd_reset },
	{ "silent-drop", "on|off", 1, false, cmd_silent_drop },
	{ "show", "", 0, false, cmd_show },
	{ "stats", "", 0, false, cmd_stats },
	{ "dump", "", 0, false, cmd_dump },
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int unknown_command(const char *name, struct error *err)
{
	AUTO(strbuf) known = STRBUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		strbuf_printf(&known, "%s%s", i ? ", " : "", commands[i].name);
	return error_set(err, -EINVAL, "unknown command '%s' (known: %s)", name,
			 strbuf_cstr(&known));
}

int control_run(struct esw *sw, const char *line, struct strbuf *reply, struct error *err)
{
	AUTO_FREE char *copy = xstrdup(line);
	char *words[4] = { NULL }, *save, *w;
	const struct command *cmd;
	unsigned n = 0;
	int ret;

	for (w = strtok_r(copy, " \t\r\n", &save); w && n < ARRAY_SIZE(words);
	     w = strtok_r(NULL, " \t\r\n", &save))
		words[n++] = w;
	if (!n)
		return error_set(err, -EINVAL, "empty command");
	cmd = find_command(words[0]);
	if (!cmd)
		return unknown_command(words[0], err);
	if (n != cmd->n_args + 1)
		return error_set(err, -EINVAL, "usage: %s %s", cmd->name, cmd->usage);
	if (cmd->unlocked)
		return cmd->run(sw, words + 1, reply, err);
	pthread_mutex_lock(&sw->firmware_lock);
	ret = cmd->run(sw, words + 1, reply, err);
	pthread_mutex_unlock(&sw->firmware_lock);
	return ret;
}

static int run_and_answer(struct esw *sw, const char *line, struct strbuf *reply)
{
	struct error err = ERROR_INIT;
	int ret = control_run(sw, line, reply, &err);

	if (ret)
		strbuf_printf(reply, "error: %s\n", err.text);
	else
		strbuf_puts(reply, "ok\n");
	return ret;
}

int simnic_control(const char *name, const char *command, char *reply, size_t size)
{
	AUTO(strbuf) text = STRBUF_INIT;
	struct esw *sw = esw_find(name);
	int ret = -ENODEV;

	if (sw)
		ret = run_and_answer(sw, command, &text);
	else
		strbuf_printf(&text, "error: there is no device %s\n", name);
	strbuf_chomp(&text, '\n');
	if (size)
		snprintf(reply, size, "%s", strbuf_cstr(&text));
	return ret;
}

struct control {
	struct esw *sw;
	pthread_t thread;
	int listen, stop;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

// True when 'fd' can be read, false when the thread shall end.
static bool wait_for(struct control *c, int fd)
{
	struct pollfd fds[2] = { { .fd = c->stop, .events = POLLIN },
				 { .fd = fd, .events = POLLIN } };

	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	return !fds[0].revents;
}

static bool send_all(int fd, const struct strbuf *text)
{
	for (size_t done = 0; done < text->len;) {
		ssize_t n = send(fd, text->s + done, text->len - done, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return false;
		done += MAX(n, 0);
	}
	return true;
}

static void serve(struct control *c, int fd)
{
	struct timeval patience = { .tv_sec = 5 };
	char line[1024];
	size_t used = 0;

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	while (used < sizeof(line) - 1 && wait_for(c, fd)) {
		ssize_t n = recv(fd, line + used, sizeof(line) - 1 - used, MSG_DONTWAIT);
		char *end;

		if (n <= 0)
			return;
		used += n;
		line[used] = '\0';
		while ((end = memchr(line, '\n', used))) {
			AUTO(strbuf) reply = STRBUF_INIT;
			size_t len = end - line + 1;

			*end = '\0';
			run_and_answer(c->sw, line, &reply);
			if (!send_all(fd, &reply))
				return;
			memmove(line, end + 1, used - len);
			used -= len;
		}
	}
}

static void *run(void *aux)
{
	struct control *c = aux;

	while (wait_for(c, c->listen)) {
		int fd = accept4(c->listen, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		serve(c, fd);
		close(fd);
	}
	return NULL;
}

static void control_free(struct control *c)
{
	if (c->listen >= 0) {
		close(c->listen);
		unlink(c->path);
	}
	if (c->stop >= 0)
		close(c->stop);
	free(c);
}

static int open_socket(struct control *c, const char *path, struct error *err)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(sun.sun_path))
		return error_set(err, -ENAMETOOLONG, "control socket %s: path too long", path);
	memcpy(sun.sun_path, path, strlen(path) + 1);
	memcpy(c->path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, -errno, "control socket: %s", strerror(errno));
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 || listen(fd, 8) < 0) {
		int ret = error_set(err, -errno, "control socket %s: %s", path, strerror(errno));

		close(fd);
		return ret;
	}
	c->listen = fd;
	return 0;
}

int control_start(struct esw *sw, const char *path, struct error *err)
{
	struct control *c = xzalloc(sizeof(*c));
	int ret;

	c->sw = sw;
	c->listen = -1;
	c->stop = eventfd(0, EFD_CLOEXEC);
	ret = open_socket(c, path, err);
	if (!ret) {
		ret = -pthread_create(&c->thread, NULL, run, c);
		if (ret)
			error_set(err, ret, "thread: %s", strerror(-ret));
	}
	if (ret) {
		control_free(c);
		return ret;
	}
	pthread_setname_np(c->thread, "simnic-ctl");
	sw->control = c;
	return 0;
}

void control_stop(struct esw *sw)
{
	uint64_t one = 1;

	if (!sw->control)
		return;
	if (write(sw->control->stop, &one, sizeof(one)) < 0)
		SIMNIC_LOG(ERR, "%s: stop: %s\n", sw->name, strerror(errno));
	pthread_join(sw->control->thread, NULL);
	control_free(sw->control);
	sw->control = NULL;
}
