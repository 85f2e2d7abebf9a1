/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The wish for a domain's CPU, as members of JSON objects. */
#include "wish_json.h"

void
nest_wish_json_add_tag(JsonBuilder *builder, const NestTag *tag)
{
    const NestTagAttribute *attribute = NULL;

    json_builder_set_member_name(builder, "tag");
    if (!tag) {
        json_builder_add_null_value(builder);
        return;
    }
    json_builder_begin_object(builder);
    for (gsize i = 0; (attribute = nest_tag_attribute(i)); i++)
        nest_output_json_string(builder, attribute->name, nest_tag_get(tag, attribute));
    json_builder_end_object(builder);
}

void
nest_wish_json_add(JsonBuilder *builder, const NestWish *wish)
{
    static const char *const kinds[] = {"leave", "enable", "disable", "undecided"};
    static const char *const bys[] = {NULL, "tag", "rule", "policy"};

    json_builder_set_member_name(builder, "wish");
    json_builder_begin_object(builder);
    nest_output_json_string(builder, "kind", wish ? kinds[wish->kind] : NULL);
    nest_output_json_string(builder, "by", wish ? bys[wish->by] : NULL);
    json_builder_end_object(builder);
}
