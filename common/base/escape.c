/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Escapes text from outside so that it can be printed in one line. */
#include "base/escape.h"

#include <stdint.h>
#include <string.h>

/* Characters that are not displayed but have an effect (Unicode's Cc, Zl and Zp, and those of Cf that
 * hide text or change its direction), and codes that are no characters. */
static const struct {
    uint32_t first;
    uint32_t last;
} harmful[] = {
    {0x0000, 0x001f},       {0x007f, 0x009f}, {0x00ad, 0x00ad}, {0x061c, 0x061c},
    {0x200b, 0x200f},       {0x2028, 0x202e}, {0x2060, 0x206f}, {0xd800, 0xdfff},
    {0xfeff, 0xfeff},       {0xfff9, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0xe007f},
    {0x110000, UINT32_MAX},
};

/* The forms of UTF-8 by the first byte, and the lowest character that needs that many bytes. */
static const struct {
    unsigned char mask;
    unsigned char lead;
    unsigned char length;
    uint32_t least;
} forms[] = {
    {0x80, 0x00, 1, 0x00},
    {0xe0, 0xc0, 2, 0x80},
    {0xf0, 0xe0, 3, 0x800},
    {0xf8, 0xf0, 4, 0x10000},
};

/* How many bytes the character at @text has; 0 if harmful or not a character. Stops at a NUL. */
static size_t
plain_length(const unsigned char *text)
{
    size_t form = 0;
    uint32_t character = 0;

    if (text[0] >= ' ' && text[0] < 0x7f) /* the usual case */
        return 1;
    while (form < sizeof(forms) / sizeof(forms[0]) &&
           (text[0] & forms[form].mask) != forms[form].lead)
        form++;
    if (form == sizeof(forms) / sizeof(forms[0]))
        return 0;
    character = text[0] & (unsigned char)~forms[form].mask;
    for (size_t i = 1; i < forms[form].length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        character = character << 6 | (text[i] & 0x3f);
    }
    for (size_t i = 0; i < sizeof(harmful) / sizeof(harmful[0]); i++)
        if (character >= harmful[i].first && character <= harmful[i].last)
            return 0;
    return character < forms[form].least ? 0 : forms[form].length;
}

static void
write_escape(char *to, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";

    to[0] = '\\';
    to[1] = 'x';
    to[2] = digits[byte >> 4];
    to[3] = digits[byte & 0xf];
}

size_t
nest_escape_copy(char *to, size_t room, const char *text)
{
    const char *from = text;

    while (*from) {
        size_t length = plain_length((const unsigned char *)from);
        size_t needed = length ? length : NEST_ESCAPE_GROWTH;

        if (needed >= room)
            break;
        if (length)
            memcpy(to, from, length);
        else
            write_escape(to, (unsigned char)*from);
        from += length ? length : 1;
        to += needed;
        room -= needed;
    }
    *to = '\0';
    return (size_t)(from - text);
}
