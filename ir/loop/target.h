#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sinter::loop {

// What passes and schedules need to know of a machine: a value that a device fills in.
struct Target {
  enum class Style : uint8_t { threads, workgroups };

  Style style = Style::threads;
  std::string description;

  // Of a machine with threads.
  int64_t vector_bytes = 32;
  int64_t vector_registers = 16;
  int64_t l1_bytes = 32 << 10;
  int64_t l2_bytes = 512 << 10;
  int64_t l3_bytes = 16 << 20;

  // Of both: how much of a kernel one iteration of its parallel loop is.
  int64_t unit_elements = 8192;      // elements that are worth handing out
  int64_t unit_vectors = 2;          // vectors that elementwise work keeps in flight
  int64_t local_bytes = 1024 << 10;  // memory of its own

  // Of arithmetic in f32.
  bool has_fma = true;         // one instruction, rounded once
  bool exact_division = true;  // division and square root are correctly rounded; else within 2.5 ulp

  // Of a machine with workgroups.
  int64_t subgroup_size = 1;
  bool subgroup_arithmetic = false;  // in subgroups of just that size
  int64_t shared_bytes = 0;
  bool has_fast_shared = false;  // faster than other memory: what is read often is staged there
  int64_t max_workgroup_size = 1;
  int64_t max_workgroups = 1;
  // Of all loops of one invocation together, as most_iterations() counts them.
  int64_t max_iterations = INT64_MAX;

  // Of memory: what a kernel may bind, and how. Besides tensors it binds one buffer where it knows of its
  // call, as random numbers and checks do, and one where it knows of faults, as checks and writes of state
  // do.
  int64_t max_buffers = 1 << 30;
  int64_t max_buffer_bytes = INT64_MAX;
  int64_t buffer_alignment = 64;
  bool has_f64 = true;
  bool has_i64 = true;
};

}  // namespace sinter::loop
