#include "runtime/share_out.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace sinter::runtime {
namespace {

class Sharing {
 public:
  Sharing(size_t count, const std::function<Worker()>& make_worker)
      : count_(count), make_worker_(make_worker) {}

  // What was taken is worked on even where a later item has failed meanwhile, so that the first failure is
  // the same each time.
  void take() {
    size_t item = 0;
    try {
      const Worker work = make_worker_();
      while (!has_failed_ && (item = next_.fetch_add(1)) < count_) work(item);
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!has_failed_ || item < failed_) {
        failed_ = item;
        error_ = std::current_exception();
      }
      has_failed_ = true;
    }
  }

  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  const size_t count_;
  const std::function<Worker()>& make_worker_;
  std::atomic<size_t> next_ = 0;
  std::atomic<bool> has_failed_ = false;
  std::mutex mutex_;
  size_t failed_ = 0;
  std::exception_ptr error_;
};

}  // namespace

void share_out(size_t count, int threads, const std::function<Worker()>& make_worker) {
  if (count == 0) return;
  Sharing sharing(count, make_worker);
  {
    std::vector<std::jthread> others;
    const size_t workers = std::min(count, static_cast<size_t>(std::max(threads, 1)));
    for (size_t i = 1; i < workers; ++i) others.emplace_back([&] { sharing.take(); });
    sharing.take();
  }
  sharing.rethrow();
}

}  // namespace sinter::runtime
