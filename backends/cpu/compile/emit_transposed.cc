#include <algorithm>
#include <bit>

#include "backends/cpu/compile/emitter.h"
#include "backends/cpu/compile/index_arithmetic.h"
#include "ir/loop/simplify.h"

// Copies of a square, or of some rows of one, that lie in the other direction than they came from: the
// vectors change places with their lanes in registers, where storing them would take one element after the
// other.
namespace sinter::cpu {

using loop::Expr;
using loop::ExprNode;
using loop::StmtNode;

namespace {

bool loads_from(const Expr& x, const loop::Buffer* buffer) {
  if (x->kind == ExprNode::Kind::load && x->buffer.get() == buffer) return true;
  return std::ranges::any_of(x->args, [&](const Expr& arg) { return loads_from(arg, buffer); });
}

// The only store of a block of it and prefetches; null where there is another statement.
const StmtNode* only_store(const StmtNode& s) {
  if (s.kind == StmtNode::Kind::store) return &s;
  if (s.kind != StmtNode::Kind::block) return nullptr;
  const StmtNode* store = nullptr;
  for (const loop::Stmt& child : s.body) {
    if (child->kind == StmtNode::Kind::prefetch) continue;
    if (child->kind != StmtNode::Kind::store || store != nullptr) return nullptr;
    store = child.get();
  }
  return store;
}

}  // namespace

// unrolled i of at most n: vector l of n: buffer[... + i + stride * l] = value, where the value is none of
// the buffer.
const StmtNode* KernelEmitter::transposed_store(const StmtNode& s, int64_t extent) {
  const StmtNode& vector = *s.body[0];
  if (vector.kind != StmtNode::Kind::loop || vector.loop_kind != loop::LoopKind::vector || vector.limit)
    return nullptr;
  const int64_t lanes = loop::as_integer(vector.extent).value_or(0);
  if (lanes < 4 || !std::has_single_bit(static_cast<uint64_t>(lanes)) || extent <= lanes / 2 ||
      extent > lanes)
    return nullptr;
  const StmtNode* store = only_store(*vector.body[0]);
  if (store == nullptr || store->condition || loads_from(store->value, store->buffer.get())) return nullptr;
  const auto own = loop::affine_in(store->index, s.variable);
  const auto lane = loop::affine_in(store->index, vector.variable);
  return own && lane && own->coefficient == 1 && lane->coefficient >= extent ? store : nullptr;
}

void KernelEmitter::store_transposed(const loop::Buffer& buffer, Transposed square) {
  std::vector<llvm::Value*>& rows = square.rows;
  const auto count = static_cast<unsigned>(rows.size());
  const size_t size = llvm::cast<llvm::FixedVectorType>(rows[0]->getType())->getNumElements();
  rows.resize(size, llvm::PoisonValue::get(rows[0]->getType()));
  for (size_t distance = 1; distance < size; distance *= 2) {
    llvm::SmallVector<int> low, high;  // of the lanes of two vectors, what each of them gets
    for (size_t lane = 0; lane < size; ++lane) {
      const bool is_low = (lane & distance) == 0;
      low.push_back(static_cast<int>(is_low ? lane : size + lane - distance));
      high.push_back(static_cast<int>(is_low ? lane + distance : size + lane));
    }
    for (size_t i = 0; i < size; ++i) {
      if ((i & distance) != 0) continue;
      llvm::Value *a = rows[i], *b = rows[i + distance];
      rows[i] = builder_.CreateShuffleVector(a, b, low);
      rows[i + distance] = builder_.CreateShuffleVector(a, b, high);
    }
  }
  for (size_t lane = 0; lane < size; ++lane) {
    llvm::Value* offset = emit_index_mul(builder_, square.at.stride, builder_.getInt64(lane));
    llvm::Value* base = emit_index_add(builder_, square.at.base, offset);
    store_first(buffer, base, to_memory(builder_, rows[lane], buffer.type), count);
  }
}

}  // namespace sinter::cpu
