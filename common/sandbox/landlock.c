/* SPDX-License-Identifier: ISC */
/*
 * Builds Landlock rule sets with the sizes and rights of the kernel's ABI.
 */
#include "config.h"

#include <sys/prctl.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/sandbox/landlock.h"
#include "common/sandbox/landlock_abi.h"

static uint64_t
fs_rights(int abi)
{
	uint64_t rights = LL_FS_ABI1;

	if (abi >= 2)
		rights |= LL_FS_REFER;
	if (abi >= 3)
		rights |= LL_FS_TRUNCATE;
	if (abi >= 5)
		rights |= LL_FS_IOCTL_DEV;
	return (rights);
}

static size_t
ruleset_size(int abi)
{
	if (abi >= LANDLOCK_ABI_SCOPE)
		return (sizeof(struct ll_ruleset_attr));
	if (abi >= LANDLOCK_ABI_NET)
		return (offsetof(struct ll_ruleset_attr, scoped));
	return (offsetof(struct ll_ruleset_attr, handled_access_net));
}

int
landlock_abi(void)
{
	long abi;

	abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LL_CREATE_VERSION);
	return (abi < 0 ? 0 : (int)abi);
}

static int
add_path(int ruleset, const char *path)
{
	struct ll_path_beneath_attr attr = {
		.allowed_access = LL_FS_READ_FILE | LL_FS_READ_DIR
	};
	struct stat st;
	int error, fd, rv = -1;

	/* What cannot be reached now cannot be read later either. */
	if ((fd = open(path, O_PATH | O_CLOEXEC)) == -1)
		return (errno == ENOENT || errno == ENOTDIR ||
		    errno == EACCES ? 0 : -1);
	if (fstat(fd, &st) == -1)
		goto out;
	/* The kernel refuses rights of directories on a file. */
	if (!S_ISDIR(st.st_mode))
		attr.allowed_access = LL_FS_READ_FILE;
	attr.parent_fd = fd;
	if (syscall(SYS_landlock_add_rule, ruleset, LL_RULE_PATH_BENEATH,
	    &attr, 0) == -1)
		goto out;
	rv = 0;
 out:
	error = errno;
	close(fd);
	errno = error;
	return (rv);
}

static int
add_paths(int ruleset, const char *const *paths, size_t n, char *err,
    size_t errsize)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (add_path(ruleset, paths[i]) == -1) {
			snprintf(err, errsize, "cannot allow %s: %s",
			    paths[i], strerror(errno));
			return (-1);
		}
	return (0);
}

static int
add_ports(int ruleset, const uint16_t *ports, size_t n, char *err,
    size_t errsize)
{
	struct ll_net_port_attr attr = {
		.allowed_access = LL_NET_CONNECT_TCP
	};
	size_t i;

	for (i = 0; i < n; i++) {
		attr.port = ports[i];
		if (syscall(SYS_landlock_add_rule, ruleset,
		    LL_RULE_NET_PORT, &attr, 0) == -1) {
			snprintf(err, errsize, "cannot allow TCP port %u: %s",
			    (unsigned int)ports[i], strerror(errno));
			return (-1);
		}
	}
	return (0);
}

/* What this layer handles, cut down to what the kernel knows. */
static struct ll_ruleset_attr
layer_handled(const struct landlock_layer *layer, int abi)
{
	struct ll_ruleset_attr attr = { 0, 0, 0 };

	if (layer->files)
		attr.handled_access_fs = fs_rights(abi);
	if (abi >= LANDLOCK_ABI_NET && layer->no_bind)
		attr.handled_access_net |= LL_NET_BIND_TCP;
	if (abi >= LANDLOCK_ABI_NET && layer->ports_only)
		attr.handled_access_net |= LL_NET_CONNECT_TCP;
	if (abi >= LANDLOCK_ABI_SCOPE && layer->scope)
		attr.scoped = LL_SCOPE_ABSTRACT_UNIX | LL_SCOPE_SIGNAL;
	return (attr);
}

static int
add_rules(int ruleset, const struct landlock_layer *layer,
    const struct ll_ruleset_attr *attr, char *err, size_t errsize)
{
	if (layer->files && (add_paths(ruleset, layer->dirs, layer->ndirs,
	    err, errsize) == -1 || add_paths(ruleset, layer->paths,
	    layer->npaths, err, errsize) == -1))
		return (-1);
	if ((attr->handled_access_net & LL_NET_CONNECT_TCP) != 0)
		return (add_ports(ruleset, layer->ports, layer->nports, err,
		    errsize));
	return (0);
}

int
landlock_apply(const struct landlock_layer *layer, int abi, char *err,
    size_t errsize)
{
	struct ll_ruleset_attr attr = layer_handled(layer, abi);
	int ruleset, rv = -1;

	if (attr.handled_access_fs == 0 && attr.handled_access_net == 0 &&
	    attr.scoped == 0)
		return (0);
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr,
	    ruleset_size(abi), 0);
	if (ruleset == -1) {
		snprintf(err, errsize, "landlock_create_ruleset: %s",
		    strerror(errno));
		return (-1);
	}
	if (add_rules(ruleset, layer, &attr, err, errsize) == -1)
		goto out;
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) == -1) {
		snprintf(err, errsize, "landlock_restrict_self: %s",
		    strerror(errno));
		goto out;
	}
	rv = 0;
 out:
	close(ruleset);
	return (rv);
}
