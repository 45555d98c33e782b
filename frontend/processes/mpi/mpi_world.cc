#include <sinter/processes/mpi.h>

#include "runtime/collectives/launcher.h"
#include "runtime/collectives/mpi/mpi_transport.h"

namespace sinter {

std::shared_ptr<Communicator> mpi_world() {
  static const std::shared_ptr<Communicator> world =
      runtime::launched_ranks() ? std::make_shared<Communicator>(runtime::mpi_transport())
                                : std::make_shared<Communicator>();
  return world;
}

}  // namespace sinter
