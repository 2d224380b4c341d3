/* State as a stream of bytes, out of one room and into a file or topic of another. A reader takes
 * exactly what a writer has put, in the same pieces or in others. */
#ifndef ROLLCALL_SNAPSHOT_H
#define ROLLCALL_SNAPSHOT_H

#include "error.h"
#include <stddef.h>

struct rc_snapshot_writer {
    void *self;
    enum rc_error (*put)(void *self, const void *bytes, size_t size); /* borrows */
};
struct rc_snapshot_reader {
    void *self;
    /* Fills all of it. INPUT: there is not so much, or it is damaged. */
    enum rc_error (*get)(void *self, void *ret_bytes, size_t size);
};

#endif
