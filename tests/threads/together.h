#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace sinter {

// Calls `actions` at once, each on a thread of its own, `times` over; gives what the first one to fail said,
// "" where none did.
inline std::string together(const std::vector<std::function<void()>>& actions, int times) {
  std::atomic<size_t> waiting = actions.size();
  std::vector<std::string> messages(actions.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < actions.size(); ++i) {
    threads.emplace_back([&, i] {
      --waiting;
      while (waiting != 0) std::this_thread::yield();
      try {
        for (int turn = 0; turn < times; ++turn) actions[i]();
      } catch (const std::exception& error) {
        messages[i] = error.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& message : messages) {
    if (!message.empty()) return message;
  }
  return "";
}

}  // namespace sinter
