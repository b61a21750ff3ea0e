/* Preloaded into a server under test: counts the calls of fsync and fdatasync over all threads, and kills the process in
 * place of the one that CRASH_AT_SYNC names. strace counts by thread and so cannot name the Nth of a process. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static long calls, fatal;

__attribute__((constructor)) static void begin(void) {
    const char *text = getenv("CRASH_AT_SYNC");
    fatal = text ? atol(text) : 0;
}

static void count(void) {
    if (__atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST) == fatal) {
        kill(getpid(), SIGKILL);
    }
}

int fsync(int file) {
    count();
    return (int)syscall(SYS_fsync, file);
}

int fdatasync(int file) {
    count();
    return (int)syscall(SYS_fdatasync, file);
}
