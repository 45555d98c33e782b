#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/collectives/communicator.h"
#include "runtime/collectives/local_world.h"

namespace sinter::runtime {

// Runs `work` on each rank of a world of threads; what each threw, or "".
inline std::vector<std::string> on_all_ranks(int ranks, const std::function<void(Communicator&)>& work,
                                             Wire wire = {}) {
  std::vector<std::unique_ptr<Transport>> transports = local_world(ranks, wire);
  std::vector<std::string> thrown(static_cast<size_t>(ranks));
  std::vector<std::thread> threads;
  for (size_t rank = 0; rank < transports.size(); ++rank) {
    threads.emplace_back([&, rank] {
      try {
        Communicator communicator(std::move(transports[rank]));
        work(communicator);
      } catch (const std::exception& error) {
        thrown[rank] = error.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return thrown;
}

}  // namespace sinter::runtime
