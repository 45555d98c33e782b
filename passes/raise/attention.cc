#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "ir/graph/builder.h"
#include "passes/attention/body.h"
#include "passes/base/costs.h"
#include "passes/base/kernel_builder.h"
#include "passes/base/rewrite.h"
#include "passes/raise/raise.h"

// From a softmax back through what is elementwise to the one contraction whose result it normalises, and
// forward through what is linear to the contraction that sums over its axis.
namespace sinter::passes {

using graph::Builder;
using graph::ContractDims;
using graph::Function;
using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Value;

namespace {

bool keeps_elements(const Op& op) {
  return op.code == OpCode::reshape || op.code == OpCode::transpose ||
         (op.code == OpCode::broadcast && op.results[0].elements() == op.operands[0].type().elements());
}

// An operand of the scores, and the numbers it is multiplied by, at most under views.
struct Scaled {
  Value value;
  std::vector<std::pair<OpCode, double>> by;  // mul and div, the last first
  std::vector<const Op*> views;               // of `value` without them, the last first
};

Scaled strip_scale(Value value) {
  Scaled result{value, {}, {}}, seen = result;
  for (;;) {
    const Op& op = *seen.value.op;
    if (loop::is_plain_view(op)) {
      seen.views.push_back(&op);
      seen.value = op.operands[0];
      continue;
    }
    if (op.code != OpCode::mul && op.code != OpCode::div) return result;
    size_t number = 1;
    if (op.code == OpCode::mul && splat_number(op.operands[0])) number = 0;
    const auto by = splat_number(op.operands[number]);
    if (!by) return result;
    seen.by.emplace_back(op.code, *by);
    seen.value = op.operands[1 - number];
    result = seen;
  }
}

struct AttentionMatch {
  Op* scores = nullptr;
  Op* softmax = nullptr;
  Op* product = nullptr;
  size_t kept = 0;                        // which operand of the product
  std::unordered_set<const Op*> between;  // the ops of f and g that the scores pass through
};

class Matcher {
 public:
  explicit Matcher(const Function& function) : function_(function) {
    for (const auto& op : function.ops()) {
      for (Value operand : op->operands) users_[operand].push_back(op.get());
    }
    for (const graph::Output& output : function.outputs) users_[output.value].push_back(nullptr);
  }

  std::optional<AttentionMatch> match(Op& softmax) {
    AttentionMatch found;
    found.softmax = &softmax;
    elements_ = softmax.results[0].elements();
    seen_.clear();
    reason_.clear();
    weight_ = 0;
    if (!reaches_scores(softmax.operands[0], found) || !reason_.empty()) return std::nullopt;
    for (const auto& op : function_.ops()) {
      if (op.get() != found.scores && !found.between.contains(op.get())) continue;
      for (const Op* user : users_[op->result()]) {
        if (user == &softmax || found.between.contains(user)) continue;
        reason_ = used_by("what its scores become is", behind_views(user));
        return std::nullopt;
      }
    }
    if (!find_product(found)) return std::nullopt;
    return found;
  }

  // Why match() found nothing; "" where no contraction stands before the softmax.
  const std::string& reason() const { return reason_; }

  // Whether elementwise work and views lead from the value to a contraction.
  bool reaches_product(Value from) {
    std::vector<Value> open = {from};
    std::unordered_set<const Op*> seen;
    while (!open.empty()) {
      const Value value = open.back();
      open.pop_back();
      for (Op* user : users_[value]) {
        if (user == nullptr || !seen.insert(user).second) continue;
        if (user->code == OpCode::contract) return true;
        if (is_elementwise(*user) || keeps_elements(*user)) open.push_back(user->result());
      }
    }
    return false;
  }

 private:
  static std::string used_by(const char* what, const Op* user) {
    return fmt::format(
        "{} used elsewhere, too: {}", what,
        user == nullptr ? "it is returned" : fmt::format("by {}{}", name(user->code), at(user->location)));
  }

  // Of what uses a value, what leads to no contraction, if any does; nothing where it is returned.
  const Op* stranger_among(Value value) {
    const auto& users = users_[value];
    const auto it = std::ranges::find_if(users, [&](Op* user) {
      return user == nullptr || (user->code != OpCode::contract && !reaches_product(user->result()));
    });
    return it == users.end() ? users.back() : *it;
  }

  // The user, or what uses it where it is a view.
  const Op* behind_views(const Op* user) {
    while (user != nullptr && keeps_elements(*user)) {
      const Value view{const_cast<Op*>(user), 0};
      if (users_[view].empty()) break;
      user = stranger_among(view);
    }
    return user;
  }

