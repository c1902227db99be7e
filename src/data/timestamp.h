/* Points in time as RFC 3339 writes them: "2024-05-31T12:30:00.5+02:00". */
#ifndef SALVOR_DATA_TIMESTAMP_H
#define SALVOR_DATA_TIMESTAMP_H

#include <stdbool.h>

/*
 * *out: seconds since 1970, UTC. False for anything that is not a whole timestamp of the Gregorian
 * calendar; as in Go, T and Z are capitals and a leap second does not exist.
 */
bool salvor_timestamp_parse(double *out, const char *text);

#endif
