#include "ir/loop/text/print_expr.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "ir/loop/fold.h"
#include "ir/loop/text/words.h"

namespace sinter::loop {
namespace {

constexpr int kLongText = 12;  // nodes

std::string parenthesized(std::string text, bool needed) {
  return needed ? "(" + text + ")" : text;
}

// The shortest text that reads back as the same value, and never as an integer.
std::string number_text(double value, Type type) {
  if (std::isnan(value)) return type == Type::f32 ? "nan" : "f64(nan)";
  std::string out =
      type == Type::f32 ? fmt::format("{}", static_cast<float>(value)) : fmt::format("{}", value);
  if (std::isfinite(value) && out.find_first_of(".e") == std::string::npos) out += ".0";
  return type == Type::f32 ? out : fmt::format("f64({})", out);
}

std::string integer_text(int64_t value, Type type) {
  if (type == Type::boolean) return value ? "true" : "false";
  if (type == Type::index) return fmt::format("{}", value);
  return fmt::format("{}({})", name(type), value);
}

}  // namespace

ExprPrinter::ExprPrinter(const std::vector<Expr>& roots, const Names& names) : names_(names) {
  for (const Expr& root : roots) {
    if (root) measure(root);
  }
  for (const Expr& root : roots) {
    if (root) name_shared(root);
  }
}

const ExprNode* ExprPrinter::measure(const Expr& x) {
  if (const auto seen = equals_.find(x.get()); seen != equals_.end()) {
    ++shapes_[seen->second].uses;
    return seen->second;
  }
  Key key{{static_cast<int64_t>(x->kind), static_cast<int64_t>(x->type), x->integer,
           std::bit_cast<int64_t>(x->number), static_cast<int64_t>(x->op), static_cast<int64_t>(x->context)},
          {x->variable.get(), x->buffer.get()}};
  int size = 1;
  for (const Expr& arg : x->args) {
    key.second.push_back(measure(arg));
    size = std::min(size + shapes_[equal_of(arg)].size, 1 << 20);
  }
  const auto [it, is_first] = first_.try_emplace(std::move(key), x.get());
  const ExprNode* first = it->second;
  equals_[x.get()] = first;
  if (!is_first) {
    for (const Expr& arg : x->args) --shapes_[equal_of(arg)].uses;  // those of the first count
  }
  Shape& shape = shapes_[first];
  ++shape.uses;
  shape.size = size;
  return first;
}

void ExprPrinter::name_shared(const Expr& x) {
  Shape& shape = shapes_[equal_of(x)];
  if (shape.uses == 0) return;  // seen
  const bool named = shape.uses > 1 && shape.size >= kLongText;
  shape.uses = 0;
  for (const Expr& arg : x->args) name_shared(arg);
  if (!named) return;
  std::string name = fmt::format("${}", shared_.size());
  definitions_.push_back(name + " = " + body(x, 0));
  shared_.emplace(equal_of(x), std::move(name));
}

std::string ExprPrinter::text(const Expr& x, int precedence) const {
  const auto found = shared_.find(equal_of(x));
  return found == shared_.end() ? body(x, precedence) : found->second;
}

std::string ExprPrinter::body(const Expr& x, int precedence) const {
  switch (x->kind) {
    case ExprNode::Kind::integer:
      return integer_text(x->integer, x->type);
    case ExprNode::Kind::number:
      return number_text(x->number, x->type);
    case ExprNode::Kind::variable:
      return names_.of(x->variable);
    case ExprNode::Kind::context:
      return std::string(name(x->context));
    case ExprNode::Kind::load: {
      const std::string predicate = x->args.size() > 1 ? " if " + text(x->args[1], 0) : "";
      return fmt::format("{}[{}{}]", names_.of(x->buffer), text(x->args[0], 0), predicate);
    }
    case ExprNode::Kind::cast:
      return call(name(x->type), *x);
    case ExprNode::Kind::bitcast:
      return call(fmt::format("bitcast_{}", name(x->type)), *x);
    case ExprNode::Kind::apply:
      return apply_text(*x, precedence);
  }
  return "";
}

std::string ExprPrinter::apply_text(const ExprNode& x, int precedence) const {
  if (const Infix op = infix(x.op, x.args[0]->type); op.precedence > 0) {
    const std::string left = text(x.args[0], op.precedence);
    const auto constant = as_integer(x.args[1]);
    const bool falls = x.op == ScalarOp::add && x.type == Type::index && constant && *constant < 0;
    const std::string sum = falls ? fmt::format("{} - {}", left, 0 - static_cast<uint64_t>(*constant))
                                  : fmt::format("{}{}{}", left, op.text, text(x.args[1], op.precedence + 1));
    return parenthesized(sum, op.precedence < precedence);
  }
  // Of a constant it is written as a call: -0.0 is a constant itself.
  if (x.op == ScalarOp::neg && !is_constant(x.args[0]))
    return parenthesized("-" + text(x.args[0], kUnary), kUnary < precedence);
  if (x.op == ScalarOp::logical_not && x.type == Type::boolean) return "!" + text(x.args[0], kUnary);
  if (x.op == ScalarOp::to_unsigned) return call(fmt::format("to_unsigned_{}", name(x.type)), x);
  return call(name(x.op), x);
}

std::string ExprPrinter::call(std::string_view function, const ExprNode& x) const {
  std::string out(function);
  for (size_t i = 0; i < x.args.size(); ++i) out += (i == 0 ? "(" : ", ") + text(x.args[i], 0);
  return out + ")";
}

std::string print(const Expr& x) {
  const Names names;
  const ExprPrinter printer({x}, names);
  std::string out;
  for (const std::string& definition : printer.definitions()) out += definition + "; ";
  return out + printer(x);
}

}  // namespace sinter::loop
