/* SPDX-License-Identifier: ISC */
/* Held ids: the table as checkpoints would write it equals the set. */
#include "tests/unit/unit.h"

#include <stdbool.h>

#include "worker/held.h"

#define IDS	3000

struct model {
	bool	used[IDS], held[IDS], stored[IDS];
	size_t	n;
};

static void
apply(struct model *m, const struct held_change *c)
{
	size_t	i;

	for (i = 0; i < c->nadd; i++) {
		assert_false(m->stored[c->add[i]]);
		m->stored[c->add[i]] = true;
	}
	for (i = 0; i < c->ndel; i++) {
		assert_true(m->stored[c->del[i]]);
		m->stored[c->del[i]] = false;
	}
}

static void
settle(struct held *h, struct model *m, int64_t id)
{
	assert_int_equal(held_settle(h, id), m->held[id]);
	if (m->held[id])
		m->n--;
	m->held[id] = false;
}

static void
table_follows_the_set(void **state)
{
	struct held		*h = held_new();
	struct held_change	 c;
	struct model		 m = { .n = 0 };
	uint64_t		 seed = 11;
	bool			 flying = false;
	int64_t			 id;
	int			 step;

	(void)state;
	for (id = 0; id < 100; id++) {
		assert_int_equal(held_load(h, id), 0);
		m.used[id] = m.held[id] = m.stored[id] = true;
		m.n++;
	}
	for (step = 0; step < 100000; step++) {
		id = (int64_t)unit_random(&seed, IDS);
		switch (unit_random(&seed, 5)) {
		case 0: case 1:
			if (m.used[id])
				break;
			assert_int_equal(held_add(h, id), 0);
			m.used[id] = m.held[id] = true;
			m.n++;
			break;
		case 2: case 3:
			settle(h, &m, id);
			break;
		default:
			if (flying) {
				apply(&m, &c);
				assert_int_equal(held_commit(h), 0);
			} else
				assert_int_equal(held_begin(h, &c), 0);
			flying = !flying;
		}
		assert_int_equal(held_count(h), m.n);
		assert_int_equal(held_contains(h, id), m.held[id]);
	}
	while (flying || held_dirty(h)) {
		if (!flying)
			assert_int_equal(held_begin(h, &c), 0);
		apply(&m, &c);
		assert_int_equal(held_commit(h), 0);
		flying = false;
	}
	for (id = 0; id < IDS; id++)
		assert_int_equal(m.stored[id], m.held[id]);
	held_free(h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_follows_the_set),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
