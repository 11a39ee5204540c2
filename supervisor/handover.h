/* SPDX-License-Identifier: ISC */
/*
 * Hand files to a locked-down child: copies in memfds for what libraries
 * insist on opening by name, descriptors for outputs.
 */
#ifndef TIDE_SUPERVISOR_HANDOVER_H
#define TIDE_SUPERVISOR_HANDOVER_H

#include "common/option.h"
#include "common/peer.h"
#include "supervisor/identity.h"

/* A copy that only this identity can open, sealed.  -1 and why. */
int	handover_copy(int fd, const struct identity *, char *err,
	    size_t errsize);
/* The files that the connection string names.  0, or -1 and why. */
int	handover_url_files(struct peer *, const char *url,
	    const struct identity *, char *err, size_t errsize);
/* A file below files.dirs, as FILE. */
int	handover_file(struct peer *, const struct option_set *,
	    const char *path, const struct identity *, char *err,
	    size_t errsize);
/* An output below output.dirs, or "-", as OUTPUT. */
int	handover_output(struct peer *, const struct option_set *,
	    const char *path, bool foreground, char *err, size_t errsize);
/* The last two without a peer, to know whether they would work; contents
 * are mixed into *fingerprint, unless that is NULL. */
int	handover_check(const struct option_set *, enum ref_kind,
	    const char *path, bool foreground, uint64_t *fingerprint,
	    char *err, size_t errsize);
/* The same for a file that the connection string names as key. */
int	handover_url_file_read(const char *key, const char *path,
	    uint64_t *fingerprint, char *err, size_t errsize);

#endif
