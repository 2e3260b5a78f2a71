// Ordinary sentences, no two alike: one of a corpus file with a word before and a word behind it, numbered so that the
// numbers run through all sentences before one comes back, and through all their words before one comes back as it was
// (millions). It stands apart because the mock upstream and the load driver both speak so.
//
// A corpus file holds one sentence a line, UTF-8 without quotes and backslashes, so that it stands in JSON as it is.
#ifndef SENTENCES_H
#define SENTENCES_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_LINE 160                   // bytes
#define LONGEST_SENTENCE (LONGEST_LINE + 40)

typedef struct {
    char **line;
    uint64_t count, stride, next; // next: the number of the sentence that comes now
} sentences;

static const char *const BEFORE[] = {
    "", "haha ", "honestly, ", "okay so ", "oh ", "hmm, ", "well, ", "you know, ", "i mean, ", "by the way, ", "no joke, ",
    "true story: ", "funny, ", "ah, ", "lol ", "wow, ", "right, ", "yeah, ", "fair, ", "anyway, ", "so, ", "seriously, ",
    "ooh, ", "aw, ", "look, ", "not gonna lie, ", "for real, ", "still, ", "also, ", "mm, ", "plus, ", "wait, ",
};
static const char *const BEHIND[] = {
    "", " haha", " lol", ", you know", ", honestly", ", to be fair", ", i think", ", i swear", ", somehow", ", as always",
    ", for once", ", though", ", really", ", i guess", ", hihi", ", promise", ", well", ", right", ", hmm", ", at least",
    ", obviously", ", finally", ", luckily", ", sadly",
};
#define BEFORE_COUNT (sizeof BEFORE / sizeof *BEFORE)
#define BEHIND_COUNT (sizeof BEHIND / sizeof *BEHIND)

static uint64_t common_divisor(uint64_t a, uint64_t b) { return b ? common_divisor(b, a % b) : a; }

static void sentences_read(sentences *all, const char *path, uint64_t first) {
    FILE *file = fopen(path, "r");
    if (!file) { perror(path); exit(2); }
    char line[LONGEST_LINE + 2];
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        if (all->count % 1024 == 0) all->line = realloc(all->line, (all->count + 1024) * sizeof *all->line);
        all->line[all->count++] = strdup(line);
    }
    fclose(file);
    if (all->count < 2) { fprintf(stderr, "%s: too few sentences\n", path); exit(2); }
    // a stride that shares no divisor with the count visits every line before it comes back
    for (all->stride = all->count * 5 / 13 + 1; common_divisor(all->stride, all->count) != 1;) all->stride++;
    all->next = first;
}

static int ends_a_sentence(char last) { return last == '.' || last == '!' || last == '?'; }

// Writes the next sentence with a space behind it; the bytes written. `to` has room for LONGEST_SENTENCE.
static size_t sentence_write(sentences *all, char *to) {
    uint64_t number = all->next++, place = number % all->count, round = number / all->count;
    const char *line = all->line[place * all->stride % all->count];
    const char *before = BEFORE[(round + 7 * place) % BEFORE_COUNT]; // neighbours begin and end differently
    const char *behind = BEHIND[(round / BEFORE_COUNT + 5 * place) % BEHIND_COUNT];
    size_t length = strlen(line), begin = strlen(before);
    while (length && ends_a_sentence(line[length - 1])) length--;
    const char *end = line[length] ? line + length : ".";
    size_t written = (size_t)sprintf(to, "%s%.*s%s%s ", before, (int)length, line, behind, end);
    if (begin && to[begin] >= 'A' && to[begin] <= 'Z' && to[begin + 1] >= 'a') to[begin] += 'a' - 'A';
    return written;
}
#endif
