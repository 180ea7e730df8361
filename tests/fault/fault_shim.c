/* Stands before libc in the gateway's processes (LD_PRELOAD) and gives it the
 * faults that fault_shim.h names. */
#define _GNU_SOURCE
#include "tests/fault/fault_shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static struct FaultControl none;
static struct FaultControl* control = &none;

__attribute__((constructor)) static void start(void) {
  const char* file = getenv("FAULT_SHIM");
  if (file == NULL) return;
  const int fd = open(file, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void* mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped != MAP_FAILED) control = mapped;
}

/* The next definition of a function, found once. (memcpy: a function's address is
 * no object's, for the compiler.) */
#define REAL(name)                         \
  static __typeof__(&(name)) real;         \
  if (real == NULL) {                      \
    void* found = dlsym(RTLD_NEXT, #name); \
    memcpy(&real, &found, sizeof real);    \
  }

int clock_gettime(clockid_t clock, struct timespec* now) {
  REAL(clock_gettime)
  const int result = real(clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    now->tv_sec += control->clock_offset;
  }
  return result;
}

int gettimeofday(struct timeval* restrict now, void* restrict zone) {
  REAL(gettimeofday)
  const int result = real(now, zone);
  if (result == 0) now->tv_sec += control->clock_offset;
  return result;
}

time_t time(time_t* out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}

static int fails(int fd) {
  if (control->write_error == 0) return 0;
  char link[64];
  char path[512];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, path, sizeof path - 1);
  if (size < 0) return 0;
  path[size] = '\0';
  if (strstr(path, ".db") == NULL) return 0;
  __atomic_add_fetch(&control->failed_writes, 1, __ATOMIC_RELAXED);
  errno = control->write_error;
  return 1;
}

ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t at) {
  REAL(pwrite64)
  return fails(fd) ? -1 : real(fd, bytes, size, at);
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) {
  REAL(pwrite)
  return fails(fd) ? -1 : real(fd, bytes, size, at);
}

ssize_t write(int fd, const void* bytes, size_t size) {
  REAL(write)
  return fails(fd) ? -1 : real(fd, bytes, size);
}

int fsync(int fd) {
  REAL(fsync)
  return fails(fd) ? -1 : real(fd);
}

int fdatasync(int fd) {
  REAL(fdatasync)
  return fails(fd) ? -1 : real(fd);
}
