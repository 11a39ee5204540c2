# SPDX-License-Identifier: ISC
noinst_LIBRARIES += common/sandbox/libtidesandbox.a
common_sandbox_libtidesandbox_a_SOURCES = \
	common/sandbox/classes.c \
	common/sandbox/filter.c \
	common/sandbox/filter.h \
	common/sandbox/landlock.c \
	common/sandbox/landlock.h \
	common/sandbox/landlock_abi.h \
	common/sandbox/sandbox.c \
	common/sandbox/sandbox.h \
	common/sandbox/trap.c
common_sandbox_libtidesandbox_a_CFLAGS = $(AM_CFLAGS) $(SECCOMP_CFLAGS)
