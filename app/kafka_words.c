#include "kafka_words.h"

#include <stdio.h>
#include <string.h>

/* Looked through from the top: the first whose name and text are both found is the cause.
 * NULL: whatever stands there. %s is the configured brokers. */
struct riddle {
    const char *name, *text;
    enum kafka_cause cause;
    const char *answer;
};

static const char speaks_tls[] =
    "Kafka at %s closes the connection at once: it seems to speak TLS, the configuration says "
    "plaintext (kafka.security: security.protocol: ssl or sasl_ssl)";
static const char speaks_plain[] =
    "Kafka at %s does not speak TLS, the configuration says that it does (kafka.security: "
    "security.protocol)";
static const char certificate[] =
    "the certificate of Kafka at %s is not signed by an authority that is trusted here "
    "(kafka.security: ssl.ca.location)";
static const char host_name[] =
    "the certificate of Kafka at %s is for another host name (kafka.brokers)";
static const char client_certificate[] =
    "Kafka at %s does not accept our TLS certificate, or wants one (kafka.security: "
    "ssl.certificate.location, ssl.key.location)";
static const char password[] =
    "Kafka at %s refuses user name or password (kafka.security: sasl.username, sasl.password)";
static const char mechanism[] =
    "Kafka at %s does not offer the configured SASL mechanism (kafka.security: sasl.mechanism)";
static const char wants_sasl[] =
    "Kafka at %s closes the connection: it may want a password, the configuration gives none "
    "(kafka.security: security.protocol: sasl_plaintext or sasl_ssl)";
static const char unknown_host[] = "the host name of Kafka is not known: %s (kafka.brokers)";
static const char away[] = "Kafka does not answer at %s: it is waited for";

static const struct riddle riddles[] = {
    {"_SSL", "wrong version number", KAFKA_CAUSE_SPEAKS_PLAIN, speaks_plain},
    {"_SSL", "plaintext", KAFKA_CAUSE_SPEAKS_PLAIN, speaks_plain},
    {"_SSL", "connecting to a PLAINTEXT", KAFKA_CAUSE_SPEAKS_PLAIN, speaks_plain},
    {"_SSL", "unexpected eof", KAFKA_CAUSE_SPEAKS_PLAIN, speaks_plain},
    {"_SSL", "hostname mismatch", KAFKA_CAUSE_HOST_NAME, host_name},
    {"_SSL", "host name", KAFKA_CAUSE_HOST_NAME, host_name},
    {"_SSL", "IP address mismatch", KAFKA_CAUSE_HOST_NAME, host_name},
    {"_SSL", "certificate verify failed", KAFKA_CAUSE_CERTIFICATE, certificate},
    {"_SSL", "certificate could not be verified", KAFKA_CAUSE_CERTIFICATE, certificate},
    {"_SSL", "unknown ca", KAFKA_CAUSE_CERTIFICATE, client_certificate},
    {"_SSL", "certificate required", KAFKA_CAUSE_CERTIFICATE, client_certificate},
    {"_SSL", "bad certificate", KAFKA_CAUSE_CERTIFICATE, client_certificate},
    {"_TRANSPORT", "connecting to a PLAINTEXT", KAFKA_CAUSE_SPEAKS_PLAIN, speaks_plain},
    {"_TRANSPORT", "SSL handshake", KAFKA_CAUSE_SPEAKS_PLAIN, speaks_plain},
    {"_TRANSPORT", "might require SASL", KAFKA_CAUSE_WANTS_PASSWORD, wants_sasl},
    {"_TRANSPORT", "ApiVersion", KAFKA_CAUSE_SPEAKS_TLS, speaks_tls},
    {"_TRANSPORT", "connecting to a SSL listener", KAFKA_CAUSE_SPEAKS_TLS, speaks_tls},
    {"_AUTHENTICATION", "mechanism handshake", KAFKA_CAUSE_MECHANISM, mechanism},
    {"_AUTHENTICATION", "Unsupported SASL", KAFKA_CAUSE_MECHANISM, mechanism},
    {"UNSUPPORTED_SASL_MECHANISM", NULL, KAFKA_CAUSE_MECHANISM, mechanism},
    {"_AUTHENTICATION", NULL, KAFKA_CAUSE_PASSWORD, password},
    {"SASL_AUTHENTICATION_FAILED", NULL, KAFKA_CAUSE_PASSWORD, password},
    {"_RESOLVE", NULL, KAFKA_CAUSE_UNKNOWN_HOST, unknown_host},
    /* A connection that ends is made again; it is news only when none can be made. */
    {"_TRANSPORT", "Disconnected", KAFKA_CAUSE_NONE, NULL},
    {"_TRANSPORT", "Receive failed", KAFKA_CAUSE_NONE, NULL},
    {"_TRANSPORT", "Send failed", KAFKA_CAUSE_NONE, NULL},
    {"_TRANSPORT", NULL, KAFKA_CAUSE_AWAY, away},
    {"_ALL_BROKERS_DOWN", NULL, KAFKA_CAUSE_AWAY, away},
    {"_TIMED_OUT", NULL, KAFKA_CAUSE_AWAY, away},
    {"_MSG_TIMED_OUT", NULL, KAFKA_CAUSE_AWAY, away},
    {"_WAIT_COORD", NULL, KAFKA_CAUSE_NONE, NULL},
    {"COORDINATOR_LOAD_IN_PROGRESS", NULL, KAFKA_CAUSE_NONE, NULL},
    {"COORDINATOR_NOT_AVAILABLE", NULL, KAFKA_CAUSE_NONE, NULL},
    {"NOT_COORDINATOR", NULL, KAFKA_CAUSE_NONE, NULL},
    /* The group is being shared out anew, or has let go of this member: the lease sees to it. */
    {"ILLEGAL_GENERATION", NULL, KAFKA_CAUSE_NONE, NULL},
    {"UNKNOWN_MEMBER_ID", NULL, KAFKA_CAUSE_NONE, NULL},
    {"REBALANCE_IN_PROGRESS", NULL, KAFKA_CAUSE_NONE, NULL},
    {"FENCED_INSTANCE_ID", NULL, KAFKA_CAUSE_NONE, NULL},
    {"_FENCED", NULL, KAFKA_CAUSE_NONE, NULL}, /* the output says what that means */
    {"LEADER_NOT_AVAILABLE", NULL, KAFKA_CAUSE_NONE, NULL},
    {"NOT_LEADER_FOR_PARTITION", NULL, KAFKA_CAUSE_NONE, NULL},
};

