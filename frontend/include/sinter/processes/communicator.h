#pragma once

#include <sinter/export.h>

#include <memory>
#include <string>
#include <string_view>

namespace sinter::runtime {
class Transport;
}

namespace SINTER_EXPORT sinter {

// The processes that take part in a step together: CompileOptions::communicator. This one is the one of the
// number `rank`. All run the same program, with the same data.
//
//   std::shared_ptr<Communicator> all = mpi_world();  // <sinter/processes/mpi.h>
//   program.compile({.communicator = all});
//   if (all->rank() == 0) ...                         // print, save
//
// A process that ends, does something else or does not answer is an Error in all others, in a call of the
// program: it names the rank. A process that does not come to such a call is ended. Let it be the last that
// is dropped: that waits until all ranks have come as far.
class Communicator {
 public:
  // This process alone. Throws Error where it is one of several that mpirun has started, for which Sinter has
  // not been built or is not asked.
  Communicator();
  explicit Communicator(std::unique_ptr<runtime::Transport> transport);  // what mpi_world uses
  ~Communicator();
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  int rank() const;
  int size() const;

  // Says why this process ends before its time, a file that it does not find, say, or what a call has thrown:
  // the others' calls throw "rank 1 ended: WHY". What is to be printed, so that one process does: the first
  // that still answers; "" on the others.
  std::string fail(std::string_view why);

  struct State;
  State& state() const { return *state_; }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace sinter
