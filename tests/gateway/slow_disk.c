/* LD_PRELOAD: a disk that makes SLOW_DISK_BYTES_PER_SECOND durable, whatever the real one does. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static _Atomic long unsynced;

ssize_t pwrite64(int file, const void *data, size_t size, off64_t at) {
    ssize_t (*real)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
    ssize_t done = real(file, data, size, at);
    if (done > 0) unsynced += done;
    return done;
}

ssize_t pwrite(int file, const void *data, size_t size, off_t at) { return pwrite64(file, data, size, at); }

static void wait_for_the_disk(void) {
    double seconds = (double)atomic_exchange(&unsynced, 0) / atof(getenv("SLOW_DISK_BYTES_PER_SECOND"));
    struct timespec rest = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
    nanosleep(&rest, NULL);
}

int fdatasync(int file) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
    wait_for_the_disk();
    return real(file);
}

int fsync(int file) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    wait_for_the_disk();
    return real(file);
}
