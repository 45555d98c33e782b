#pragma once

#include <sinter/processes/communicator.h>

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "runtime/collectives/local_world.h"

namespace sinter::test {

// Lets each rank of a world of threads do `work`; what each threw, or "".
inline std::vector<std::string> on_ranks(
    int ranks, const std::function<void(const std::shared_ptr<Communicator>&)>& work) {
  std::vector<std::unique_ptr<runtime::Transport>> transports = runtime::local_world(ranks);
  std::vector<std::string> thrown(static_cast<size_t>(ranks));
  std::vector<std::thread> threads;
  for (size_t rank = 0; rank < transports.size(); ++rank) {
    threads.emplace_back([&, rank] {
      try {
        work(std::make_shared<Communicator>(std::move(transports[rank])));
      } catch (const std::exception& error) {
        thrown[rank] = error.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return thrown;
}

}  // namespace sinter::test
