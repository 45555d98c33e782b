#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace sinter {

// Items 0, 1, 2, ... of a sequence, some of them made by threads before they are asked for. They come in
// order, however many threads there are.
template <typename Item>
class Prefetch {
 public:
  using Make = std::function<Item(int64_t number)>;  // several at once

  Prefetch(int64_t first, int threads, int64_t ahead, Make make)
      : make_(std::move(make)), ahead_(ahead), next_(first), unclaimed_(first) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  }
  Prefetch(const Prefetch&) = delete;
  Prefetch& operator=(const Prefetch&) = delete;
  ~Prefetch() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      is_over_ = true;
    }
    wanted_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  int64_t next() const { return next_; }  // for who takes

  // Throws what making it threw, each time it is asked for.
  Item take() {
    if (threads_.empty()) {
      Item item = make_(next_);
      ++next_;
      return item;
    }
    std::unique_lock<std::mutex> lock(mutex_);
    made_one_.wait(lock, [&] { return made_.contains(next_); });
    Made& made = made_.at(next_);
    if (made.error) std::rethrow_exception(made.error);
    Item item = *std::move(made.item);
    made_.erase(next_++);
    lock.unlock();
    wanted_.notify_all();
    return item;
  }

 private:
  struct Made {
    std::optional<Item> item;
    std::exception_ptr error;
  };

  void work() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      wanted_.wait(lock, [&] { return is_over_ || unclaimed_ < next_ + ahead_; });
      if (is_over_) return;
      const int64_t number = unclaimed_++;
      lock.unlock();
      Made made;
      try {
        made.item = make_(number);
      } catch (...) {
        made.error = std::current_exception();
      }
      lock.lock();
      made_.emplace(number, std::move(made));
      made_one_.notify_all();
    }
  }

  Make make_;
  int64_t ahead_;
  std::mutex mutex_;
  std::condition_variable wanted_, made_one_;
  std::map<int64_t, Made> made_;
  int64_t next_;       // to be taken; written by who takes, with the mutex
  int64_t unclaimed_;  // to be made
  bool is_over_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sinter
