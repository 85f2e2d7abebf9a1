/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of an element that other releases of virt-nest wrote and this release does not know. They are kept. */
#pragma once

#include "domain/xml.h"

/**
 * NestUnknown: what stands in an element besides what is known; all NULL where there is nothing.
 */
typedef struct {
    gchar *attributes; /* as in a start tag, each after a space */
    gchar *elements;   /* child elements, one after the other */
} NestUnknown;

/**
 * NestKnown: what this release knows of an element. Both lists end with NULL, and nothing in them has a
 * namespace.
 */
typedef struct {
    const char *const *attributes;
    const char *const *elements;
} NestKnown;

/* Empties it. */
void nest_unknown_clear(NestUnknown *unknown);

/* Makes it a copy of another. */
void nest_unknown_set(NestUnknown *unknown, const NestUnknown *other);

/* Takes what is not known from @element. What is empty stays NULL. */
void nest_unknown_read(NestUnknown *unknown, xmlNode *element, const NestKnown *known);

/* Removes from @element what is not known. */
void nest_unknown_remove(xmlNode *element, const NestKnown *known);
