/* Whether input topics can be read as a configuration wants them. */
#ifndef ROLLCALL_KAFKA_FITS_H
#define ROLLCALL_KAFKA_FITS_H

#include "kafka_client.h"

/* Where it is to be keyed by client: as many partitions as there are tasks. CONFIG. */
enum rc_error kafka_topic_count_fits(const struct rc_config *config, const char *topic,
                                     uint32_t count, char ret_message[256]);
/* It is not compacted, as far as that may be known. CONFIG; KAFKA: no answer. */
enum rc_error kafka_topic_policy_fits(struct kafka_client *client, const char *topic,
                                      char ret_message[256]);

#endif
