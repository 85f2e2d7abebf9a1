/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the fuzz targets share: promises that abort, and checks of what more than one of them gets. */
#pragma once

#include "base/error.h"
#include "domain/definition.h"
#include "domain/domain_xml.h"

/* libFuzzer's interface, which AFL++ knows as well. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

/* What a target does before its first input; FALSE: there can be none. */
gboolean fuzz_start(void);

void fuzz_break(const char *sentence, const char *file, int line,
                const char *about) G_GNUC_NORETURN;

/* What must hold after every input; where it does not, the input is a finding. */
#define PROMISE(sentence, condition, about)                                                        \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fuzz_break(sentence, __FILE__, __LINE__, about);                                       \
    } while (0)

/* An input's first bytes are choices: digits in the seeds, so that these can be read. */
guint fuzz_choice(guint8 byte, guint n);

/* Text around an input, so that it stands where it matters. */
typedef struct {
    const char *before, *after;
} FuzzPlace;

/* (transfer full)(nullable) An input without its first byte, which chooses one of @n places; NULL: there is none. */
gchar *fuzz_place(const FuzzPlace *places, guint n, const guint8 *data, gsize size);

/* (transfer full) A new directory to lay out a host in, gone when the target ends. */
gchar *fuzz_world(void);

/* Whether a message can be read by a person: in UTF-8, not empty, one line. */
void fuzz_check_message(const char *message);

/* An error that is ours, with a message, its code between two others. */
void fuzz_check_error(const GError *error, NestErrorCode first, NestErrorCode last);

/* (transfer full)(nullable) A document that has to come out again as it came in; NULL: refused. */
NestDomainXml *fuzz_parse(const char *text, gsize length);

/* (transfer full) A document without the tag. */
gchar *fuzz_without_tag(const char *text);

/* (transfer full)(nullable) A correction whose outcome agrees with itself; NULL: refused. */
NestDefinition *fuzz_correct(const char *text, const NestCpuVendor *host, gboolean kvm_can_nest);

/* Only what may be changed was changed, and the record is one. */
void fuzz_check_changed(const char *before, const char *after);

/* Whether the record's schema knows all of a document's <cpu>. libvirt prints nothing else, but a person
 * can write it; then there is no way back, and a second correction takes the record out. */
gboolean fuzz_is_recordable(const char *text);

/* A second correction finds nothing to do. */
void fuzz_check_done(const char *text, const NestCpuVendor *host, gboolean kvm_can_nest);
