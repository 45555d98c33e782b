#pragma once

#include <cstddef>
#include <memory>

#include "backends/cpu/run/context.h"
#include "runtime/collectives/meeting.h"
#include "runtime/executable.h"
#include "runtime/thread_pool.h"

namespace sinter::cpu {

struct Image : runtime::ProgramLayout {
  std::vector<runtime::Meeting> meetings = {};
  size_t scratch_bytes = 0;  // that its kernels need of each thread
  runtime::FloatMode mode = runtime::kFlushDenormals;
  Entry entry = nullptr;
  std::shared_ptr<void> code;  // holds what `entry` points to
};

// Throws RuntimeError where the image is for another rank than `communicator`'s.
std::unique_ptr<runtime::Executable> make_executable(
    Image image, std::shared_ptr<runtime::ThreadPool> pool,
    std::shared_ptr<runtime::Communicator> communicator = nullptr);

}  // namespace sinter::cpu
