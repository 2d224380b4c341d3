/* Hashes of keys as Apache Kafka's own UtilsTest.testMurmur2 publishes them. */
#ifndef ROLLCALL_TEST_MURMUR2_KNOWN_H
#define ROLLCALL_TEST_MURMUR2_KNOWN_H

#include <stdint.h>

static const struct {
    const char *bytes;
    int32_t hash;
} murmur2_known[] = {{"21", -973932308},
                     {"foobar", -790332482},
                     {"a-little-bit-long-string", -985981536},
                     {"a-little-bit-longer-string", -1486304829},
                     {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
                     {"abc", 479470107}};
enum { MURMUR2_KNOWN = sizeof murmur2_known / sizeof *murmur2_known };

#endif
