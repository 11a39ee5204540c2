/* SPDX-License-Identifier: ISC */
/* SipHash-2-4, as its authors describe it. */
#include "config.h"

#include "supervisor/digest.h"

#include <sys/random.h>

#include <stdlib.h>

struct state {
	uint64_t v0, v1, v2, v3;
};

static uint64_t
rotate(uint64_t x, unsigned int by)
{
	return (x << by | x >> (64 - by));
}

static uint64_t
word(const uint8_t *p, size_t n)
{
	uint64_t w = 0;

	while (n > 0)
		w = w << 8 | p[--n];
	return (w);
}

static void
round_once(struct state *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 = rotate(s->v2, 32);
}

static void
absorb(struct state *s, uint64_t m)
{
	s->v3 ^= m;
	round_once(s);
	round_once(s);
	s->v0 ^= m;
}

uint64_t
digest_siphash(const uint8_t key[16], const void *data, size_t len)
{
	uint64_t k0 = word(key, 8), k1 = word(key + 8, 8);
	struct state s = { k0 ^ UINT64_C(0x736f6d6570736575),
	    k1 ^ UINT64_C(0x646f72616e646f6d),
	    k0 ^ UINT64_C(0x6c7967656e657261),
	    k1 ^ UINT64_C(0x7465646279746573) };
	const uint8_t *p = data;
	size_t left, i;

	for (left = len; left >= 8; left -= 8, p += 8)
		absorb(&s, word(p, 8));
	absorb(&s, word(p, left) | (uint64_t)len << 56);
	s.v2 ^= 0xff;
	for (i = 0; i < 4; i++)
		round_once(&s);
	return (s.v0 ^ s.v1 ^ s.v2 ^ s.v3);
}

uint64_t
digest_add(uint64_t before, const void *data, size_t len)
{
	static uint8_t key[16];
	static int have_key;
	uint64_t pair[2] = { before, 0 };

	/* Sixteen bytes are never cut short, and block only at boot. */
	if (!have_key && getrandom(key, sizeof(key), 0) !=
	    (ssize_t)sizeof(key))
		abort();
	have_key = 1;
	pair[1] = digest_siphash(key, data, len);
	return (digest_siphash(key, pair, sizeof(pair)));
}
