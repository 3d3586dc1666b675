// SPDX-License-Identifier: Apache-2.0
#include "core/io/daemon.h"

#include <cap-ng.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/io/appctl.h"

LOG_MODULE(daemon);

static bool keep_output, detach, no_chdir, monitor, overwrite_pidfile, detached;
static char *pidfile, *user, *group;
static int ready_fd = -1; // the parent waits at its other end
static int pidfile_fd = -1; // holds the lock for as long as we live

static char *in_run_dir(const char *name)
{
	return name[0] == '/' ? xstrdup(name) : xasprintf("%s/%s", dir_run(), name);
}

void daemon_set_pidfile(const char *path)
{
	free(pidfile);
	pidfile = path ? in_run_dir(path) : xasprintf("%s/%s.pid", dir_run(), program_name);
}

static void set_user(const char *spec)
{
	const char *colon = strchr(spec, ':');

	free(user);
	free(group);
	user = colon ? xstrndup(spec, colon - spec) : xstrdup(spec);
	group = colon && colon[1] ? xstrdup(colon + 1) : NULL;
	if (!*user)
		fatal(0, "--user=%s: user name needed", spec);
}

bool daemon_handle_option(int c, const char *arg)
{
	switch (c) {
	case OPT_DETACH:
		detach = true;
		return true;
	case OPT_NO_CHDIR:
		no_chdir = true;
		return true;
	case OPT_PIDFILE:
		daemon_set_pidfile(arg);
		return true;
	case OPT_OVERWRITE_PIDFILE:
		overwrite_pidfile = true;
		return true;
	case OPT_MONITOR:
		monitor = true;
		return true;
	case OPT_USER:
		set_user(arg);
		return true;
	case OPT_NO_SELF_CONFINEMENT:
		// Nothing here confines file access to known directories, so there is nothing to switch off.
		return true;
	default:
		return false;
	}
}

void daemon_usage(void)
{
	printf("\nDaemon options:\n"
	       "  --detach                run in background as daemon\n"
	       "  --monitor               creates a process to monitor this daemon\n"
	       "  --user=username[:group] changes the effective daemon user:group\n"
	       "  --no-chdir              do not chdir to '/'\n"
	       "  --pidfile[=FILE]        create pidfile (default: %s/%s.pid)\n"
	       "  --overwrite-pidfile     with --pidfile, start even if already running\n",
	       dir_run(), program_name);
}

bool daemon_is_detached(void)
{
	return detached;
}

static void write_ready(void)
{
	if (ready_fd < 0)
		return;
	if (write(ready_fd, "", 1) != 1)
		log_warn("could not tell the parent that the daemon is ready (%s)",
			 strerror(errno));
	close(ready_fd);
	ready_fd = -1;
}

static int wait_child(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			fatal(errno, "waitpid failed");
	return status;
}

// Forks. In the child: returns 0, and ready_fd is where to report. In the parent: waits for the report, returns the pid
// and -1 in *ret_status; or when the child died first, its status.
static pid_t fork_and_wait(int *ret_status)
{
	int fds[2];
	pid_t pid;
	char c;
	ssize_t n;

	if (pipe2(fds, O_CLOEXEC) < 0)
		fatal(errno, "pipe failed");
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		fatal(errno, "fork failed");
	if (!pid) {
		close(fds[0]);
		ready_fd = fds[1];
		return 0;
	}
	close(fds[1]);
	do {
		n = read(fds[0], &c, 1);
	} while (n < 0 && errno == EINTR);
	close(fds[0]);
	*ret_status = n == 1 ? -1 : wait_child(pid);
	return pid;
}

static NORETURN void exit_like(int status)
{
	if (WIFSIGNALED(status))
		fatal(0, "the daemon died before it was ready (%s)", strsignal(WTERMSIG(status)));
	exit(WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : 1);
}

static bool died_by_fault(int status)
{
	if (!WIFSIGNALED(status))
		return false;
	switch (WTERMSIG(status)) {
	case SIGABRT:
	case SIGALRM:
	case SIGBUS:
	case SIGFPE:
	case SIGILL:
	case SIGPIPE:
	case SIGSEGV:
	case SIGXCPU:
	case SIGXFSZ:
		return true;
	default:
		return false;
	}
}

// The parent that stays: starts the daemon again when it dies by a fault, at most once in ten seconds.
static void monitor_loop(void)
{
	int outer = ready_fd;

	for (unsigned int crashes = 0;; crashes++) {
		int status, early;
		pid_t pid;

		ready_fd = -1;
		pid = fork_and_wait(&early);
		if (!pid) {
			if (outer >= 0)
				close(outer);
			return;
		}
		prctl(PR_SET_NAME, "monitor");
		if (early != -1 && !crashes)
			exit_like(early);
		if (outer >= 0) {
			ready_fd = outer;
			write_ready();
			outer = -1;
		}
		log_detach_console();
		status = early != -1 ? early : wait_child(pid);
		if (!died_by_fault(status)) {
			log_info("pid %ld ended, exiting", (long)pid);
			exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
		}
		log_err("%u crashes: pid %ld died, killed (%s), restarting", crashes + 1, (long)pid,
			strsignal(WTERMSIG(status)));
		sleep(crashes ? 10 : 1);
	}
}

