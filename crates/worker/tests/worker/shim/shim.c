/* Loaded into a worker (LD_PRELOAD), between it and the machine: makes a chosen call fail, or wait, or be the process's
 * last. The worker is the one that people run; nothing in it knows of this.
 *
 * CDC_SHIM        rules, separated by ';', each CALL|PATTERN|ACTION|NUMBER
 *   CALL          write, sync, cut, rename
 *   PATTERN       of the file's path, as in a shell; of the new path for a rename
 *   ACTION        kill-before, kill-half (a write of half the bytes), kill-after, eio, enospc, erofs, slow-MILLISECONDS
 *   NUMBER        which of the calls that match, from 1; 0: all of them
 * CDC_SHIM_WHILE  a file; where it is named, rules count while it exists
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define RULES 16

struct rule {
    char call[16], pattern[512], action[32];
    long number;
    atomic_long seen;
};

static struct rule rules[RULES];
static int rule_count;
static const char *only_while;

__attribute__((constructor)) static void read_rules(void) {
    const char *text = getenv("CDC_SHIM");
    only_while = getenv("CDC_SHIM_WHILE");
    for (char *copy = strdup(text ? text : ""), *rule; (rule = strsep(&copy, ";")) && rule_count < RULES;) {
        struct rule *into = &rules[rule_count];
        if (sscanf(rule, "%15[^|]|%511[^|]|%31[^|]|%ld", into->call, into->pattern, into->action, &into->number) == 4)
            rule_count++;
    }
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

static void wait_ms(long ms) {
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* The action for a call on this path, "" for none. Waiting is done here. */
static const char *action_for(const char *call, const char *path) {
    if (!rule_count || (only_while && syscall(SYS_faccessat, AT_FDCWD, only_while, F_OK)))
        return "";
    for (struct rule *rule = rules; rule < rules + rule_count; rule++) {
        if (strcmp(rule->call, call) || fnmatch(rule->pattern, path, 0))
            continue;
        long seen = atomic_fetch_add(&rule->seen, 1) + 1;
        if (rule->number && rule->number != seen)
            continue;
        if (!strcmp(rule->action, "kill-before"))
            die();
        if (!strncmp(rule->action, "slow-", 5))
            wait_ms(atol(rule->action + 5));
        else
            return rule->action;
    }
    return "";
}

static const char *action_on(const char *call, int fd) {
    char link[64], path[4096];
    if (!rule_count)
        return "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    if (length <= 0)
        return "";
    path[length] = 0;
    return action_for(call, path);
}

/* Whether the action is a failure; says so in errno. */
static int fails(const char *action) {
    int number = !strcmp(action, "eio") ? EIO : !strcmp(action, "enospc") ? ENOSPC : !strcmp(action, "erofs") ? EROFS : 0;
    if (number)
        errno = number;
    return number;
}

static long done(const char *action, long result) {
    if (!strcmp(action, "kill-after"))
        die();
    return result;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    const char *action = action_on("write", fd);
    if (fails(action))
        return -1;
    if (!strcmp(action, "kill-half")) {
        syscall(SYS_write, fd, bytes, count / 2);
        die();
    }
    return done(action, syscall(SYS_write, fd, bytes, count));
}

int fsync(int fd) {
    const char *action = action_on("sync", fd);
    return fails(action) ? -1 : (int)done(action, syscall(SYS_fsync, fd));
}

int fdatasync(int fd) {
    const char *action = action_on("sync", fd);
    return fails(action) ? -1 : (int)done(action, syscall(SYS_fdatasync, fd));
}

int ftruncate64(int fd, off64_t length) {
    const char *action = action_on("cut", fd);
    return fails(action) ? -1 : (int)done(action, syscall(SYS_ftruncate, fd, length));
}

int rename(const char *from, const char *to) {
    const char *action = action_for("rename", to);
    return fails(action) ? -1 : (int)done(action, syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}
