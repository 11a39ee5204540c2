/* SPDX-License-Identifier: ISC */
/*
 * Bodies of messages: each struct is described by a list of fields, from
 * which both directions are made, so that they cannot disagree.
 */
#include <string.h>

#include "common/messages.h"

enum field_type { F_U8, F_U16, F_U32, F_U64, F_STR, F_FD, F_FD_OR_NONE,
	    F_END };

struct field {
	enum field_type	type;
	size_t		offset;
	size_t		size;		/* of a string's array */
};

#define FIELD(t, m, f)	{ t, offsetof(struct msg_##m, f),		\
			    sizeof(((struct msg_##m *)0)->f) }
#define U8(m, f)	FIELD(F_U8, m, f)
#define U16(m, f)	FIELD(F_U16, m, f)
#define U32(m, f)	FIELD(F_U32, m, f)
#define U64(m, f)	FIELD(F_U64, m, f)
#define STR(m, f)	FIELD(F_STR, m, f)
#define END		{ F_END, 0, 0 }

static void
field_put(struct frame *f, const struct field *d, const char *src)
{
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;
	int fd;

	switch (d->type) {
	case F_U8:
		memcpy(&u8, src, sizeof(u8));
		frame_put_u8(f, u8);
		break;
	case F_U16:
		memcpy(&u16, src, sizeof(u16));
		frame_put_u16(f, u16);
		break;
	case F_U32:
		memcpy(&u32, src, sizeof(u32));
		frame_put_u32(f, u32);
		break;
	case F_U64:
		memcpy(&u64, src, sizeof(u64));
		frame_put_u64(f, u64);
		break;
	case F_STR:
		frame_put_str(f, src);
		break;
	case F_FD:
	case F_FD_OR_NONE:
		memcpy(&fd, src, sizeof(fd));
		if (fd != -1 || d->type == F_FD)
			frame_put_fd(f, fd);
		break;
	case F_END:
		break;
	}
}

static void
field_get(struct frame *f, const struct field *d, char *dst)
{
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;
	int fd;

	switch (d->type) {
	case F_U8:
		u8 = frame_get_u8(f);
		memcpy(dst, &u8, sizeof(u8));
		break;
	case F_U16:
		u16 = frame_get_u16(f);
		memcpy(dst, &u16, sizeof(u16));
		break;
	case F_U32:
		u32 = frame_get_u32(f);
		memcpy(dst, &u32, sizeof(u32));
		break;
	case F_U64:
		u64 = frame_get_u64(f);
		memcpy(dst, &u64, sizeof(u64));
		break;
	case F_STR:
		frame_get_str(f, dst, d->size);
		break;
	case F_FD:
	case F_FD_OR_NONE:
		fd = f->fd != -1 || d->type == F_FD ? frame_get_fd(f) : -1;
		memcpy(dst, &fd, sizeof(fd));
		break;
	case F_END:
		break;
	}
}

static void
fields_put(struct frame *f, uint16_t type, const struct field *d,
    const void *src)
{
	frame_start(f, type, 0);
	for (; d->type != F_END; d++)
		field_put(f, d, (const char *)src + d->offset);
}

/*
 * Descriptors come last in every list: a body that is malformed leaves its
 * descriptor with the frame, whose owner closes it, and -1 in the struct.
 */
static int
fields_get(struct frame *f, const struct field *d, void *dst)
{
	const int none = -1;

	for (; d->type != F_END; d++) {
		if (d->type != F_FD && d->type != F_FD_OR_NONE) {
			field_get(f, d, (char *)dst + d->offset);
			continue;
		}
		memcpy((char *)dst + d->offset, &none, sizeof(none));
		if (f->pos != f->len)
			f->bad = true;
		if (!f->bad)
			field_get(f, d, (char *)dst + d->offset);
	}
	return (frame_end(f));
}

#define MESSAGE(m, type)						\
	void								\
	msg_##m##_put(struct frame *f, const struct msg_##m *src)	\
	{								\
		fields_put(f, type, m##_fields, src);			\
	}								\
									\
	int								\
	msg_##m##_get(struct frame *f, struct msg_##m *dst)		\
	{								\
		memset(dst, 0, sizeof(*dst));				\
		return (fields_get(f, m##_fields, dst));		\
	}								\
	struct msg_##m##_takes_a_semicolon

static const struct field setting_fields[] = {
	STR(setting, name), STR(setting, value), STR(setting, origin), END
};
MESSAGE(setting, MSG_SETTING);

static const struct field config_fields[] = {
	STR(config, name), STR(config, plugin), STR(config, plugin_path),
	U64(config, generation), U32(config, flags), U32(config, nsecrets),
	FIELD(F_FD_OR_NONE, config, fd), END
};
MESSAGE(config, MSG_CONFIG);

static const struct field channel_fields[] = {
	U8(channel, kind), U8(channel, role), STR(channel, name),
	U64(channel, generation), U32(channel, pid), FIELD(F_FD, channel, fd),
	END
};
MESSAGE(channel, MSG_CHANNEL);

static const struct field pipeline_fields[] = {
	STR(pipeline, name), STR(pipeline, outbox), STR(pipeline, plugin),
	U64(pipeline, generation), U32(pipeline, nrefs),
	FIELD(F_FD, pipeline, fd), END
};
MESSAGE(pipeline, MSG_PIPELINE);

static const struct field pipeline_ref_fields[] = {
	STR(pipeline_ref, name), U8(pipeline_ref, kind),
	STR(pipeline_ref, value), END
};
MESSAGE(pipeline_ref, MSG_PIPELINE_REF);

static const struct field worker_state_fields[] = {
	STR(worker_state, name), U64(worker_state, generation),
	U8(worker_state, state), U8(worker_state, cause),
	STR(worker_state, text), END
};
MESSAGE(worker_state, MSG_WORKER_STATE);

static const struct field idle_fields[] = {
	STR(idle, name), STR(idle, outbox), U32(idle, outbox_id),
	U64(idle, xmax), U64(idle, hash), END
};
MESSAGE(idle, MSG_IDLE);

static const struct field request_fields[] = {
	U32(request, id), U8(request, verb), U32(request, arg),
	STR(request, name), END
};
MESSAGE(request, MSG_REQUEST);

static const struct field reply_fields[] = {
	U32(reply, id), U8(reply, ok), STR(reply, text), END
};
MESSAGE(reply, MSG_REPLY);

static const struct field proc_fields[] = {
	U8(proc, role), STR(proc, name), STR(proc, plugin),
	U64(proc, generation), U64(proc, config_generation), U32(proc, pid),
	U32(proc, uid), U8(proc, state), U8(proc, cause), U8(proc, paused),
	U8(proc, removed), U32(proc, restarts), U32(proc, landlock),
	U64(proc, started_us), U64(proc, next_start_us), STR(proc, text), END
};
MESSAGE(proc, MSG_PROC);

static const struct field metric_def_fields[] = {
	U16(metric_def, id), U8(metric_def, type), STR(metric_def, name),
	STR(metric_def, help), END
};
MESSAGE(metric_def, MSG_METRIC_DEF);

static const struct field state_fields[] = {
	STR(state, name), U8(state, health), U32(state, code),
	STR(state, error_class), STR(state, text), END
};
MESSAGE(state, MSG_STATE);

static const struct field lookup_fields[] = {
	U32(lookup, id), U8(lookup, family), STR(lookup, host), END
};
MESSAGE(lookup, MSG_LOOKUP);

void
msg_secret_put(struct frame *f, const struct msg_secret *src)
{
	frame_start(f, MSG_SECRET, 0);
	frame_put_u8(f, src->kind);
	frame_put_str(f, src->name);
	frame_put_u32(f, src->total);
	frame_put_u32(f, src->offset);
	frame_put_bytes(f, src->data, src->len);
}

int
msg_secret_get(struct frame *f, struct msg_secret *dst)
{
	memset(dst, 0, sizeof(*dst));
	dst->kind = frame_get_u8(f);
	frame_get_str(f, dst->name, sizeof(dst->name));
	dst->total = frame_get_u32(f);
	dst->offset = frame_get_u32(f);
	dst->data = frame_get_bytes(f, &dst->len);
	if (dst->total > MSG_SECRET_MAX || dst->offset > dst->total ||
	    dst->len > dst->total - dst->offset)
		f->bad = true;
	return (frame_end(f));
}

void
msg_answer_put(struct frame *f, const struct msg_answer *src)
{
	uint32_t i;
	size_t j;

	frame_start(f, MSG_ANSWER, 0);
	frame_put_u32(f, src->id);
	frame_put_u32(f, (uint32_t)src->error);
	frame_put_u32(f, src->naddrs);
	if (src->naddrs > MSG_LOOKUP_ADDRS) {
		f->bad = true;
		return;
	}
	for (i = 0; i < src->naddrs; i++) {
		frame_put_u8(f, src->addrs[i].family);
		for (j = 0; j < sizeof(src->addrs[i].bytes); j++)
			frame_put_u8(f, src->addrs[i].bytes[j]);
	}
}

int
msg_answer_get(struct frame *f, struct msg_answer *dst)
{
	uint32_t i;
	size_t j;

	memset(dst, 0, sizeof(*dst));
	dst->id = frame_get_u32(f);
	dst->error = (int32_t)frame_get_u32(f);
	dst->naddrs = frame_get_u32(f);
	if (dst->naddrs > MSG_LOOKUP_ADDRS) {
		dst->naddrs = 0;
		f->bad = true;
		return (-1);
	}
	for (i = 0; i < dst->naddrs; i++) {
		dst->addrs[i].family = frame_get_u8(f);
		if (dst->addrs[i].family != 4 && dst->addrs[i].family != 6)
			f->bad = true;
		for (j = 0; j < sizeof(dst->addrs[i].bytes); j++)
			dst->addrs[i].bytes[j] = frame_get_u8(f);
	}
	return (frame_end(f));
}

static const struct field path_fields[] = {
	STR(path, path), FIELD(F_FD, path, fd), END
};

void
msg_path_put(struct frame *f, uint16_t type, const struct msg_path *src)
{
	fields_put(f, type, path_fields, src);
}

int
msg_path_get(struct frame *f, struct msg_path *dst)
{
	dst->fd = -1;
	return (fields_get(f, path_fields, dst));
}

void
msg_empty_put(struct frame *f, uint16_t type)
{
	frame_start(f, type, 0);
}

void
msg_u32_put(struct frame *f, uint16_t type, uint32_t v)
{
	frame_start(f, type, 0);
	frame_put_u32(f, v);
}

int
msg_u32_get(struct frame *f, uint32_t *v)
{
	*v = frame_get_u32(f);
	return (frame_end(f));
}

void
msg_str_put(struct frame *f, uint16_t type, const char *s)
{
	frame_start(f, type, 0);
	frame_put_str(f, s);
}

int
msg_str_get(struct frame *f, char *dst, size_t size)
{
	frame_get_str(f, dst, size);
	return (frame_end(f));
}
