#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/collectives/collective.h"
#include "runtime/collectives/head.h"
#include "runtime/collectives/transport.h"

namespace sinter::runtime {

class Service;
struct Job;

// One rank of those that take part in a step. All ranks call the same, in the same order, which one thread of
// each process carries out beside it: it alone uses the transport, adds along the tree, and lets the others
// know that this process lives. A rank that has ended, does something else or has not answered for 2.5 s is a
// failure on all ranks: their calls throw RuntimeError that names it. A process that makes no call, or goes
// on after one has thrown, is ended a second later.
class Communicator {
 public:
  Communicator();                                               // one rank, this
  explicit Communicator(std::unique_ptr<Transport> transport);  // throws what opening it does
  // Waits until all others have come as far: their processes must live until then. Where an exception is what
  // ends it, or something that has begun has not ended, it is a failure of this rank.
  ~Communicator();
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }

  // Begins a collective and returns at once. operands[i] and results[i] are those of part i, null where this
  // rank gives or gets none; a result may be its operand where that is one piece. They, and `collective`,
  // stay as they are until the end.
  uint64_t begin(const Collective& collective, std::span<const void* const> operands,
                 std::span<void* const> results, const CallMarks& marks, const CollectiveFault& fault);
  // Waits for it; the first fault of all ranks. In the order of begins. When this throws, what began is not
  // touched any more.
  CollectiveFault end(uint64_t ticket);

  // Every rank's text, by rank, whole. `what` is the same on all.
  std::vector<std::string> exchange(std::string_view what, const std::string& text);

  // Says why this rank ends: the others' calls throw "rank 1 ended: WHY". After a failure of another,
  // nothing. What is to be printed of it, by the first rank that still answers; "" on the others.
  std::string fail(std::string_view why);

 private:
  uint64_t begin(const Collective& collective, uint64_t what, std::span<const void* const> operands,
                 std::span<void* const> results, const CallMarks& marks, const CollectiveFault& fault);

  int rank_ = 0;
  int size_ = 1;
  std::unique_ptr<Service> service_;  // none: a rank alone, which works in begin
  std::mutex mutex_;
  std::deque<std::shared_ptr<Job>> begun_;
  uint64_t first_ = 0;  // ticket of the first of these
  int exceptions_;      // that were under way when this was made
};

}  // namespace sinter::runtime
