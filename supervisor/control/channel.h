/* SPDX-License-Identifier: ISC */
/*
 * The channels on which all children talk to control: metrics, health, log
 * lines.  A worker may speak of its own pipeline only, the catalog of any.
 */
#ifndef TIDE_CONTROL_CHANNEL_H
#define TIDE_CONTROL_CHANNEL_H

struct channels;
struct hub;
struct msg_channel;

struct channels *channels_new(struct hub *);
void	channels_free(struct channels *);
/* A CHANNEL frame; takes ownership of its descriptor.  0 or -1 with errno. */
int	channels_add(struct channels *, const struct msg_channel *);

#endif
