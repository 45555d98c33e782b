#include "runtime/collectives/communicator.h"

#include <cstddef>
#include <exception>
#include <stdexcept>
#include <utility>

#include "runtime/collectives/service.h"
#include "runtime/collectives/transfer.h"
#include "runtime/error.h"
#include "runtime/file.h"

namespace sinter::runtime {

Communicator::Communicator() : exceptions_(std::uncaught_exceptions()) {}

Communicator::Communicator(std::unique_ptr<Transport> transport)
    : service_(std::make_unique<Service>(std::move(transport))), exceptions_(std::uncaught_exceptions()) {
  rank_ = service_->rank();
  size_ = service_->size();
}

Communicator::~Communicator() {
  if (service_ == nullptr) return;
  if (std::uncaught_exceptions() > exceptions_) service_->fail("an error");
  if (!begun_.empty()) service_->fail("it left a step in the middle");
}

uint64_t Communicator::begin(const Collective& collective, std::span<const void* const> operands,
                             std::span<void* const> results, const CallMarks& marks,
                             const CollectiveFault& fault) {
  return begin(collective, hash_of(collective), operands, results, marks, fault);
}

uint64_t Communicator::begin(const Collective& collective, uint64_t what,
                             std::span<const void* const> operands, std::span<void* const> results,
                             const CallMarks& marks, const CollectiveFault& fault) {
  auto job = std::make_shared<Job>();
  job->collective = &collective;
  job->data = {{operands.begin(), operands.end()}, {results.begin(), results.end()}};
  job->head = {what, marks, fault};
  const std::lock_guard lock(mutex_);
  if (size_ == 1) {
    fold_alone(collective, job->data);
    job->fault = fault;
    job->is_done = true;
  } else {
    service_->begin(job);
  }
  begun_.push_back(std::move(job));
  return first_ + begun_.size() - 1;
}

CollectiveFault Communicator::end(uint64_t ticket) {
  std::shared_ptr<Job> job;
  {
    const std::lock_guard lock(mutex_);
    if (begun_.empty() || ticket != first_)
      throw std::logic_error("collectives end in the order of their begins");
    job = std::move(begun_.front());
    begun_.pop_front();
    ++first_;
  }
  if (size_ > 1) service_->wait(*job);
  return job->fault;
}

// The texts' sizes, then the texts, as gatherings of bytes. A rank that fails lets go of what it is sending:
// who comes to the third has sent its own whole.
std::vector<std::string> Communicator::exchange(std::string_view what, const std::string& text) {
  const size_t ranks = static_cast<size_t>(size_);
  const auto gather = [&](const Collective& collective, const void* own, std::span<void* const> results) {
    std::vector<const void*> operands(ranks);
    operands[static_cast<size_t>(rank_)] = own;
    end(begin(collective, checksum(what, hash_of(collective)), operands, results, {}, {}));
  };
  Collective sizes{Collective::Kind::all_gather}, bytes{Collective::Kind::all_gather};
  std::vector<int64_t> lengths(ranks);
  std::vector<void*> results;
  for (int rank = 0; rank < size_; ++rank) {
    sizes.parts.push_back({DType::i64, 1, rank});
    results.push_back(&lengths[static_cast<size_t>(rank)]);
  }
  const int64_t length = static_cast<int64_t>(text.size());
  gather(sizes, &length, results);

  std::vector<std::string> texts(ranks);
  for (int rank = 0; rank < size_; ++rank) {
    const size_t i = static_cast<size_t>(rank);
    bytes.parts.push_back({DType::boolean, lengths[i], rank});
    texts[i].resize(static_cast<size_t>(lengths[i]));
    results[i] = texts[i].data();
  }
  gather(bytes, text.data(), results);
  gather({Collective::Kind::all_gather}, nullptr, {});
  return texts;
}

std::string Communicator::fail(std::string_view why) {
  return size_ > 1 ? service_->fail(why) : std::string(why);
}

}  // namespace sinter::runtime
