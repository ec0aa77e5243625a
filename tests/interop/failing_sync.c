// SPDX-License-Identifier: Apache-2.0
//
// Preloaded into a process under test: fsync and fdatasync fail with EIO for files whose path has
// the text FAILING_SYNC_WITHIN, while the file FAILING_SYNC_SWITCH is there; with
// FAILING_SYNC_FOLDERS set for folders only. As after a real one, nothing is known of the bytes
// (or names) then.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fails(int descriptor) {
  const char* within = getenv("FAILING_SYNC_WITHIN");
  const char* file = getenv("FAILING_SYNC_SWITCH");
  if (within == NULL || file == NULL || access(file, F_OK) != 0) return 0;
  struct stat info;
  const int folders_only = getenv("FAILING_SYNC_FOLDERS") != NULL;
  if (folders_only && (fstat(descriptor, &info) != 0 || !S_ISDIR(info.st_mode))) return 0;
  char link[64];
  char path[4096];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", descriptor);
  const ssize_t length = readlink(link, path, sizeof(path) - 1);
  if (length < 0) return 0;
  path[length] = '\0';
  return strstr(path, within) != NULL;
}

int fsync(int descriptor) {
  if (fails(descriptor)) {
    errno = EIO;
    return -1;
  }
  return (int)syscall(SYS_fsync, descriptor);
}

int fdatasync(int descriptor) {
  if (fails(descriptor)) {
    errno = EIO;
    return -1;
  }
  return (int)syscall(SYS_fdatasync, descriptor);
}
