#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

namespace sinter::loop {

// What passes and schedules need to know of a machine: a value that a device fills in. Its fields are the
// rows of target.def; what follows from its kind are questions to it.
struct Target {
  enum class Kind : uint8_t {
    cpu,         // threads, which work on vectors
    gpu,         // workgroups of invocations
    gpu_on_cpu,  // the same to look at, executed by a processor
  };

#define SINTER_TARGET_FIELD(type, name, value, what) type name = value;
#include "ir/loop/target.def"
#undef SINTER_TARGET_FIELD

  bool operator==(const Target&) const = default;

  // Whether kernels are workgroups of invocations, each of which has one lane; else threads with vectors.
  bool has_workgroups() const {
    return kind != Kind::cpu;
  }
  // Whether shared memory is faster than other memory: what is read often is staged there.
  bool has_fast_shared() const {
    return kind == Kind::gpu;
  }
  // Whether parts of a kernel may be dispatches, with lanes and shared memory of their own. (A driver that
  // computes on a processor waits for all of a dispatch before the next one begins.)
  bool dispatches_parts() const {
    return kind == Kind::gpu;
  }
  // Whether a subgroup is a vector of a processor: lanes side by side share what is the same in all.
  bool has_subgroup_vectors() const {
    return kind == Kind::gpu_on_cpu && subgroup_size > 1;
  }
  // Elements of so many bytes that a vector holds; f32 where none are named.
  int64_t lanes(int64_t element_bytes = 4) const {
    return has_workgroups() ? 1 : std::max<int64_t>(1, vector_bytes / element_bytes);
  }
  // Elements that one iteration of a parallel loop should have at least.
  int64_t elements_a_unit() const {
    return has_workgroups() ? 1 : unit_elements;
  }
  // Whether a fused multiply-add is a product and a sum; a GPU's compiler sees to that itself.
  bool splits_fma() const {
    return !has_fma && !has_workgroups();
  }
  bool has_iteration_limit() const {
    return max_iterations < INT64_MAX;
  }
};

// All fields in a line, for keys: equal for equal targets alone.
std::string identity(const Target& target);
// All fields, a line each, with what they are.
std::string print(const Target& target);

}  // namespace sinter::loop
