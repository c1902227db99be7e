#include "data/timestamp.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

/* Reads exactly `count` digits; -1 when there are others. */
static int digits(const char **at, int count)
{
    int number = 0;
    for (int i = 0; i < count; i++) {
        if (!isdigit((unsigned char)(*at)[i]))
            return -1;
        number = number * 10 + ((*at)[i] - '0');
    }
    *at += count;
    return number;
}

static bool skip(const char **at, char expected)
{
    return *(*at)++ == expected;
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && is_leap);
}

/* Days since 1970, with the year's beginning moved to March so that the leap day comes last. */
static int64_t days_since_epoch(int year, int month, int day)
{
    int64_t shifted = month <= 2 ? year - 1 : year;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + of_year - 719468;
}

static bool fraction(double *out, const char **at)
{
    double unit = 0.1;
    *out = 0;
    if (**at != '.')
        return true;
    ++*at;
    if (!isdigit((unsigned char)**at))
        return false;
    for (; isdigit((unsigned char)**at); ++*at, unit /= 10)
        *out += unit * (**at - '0');
    return true;
}

/* Seconds that the zone is before UTC. */
static bool zone(int *out, const char **at)
{
    char sign = *(*at)++;
    *out = 0;
    if (sign == 'Z')
        return true;
    if (sign != '+' && sign != '-')
        return false;
    int hours = digits(at, 2);
    if (hours < 0 || hours > 23 || !skip(at, ':'))
        return false;
    int minutes = digits(at, 2);
    if (minutes < 0 || minutes > 59)
        return false;
    *out = (hours * 60 + minutes) * (sign == '+' ? 60 : -60);
    return true;
}

bool salvor_timestamp_parse(double *out, const char *text)
{
    int part[6], before_utc;
    double rest;
    static const char behind[] = "--T::";
    for (int i = 0; i < 6; i++) {
        part[i] = digits(&text, i == 0 ? 4 : 2);
        if (part[i] < 0 || (i < 5 && !skip(&text, behind[i])))
            return false;
    }
    if (part[1] < 1 || part[1] > 12 || part[2] < 1 || part[2] > days_of_month(part[0], part[1]) ||
        part[3] > 23 || part[4] > 59 || part[5] > 59)
        return false;
    if (!fraction(&rest, &text) || !zone(&before_utc, &text) || *text)
        return false;
    int64_t day = days_since_epoch(part[0], part[1], part[2]);
    *out = (double)(day * 86400 + part[3] * 3600 + part[4] * 60 + part[5] - before_utc) + rest;
    return true;
}
