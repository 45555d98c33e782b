#include "passes/simplify/editor.h"

#include <algorithm>
#include <bit>

#include "ir/graph/builder.h"
#include "passes/simplify/rules.h"

namespace sinter::passes {

using graph::Attribute;
using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Value;

namespace {

// Rules that feed each other stop here; none should.
constexpr int kMaxDepth = 64;

void mix(size_t& hash, size_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
  hash ^= hash >> 29;
}

struct AttributeHash {
  size_t operator()(double value) const { return std::bit_cast<uint64_t>(value); }
  size_t operator()(graph::DType value) const { return static_cast<size_t>(value); }
  template <typename T>
  size_t operator()(const std::vector<T>& values) const {
    size_t hash = values.size();
    for (const T& value : values) mix(hash, (*this)(value));
    return hash;
  }
  template <typename T>
  size_t operator()(const T& value) const {
    return std::hash<T>()(value);
  }
};

bool same(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

// Unlike ==, tells 0 from -0.
bool same(const Attribute& a, const Attribute& b) {
  if (a.index() != b.index()) return false;
  if (const double* number = std::get_if<double>(&a)) return same(*number, std::get<double>(b));
  if (const auto* numbers = std::get_if<std::vector<double>>(&a)) {
    return std::ranges::equal(*numbers, std::get<std::vector<double>>(b),
                              [](double x, double y) { return same(x, y); });
  }
  return a == b;
}

bool may_merge(OpKind kind, OpCode code) {
  return kind != OpKind::control && kind != OpKind::collective && code != OpCode::parameter;
}

// Whether all that the op is for are values, and none of them has an element.
bool makes_no_elements(const Op& op) {
  switch (op.kind()) {
    case OpKind::source:
    case OpKind::check:
    case OpKind::control:
    case OpKind::collective:
      return false;
    default:
      return std::ranges::all_of(op.results, [](const graph::TensorType& t) { return t.elements() == 0; });
  }
}

std::vector<Value> results_of(Op& op) {
  std::vector<Value> results;
  for (size_t i = 0; i < op.results.size(); ++i) results.push_back(op.result(static_cast<int>(i)));
  return results;
}

}  // namespace

RuleIndex::RuleIndex() : rules_(graph::all_opcodes().size()) {}

Editor::Editor(const graph::Module& module, graph::Function& function, const RuleIndex& rules)
    : module_(module), function_(function), rules_(rules), states_(module) {}

size_t Editor::OpHash::operator()(const Op* op) const {
  size_t hash = static_cast<size_t>(op->code);
  const graph::ValueHash value_hash;
  if (commutes(op->code)) {
    mix(hash, value_hash(op->operands[0]) + value_hash(op->operands[1]));
  } else {
    for (Value operand : op->operands) mix(hash, value_hash(operand));
  }
  if (const auto splat = splat_of(*op)) {
    mix(hash, static_cast<size_t>(splat->value.integer));
    mix(hash, std::bit_cast<uint64_t>(splat->value.number));
    return hash;
  }
  for (const auto& [name, value] : op->attributes) mix(hash, std::visit(AttributeHash(), value));
  return hash;
}

bool Editor::OpEqual::operator()(const Op* a, const Op* b) const {
  if (a->code != b->code || a->results != b->results) return false;
  const bool swapped =
      commutes(a->code) && a->operands[0] == b->operands[1] && a->operands[1] == b->operands[0];
  if (a->operands != b->operands && !swapped) return false;
  if (a->code == OpCode::constant && a->attributes.has("value") && b->attributes.has("value")) {
    return splat_of(*a) == splat_of(*b);
  }
  return std::ranges::equal(a->attributes, b->attributes, [](const auto& x, const auto& y) {
    return x.first == y.first && same(x.second, y.second);
  });
}

Value Editor::rewritten(const Op& op) {
  if (op.results.size() != 1 || depth_ > kMaxDepth) return {};
  for (const Rule& rule : rules_[op.code]) {
    ++depth_;
    const Value value =
        rule.rewrite != nullptr ? rule.rewrite(*this, op) : apply_pattern(rule.pattern, *this, op);
    --depth_;
    if (value) return value;
  }
  return {};
}

std::vector<Value> Editor::merged_or_appended(std::unique_ptr<Op> op) {
  if (may_merge(op->kind(), op->code)) {
    const auto [it, inserted] = made_.insert(op.get());
    if (!inserted) {
      ++changes_;
      replaced_.push_back(std::move(op));
      return results_of(**it);
    }
  }
  return results_of(function_.append(std::move(op)));
}

// Reads give what was read or written before, which no gradient goes through.
std::optional<std::vector<Value>> Editor::place_state(Op& op) {
  const auto known = states_.at(op);
  if (!known) return std::nullopt;
  return std::vector{known->is_written ? emit(OpCode::stop_gradient, {known->value}) : known->value};
}

std::vector<Value> Editor::place(std::unique_ptr<Op> op) {
  if (pinned_.contains(op.get())) return results_of(function_.append(std::move(op)));
  if (op->kind() == OpKind::control) {
    if (auto known = place_state(*op)) {
      ++changes_;
      replaced_.push_back(std::move(op));
      return *known;
    }
  }
  if (makes_no_elements(*op)) {
    ++changes_;
    std::vector<Value> results;
    for (const graph::TensorType& type : op->results)
      results.push_back(constant(make_splat(0, type.dtype), type.shape));
    replaced_.push_back(std::move(op));
    return results;
  }
  if (const Value value = rewritten(*op)) {
    ++changes_;
    replaced_.push_back(std::move(op));
    return {value};
  }
  return merged_or_appended(std::move(op));
}

Value Editor::emit(OpCode code, std::vector<Value> operands, graph::Attributes attributes) {
  auto op = std::make_unique<Op>();
  op->code = code;
  op->results = graph::infer_types(module_, code, operands, attributes);
  op->operands = std::move(operands);
  op->attributes = std::move(attributes);
  op->location = location_;
  return place(std::move(op))[0];
}

Value Editor::constant(const Splat& splat, graph::Shape shape) {
  return emit(OpCode::constant, {}, attributes_of(splat, std::move(shape)));
}

Value Editor::reshape(Value x, graph::Shape shape) {
  return shape == x.shape() ? x : emit(OpCode::reshape, {x}, {{"shape", std::move(shape)}});
}

Value Editor::transpose(Value x, std::vector<int64_t> permutation) {
  if (std::ranges::is_sorted(permutation)) return x;
  return emit(OpCode::transpose, {x}, {{"permutation", std::move(permutation)}});
}

Value Editor::broadcast(Value x, graph::Shape shape, std::vector<int64_t> dims) {
  if (shape == x.shape()) return x;
  return emit(OpCode::broadcast, {x}, {{"dims", std::move(dims)}, {"shape", std::move(shape)}});
}

std::optional<Splat> Editor::splat(Value value) const {
  const Op* op = find(value, OpCode::constant);
  return op != nullptr ? splat_of(*op) : std::nullopt;
}

}  // namespace sinter::passes
