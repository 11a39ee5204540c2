# SPDX-License-Identifier: ISC
# cmocka programs; each speaks TAP when CMOCKA_MESSAGE_OUTPUT says so.
UNIT_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(EVENT_CFLAGS)
UNIT_LIBS = common/libtide.a $(CMOCKA_LIBS) $(EVENT_LIBS)
