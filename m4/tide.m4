dnl SPDX-License-Identifier: ISC
dnl Project options, and the compiler flags that each is probed for.

dnl TIDE_ADD_CFLAG(VARIABLE, FLAG): append FLAG when the compiler takes it
dnl and a program that uses it links.
AC_DEFUN([TIDE_ADD_CFLAG], [
	AS_VAR_PUSHDEF([cachevar], [tide_cv_cflag_$2])
	AC_CACHE_CHECK([whether $CC accepts $2], [cachevar], [
		tide_save_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS -Werror $2"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <string.h>]],
		    [[char b[64]; memset(b, 1, sizeof(b));
		    return (b[3] - 1);]])],
		    [AS_VAR_SET([cachevar], [yes])],
		    [AS_VAR_SET([cachevar], [no])])
		CFLAGS=$tide_save_CFLAGS
	])
	AS_VAR_IF([cachevar], [yes], [$1="$$1 $2"])
	AS_VAR_POPDEF([cachevar])
])

AC_DEFUN([TIDE_ADD_LDFLAG], [
	AS_VAR_PUSHDEF([cachevar], [tide_cv_ldflag_$2])
	AC_CACHE_CHECK([whether the linker accepts $2], [cachevar], [
		tide_save_LDFLAGS=$LDFLAGS
		LDFLAGS="$LDFLAGS $2"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
		    [AS_VAR_SET([cachevar], [yes])],
		    [AS_VAR_SET([cachevar], [no])])
		LDFLAGS=$tide_save_LDFLAGS
	])
	AS_VAR_IF([cachevar], [yes], [$1="$$1 $2"])
	AS_VAR_POPDEF([cachevar])
])

AC_DEFUN([TIDE_OPTIONS], [
	AC_ARG_WITH([plugindir], [AS_HELP_STRING([--with-plugindir=DIR],
	    [where sink plugins are installed and loaded from])],
	    [plugindir=$withval], [plugindir='${libdir}/pg-tided/plugins'])
	AC_SUBST([plugindir])
	AC_ARG_WITH([rundir], [AS_HELP_STRING([--with-rundir=DIR],
	    [where the control socket and pid file live])],
	    [rundir=$withval], [rundir='${runstatedir}/pg-tide'])
	AS_IF([test -z "$runstatedir"], [runstatedir='${localstatedir}/run'])
	AC_SUBST([runstatedir])
	AC_SUBST([rundir])
	AC_ARG_WITH([confdir], [AS_HELP_STRING([--with-confdir=DIR],
	    [where pg-tided.conf lives])],
	    [confdir=$withval], [confdir='${sysconfdir}/pg-tide'])
	AC_SUBST([confdir])
	AC_ARG_WITH([extensiondir], [AS_HELP_STRING([--with-extensiondir=DIR],
	    [where PostgreSQL looks for extension files])],
	    [extensiondir=$withval],
	    [extensiondir='${datadir}/pg-tided/extension'])
	AC_SUBST([extensiondir])
	AC_ARG_WITH([systemdsystemunitdir],
	    [AS_HELP_STRING([--with-systemdsystemunitdir=DIR],
	    [where the systemd unit is installed (default: not installed)])],
	    [systemdsystemunitdir=$withval], [systemdsystemunitdir=no])
	AC_SUBST([systemdsystemunitdir])
	AM_CONDITIONAL([SYSTEMD_UNIT], [test "x$systemdsystemunitdir" != xno])
	AC_ARG_WITH([user], [AS_HELP_STRING([--with-user=USER],
	    [unprivileged user of the children (default: pg-tide)])],
	    [tide_user=$withval], [tide_user=pg-tide])
	AC_SUBST([tide_user])

	AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror],
	    [make compiler warnings errors (for CI)])],
	    [], [enable_werror=no])
	AC_ARG_ENABLE([hardening], [AS_HELP_STRING([--disable-hardening],
	    [do not add hardening flags])],
	    [], [enable_hardening=yes])
	AC_ARG_ENABLE([sanitizers],
	    [AS_HELP_STRING([--enable-sanitizers@<:@=LIST@:>@],
	    [build with sanitizers (default list: address,undefined)])],
	    [], [enable_sanitizers=no])
	AC_ARG_ENABLE([fuzzing], [AS_HELP_STRING([--enable-fuzzing],
	    [build the libFuzzer targets (needs clang)])],
	    [], [enable_fuzzing=no])
	AC_ARG_ENABLE([gcov], [AS_HELP_STRING([--enable-gcov],
	    [build with coverage counters])], [], [enable_gcov=no])
	AM_CONDITIONAL([FUZZING], [test "x$enable_fuzzing" = xyes])
])

