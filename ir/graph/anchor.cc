#include "ir/graph/anchor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ir/error.h"

namespace sinter::graph {
namespace {

constexpr std::array kAnchors = {
#define SINTER_ANCHOR(name, starts, ...) \
  AnchorInfo{#name, []([[maybe_unused]] OpCode code) { return starts; }, __VA_ARGS__},
#include "ir/graph/anchors.def"
#undef SINTER_ANCHOR
};

}  // namespace

const AnchorInfo& info(Anchor anchor) {
  return kAnchors[static_cast<size_t>(anchor)];
}

std::optional<Anchor> anchor_from_name(std::string_view name) {
  const auto found = std::ranges::find(kAnchors, name, &AnchorInfo::name);
  if (found == kAnchors.end()) return std::nullopt;
  return static_cast<Anchor>(found - kAnchors.begin());
}

Anchor anchor_of(const Op& kernel) {
  const std::string& given = kernel.attributes.text("anchor");
  if (const auto anchor = anchor_from_name(given)) return *anchor;
  std::string known;
  for (const AnchorInfo& each : kAnchors) known += fmt::format("{}{}", known.empty() ? "" : ", ", each.name);
  throw GraphError(fmt::format("kernel: no anchor is called '{}': expected one of {}", given, known));
}

bool is_kernel(const Op& op, Anchor anchor) {
  return op.code == OpCode::kernel && op.attributes.text("anchor") == name(anchor);
}

bool attends(const Op& op) {
  return is_kernel(op, Anchor::attention) || is_kernel(op, Anchor::attention_backward);
}

Anchor started_by(const Op& op) {
  if (op.code == OpCode::kernel) return anchor_of(op);
  const auto found =
      std::ranges::find_if(kAnchors, [&](const AnchorInfo& each) { return each.starts(op.code); });
  return found == kAnchors.end() ? Anchor::map : static_cast<Anchor>(found - kAnchors.begin());
}

}  // namespace sinter::graph
