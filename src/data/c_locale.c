#include "data/c_locale.h"

#include <pthread.h>
#include <stdlib.h>

static locale_t plain;

/* A constant of the C library's: it needs no memory. */
static void find(void)
{
    plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static locale_t get(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find);
    return plain;
}

locale_t salvor_c_locale_enter(void)
{
    return uselocale(get());
}

void salvor_c_locale_leave(locale_t before)
{
    uselocale(before);
}

double salvor_c_locale_number(const char *text)
{
    return strtod_l(text, NULL, get());
}
