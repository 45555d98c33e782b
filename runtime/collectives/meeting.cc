#include "runtime/collectives/meeting.h"

#include <fmt/format.h>

#include "runtime/collectives/tree.h"
#include "runtime/error.h"

namespace sinter::runtime {

int64_t Meeting::result_bytes(size_t part) const {
  const auto& [dtype, elements, owner] = collective.parts[part];
  return elements * static_cast<int64_t>(size_in_bytes(dtype));
}

int64_t Meeting::operand_bytes(size_t part) const {
  const bool folds = collective.kind != Collective::Kind::all_gather;
  return result_bytes(part) * (folds ? leaves_of(collective.leaves, ranks, rank).pieces() : 1);
}

void check_meetings(const std::vector<Meeting>& meetings, const Communicator* communicator) {
  const int rank = communicator == nullptr ? 0 : communicator->rank();
  const int ranks = communicator == nullptr ? 1 : communicator->size();
  for (const Meeting& meeting : meetings) {
    if (meeting.rank == rank && meeting.ranks == ranks) continue;
    throw RuntimeError(fmt::format("this program is rank {} of {}, and runs as rank {} of {}", meeting.rank,
                                   meeting.ranks, rank, ranks));
  }
}

Meetings::Meetings(const std::vector<Meeting>& meetings, Communicator* communicator)
    : meetings_(&meetings), communicator_(communicator) {
  if (communicator_ == nullptr && !meetings.empty()) {
    alone_ = std::make_unique<Communicator>();
    communicator_ = alone_.get();
  }
  for (const Meeting& meeting : meetings) {
    Pointers& pointers = pointers_.emplace_back();
    pointers.operands.resize(meeting.operands.size());
    pointers.results.resize(meeting.results.size());
  }
}

void Meetings::start(const CallMarks& marks) {
  marks_ = marks;
  error_ = nullptr;
}

void Meetings::begin(size_t number, const CollectiveFault& fault) {
  if (error_ != nullptr) return;
  Pointers& pointers = pointers_[number];
  try {
    pointers.ticket = communicator_->begin((*meetings_)[number].collective, pointers.operands,
                                           pointers.results, marks_, fault);
  } catch (...) {
    error_ = std::current_exception();
  }
}

CollectiveFault Meetings::end(size_t number) {
  if (error_ == nullptr) {
    try {
      return communicator_->end(pointers_[number].ticket);
    } catch (...) {
      error_ = std::current_exception();
    }
  }
  return {kNoMeeting, 0, 0};
}

void Meetings::rethrow() const {
  if (error_ != nullptr) std::rethrow_exception(error_);
}

}  // namespace sinter::runtime
