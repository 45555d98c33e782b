#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backends/backend.h"
#include "ir/graph/graph.h"
#include "passes/options.h"
#include "runtime/disk_cache.h"
#include "runtime/thread_pool.h"
#include "tests/fuzz/programs/program.h"

namespace sinter::fuzz {

// Where programs run besides the CPU.
struct Where {
  bool vulkan = false;
  // Loops for GPUs that need not be at hand, in the interpreter; the shaders of one are compiled.
  bool loops = false;
};

// Holds programs against the reference: on the CPU fused and not, and, the same code, on 1, 2 and 7 threads,
// which must give the same bits; elsewhere where it is asked for.
class Checker {
 public:
  explicit Checker(const Where& where);

  // What is wrong with a module whose kFunction is run, "" where nothing is: "cpu, fused: output 1 [3] is
  // ...".
  std::string fault(const graph::Module& module);
  // The same of both modules of a program, which must agree with each other too.
  std::string fault(const Program& program);

  int64_t refused() const { return refused_; }  // programs that a GPU has no types for

 private:
  std::string on_cpu(const graph::Module& module, const graph::Module& expanded,
                     const passes::Options& options);
  std::string on_gpu(const graph::Module& module, const graph::Module& expanded, const backends::Device& gpu);
  std::string shaders(const graph::Module& module);

  std::unique_ptr<backends::Device> cpu_, compiled_for_;
  std::vector<std::pair<std::string, std::unique_ptr<backends::Device>>> gpus_;  // with what they are called
  std::shared_ptr<runtime::ThreadPool> pools_[3];
  runtime::DiskCache cache_;
  int64_t refused_ = 0;
};

}  // namespace sinter::fuzz
