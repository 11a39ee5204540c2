/* SPDX-License-Identifier: ISC */
/*
 * The classes of system calls, as tables.
 *
 * What no active class names kills the process: exec, fork, ptrace, kill,
 * io_uring, bpf, keyctl, mount, unshare, setuid and their like are not here
 * on purpose.  Calls that libraries make to probe are answered with an
 * error instead.
 *
 * Conditions are masked: an int argument is compared in its low 32 bits, as
 * the kernel does.  Rules of one call must not overlap when their outcomes
 * differ (libseccomp lets one of them win): classes that refine a refusal
 * switch it off with 'unless'.
 */
#include "config.h"

#include <linux/futex.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>

#include "common/sandbox/filter.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA	0x53564d41
#endif

#define INT_MASK	0xffffffffULL
#define TYPE_MASK	(INT_MASK & ~(uint64_t)(SOCK_CLOEXEC | SOCK_NONBLOCK))

#define ALLOW(call)	{ .nr = SCMP_SYS(call) }
#define REFUSE(call, e)	{ .nr = SCMP_SYS(call), .err = (e) }
#define IF1(call, e, c)							\
	{ .nr = SCMP_SYS(call), .err = (e), .nconds = 1, .conds = { c } }
#define IF2(call, e, c, d)						\
	{ .nr = SCMP_SYS(call), .err = (e), .nconds = 2, .conds = { c, d } }
#define IF3(call, e, c, d, f)						\
	{ .nr = SCMP_SYS(call), .err = (e), .nconds = 3,		\
	    .conds = { c, d, f } }
#define OWN_PID(call)	{ .nr = SCMP_SYS(call), .own_pid = true }
#define BITS(n, m, v)	{ (n), (m), (v) }
#define IS(n, v)	BITS(n, INT_MASK, (uint64_t)(v))
#define CLEAR(n, m)	BITS(n, (uint64_t)(m), 0)
#define SET(n, m)	BITS(n, (uint64_t)(m), (uint64_t)(m))

#define FCNTL(cmd)	IF1(fcntl, 0, IS(1, cmd))
#define IOCTL(cmd)	IF1(ioctl, 0, IS(1, cmd))
#define PRCTL(op)	IF1(prctl, 0, IS(0, op))
#define SOCKET(dom, type, proto)					\
	IF3(socket, 0, IS(0, dom), BITS(1, TYPE_MASK, type), IS(2, proto))

static const struct filter_rule base_rules[] = {
	ALLOW(read), ALLOW(write), ALLOW(readv), ALLOW(writev),
	ALLOW(pread64), ALLOW(pwrite64), ALLOW(close), ALLOW(lseek),
	ALLOW(dup), ALLOW(dup3), ALLOW(fstat), ALLOW(fsync),
	ALLOW(fdatasync),
	ALLOW(ftruncate),	/* takes back what was not written whole */
	ALLOW(poll), ALLOW(ppoll), ALLOW(select), ALLOW(pselect6),
	ALLOW(epoll_create1), ALLOW(epoll_ctl), ALLOW(epoll_wait),
	ALLOW(epoll_pwait), ALLOW(epoll_pwait2), ALLOW(eventfd2),
	ALLOW(pipe), ALLOW(pipe2), ALLOW(timerfd_create),
	ALLOW(timerfd_settime), ALLOW(timerfd_gettime),
	ALLOW(futex), ALLOW(sched_yield), ALLOW(sched_getaffinity),
	ALLOW(set_robust_list), ALLOW(rseq), ALLOW(membarrier),
	ALLOW(gettid), ALLOW(getcpu),
	ALLOW(brk), ALLOW(munmap), ALLOW(mremap), ALLOW(madvise),
	ALLOW(munlock),
	IF1(mmap, 0, CLEAR(2, PROT_EXEC)),
	IF1(mprotect, 0, CLEAR(2, PROT_EXEC)),
	ALLOW(clock_gettime), ALLOW(clock_getres), ALLOW(clock_nanosleep),
	ALLOW(nanosleep), ALLOW(gettimeofday), ALLOW(time),
	ALLOW(getrandom), ALLOW(uname), ALLOW(sysinfo), ALLOW(getrusage),
	ALLOW(times),
	ALLOW(getpid), ALLOW(getppid), ALLOW(getuid), ALLOW(geteuid),
	ALLOW(getgid), ALLOW(getegid), ALLOW(getresuid), ALLOW(getresgid),
	ALLOW(rt_sigprocmask), ALLOW(rt_sigaction), ALLOW(rt_sigreturn),
	ALLOW(rt_sigtimedwait), ALLOW(pause),
	ALLOW(restart_syscall), ALLOW(sigaltstack),
	ALLOW(exit), ALLOW(exit_group),
	/* abort() and pthread_kill(); no other process. */
	OWN_PID(tgkill),
	FCNTL(F_DUPFD), FCNTL(F_DUPFD_CLOEXEC), FCNTL(F_GETFD),
	FCNTL(F_SETFD), FCNTL(F_GETFL), FCNTL(F_SETFL), FCNTL(F_SETPIPE_SZ),
	FCNTL(F_GET_SEALS),
	IOCTL(FIONREAD), IOCTL(FIONBIO), IOCTL(TCGETS),
	PRCTL(PR_SET_NAME), PRCTL(PR_GET_NAME), PRCTL(PR_SET_VMA),
	/* Frames on inherited channels; a TCP connection that is opened by
	 * sending would slip past Landlock's ports. */
	IF1(sendmsg, 0, CLEAR(2, MSG_FASTOPEN)), ALLOW(recvmsg),

	/* Asked by libraries, and no reason to die. */
	REFUSE(openat2, ENOSYS), REFUSE(clone3, ENOSYS),
	REFUSE(prlimit64, EPERM), REFUSE(sched_setaffinity, EPERM),
	REFUSE(getcwd, EACCES),
	/* getaddrinfo() looks for nscd and asks netlink for addresses. */
	IF1(socket, EACCES, IS(0, AF_NETLINK))
};

