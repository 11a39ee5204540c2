# SPDX-License-Identifier: ISC
dist_man_MANS += man/pg-tidectl.8
