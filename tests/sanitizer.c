/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Linked into every program of a sanitized build (tests/asan): where findings are written. libvirt starts the
 * hook with an environment of its own and looks at few of its exit codes, and nobody waits for virtnestd's:
 * so what is found goes into a directory that the run looks at in the end. */

/* The runtimes ask before they are ready for instrumented code. */
#define EARLY __attribute__((no_sanitize("address", "undefined"), used))
#define OPTIONS "log_path=" SANITIZE_REPORTS "/report:log_exe_name=1:exitcode=86:print_stacktrace=1"

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

EARLY const char *
__asan_default_options(void)
{
    return OPTIONS ":detect_leaks=1";
}

EARLY const char *
__ubsan_default_options(void)
{
    return OPTIONS;
}
