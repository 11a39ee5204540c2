# SPDX-License-Identifier: ISC
dist_man_MANS += man/pg_tide.7 man/pg-tide-pipeline.5
dist_man_MANS += man/pg-tidectl.8
dist_man_MANS += man/pg-tide-metrics.7
dist_man_MANS += man/pg-tide-file.5
dist_man_MANS += man/pg-tide-webhook.5
dist_man_MANS += man/pg-tided.8
dist_man_MANS += man/pg-tided.conf.5
