/* SPDX-License-Identifier: ISC */
/*
 * The metrics port: /metrics, /livez, /readyz, /health (and /healthz), GET
 * and HEAD only, one request per connection.
 */
#ifndef TIDE_CONTROL_HTTPD_H
#define TIDE_CONTROL_HTTPD_H

struct hub;
struct httpd;

struct httpd *httpd_new(struct hub *);
void	httpd_free(struct httpd *);
/* Serve a listening socket, which becomes ours.  0, or -1 with errno. */
int	httpd_listen(struct httpd *, int fd);

#endif