/*
 * Where open(2) is refused here already, not by Landlock alone.  Questions
 * about a file are answered with ENOENT: libpq goes on without a client
 * certificate that does not exist, but not without one that it may not see.
 */
static const struct filter_rule nofiles_rules[] = {
	REFUSE(open, EACCES), REFUSE(openat, EACCES), REFUSE(creat, EACCES),
	REFUSE(getdents64, EACCES),
	REFUSE(stat, ENOENT), REFUSE(lstat, ENOENT),
	REFUSE(access, ENOENT), REFUSE(faccessat, ENOENT),
	REFUSE(faccessat2, ENOENT),
	REFUSE(readlink, ENOENT), REFUSE(readlinkat, ENOENT),
	/* fstat() of glibc 2.33 and newer. */
	IF1(newfstatat, 0, SET(3, AT_EMPTY_PATH)),
	IF1(newfstatat, ENOENT, CLEAR(3, AT_EMPTY_PATH)),
	IF1(statx, 0, SET(2, AT_EMPTY_PATH)),
	IF1(statx, ENOENT, CLEAR(2, AT_EMPTY_PATH))
};

/* Landlock decides which files, and that none is written: filtering the
 * open flags here kills libraries that try O_RDWR first. */
static const struct filter_rule files_rules[] = {
	ALLOW(open), ALLOW(openat), REFUSE(creat, EACCES),
	ALLOW(stat), ALLOW(lstat), ALLOW(newfstatat), ALLOW(statx),
	ALLOW(access), ALLOW(faccessat), ALLOW(faccessat2),
	ALLOW(readlink), ALLOW(readlinkat), ALLOW(getdents64),
	ALLOW(statfs), ALLOW(fstatfs)
};

/* dlopen() and preparations that end with stage 2.  Never write and
 * execute at once. */
static const struct filter_rule loading_rules[] = {
	IF1(mmap, 0, BITS(2, PROT_EXEC | PROT_WRITE, PROT_EXEC)),
	IF1(mprotect, 0, BITS(2, PROT_EXEC | PROT_WRITE, PROT_EXEC)),
	ALLOW(mlock), ALLOW(mlock2), ALLOW(memfd_create),
	ALLOW(memfd_secret), ALLOW(ftruncate),
	FCNTL(F_ADD_SEALS)
};

static const struct filter_rule confine_rules[] = {
	ALLOW(landlock_create_ruleset), ALLOW(landlock_add_rule),
	ALLOW(landlock_restrict_self), ALLOW(seccomp),
	PRCTL(PR_SET_NO_NEW_PRIVS),
	/* An O_PATH descriptor for a rule: refused like any open, if it is. */
};

static const struct filter_rule net_rules[] = {
	ALLOW(getsockopt), ALLOW(setsockopt), ALLOW(getsockname),
	ALLOW(getpeername), ALLOW(shutdown), ALLOW(recvfrom),
	IF1(sendto, 0, CLEAR(3, MSG_FASTOPEN))
};

/* By protocol too, which shuts out MPTCP, SCTP and raw sockets. */
static const struct filter_rule tcp_rules[] = {
	SOCKET(AF_INET, SOCK_STREAM, 0),
	SOCKET(AF_INET, SOCK_STREAM, IPPROTO_TCP),
	SOCKET(AF_INET6, SOCK_STREAM, 0),
	SOCKET(AF_INET6, SOCK_STREAM, IPPROTO_TCP),
	ALLOW(connect),
	/* libcurl before 8.8 wakes its multi handle through a pair. */
	IF1(socketpair, 0, IS(0, AF_UNIX))
};

