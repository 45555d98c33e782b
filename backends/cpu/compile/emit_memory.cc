#include <llvm/IR/Constants.h>

#include <bit>
#include <cstddef>

#include "backends/cpu/compile/emitter.h"
#include "backends/cpu/compile/index_arithmetic.h"

// Loads and stores. Where the index is the lane's number plus something uniform, one vector access; where it
// is uniform, one scalar access; else one access a lane.
namespace sinter::cpu {

using loop::Buffer;
using loop::Expr;

namespace {

bool is_constant(const llvm::Value* x, int64_t value) {
  const auto* constant = llvm::dyn_cast<llvm::ConstantInt>(x);
  return constant != nullptr && constant->getSExtValue() == value;
}

// Whether a local buffer has all elements of a vector, wherever the mask is false: then plain accesses do,
// and the buffer can become registers.
bool is_whole(const Buffer& buffer, const llvm::Value* base, unsigned lanes) {
  const auto* first = llvm::dyn_cast<llvm::ConstantInt>(base);
  if (buffer.space != loop::Space::local || first == nullptr) return false;
  return first->getSExtValue() >= 0 && first->getSExtValue() + lanes <= buffer.size;
}

// How many lanes a mask has where it is known to be the first ones; 0 otherwise.
unsigned first_lanes(const llvm::Value* mask) {
  const auto* known = llvm::dyn_cast<llvm::Constant>(mask);
  if (known == nullptr) return 0;
  const unsigned lanes = llvm::cast<llvm::FixedVectorType>(mask->getType())->getNumElements();
  unsigned first = 0;
  bool ended = false;
  for (unsigned lane = 0; lane < lanes; ++lane) {
    const auto* bit = llvm::dyn_cast_or_null<llvm::ConstantInt>(known->getAggregateElement(lane));
    if (bit == nullptr || (ended && bit->isOne())) return 0;
    ended = ended || bit->isZero();
    first += bit->isOne() ? 1 : 0;
  }
  return first;
}

}  // namespace

llvm::Align KernelEmitter::alignment(const Buffer& buffer) {
  return llvm::Align(static_cast<uint64_t>(loop::size_in_bytes(buffer.type)));
}

llvm::Value* KernelEmitter::address(const Buffer& buffer, llvm::Value* index) {
  const IndexSum sum = split_index(index);
  llvm::Value* there = addresses_.at(&buffer);
  if (sum.variable != nullptr)
    there = builder_.CreateInBoundsGEP(memory_type(buffer.type), there, sum.variable);
  if (sum.constant == 0) return there;
  llvm::Value* constant = builder_.getInt64(static_cast<uint64_t>(sum.constant));
  return builder_.CreateInBoundsGEP(memory_type(buffer.type), there, constant);
}

// Of a place with a zero in it where the predicate is false: no branch, and nothing of the buffer is touched.
llvm::Value* KernelEmitter::guarded_address(const Buffer& buffer, llvm::Value* index,
                                            llvm::Value* predicate) {
  if (predicate == nullptr || is_true(predicate)) return address(buffer, index);
  if (nowhere_ == nullptr) nowhere_ = entry_alloca(entry_.getInt64Ty(), 1, "nowhere");
  llvm::Value* there = builder_.CreateGEP(memory_type(buffer.type), addresses_.at(&buffer), index);
  return builder_.CreateSelect(predicate, there, nowhere_);
}

llvm::Value* KernelEmitter::mask_of(const Expr& predicate) {
  llvm::Value* active = vector_ ? vector_->active : nullptr;
  if (predicate == nullptr) return active;
  llvm::Value* mask = value(predicate);
  if (vector_) mask = splat(builder_, mask, vector_->lanes);
  if (active != nullptr) mask = builder_.CreateAnd(mask, active);
  return is_true(mask) ? nullptr : mask;
}

llvm::Value* KernelEmitter::load(const loop::ExprNode& x) {
  const Expr& index = x.args[0];
  const Expr predicate = x.args.size() > 1 ? x.args[1] : nullptr;
  if (!differs(index) && (predicate == nullptr || !differs(predicate))) {
    return load_scalar(*x.buffer, value(index), predicate ? value(predicate) : nullptr);
  }
  llvm::Value* mask = mask_of(predicate);
  const auto known = linear(index);
  if (known && is_constant(known->stride, 1)) return load_vector(*x.buffer, known->base, mask);
  return load_lanes(*x.buffer, lane_indices(index, known), mask);
}

llvm::Value* KernelEmitter::load_scalar(const Buffer& buffer, llvm::Value* index, llvm::Value* predicate) {
  llvm::Type* type = memory_type(buffer.type);
  llvm::Value* there = guarded_address(buffer, index, predicate);
  llvm::Value* loaded = builder_.CreateAlignedLoad(type, there, alignment(buffer));
  // `nowhere` may hold what an inactive lane has stored.
  if (predicate != nullptr && !is_true(predicate)) {
    loaded = builder_.CreateSelect(predicate, loaded, llvm::Constant::getNullValue(type));
  }
  return from_memory(builder_, loaded, buffer.type);
}

llvm::Value* KernelEmitter::load_vector(const Buffer& buffer, llvm::Value* base, llvm::Value* mask) {
  auto* type = llvm::FixedVectorType::get(memory_type(buffer.type), vector_->lanes);
  llvm::Value* loaded = nullptr;
  if (mask == nullptr || is_whole(buffer, base, vector_->lanes)) {
    loaded = builder_.CreateAlignedLoad(type, address(buffer, base), alignment(buffer));
    if (mask != nullptr) loaded = builder_.CreateSelect(mask, loaded, llvm::Constant::getNullValue(type));
  } else {
    llvm::Value* there = builder_.CreateGEP(memory_type(buffer.type), addresses_.at(&buffer), base);
    loaded =
        builder_.CreateMaskedLoad(type, there, alignment(buffer), mask, llvm::Constant::getNullValue(type));
  }
  return from_memory(builder_, loaded, buffer.type);
}

std::vector<llvm::Value*> KernelEmitter::lane_indices(const Expr& index, const std::optional<Linear>& known) {
  const unsigned lanes = vector_->lanes;
  std::vector<llvm::Value*> indices;
  llvm::Value* all = known ? nullptr : splat(builder_, value(index), lanes);
  for (unsigned lane = 0; lane < lanes; ++lane) {
    indices.push_back(known ? emit_index_add(builder_, known->base,
                                             emit_index_mul(builder_, known->stride, builder_.getInt64(lane)))
                            : builder_.CreateExtractElement(all, lane));
  }
  return indices;
}

llvm::Value* KernelEmitter::load_lanes(const Buffer& buffer, const std::vector<llvm::Value*>& indices,
                                       llvm::Value* mask) {
  llvm::Value* result =
      llvm::PoisonValue::get(llvm::FixedVectorType::get(value_type(buffer.type), vector_->lanes));
  for (unsigned lane = 0; lane < vector_->lanes; ++lane) {
    llvm::Value* active = mask == nullptr ? nullptr : builder_.CreateExtractElement(mask, lane);
    result = builder_.CreateInsertElement(result, load_scalar(buffer, indices[lane], active), lane);
  }
  return result;
}

void KernelEmitter::emit_store(const loop::StmtNode& s) {
  llvm::Value* stored = value(s.value);
  if (!differs(s.index)) {
    if (is_vector(stored)) fail("the lanes store different values to one element of " + s.buffer->name);
    return store_scalar(*s.buffer, value(s.index), stored, s.condition ? value(s.condition) : nullptr);
  }
  stored = splat(builder_, stored, vector_->lanes);
  if (transposed_) {
    if (transposed_->rows.empty()) transposed_->at = linear(s.index).value();
    transposed_->rows.push_back(stored);
    return;
  }
  llvm::Value* mask = mask_of(s.condition);
  const auto known = linear(s.index);
  if (known && is_constant(known->stride, 1)) return store_vector(*s.buffer, known->base, stored, mask);
  store_lanes(*s.buffer, lane_indices(s.index, known), stored, mask);
}

// Line by line what a vector loop's lanes will read side by side; other lanes are not worth it.
void KernelEmitter::emit_prefetch(const loop::StmtNode& s) {
  constexpr int64_t kLineBytes = 64;
  const loop::Buffer& buffer = *s.buffer;
  const auto known = differs(s.index) ? linear(s.index) : Linear{value(s.index), builder_.getInt64(0)};
  if (!known || (differs(s.index) && !is_constant(known->stride, 1))) return;
  const int64_t elements = differs(s.index) ? vector_->lanes : 1;
  for (int64_t done = 0; done < elements; done += kLineBytes / loop::size_in_bytes(buffer.type)) {
    llvm::Value* index =
        emit_index_add(builder_, known->base, builder_.getInt64(static_cast<uint64_t>(done)));
    llvm::Value* there = builder_.CreateGEP(memory_type(buffer.type), addresses_.at(&buffer), index);
    builder_.CreateIntrinsic(llvm::Intrinsic::prefetch, {there->getType()},
                             {there, builder_.getInt32(0), builder_.getInt32(3), builder_.getInt32(1)});
  }
}

void KernelEmitter::store_scalar(const Buffer& buffer, llvm::Value* index, llvm::Value* x,
                                 llvm::Value* predicate) {
  llvm::Value* there = guarded_address(buffer, index, predicate);
  builder_.CreateAlignedStore(to_memory(builder_, x, buffer.type), there, alignment(buffer));
}

void KernelEmitter::store_vector(const Buffer& buffer, llvm::Value* base, llvm::Value* x, llvm::Value* mask) {
  llvm::Value* stored = to_memory(builder_, x, buffer.type);
  if (mask == nullptr || is_whole(buffer, base, vector_->lanes)) {
    if (mask != nullptr) {
      llvm::Value* old =
          builder_.CreateAlignedLoad(stored->getType(), address(buffer, base), alignment(buffer));
      stored = builder_.CreateSelect(mask, stored, old);
    }
    builder_.CreateAlignedStore(stored, address(buffer, base), alignment(buffer));
  } else {
    const unsigned first = first_lanes(mask);
    if (first > 0) return store_first(buffer, base, stored, first);
    llvm::Value* there = builder_.CreateGEP(memory_type(buffer.type), addresses_.at(&buffer), base);
    builder_.CreateMaskedStore(stored, there, alignment(buffer), mask);
  }
}

// The first lanes: under a mask, or in vectors of powers of two, which most machines store faster.
void KernelEmitter::store_first(const Buffer& buffer, llvm::Value* base, llvm::Value* x, unsigned lanes) {
  if (has_masks_ && !std::has_single_bit(lanes)) {
    const unsigned all = llvm::cast<llvm::FixedVectorType>(x->getType())->getNumElements();
    llvm::SmallVector<llvm::Constant*> mask;
    for (unsigned lane = 0; lane < all; ++lane) mask.push_back(builder_.getInt1(lane < lanes));
    builder_.CreateMaskedStore(x, address(buffer, base), alignment(buffer), llvm::ConstantVector::get(mask));
    return;
  }
  for (unsigned done = 0; done < lanes;) {
    const unsigned count = std::bit_floor(lanes - done);
    llvm::SmallVector<int> taken;
    for (unsigned lane = 0; lane < count; ++lane) taken.push_back(static_cast<int>(done + lane));
    llvm::Value* there = address(buffer, emit_index_add(builder_, base, builder_.getInt64(done)));
    builder_.CreateAlignedStore(builder_.CreateShuffleVector(x, taken), there, alignment(buffer));
    done += count;
  }
}

// In order of lanes: where two store to one element, the last stays.
void KernelEmitter::store_lanes(const Buffer& buffer, const std::vector<llvm::Value*>& indices,
                                llvm::Value* x, llvm::Value* mask) {
  for (unsigned lane = 0; lane < vector_->lanes; ++lane) {
    llvm::Value* active = mask == nullptr ? nullptr : builder_.CreateExtractElement(mask, lane);
    store_scalar(buffer, indices[lane], builder_.CreateExtractElement(x, lane), active);
  }
}

}  // namespace sinter::cpu