static bool contains(const char *text, const char *what)
{
    return strcasestr(text, what) != NULL;
}

/* Whether TLS is what the configuration says. */
static bool configured_tls(const struct rc_kafka *kafka)
{
    for (uint32_t i = 0; i < kafka->property_count; i++)
        if (strcmp(kafka->property[i].name, "security.protocol") == 0)
            return contains(kafka->property[i].value, "ssl");
    return false;
}

static enum kafka_cause explain_refusal(const char *name, const char *text, char *ret_text)
{
    if (contains(name, "AUTHORIZATION_FAILED")) {
        const char *what = contains(name, "TOPIC")     ? "topic"
                           : contains(name, "GROUP")   ? "group"
                           : contains(name, "CLUSTER") ? "cluster"
                                                       : "transactional id";
        snprintf(ret_text, KAFKA_WORDS_MAX, "Kafka does not allow it (ACL of a %s): %s", what,
                 text);
        return KAFKA_CAUSE_NOT_ALLOWED;
    }
    if (strcmp(name, "INVALID_REPLICATION_FACTOR") == 0) {
        snprintf(ret_text, KAFKA_WORDS_MAX,
                 "there are not so many brokers as output.replication says: %s", text);
        return KAFKA_CAUSE_REPLICATION;
    }
    snprintf(ret_text, KAFKA_WORDS_MAX, "Kafka: %s (%s)", text, name);
    return KAFKA_CAUSE_OTHER;
}

enum kafka_cause kafka_words_explain(const struct rc_kafka *kafka, const char *line,
                                     char ret_text[KAFKA_WORDS_MAX])
{
    const char *colon = strstr(line, ": ");
    char name[64], rest[400];
    snprintf(name, sizeof name, "%.*s", colon ? (int)(colon - line) : (int)strlen(line), line);
    const char *text = colon ? colon + 2 : "";
    ret_text[0] = '\0';
    for (size_t i = 0; i < sizeof riddles / sizeof *riddles; i++) {
        const struct riddle *riddle = &riddles[i];
        if (strcmp(riddle->name, name) != 0 || (riddle->text && !contains(text, riddle->text)))
            continue;
        if (riddle->cause == KAFKA_CAUSE_SPEAKS_TLS && configured_tls(kafka))
            continue; /* it is disconnected for another reason */
        if (riddle->answer)
            snprintf(ret_text, KAFKA_WORDS_MAX, riddle->answer, kafka->brokers);
        return riddle->cause;
    }
    /* Without the time that it took: the same trouble is to read the same. */
    const char *took = strstr(text, " (after ");
    snprintf(rest, sizeof rest, "%.*s", took ? (int)(took - text) : (int)strlen(text), text);
    return explain_refusal(name, rest, ret_text);
}

