/* SPDX-License-Identifier: ISC */
/*
 * Turns classes into one seccomp filter.
 *
 * An unconditional rule and a conditional one of the same call swallow each
 * other in libseccomp, in either direction.  So the union of the classes is
 * formed first: where a class allows a call outright, what others say about
 * it is left out.
 */
#include "config.h"

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/sandbox/filter.h"

static bool
class_active(const struct filter_class *class, uint32_t classes)
{
	classes |= FILTER_ALWAYS;
	return ((class->when & classes) != 0 &&
	    (class->unless & classes) == 0);
}

static bool
rule_outright(const struct filter_rule *rule)
{
	return (rule->err == 0 && rule->nconds == 0 && !rule->own_pid);
}

/* The first rule of an active class that allows nr without conditions. */
static const struct filter_rule *
find_outright(int nr, uint32_t classes)
{
	const struct filter_class *class;
	size_t i, j, n;

	class = filter_classes(&n);
	for (i = 0; i < n; i++) {
		if (!class_active(&class[i], classes))
			continue;
		for (j = 0; j < class[i].nrules; j++)
			if (class[i].rules[j].nr == nr &&
			    rule_outright(&class[i].rules[j]))
				return (&class[i].rules[j]);
	}
	return (NULL);
}

static int
add_rule(scmp_filter_ctx ctx, const struct filter_rule *rule)
{
	struct scmp_arg_cmp cmp[FILTER_CONDS + 1];
	unsigned int i, n = 0;
	uint32_t action;
	int rc;

	for (i = 0; i < rule->nconds; i++)
		cmp[n++] = (struct scmp_arg_cmp){ rule->conds[i].arg,
		    SCMP_CMP_MASKED_EQ, rule->conds[i].mask,
		    rule->conds[i].value };
	if (rule->own_pid)
		cmp[n++] = (struct scmp_arg_cmp){ 0, SCMP_CMP_MASKED_EQ,
		    0xffffffffULL, (scmp_datum_t)getpid() };
	action = rule->err == 0 ? SCMP_ACT_ALLOW :
	    SCMP_ACT_ERRNO((uint32_t)rule->err);
	rc = seccomp_rule_add_array(ctx, action, rule->nr, n, cmp);
	/* Two classes may say the same. */
	return (rc == -EEXIST ? 0 : rc);
}

static int
add_class(scmp_filter_ctx ctx, const struct filter_class *class,
    uint32_t classes)
{
	const struct filter_rule *outright, *rule;
	size_t i;
	int rc;

	for (i = 0; i < class->nrules; i++) {
		rule = &class->rules[i];
		/* Not a system call of this architecture. */
		if (rule->nr < 0)
			continue;
		outright = find_outright(rule->nr, classes);
		if (outright != NULL && outright != rule)
			continue;
		if ((rc = add_rule(ctx, rule)) != 0)
			return (rc);
	}
	return (0);
}

static uint32_t
default_action(enum sandbox_action action)
{
	switch (action) {
	case SANDBOX_TRAP:
		return (SCMP_ACT_TRAP);
	case SANDBOX_LOG:
		return (SCMP_ACT_LOG);
	case SANDBOX_KILL:
		break;
	}
	return (SCMP_ACT_KILL_PROCESS);
}

static scmp_filter_ctx
filter_new(uint32_t action)
{
	scmp_filter_ctx ctx;

	if ((ctx = seccomp_init(action)) == NULL)
		return (NULL);
	/* All threads; a wrong architecture is never a mistake; a binary
	 * tree, since the list is long; errors as the kernel says them. */
	if (seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1) == 0 &&
	    seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
	    SCMP_ACT_KILL_PROCESS) == 0 &&
	    seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0 &&
	    seccomp_attr_set(ctx, SCMP_FLTATR_API_SYSRAWRC, 1) == 0)
		return (ctx);
	seccomp_release(ctx);
	return (NULL);
}

static scmp_filter_ctx
filter_build(uint32_t classes, enum sandbox_action action, char *err,
    size_t errsize)
{
	const struct filter_class *class;
	scmp_filter_ctx ctx;
	size_t i, n;
	int rc;

	if ((ctx = filter_new(default_action(action))) == NULL) {
		snprintf(err, errsize, "seccomp is not usable here: "
		    "libseccomp cannot make a filter for all threads");
		return (NULL);
	}
	class = filter_classes(&n);
	for (i = 0; i < n; i++) {
		if (!class_active(&class[i], classes))
			continue;
		if ((rc = add_class(ctx, &class[i], classes)) != 0) {
			snprintf(err, errsize, "seccomp class %s: %s",
			    class[i].name, strerror(-rc));
			seccomp_release(ctx);
			return (NULL);
		}
	}
	return (ctx);
}

static int
filter_install(scmp_filter_ctx ctx, char *err, size_t errsize)
{
	int rc;

	rc = seccomp_load(ctx);
	seccomp_release(ctx);
	if (rc == 0)
		return (0);
	snprintf(err, errsize, "seccomp filter refused: %s; the kernel "
	    "needs CONFIG_SECCOMP_FILTER", strerror(-rc));
	return (-1);
}

int
filter_load(uint32_t classes, enum sandbox_action action, char *err,
    size_t errsize)
{
	scmp_filter_ctx ctx;

	if ((ctx = filter_build(classes, action, err, errsize)) == NULL)
		return (-1);
	return (filter_install(ctx, err, errsize));
}

int
filter_seal(enum sandbox_action action, char *err, size_t errsize)
{
	static const int sealed[] = {
		SCMP_SYS(landlock_create_ruleset),
		SCMP_SYS(landlock_add_rule),
		SCMP_SYS(landlock_restrict_self), SCMP_SYS(seccomp)
	};
	scmp_filter_ctx ctx;
	size_t i;
	int rc = 0;

	if ((ctx = filter_new(SCMP_ACT_ALLOW)) == NULL) {
		snprintf(err, errsize, "seccomp_init failed");
		return (-1);
	}
	for (i = 0; rc == 0 && i < sizeof(sealed) / sizeof(sealed[0]); i++)
		rc = seccomp_rule_add(ctx, default_action(action), sealed[i],
		    0);
	if (rc != 0) {
		snprintf(err, errsize, "seccomp seal: %s", strerror(-rc));
		seccomp_release(ctx);
		return (-1);
	}
	return (filter_install(ctx, err, errsize));
}

int
filter_export(uint32_t classes, enum sandbox_action action, int fd)
{
	scmp_filter_ctx ctx;
	char err[256];
	int rc;

	if ((ctx = filter_build(classes, action, err, sizeof(err))) == NULL) {
		errno = EINVAL;
		return (-1);
	}
	rc = seccomp_export_pfc(ctx, fd);
	seccomp_release(ctx);
	if (rc == 0)
		return (0);
	errno = -rc;
	return (-1);
}
