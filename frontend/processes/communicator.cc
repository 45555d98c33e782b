#include "frontend/processes/communicator.h"

#include <fmt/format.h>
#include <sinter/error.h>

#include <optional>
#include <string>
#include <utility>

#include "frontend/base/translate.h"
#include "runtime/collectives/launcher.h"

namespace sinter {

Communicator::Communicator() {
  if (const std::optional<int> launched = runtime::launched_ranks(); launched && *launched != 1) {
    const std::string ranks = *launched == 0 ? "several" : std::to_string(*launched);
    throw Error(
        fmt::format("this process is one of {} that mpirun has started, but works without MPI: install "
                    "libopenmpi-dev or libmpich-dev, configure Sinter with SINTER_MPI, and link sinter::mpi",
                    ranks));
  }
  state_ = std::make_unique<State>();
}

Communicator::Communicator(std::unique_ptr<runtime::Transport> transport)
    : state_(translated(
          [&] { return std::unique_ptr<State>(new State{runtime::Communicator(std::move(transport))}); })) {}

Communicator::~Communicator() = default;

int Communicator::rank() const {
  return state_->communicator.rank();
}

int Communicator::size() const {
  return state_->communicator.size();
}

std::string Communicator::fail(std::string_view why) {
  return state_->communicator.fail(why);
}

}  // namespace sinter
