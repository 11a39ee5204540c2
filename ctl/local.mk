# SPDX-License-Identifier: ISC
# pg-tidectl: one command, one file.
bin_PROGRAMS += ctl/pg-tidectl
ctl_pg_tidectl_SOURCES = \
	ctl/client.c ctl/client.h \
	ctl/cmd_describe.c \
	ctl/cmd_help.c \
	ctl/cmd_log_level.c \
	ctl/cmd_pause.c \
	ctl/cmd_pipelines.c \
	ctl/cmd_publish.c \
	ctl/cmd_reload.c \
	ctl/cmd_reopen.c \
	ctl/cmd_restart.c \
	ctl/cmd_resume.c \
	ctl/cmd_schema.c \
	ctl/cmd_show.c \
	ctl/cmd_status.c \
	ctl/cmd_stop.c \
	ctl/cmd_validate.c \
	ctl/cmd_version.c \
	ctl/command.c ctl/ctl.h \
	ctl/database.c ctl/database.h \
	ctl/main.c \
	ctl/option.c ctl/option.h \
	ctl/reply.c \
	ctl/table.c ctl/table.h \
	ctl/worker_program.c ctl/worker_program.h
ctl_pg_tidectl_CFLAGS = $(AM_CFLAGS) $(PQ_CFLAGS) $(JSON_CFLAGS)
ctl_pg_tidectl_LDADD = $(PQ_LIBS) $(JSON_LIBS)
