/* Which zones there are: tzdata.zi, the compact source that tzdata installs beside the compiled
 * zones. Its first line is the version of the data. */
#include "config_zone.h"

#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 3, LINE_MAX_SIZE = 512 };

static const char *data_directory(void)
{
    const char *directory = getenv("TZDIR");
    return directory != NULL && directory[0] != '\0' ? directory : "/usr/share/zoneinfo";
}

/* "Z NAME rules…" and "L TARGET NAME". */
static const char *name_of(char *line)
{
    char *field[FIELDS_MAX] = {NULL}, *rest = NULL, *at = line;
    for (int i = 0; i < FIELDS_MAX; i++, at = NULL)
        if ((field[i] = strtok_r(at, " \n", &rest)) == NULL)
            break;
    if (field[0] == NULL)
        return NULL;
    return strcmp(field[0], "Z") == 0 ? field[1] : strcmp(field[0], "L") == 0 ? field[2] : NULL;
}

static int by_text(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

void config_zone_names_read(struct config_arena *arena, struct config_zone_names *ret_names)
{
    char path[4096], line[LINE_MAX_SIZE];
    snprintf(path, sizeof(path), "%s/tzdata.zi", data_directory());
    memset(ret_names, 0, sizeof(*ret_names));
    snprintf(ret_names->version, sizeof(ret_names->version), "unknown");
    ret_names->name = config_arena_get(arena, CONFIG_ZONES_MAX * sizeof(*ret_names->name));
    FILE *file = fopen(path, "re");
    while (file != NULL && ret_names->count < CONFIG_ZONES_MAX &&
           fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "# version %31s", ret_names->version) == 1)
            continue;
        const char *name = name_of(line);
        if (name != NULL)
            ret_names->name[ret_names->count++] = config_arena_text(arena, name, strlen(name));
    }
    if (file != NULL)
        fclose(file);
    if (ret_names->count == 0) /* without the file there is still the one that needs no data */
        ret_names->name[ret_names->count++] = "UTC";
    qsort(ret_names->name, ret_names->count, sizeof(*ret_names->name), by_text);
}

bool config_zone_known(const struct config_zone_names *names, const char *name)
{
    return bsearch(&name, names->name, names->count, sizeof(*names->name), by_text) != NULL;
}
