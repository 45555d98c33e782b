// A program of as many processes as are started.
#include <sinter/processes/mpi.h>

#include <cstdio>
#include <memory>

int main() {
  const std::shared_ptr<sinter::Communicator> all = sinter::mpi_world();
  std::printf("rank %d of %d\n", all->rank(), all->size());
}
