#include "passes/differentiate/vjp.h"

#include <array>

#include "passes/differentiate/composite_rules.h"
#include "passes/differentiate/elementwise_rules.h"
#include "passes/differentiate/tensor_rules.h"

namespace sinter::passes {
namespace {

using graph::OpCode;
using graph::OpKind;

struct Row {
  OpCode code;
  OpKind kind;
};

constexpr Row kOps[] = {
#define SINTER_OP(name, least, most, kind, ...) {OpCode::name, OpKind::kind},
#include "ir/graph/ops.def"
#undef SINTER_OP
};

constexpr size_t count_rules(OpCode code) {
  size_t count = 0;
  for (const VjpRule& rule : kElementwiseRules) count += rule.code == code;
  for (const VjpRule& rule : kTensorRules) count += rule.code == code;
  for (const VjpRule& rule : kCompositeRules) count += rule.code == code;
  return count;
}

constexpr bool every_op_has_one_rule() {
  for (const Row& op : kOps) {
    const size_t count = count_rules(op.code);
    if (count > 1 || (count == 0 && op.kind != OpKind::composite)) return false;
  }
  return true;
}

static_assert(every_op_has_one_rule(),
              "an op of ops.def has no row in *_rules.h, or two; one without a gradient is marked zero");

// By op code; a composite without a row stands for its definition.
constexpr auto kRules = [] {
  std::array<VjpRule, std::size(kOps)> rules{};
  for (size_t i = 0; i < rules.size(); ++i) rules[i] = by_definition(kOps[i].code);
  for (const VjpRule& rule : kElementwiseRules) rules[static_cast<size_t>(rule.code)] = rule;
  for (const VjpRule& rule : kTensorRules) rules[static_cast<size_t>(rule.code)] = rule;
  for (const VjpRule& rule : kCompositeRules) rules[static_cast<size_t>(rule.code)] = rule;
  return rules;
}();

}  // namespace

const VjpRule& vjp_rule(OpCode code) {
  return kRules[static_cast<size_t>(code)];
}

}  // namespace sinter::passes
