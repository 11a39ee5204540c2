/* SPDX-License-Identifier: ISC */
/* Small conversions of text. */
#include "config.h"

#include "supervisor/control/text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/utf8.h"

void
text_clean(char *text)
{
	size_t n, len = strlen(text);

	for (; len > 0; text += n, len -= n) {
		n = utf8_sequence(text, len);
		if (n == 0) {
			*text = '?';
			n = 1;
		}
	}
}

const char *
text_time(int64_t us, char buf[TEXT_TIME_MAX])
{
	time_t seconds = (time_t)(us / 1000000);
	struct tm tm;
	size_t n;

	buf[0] = '\0';
	if (us < 0 || gmtime_r(&seconds, &tm) == NULL)
		return (buf);
	n = strftime(buf, TEXT_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(buf + n, TEXT_TIME_MAX - n, ".%06dZ",
	    (int)(us % 1000000));
	return (buf);
}
