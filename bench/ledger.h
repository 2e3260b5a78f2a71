// When the mock sent each token: a mapped file that it writes and the load driver reads, so that what a server withholds
// can be told from what the upstream had not said yet. All read the same clock. fans.py reads it too, byte by byte.
//
// A request names its place in it by its "seed", which every proxy passes on: its rest by LEDGER_SLOTS.
#ifndef LEDGER_H
#define LEDGER_H
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define LEDGER_SLOTS 256
#define MOST_TOKENS 8192
#define TOKEN_CHARACTERS 4

typedef struct {
    uint64_t seed;              // of the request that the times belong to
    uint32_t tokens;            // sent so far
    int64_t asked, done;        // nanoseconds: when the whole request was here, and when the last of the answer went out
    int64_t sent[MOST_TOKENS];  // nanoseconds
} ledger_slot;

static int64_t nanoseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static ledger_slot *ledger_open(const char *path) {
    int file = open(path, O_RDWR | O_CREAT, 0600);
    if (file < 0 || ftruncate(file, LEDGER_SLOTS * sizeof(ledger_slot))) { perror(path); exit(2); }
    void *place = mmap(0, LEDGER_SLOTS * sizeof(ledger_slot), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (place == MAP_FAILED) { perror(path); exit(2); }
    close(file);
    return place;
}
#endif
