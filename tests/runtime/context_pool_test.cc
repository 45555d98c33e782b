#include "runtime/context_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace sinter::runtime {
namespace {

struct Counted final : Context {
  std::atomic<int> users = 0;
};

class Maker final : public Executable {
 public:
  const std::vector<TensorSpec>& inputs() const override { return none_; }
  const std::vector<TensorSpec>& outputs() const override { return none_; }
  std::unique_ptr<Context> make_context() const override {
    ++made;
    return std::make_unique<Counted>();
  }
  void run(Context& context, StateStore&, const Call&) const override {
    auto& counted = dynamic_cast<Counted&>(context);
    if (++counted.users != 1) ++shared;
    --counted.users;
  }

  mutable std::atomic<int> made = 0;
  mutable std::atomic<int> shared = 0;

 private:
  std::vector<TensorSpec> none_;
};

TEST(ContextPool, NoTwoCallsHaveOneContext) {
  const Maker maker;
  ContextPool pool(maker);
  HostState state({});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < 2000; ++turn) {
        const auto context = pool.take();
        maker.run(*context, state, {});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(maker.shared, 0);
  EXPECT_LE(maker.made, 4);
}

TEST(ContextPool, KeepsWhatFits) {
  const Maker maker;
  ContextPool pool(maker);
  for (int round = 0; round < 2; ++round) {
    std::vector<std::unique_ptr<ContextPool::Lease>> leases;
    for (size_t i = 0; i < ContextPool::kKept + 2; ++i) {
      leases.push_back(std::unique_ptr<ContextPool::Lease>(new ContextPool::Lease(pool.take())));
    }
  }
  EXPECT_EQ(maker.made, static_cast<int>(ContextPool::kKept) + 4);
}

}  // namespace
}  // namespace sinter::runtime
