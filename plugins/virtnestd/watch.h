/* The watch over our own redefinitions: did one bring back a domain that somebody undefined?
 *
 * Theory of operation: libvirt's define has no compare-and-swap and creates a domain that is not
 * there any more. libvirt reports every define and undefine in the order in which they happened, so
 * after a define of ours the reports tell: if the domain was undefined since the watch began and
 * one define came after that, that one was ours, or somebody's who defined it anew. It was surely
 * ours if there was no other; else the word that this correction wrote into the record tells. */
#pragma once

#include "virtnestd/virt.h"

typedef struct NestWatch NestWatch;

/* One domain under watch. */
typedef struct NestWatched NestWatched;

/* Whether our define brought an undefined domain back. */
typedef enum { NEST_CAME_BACK_NO, NEST_CAME_BACK_PERHAPS, NEST_CAME_BACK_YES } NestCameBack;

NestWatch *nest_watch_new(void);
void nest_watch_free(NestWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestWatch, nest_watch_free)

/* Takes note of a lifecycle event. Called where the main loop runs, for every such event. */
void nest_watch_note(NestWatch *watch, virDomainPtr domain, int event, int detail);

/* (transfer full) Begins to watch a domain. From any thread; nest_watch_end() ends it. */
NestWatched *nest_watch_begin(NestWatch *watch, const char *uuid) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_watch_end: wait until all that happened has been reported, and judge.
 * @watched: (transfer full) from nest_watch_begin()
 * @control: the connection whose events go to nest_watch_note()
 *
 * One round trip. Not from the thread that runs the main loop: it waits for that.
 *
 * Returns: what the reports say; PERHAPS where there was another define besides ours.
 */
NestCameBack nest_watch_end(NestWatch *watch, NestWatched *watched, virConnectPtr control);
