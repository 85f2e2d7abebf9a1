/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The wish: what shall become of a domain's CPU. This is the one place that decides it, for the hook, virtnestd and the
 * commands. */
#pragma once

#include "domain/policy.h"
#include "domain/tag.h"

/* What is wished for. */
typedef enum {
    NEST_WISH_LEAVE,     /* nothing: the domain is not ours */
    NEST_WISH_ENABLE,    /* the guest shall have the feature, as NestWish.tag says */
    NEST_WISH_DISABLE,   /* it shall have neither vmx nor svm */
    NEST_WISH_UNDECIDED, /* a rule that may have matched is mistaken: the domain stays as it is */
} NestWishKind;

/* Who wishes it. The first of these that has an opinion decides. */
typedef enum {
    NEST_WISH_BY_NOBODY,
    NEST_WISH_BY_TAG,    /* the domain's own tag */
    NEST_WISH_BY_RULE,   /* a rule of this host */
    NEST_WISH_BY_POLICY, /* this host's [untagged] policy= */
} NestWishBy;

/**
 * NestWish: the wish for one domain.
 */
typedef struct {
    NestWishKind kind;
    NestWishBy by;
    NestTag tag; /* for NEST_WISH_ENABLE; else the defaults */
    gboolean
        may_be_disable; /* for NEST_WISH_UNDECIDED: without the mistake it may be NEST_WISH_DISABLE */
} NestWish;

/* Nobody wishes anything. */
#define NEST_WISH_NONE ((NestWish){.tag = NEST_TAG_DEFAULT})

/**
 * nest_wish_read: decide what shall become of a domain's CPU.
 * @xml: the domain
 * @policy: (nullable) what this host's configuration says; NULL: only the domain's tag counts
 *
 * A mistaken rule is not an error here: nest_rules_judge() says what is wrong with it.
 *
 * Returns: FALSE with the error of a mistaken tag (NEST_ERROR_TAG_*); @ret_wish is untouched then. Such a domain is left as
 * it is, and does not start, whatever the policy says.
 */
gboolean nest_wish_read(const NestDomainXml *xml, const NestPolicy *policy, NestWish *ret_wish,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_wish_may_concern: whether a domain may have anything to do with virt-nest.
 * @text: its XML
 * @policy: (nullable) as for nest_wish_read()
 *
 * Returns: FALSE if the XML does not mention virt-nest, and the policy wishes nothing of it.
 */
gboolean nest_wish_may_concern(const char *text,
                               const NestPolicy *policy) G_GNUC_WARN_UNUSED_RESULT;

/* Who decided, for a sentence: "its tag", "[untagged] policy=disable in virt-nest.conf". Not for NEST_WISH_BY_NOBODY. */
const char *nest_wish_by_text(const NestWish *wish);
