/* What the C programs of these tests have in common. */
#ifndef SINTER_TESTS_CALLER_H
#define SINTER_TESTS_CALLER_H

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static inline void fail(const char* what) {
  fprintf(stderr, "%s\n", what);
  exit(1);
}

static inline void* memory(size_t bytes) {
  void* begin = aligned_alloc(64, (bytes + 63) / 64 * 64 + 64);
  if (begin == NULL) fail("no memory");
  return begin;
}

static inline size_t read_bytes(const char* path, void* to, size_t most) {
  FILE* file = fopen(path, "rb");
  if (file == NULL) fail(path);
  const size_t bytes = fread(to, 1, most, file);
  fclose(file);
  return bytes;
}

static inline void write_bytes(const char* path, const void* from, size_t bytes) {
  FILE* file = fopen(path, "wb");
  if (file == NULL || fwrite(from, 1, bytes, file) != bytes || fclose(file) != 0) fail(path);
}

/* Numbers that the test draws as well. */
static inline uint32_t next_number(uint32_t* state) {
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8;
}

/* A parallel_for: threads that come and go with each loop. */
typedef struct Loop {
  int64_t next, units;
  void (*body)(void* data, int32_t thread, int64_t begin, int64_t end);
  void* data;
} Loop;

typedef struct Worker {
  Loop* loop;
  int32_t number;
} Worker;

static inline void* work(void* argument) {
  Worker* worker = (Worker*)argument;
  Loop* loop = worker->loop;
  int64_t unit;
  while ((unit = __atomic_fetch_add(&loop->next, 1, __ATOMIC_RELAXED)) < loop->units)
    loop->body(loop->data, worker->number, unit, unit + 1);
  return NULL;
}

static int64_t shared_loops = 0;

static size_t stack_bytes = 0; /* of a thread's, for calls; 0: as much as is usual */

static inline void start(pthread_t* thread, void* (*function)(void*), void* argument) {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) fail("no attributes");
  /* This program's own functions, and what the system keeps there, take some as well. */
  if (stack_bytes != 0 &&
      pthread_attr_setstacksize(&attributes, (stack_bytes + (32 << 10)) / 4096 * 4096) != 0)
    fail("no such stack");
  if (pthread_create(thread, &attributes, function, argument) != 0) fail("no thread");
  pthread_attr_destroy(&attributes);
}

static inline void parallel_for(void* pool, int64_t units, int32_t threads,
                                void (*body)(void* data, int32_t thread, int64_t begin, int64_t end),
                                void* data) {
  enum { kMost = 16 };
  pthread_t handles[kMost];
  Worker workers[kMost];
  Loop loop = {0, 0, NULL, NULL};
  int32_t i;
  (void)pool;
  if (threads > kMost) fail("more threads than there are");
  loop.units = units;
  loop.body = body;
  loop.data = data;
  ++shared_loops;
  for (i = 0; i < threads; ++i) {
    workers[i].loop = &loop;
    workers[i].number = i;
    if (i > 0) start(&handles[i], work, &workers[i]);
  }
  work(&workers[0]);
  for (i = 1; i < threads; ++i) pthread_join(handles[i], NULL);
}

#endif
