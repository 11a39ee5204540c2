# SPDX-License-Identifier: ISC
etcdatadir = $(datadir)/pg-tided
dist_etcdata_DATA = etc/prometheus-rules.yml
