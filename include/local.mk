# SPDX-License-Identifier: ISC
tideincludedir = $(includedir)/tide
tideinclude_HEADERS = include/tide/sink.h
