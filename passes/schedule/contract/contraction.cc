#include "passes/schedule/contract/contraction.h"

#include <algorithm>
#include <unordered_set>

#include "passes/base/costs.h"

namespace sinter::passes {

using graph::OpCode;
using loop::Expr;
using loop::ExprNode;

namespace {

// Calls `use` with the index of every load in `x`, but for those that indices are computed from.
template <typename Use>
void for_each_load(const Expr& x, std::unordered_set<const ExprNode*>& seen, const Use& use) {
  if (x == nullptr || !seen.insert(x.get()).second) return;
  if (x->kind == ExprNode::Kind::load) return use(x->args[0]);
  for (const Expr& arg : x->args) for_each_load(arg, seen, use);
}

// Of elementwise work a core does so many instructions a cycle. A division or a root overlaps with what
// stands around it.
double cycles_of(const graph::Op& op) {
  constexpr double kInstructionsACycle = 10;
  if (is_random(op.code)) return cost(op) / kInstructionsACycle;
  if (op.kind() != graph::OpKind::elementwise) return 0;
  return (is_polynomial(op) ? cost(op) : 1) / kInstructionsACycle;
}

// Of the value and all that it is computed from but what is `counted` already.
double cycles_of(graph::Value value, std::unordered_set<const graph::Op*>& counted) {
  const graph::Op& op = *value.op;
  if (!counted.insert(&op).second) return 0;
  double cycles = cycles_of(op);
  for (graph::Value operand : op.operands) cycles += cycles_of(operand, counted);
  return cycles;
}

}  // namespace

Contraction::Contraction(Template& t) : t_(t) {
  for (const auto& op : t.body.ops()) {
    if (op->code == OpCode::contract) op_ = op.get();
  }
  dims_ = graph::ContractDims::parse(op_->attributes.text("dims"));
  lhs_ = op_->operands[0];
  rhs_ = op_->operands[1];
  if (!dims_.result.empty() && dims_.rhs.find(dims_.result.back()) == std::string::npos) {
    std::swap(lhs_, rhs_);
    std::swap(dims_.lhs, dims_.rhs);
  }
  const auto add = [](Axes& axes, char letter, int64_t extent) {
    axes.letters += letter;
    axes.shape.push_back(extent);
  };
  for (size_t i = 0; i < dims_.result.size(); ++i) {
    const char letter = dims_.result[i];
    const bool in_lhs = dims_.lhs.find(letter) != std::string::npos;
    const bool in_rhs = dims_.rhs.find(letter) != std::string::npos;
    add(in_lhs && in_rhs ? batch_ : in_lhs ? m_ : n_, letter, op_->results[0].shape[i]);
  }
  for (size_t i = 0; i < dims_.rhs.size(); ++i) {
    if (dims_.is_summed(dims_.rhs[i])) add(k_, dims_.rhs[i], rhs_.shape()[i]);
  }
  type_ = loop::from_graph(op_->results[0].dtype);
  std::unordered_set<const graph::Op*> apart = {op_};
  for (const auto& output : t.body.outputs) epilogue_cycles_ += cycles_of(output.value, apart);
  if (m() * n() * k() * batch_.extent() == 0) return;

  Loader::Scope scope(t_.loader);
  const auto m_at = t_.loader.variable("m", m()), n_at = t_.loader.variable("n", n());
  const auto k_at = t_.loader.variable("k", k());
  Index b;
  for (int64_t extent : batch_.shape) {
    batch_at_.push_back(t_.loader.variable("b", extent));
    b.push_back(loop::variable(batch_at_.back()));
  }
  left_ = look_at(lhs_, lhs_at(b, loop::variable(m_at), loop::variable(k_at)), m_at, k_at);
  right_ = look_at(rhs_, rhs_at(b, loop::variable(k_at), loop::variable(n_at)), n_at, k_at);
}

ContractProblem Contraction::problem() const {
  const auto operand = [](const Operand& x) {
    return ContractProblem::Operand{x.is_direct(), x.along_k, x.cycles};
  };
  return {.batch = batch_.extent(),
          .m = m(),
          .n = n(),
          .k = k(),
          .element_bytes = loop::size_in_bytes(type_),
          .lhs = operand(left_),
          .rhs = operand(right_),
          .epilogue_cycles = epilogue_cycles_};
}

Contraction::Operand Contraction::look_at(graph::Value operand, const Expr& element,
                                          const loop::VariableRef& own, const loop::VariableRef& k) {
  Operand result;
  int along_own = 0, along_k = 0;
  std::unordered_set<const ExprNode*> seen;
  for_each_load(element, seen, [&](const Expr& index) {
    const auto in_own = loop::affine_in(index, own), in_k = loop::affine_in(index, k);
    if (in_own && in_own->coefficient == 1) ++along_own;
    if (in_k && in_k->coefficient == 1) ++along_k;
  });
  result.along_k = along_k > along_own;
  const bool is_loaded = element->kind == ExprNode::Kind::load && element->args.size() == 1;
  const auto in_own = is_loaded ? loop::affine_in(element->args[0], own) : std::nullopt;
  const auto in_k = in_own ? loop::affine_in(in_own->rest, k) : std::nullopt;
  if (in_k) {
    result.buffer = element->buffer;
    result.own_stride = in_own->coefficient;
    result.k_stride = in_k->coefficient;
    result.first = in_k->rest;
  }
  std::unordered_set<const graph::Op*> counted;
  result.cycles = cycles_of(operand, counted);
  return result;
}

Index Contraction::index_of(const std::string& letters, const Index& b, const Expr& m, const Expr& n,
                            const Expr& k) const {
  std::map<char, Expr> value;
  const auto put = [&](const Axes& axes, const Index& index) {
    for (size_t i = 0; i < axes.letters.size(); ++i) value[axes.letters[i]] = index[i];
  };
  put(batch_, b);
  if (m) put(m_, delinearize(m, m_.shape, t_.loader.ranges()));
  if (n) put(n_, delinearize(n, n_.shape, t_.loader.ranges()));
  if (k) put(k_, delinearize(k, k_.shape, t_.loader.ranges()));
  Index index;
  for (char letter : letters) index.push_back(value.at(letter));
  return index;
}

Expr Contraction::lhs_at(const Index& b, const Expr& m, const Expr& k, const Expr& predicate) const {
  return t_.loader.at(lhs_, index_of(dims_.lhs, b, m, nullptr, k), predicate);
}

Expr Contraction::rhs_at(const Index& b, const Expr& k, const Expr& n, const Expr& predicate) const {
  return t_.loader.at(rhs_, index_of(dims_.rhs, b, nullptr, n, k), predicate);
}

Expr Contraction::place_of(const Operand& operand, const Index& b, const Expr& own, const Expr& k) const {
  std::unordered_map<loop::VariableRef, Expr> values;
  for (size_t i = 0; i < b.size(); ++i) values[batch_at_[i]] = b[i];
  const Expr first = loop::substitute(operand.first, values);
  return t_.loader.simplify(first + own * operand.own_stride + k * operand.k_stride);
}

Index Contraction::result_index(const Index& b, const Expr& m, const Expr& n) const {
  return index_of(dims_.result, b, m, n, nullptr);
}

}  // namespace sinter::passes
