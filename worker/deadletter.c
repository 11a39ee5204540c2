/* SPDX-License-Identifier: ISC */
/* A queue of letters and their JSON. */
#include "worker/deadletter.h"

#include <sys/queue.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "worker/text.h"

struct item {
	STAILQ_ENTRY(item) link;
	struct deadletter  letter;
};

struct deadletters {
	STAILQ_HEAD(, item) queue;
	size_t		 n;
};

struct deadletters *
deadletters_new(void)
{
	struct deadletters	*d;

	if ((d = calloc(1, sizeof(*d))) != NULL)
		STAILQ_INIT(&d->queue);
	return (d);
}

static void
first_remove(struct deadletters *d)
{
	struct item	*it = STAILQ_FIRST(&d->queue);

	STAILQ_REMOVE_HEAD(&d->queue, link);
	d->n--;
	free(it);
}

void
deadletters_free(struct deadletters *d)
{
	if (d == NULL)
		return;
	while (d->n > 0)
		first_remove(d);
	free(d);
}

/* A character that was cut in half is no text for PostgreSQL. */
static void
text_trim(char *text)
{
	size_t	len = strlen(text), n;

	for (n = len; n > 0 && ((unsigned char)text[n - 1] & 0xc0) == 0x80;
	    n--)
		;
	if (len == DEADLETTER_TEXT - 1 && n > 0 &&
	    ((unsigned char)text[n - 1] & 0xc0) == 0xc0)
		text[n - 1] = '\0';
}

int
deadletters_add(struct deadletters *d, const struct deadletter *letter)
{
	struct item	*it;

	if ((it = malloc(sizeof(*it))) == NULL)
		return (-1);
	it->letter = *letter;
	text_trim(it->letter.text);
	STAILQ_INSERT_TAIL(&d->queue, it, link);
	d->n++;
	return (0);
}

size_t
deadletters_count(const struct deadletters *d)
{
	return (d->n);
}

static void
letter_print(const struct deadletter *l, FILE *fp)
{
	char	text[DEADLETTER_TEXT * TEXT_JSON_GROWS];

	*text_json(text, l->text, strlen(l->text)) = '\0';
	(void)fprintf(fp, "{\"id\":%" PRId64 ",\"error_class\":\"%s\","
	    "\"error_code\":%" PRId32 ",\"error_text\":\"%s\","
	    "\"attempts\":%" PRIu32 ",\"first_failed_at_us\":%" PRId64
	    ",\"last_failed_at_us\":%" PRId64 "}", l->id, l->error_class,
	    l->code, text, l->attempts, l->first_us, l->last_us);
}

int64_t
deadletters_print(struct deadletters *d, size_t max, FILE *fp,
    void (*settle)(const struct deadletter *, void *), void *arg)
{
	const struct deadletter	*l;
	size_t			 n;

	(void)fputc('[', fp);
	for (n = 0; n < max && d->n > 0; n++) {
		l = &STAILQ_FIRST(&d->queue)->letter;
		if (n > 0)
			(void)fputc(',', fp);
		letter_print(l, fp);
		settle(l, arg);
		first_remove(d);
	}
	(void)fputc(']', fp);
	return (ferror(fp) ? -1 : (int64_t)n);
}
