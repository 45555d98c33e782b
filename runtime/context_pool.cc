#include "runtime/context_pool.h"

namespace sinter::runtime {
namespace {

constexpr size_t kPlacesInALine = 8;

// Where a thread begins to look. Each has a cache line to itself where there are few, and gets back the
// context that it had before.
size_t first_place() {
  static std::atomic<size_t> threads = 0;
  thread_local const size_t place = threads++ * kPlacesInALine;
  return place;
}

}  // namespace

ContextPool::~ContextPool() {
  for (std::atomic<Context*>& place : idle_) delete place.load();
}

ContextPool::Lease ContextPool::take() {
  for (size_t i = 0; i < kKept; ++i) {
    std::atomic<Context*>& place = idle_[(first_place() + i) % kKept];
    if (place.load(std::memory_order_relaxed) == nullptr) continue;
    if (Context* found = place.exchange(nullptr)) return {*this, std::unique_ptr<Context>(found)};
  }
  return {*this, executable_.make_context()};
}

void ContextPool::give_back(std::unique_ptr<Context> context) {
  for (size_t i = 0; i < kKept; ++i) {
    std::atomic<Context*>& place = idle_[(first_place() + i) % kKept];
    Context* nothing = nullptr;
    if (place.load(std::memory_order_relaxed) != nullptr) continue;
    if (!place.compare_exchange_strong(nothing, context.get())) continue;
    context.release();
    return;
  }
}

}  // namespace sinter::runtime
