// A load driver for a server that speaks OpenAI's chat API: one thread, epoll, connections kept open, the next request as
// soon as the last is answered. Prints one JSON object.
//
// Every connection is a conversation: a request carries the persona, the messages before it as they really came, and a
// new message of the fan, no two alike. What is withheld is measured against the mock's ledger (ledger.h).
// usage: load -u URL -f CORPUS -l LEDGER -i PERSONA [-o FIRST] [-c CONNECTIONS] [-t SECONDS] [-w WARM_UP] [-n TOKENS]
//             [-d PAUSE_MS] [-s] [-m MESSAGES] [-H 'name: value']...
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "ledger.h"
#include "sentences.h"

#define FAN_CHARACTERS 110 // of a message, at least
#define MOST_MESSAGES 512
#define DRAIN 1000000000LL // nanoseconds that open answers may take once the time is over

typedef struct { float *value; size_t count, size; } series;
typedef struct { char *bytes; size_t length, size; } text;
typedef enum { HEAD, LENGTH, SIZE, CHUNK, UNTIL_CLOSE } place;

typedef struct {
    int fd, status, is_kept, is_idle;
    place place;
    size_t left, characters;
    uint64_t seed;
    int64_t began, first, last;
    text in, line, reply, request, message[MOST_MESSAGES];
    int oldest;                                    // of the messages, a ring
    struct { int64_t time; size_t characters; } arrival[MOST_TOKENS];
    size_t arrivals;
} talk;

static talk *talks;
static int talk_count = 1, message_count = 5, tokens = 60, is_stream, poller;
static double pause_ms;
static char host[64], path[256], headers[4096], *persona;
static struct sockaddr_in address;
static sentences fan;
static ledger_slot *ledger;
static int64_t measured_from, measured_to;
static series whole, first_token, behind_first, gap, withheld;
static uint64_t asked, in_time, failed, changed, characters; // in_time, characters: of the measured time

static void add(series *all, double value) {
    if (all->count == all->size) {
        all->size = all->size ? 2 * all->size : 65536;
        all->value = realloc(all->value, all->size * sizeof(float));
    }
    all->value[all->count++] = (float)value;
}

static void append(text *to, const char *bytes, size_t length) {
    if (to->length + length + 1 > to->size) {
        to->size = 2 * (to->length + length + 1);
        to->bytes = realloc(to->bytes, to->size);
    }
    memcpy(to->bytes + to->length, bytes, length);
    to->length += length;
    to->bytes[to->length] = 0;
}

static void append_text(text *to, const char *words) { append(to, words, strlen(words)); }

static void connect_talk(talk *one) {
    int yes = 1;
    one->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(one->fd, (struct sockaddr *)&address, sizeof address)) { perror("connect"); exit(3); }
    setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = one};
    epoll_ctl(poller, EPOLL_CTL_ADD, one->fd, &event);
    one->in.length = 0;
}

static void say(text *message) {
    char sentence[LONGEST_SENTENCE];
    for (message->length = 0; message->length < FAN_CHARACTERS;) append(message, sentence, sentence_write(&fan, sentence));
    message->length--; // the space behind the last sentence
}

static text *message_at(talk *one, int number) { return &one->message[(one->oldest + number) % message_count]; }

static void write_request(talk *one) {
    static text body;
    char part[512];
    body.length = 0;
    append(&body, part, (size_t)sprintf(part, "{\"model\":\"mock-%d-%g\",\"seed\":%lu,%s\"temperature\":0.7,"
        "\"max_tokens\":%d,\"messages\":[{\"role\":\"system\",\"content\":\"", tokens, pause_ms, one->seed,
        is_stream ? "\"stream\":true," : "", tokens));
    append_text(&body, persona);
    for (int number = 0; number < message_count; number++) {
        append_text(&body, number % 2 ? "\"},{\"role\":\"assistant\",\"content\":\"" : "\"},{\"role\":\"user\",\"content\":\"");
        append(&body, message_at(one, number)->bytes, message_at(one, number)->length);
    }
    append_text(&body, "\"}]}");
    one->request.length = 0;
    append(&one->request, part, (size_t)snprintf(part, sizeof part, "POST %s HTTP/1.1\r\nhost: %s\r\naccept: */*\r\n"
        "content-type: application/json\r\ncontent-length: %zu\r\n", path, host, body.length));
    append_text(&one->request, headers);
    append_text(&one->request, "\r\n");
    append(&one->request, body.bytes, body.length);
}

