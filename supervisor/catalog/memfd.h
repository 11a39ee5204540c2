/* SPDX-License-Identifier: ISC */
/* Bytes that can be handed to another process and changed by nobody. */
#ifndef TIDE_CATALOG_MEMFD_H
#define TIDE_CATALOG_MEMFD_H

#include <stddef.h>

/* A memfd with all seals set, at offset 0; -1 with errno. */
int	memfd_sealed(const char *name, const void *, size_t);

#endif
