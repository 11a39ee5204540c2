# SPDX-License-Identifier: ISC
plugin_LTLIBRARIES += plugins/file/file.la
plugins_file_file_la_SOURCES = \
	plugins/file/file.c plugins/file/file.h \
	plugins/file/output.c plugins/file/output.h \
	plugins/file/plugin.c \
	plugins/file/text.c plugins/file/text.h
plugins_file_file_la_CFLAGS = $(TIDE_CFLAGS) -pthread -fvisibility=hidden
plugins_file_file_la_LDFLAGS = $(TIDE_MODULE_FLAGS) -pthread