static void remove_pidfile(void)
{
	if (pidfile_fd >= 0)
		unlink(pidfile);
}

static void make_pidfile(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char text[16];
	int fd;

	if (!pidfile)
		return;
	fd = open(pidfile, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		fatal(errno, "%s: cannot create pidfile", pidfile);
	if (fcntl(fd, F_SETLK, &lock) < 0 && !overwrite_pidfile) {
		struct flock holder = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

		fcntl(fd, F_GETLK, &holder);
		fatal(0, "%s: already running as pid %ld, aborting", pidfile, (long)holder.l_pid);
	}
	int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) < 0 || write(fd, text, n) != n)
		fatal(errno, "%s: write failed", pidfile);
	pidfile_fd = fd;
	atexit(remove_pidfile);
}

// A server has a descriptor for each of its clients, and cannot know how many will come.
static void raise_descriptor_limit(void)
{
	struct rlimit l;

	if (!getrlimit(RLIMIT_NOFILE, &l) && l.rlim_cur < l.rlim_max) {
		l.rlim_cur = l.rlim_max;
		setrlimit(RLIMIT_NOFILE, &l);
	}
}

void daemon_start(void)
{
	int status;

	raise_descriptor_limit();
	if (detach && fork_and_wait(&status)) {
		if (status != -1)
			exit_like(status);
		_exit(0);
	}
	if (detach) {
		setsid();
		detached = true;
	}
	if (monitor)
		monitor_loop();
	make_pidfile();
}

void daemon_ready(void)
{
	write_ready();
	if (!detached)
		return;
	if (!no_chdir && chdir("/") < 0)
		log_warn("cannot change to \"/\" (%s)", strerror(errno));
	int null = open("/dev/null", O_RDWR);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
			if (!keep_output || isatty(fd))
				dup2(null, fd);
		close(null);
	}
	log_detach_console();
}

void daemon_keep_output(void)
{
	keep_output = true;
}

void daemon_become_user(bool keep_net)
{
	const struct group *gr;
	const struct passwd *pw;
	gid_t gid;

	if (!user)
		return;
	pw = getpwnam(user);
	if (!pw)
		fatal(0, "--user: no user \"%s\"", user);
	gid = pw->pw_gid;
	if (group) {
		gr = getgrnam(group);
		if (!gr)
			fatal(0, "--user: no group \"%s\"", group);
		gid = gr->gr_gid;
	}
	if (pidfile_fd >= 0 && fchown(pidfile_fd, pw->pw_uid, gid) < 0)
		log_warn("%s: cannot change owner (%s)", pidfile, strerror(errno));
	capng_clear(CAPNG_SELECT_BOTH);
	if (keep_net)
		capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN,
			      CAP_NET_RAW, CAP_NET_BROADCAST, CAP_SYS_ADMIN, CAP_IPC_LOCK,
			      CAP_SYS_RAWIO, -1);
	int ret = capng_change_id(pw->pw_uid, gid, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
	if (ret)
		fatal(0, "--user=%s: cannot change user (libcap-ng error %d)", user, ret);
}

static struct {
	void (*terminate)(void *aux);
	void (*hangup)(void *aux);
	void *aux;
	struct io_watch watch;
	int fds[2];
} signals;

static void on_raw_signal(int number)
{
	int saved = errno;
	unsigned char c = number;

	if (write(signals.fds[1], &c, 1) < 0)
		errno = saved; // the pipe is full: a signal is pending anyway
	errno = saved;
}

static void on_signal_byte(struct io_watch *w, int events)
{
	unsigned char c;

	while (read(w->fd, &c, 1) == 1) {
		if (c == SIGHUP) {
			if (signals.hangup)
				signals.hangup(signals.aux);
		} else {
			signals.terminate(signals.aux);
		}
	}
}

void daemon_on_signal(struct loop *l, void (*terminate)(void *aux), void (*hangup)(void *aux),
		      void *aux)
{
	struct sigaction sa = { .sa_handler = on_raw_signal, .sa_flags = SA_RESTART };

	signals.terminate = terminate;
	signals.hangup = hangup;
	signals.aux = aux;
	if (pipe2(signals.fds, O_NONBLOCK | O_CLOEXEC) < 0)
		fatal(errno, "pipe failed");
	io_watch_init(&signals.watch, l, signals.fds[0], on_signal_byte);
	io_watch_set(&signals.watch, IO_READ);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
}
