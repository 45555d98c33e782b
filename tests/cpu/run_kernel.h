#pragma once

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backends/cpu/compile/compile.h"
#include "ir/loop/program.h"
#include "runtime/tensor.h"

// Hand-written kernels, compiled and run.
namespace sinter::cpu::test {

using loop::Expr;
using loop::LoopKind;
using loop::ScalarOp;
using loop::Stmt;
using loop::Type;

struct KernelBuilder {
  loop::Kernel kernel{.name = "test kernel"};

  loop::BufferRef argument(Type type, int64_t size, bool written);
  loop::BufferRef input(Type type, int64_t size) { return argument(type, size, false); }
  loop::BufferRef output(Type type, int64_t size) { return argument(type, size, true); }
};

loop::BufferRef local(Type type, int64_t size);

using LoopBody = std::function<Stmt(const Expr& variable)>;
Stmt serial(Expr begin, Expr extent, const LoopBody& body);
Stmt serial(int64_t extent, const LoopBody& body);
Stmt unrolled(int64_t extent, const LoopBody& body);
Stmt parallel(int64_t extent, const LoopBody& body);
Stmt vector(int64_t lanes, const LoopBody& body);
Stmt vector_until(Expr begin, int64_t lanes, Expr limit, const LoopBody& body);

// A program that launches the kernel once: arguments that are not written are its inputs, in order, the
// others its outputs.
loop::Program program_of(const loop::Kernel& kernel);

struct RunOptions {
  int threads = 1;
  uint64_t seed = 0;
  uint32_t step = 0;
  bool keep_denormals = true;  // else what programs do
};

// `arguments[i]` is the memory of the kernel's argument i.
void run(const loop::Kernel& kernel, const std::vector<void*>& arguments, const RunOptions& options = {});
void run(const loop::Program& program, const std::vector<const void*>& inputs,
         const std::vector<void*>& outputs, runtime::StateStore& state, const RunOptions& options = {});

template <typename T>
void* raw(std::vector<T>& values) {
  return values.data();
}

}  // namespace sinter::cpu::test
