/* XML as Lua values: store/xml.h. */
#ifndef SALVOR_LUA_XML_H
#define SALVOR_LUA_XML_H

#include <stddef.h>

#include <lua.h>

#include "core/error.h"

/*
 * Pushes a table of what is in the root of a document: by its name each element's text, or a table
 * of what is in it; attributes as "element@name". At `lists` is a list (nil is none) of the names
 * that may come several times, which become lists; of others the last one counts. Leaves other
 * values below, a box among them, which go when the calling function returns. Errors as those of
 * salvor_xml_read().
 */
int salvor_push_xml(lua_State *L, const char *text, size_t size, int lists,
                    struct salvor_error *err);

#endif
