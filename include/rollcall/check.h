/* Assertions that stay on in release builds. They assert our own promises (arguments, invariants,
 * owner thread), never the world: input, network and configuration get an answer instead. */
#ifndef ROLLCALL_CHECK_H
#define ROLLCALL_CHECK_H

#include <stdio.h>
#include <stdlib.h>

_Noreturn static inline void rc_panic(const char *file, int line, const char *promise)
{
    fprintf(stderr, "rollcall: broken promise at %s:%d: %s\n", file, line, promise);
    abort();
}

#define RC_CHECK(promise)                                                                          \
    do {                                                                                           \
        if (__builtin_expect(!(promise), 0))                                                       \
            rc_panic(__FILE__, __LINE__, #promise);                                                \
    } while (0)

#endif
