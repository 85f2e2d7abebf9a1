/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The vCPUs' registers as QEMU's monitor shows them. */
#include "registers.h"

#include <string.h>

#define VCPU "CPU" /* begins the line before a vCPU's registers; "#" and the vCPU's number follow */
#define LONGEST_VALUE 16

/* For each feature, the register bit that shows whether the guest's hypervisor is on: facts.md, "Evidence of nested
 * guests". */
typedef struct {
    const char *feature;
    const char *name; /* of the register, as it stands in front of its value */
    guint bit;
} Register;

static const Register registers[] = {
    {"svm", "EFER=", 12},
    {"vmx", "CR4=", 13},
};

static const Register *
find_register(const char *feature)
{
    for (gsize i = 0; i < G_N_ELEMENTS(registers); i++)
        if (g_str_equal(registers[i].feature, feature))
            return &registers[i];
    return NULL;
}

gboolean
nest_registers_shows(const char *feature)
{
    return find_register(feature) != NULL;
}

/* (nullable) The first vCPU at the beginning of a line. g_str_has_prefix() is not used: in GLib 2.76 and later it calls
 * strlen() on all the rest of the text, for every line. */
static const char *
find_vcpu(const char *text)
{
    const char *line = text;

    while (line && strncmp(line, VCPU, strlen(VCPU)) != 0) {
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return line;
}

/* (nullable) The value of the register in the text from @begin, which is white space, to @end; NULL if it is not there.
 * "XCR4=" must not be taken for "CR4=". */
static const char *
find_value(const char *begin, const char *end, const char *name)
{
    const char *found = begin;

    while ((found = memmem(found, (gsize)(end - found), name, strlen(name)))) {
        gboolean is_whole = !g_ascii_isalnum(found[-1]) && found[-1] != '_';

        found += strlen(name);
        if (is_whole)
            return found;
    }
    return NULL;
}

/* @vcpu, @end: the text about one vCPU, after "CPU" */
static NestBit
read_vcpu(const char *vcpu, const char *end, const Register *wanted)
{
    gsize number_length = *vcpu == '#' ? strspn(vcpu + 1, "0123456789") : 0;
    const char *behind_number = vcpu + 1 + number_length;
    const char *value = number_length > 0 && g_ascii_isspace(*behind_number)
                            ? find_value(behind_number, end, wanted->name)
                            : NULL;
    guint64 number = 0;
    gsize digits = 0;

    for (; value && g_ascii_isxdigit(value[digits]) && digits < LONGEST_VALUE; digits++)
        number = number << 4 | (guint64)g_ascii_xdigit_value(value[digits]);
    if (digits == 0 || !g_ascii_isspace(value[digits]))
        return NEST_BIT_UNKNOWN;
    return number >> wanted->bit & 1 ? NEST_BIT_SET : NEST_BIT_CLEAR;
}

NestBit
nest_registers_read(const char *text, const char *feature, guint vcpus)
{
    const Register *wanted = find_register(feature);
    const char *vcpu = find_vcpu(text);
    NestBit all = wanted && vcpu ? NEST_BIT_CLEAR : NEST_BIT_UNKNOWN;

    for (guint i = 0; wanted && vcpu && i < vcpus; i++) {
        const char *begin = vcpu + strlen(VCPU);
        const char *next = find_vcpu(begin);
        NestBit one = read_vcpu(begin, next ? next : begin + strlen(begin), wanted);

        if (one == NEST_BIT_SET)
            return NEST_BIT_SET;
        if (one == NEST_BIT_UNKNOWN)
            all = NEST_BIT_UNKNOWN;
        vcpu = next;
    }
    return vcpu ? NEST_BIT_UNKNOWN : all;
}
