/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lack of memory: an allocation that fails, in any library, ends the program through the fatal handler.
 *
 * Theory of operation: when there is no memory, GLib prints a line of its own and traps. libxml2
 * and libkmod go on as well as they can, and an attribute or a module that they leave out would
 * be judged as if it did not exist. So this file defines a malloc() for its program, as the C
 * library allows ("Replacing malloc" in its manual). All libraries that the program loads call it,
 * too. The C library's malloc() still does the work. */
#include "fatal.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#ifndef NEST_SANITIZED /* AddressSanitizer has a malloc() of its own */

/* glibc's own malloc() and the like, which keep these names when the public ones are replaced. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static void *
check_allocation(void *memory)
{
    if (!memory)
        nest_fatal_no_memory();
    return memory;
}

void *
malloc(size_t size)
{
    return check_allocation(__libc_malloc(size));
}

void *
calloc(size_t n, size_t size)
{
    return check_allocation(__libc_calloc(n, size));
}

/* With size 0, realloc() frees, and its NULL is no failure. */
void *
realloc(void *memory, size_t size)
{
    void *other = __libc_realloc(memory, size);

    return size == 0 ? other : check_allocation(other);
}

void *
memalign(size_t alignment, size_t size)
{
    return check_allocation(__libc_memalign(alignment, size));
}

void *
aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int
posix_memalign(void **ret_memory, size_t alignment, size_t size)
{
    if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0)
        return EINVAL;
    *ret_memory = memalign(alignment, size);
    return 0;
}

#endif