  bool reaches_scores(Value value, AttentionMatch& found) {
    Op& op = *value.op;
    if (value.type().elements() != elements_) return false;
    if (const auto it = seen_.find(&op); it != seen_.end()) return it->second;
    bool reaches = false;
    weight_ += weight(op);
    if (weight_ > kMostWeight) reason_ = kTooMuch;
    if (!reason_.empty()) return false;
    if (op.code == OpCode::contract) {
      if (found.scores != nullptr && found.scores != &op)
        reason_ = fmt::format("its scores come from two contractions, the other one{}", at(op.location));
      found.scores = &op;
      return seen_[&op] = true;
    }
    if (is_elementwise(op) || keeps_elements(op)) {
      for (Value operand : op.operands) reaches = reaches_scores(operand, found) || reaches;
    }
    if (reaches) found.between.insert(&op);
    return seen_[&op] = reaches;
  }

  // Whether `op` is linear in its operand `value`, which occurs in it once.
  static bool is_linear(const Op& op, Value value) {
    if (std::count(op.operands.begin(), op.operands.end(), value) != 1) return false;
    switch (op.code) {
      case OpCode::mul:
      case OpCode::neg:
      case OpCode::dropout:
      case OpCode::stop_gradient:
      case OpCode::reshape:
      case OpCode::transpose:
        return true;
      case OpCode::div:
        return op.operands[0] == value;
      case OpCode::select:
        return op.operands[0] != value &&
               (splat_number(op.operands[1]) == 0 || splat_number(op.operands[2]) == 0);
      default:
        return false;
    }
  }

  bool find_product(AttentionMatch& found) {
    Value value = found.softmax->result();
    for (;;) {
      const auto& users = users_[value];
      if (users.size() != 1 || users[0] == nullptr) {
        reason_ = used_by("its probabilities are", behind_views(stranger_among(value)));
        return false;
      }
      Op& op = *users[0];
      if (op.code == OpCode::contract) {
        if (op.operands[0] == op.operands[1]) {
          reason_ = "its probabilities are contracted with themselves";
          return false;
        }
        found.product = &op;
        found.kept = op.operands[0] == value ? 0 : 1;
        return true;
      }
      weight_ += weight(op);
      if (weight_ > kMostWeight) reason_ = kTooMuch;
      if (!is_linear(op, value))
        reason_ = fmt::format("{}{} is not linear in its probabilities", name(op.code), at(op.location));
      if (!reason_.empty()) return false;
      found.between.insert(&op);
      value = op.result();
    }
  }

  const Function& function_;
  graph::ValueMap<std::vector<Op*>> users_;
  std::unordered_map<const Op*, bool> seen_;
  int64_t elements_ = 0;
  int64_t weight_ = 0;  // of what was seen
  std::string reason_;
  static constexpr const char* kTooMuch =
      "between its contractions stands more work than one kernel may hold";
};

// Builds the kernel. Parameters: q, k, v, then whatever else the body reads.
class Raiser {
 public:
  Raiser(graph::Module& module, Function& function, const AttentionMatch& match)
      : match_(match),
        function_(function),
        kernel_(graph::Anchor::attention, match.product->location),
        b_(module, kernel_.body()) {}

  // `swapped`: the queries are the scores' right operand. Nothing where it is no attention that way.
  std::unique_ptr<Op> run(const Scaled& queries, const Scaled& keys, bool swapped) {
    const Op& product = *match_.product;
    const Value q = kernel_.own_parameter(viewed(queries));
    const Value k = kernel_.own_parameter(viewed(keys));
    const Value v = kernel_.own_parameter(product.operands[1 - match_.kept]);
    ContractDims dims = ContractDims::parse(match_.scores->attributes.text("dims"));
    if (swapped) std::swap(dims.lhs, dims.rhs);
    b_.set_location(match_.scores->location);
    Value scores = b_.contract(q, k, dims.text());
    for (const Scaled* side : {&queries, &keys}) {
      for (size_t i = side->by.size(); i-- > 0;) {
        const Value number = b_.constant_like(side->by[i].second, scores);
        scores = b_.elementwise(side->by[i].first, {scores, number});
      }
    }
    kernel_.bind(match_.scores->result(), scores);
    const Value kept = import(product.operands[match_.kept]);
    dims = ContractDims::parse(product.attributes.text("dims"));
    if (match_.kept == 1) std::swap(dims.lhs, dims.rhs);
    b_.set_location(product.location);
    kernel_.output(b_.contract(kept, v, dims.text()));
    expand_composites();
    const auto parts = AttentionBody::match(kernel_.body());
    if (!parts) return nullptr;
    std::unique_ptr<Op> kernel = kernel_.finish();
    parts->write_to(*kernel);
    return kernel;
  }

