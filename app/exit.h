/* How the program ends: the codes of <sysexits.h>, documented in docs/commands.md. Only app/
 * decides to exit. */
#ifndef APP_EXIT_H
#define APP_EXIT_H

#include "rollcall/error.h"

enum exit_code {
    EXIT_DONE = 0,
    EXIT_FOUND = 1,      /* a check found something */
    EXIT_WRONG_USE = 64, /* the command line is wrong */
    EXIT_REFUSED = 65,   /* data was refused (--strict) */
    EXIT_KAFKA = 69,     /* Kafka cannot be reached */
    EXIT_INTERNAL = 70,  /* our own fault, or out of memory */
    EXIT_IO = 74,        /* a file cannot be read or written: missing, disk full */
    EXIT_DENIED = 77,    /* not allowed */
    EXIT_INVALID = 78    /* the configuration is invalid */
};

static inline int exit_code_of(enum rc_error err)
{
    switch (err) {
    case RC_OK:
    case RC_ERR_END: /* whoever read our output has had enough */
        return EXIT_DONE;
    case RC_ERR_USAGE:
        return EXIT_WRONG_USE;
    case RC_ERR_INPUT:
        return EXIT_REFUSED;
    case RC_ERR_KAFKA:
        return EXIT_KAFKA;
    case RC_ERR_IO:
        return EXIT_IO;
    case RC_ERR_DENIED:
        return EXIT_DENIED;
    case RC_ERR_CONFIG:
        return EXIT_INVALID;
    default:
        return EXIT_INTERNAL;
    }
}

#endif
