#pragma once

#include <fmt/format.h>
#include <sinter/error.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string_view>
#include <utility>
#include <vector>

#include "frontend/base/translate.h"
#include "runtime/executable.h"
#include "runtime/fair_shared_mutex.h"
#include "runtime/passing_readers.h"

namespace sinter {

// What the functions of a program share: their state, the number of its step, and the profile of their calls.
// Once it has been given the store, any number of threads may use it.
class SharedState {
 public:
  // `is_written`: by some function. Where none writes it, readers pass without a lock.
  void begin(std::unique_ptr<runtime::StateStore> store, uint64_t seed, bool is_written);

  bool is_written() const { return is_written_; }
  uint64_t seed() const { return seed_; }
  uint32_t step() const { return step_; }
  uint32_t next_call() { return calls_++; }  // the number of a call that is of no Function
  const runtime::StateStore& store() const { return *store_; }
  runtime::StateStore& store() { return *store_; }

  // What `use` makes of the store and the step, between two calls that write.
  template <typename Use>
  auto reading(Use use) const {
    const auto read = [&] { return translated([&] { return use(std::as_const(*store_), step_.load()); }); };
    if (is_written_) {
      const std::shared_lock<runtime::FairSharedMutex> lock(mutex_);
      return read();
    }
    const std::shared_lock<runtime::PassingReaders> lock(passing_readers_);
    return read();
  }
  // Lets `use` write to the store and the step between two calls.
  template <typename Use>
  void writing(Use use) {
    const std::lock_guard<runtime::FairSharedMutex> lock(mutex_);
    const std::lock_guard<runtime::PassingReaders> none(passing_readers_);
    translated([&] { use(*store_, step_); });
  }

  void start_profile();
  // Whether there is a profile: then the call has run and is in it.
  bool run_profiled(const runtime::Executable& executable, runtime::Context& context, runtime::Call call,
                    runtime::StateStore& store);
  // What `use` makes of the profile. Throws Error that names `what` where none was started.
  template <typename Use>
  auto with_profile(std::string_view what, Use use) const {
    const std::lock_guard<std::mutex> lock(profile_mutex_);
    if (profile_ == nullptr) throw Error(fmt::format("{}: start the profile first", what));
    return translated([&] { return use(std::as_const(*profile_)); });
  }
  // How long kernels took; empty where no profile was started.
  std::vector<runtime::KernelTime> kernel_times() const {
    const std::lock_guard<std::mutex> lock(profile_mutex_);
    return profile_ == nullptr ? std::vector<runtime::KernelTime>() : profile_->times();
  }

 private:
  bool is_written_ = false;
  uint64_t seed_ = 0;
  mutable runtime::FairSharedMutex mutex_;
  mutable runtime::PassingReaders passing_readers_;
  std::unique_ptr<runtime::StateStore> store_;
  std::atomic<uint32_t> step_ = 0;
  std::atomic<uint32_t> calls_ = 0;
  mutable std::mutex profile_mutex_;  // taken last; calls that are profiled run one after the other
  std::atomic<bool> is_profiled_ = false;
  std::unique_ptr<runtime::Profile> profile_;
};

}  // namespace sinter
