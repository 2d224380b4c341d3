/* What decoding costs, beside controls in the same run: memcpy of the same bytes, and simdjson
 * (On-Demand) reading the same fields with none of the checks, once asking for each by its name,
 * once passing over the object. Several rounds, each of all in turn; minimum and median per event.
 *
 *   bench_decode [EVENTS [ROUNDS]]
 */
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

/* Of the hall's face only the decoder is wanted, and what stands on C's atomics is not C++. */
#define ROLLCALL_PARK_H
#define ROLLCALL_RING_H
#define ROLLCALL_STATS_H
struct rc_park;
struct rc_ring;
struct rc_ingest_stats;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow" /* structs and functions share names in C */
extern "C" {
#include "rollcall/ingest.h"
}
#pragma GCC diagnostic pop

namespace
{

struct line {
    size_t at, size;
};
struct load {
    std::string text;
    std::vector<line> lines;
};

uint64_t state = 42;

uint64_t next_random()
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

std::string time_text(uint64_t ms)
{
    time_t seconds = static_cast<time_t>(ms / 1000);
    struct tm tm;
    char text[64], whole[80];
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(whole, sizeof whole, "%s.%03uZ", text, static_cast<unsigned>(ms % 1000));
    return whole;
}

std::string id_text(uint64_t n)
{
    char text[64];
    snprintf(text, sizeof text, "%08x-%04x-4%03x-9%03x-%012llx",
             static_cast<unsigned>(n * 2654435761), static_cast<unsigned>(n & 0xffff),
             static_cast<unsigned>(n & 0xfff), static_cast<unsigned>(n >> 4 & 0xfff),
             static_cast<unsigned long long>(n * 40503));
    return text;
}

/* A call's life, from its queue to a survey; a fifth of the lines carry what others do not. */
std::string event_text(uint64_t contact, unsigned step)
{
    static const char *const types[] = {"queued", "answered", "held",  "resumed",
                                        "ended",  "wrapped",  "rated", "reviewed"};
    uint64_t ms = 1767603600000 + contact * 700 + step * 20000 + next_random() % 1000;
    std::string text = "{\"type\":\"" + std::string(types[step]) + "\",\"time\":\"" +
                       time_text(ms) + "\",\"client\":\"client-" + std::to_string(contact % 40) +
                       "\",\"contact\":\"" + id_text(contact) + "\",\"id\":\"" +
                       id_text(contact * 8 + step) + "\"";
    if (step == 0)
        text += ",\"queue\":\"billing-" + std::to_string(contact % 7) +
                "\",\"channel\":\"call\",\"customer\":\"+4930" +
                std::to_string(10000000 + contact % 50000) + "\",\"conversation\":\"" +
                id_text(contact / 2) + "\",\"priority\":\"normal\"";
    if (step == 1)
        text += ",\"agent\":\"agent-" + std::to_string(contact % 800) + "\",\"skill\":\"de\"";
    if (step == 6)
        text += ",\"score\":4.5";
    if (step == 7)
        text += ",\"defects\":1,\"opportunities\":12,\"critical\":false";
    if (contact % 2)
        text += ",\"source\":{\"system\":\"acd-7\",\"version\":[3,11],\"trunk\":" +
                std::to_string(contact % 99) +
                ",\"tags\":[\"voice\",\"inbound\"],\"region\":\"eu-central\"}";
    return text + "}";
}

load make_load(size_t events)
{
    load made;
    for (size_t i = 0; i < events; i++) {
        std::string text = event_text(i / 8, static_cast<unsigned>(i % 8));
        made.lines.push_back({made.text.size(), text.size()});
        made.text += text + "\n";
    }
    made.text.resize(made.text.size() + INGEST_PADDING);
    return made;
}

double now_ns()
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return static_cast<double>(at.tv_sec) * 1e9 + static_cast<double>(at.tv_nsec);
}

uint64_t sink; /* what was read, so that reading it cannot be left out */

void run_memcpy(const load &made)
{
    static char room[4096];
    for (const line &at : made.lines) {
        memcpy(room, made.text.data() + at.at, at.size);
        sink += static_cast<unsigned char>(room[at.size / 2]);
    }
}

using simdjson::ondemand::value;

[[gnu::always_inline]] inline void read_text(value &found)
{
    std::string_view text;
    if (found.get_string().get(text))
        abort();
    sink += text.size();
}

[[gnu::always_inline]] inline void read_number(value &found)
{
    double number;
    if (found.get_double().get(number))
        abort();
    sink += static_cast<uint64_t>(number);
}

[[gnu::always_inline]] inline void read_flag(value &found)
{
    bool flag;
    if (found.get_bool().get(flag))
        abort();
    sink += flag;
}

