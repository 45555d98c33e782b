#pragma once

#include <cstdint>
#include <span>

#include "ir/graph/graph.h"
#include "runtime/tensor.h"

// What each primitive computes: a function an op, of the op's name. Obviously right comes before fast.
// What adds up floats (reduce_sum, contract, cumsum, fold, scatter_add) does so in f64, one term after the
// other in row-major order, and rounds once; integers wrap around.
namespace sinter::reference {

struct Invocation {
  const graph::Op& op;
  std::span<const runtime::HostTensor> in;
  std::span<runtime::HostTensor> out;  // allocated, zero
  uint64_t seed;
  uint32_t step;

  const graph::Attributes& attributes() const { return op.attributes; }
};

using Kernel = void (*)(const Invocation&);

// Thrown by kernels, told to the user by the interpreter, which knows the names of things.
struct IndexFault {
  size_t operand;
  int64_t position;
  int64_t value;
  int64_t bound;
};

struct FiniteFault {
  int64_t position;
  double value;
};

namespace kernels {
#define SINTER_KERNEL_source(name) void name(const Invocation& i);
#define SINTER_KERNEL_elementwise(name) void name(const Invocation& i);
#define SINTER_KERNEL_reduction(name) void name(const Invocation& i);
#define SINTER_KERNEL_contraction(name) void name(const Invocation& i);
#define SINTER_KERNEL_view(name) void name(const Invocation& i);
#define SINTER_KERNEL_data(name) void name(const Invocation& i);
#define SINTER_KERNEL_check(name) void name(const Invocation& i);
#define SINTER_KERNEL_control(name)
#define SINTER_KERNEL_collective(name)
#define SINTER_KERNEL_composite(name)
#define SINTER_OP(name, least, most, kind, ...) SINTER_KERNEL_##kind(name)
#include "ir/graph/ops.def"
#undef SINTER_OP
}  // namespace kernels

}  // namespace sinter::reference
