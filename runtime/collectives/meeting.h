#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <vector>

#include "runtime/collectives/communicator.h"

namespace sinter::runtime {

// A collective of a compiled program, as one of its ranks has it: where the parts lie.
struct Meeting {
  struct Place {
    static constexpr size_t kNone = SIZE_MAX;  // the slot of a part that the rank neither gives nor gets

    size_t slot = kNone;
    int64_t offset = 0;  // bytes
  };

  Collective collective;
  int rank = 0, ranks = 1;
  std::vector<Place> operands, results;  // by part

  int64_t operand_bytes(size_t part) const;  // of all pieces that the rank gives
  int64_t result_bytes(size_t part) const;
};

// Throws RuntimeError where the meetings are for a rank that `communicator`, null for a process alone, is
// not.
void check_meetings(const std::vector<Meeting>& meetings, const Communicator* communicator);

// The meetings of a program, one call of it at a time. Nothing is thrown before the call ends, since it comes
// through code that knows no exceptions: once a meeting has failed, the rest of the call's do nothing.
class Meetings {
 public:
  // Both must outlive it; without a `communicator`, the process is a rank alone.
  Meetings(const std::vector<Meeting>& meetings, Communicator* communicator);

  void start(const CallMarks& marks);
  // `at` says where a Place lies; operands and results stay there until end.
  template <typename At>
  void begin(size_t number, const CollectiveFault& fault, At at) {
    const Meeting& meeting = (*meetings_)[number];
    Pointers& pointers = pointers_[number];
    for (size_t i = 0; i < meeting.operands.size(); ++i) {
      pointers.operands[i] = address(meeting.operands[i], at);
      pointers.results[i] = address(meeting.results[i], at);
    }
    begin(number, fault);
  }
  // The ranks' first fault. Where the meeting fails, one with a site that is none, kNoMeeting.
  CollectiveFault end(size_t number);
  static constexpr int64_t kNoMeeting = INT64_MAX;
  bool has_failed() const { return error_ != nullptr; }
  // What a meeting has thrown.
  void rethrow() const;

 private:
  struct Pointers {
    std::vector<const void*> operands;
    std::vector<void*> results;
    uint64_t ticket = 0;
  };
  template <typename At>
  static void* address(const Meeting::Place& place, At at) {
    return place.slot == Meeting::Place::kNone ? nullptr : at(place);
  }
  void begin(size_t number, const CollectiveFault& fault);

  const std::vector<Meeting>* meetings_;
  std::unique_ptr<Communicator> alone_;
  Communicator* communicator_;
  std::vector<Pointers> pointers_;
  CallMarks marks_;
  std::exception_ptr error_;
};

}  // namespace sinter::runtime
