/* Status codes. Zero is success; a function returns one of these, or void, or a plain answer.
 * Everyday answers (AGAIN, LIMIT, INPUT, LATE, END) are counted, never logged per event. */
#ifndef ROLLCALL_ERROR_H
#define ROLLCALL_ERROR_H

#define RC_ERRORS(X)                                                                               \
    X(AGAIN, -1, "full or empty, try later")                                                       \
    X(INPUT, -2, "input is not valid")                                                             \
    X(LATE, -3, "older than what is remembered")                                                   \
    X(LIMIT, -4, "a configured limit is reached")                                                  \
    X(END, -5, "nothing more to come")                                                             \
    X(MEMORY, -6, "memory cannot be had")                                                          \
    X(IO, -7, "a file cannot be read or written")                                                  \
    X(KAFKA, -8, "Kafka is not reachable or refuses")                                              \
    X(CONFIG, -9, "the configuration is not valid")                                                \
    X(DENIED, -10, "not allowed")                                                                  \
    X(USAGE, -11, "not called as it should be")                                                    \
    X(INTERNAL, -12, "an internal promise does not hold")

#define RC_ERROR_VALUE(name, value, text) RC_ERR_##name = (value),
enum rc_error { RC_OK = 0, RC_ERRORS(RC_ERROR_VALUE) };
#undef RC_ERROR_VALUE

static inline const char *rc_error_text(enum rc_error err)
{
    switch (err) {
    case RC_OK:
        return "done";
#define RC_ERROR_CASE(name, value, text)                                                           \
    case RC_ERR_##name:                                                                            \
        return text;
        RC_ERRORS(RC_ERROR_CASE)
#undef RC_ERROR_CASE
    }
    return "unknown";
}

#endif
