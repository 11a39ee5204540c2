/* SPDX-License-Identifier: ISC */
/*
 * The control socket: Unix stream, one JSON object on one line in (at most
 * 64 KiB, within 5 s), one JSON document out, end of file.
 */
#ifndef TIDE_CONTROL_CTLSOCK_H
#define TIDE_CONTROL_CTLSOCK_H

struct ctlsock;
struct hub;
struct msg_reply;

struct ctlsock *ctlsock_new(struct hub *);
void	ctlsock_free(struct ctlsock *);
/* Serve a listening socket, which becomes ours; one that was served before
 * is closed.  0, or -1 with errno. */
int	ctlsock_listen(struct ctlsock *, int fd);
/* The supervisor's answer to a request that was forwarded; its text is
 * cleaned in place. */
void	ctlsock_reply(struct ctlsock *, struct msg_reply *);

#endif
