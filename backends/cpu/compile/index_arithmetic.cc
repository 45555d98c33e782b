#include "backends/cpu/compile/index_arithmetic.h"

#include <utility>

namespace sinter::cpu {
namespace {

llvm::Value* join(Builder& b, const IndexSum& sum) {
  if (sum.variable == nullptr) return b.getInt64(static_cast<uint64_t>(sum.constant));
  if (sum.constant == 0) return sum.variable;
  return b.CreateNSWAdd(sum.variable, b.getInt64(static_cast<uint64_t>(sum.constant)));
}

}  // namespace

IndexSum split_index(llvm::Value* index) {
  if (const auto* constant = llvm::dyn_cast<llvm::ConstantInt>(index))
    return {nullptr, constant->getSExtValue()};
  if (const auto* sum = llvm::dyn_cast<llvm::BinaryOperator>(index);
      sum != nullptr && sum->getOpcode() == llvm::Instruction::Add) {
    if (const auto* constant = llvm::dyn_cast<llvm::ConstantInt>(sum->getOperand(1)))
      return {sum->getOperand(0), constant->getSExtValue()};
  }
  return {index, 0};
}

llvm::Value* emit_index_add(Builder& b, llvm::Value* x, llvm::Value* y) {
  const IndexSum u = split_index(x), v = split_index(y);
  llvm::Value* variable = u.variable == nullptr   ? v.variable
                          : v.variable == nullptr ? u.variable
                                                  : b.CreateNSWAdd(u.variable, v.variable);
  return join(b, {variable, u.constant + v.constant});
}

llvm::Value* emit_index_sub(Builder& b, llvm::Value* x, llvm::Value* y) {
  const IndexSum u = split_index(x), v = split_index(y);
  llvm::Value* variable = u.variable;
  if (v.variable != nullptr)
    variable = b.CreateNSWSub(u.variable == nullptr ? b.getInt64(0) : u.variable, v.variable);
  return join(b, {variable, u.constant - v.constant});
}

llvm::Value* emit_index_mul(Builder& b, llvm::Value* x, llvm::Value* y) {
  IndexSum u = split_index(x), v = split_index(y);
  if (u.variable == nullptr) std::swap(u, v);
  if (v.variable != nullptr) return b.CreateNSWMul(x, y);
  llvm::Value* variable = u.variable == nullptr
                              ? nullptr
                              : b.CreateNSWMul(u.variable, b.getInt64(static_cast<uint64_t>(v.constant)));
  return join(b, {variable, u.constant * v.constant});
}

}  // namespace sinter::cpu
