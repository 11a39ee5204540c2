/* SPDX-License-Identifier: ISC */
/* Slabs: the limit holds, bytes stay, memory is used again. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "worker/parcel.h"
#include "worker/slab.h"

struct piece {
	struct slab	*slab;
	unsigned char	*data;
	size_t		 len;
	unsigned char	 fill;
};

static void
piece_check(const struct piece *p)
{
	size_t	i;

	for (i = 0; i < p->len; i++)
		assert_int_equal(p->data[i], p->fill);
}

/* Random sizes and life times: nobody overwrites anybody. */
static void
pieces_do_not_touch(void **state)
{
	struct slab_pool	*pool = slab_pool_new(4 * SLAB_SIZE);
	struct piece		 v[512] = { { 0 } };
	uint64_t		 seed = 99;
	size_t			 i, refused = 0;
	int			 round;

	(void)state;
	for (round = 0; round < 20000; round++) {
		struct piece *p = &v[unit_random(&seed, 512)];

		if (p->slab != NULL) {
			piece_check(p);
			slab_unref(pool, p->slab);
			p->slab = NULL;
			continue;
		}
		p->len = 1 + unit_random(&seed, unit_random(&seed, 50) == 0 ?
		    2 * SLAB_SIZE : 6000);
		if ((p->data = slab_reserve(pool, p->len)) == NULL) {
			assert_int_equal(errno, ENOBUFS);
			refused++;
			continue;
		}
		assert_int_equal((uintptr_t)p->data % _Alignof(max_align_t),
		    0);
		p->fill = (unsigned char)round;
		memset(p->data, p->fill, p->len);
		p->slab = slab_commit(pool, p->len);
		assert_true(slab_pool_bytes(pool) <= 4 * SLAB_SIZE);
	}
	assert_true(refused > 0);
	for (i = 0; i < 512; i++)
		if (v[i].slab != NULL) {
			piece_check(&v[i]);
			slab_unref(pool, v[i].slab);
		}
	assert_int_equal(slab_pool_bytes(pool), 0);
	slab_pool_free(pool);
}

static void
a_giant_passes_alone(void **state)
{
	struct slab_pool	*pool = slab_pool_new(0);
	struct slab		*small, *giant;

	(void)state;
	assert_int_equal(slab_pool_limit(pool), 2 * SLAB_SIZE);
	assert_non_null(slab_reserve(pool, 10));
	small = slab_commit(pool, 10);
	assert_false(slab_pool_admits(pool, 10 * SLAB_SIZE));
	assert_null(slab_reserve(pool, 10 * SLAB_SIZE));
	slab_unref(pool, small);
	assert_true(slab_pool_admits(pool, 10 * SLAB_SIZE));
	memset(slab_reserve(pool, 10 * SLAB_SIZE), 1, 10 * SLAB_SIZE);
	giant = slab_commit(pool, 10 * SLAB_SIZE);
	assert_true(slab_pool_bytes(pool) >= 10 * SLAB_SIZE);
	slab_unref(pool, giant);
	assert_int_equal(slab_pool_bytes(pool), 0);
	slab_pool_trim(pool);
	slab_pool_free(pool);
}

/* A reservation that is not committed leaves nothing behind. */
static void
reservations_can_be_dropped(void **state)
{
	struct slab_pool	*pool = slab_pool_new(0);
	void			*first;

	(void)state;
	first = slab_reserve(pool, 100);
	assert_ptr_equal(slab_reserve(pool, 200), first);
	assert_non_null(slab_reserve(pool, 2 * SLAB_SIZE));
	assert_ptr_equal(slab_reserve(pool, 300), first);
	assert_int_equal(slab_pool_bytes(pool), 0);
	slab_pool_free(pool);
}

static void
tokens_name_one_attempt(void **state)
{
	struct slab_pool	*pool = slab_pool_new(0);
	struct parcel_table	*t = parcel_table_new(pool);
	struct parcel		*e = parcel_new(t);
	uint64_t		 first, second;

	(void)state;
	first = parcel_token(e);
	assert_null(parcel_by_token(t, first));	/* not offered */
	e->state = PARCEL_OFFERED;
	assert_ptr_equal(parcel_by_token(t, first), e);
	second = parcel_token(e);
	assert_null(parcel_by_token(t, first));
	assert_ptr_equal(parcel_by_token(t, second), e);
	parcel_free(t, e);
	assert_null(parcel_by_token(t, second));
	assert_int_equal(parcel_count(t), 0);
	e = parcel_new(t);			/* the same slot again */
	e->state = PARCEL_OFFERED;
	assert_int_not_equal(parcel_token(e), second);
	assert_null(parcel_by_token(t, second));
	assert_null(parcel_by_token(t, UINT64_MAX));
	parcel_free(t, e);
	parcel_table_free(t);
	slab_pool_free(pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_do_not_touch),
		cmocka_unit_test(a_giant_passes_alone),
		cmocka_unit_test(reservations_can_be_dropped),
		cmocka_unit_test(tokens_name_one_attempt),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