static void send_request(talk *one) {
    one->place = HEAD;
    one->status = 0;
    one->is_kept = 1;
    one->line.length = one->reply.length = one->characters = one->arrivals = 0;
    one->first = one->last = 0;
    one->began = nanoseconds();
    for (size_t from = 0; from < one->request.length;) {
        ssize_t sent = send(one->fd, one->request.bytes + from, one->request.length - from, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) break; // the read side sees the end
        if (sent > 0) from += (size_t)sent;
    }
}

static void ask(talk *one) {
    one->seed = ++asked * LEDGER_SLOTS + (uint64_t)(one - talks);
    write_request(one);
    send_request(one);
}

static void begin(talk *one) {
    for (int number = 0; number < message_count; number++) say(message_at(one, number));
    connect_talk(one);
    ask(one);
}

// What had been sent and not arrived, just before each next token was sent.
static void compare_with_ledger(talk *one) {
    ledger_slot *slot = &ledger[one - talks];
    size_t count = slot->tokens, seen = 0, arrived = 0;
    if (slot->seed != one->seed || one->characters != count * TOKEN_CHARACTERS || !one->first) return;
    add(&behind_first, (double)(one->first - slot->sent[0]) / 1e6);
    double sum = 0;
    for (size_t token = 0; token + 1 < count; token++) {
        while (seen < one->arrivals && one->arrival[seen].time <= slot->sent[token + 1])
            arrived = one->arrival[seen++].characters;
        size_t sent = (token + 1) * TOKEN_CHARACTERS;
        sum += sent > arrived ? (double)(sent - arrived) : 0;
    }
    if (count > 1) add(&withheld, sum / (double)(count - 1));
}

static void measure(talk *one, int64_t now) {
    int is_good = one->status == 200 && one->reply.length;
    if (!is_good) failed++;
    if (is_good && now >= measured_from && now <= measured_to) in_time++;
    if (!is_good || one->began < measured_from || one->began > measured_to) return;
    if (one->characters != (size_t)tokens * TOKEN_CHARACTERS) changed++;
    add(&whole, (double)(now - one->began) / 1e6);
    if (!is_stream) return;
    add(&first_token, (double)(one->first - one->began) / 1e6);
    if (pause_ms > 0) compare_with_ledger(one);
}

static void read_content(talk *one, int64_t now) {
    const char *at = one->line.length ? strstr(one->line.bytes, "\"content\":") : 0;
    if (!at) return;
    at += 10;
    at += strspn(at, " ");
    if (*at++ != '"' || *at == '"') return; // null, or nothing
    const char *end = at;
    size_t before = one->characters;
    for (; *end && *end != '"'; end++) {
        if ((*end & 0xC0) != 0x80) one->characters++;
        if (*end != '\\') continue;
        if (end[1] == 'u' && !strncasecmp(end + 2, "d", 1) && strchr("cdefCDEF", end[3])) one->characters--; // half an emoji
        end += end[1] == 'u' ? 5 : 1;
    }
    append(&one->reply, at, (size_t)(end - at));
    if (now >= measured_from && now <= measured_to) characters += one->characters - before;
    if (!one->first) one->first = now;
    else if (one->began >= measured_from && is_stream) add(&gap, (double)(now - one->last) / 1e6);
    one->last = now;
    if (one->arrivals < MOST_TOKENS) {
        one->arrival[one->arrivals].time = now;
        one->arrival[one->arrivals++].characters = one->characters;
    }
}

static void finish(talk *one) {
    int64_t now = nanoseconds();
    if (!is_stream) read_content(one, now);
    measure(one, now);
    if (!one->is_kept) {
        close(one->fd);
        connect_talk(one);
    }
    if (now > measured_to) { one->is_idle = 1; return; }
    for (int turn = 0; turn < 2 && message_count > turn; turn++) { // the oldest pair makes room for the newest
        text *message = message_at(one, 0);
        one->oldest = (one->oldest + 1) % message_count;
        message->length = 0;
        if (turn == 1 || message_count == 1) say(message);
        else append(message, one->reply.length ? one->reply.bytes : "...", one->reply.length ? one->reply.length : 3);
    }
    ask(one);
}

