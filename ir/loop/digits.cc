#include "ir/loop/digits.h"

#include <algorithm>
#include <map>
#include <vector>

namespace sinter::loop {
namespace {

// factor * (variable / divisor % count)
struct Digit {
  VariableRef variable;
  int64_t divisor = 1, count = 0, factor = 1;
  bool wraps = false;  // the variable goes further than the digit counts
};

class Digits {
 public:
  explicit Digits(const RangeMap& ranges) : ranges_(ranges) {}

  // False where `x` is no sum of digits.
  bool add(const Expr& x, int64_t factor) {
    if (x->kind == ExprNode::Kind::integer) return true;
    if (x->kind == ExprNode::Kind::apply && x->op == ScalarOp::add) {
      return add(x->args[0], factor) && add(x->args[1], factor);
    }
    if (x->kind == ExprNode::Kind::apply && x->op == ScalarOp::mul) {
      const auto by = as_integer(x->args[1]);
      return by && *by > 0 && add(x->args[0], factor * *by);
    }
    auto digit = read(x);
    if (!digit) return false;
    digit->factor = factor;
    digits_.push_back(*digit);
    return true;
  }

  bool tell_all_apart() {
    std::map<VariableRef, std::vector<const Digit*>> of_variables;
    for (const Digit& digit : digits_) of_variables[digit.variable].push_back(&digit);
    for (auto& [variable, digits] : of_variables) {
      std::ranges::sort(digits, {}, &Digit::divisor);
      int64_t next = 1;
      for (const Digit* digit : digits) {
        if (digit->divisor != next) return false;
        next *= digit->count;
      }
      if (next < ranges_.at(variable).end) return false;
    }
    std::ranges::sort(digits_, {}, &Digit::factor);
    int64_t most = 0;
    for (const Digit& digit : digits_) {
      if (digit.factor <= most) return false;
      most += digit.factor * (digit.count - 1);
    }
    return true;
  }

 private:
  std::optional<Digit> read(const Expr& x) const {
    if (x->kind == ExprNode::Kind::variable) {
      const auto range = ranges_.find(x->variable);
      if (range == ranges_.end() || range->second.begin < 0) return std::nullopt;
      return Digit{x->variable, 1, range->second.end};
    }
    const bool divides =
        x->kind == ExprNode::Kind::apply && (x->op == ScalarOp::div || x->op == ScalarOp::rem);
    const auto by = divides ? as_integer(x->args[1]) : std::nullopt;
    auto digit = by && *by > 0 ? read(x->args[0]) : std::nullopt;
    if (!digit) return std::nullopt;
    if (x->op == ScalarOp::rem && *by >= digit->count) return digit;
    if (digit->wraps && digit->count % *by != 0) return std::nullopt;
    if (x->op == ScalarOp::rem) {
      digit->count = *by;
      digit->wraps = true;
    } else {
      digit->divisor *= *by;
      digit->count = (digit->count + *by - 1) / *by;
    }
    return digit;
  }

  const RangeMap& ranges_;
  std::vector<Digit> digits_;
};

}  // namespace

bool is_injective(const Expr& x, const RangeMap& ranges) {
  Digits digits(ranges);
  return digits.add(x, 1) && digits.tell_all_apart();
}

}  // namespace sinter::loop
