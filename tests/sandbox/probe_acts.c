/* SPDX-License-Identifier: ISC */
/*
 * The acts of the probe: what a hostile plugin would try, and for each an
 * allowed twin, so that a sandbox which forbids everything is found out too.
 *
 * Each returns 0 or an errno; many are expected not to return.
 */
#include "config.h"

#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/sandbox/probe_acts.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP	262
#endif
#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup	425
#endif
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset	444
#endif

struct act {
	const char	*name;
	int		(*fn)(const char *arg);
};

static int
result(long rc)
{
	return (rc == -1 ? errno : 0);
}

static int
act_exec(const char *path)
{
	char *argv[] = { (char *)(uintptr_t)path, NULL };

	execve(path, argv, NULL);
	return (errno);
}

/* An executable that was never a file: Landlock does not see it. */
static int
act_memfd_exec(const char *path)
{
	char *argv[] = { (char *)(uintptr_t)path, NULL };
	static const char program[] = "#!/bin/sh\nexit 0\n";
	int fd;

	if ((fd = memfd_create("probe", 0)) == -1)
		return (errno);
	if (write(fd, program, sizeof(program) - 1) == -1)
		return (errno);
	fexecve(fd, argv, (char *[]){ NULL });
	return (errno);
}

static int
act_fork(const char *arg)
{
	pid_t pid;

	(void)arg;
	if ((pid = fork()) == 0)
		_exit(0);
	if (pid == -1)
		return (errno);
	return (result(waitpid(pid, NULL, 0)));
}

static void *
thread_main(void *arg)
{
	return (arg);
}

static int
act_thread(const char *arg)
{
	pthread_t thread;
	int error;

	(void)arg;
	if ((error = pthread_create(&thread, NULL, thread_main, NULL)) != 0)
		return (error);
	return (pthread_join(thread, NULL));
}

static int
act_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd != -1)
		close(fd);
	return (result(fd));
}

static int
act_stat(const char *path)
{
	struct stat st;

	return (result(stat(path, &st)));
}

static int
act_create(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd != -1)
		close(fd);
	return (result(fd));
}

static int
act_mkdir(const char *path)
{
	return (result(mkdir(path, 0700)));
}

static int
act_unlink(const char *path)
{
	return (result(unlink(path)));
}

static int
act_write_fd(const char *arg)
{
	return (result(write(atoi(arg), "", 0)));
}

static int
act_ptrace(const char *arg)
{
	return (result(ptrace(PTRACE_SEIZE, atoi(arg), NULL, NULL)));
}

static int
act_kill(const char *arg)
{
	return (result(kill(atoi(arg), 0)));
}

static int
act_tgkill(const char *arg)
{
	return (result(syscall(SYS_tgkill, atoi(arg), atoi(arg), 0)));
}

static int
act_tgkill_self(const char *arg)
{
	(void)arg;
	return (result(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid),
	    0)));
}

/* SIGIO by way of a descriptor's owner. */
static int
act_setown(const char *arg)
{
	int fds[2];

	if (pipe(fds) == -1)
		return (errno);
	return (result(fcntl(fds[0], F_SETOWN, atoi(arg))));
}

static int
act_vm_read(const char *arg)
{
	char byte;
	struct iovec local = { &byte, 1 };
	struct iovec remote = { &byte, 1 };

	return (result(process_vm_readv(atoi(arg), &local, 1, &remote, 1,
	    0)));
}

static int
act_pidfd(const char *arg)
{
	return (result(syscall(SYS_pidfd_open, atoi(arg), 0)));
}

static struct sockaddr_in
loopback(const char *port)
{
	struct sockaddr_in sin;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_port = htons((uint16_t)atoi(port));
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return (sin);
}

static int
connect_to(int fd, const void *sa, size_t len)
{
	int error = 0;

	if (fd == -1)
		return (errno);
	if (connect(fd, sa, (socklen_t)len) == -1)
		error = errno;
	close(fd);
	return (error);
}

