#include "frontend/calls/shared_state.h"

namespace sinter {

void SharedState::begin(std::unique_ptr<runtime::StateStore> store, uint64_t seed, bool is_written) {
  store_ = std::move(store);
  seed_ = seed;
  is_written_ = is_written;
}

void SharedState::start_profile() {
  const std::lock_guard<std::mutex> lock(profile_mutex_);
  profile_ = std::make_unique<runtime::Profile>();
  is_profiled_ = true;
}

bool SharedState::run_profiled(const runtime::Executable& executable, runtime::Context& context,
                               runtime::Call call, runtime::StateStore& store) {
  if (!is_profiled_) return false;
  const std::lock_guard<std::mutex> lock(profile_mutex_);
  call.profile = profile_.get();
  executable.run(context, store, call);
  return true;
}

}  // namespace sinter
