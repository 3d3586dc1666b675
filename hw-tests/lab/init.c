// SPDX-License-Identifier: Apache-2.0
// Process 1 of a lab guest: a scratch overlay over the host's root, the usual mounts, one program, power off.
//
// Under user-mode Linux the root is the host's, and the kernel is given LAB_JOB, a folder of the host. Under QEMU the root is an
// initramfs with modules to load; the host's root and the job's folder come by 9p, and LAB_MODULES is the folder of the host that
// has the kernel's modules. The job's folder holds "argv", "env" (strings that end in NUL) and "cwd"; "status"
// (exit status, or 128 + signal) and "dmesg" are written there. One C program, because fork is slow in this kernel.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KLOG_READ_ALL = 3, KLOG_SIZE = 10, MAX_STRINGS = 4096 };

static void fail(const char *what)
{
	fprintf(stderr, "lab init: %s: %s\n", what, strerror(errno));
	reboot(RB_POWER_OFF);
	_exit(1);
}

static void must_mount(const char *source, const char *target, const char *type,
		       unsigned long flags, const char *options)
{
	if (mkdir(target, 0755) && errno != EEXIST)
		fail(target);
	if (mount(source, target, type, flags, options))
		fail(target);
}

// In the order of their names. One that the kernel has built in is there already.
static void load_modules(const char *folder)
{
	struct dirent **list;
	int n = scandir(folder, &list, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char path[512];
		int fd;

		snprintf(path, sizeof(path), "%s/%s", folder, list[i]->d_name);
		fd = list[i]->d_name[0] == '.' ? -1 : open(path, O_RDONLY);
		if (fd >= 0 && syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)
			fprintf(stderr, "lab init: %s: %s\n", path, strerror(errno));
		if (fd >= 0)
			close(fd);
	}
}

// The host's files, read-only, at the place that is returned.
static const char *mount_host(bool qemu)
{
	if (!qemu)
		return "/";
	load_modules("/modules");
	must_mount("host", "/run/host", "9p", MS_RDONLY,
		   "trans=virtio,version=9p2000.L,msize=262144,cache=loose");
	return "/run/host";
}

static void mount_modules(const char *modules)
{
	struct utsname u;
	char from[512], to[512];

	if (!modules || uname(&u))
		return;
	snprintf(from, sizeof(from), "/run/host%s", modules);
	snprintf(to, sizeof(to), "/run/root/lib/modules/%s", u.release);
	mkdir("/run/root/lib/modules", 0755);
	must_mount(from, to, NULL, MS_BIND, NULL);
}

static void mount_all(const char *job, bool qemu)
{
	char options[256];

	must_mount("tmpfs", "/run", "tmpfs", 0, NULL);
	mkdir("/run/upper", 0755);
	mkdir("/run/work", 0755);
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=/run/upper,workdir=/run/work",
		 mount_host(qemu));
	must_mount("overlay", "/run/root", "overlay", 0, options);
	mount_modules(getenv("LAB_MODULES"));
	must_mount("proc", "/run/root/proc", "proc", 0, NULL);
	must_mount("sysfs", "/run/root/sys", "sysfs", 0, NULL);
	must_mount("debugfs", "/run/root/sys/kernel/debug", "debugfs", 0, NULL);
	must_mount("devtmpfs", "/run/root/dev", "devtmpfs", 0, NULL);
	must_mount("devpts", "/run/root/dev/pts", "devpts", 0, NULL);
	must_mount("tmpfs", "/run/root/dev/shm", "tmpfs", 0, NULL);
	must_mount("tmpfs", "/run/root/run", "tmpfs", 0, NULL);
	// In the guest's own root the job's folder has a fixed place.
	if (qemu)
		must_mount("job", "/run/root/run/lab", "9p", 0,
			   "trans=virtio,version=9p2000.L,msize=262144");
	else
		must_mount("none", "/run/root/run/lab", "hostfs", 0, job);
	mkdir("/run/root/run/netns", 0755);
	if (chroot("/run/root") || chdir("/"))
		fail("chroot");
}

static char *read_file(const char *name, size_t *ret_size)
{
	int fd = open(name, O_RDONLY);
	struct stat st;
	char *text;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st))
		fail(name);
	text = calloc(1, st.st_size + 1);
	n = read(fd, text, st.st_size);
	if (n != st.st_size)
		fail(name);
	close(fd);
	*ret_size = n;
	return text;
}

static char **read_strings(const char *name)
{
	size_t size, n = 0;
	char *text = read_file(name, &size), **list = calloc(MAX_STRINGS + 1, sizeof(*list));

	for (char *s = text; s < text + size && n < MAX_STRINGS; s += strlen(s) + 1)
		list[n++] = s;
	return list;
}

static void write_file(const char *name, const char *text, size_t n)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, n) != (ssize_t)n)
		fprintf(stderr, "lab init: %s: %s\n", name, strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void loopback_up(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &r))
		fprintf(stderr, "lab init: lo: %s\n", strerror(errno));
	close(fd);
}

static int run(void)
{
	char **argv = read_strings("/run/lab/argv"), **env = read_strings("/run/lab/env");
	size_t n;
	char *cwd = read_file("/run/lab/cwd", &n);
	int status;
	pid_t pid = fork();

	if (!pid) {
		setsid();
		if (chdir(cwd))
			fail(cwd);
		execvpe(argv[0], argv, env);
		fprintf(stderr, "lab init: %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	// Orphans come to process 1 too.
	while (wait(&status) != pid)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(void)
{
	const char *job = getenv("LAB_JOB");
	bool qemu = getenv("LAB_MODULES") != NULL;
	char text[16];
	int size;

	if (getpid() != 1 || !job)
		fail("to be run by the lab's kernel only");
	mount_all(job, qemu);
	loopback_up();
	int n = snprintf(text, sizeof(text), "%d\n", run());

	size = klogctl(KLOG_SIZE, NULL, 0);
	if (size > 0) {
		char *log = malloc(size);

		size = klogctl(KLOG_READ_ALL, log, size);
		if (size > 0)
			write_file("/run/lab/dmesg", log, size);
	}
	write_file("/run/lab/status", text, n);
	sync();
	reboot(RB_POWER_OFF);
	return 0;
}