AC_DEFUN([TIDE_HARDENING], [
	TIDE_CFLAGS=
	TIDE_LDFLAGS=
	m4_foreach_w([flag], [-Wall -Wextra -Wconversion -Wformat=2 -Wshadow
	    -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
	    -Wwrite-strings -Wcast-qual -Wundef -Wvla -Wimplicit-fallthrough
	    -Wnull-dereference -Wdouble-promotion -Wpointer-arith],
	    [TIDE_ADD_CFLAG([TIDE_CFLAGS], flag)])
	AS_IF([test "x$enable_werror" = xyes],
	    [TIDE_ADD_CFLAG([TIDE_CFLAGS], [-Werror])])

	tide_sanitizers=
	AS_CASE([$enable_sanitizers], [no], [],
	    [yes], [tide_sanitizers=address,undefined],
	    [tide_sanitizers=$enable_sanitizers])
	dnl Fuzz targets link the library: its branches must be counted, too.
	AS_IF([test "x$enable_fuzzing" = xyes], [
		AS_IF([test -z "$tide_sanitizers"],
		    [tide_sanitizers=address,undefined])
		TIDE_CFLAGS="$TIDE_CFLAGS -fsanitize=fuzzer-no-link"
	])
	AS_IF([test -n "$tide_sanitizers"], [
		TIDE_CFLAGS="$TIDE_CFLAGS -fsanitize=$tide_sanitizers"
		TIDE_CFLAGS="$TIDE_CFLAGS -fno-omit-frame-pointer"
		TIDE_CFLAGS="$TIDE_CFLAGS -fno-sanitize-recover=undefined"
		TIDE_LDFLAGS="$TIDE_LDFLAGS -fsanitize=$tide_sanitizers"
		AC_DEFINE([TIDE_INSTRUMENTED], [1],
		    [Sanitizers or coverage are compiled in: the sandbox admits
		    the system calls of their run time.])
	])
	AS_IF([test "x$enable_gcov" = xyes], [
		TIDE_CFLAGS="$TIDE_CFLAGS --coverage -O0"
		TIDE_LDFLAGS="$TIDE_LDFLAGS --coverage"
		AC_DEFINE([TIDE_INSTRUMENTED], [1])
	])
	AS_IF([test "x$enable_hardening" = xyes], [
	    m4_foreach_w([flag], [-fstack-protector-strong
		-fstack-clash-protection -ftrivial-auto-var-init=zero
		-fzero-call-used-regs=used -fcf-protection=full
		-fno-delete-null-pointer-checks -fno-strict-overflow
		-fno-strict-aliasing],
		[TIDE_ADD_CFLAG([TIDE_CFLAGS], flag)])
	    AS_IF([test -z "$tide_sanitizers"], [
		dnl Fortification needs the optimiser; a debug build has none.
		AS_CASE([" $CFLAGS "], [*" -O0 "*], [],
		    [TIDE_CFLAGS="$TIDE_CFLAGS -U_FORTIFY_SOURCE"
		    TIDE_CFLAGS="$TIDE_CFLAGS -D_FORTIFY_SOURCE=3"])
	    ])
	    m4_foreach_w([flag], [[-Wl,-z,relro] [-Wl,-z,now]
		[-Wl,-z,noexecstack] [-Wl,-z,separate-code] [-Wl,--as-needed]],
		[TIDE_ADD_LDFLAG([TIDE_LDFLAGS], flag)])
	    TIDE_PIE_CFLAGS=-fPIE
	    TIDE_PIE_LDFLAGS=-pie
	])
	TIDE_ADD_CFLAG([TIDE_CFLAGS], [-ffile-prefix-map=$srcdir/=])
	AC_SUBST([TIDE_CFLAGS])
	AC_SUBST([TIDE_LDFLAGS])
	AC_SUBST([TIDE_PIE_CFLAGS])
	AC_SUBST([TIDE_PIE_LDFLAGS])
])
