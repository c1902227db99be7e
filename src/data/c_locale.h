/*
 * The locale "C" for this thread: what JSON and YAML write of numbers has a point in it, whatever
 * language a script has set for the process (os.setlocale).
 */
#ifndef SALVOR_DATA_C_LOCALE_H
#define SALVOR_DATA_C_LOCALE_H

#include <locale.h>

/* Returns what salvor_c_locale_leave() puts back. */
locale_t salvor_c_locale_enter(void);
void salvor_c_locale_leave(locale_t before);

/* strtod() in it. */
double salvor_c_locale_number(const char *text);

#endif
