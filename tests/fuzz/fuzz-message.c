/* SPDX-License-Identifier: ISC */
/*
 * Fuzz the bodies of messages: the first two bytes choose the type, the rest
 * is the body.  Whatever a getter accepts must come out of its put function
 * as the same bytes, or the two sides of a connection disagree.
 */
#include <stdlib.h>
#include <string.h>

#include "common/messages.h"
#include "tests/fuzz/fuzz.h"

#define ROUNDTRIP(m) do {						\
	static struct msg_##m v;					\
	struct frame out;						\
									\
	if (msg_##m##_get(f, &v) == -1)					\
		return;							\
	msg_##m##_put(&out, &v);					\
	if (out.bad || out.len != len || memcmp(out.body, body, len) != 0) \
		abort();						\
} while (0)

static void	try_setting(struct frame *, const uint8_t *, size_t);
static void	try_secret(struct frame *, const uint8_t *, size_t);
static void	try_pipeline_ref(struct frame *, const uint8_t *, size_t);
static void	try_worker_state(struct frame *, const uint8_t *, size_t);
static void	try_idle(struct frame *, const uint8_t *, size_t);
static void	try_request(struct frame *, const uint8_t *, size_t);
static void	try_reply(struct frame *, const uint8_t *, size_t);
static void	try_proc(struct frame *, const uint8_t *, size_t);
static void	try_metric_def(struct frame *, const uint8_t *, size_t);
static void	try_state(struct frame *, const uint8_t *, size_t);
static void	try_lookup(struct frame *, const uint8_t *, size_t);
static void	try_answer(struct frame *, const uint8_t *, size_t);

static void (*const tries[])(struct frame *, const uint8_t *, size_t) = {
	try_setting, try_secret, try_pipeline_ref, try_worker_state, try_idle,
	try_request, try_reply, try_proc, try_metric_def, try_state,
	try_lookup, try_answer
};

#define DEFINE_TRY(m)							\
static void								\
try_##m(struct frame *f, const uint8_t *body, size_t len)		\
{									\
	ROUNDTRIP(m);							\
}
DEFINE_TRY(setting)
DEFINE_TRY(secret)
DEFINE_TRY(pipeline_ref)
DEFINE_TRY(worker_state)
DEFINE_TRY(idle)
DEFINE_TRY(request)
DEFINE_TRY(reply)
DEFINE_TRY(proc)
DEFINE_TRY(metric_def)
DEFINE_TRY(state)
DEFINE_TRY(lookup)
DEFINE_TRY(answer)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct frame f;

	if (len < 1 || len - 1 > FRAME_BODY_MAX)
		return (0);
	frame_start(&f, 0, 0);
	memcpy(f.body, data + 1, len - 1);
	f.len = (uint32_t)(len - 1);
	f.pos = 0;
	tries[data[0] % (sizeof(tries) / sizeof(tries[0]))](&f, data + 1,
	    len - 1);
	return (0);
}
