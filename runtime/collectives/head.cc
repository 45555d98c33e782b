#include "runtime/collectives/head.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <tuple>

namespace sinter::runtime {
namespace {

struct Difference {
  std::string_view verb;
  uint64_t (*of)(const Head&);
};

constexpr Difference kDifferences[] = {
    {"runs another program", [](const Head& head) { return head.what; }},
    {"is at another function or step", [](const Head& head) { return head.marks.program; }},
    {"was given other data", [](const Head& head) { return head.marks.data; }},
};

}  // namespace

std::optional<std::string> disagreement(std::span<const Head> heads) {
  for (const auto& [verb, of] : kDifferences) {
    const auto differs_from = [&](uint64_t value) {
      return std::ranges::find_if(heads, [&](const Head& head) { return of(head) != value; });
    };
    if (differs_from(of(heads[0])) == heads.end()) continue;
    for (const Head& most : heads) {
      const auto agree = std::ranges::count_if(heads, [&](const Head& head) { return of(head) == of(most); });
      if (2 * static_cast<size_t>(agree) > heads.size())
        return fmt::format("rank {} {} than the others", differs_from(of(most)) - heads.begin(), verb);
    }
    return fmt::format("rank {} {} than rank 0", differs_from(of(heads[0])) - heads.begin(), verb);
  }
  return std::nullopt;
}

CollectiveFault first_fault(std::span<const Head> heads) {
  CollectiveFault first;
  for (const auto& [what, marks, fault] : heads) {
    const bool is_earlier =
        first.site < 0 || std::tie(fault.site, fault.position) < std::tie(first.site, first.position);
    if (fault.site >= 0 && is_earlier) first = fault;
  }
  return first;
}

}  // namespace sinter::runtime