 private:
  // The views of what was scaled, for what was not.
  Value viewed(const Scaled& side) {
    Value value = side.value;
    for (size_t i = side.views.size(); i-- > 0;) {
      auto copy = std::make_unique<Op>();
      copy->code = side.views[i]->code;
      copy->attributes = side.views[i]->attributes;
      copy->location = side.views[i]->location;
      copy->results = side.views[i]->results;
      copy->operands = {value};
      value = function_.append(std::move(copy)).result();
    }
    return value;
  }

  // Whether the value is computed in the body rather than read by it.
  bool is_inside(const Op& op) const {
    if (&op == match_.softmax || match_.between.contains(&op)) return true;
    if (op.code == OpCode::parameter || is_table(op)) return false;
    if (op.kind() == OpKind::source || loop::is_plain_view(op)) return true;
    if (!is_elementwise(op)) return false;
    return !(is_polynomial(op) || op.kind() == OpKind::composite) ||
           op.results[0].elements() >= scores_of_a_head() || reads_nothing(op);
  }

  static bool reads_nothing(const Op& op) {
    if (op.kind() == OpKind::source) {
      return op.code != OpCode::parameter && !is_table(op) && op.operands.empty();
    }
    return (is_elementwise(op) || loop::is_plain_view(op)) &&
           std::ranges::all_of(op.operands, [](Value operand) { return reads_nothing(*operand.op); });
  }

  int64_t scores_of_a_head() const {
    const auto axis = static_cast<size_t>(match_.softmax->attributes.integer("axis"));
    const graph::Shape& shape = match_.softmax->results[0].shape;
    int64_t longest = 1;
    for (size_t i = 0; i < shape.size(); ++i) {
      if (i != axis) longest = std::max(longest, shape[i]);
    }
    return longest * shape[axis];
  }

  Value import(Value value) {
    if (const Value known = kernel_.find(value)) return known;
    if (!is_inside(*value.op)) return kernel_.parameter(value);
    for (Value operand : value.op->operands) import(operand);
    return kernel_.clone(*value.op).result(value.index);
  }

  void expand_composites() {
    for (bool again = true; again;) {
      again = false;
      Replacements replacements;
      rewrite_ops(kernel_.body(), replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
        if (op.kind() != OpKind::composite || op.code == OpCode::softmax) return std::nullopt;
        again = true;
        b_.set_location(op.location);
        return graph::decompose(b_, op.code, op.operands, op.attributes);
      });
    }
  }

  const AttentionMatch& match_;
  Function& function_;
  KernelBuilder kernel_;
  Builder b_;
};

// Nothing where what was matched is no attention after all.
std::unique_ptr<Op> raised(graph::Module& module, Function& function, const AttentionMatch& match) {
  // The keys are the side that has the softmax's axis.
  const Scaled lhs = strip_scale(match.scores->operands[0]), rhs = strip_scale(match.scores->operands[1]);
  if (auto kernel = Raiser(module, function, match).run(lhs, rhs, false)) return kernel;
  return Raiser(module, function, match).run(rhs, lhs, true);
}

}  // namespace

void raise_attention(graph::Module& module, Function& function) {
  std::unordered_map<const Op*, AttentionMatch> matches;
  Matcher matcher(function);
  for (const auto& op : function.ops()) {
    if (op->code != OpCode::softmax) continue;
    if (auto match = matcher.match(*op)) matches.emplace(match->product, std::move(*match));
  }
  Replacements replacements;
  rewrite_ops(function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
    const auto it = matches.find(&op);
    if (it == matches.end()) return std::nullopt;
    std::unique_ptr<Op> kernel = raised(module, function, it->second);
    if (kernel == nullptr) return std::nullopt;
    replacements.apply(kernel->operands);
    return std::vector{function.append(std::move(kernel)).result()};
  });
}

std::vector<Unfused> unfused_attention(const Function& function) {
  std::vector<Unfused> result;
  Matcher matcher(function);
  for (const auto& op : function.ops()) {
    if (op->code != OpCode::softmax) continue;
    const bool is_attention = matcher.match(*op).has_value();
    if (!is_attention && matcher.reason().empty()) continue;
    if (!matcher.reaches_product(op->result())) continue;
    result.push_back({op.get(), is_attention ? "its contractions are not those of queries, keys and values"
                                             : matcher.reason()});
  }
  return result;
}

}  // namespace sinter::passes
