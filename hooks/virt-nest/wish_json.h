/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The wish for a domain's CPU, as members of JSON objects. */
#pragma once

#include "domain/wish.h"
#include "output.h"

/* Adds the member "tag", with all attributes in words. @tag: (nullable) NULL: it is null */
void nest_wish_json_add_tag(JsonBuilder *builder, const NestTag *tag);

/* Adds the member "wish", with its kind and who wishes it. @wish: (nullable) NULL: nobody can tell, so both are null */
void nest_wish_json_add(JsonBuilder *builder, const NestWish *wish);
