/* Records of rollcall.contacts as text. */
#ifndef SINK_CONTACT_TEXT_H
#define SINK_CONTACT_TEXT_H

#include "rollcall/config.h"
#include "rollcall/contact_record.h"
#include "rollcall/error.h"

/* One flat JSON object, only with what applies. Returns the end; sink_record_room is enough. */
char *contact_json(char *at, const struct rc_record *rec);

/* The names of all clocks of a configuration, bytewise: the last columns of a CSV. */
struct contact_clocks {
    const struct rc_clock **clock; /* one of each name */
    uint32_t count;
};
/* Borrows the configuration. MEMORY. */
enum rc_error contact_clocks_init(struct contact_clocks *clocks, const struct rc_config *config);
void contact_clocks_done(struct contact_clocks *clocks);

/* CSV as in out_table.h. Both return the length; `room`: contact_csv_room bytes. */
uint32_t contact_csv_room(const struct contact_clocks *clocks);
uint32_t contact_csv_header(const struct contact_clocks *clocks, char *room);
uint32_t contact_csv(const struct contact_clocks *clocks, const struct rc_record *rec, char *room);

#endif
