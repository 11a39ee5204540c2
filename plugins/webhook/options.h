/* SPDX-License-Identifier: ISC */
/*
 * The tables that describe this plugin to its host.
 */
#ifndef PGTIDE_WEBHOOK_OPTIONS_H
#define PGTIDE_WEBHOOK_OPTIONS_H

#include <stddef.h>

#include <tide/sink.h>

extern const struct pgtide_option webhook_options[];
extern const size_t webhook_noptions;
extern const struct pgtide_metric webhook_metrics[];
extern const size_t webhook_nmetrics;

#endif
