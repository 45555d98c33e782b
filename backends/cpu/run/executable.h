#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "backends/cpu/run/context.h"
#include "runtime/executable.h"
#include "runtime/thread_pool.h"

namespace sinter::cpu {

// A piece of memory of a program.
struct Slot {
  enum class Kind : uint8_t { input, output, state, arena, constant };

  Kind kind = Kind::arena;
  size_t ordinal = 0;           // input, output: position in the call. state: in the store
  size_t offset = 0;            // arena: bytes from its start
  std::vector<std::byte> data;  // constant
};

// A check that can fail, and how to tell it.
struct FaultSite {
  enum class Kind : uint8_t { index, finite };

  Kind kind = Kind::index;
  std::string op;
  std::string subject;
  runtime::Shape shape;
  int64_t bound = 0;
  std::string location;
};

// A compiled program.
struct Image {
  std::vector<runtime::TensorSpec> inputs, outputs;
  std::vector<Slot> slots;
  std::vector<FaultSite> faults;
  std::string name;
  std::vector<runtime::KernelInfo> kernels;
  size_t arena_bytes = 0;
  size_t scratch_bytes = 0;  // that its kernels need of each thread
  runtime::FloatMode mode = runtime::kFlushDenormals;
  Entry entry = nullptr;
  std::shared_ptr<void> code;  // holds what `entry` points to
};

std::unique_ptr<runtime::Executable> make_executable(Image image, std::shared_ptr<runtime::ThreadPool> pool);

}  // namespace sinter::cpu
