#include "passes/attention/body.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/error.h"
#include "ir/loop/walk.h"

namespace sinter::passes {

using graph::ContractDims;
using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Value;
using loop::Expr;

std::optional<double> splat_number(Value value) {
  while (value.op->code == OpCode::broadcast || value.op->code == OpCode::reshape) {
    value = value.op->operands[0];
  }
  if (value.op->code != OpCode::constant || !value.op->attributes.has("value")) return std::nullopt;
  return value.op->attributes.number("value");
}

const Op* exponential_of(Value value, Value& mask) {
  if (value.op->code == OpCode::select && splat_number(value.op->operands[2]) == 0) {
    mask = value.op->operands[0];
    value = value.op->operands[1];
  }
  return value.op->code == OpCode::exp ? value.op : nullptr;
}

namespace {

ContractDims dims_of(const Op& contract) {
  return ContractDims::parse(contract.attributes.text("dims"));
}

bool has(const std::string& letters, char letter) {
  return letters.find(letter) != std::string::npos;
}

}  // namespace

AttentionBody::Letters AttentionBody::score_letters(const Index& at, const loop::RangeMap& ranges) const {
  const ContractDims dims = dims_of(*scores);
  const auto place = trace(masked(), at, const_cast<Op*>(scores)->result(), ranges);
  Letters letters;
  for (size_t i = 0; place && i < dims.result.size(); ++i) letters[dims.result[i]] = (*place)[i];
  return letters;
}

std::optional<Index> AttentionBody::kept_index(const Index& at, const loop::RangeMap& ranges) const {
  // From what is kept of the weights back to them, and then forward with the index.
  std::vector<const Op*> way;
  for (Value value = kept(); value != weights();) {
    const Op* op = value.op;
    Value next;
    for (Value operand : op->operands) {
      if (trace(operand, Index(operand.shape().size(), loop::integer(0)), weights(), ranges)) next = operand;
    }
    if (!next) return std::nullopt;
    way.push_back(op);
    value = next;
  }
  Index place = at;
  for (size_t i = way.size(); i-- > 0;) {
    const auto there = loop::result_of(*way[i], place, ranges);
    if (!there) return std::nullopt;
    place = *there;
  }
  return place;
}

AttentionBody::Letters AttentionBody::product_letters(const Index& at, const loop::RangeMap& ranges) const {
  const ContractDims dims = dims_of(*product);
  const auto place = kept_index(at, ranges);
  Letters letters;
  for (size_t i = 0; place && i < dims.lhs.size(); ++i) letters[dims.lhs[i]] = (*place)[i];
  return letters;
}

std::string AttentionBody::width_letters() const {
  const ContractDims dims = dims_of(*scores);
  std::string letters;
  for (char letter : dims.rhs) {
    if (dims.is_summed(letter)) letters += letter;
  }
  return letters;
}

std::string AttentionBody::value_letters() const {
  const ContractDims dims = dims_of(*product);
  std::string letters;
  for (char letter : dims.result) {
    if (!has(dims.lhs, letter)) letters += letter;
  }
  return letters;
}

namespace {

int64_t extent_of(const std::string& wanted, const std::string& letters, const graph::Shape& shape) {
  int64_t extent = 1;
  for (char letter : wanted) extent *= shape[letters.find(letter)];
  return extent;
}

}  // namespace

int64_t AttentionBody::width() const {
  return extent_of(width_letters(), dims_of(*scores).rhs, k.shape());
}

int64_t AttentionBody::values() const {
  return extent_of(value_letters(), dims_of(*product).rhs, v.shape());
}

int64_t number_of(const graph::Function& body, const Op& op) {
  int64_t number = 0;
  for (const auto& other : body.ops()) {
    if (other->code == OpCode::parameter) continue;
    if (other.get() == &op) return number;
    ++number;
  }
  throw InternalError(fmt::format("'{}' is no numbered op of the body", graph::name(op.code)));
}

const Op& op_at(const Op& kernel, std::string_view attribute) {
  require_attention(kernel, kernel.attributes.has(attribute));
  int64_t number = kernel.attributes.integer(attribute);
  for (const auto& op : kernel.body->ops()) {
    if (op->code != OpCode::parameter && number-- == 0) return *op;
  }
  require_attention(kernel, false);
  return kernel;
}

void require_attention(const Op& kernel, bool holds) {
  if (holds) return;
  throw GraphError(fmt::format("kernel: its anchor is '{}', its body is no attention{}",
                               kernel.attributes.text("anchor"), at(kernel.location)));
}

void AttentionBody::take_parameters() {
  const auto parameters = body->parameters();
  if (parameters.size() < 3) return;
  q = parameters[0]->result();
  k = parameters[1]->result();
  v = parameters[2]->result();
}

std::optional<AttentionBody> AttentionBody::match(const graph::Function& body) {
  AttentionBody found;
  found.body = &body;
  found.take_parameters();
  for (const auto& op : body.ops()) {
    if (op->code == OpCode::softmax) found.softmax = op.get();
    if (op->code != OpCode::contract) continue;
    const Value lhs = op->operands[0], rhs = op->operands[1];
    if (found.scores == nullptr && lhs == found.q && rhs == found.k) found.scores = op.get();
    if (found.softmax != nullptr && found.product == nullptr && rhs == found.v) found.product = op.get();
  }
  if (found.scores == nullptr || found.softmax == nullptr || found.product == nullptr) return std::nullopt;
  found.domain = found.masked().shape();
  found.key = static_cast<size_t>(found.softmax->attributes.integer("axis"));
  if (!found.find_axes()) return std::nullopt;
  return found;
}

void AttentionBody::write_to(Op& kernel) const {
  kernel.attributes.set("scores", number_of(*body, *scores));
  kernel.attributes.set("weights", number_of(*body, *softmax));
  kernel.attributes.set("product", number_of(*body, *product));
  kernel.attributes.set("key_axis", static_cast<int64_t>(key));
  if (query) kernel.attributes.set("query_axis", static_cast<int64_t>(*query));
}

AttentionBody AttentionBody::of(const Op& kernel) {
  AttentionBody parts;
  parts.body = kernel.body.get();
  parts.take_parameters();
  const auto part = [&](std::string_view name, OpCode code) {
    const Op& op = op_at(kernel, name);
    require_attention(kernel, op.code == code);
    return &op;
  };
  const auto axis = [&](std::string_view name) {
    require_attention(kernel, kernel.attributes.has(name));
    const int64_t number = kernel.attributes.integer(name);
    require_attention(kernel, number >= 0 && number < static_cast<int64_t>(parts.domain.size()));
    return static_cast<size_t>(number);
  };
  parts.scores = part("scores", OpCode::contract);
  parts.softmax = part("weights", OpCode::softmax);
  parts.product = part("product", OpCode::contract);
  require_attention(kernel, parts.q && parts.scores->operands[0] == parts.q &&
                                parts.scores->operands[1] == parts.k &&
                                parts.product->operands[1] == parts.v);
  parts.domain = parts.masked().shape();
  parts.key = axis("key_axis");
  if (kernel.attributes.has("query_axis")) parts.query = axis("query_axis");
  return parts;
}

bool AttentionBody::find_axes() {
  if (graph::element_count(domain) == 0) return false;
  loop::RangeMap ranges;
  auto [at, variables] = loop::fresh_index(domain, ranges);
  at[key] = loop::variable(variables[key]);  // of one key, too
  const Letters of_scores = score_letters(at, ranges), of_product = product_letters(at, ranges);
  if (of_scores.empty() || of_product.empty()) return false;

  // The keys run along one letter of each contraction, and no other letter has to do with them.
  const auto is_key = [&](const Expr& x) {
    return x->kind == loop::ExprNode::Kind::variable && x->variable == variables[key];
  };
  const auto one_key = [&](const Letters& letters) {
    int64_t keys = 0;
    for (const auto& [letter, x] : letters) {
      if (is_key(x)) ++keys;
      if (!is_key(x) && loop::depends_on(x, variables[key])) return false;
    }
    return keys == 1;
  };
  if (!one_key(of_scores) || !one_key(of_product)) return false;
  const ContractDims first = dims_of(*scores), second = dims_of(*product);
  for (const auto& [letter, x] : of_scores) {
    if (is_key(x) && has(first.lhs, letter)) return false;
  }
  for (const auto& [letter, x] : of_product) {
    if (second.is_summed(letter) != is_key(x)) return false;
  }

  for (size_t axis = domain.size(); axis-- > 0;) {
    if (axis == key || domain[axis] == 1) continue;
    const auto moves = [&](const Letters& letters, const std::string& term) {
      return std::ranges::any_of(letters, [&](const auto& entry) {
        return has(term, entry.first) && loop::depends_on(entry.second, variables[axis]);
      });
    };
    if (moves(of_scores, first.rhs) || moves(of_product, second.rhs)) continue;
    query = axis;
    return true;
  }
  return true;
}

}  // namespace sinter::passes
