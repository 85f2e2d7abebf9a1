/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the first process of a guest does with its machine: it loads the kernel's modules, and powers off. */
#pragma once

/* Loads the modules of a directory. Ignores those that do not fit this machine. */
void nest_bench_load(const char *directory);

/* Says on the console what went wrong, and powers off. */
void nest_bench_fail(const char *what, const char *reason) __attribute__((noreturn));