static const struct filter_rule unix_rules[] = {
	SOCKET(AF_UNIX, SOCK_STREAM, 0),
	IF2(socket, EACCES, IS(0, AF_UNIX), BITS(1, TYPE_MASK, SOCK_DGRAM)),
	IF2(socket, EACCES, IS(0, AF_UNIX),
	    BITS(1, TYPE_MASK, SOCK_SEQPACKET)),
	ALLOW(connect)
};

static const struct filter_rule nounix_rules[] = {
	IF1(socket, EACCES, IS(0, AF_UNIX))
};

static const struct filter_rule dns_rules[] = {
	SOCKET(AF_INET, SOCK_DGRAM, 0),
	SOCKET(AF_INET, SOCK_DGRAM, IPPROTO_UDP),
	SOCKET(AF_INET6, SOCK_DGRAM, 0),
	SOCKET(AF_INET6, SOCK_DGRAM, IPPROTO_UDP),
	IF1(sendmmsg, 0, CLEAR(3, MSG_FASTOPEN)), ALLOW(recvmmsg)
};

static const struct filter_rule accept_rules[] = {
	ALLOW(accept), ALLOW(accept4)
};

/* A thread and nothing else: clone3, whose flags lie behind a pointer, was
 * answered with ENOSYS, after which libc falls back on clone. */
#define THREAD_FLAGS	(CLONE_VM | CLONE_FS | CLONE_FILES |		\
			    CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)
#define FOREIGN_FLAGS	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |	\
			    CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | \
			    CLONE_NEWNET | CLONE_VFORK | CLONE_PTRACE |	\
			    CLONE_PARENT | CLONE_PIDFD)
static const struct filter_rule threads_rules[] = {
#if defined(__s390__)
	IF1(clone, 0, BITS(1, THREAD_FLAGS | (uint64_t)FOREIGN_FLAGS,
	    THREAD_FLAGS))
#else
	IF1(clone, 0, BITS(0, THREAD_FLAGS | (uint64_t)FOREIGN_FLAGS,
	    THREAD_FLAGS))
#endif
};

static const struct filter_rule memfd_rules[] = {
	ALLOW(memfd_create), ALLOW(ftruncate), FCNTL(F_ADD_SEALS)
};

#ifdef TIDE_INSTRUMENTED
/* What the run time of sanitizers and of gcov calls.  Landlock still
 * refuses the files, so gcov needs sandbox = off. */
static const struct filter_rule instrumented_rules[] = {
	ALLOW(open), ALLOW(openat), ALLOW(newfstatat), ALLOW(stat),
	ALLOW(readlink), ALLOW(readlinkat), ALLOW(getdents64),
	ALLOW(access), ALLOW(mincore), ALLOW(personality),
	FCNTL(F_SETLKW), FCNTL(F_SETLK), ALLOW(mkdir), ALLOW(unlink),
	ALLOW(dup), ALLOW(dup2), ALLOW(set_tid_address)
};
#endif

#define N(rules)	(rules), sizeof(rules) / sizeof((rules)[0])

static const struct filter_class classes[] = {
	{ "base",	FILTER_ALWAYS,		0,	N(base_rules) },
	{ "nofiles",	FILTER_ALWAYS,
	    FILTER_OPENABLE,				N(nofiles_rules) },
	{ "files",	FILTER_OPENABLE,	0,	N(files_rules) },
	{ "loading",	FILTER_LOADING,		0,	N(loading_rules) },
	{ "confine",	FILTER_CONFINE,		0,	N(confine_rules) },
	{ "net",	SANDBOX_TCP | SANDBOX_UNIX | SANDBOX_ACCEPT |
	    SANDBOX_DNS,			0,	N(net_rules) },
	{ "tcp",	SANDBOX_TCP | SANDBOX_DNS, 0,	N(tcp_rules) },
	{ "unix",	SANDBOX_UNIX,		0,	N(unix_rules) },
	{ "nounix",	FILTER_ALWAYS,
	    SANDBOX_UNIX,				N(nounix_rules) },
	{ "dns",	SANDBOX_DNS,		0,	N(dns_rules) },
	{ "accept",	SANDBOX_ACCEPT,		0,	N(accept_rules) },
	{ "threads",	SANDBOX_THREADS,	0,	N(threads_rules) },
	{ "memfd",	SANDBOX_MEMFD,		0,	N(memfd_rules) },
#ifdef TIDE_INSTRUMENTED
	{ "instrumented", FILTER_ALWAYS,	0,	N(instrumented_rules) },
#endif
};

const struct filter_class *
filter_classes(size_t *n)
{
	*n = sizeof(classes) / sizeof(classes[0]);
	return (classes);
}
