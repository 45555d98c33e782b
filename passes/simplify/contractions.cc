#include <algorithm>
#include <array>

#include "passes/simplify/axes.h"
#include "passes/simplify/rewrites.h"

namespace sinter::passes::rewrites {

using graph::ContractDims;
using graph::OpCode;
using graph::Shape;

namespace {

bool has(const std::string& letters, char letter) {
  return letters.find(letter) != std::string::npos;
}

struct Contraction {
  Value lhs, rhs;
  ContractDims dims;
  std::array<int64_t, 128> extents{};  // by letter

  explicit Contraction(const Op& op)
      : lhs(op.operands[0]), rhs(op.operands[1]), dims(ContractDims::parse(op.attributes.text("dims"))) {
    for (size_t i = 0; i < dims.lhs.size(); ++i) extent(dims.lhs[i]) = lhs.shape()[i];
    for (size_t i = 0; i < dims.rhs.size(); ++i) extent(dims.rhs[i]) = rhs.shape()[i];
  }

  int64_t& extent(char letter) { return extents[static_cast<size_t>(letter)]; }
  Shape shape(const std::string& letters) const {
    Shape result;
    for (char letter : letters) result.push_back(extents[static_cast<size_t>(letter)]);
    return result;
  }
  Value emit(Editor& e) const { return e.emit(OpCode::contract, {lhs, rhs}, {{"dims", dims.text()}}); }
  // With operands and result of the same elements as before, in the shapes that letters and extents now give.
  Value emit_reshaped(Editor& e, const Shape& result) {
    lhs = e.reshape(lhs, shape(dims.lhs));
    rhs = e.reshape(rhs, shape(dims.rhs));
    return e.reshape(emit(e), result);
  }
};

bool any_operand_is(const Editor& e, const Op& op, OpCode code) {
  return e.find(op.operands[0], code) != nullptr || e.find(op.operands[1], code) != nullptr;
}

// Looks through a transpose; whether there was one.
bool skip_transpose(const Editor& e, Value& operand, std::string& letters) {
  const Op* transpose = e.find(operand, OpCode::transpose);
  if (transpose == nullptr) return false;
  const Axes& permutation = transpose->attributes.integers("permutation");
  std::string before = letters;
  for (size_t i = 0; i < permutation.size(); ++i) before[at(permutation[i])] = letters[i];
  letters = before;
  operand = transpose->operands[0];
  return true;
}

// The letters of a broadcast operand that it need not have: those of axes it repeats, unless the sum runs
// over them.
std::string repeated_letters(const Op& broadcast, const std::string& letters, const ContractDims& dims) {
  std::string repeated;
  const Axes& own = broadcast.attributes.integers("dims");
  for (int64_t axis = 0; axis < rank_of(broadcast.results[0].shape); ++axis) {
    const char letter = letters[at(axis)];
    if (!contains(own, axis) && !dims.is_summed(letter)) repeated += letter;
  }
  return repeated;
}

// Takes the repeated letters from an operand, and from the result where only this operand had them; whether
// there were any.
bool skip_broadcast(Editor& e, Contraction& c, bool left) {
  Value& operand = left ? c.lhs : c.rhs;
  std::string& letters = left ? c.dims.lhs : c.dims.rhs;
  const std::string& others = left ? c.dims.rhs : c.dims.lhs;
  const Op* broadcast = e.find(operand, OpCode::broadcast);
  if (broadcast == nullptr) return false;
  const std::string repeated = repeated_letters(*broadcast, letters, c.dims);
  if (repeated.empty()) return false;

  const std::string before = letters;
  std::erase_if(letters, [&](char letter) { return has(repeated, letter); });
  std::erase_if(c.dims.result, [&](char letter) { return has(repeated, letter) && !has(others, letter); });
  Axes dims;
  for (int64_t axis : broadcast->attributes.integers("dims")) {
    dims.push_back(static_cast<int64_t>(letters.find(before[at(axis)])));
  }
  operand = e.broadcast(broadcast->operands[0], c.shape(letters), dims);
  return true;
}

// An operand laid out as the result is.
Value spread(Editor& e, Value operand, const std::string& letters, const std::string& result,
             const Shape& shape) {
  Axes order = all_axes(operand.rank()), dims;
  const auto place = [&](int64_t axis) { return static_cast<int64_t>(result.find(letters[at(axis)])); };
  std::ranges::sort(order, {}, place);
  for (int64_t axis : order) dims.push_back(place(axis));
  return e.broadcast(e.transpose(operand, order), shape, dims);
}

// Whether b follows a in every term where either stands.
bool always_adjacent(const ContractDims& dims, char a, char b) {
  for (const std::string* term : {&dims.lhs, &dims.rhs, &dims.result}) {
    const size_t i = term->find(a), j = term->find(b);
    if (i == std::string::npos && j == std::string::npos) continue;
    if (i == std::string::npos || j != i + 1) return false;
  }
  return true;
}

void erase(ContractDims& dims, char letter) {
  std::erase(dims.lhs, letter);
  std::erase(dims.rhs, letter);
  std::erase(dims.result, letter);
}

// Two letters that may be one.
std::optional<std::pair<char, char>> adjacent_letters(const ContractDims& dims) {
  for (const std::string* term : {&dims.lhs, &dims.rhs, &dims.result}) {
    for (size_t i = 1; i < term->size(); ++i) {
      const char a = (*term)[i - 1], b = (*term)[i];
      if (always_adjacent(dims, a, b)) return std::pair(a, b);
    }
  }
  return std::nullopt;
}

}  // namespace

Value contract_of_transposes(Editor& e, const Op& op) {
  if (!any_operand_is(e, op, OpCode::transpose)) return {};
  Contraction c(op);
  const bool left = skip_transpose(e, c.lhs, c.dims.lhs);
  const bool right = skip_transpose(e, c.rhs, c.dims.rhs);
  return left || right ? c.emit(e) : Value{};
}

Value contract_of_broadcasts(Editor& e, const Op& op) {
  if (!any_operand_is(e, op, OpCode::broadcast)) return {};
  Contraction c(op);
  const std::string result = c.dims.result;
  const bool left = skip_broadcast(e, c, true);
  const bool right = skip_broadcast(e, c, false);
  if (!left && !right) return {};
  Axes dims;
  for (char letter : c.dims.result) dims.push_back(static_cast<int64_t>(result.find(letter)));
  return e.broadcast(c.emit(e), op.results[0].shape, dims);
}

Value contract_of_number(Editor& e, const Op& op) {
  const Contraction c(op);
  if (graph::size_in_bytes(c.lhs.dtype()) < 4) return {};
  for (const bool left : {true, false}) {
    const Value side = left ? c.lhs : c.rhs, other = left ? c.rhs : c.lhs;
    const std::string &letters = left ? c.dims.lhs : c.dims.rhs, &others = left ? c.dims.rhs : c.dims.lhs;
    const auto splat = e.splat(side);
    const Op* broadcast = e.find(side, OpCode::broadcast);
    if (!splat && (broadcast == nullptr || broadcast->operands[0].type().elements() != 1)) continue;
    if (letters.empty() || !std::ranges::all_of(letters, [&](char l) { return c.dims.is_summed(l); }))
      continue;
    Axes summed, order;
    std::string rest;
    for (size_t i = 0; i < others.size(); ++i) {
      if (has(letters, others[i])) {
        summed.push_back(static_cast<int64_t>(i));
      } else {
        rest += others[i];
      }
    }
    if (rest.size() != c.dims.result.size()) continue;
    for (char letter : c.dims.result) order.push_back(static_cast<int64_t>(rest.find(letter)));
    const Value factor = splat ? e.constant(*splat, other.shape())
                               : e.broadcast(e.reshape(broadcast->operands[0], {}), other.shape(), {});
    const Value terms = e.emit(OpCode::mul, {other, factor});
    return e.transpose(e.emit(OpCode::reduce_sum, {terms}, {{"axes", summed}}), order);
  }
  return {};
}

Value contract_over_units(Editor& e, const Op& op) {
  Contraction c(op);
  const std::string letters = c.dims.lhs + c.dims.rhs;
  bool found = false;
  for (char letter : letters) {
    if (c.extent(letter) != 1) continue;
    erase(c.dims, letter);
    found = true;
  }
  return found ? c.emit_reshaped(e, op.results[0].shape) : Value{};
}

Value contract_without_sum(Editor& e, const Op& op) {
  const Contraction c(op);
  if (std::ranges::any_of(c.dims.lhs, [&](char letter) { return c.dims.is_summed(letter); })) return {};
  const Shape& shape = op.results[0].shape;
  return e.emit(OpCode::mul, {spread(e, c.lhs, c.dims.lhs, c.dims.result, shape),
                              spread(e, c.rhs, c.dims.rhs, c.dims.result, shape)});
}

Value contract_of_adjacent_letters(Editor& e, const Op& op) {
  Contraction c(op);
  bool found = false;
  while (const auto pair = adjacent_letters(c.dims)) {
    c.extent(pair->first) *= c.extent(pair->second);
    erase(c.dims, pair->second);
    found = true;
  }
  return found ? c.emit_reshaped(e, op.results[0].shape) : Value{};
}

}  // namespace sinter::passes::rewrites