static void read_body(talk *one, const char *bytes, size_t length, int64_t now) {
    while (is_stream && length) {
        const char *end = memchr(bytes, '\n', length);
        size_t part = end ? (size_t)(end - bytes) : length;
        append(&one->line, bytes, part);
        if (!end) return;
        if (one->line.length > 5 && !memcmp(one->line.bytes, "data:", 5)) read_content(one, now);
        one->line.length = 0;
        bytes += part + 1;
        length -= part + 1;
    }
    if (!is_stream) append(&one->line, bytes, length);
}

static void read_head(talk *one, char *head) {
    char *length = strcasestr(head, "\r\ncontent-length:");
    one->status = atoi(head + 9);
    if (strcasestr(head, "\r\nconnection: close")) one->is_kept = 0;
    if (strcasestr(head, "\r\ntransfer-encoding: chunked")) { one->place = SIZE; return; }
    one->place = length ? LENGTH : UNTIL_CLOSE;
    one->left = length ? strtoul(length + 17, 0, 10) : 0;
}

// Takes one step through what has come in: the bytes used, or 0 when more must come; 1 in `*is_over` after the last.
static size_t take(talk *one, char *bytes, size_t length, int64_t now, int *is_over) {
    if (one->place == UNTIL_CLOSE || one->place == LENGTH || one->place == CHUNK) {
        size_t part = one->place == UNTIL_CLOSE || length < one->left ? length : one->left;
        read_body(one, bytes, part, now);
        one->left -= one->place == UNTIL_CLOSE ? 0 : part;
        *is_over = one->place == LENGTH && !one->left;
        if (one->place == CHUNK && !one->left) one->place = SIZE;
        return part;
    }
    const char *mark = one->place == HEAD ? "\r\n\r\n" : "\r\n";
    char *end = memmem(bytes, length, mark, strlen(mark));
    if (!end) return 0;
    size_t used = (size_t)(end - bytes) + strlen(mark);
    if (one->place == HEAD) {
        *end = 0; // the last line's end is not looked at
        read_head(one, bytes);
        *is_over = one->place == LENGTH && !one->left;
        return used;
    }
    if (used == 2) return used; // the end of a chunk's data
    one->left = strtoul(bytes, 0, 16);
    if (one->left) { one->place = CHUNK; return used; }
    if (length < used + 2) return 0;
    *is_over = 1;
    return used + 2;
}

static void take_all(talk *one) {
    int64_t now = nanoseconds();
    size_t from = 0;
    int is_over = 0;
    while (from < one->in.length && !is_over) {
        size_t used = take(one, one->in.bytes + from, one->in.length - from, now, &is_over);
        if (!used && !is_over) break;
        from += used;
    }
    one->in.length -= from;
    memmove(one->in.bytes, one->in.bytes + from, one->in.length);
    if (is_over) finish(one);
}

static void hear(talk *one) {
    static char buffer[1 << 16];
    ssize_t got = recv(one->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got > 0) {
        append(&one->in, buffer, (size_t)got);
        if (!one->is_idle) take_all(one);
        return;
    }
    close(one->fd);
    if (one->is_idle) return;
    one->is_kept = 1; // what finish() would close is closed
    int is_new = one->place == HEAD && !one->in.length;
    connect_talk(one);
    if (is_new) { send_request(one); return; } // the connection had been kept open for too long
    if (one->place != UNTIL_CLOSE) one->status = 0;
    finish(one);
}

static int ascending(const void *a, const void *b) {
    float one = *(const float *)a, other = *(const float *)b;
    return (one > other) - (one < other);
}

