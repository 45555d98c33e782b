#pragma once

#include <sinter/array.h>

#include <memory>
#include <vector>

#include "runtime/context_pool.h"
#include "runtime/executable.h"

namespace sinter {

// The code of a function, and what is read of it at every call.
struct Code {
  explicit Code(std::unique_ptr<runtime::Executable> executable);

  const std::unique_ptr<const runtime::Executable> executable;
  const std::vector<TensorInfo> inputs, outputs;
  runtime::ContextPool contexts;
};

// A copy of what a call has left in the memory of its context, or that memory, to be kept.
Array output_of(runtime::Context& context, const TensorInfo& info, size_t ordinal);

}  // namespace sinter
