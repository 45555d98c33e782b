#pragma once

#include <memory>

#include "runtime/collectives/transport.h"

namespace sinter::runtime {

// All processes that MPI has started. One in a process; opening it initialises MPI, unless the program has,
// and closing it ends MPI. Throws RuntimeError where the launcher is another MPI's.
std::unique_ptr<Transport> mpi_transport();

}  // namespace sinter::runtime
