#pragma once

// Of the target sinter::mpi, which is there where Sinter was built with MPI.
#include <sinter/export.h>
#include <sinter/processes/communicator.h>

#include <memory>

namespace SINTER_EXPORT sinter {

// All processes that mpirun has started, or this one alone where it was started without: MPI is then left
// alone. The same for every call, until the process ends. A thread of its own initialises MPI and makes all
// calls of it; a program that uses MPI too initialises it first, with MPI_THREAD_MULTIPLE. Throws Error where
// the mpirun is that of another MPI.
std::shared_ptr<Communicator> mpi_world();

}  // namespace sinter
