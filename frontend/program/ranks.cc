#include "frontend/program/ranks.h"

#include <fmt/format.h>
#include <sinter/error.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "frontend/base/translate.h"
#include "frontend/processes/communicator.h"
#include "ir/graph/text/text.h"
#include "runtime/file.h"

namespace sinter {
std::shared_ptr<runtime::Communicator> ranks_of(const std::shared_ptr<Communicator>& communicator) {
  if (communicator == nullptr) return nullptr;
  return {communicator, &communicator->state().communicator};
}

uint64_t identity_of(const graph::Module& module) {
  return runtime::checksum(graph::print(module, {.locations = false})) | 1;
}

void check_agreement(const Communicator& communicator, const std::string& what,
                     const std::map<std::string, uint64_t>& facts) {
  const std::vector<std::string> all = translated(
      [&] { return communicator.state().communicator.exchange(what, nlohmann::json(facts).dump()); });
  using Facts = std::map<std::string, uint64_t>;
  const Facts first = nlohmann::json::parse(all[0]);
  for (size_t rank = 1; rank < all.size(); ++rank) {
    if (all[rank] == all[0]) continue;
    const Facts other = nlohmann::json::parse(all[rank]);
    for (const auto& [name, hash] : first) {
      const auto found = other.find(name);
      if (found == other.end())
        throw Error(fmt::format("{}: rank {} has no {}, which rank 0 has", what, rank, name));
      if (found->second != hash)
        throw Error(fmt::format("{}: rank {} has another {} than rank 0", what, rank, name));
    }
    for (const auto& [name, hash] : other) {
      if (!first.contains(name))
        throw Error(fmt::format("{}: rank {} has {}, which rank 0 has not", what, rank, name));
    }
  }
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
