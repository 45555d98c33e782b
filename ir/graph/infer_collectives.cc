#include <algorithm>

#include "ir/graph/infer_rule.h"
#include "ir/graph/verify.h"

// The type rules of what ranks make together.
namespace sinter::graph {
namespace {

struct Ranks {
  int64_t own;
  int64_t count;
};

Ranks ranks_of(const Rule& rule) {
  const Ranks ranks{rule.attributes.integer("rank"), rule.attributes.integer("ranks")};
  if (ranks.count < 1) rule.fail("there is at least 1 rank, got {}", ranks.count);
  if (ranks.own < 0 || ranks.own >= ranks.count)
    rule.fail("rank {} is outside [0,{})", ranks.own, ranks.count);
  return ranks;
}

// Where the ranks have met before, the last operand says so.
size_t parts_of(const Rule& rule) {
  if (!rule.attributes.flag("after")) return rule.operands.size();
  const size_t last = rule.operands.size() - 1;
  if (!is_order_of_ranks(rule.operands[last]))
    rule.fail("comes after the last result of what ranks make together, got {}", to_string(rule.type(last)));
  return last;
}

const std::vector<int64_t>& owners_of(const Rule& rule, const Ranks& ranks) {
  const std::vector<int64_t>& owners = rule.attributes.integers("owners");
  if (owners.size() != parts_of(rule)) {
    rule.fail("'owners' has {} for {}", counted(owners.size(), "rank", "ranks"),
              counted(parts_of(rule), "value", "values"));
  }
  for (int64_t owner : owners) {
    if (owner < 0 || owner >= ranks.count) rule.fail("rank {} is outside [0,{})", owner, ranks.count);
  }
  return owners;
}

// Of what the pieces along the operand's first axis are folded to.
TensorType folded(const Rule& rule, size_t operand) {
  TensorType type = rule.type(operand);
  rule.require(is_numeric(type.dtype), "numbers", operand);
  rule.require(type.rank() > 0 && type.shape[0] > 0, "pieces along a first axis", operand);
  if (type.shape[0] != rule.shape(0)[0]) {
    rule.fail("operands have as many pieces, got {} and {}", to_string(rule.type(0)), to_string(type));
  }
  type.shape.erase(type.shape.begin());
  return type;
}

}  // namespace

Types infer_collective(const Rule& rule) {
  const Ranks ranks = ranks_of(rule);
  const size_t parts = parts_of(rule);
  Types types;
  if (rule.code == OpCode::all_gather) {
    const std::vector<int64_t>& owners = owners_of(rule, ranks);
    for (size_t i = 0; i < parts; ++i) {
      if (owners[i] != ranks.own) types.push_back(rule.type(i));
    }
  } else {
    const std::string& fold = rule.attributes.text("fold");
    if (fold != "sum" && fold != "max" && fold != "min") rule.fail("fold is sum, max or min, got '{}'", fold);
    const int64_t leaves = rule.attributes.integer("leaves");
    if (leaves < ranks.count) {
      rule.fail("{} cannot share {}", counted(static_cast<size_t>(ranks.count), "rank", "ranks"),
                counted(static_cast<size_t>(std::max<int64_t>(leaves, 0)), "leaf", "leaves"));
    }
    const bool scatters = rule.code == OpCode::reduce_scatter;
    const std::vector<int64_t> owners = scatters ? owners_of(rule, ranks) : std::vector<int64_t>();
    for (size_t i = 0; i < parts; ++i) {
      const TensorType type = folded(rule, i);
      if (!scatters || owners[i] == ranks.own) types.push_back(type);
    }
  }
  types.push_back({DType::boolean, {}});
  return types;
}

}  // namespace sinter::graph
