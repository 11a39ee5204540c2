/* SPDX-License-Identifier: ISC */
/*
 * The kernel's Landlock interface up to ABI 7, for systems whose headers
 * are older than their kernel (Debian 12's stop at ABI 2).
 *
 * The kernel copies as many bytes as it is told, and refuses set bits that
 * it does not know: pass the size and the rights of the ABI that it reports.
 */
#ifndef TIDE_COMMON_SANDBOX_LANDLOCK_ABI_H
#define TIDE_COMMON_SANDBOX_LANDLOCK_ABI_H

#include <stdint.h>
#include <sys/syscall.h>

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset	444
#define SYS_landlock_add_rule		445
#define SYS_landlock_restrict_self	446
#endif

#define LL_CREATE_VERSION	0x1u	/* landlock_create_ruleset() flag */
#define LL_RULE_PATH_BENEATH	1
#define LL_RULE_NET_PORT	2

/* Rights on files; ABI 1 knows 0..12, 2 adds REFER, 3 TRUNCATE, 5 IOCTL. */
#define LL_FS_EXECUTE		(1ULL << 0)
#define LL_FS_READ_FILE		(1ULL << 2)
#define LL_FS_READ_DIR		(1ULL << 3)
#define LL_FS_ABI1		((1ULL << 13) - 1)
#define LL_FS_REFER		(1ULL << 13)
#define LL_FS_TRUNCATE		(1ULL << 14)
#define LL_FS_IOCTL_DEV		(1ULL << 15)

/* ABI 4. */
#define LL_NET_BIND_TCP		(1ULL << 0)
#define LL_NET_CONNECT_TCP	(1ULL << 1)

/* ABI 6. */
#define LL_SCOPE_ABSTRACT_UNIX	(1ULL << 0)
#define LL_SCOPE_SIGNAL		(1ULL << 1)

struct ll_ruleset_attr {
	uint64_t	handled_access_fs;	/* ABI 1: size 8 */
	uint64_t	handled_access_net;	/* ABI 4: size 16 */
	uint64_t	scoped;			/* ABI 6: size 24 */
};

struct ll_path_beneath_attr {
	uint64_t	allowed_access;
	int32_t		parent_fd;
} __attribute__((__packed__));

struct ll_net_port_attr {
	uint64_t	allowed_access;
	uint64_t	port;			/* host byte order */
};

#endif
