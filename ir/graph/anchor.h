#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "ir/graph/graph.h"

namespace sinter::graph {

// The kind of a kernel, which stands as its attribute `anchor`.
enum class Anchor : uint8_t {
#define SINTER_ANCHOR(name, ...) name,
#include "ir/graph/anchors.def"
#undef SINTER_ANCHOR
};

struct AnchorInfo {
  std::string_view name;
  bool (*starts)(OpCode code);
  bool fuses;
  bool overwrites;
  bool single_pass;
};

const AnchorInfo& info(Anchor anchor);
inline std::string_view name(Anchor anchor) {
  return info(anchor).name;
}
std::optional<Anchor> anchor_from_name(std::string_view name);

Anchor anchor_of(const Op& kernel);           // throws GraphError where its attribute names none
bool is_kernel(const Op& op, Anchor anchor);  // whether `op` is a kernel of that kind
bool attends(const Op& op);                   // whether it is a kernel of attention or of its gradient
Anchor started_by(const Op& op);              // the kind of kernel that the op begins; map where none else

}  // namespace sinter::graph
