#include <fmt/format.h>
#include <sinter/error.h>
#include <sinter/tensor.h>
#include <sinter/variable.h>

#include "frontend/trace/emit.h"

namespace sinter {

const Node& Tensor::checked() const {
  if (!defined()) throw Error("the tensor is undefined");
  return *node_;
}

DType Tensor::dtype() const {
  return checked().dtype;
}
const Shape& Tensor::shape() const {
  return checked().shape;
}
int64_t Tensor::size() const {
  return element_count(shape());
}
std::string Tensor::type() const {
  return to_string(dtype(), shape());
}

int64_t Tensor::dim(int64_t axis, std::source_location where) const {
  const int64_t from_front = axis < 0 ? axis + rank() : axis;
  if (from_front >= 0 && from_front < rank()) return shape()[static_cast<size_t>(from_front)];
  Trace::current("dim", where).fail("dim", fmt::format("axis {} is outside {}", axis, type()), where);
}

Operand::Operand(const Variable& variable, std::source_location where)
    : tensor_(variable.read(where)), where_(where) {}

Tensor Operand::tensor() const {
  if (!is_number_) return tensor_;
  return build("constant", {*this}, [](Builder&, const Values& v) { return v[0]; });
}

Operands::Operands(std::initializer_list<Operand> operands, std::source_location where)
    : operands_(operands), where_(where) {}

Operands::Operands(const std::vector<Tensor>& tensors, std::source_location where) : where_(where) {
  for (const Tensor& tensor : tensors) operands_.emplace_back(tensor, where);
}

Tensor operator+(Operand lhs, Operand rhs) {
  return build_elementwise(OpCode::add, {lhs, rhs});
}
Tensor operator-(Operand lhs, Operand rhs) {
  return build_elementwise(OpCode::sub, {lhs, rhs});
}
Tensor operator*(Operand lhs, Operand rhs) {
  return build_elementwise(OpCode::mul, {lhs, rhs});
}
Tensor operator/(Operand lhs, Operand rhs) {
  return build_elementwise(OpCode::div, {lhs, rhs});
}
Tensor operator%(Operand lhs, Operand rhs) {
  return build_elementwise(OpCode::rem, {lhs, rhs});
}
Tensor operator-(Operand x) {
  return build_elementwise(OpCode::neg, {x});
}

Tensor operator<(Operand lhs, Operand rhs) {
  return build_elementwise(OpCode::less, {lhs, rhs});
}
Tensor operator<=(Operand lhs, Operand rhs) {
  return build_elementwise(OpCode::less_equal, {lhs, rhs});
}
Tensor operator>(Operand lhs, Operand rhs) {
  return build_elementwise(OpCode::greater, {lhs, rhs});
}
Tensor operator>=(Operand lhs, Operand rhs) {
  return build_elementwise(OpCode::greater_equal, {lhs, rhs});
}
Tensor operator==(Operand lhs, Operand rhs) {
  return build_elementwise(OpCode::equal, {lhs, rhs});
}
Tensor operator!=(Operand lhs, Operand rhs) {
  return build_elementwise(OpCode::not_equal, {lhs, rhs});
}

Tensor operator&(Operand lhs, Operand rhs) {
  return build_elementwise(OpCode::logical_and, {lhs, rhs});
}
Tensor operator|(Operand lhs, Operand rhs) {
  return build_elementwise(OpCode::logical_or, {lhs, rhs});
}
Tensor operator^(Operand lhs, Operand rhs) {
  return build_elementwise(OpCode::logical_xor, {lhs, rhs});
}
Tensor operator!(Operand x) {
  return build_elementwise(OpCode::logical_not, {x});
}
Tensor operator~(Operand x) {
  return build_elementwise(OpCode::logical_not, {x});
}

Tensor& operator+=(Tensor& lhs, Operand rhs) {
  return lhs = Operand(lhs, rhs.where()) + rhs;
}
Tensor& operator-=(Tensor& lhs, Operand rhs) {
  return lhs = Operand(lhs, rhs.where()) - rhs;
}
Tensor& operator*=(Tensor& lhs, Operand rhs) {
  return lhs = Operand(lhs, rhs.where()) * rhs;
}
Tensor& operator/=(Tensor& lhs, Operand rhs) {
  return lhs = Operand(lhs, rhs.where()) / rhs;
}

}  // namespace sinter
