#include "frontend/program/ranks.h"

#include <fmt/format.h>
#include <sinter/error.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "backends/backend.h"
#include "frontend/base/translate.h"
#include "frontend/processes/communicator.h"
#include "ir/graph/text/text.h"
#include "runtime/collectives/collective.h"
#include "runtime/file.h"

namespace sinter {
std::shared_ptr<runtime::Communicator> ranks_of(const std::shared_ptr<Communicator>& communicator) {
  if (communicator == nullptr) return nullptr;
  return {communicator, &communicator->state().communicator};
}

uint64_t identity_of(const graph::Module& module) {
  return runtime::checksum(graph::print(module, {.locations = false})) | 1;
}

namespace {

// The first of the mistakes that ranks have made; none where they agree.
std::optional<std::string> disagreement(const std::string& what, const std::vector<std::string>& all) {
  using Facts = std::map<std::string, uint64_t>;
  const Facts first = nlohmann::json::parse(all[0]);
  for (size_t rank = 1; rank < all.size(); ++rank) {
    if (all[rank] == all[0]) continue;
    const Facts other = nlohmann::json::parse(all[rank]);
    for (const auto& [name, hash] : first) {
      const auto found = other.find(name);
      if (found == other.end())
        return fmt::format("{}: rank {} has no {}, which rank 0 has", what, rank, name);
      if (found->second != hash)
        return fmt::format("{}: rank {} has another {} than rank 0", what, rank, name);
    }
    for (const auto& [name, hash] : other) {
      if (!first.contains(name))
        return fmt::format("{}: rank {} has {}, which rank 0 has not", what, rank, name);
    }
  }
  return {};
}

}  // namespace

void check_agreement(const Communicator& communicator, const std::string& what,
                     const std::map<std::string, uint64_t>& facts) {
  const std::vector<std::string> all = translated(
      [&] { return communicator.state().communicator.exchange(what, nlohmann::json(facts).dump()); });
  if (const auto mistake = disagreement(what, all)) throw Error(*mistake);
}

void gather_states(const Communicator& communicator, const passes::Owners& owners,
                   const std::deque<StateEntry>& entries, Snapshot& snapshot) {
  std::string own;
  for (const StateEntry& entry : entries) {
    const auto owner = owners.find(entry.name);
    if (owner == owners.end() || owner->second != communicator.rank()) continue;
    const runtime::HostTensor& tensor = snapshot.states.at(entry.name).host();
    own.append(static_cast<const char*>(tensor.raw()), tensor.bytes());
  }
  const std::vector<std::string> all =
      translated([&] { return communicator.state().communicator.exchange("snapshot", own); });
  std::vector<size_t> taken(all.size());
  for (const StateEntry& entry : entries) {
    const auto owner = owners.find(entry.name);
    if (owner == owners.end()) continue;
    const auto rank = static_cast<size_t>(owner->second);
    Array array(entry.dtype, entry.shape);
    const runtime::HostTensor& tensor = array.host();
    const auto* from = all[rank].data() + taken[rank];
    taken[rank] += tensor.bytes();
    if (rank == static_cast<size_t>(communicator.rank())) continue;
    std::memcpy(const_cast<void*>(tensor.raw()), from, tensor.bytes());
    snapshot.states[entry.name] = std::move(array);
  }
}

std::string explain_ranks(const loop::Program& program) {
  if (program.collectives.empty()) return "";
  const std::vector<runtime::Meeting> meetings = backends::to_meetings(program);
  const int rank = meetings[0].rank, ranks = meetings[0].ranks;
  int64_t messages = 0, bytes = 0;
  std::string lines;
  for (size_t i = 0; i < meetings.size(); ++i) {
    const runtime::Collective& collective = meetings[i].collective;
    const int64_t messages_each = runtime::messages_sent(collective, ranks, rank);
    const int64_t bytes_each = runtime::bytes_sent(collective, ranks, rank);
    lines += fmt::format("  {} of {} tensor{}: {} messages, {} bytes\n",
                         graph::name(program.collectives[i].op), collective.parts.size(),
                         collective.parts.size() == 1 ? "" : "s", messages_each, bytes_each);
    messages += messages_each;
    bytes += bytes_each;
  }
  return fmt::format("rank {} of {} sends a call: {} messages, {} bytes\n{}", rank, ranks, messages, bytes,
                     lines);
}

void by_first_rank(const Communicator& communicator, const std::string& what,
                   const std::function<void()>& work) {
  std::string error;
  if (communicator.rank() == 0) {
    try {
      work();
    } catch (const Error& thrown) {
      error = thrown.what();
    }
  }
  const std::vector<std::string> all =
      translated([&] { return communicator.state().communicator.exchange(what, error); });
  if (!all[0].empty()) throw Error(all[0]);
}

}  // namespace sinter
