/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Preloaded: while the file of $NO_THREADS is there, no thread can be started, as where TasksMax= is reached. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

typedef int Create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

int
pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *data)
{
    Create *real = (Create *)dlsym(RTLD_NEXT, "pthread_create");

    return access(getenv("NO_THREADS"), F_OK) == 0 ? EAGAIN : real(thread, attributes, run, data);
}
