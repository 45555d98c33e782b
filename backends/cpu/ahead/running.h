#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/cpu/run/context.h"

// What code that was compiled ahead of time has in memory during a call. Plain C.
namespace sinter::cpu {

// NAME_fault and NAME_context of the header that header.h writes.
struct CallersFault {
  const char* check;
  const char* subject;
  const char* where;
  int64_t position;
  int64_t bound;
  int64_t index;
  double value;
};

using CallersBody = void (*)(void* data, int32_t thread, int64_t begin, int64_t end);

struct CallersContext {
  uint64_t interface;
  void* state;
  void* arena;
  uint64_t arena_bytes;
  uint64_t seed;
  uint32_t call;
  int32_t threads;
  void (*parallel_for)(void* pool, int64_t units, int32_t threads, CallersBody body, void* data);
  void* pool;
  CallersFault fault;
};

// Of a call, and a copy of it for each unit of work that a thread has.
struct Running {
  Context context;  // what kernels see
  Running* whole;   // the call's own
  CallersContext* callers;
  std::byte* scratch;  // of all threads
  int64_t thread;
  uint32_t lock;  // of what follows: 1 while a thread reports
  // The first fault, where the context has one.
  int64_t site;
  int64_t position;
  int64_t bits;
};

// A kernel that threads share, as the caller's parallel_for passes it on.
struct SharedLoop {
  Running* running;
  Kernel kernel;
  void** arguments;
  int64_t extent;
  int64_t unit;
};

// What an exported function returns.
enum class Status : uint8_t { ok, bad_index, not_finite, other_header, other_state, small_arena, misaligned };

// Of memory that the caller passes.
inline constexpr uint64_t kCallersAlignment = 64;

}  // namespace sinter::cpu
