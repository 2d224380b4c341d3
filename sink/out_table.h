/* Records for people: CSV for spreadsheets, aligned columns for terminals. */
#ifndef SINK_OUT_TABLE_H
#define SINK_OUT_TABLE_H

#include "out_buffer.h"
#include "rollcall/sink.h"

/* RFC 4180, lines end in CR LF; all fields of a record in the order of its JSON; null is empty.
 * Records of metrics and of slas have columns of their own. Both return the length;
 * SINK_RECORD_TEXT_MAX is room enough. */
uint32_t out_csv_header(bool slas, char *room);
uint32_t out_csv_record(const struct rc_windows *windows, const struct rc_record *rec, char *room);

/* Aligned columns: the first rows are held back to find the widths, later ones keep to them. */
struct out_table;
enum rc_error out_table_open(const struct rc_config *config, struct out_buffer *buffer,
                             bool rolling, bool color, struct out_table **ret_table);
enum rc_error out_table_record(struct out_table *table, const struct rc_record *rec);
/* Writes what was held back. */
enum rc_error out_table_finish(struct out_table *table);
void out_table_close(struct out_table *table);

#endif
