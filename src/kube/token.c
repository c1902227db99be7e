#include "kube/token.h"

#include <ctype.h>

bool salvor_kube_is_token(const char *text)
{
    for (; *text; text++)
        if (!isgraph((unsigned char)*text))
            return false;
    return true;
}