static void print_series(const char *name, series *all) {
    double sum = 0;
    qsort(all->value, all->count, sizeof(float), ascending);
    for (size_t at = 0; at < all->count; at++) sum += all->value[at];
    if (!all->count) { printf(",\"%s\":null", name); return; }
#define AT(share) all->value[(size_t)((share) * (double)(all->count - 1) + 0.5)]
    printf(",\"%s\":{\"p50\":%.4f,\"p90\":%.4f,\"p99\":%.4f,\"mean\":%.4f}", name, AT(.5), AT(.9), AT(.99),
        sum / (double)all->count);
}

static void print_all(void) {
    double seconds = (double)(measured_to - measured_from) / 1e9;
    printf("{\"answered\":%lu,\"failed\":%lu,\"changed\":%lu,\"measured\":%zu,\"rate\":%.3f,\"tokens\":%.1f,\"next\":%lu",
        in_time, failed, changed, whole.count, (double)in_time / seconds, (double)characters / TOKEN_CHARACTERS, fan.next);
    print_series("whole", &whole);
    print_series("first", &first_token);
    print_series("behind", &behind_first);
    print_series("gap", &gap);
    print_series("withheld", &withheld);
    printf("}\n");
}

static char *read_file(const char *name) {
    FILE *file = fopen(name, "r");
    if (!file) { perror(name); exit(2); }
    char *all = calloc(1, 8192);
    size_t length = fread(all, 1, 8191, file);
    fclose(file);
    all[length && all[length - 1] == '\n' ? length - 1 : length] = 0;
    return all;
}

static void set_url(const char *url) {
    char name[48];
    int port;
    if (sscanf(url, "http://%47[0-9.]:%d%255s", name, &port, path) != 3) { fprintf(stderr, "-u http://127.0.0.1:PORT/PATH\n"); exit(2); }
    snprintf(host, sizeof host, "%s:%d", name, port);
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, name, &address.sin_addr);
}

static void run(void) {
    // streams begin one after the other, so that their tokens do not come in one beat
    int64_t started = nanoseconds(), apart = is_stream ? 100000000LL / talk_count : 0;
    int begun = 0, open = 1;
    struct epoll_event events[256];
    while (open && nanoseconds() < measured_to + DRAIN) {
        for (; begun < talk_count && nanoseconds() >= started + begun * apart; begun++) begin(&talks[begun]);
        int ready = epoll_wait(poller, events, 256, begun < talk_count ? 1 : 100);
        for (int at = 0; at < ready; at++) hear(events[at].data.ptr);
        open = talk_count - begun;
        for (int at = 0; at < begun; at++) open += !talks[at].is_idle;
    }
}

int main(int count, char **words) {
    double seconds = 2, warm_up = 0.5;
    const char *corpus = 0;
    uint64_t first = 0;
    int option;
    while ((option = getopt(count, words, "u:f:l:i:o:c:t:w:n:d:sm:H:")) > 0) {
        if (option == 'u') set_url(optarg);
        else if (option == 'f') corpus = optarg;
        else if (option == 'l') ledger = ledger_open(optarg);
        else if (option == 'i') persona = read_file(optarg);
        else if (option == 'o') first = strtoul(optarg, 0, 10);
        else if (option == 'c') talk_count = atoi(optarg);
        else if (option == 't') seconds = atof(optarg);
        else if (option == 'w') warm_up = atof(optarg);
        else if (option == 'n') tokens = atoi(optarg);
        else if (option == 'd') pause_ms = atof(optarg);
        else if (option == 's') is_stream = 1;
        else if (option == 'm') message_count = atoi(optarg) - 1; // the persona is one of them
        else if (option == 'H') strcat(strcat(headers, optarg), "\r\n");
        else return 2;
    }
    if (!corpus || !ledger || !persona || !*host || message_count % 2 == 0 || message_count >= MOST_MESSAGES
        || talk_count > LEDGER_SLOTS) { fprintf(stderr, "usage: see load.c\n"); return 2; }
    sentences_read(&fan, corpus, first);
    signal(SIGPIPE, SIG_IGN);
    poller = epoll_create1(0);
    talks = calloc((size_t)talk_count, sizeof *talks);
    measured_from = nanoseconds() + (int64_t)(warm_up * 1e9);
    measured_to = measured_from + (int64_t)(seconds * 1e9);
    run();
    print_all();
}