simdjson::padded_string_view view_of(const load &made, const line &at)
{
    return simdjson::padded_string_view(made.text.data() + at.at, at.size,
                                        at.size + simdjson::SIMDJSON_PADDING);
}

const std::string_view text_fields[] = {"type",    "time",     "client",   "contact",      "queue",
                                        "channel", "customer", "priority", "conversation", "agent"};

/* Each field that any event may have is asked for by its name. */
void run_by_name(const load &made)
{
    static simdjson::ondemand::parser parser;
    for (const line &at : made.lines) {
        simdjson::ondemand::document doc;
        value found;
        if (parser.iterate(view_of(made, at)).get(doc))
            abort();
        for (std::string_view field : text_fields) {
            if (!doc.find_field_unordered(field).get(found))
                read_text(found);
        }
        if (made.text[at.at + 10] == 'a' && !doc.find_field_unordered("score").get(found))
            read_number(found);
        if (made.text[at.at + 11] != 'v')
            continue;
        for (std::string_view field : {"defects", "opportunities"}) {
            if (!doc.find_field_unordered(field).get(found))
                read_number(found);
        }
        if (!doc.find_field_unordered("critical").get(found))
            read_flag(found);
    }
}

/* Literals, so that each comparison is a few instructions and no call. */
[[gnu::always_inline]] inline void read_known(std::string_view name, value &found)
{
    if (name == "type" || name == "time" || name == "client" || name == "contact" ||
        name == "queue" || name == "channel" || name == "customer" || name == "conversation" ||
        name == "agent" || name == "priority")
        read_text(found);
    else if (name == "score" || name == "defects" || name == "opportunities")
        read_number(found);
    else if (name == "critical")
        read_flag(found);
}

/* One pass over what stands there; unknown fields are skipped. */
void run_one_pass(const load &made)
{
    static simdjson::ondemand::parser parser;
    for (const line &at : made.lines) {
        simdjson::ondemand::document doc;
        simdjson::ondemand::object object;
        if (parser.iterate(view_of(made, at)).get(doc) || doc.get_object().get(object))
            abort();
        for (auto entry : object) {
            std::string_view name;
            value found;
            if (entry.unescaped_key().get(name) || entry.value().get(found))
                abort();
            read_known(name, found);
        }
    }
}

struct ingest_decoder *decoder;

void run_decode(const load &made)
{
    static union ingest_event event;
    char reason[148];
    for (const line &at : made.lines) {
        if (ingest_decode(decoder, nullptr, made.text.data() + at.at,
                          static_cast<uint32_t>(at.size), &event, reason) != INGEST_EVENT)
            abort();
        sink += event.ev.contact_hash;
    }
}

struct contender {
    const char *name;
    void (*run)(const load &made);
    std::vector<double> ns;
};

double minimum(const contender &one)
{
    return *std::min_element(one.ns.begin(), one.ns.end());
}

double median(contender &one)
{
    std::sort(one.ns.begin(), one.ns.end());
    return one.ns[one.ns.size() / 2];
}

} // namespace

int main(int argc, char **argv)
{
    size_t events = argc > 1 ? strtoul(argv[1], nullptr, 10) : 100000;
    size_t rounds = argc > 2 ? strtoul(argv[2], nullptr, 10) : 15;
    if (events == 0 || rounds < 7) {
        fprintf(stderr, "usage: bench_decode [EVENTS [ROUNDS]], 7 rounds at least\n");
        return 64;
    }
    load made = make_load(events);
    static struct rc_config config = {};
    config.tasks = 64;
    config.limits.max_event = 1 << 20;
    struct ingest_decoder_options options = {&config, 1};
    if (ingest_decoder_open(&options, &decoder) != RC_OK)
        return 70;
    contender list[] = {{"memcpy", run_memcpy, {}},
                        {"simdjson, by name", run_by_name, {}},
                        {"simdjson, one pass", run_one_pass, {}},
                        {"decode", run_decode, {}}};
    for (size_t round = 0; round <= rounds; round++) {
        for (contender &one : list) {
            double start = now_ns();
            one.run(made);
            if (round > 0) /* the first one warms up */
                one.ns.push_back((now_ns() - start) / static_cast<double>(events));
        }
    }
    printf("decode: %zu events of %.0f bytes, %zu rounds, simdjson %s\n", events,
           static_cast<double>(made.text.size()) / static_cast<double>(events), rounds,
           simdjson::get_active_implementation()->name().c_str());
    for (contender &one : list)
        printf("  %-20s %7.1f ns/event min  %7.1f median\n", one.name, minimum(one), median(one));
    for (int i = 0; i < 3; i++)
        printf("  decode / %-20s %.2f min  %.2f median\n", list[i].name,
               minimum(list[3]) / minimum(list[i]), median(list[3]) / median(list[i]));
    ingest_decoder_close(decoder);
    return sink == 0;
}
