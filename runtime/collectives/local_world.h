#pragma once

#include <memory>
#include <vector>

#include "runtime/collectives/transport.h"

namespace sinter::runtime {

// How long a message takes from rank to rank. Each rank sends one message after the other, and receives one
// after the other, in both directions at once.
struct Wire {
  double latency = 0;           // seconds
  double bytes_per_second = 0;  // 0: no limit
};

// Ranks that are threads of this process: for tests and simulation.
std::vector<std::unique_ptr<Transport>> local_world(int ranks, Wire wire = {});

}  // namespace sinter::runtime
