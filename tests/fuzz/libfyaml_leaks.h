/* libfyaml 0.7.12 loses the buffer of a quoted scalar with rubbish behind it, 4 KiB of a file that
 * is refused. Leaks that are ours in its use are for the unit tests to find. */
#ifndef TESTS_LIBFYAML_LEAKS_H
#define TESTS_LIBFYAML_LEAKS_H

const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so\n";
}

#endif
