#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>

#include "runtime/executable.h"

namespace sinter::runtime {

// Contexts of one executable for calls that have none of their own. Any number of threads may take one at
// once: no call gets one that another has, and none waits. As many are kept as calls were under way at once,
// kKept at most.
class ContextPool {
 public:
  explicit ContextPool(const Executable& executable) : executable_(executable) {}
  ~ContextPool();
  ContextPool(const ContextPool&) = delete;
  ContextPool& operator=(const ContextPool&) = delete;

  // A context for one call, which goes back when this does.
  class Lease {
   public:
    Lease(ContextPool& pool, std::unique_ptr<Context> context) : pool_(pool), context_(std::move(context)) {}
    ~Lease() { pool_.give_back(std::move(context_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    Context& operator*() const { return *context_; }

   private:
    ContextPool& pool_;
    std::unique_ptr<Context> context_;
  };
  Lease take();  // makes one where none is left

  static constexpr size_t kKept = 64;

 private:
  void give_back(std::unique_ptr<Context> context);

  const Executable& executable_;
  alignas(64) std::array<std::atomic<Context*>, kKept> idle_{};  // null: a place to put one
};

}  // namespace sinter::runtime
