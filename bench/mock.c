// A mock upstream that speaks OpenAI's chat API and costs as little as possible: one thread, epoll.
//
// The model's name steers the answer: "mock-60-10" is 60 tokens of four characters, 10 ms apart when streamed; a whole
// answer comes when a stream of it would have ended. No two answers are alike. A request that holds markers (MARK and
// MARK_LETTERS small letters) has its last one repeated, and every other one behind it, so that what belongs to somebody
// else shows. GET /stats counts what was asked. Every other GET is answered 200.
// usage: mock -p PORT -c CORPUS -l LEDGER
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

#define MOST_CONNECTIONS 4096
#define MARK "Zqx"
#define MARK_LETTERS 4
#define MOST_MARKS 8
#define MOST_REPLY (MOST_TOKENS * TOKEN_CHARACTERS * 4 + LONGEST_SENTENCE)

typedef struct {
    char *in, *out, *text;
    size_t in_length, in_size, out_from, out_length, out_size, text_from;
    int is_streaming, is_waiting, wants_usage, tokens, token, paced_at; // paced_at: its place in `paced`, or -1
    int64_t pause, due;
    ledger_slot *slot;
    char model[64];
} connection;

static connection *connections[MOST_CONNECTIONS];
static int paced[MOST_CONNECTIONS], paced_count, poller;
static sentences replies;
static ledger_slot *ledger;
static uint64_t asked, streamed;

static void put(connection *one, const char *bytes, size_t length) {
    if (one->out_from == one->out_length) one->out_from = one->out_length = 0;
    if (one->out_length + length > one->out_size) {
        one->out_size = 2 * (one->out_length + length);
        one->out = realloc(one->out, one->out_size);
    }
    memcpy(one->out + one->out_length, bytes, length);
    one->out_length += length;
}

static void put_text(connection *one, const char *text) { put(one, text, strlen(text)); }

static void unpace(connection *one) {
    if (one->paced_at < 0) return;
    int last = paced[--paced_count];
    paced[one->paced_at] = last;
    connections[last]->paced_at = one->paced_at;
    one->paced_at = -1;
}

static void hang_up(int fd) {
    connection *one = connections[fd];
    unpace(one);
    free(one->in);
    free(one->out);
    free(one->text);
    free(one);
    connections[fd] = 0;
    close(fd);
}

// Sends what waits; -1 when the peer is gone, and the connection with it.
static int flush(int fd) {
    connection *one = connections[fd];
    while (one->out_from < one->out_length) {
        ssize_t sent = send(fd, one->out + one->out_from, one->out_length - one->out_from, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) break;
        if (sent < 0) { hang_up(fd); return -1; }
        one->out_from += (size_t)sent;
    }
    int waits = one->out_from < one->out_length;
    if (waits != one->is_waiting) {
        one->is_waiting = waits;
        struct epoll_event event = {.events = EPOLLIN | (waits ? EPOLLOUT : 0), .data.fd = fd};
        epoll_ctl(poller, EPOLL_CTL_MOD, fd, &event);
    }
    return 0;
}

static void put_event(connection *one, const char *rest, int length) {
    char event[1024], size[16];
    int whole = snprintf(event, sizeof event,
        "data: {\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
        "\"model\":\"%s\",\"system_fingerprint\":\"fp_mock\",%.*s}\n\n", one->model, length, rest);
    put(one, size, (size_t)sprintf(size, "%x\r\n", whole));
    put(one, event, (size_t)whole);
    put(one, "\r\n", 2);
}

static void put_choice(connection *one, const char *key, const char *text, int length, const char *finish) {
    char rest[512];
    int whole = snprintf(rest, sizeof rest, "\"choices\":[{\"index\":0,\"delta\":{%s%.*s%s},\"logprobs\":null,"
        "\"finish_reason\":%s}]", key, length, text, *key ? "\"" : "", finish);
    put_event(one, rest, whole);
}

