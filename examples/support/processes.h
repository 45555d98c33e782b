#pragma once

#include <sinter/processes/communicator.h>
#ifdef SINTER_MPI
#include <sinter/processes/mpi.h>
#endif

#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

namespace examples {

using Processes = std::shared_ptr<sinter::Communicator>;

// All that mpirun has started together, or this one alone. Throws sinter::Error where it has started several,
// and the program is linked without sinter::mpi.
inline Processes all_processes() {
#ifdef SINTER_MPI
  return sinter::mpi_world();
#else
  return std::make_shared<sinter::Communicator>();
#endif
}

// The one that prints and writes files.
inline bool is_first(const Processes& processes) {
  return processes == nullptr || processes->rank() == 0;
}

// A mistake in the command line.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// What main does, and its status: `work` among all processes, of which the first alone has a stdout. What it
// throws ends them all, and is told by one.
int run(const std::string& program, const std::function<Processes()>& all,
        const std::function<void(const Processes&)>& work);

// Throws sinter::Error that names the option where the batch cannot be shared.
void check_micro_batches(int64_t micro_batches, int64_t batch, const Processes& processes);

}  // namespace examples