static int
act_tcp(const char *port)
{
	struct sockaddr_in sin = loopback(port);

	return (connect_to(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    &sin, sizeof(sin)));
}

static int
act_tcp6(const char *port)
{
	struct sockaddr_in6 sin6;

	memset(&sin6, 0, sizeof(sin6));
	sin6.sin6_family = AF_INET6;
	sin6.sin6_port = htons((uint16_t)atoi(port));
	/* ::ffff:127.0.0.1: no IPv6 is needed on the machine. */
	sin6.sin6_addr.s6_addr[10] = sin6.sin6_addr.s6_addr[11] = 0xff;
	sin6.sin6_addr.s6_addr[12] = 127;
	sin6.sin6_addr.s6_addr[15] = 1;
	return (connect_to(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC,
	    IPPROTO_TCP), &sin6, sizeof(sin6)));
}

static int
act_tfo(const char *port)
{
	struct sockaddr_in sin = loopback(port);
	int fd;

	if ((fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		return (errno);
	return (result(sendto(fd, "x", 1, MSG_FASTOPEN,
	    (const struct sockaddr *)&sin, sizeof(sin))));
}

/* The same through sendmsg(2), which frames need. */
static int
act_tfo_msg(const char *port)
{
	struct sockaddr_in sin = loopback(port);
	struct iovec iov = { (char[]){ 'x' }, 1 };
	struct msghdr mh;
	int fd;

	if ((fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		return (errno);
	memset(&mh, 0, sizeof(mh));
	mh.msg_name = &sin;
	mh.msg_namelen = sizeof(sin);
	mh.msg_iov = &iov;
	mh.msg_iovlen = 1;
	return (result(sendmsg(fd, &mh, MSG_FASTOPEN)));
}

static int
act_mptcp(const char *port)
{
	struct sockaddr_in sin = loopback(port);

	return (connect_to(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC,
	    IPPROTO_MPTCP), &sin, sizeof(sin)));
}

static int
act_udp(const char *port)
{
	struct sockaddr_in sin = loopback(port);
	int fd;

	if ((fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) == -1)
		return (errno);
	return (result(sendto(fd, "x", 1, 0, (const struct sockaddr *)&sin,
	    sizeof(sin))));
}

static int
act_bind(const char *arg)
{
	struct sockaddr_in sin = loopback("0");
	int fd;

	(void)arg;
	if ((fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		return (errno);
	return (result(bind(fd, (const struct sockaddr *)&sin,
	    sizeof(sin))));
}

static int
act_unix(const char *path)
{
	struct sockaddr_un sun;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	strncpy(sun.sun_path, path, sizeof(sun.sun_path) - 1);
	return (connect_to(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    &sun, sizeof(sun)));
}

static int
act_abstract(const char *name)
{
	struct sockaddr_un sun;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	strncpy(sun.sun_path + 1, name, sizeof(sun.sun_path) - 2);
	return (connect_to(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    &sun, offsetof(struct sockaddr_un, sun_path) + 1 +
	    strlen(name)));
}

static int
act_socketpair(const char *arg)
{
	int fds[2];

	(void)arg;
	return (result(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    fds)));
}

static int
act_netlink(const char *arg)
{
	(void)arg;
	return (result(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0)));
}

static int
map(int prot)
{
	void *p = mmap(NULL, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return (p == MAP_FAILED ? errno : 0);
}

static int
act_map_rw(const char *arg)
{
	(void)arg;
	return (map(PROT_READ | PROT_WRITE));
}

static int
act_map_rwx(const char *arg)
{
	(void)arg;
	return (map(PROT_READ | PROT_WRITE | PROT_EXEC));
}

/* First write, then execute. */
static int
act_map_w_then_x(const char *arg)
{
	void *p;

	(void)arg;
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return (errno);
	return (result(mprotect(p, 4096, PROT_READ | PROT_EXEC)));
}

static int
act_memfd(const char *arg)
{
	(void)arg;
	return (result(memfd_create("probe", MFD_CLOEXEC)));
}

static int
act_io_uring(const char *arg)
{
	/* Larger than struct io_uring_params. */
	uint64_t params[32];

	(void)arg;
	memset(params, 0, sizeof(params));
	return (result(syscall(SYS_io_uring_setup, 4, params)));
}

static int
act_epoll(const char *arg)
{
	(void)arg;
	return (result(epoll_create1(EPOLL_CLOEXEC)));
}

static int
act_setuid(const char *arg)
{
	(void)arg;
	return (result(setuid(getuid())));
}

static int
act_getuid(const char *arg)
{
	(void)arg;
	return (getuid() == geteuid() ? 0 : EPERM);
}

/* KEYCTL_GET_KEYRING_ID of the process, made when it is missing. */
static int
act_keyctl(const char *arg)
{
	(void)arg;
	return (result(syscall(SYS_keyctl, 0, -2, 1)));
}

static int
act_getrandom(const char *arg)
{
	char byte;

	(void)arg;
	return (result(getrandom(&byte, 1, 0)));
}

static int
act_unshare(const char *arg)
{
	(void)arg;
	return (result(unshare(CLONE_NEWUSER)));
}

static int
act_mount(const char *arg)
{
	(void)arg;
	return (result(mount("none", "/tmp", "tmpfs", 0, NULL)));
}

static int
act_bpf(const char *arg)
{
	(void)arg;
	return (result(syscall(SYS_bpf, 0, NULL, 0)));
}

static int
act_userfaultfd(const char *arg)
{
	(void)arg;
	return (result(syscall(SYS_userfaultfd, O_CLOEXEC)));
}

static int
act_perf(const char *arg)
{
	(void)arg;
	return (result(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0)));
}

static int
act_dumpable(const char *arg)
{
	(void)arg;
	return (result(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)));
}

static int
act_set_name(const char *arg)
{
	return (result(prctl(PR_SET_NAME, arg, 0, 0, 0)));
}

static int
act_landlock(const char *arg)
{
	(void)arg;
	return (result(syscall(SYS_landlock_create_ruleset, NULL, 0, 1)));
}

static const struct act acts[] = {
	{ "abstract", act_abstract }, { "bind", act_bind },
	{ "bpf", act_bpf }, { "create", act_create },
	{ "dumpable", act_dumpable }, { "epoll", act_epoll },
	{ "exec", act_exec }, { "fork", act_fork },
	{ "getrandom", act_getrandom }, { "getuid", act_getuid },
	{ "io_uring", act_io_uring }, { "keyctl", act_keyctl },
	{ "kill", act_kill }, { "landlock", act_landlock },
	{ "map_rw", act_map_rw }, { "map_rwx", act_map_rwx },
	{ "map_w_then_x", act_map_w_then_x }, { "memfd", act_memfd },
	{ "memfd_exec", act_memfd_exec }, { "mkdir", act_mkdir },
	{ "mount", act_mount }, { "mptcp", act_mptcp },
	{ "netlink", act_netlink }, { "open", act_open },
	{ "perf", act_perf }, { "pidfd", act_pidfd },
	{ "ptrace", act_ptrace }, { "set_name", act_set_name },
	{ "setown", act_setown }, { "setuid", act_setuid },
	{ "socketpair", act_socketpair }, { "stat", act_stat },
	{ "tcp", act_tcp },
	{ "tcp6", act_tcp6 }, { "tfo", act_tfo },
	{ "tfo_msg", act_tfo_msg }, { "tgkill", act_tgkill },
	{ "tgkill_self", act_tgkill_self }, { "thread", act_thread },
	{ "udp", act_udp }, { "unix", act_unix },
	{ "unlink", act_unlink }, { "unshare", act_unshare },
	{ "userfaultfd", act_userfaultfd }, { "vm_read", act_vm_read },
	{ "write_fd", act_write_fd }
};

int
probe_act(const char *name, const char *arg)
{
	size_t i;

	for (i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (strcmp(acts[i].name, name) == 0)
			return (acts[i].fn(arg));
	return (-1);
}
