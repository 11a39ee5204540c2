/* SPDX-License-Identifier: ISC */
/*
 * The metrics port: /metrics, /livez, /readyz, /health (and /healthz), GET
 * and HEAD only, one request per connection.
 *
 * A server of our own and not libevent's evhttp, because that knows no
 * limit on connections and its time-out starts again with every byte: a
 * client that sends one byte at a time may stay for hours, and ten thousand
 * of them take all descriptors, without which no channel of a new worker
 * can be received.  Here a connection lives ten seconds at most, and only
 * HTTP_CONNECTIONS at a time are taken; others wait in the kernel's queue.
 */
#ifndef TIDE_CONTROL_HTTPD_H
#define TIDE_CONTROL_HTTPD_H

#define HTTP_CONNECTIONS	128

struct hub;
struct httpd;

struct httpd *httpd_new(struct hub *);
void	httpd_free(struct httpd *);
/* Serve a listening socket, too, which becomes ours.  0, or -1 with errno. */
int	httpd_listen(struct httpd *, int fd);

#endif
