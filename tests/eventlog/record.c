/* Records the file system calls of a process below $TRACE_ROOT into $TRACE_FILE, in an
 * order that holds: one lock around each call and its record, except that a sync is
 * recorded when it begins and when it has returned (only what came before its beginning
 * is durable by then). Loaded with LD_PRELOAD. See power.py for the reading side.
 *
 * Record: kind (1 byte), fd (i32), a (i64), b (u32), then b bytes of data.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_FDS 4096
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int out = -2;
static const char *root;
static char traced[MOST_FDS];
static int64_t sequence;

static void put(const void *data, size_t size) {
    static ssize_t (*real)(int, const void *, size_t);
    if (!real) real = NEXT(write);
    const char *at = data;
    while (size > 0) {
        ssize_t done = real(out, at, size);
        if (done <= 0) abort();
        at += done;
        size -= (size_t)done;
    }
}

static void record(char kind, int fd, int64_t a, const void *data, size_t size) {
    char head[17];
    int32_t fd32 = fd;
    uint32_t size32 = (uint32_t)size;
    head[0] = kind;
    memcpy(head + 1, &fd32, 4);
    memcpy(head + 5, &a, 8);
    memcpy(head + 13, &size32, 4);
    put(head, sizeof head);
    put(data, size);
    sequence++;
}

static void begin(void) {
    pthread_mutex_lock(&lock);
    if (out == -2) {
        root = getenv("TRACE_ROOT");
        const char *file = getenv("TRACE_FILE");
        int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
        out = (root && file) ? real(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    }
}

static void end(void) { pthread_mutex_unlock(&lock); }

static int below(const char *path) { return out >= 0 && path && strncmp(path, root, strlen(root)) == 0; }

static int is_traced(int fd) { return out >= 0 && fd >= 0 && fd < MOST_FDS && traced[fd]; }

static void opened(int fd, const char *path, int flags) {
    if (fd < 0) return;
    if (fd >= MOST_FDS) abort();
    traced[fd] = (char)below(path);
    if (traced[fd]) record('O', fd, flags, path, strlen(path));
}

#define OPEN(name)                                                          \
    int name(const char *path, int flags, ...) {                            \
        va_list arguments;                                                  \
        va_start(arguments, flags);                                         \
        mode_t mode = (mode_t)va_arg(arguments, int);                       \
        va_end(arguments);                                                  \
        begin();                                                            \
        int (*real)(const char *, int, ...) =                               \
            (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name);       \
        int fd = real(path, flags, mode);                                   \
        opened(fd, path, flags);                                            \
        end();                                                              \
        return fd;                                                          \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                        \
    int name(int directory, const char *path, int flags, ...) {             \
        va_list arguments;                                                  \
        va_start(arguments, flags);                                         \
        mode_t mode = (mode_t)va_arg(arguments, int);                       \
        va_end(arguments);                                                  \
        begin();                                                            \
        int (*real)(int, const char *, int, ...) =                          \
            (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, #name);  \
        int fd = real(directory, path, flags, mode);                        \
        opened(fd, path, flags);                                            \
        end();                                                              \
        return fd;                                                          \
    }
OPENAT(openat)
OPENAT(openat64)

#define PWRITE(name, offset_type)                                           \
    ssize_t name(int fd, const void *data, size_t size, offset_type at) {   \
        begin();                                                            \
        ssize_t done = NEXT(name)(fd, data, size, at);                      \
        if (done > 0 && is_traced(fd)) record('W', fd, at, data, (size_t)done); \
        end();                                                              \
        return done;                                                        \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t write(int fd, const void *data, size_t size) {
    begin();
    off_t at = is_traced(fd) ? lseek(fd, 0, SEEK_CUR) : 0;
    ssize_t done = NEXT(write)(fd, data, size);
    if (done > 0 && is_traced(fd)) record('W', fd, at, data, (size_t)done);
    end();
    return done;
}

#define TRUNCATE(name, offset_type)                                         \
    int name(int fd, offset_type size) {                                    \
        begin();                                                            \
        int failed = NEXT(name)(fd, size);                                  \
        if (!failed && is_traced(fd)) record('T', fd, size, "", 0);         \
        end();                                                              \
        return failed;                                                      \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define SYNC(name)                                                          \
    int name(int fd) {                                                      \
        begin();                                                            \
        int64_t from = sequence;                                            \
        end();                                                              \
        int failed = NEXT(name)(fd);                                        \
        begin();                                                            \
        if (!failed && is_traced(fd)) record('S', fd, from, "", 0);         \
        end();                                                              \
        return failed;                                                      \
    }
SYNC(fsync)
SYNC(fdatasync)

int unlink(const char *path) {
    begin();
    int failed = NEXT(unlink)(path);
    if (!failed && below(path)) record('U', -1, 0, path, strlen(path));
    end();
    return failed;
}

int mkdir(const char *path, mode_t mode) {
    begin();
    int failed = NEXT(mkdir)(path, mode);
    if (!failed && below(path)) record('M', -1, 0, path, strlen(path));
    end();
    return failed;
}

int rename(const char *from, const char *to) {
    begin();
    int failed = NEXT(rename)(from, to);
    if (!failed && below(from)) {
        record('R', -1, 0, from, strlen(from));
        record('r', -1, 0, to, strlen(to));
    }
    end();
    return failed;
}