void kafka_words_init(struct kafka_words *words, const struct rc_kafka *kafka,
                      void (*print)(void *, const char *), void *opaque)
{
    *words = (struct kafka_words){.kafka = kafka, .print = print, .opaque = opaque};
    pthread_mutex_init(&words->lock, NULL);
}

void kafka_words_done(struct kafka_words *words)
{
    pthread_mutex_destroy(&words->lock);
}

static uint32_t hash(const char *text)
{
    uint32_t sum = 2166136261u;
    for (; *text; text++)
        sum = (sum ^ (unsigned char)*text) * 16777619u;
    return sum;
}

static bool any_trouble(const struct kafka_words *words)
{
    for (int cause = 0; cause < KAFKA_CAUSE_COUNT; cause++)
        if (words->speakers[cause])
            return true;
    return false;
}

static void end_trouble(struct kafka_words *words, uint32_t bit)
{
    bool before = any_trouble(words);
    for (int cause = 0; cause < KAFKA_CAUSE_COUNT; cause++)
        words->speakers[cause] &= ~bit;
    if (!before || any_trouble(words))
        return;
    words->trouble[0] = '\0';
    words->print(words->opaque, "Kafka answers again");
}

static void begin_trouble(struct kafka_words *words, uint32_t bit, enum kafka_cause cause,
                          const char *text)
{
    /* While a cause is known, that no connection stands says nothing new. */
    bool known = cause == KAFKA_CAUSE_AWAY && any_trouble(words);
    bool said = words->speakers[cause] != 0;
    if (!known || said)
        words->speakers[cause] |= bit;
    if (known || said)
        return;
    snprintf(words->trouble, sizeof words->trouble, "%s", text);
    words->print(words->opaque, text);
}

/* A refusal concerns one thing and says nothing of the rest, so no answer ends it: it is said once,
 * and what does not work for it is seen where it is waited for. */
static void say_refusal(struct kafka_words *words, const char *text)
{
    uint32_t sum = hash(text);
    for (uint32_t i = 0; i < words->refused_count; i++)
        if (words->refused[i] == sum)
            return;
    if (words->refused_count == KAFKA_REFUSALS)
        return;
    words->refused[words->refused_count++] = sum;
    words->print(words->opaque, text);
}

void kafka_words_say(void *opaque, const char *line)
{
    struct kafka_speaker *speaker = opaque;
    struct kafka_words *words = speaker->words;
    char text[KAFKA_WORDS_MAX];
    pthread_mutex_lock(&words->lock);
    if (strncmp(line, "note: ", 6) == 0) {
        words->print(words->opaque, line + 6);
    } else if (strcmp(line, "up") == 0) {
        words->answered = true;
        end_trouble(words, speaker->bit);
    } else {
        enum kafka_cause cause = kafka_words_explain(words->kafka, line, text);
        if ((cause == KAFKA_CAUSE_SPEAKS_TLS || cause == KAFKA_CAUSE_WANTS_PASSWORD) &&
            words->answered) {
            /* It was on its way down: what it speaks and wants is known. */
            cause = KAFKA_CAUSE_AWAY;
            snprintf(text, sizeof text, away, words->kafka->brokers);
        }
        if (cause == KAFKA_CAUSE_NOT_ALLOWED || cause == KAFKA_CAUSE_OTHER)
            say_refusal(words, text);
        else if (cause != KAFKA_CAUSE_NONE)
            begin_trouble(words, speaker->bit, cause, text);
    }
    pthread_mutex_unlock(&words->lock);
}

bool kafka_words_well(struct kafka_words *words, char *ret_reason, size_t room)
{
    pthread_mutex_lock(&words->lock);
    bool well = !any_trouble(words);
    if (!well)
        snprintf(ret_reason, room, "%s", words->trouble);
    pthread_mutex_unlock(&words->lock);
    return well;
}
