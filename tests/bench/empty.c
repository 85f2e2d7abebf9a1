/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The least a program can do: what starting one costs, for the others to be compared with. */
int
main(void)
{
    return 0;
}