static void put_end(connection *one) {
    put_choice(one, "", "", 0, "\"stop\"");
    if (one->wants_usage) {
        char rest[200];
        put_event(one, rest, sprintf(rest, "\"choices\":[],\"usage\":{\"prompt_tokens\":380,\"completion_tokens\":%d,"
            "\"total_tokens\":%d}", one->tokens, 380 + one->tokens));
    }
    put_text(one, "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
    one->is_streaming = 0;
    if (one->slot) one->slot->done = nanoseconds();
}

// The bytes that the first `characters` characters of `text` take.
static size_t bytes_of(const char *text, size_t characters) {
    const char *at = text;
    for (; *at; at++) {
        if ((*at & 0xC0) != 0x80 && characters-- == 0) break;
    }
    return (size_t)(at - text);
}

// The next event of a stream; true after its last.
static int step(connection *one) {
    if (one->token == one->tokens) { put_end(one); return 1; }
    const char *text = one->text + one->text_from;
    size_t length = bytes_of(text, TOKEN_CHARACTERS);
    put_choice(one, "\"content\":\"", text, (int)length, "null");
    one->text_from += length;
    one->token++;
    if (one->slot) {
        one->slot->sent[one->token - 1] = nanoseconds();
        one->slot->tokens = (uint32_t)one->token;
    }
    return 0;
}

// Writes the last marker in `body` and those that differ from it; the bytes written.
static size_t write_marks(const char *body, char *to) {
    const size_t length = strlen(MARK) + MARK_LETTERS;
    const char *last = 0, *at = body;
    for (; (at = strstr(at, MARK)); at++) {
        if (strspn(at + strlen(MARK), "abcdefghijklmnopqrstuvwxyz") == MARK_LETTERS) last = at;
    }
    if (!last) return 0;
    size_t written = (size_t)sprintf(to, "%.*s ", (int)length, last);
    int others = 0;
    for (at = body; others < MOST_MARKS && (at = strstr(at, MARK)); at++) {
        if (strspn(at + strlen(MARK), "abcdefghijklmnopqrstuvwxyz") != MARK_LETTERS || !strncmp(at, last, length)) continue;
        written += (size_t)sprintf(to + written, "%.*s ", (int)length, at);
        others++;
    }
    return written;
}

static void write_reply(connection *one, const char *body) {
    size_t enough = (size_t)one->tokens * TOKEN_CHARACTERS;
    if (!one->text) one->text = malloc(MOST_REPLY);
    size_t length = write_marks(body, one->text);
    // bytes are counted generously first: a sentence may hold characters of several bytes
    for (size_t characters = length; characters < enough;) {
        size_t written = sentence_write(&replies, one->text + length);
        for (size_t at = 0; at < written; at++) characters += (one->text[length + at] & 0xC0) != 0x80;
        length += written;
    }
    one->text[bytes_of(one->text, enough)] = 0;
    one->text_from = 0;
}

static const char *behind(const char *body, const char *key) {
    const char *value = strstr(body, key);
    return value ? value + strlen(key) + strspn(value + strlen(key), " ") : "";
}

static void read_request(connection *one, const char *body) {
    double milliseconds = 0;
    const char *model = behind(body, "\"model\":");
    snprintf(one->model, sizeof one->model, "%.*s", *model ? (int)strcspn(model + 1, "\"") : 0, *model ? model + 1 : "");
    one->tokens = 60;
    sscanf(one->model, "mock-%d-%lf", &one->tokens, &milliseconds);
    if (one->tokens < 1 || one->tokens > MOST_TOKENS) one->tokens = MOST_TOKENS;
    one->pause = (int64_t)(milliseconds * 1e6);
    one->wants_usage = *behind(body, "\"include_usage\":") == 't';
    one->is_streaming = *behind(body, "\"stream\":") == 't';
    uint64_t seed = strtoull(behind(body, "\"seed\":"), 0, 10);
    one->slot = seed ? ledger + seed % LEDGER_SLOTS : 0;
    if (one->slot) {
        one->slot->seed = seed;
        one->slot->tokens = 0;
        one->slot->asked = nanoseconds();
    }
}

static void put_json(connection *one, const char *json, size_t length) {
    char head[200];
    put(one, head, (size_t)sprintf(head, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n"
        "x-request-id: mock\r\n\r\n", length));
    put(one, json, length);
}

static void put_whole(connection *one) {
    static char json[MOST_REPLY + 1024];
    put_json(one, json, (size_t)snprintf(json, sizeof json,
        "{\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"%s\",\"choices\":[{"
        "\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"%s\",\"refusal\":null},\"logprobs\":null,"
        "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":380,\"completion_tokens\":%d,\"total_tokens\":%d},"
        "\"system_fingerprint\":\"fp_mock\"}", one->model, one->text, one->tokens, 380 + one->tokens));
    if (one->slot) one->slot->done = nanoseconds();
}

static void pace(int fd, int64_t wait) {
    connection *one = connections[fd];
    one->due = nanoseconds() + wait;
    one->paced_at = paced_count;
    paced[paced_count++] = fd;
}

static int stream(int fd) {
    connection *one = connections[fd];
    streamed++;
    put_text(one, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
        "x-request-id: mock\r\ntransfer-encoding: chunked\r\n\r\n");
    one->token = 0;
    put_choice(one, "\"role\":\"assistant\",\"content\":\"", "", 0, "null");
    if (one->pause) {
        pace(fd, one->pause);
        return flush(fd);
    }
    for (;;) { // a token, a send: as a model that speaks as fast as it can
        int is_over = step(one);
        if (flush(fd)) return -1;
        if (is_over) return 0;
    }
}

static int answer(int fd, const char *head, const char *body) {
    connection *one = connections[fd];
    if (strncmp(head, "POST", 4)) {
        char json[200];
        put_json(one, json, (size_t)sprintf(json, "{\"object\":\"list\",\"data\":[],\"requests\":%lu,\"streams\":%lu}",
            asked, streamed));
        return flush(fd);
    }
    asked++;
    read_request(one, body);
    write_reply(one, body);
    if (one->is_streaming) return stream(fd);
    if (one->pause) { pace(fd, one->pause * one->tokens); return 0; }
    put_whole(one);
    return flush(fd);
}

// The body of a chunked request, moved together in place; its length, or -1 while it is not all here.
static long joined(char *body, size_t length, size_t *used) {
    size_t from = 0, to = 0;
    for (;;) {
        char *end = memmem(body + from, length - from, "\r\n", 2);
        if (!end) return -1;
        size_t size = strtoul(body + from, 0, 16), begin = (size_t)(end - body) + 2;
        if (length < begin + size + 2) return -1;
        from = begin + size + 2;
        if (!size) break;
        memmove(body + to, body + begin, size);
        to += size;
    }
    *used = from;
    return (long)to;
}

static int is_chunked_whole(const char *body, size_t length) {
    return length >= 5 && !memcmp(body + length - 5, "0\r\n\r\n", 5);
}

// Answers every whole request that has come in; an answer on its way is finished first.
static int serve(int fd) {
    for (;;) {
        connection *one = connections[fd];
        if (one->is_streaming || one->paced_at >= 0 || !one->in_length) return 0;
        one->in[one->in_length] = 0;
        char *end = strstr(one->in, "\r\n\r\n");
        if (!end) return 0;
        end[2] = 0; // the head by itself; `end[2]` was a CR
        char *body = end + 4, *named = strcasestr(one->in, "\r\ncontent-length:");
        int is_chunked = strcasestr(one->in, "\r\ntransfer-encoding: chunked") != 0;
        size_t have = one->in_length - (size_t)(body - one->in), used = named ? strtoul(named + 17, 0, 10) : 0;
        long length = (long)used;
        end[2] = '\r';
        if (is_chunked) length = is_chunked_whole(body, have) ? joined(body, have, &used) : -1;
        if (length < 0 || have < used) return 0;
        char kept = body[length];
        body[length] = 0;
        if (answer(fd, one->in, body)) return -1;
        body[length] = kept;
        one->in_length = have - used;
        memmove(one->in, body + used, one->in_length);
    }
}

static int receive(int fd) {
    connection *one = connections[fd];
    for (;;) {
        if (one->in_length == one->in_size) {
            one->in_size *= 2;
            one->in = realloc(one->in, one->in_size + 1);
        }
        ssize_t got = recv(fd, one->in + one->in_length, one->in_size - one->in_length, 0);
        if (got < 0 && errno == EAGAIN) break;
        if (got <= 0) { hang_up(fd); return -1; }
        one->in_length += (size_t)got;
        if (one->in_length < one->in_size) break;
    }
    return serve(fd);
}

static void accept_all(int listener) {
    int fd, one = 1;
    while ((fd = accept4(listener, 0, 0, SOCK_NONBLOCK)) >= 0) {
        if (fd >= MOST_CONNECTIONS) { close(fd); continue; }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        connections[fd] = calloc(1, sizeof(connection));
        connections[fd]->paced_at = -1;
        connections[fd]->in_size = 16384;
        connections[fd]->in = malloc(16385);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
    }
}

static void step_due(void) {
    int64_t now = nanoseconds();
    for (int at = paced_count - 1; at >= 0; at--) {
        int fd = paced[at];
        connection *one = connections[fd];
        if (one->due > now) continue;
        int is_over = 1;
        if (one->is_streaming) is_over = step(one);
        else put_whole(one);
        one->due += one->pause;
        if (is_over) unpace(one);
        if (!flush(fd) && is_over) serve(fd);
    }
}

static struct timespec *until_due(struct timespec *wait) {
    if (!paced_count) return 0;
    int64_t due = INT64_MAX, now = nanoseconds();
    for (int at = 0; at < paced_count; at++) {
        if (connections[paced[at]]->due < due) due = connections[paced[at]]->due;
    }
    int64_t left = due > now ? due - now : 0;
    *wait = (struct timespec){.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
    return wait;
}

static int listening(int port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&place, sizeof place) || listen(listener, 4096)) { perror("bind"); exit(1); }
    return listener;
}

int main(int count, char **words) {
    int port = 9001, option;
    while ((option = getopt(count, words, "p:c:l:")) > 0) {
        if (option == 'p') port = atoi(optarg);
        else if (option == 'c') sentences_read(&replies, optarg, 0);
        else if (option == 'l') ledger = ledger_open(optarg);
    }
    if (!replies.count || !ledger) { fprintf(stderr, "usage: mock -p PORT -c CORPUS -l LEDGER\n"); return 2; }
    signal(SIGPIPE, SIG_IGN);
    poller = epoll_create1(0);
    int listener = listening(port);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[256];
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        struct timespec wait;
        int ready = epoll_pwait2(poller, events, 256, until_due(&wait), 0);
        step_due();
        for (int at = 0; at < ready; at++) {
            int fd = events[at].data.fd;
            if (fd == listener) { accept_all(listener); continue; }
            if (!connections[fd]) continue;
            if (events[at].events & EPOLLOUT && flush(fd)) continue;
            if (events[at].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(fd);
        }
    }
}
